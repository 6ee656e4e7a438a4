package wechat

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"yizhan/dispatch"
	"yizhan/issue"
	"yizhan/templates"
)

const templatePath = "/cgi-bin/message/template/send"

// maxField is how many characters a field of a template has; more are refused,
// and so are line breaks (notice of 2023-05-04, read 2026-11).
const maxField = 20

// Message is how an issue becomes a template message.
type Message struct {
	Template string // id in the account
	// Fields say what each field of the template holds ("thing1": [FieldTitle]).
	Fields map[string]Field
}

// Field is something of an issue that fits a template's field.
type Field string

// The fields.
const (
	FieldTitle     Field = "title"    // of the periodical
	FieldIssue     Field = "issue"    // "第142期"
	FieldHeadline  Field = "headline" // of the first article
	FieldPublisher Field = "publisher"
	FieldDate      Field = "date" // 2026年11月23日
)

func (m *Message) check() error {
	if m.Template == "" || len(m.Fields) == 0 {
		return errors.New("mode template needs the template's id and fields")
	}
	known := []Field{FieldTitle, FieldIssue, FieldHeadline, FieldPublisher, FieldDate}
	for key, field := range m.Fields {
		if !slices.Contains(known, field) {
			return fmt.Errorf("field %s: %q is none of %v", key, field, known)
		}
	}
	return nil
}

// filled is a template message for everybody.
type filled struct {
	Template string           `json:"template"`
	URL      string           `json:"url"`
	Data     map[string]value `json:"data"`
}

type value struct {
	Value string `json:"value"`
}

// fill makes the message of an issue.
func (m *Message) fill(i issue.Issue, a templates.Article) filled {
	out := filled{Template: m.Template, URL: a.SourceURL, Data: map[string]value{}}
	for key, field := range m.Fields {
		out.Data[key] = value{short(field.of(i, a))}
	}
	return out
}

func (f Field) of(i issue.Issue, a templates.Article) string {
	switch f {
	case FieldTitle:
		return i.Title
	case FieldIssue:
		return "第" + i.ID + "期"
	case FieldPublisher:
		return i.Publisher
	case FieldDate:
		return i.Date
	case FieldHeadline:
		for _, s := range i.Sections {
			for _, one := range s.Articles {
				if one.Title != "" {
					return one.Title
				}
			}
		}
	}
	return a.Title
}

// short makes one line of at most maxField characters.
func short(s string) string { return cutRunes(oneLine(s), maxField) }

// template sends one follower a message. Its error codes are typed and its
// request has no empty mini program: the SDK's has both wrong.
func (h *handover) template(ctx context.Context, m filled, mark dispatch.MarkFunc) []dispatch.Outcome {
	if len(h.batch.Deliveries) != 1 {
		return h.all(refused(dispatch.Failure{Scope: dispatch.ScopeAccount, Reason: "batch-too-large"}, 0, fmt.Sprintf("%d", len(h.batch.Deliveries))))
	}
	if ctx.Err() != nil {
		return h.all(dispatch.Outcome{Status: dispatch.Returned})
	}
	members, ok := h.mark(ctx, mark)
	if !ok || len(members) == 0 {
		return h.all(dispatch.Outcome{Status: dispatch.Returned})
	}
	call := struct {
		ToUser   string           `json:"touser"`
		Template string           `json:"template_id"`
		URL      string           `json:"url"`
		Data     map[string]value `json:"data"`
		Key      string           `json:"client_msg_id"`
	}{members[0], m.Template, m.URL, m.Data, h.batch.Key}
	var out struct {
		ID name `json:"msgid"`
	}
	err := h.channel.api.Call(context.WithoutCancel(ctx), templatePath, call, &out)
	return h.after(err, string(out.ID))
}
