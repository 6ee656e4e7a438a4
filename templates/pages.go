package templates

import (
	"fmt"
	"html/template"
)

// Consent is what people agree to who subscribe to a periodical, in the words of
// a language. What it was is kept with their consent by a version that follows
// from the text.
func Consent(language, title string) string {
	title = line(title)
	if labels(language).Lang == "en" {
		return fmt.Sprintf("I agree that “%s” is sent to this address and that my address, name and choices are kept for that alone. They are given to nobody else. I can unsubscribe, download my data or have it erased at any time, by a link in each mail.", title)
	}
	return fmt.Sprintf("我同意《%s》按期寄到这个邮箱，并为此保存我填写的邮箱、姓名和选择；不作别的用途，不提供给他人。我可以随时通过邮件里的链接退订、下载或删除我的资料。", title)
}

// formPage has what any of the pages with forms is given by package subscribers,
// to try their templates with.
type formPage struct {
	About, State, Title, Notice, Consent, Version, Email, Name, Language string
	Subscription, PausedUntil, Earliest, Latest, Moving                  string
	Action, Manage, Unsubscribe, Problem, Error                          string
	Sections                                                             []formOption
	Addresses                                                            []formAddress
	Binding                                                              formBinding
	Problems                                                             []formProblem
	Sent                                                                 bool
}

type (
	formOption struct {
		Name   string
		Chosen bool
	}
	formAddress struct {
		Channel, Value string
		Active         bool
	}
	formProblem struct{ Field, Text string }
	formBinding struct {
		State, Code, Until string
		QR                 template.URL
	}
)

// On is what has to be mended in a field.
func (f formPage) On(field string) string {
	for _, p := range f.Problems {
		if p.Field == field {
			return p.Text
		}
	}
	return ""
}

// rehearsePages renders each page with a form in each of its states.
func (s *Set) rehearsePages(language string) error {
	states := map[string][]formPage{
		"subscribe": {{State: "ask"}, {State: "sent"}},
		"confirm": {
			{About: "subscription", State: "ask"},
			{About: "subscription", State: "done"},
			{About: "subscription", State: "done", Latest: "第1期"},
			{About: "subscription", State: "done", Sent: true},
			{About: "address", State: "ask"},
			{About: "address", State: "done"},
		},
		"manage": {
			{State: "lost"},
			{State: "sent"},
			{State: "erased"},
			{State: "open", Subscription: "active"},
			{State: "open", Subscription: "paused", Notice: "saved", Binding: formBinding{State: "can"}},
			{State: "open", Subscription: "active", Binding: formBinding{"offer", "2345-ABCD", "12:00", "data:,"}},
			{State: "open", Subscription: "active", Notice: "unbound", Binding: formBinding{State: "bound"}},
			{State: "open", Subscription: "unsubscribed"},
		},
		"remind": {{State: "done"}, {State: "declined"}, {State: "elsewhere"}, {State: "expired"}},
		"answer": {{Problem: "link"}, {Problem: "gone"}, {Problem: "taken"}, {Problem: "busy"}},
	}
	for name, pages := range states {
		for _, page := range pages {
			page.Title, page.Consent, page.Error, page.Action, page.Manage, page.Unsubscribe, page.Moving, page.PausedUntil = "题", "同意", "错", "?t=t", "/manage", "/unsubscribe", "a***", "2027-01-01"
			page.Sections = []formOption{{"要闻", true}, {"会员", false}}
			page.Addresses = []formAddress{{"email", "a***@example.org", true}}
			for _, page.Problems = range [][]formProblem{nil, {{"email", "错"}, {"name", "错"}, {"agree", "错"}, {"until", "错"}, {"sure", "错"}}} {
				if _, err := s.Page(name, language, page); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
