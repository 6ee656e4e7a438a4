package subscribers

import (
	"errors"
	"net/http"
	"slices"
)

// SubscribePage is what the template "subscribe" gets.
type SubscribePage struct {
	// State is ask, or sent: the same whoever's address it was.
	State    string
	Title    string // of the periodical
	Sections []Option
	Consent  string // the text, with its Version
	Version  string
	// Email and Name are what was entered, when it has to be mended.
	Email, Name string
	Problems    []FormProblem
}

// Option is one of several that can be chosen.
type Option struct {
	Name   string
	Chosen bool
}

// FormProblem is what has to be mended in a form, and where.
type FormProblem struct {
	Field string // id of the field
	Text  string // in the language of the reader
}

// On is what has to be mended in a field, "" when nothing has.
func (s SubscribePage) On(field string) string { return problemOn(s.Problems, field) }

func problemOn(problems []FormProblem, field string) string {
	for _, p := range problems {
		if p.Field == field {
			return p.Text
		}
	}
	return ""
}

// trap is a field that people do not see; programs fill it in.
const trap = "website"

// subscribePage serves /subscribe.
func (p *Pages) subscribePage(v *visit) {
	text := p.o.Consent(v.language)
	page := SubscribePage{State: "ask", Title: p.o.Title, Consent: text, Version: TextVersion(text)}
	sections, err := p.o.Sections(v.ctx)
	if err != nil {
		p.fault(v, "reading the sections", err)
		return
	}
	if !v.post() {
		page.Sections = options(sections, nil)
		p.show(v, http.StatusOK, "subscribe", page)
		return
	}
	form := v.r.PostForm
	page.Email, page.Name = form.Get("email"), form.Get("name")
	chosen := among(sections, form["sections"])
	page.Sections = options(sections, chosen)
	to, err := ParseEmail(page.Email)
	if err != nil {
		page.Problems = append(page.Problems, FormProblem{"email", formError(err, v.language)})
	}
	if _, err := cleanText("name", page.Name); err != nil {
		page.Problems = append(page.Problems, FormProblem{"name", formError(err, v.language)})
	}
	if form.Get("agree") == "" {
		page.Problems = append(page.Problems, FormProblem{"agree", formWord("agree", v.language)})
	}
	if len(page.Problems) > 0 {
		p.show(v, http.StatusUnprocessableEntity, "subscribe", page)
		return
	}
	if form.Get(trap) == "" {
		c := Subscribe{Address: to, Name: page.Name, Sections: chosen, Language: v.language, Text: v.language + " " + page.Version}
		if _, err := p.o.Desk.Do(v.ctx, v.who, c, v.now); err != nil {
			p.fault(v, "taking a sign-up", err)
			return
		}
	}
	p.show(v, http.StatusAccepted, "subscribe", SubscribePage{State: "sent", Title: p.o.Title})
}

// among are those of the offered that were chosen; all of them is none, which
// stays true when the issue gets another section.
func among(offered, chosen []string) []string {
	var out []string
	for _, name := range offered {
		if slices.Contains(chosen, name) {
			out = append(out, name)
		}
	}
	if len(out) == len(offered) {
		return nil
	}
	return out
}

func options(names, chosen []string) []Option {
	out := make([]Option, len(names))
	for i, name := range names {
		out[i] = Option{name, slices.Contains(chosen, name)}
	}
	return out
}

// formError says in the language of the reader what is wrong with what was
// entered.
func formError(err error, language string) string {
	var bad *Invalid
	if !errors.As(err, &bad) {
		return formWord("", language)
	}
	return formWord(bad.Code, language)
}

func formWord(code, language string) string {
	chinese, english := "这里填的内容不能用。", "This cannot be used."
	switch code {
	case "address-empty":
		chinese, english = "请填邮箱地址。", "Please enter your email address."
	case "address-at", "address-syntax", "address-local", "address-domain", "address-character", "address-long":
		chinese, english = "邮箱地址不完整或有多余的字符，例如 name@example.org。", "This is not a complete email address such as name@example.org."
	case "too-long":
		chinese, english = "太长了，最多 200 个字。", "This is too long: 200 characters at most."
	case "agree":
		chinese, english = "要先同意，我们才能给您寄。", "We can only send you mail if you agree."
	case "pause-past":
		chinese, english = "请选今天以后的日期。", "Please choose a date after today."
	case "pause-long":
		chinese, english = "最多暂停一年。", "A pause can be one year at most."
	case "date":
		chinese, english = "请填恢复的日期，例如 2027-03-01。", "Please enter the date when it resumes, such as 2027-03-01."
	case "sure":
		chinese, english = "请先勾选“我明白”。", "Please tick “I understand” first."
	}
	if language == "en" {
		return english
	}
	return chinese
}
