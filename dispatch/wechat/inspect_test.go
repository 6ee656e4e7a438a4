package wechat

import (
	"fmt"
	"slices"
	"testing"

	"yizhan/dispatch/standin"
)

// TestInspect: each thing that can be wrong with an account is found, and nothing
// else is said to be.
func TestInspect(t *testing.T) {
	all := kinds()
	list, tag, template := all[0], all[1], all[3]
	badTemplate := template
	badTemplate.change = func(o *Options) {
		template.change(o)
		o.Message.Template = "T2"
	}
	for name, one := range map[string]struct {
		kind  kind
		spoil func(*script)
		wrong []string // subject and name
		count int
	}{
		"service":      {kind: list, count: 2 + 4 + 3},
		"subscription": {kind: tag, count: 2 + 5 + 3},
		"template":     {kind: template, count: 2 + 2 + 1},
		"address": {kind: list, count: 1, wrong: []string{"address "}, spoil: func(s *script) {
			s.next(tokenPath, standin.WeChatFault{Code: 40164, Text: "invalid ip 192.0.2.7, not in whitelist"})
		}},
		"secret": {kind: list, count: 1, wrong: []string{"secret "}, spoil: func(s *script) {
			s.next(tokenPath, standin.WeChatFault{Code: 40125, Text: "invalid appsecret"})
		}},
		"platform is away": {kind: list, count: 1, wrong: []string{"secret "}, spoil: func(s *script) {
			s.next(tokenPath, standin.WeChatFault{Status: 502})
		}},
		"no right to mass sends": {kind: list, count: 9, wrong: []string{"right 群发"}, spoil: func(s *script) {
			s.next(massGetPath, standin.WeChatFault{Code: 48001, Text: "api unauthorized"})
		}},
		"no right to tags": {kind: tag, count: 10, wrong: []string{"right 标签"}, spoil: func(s *script) {
			s.next(tagListPath, standin.WeChatFault{Code: 48001})
		}},
		"template is not there": {kind: badTemplate, count: 5, wrong: []string{"right 模板消息"}},
		"used up": {kind: list, count: 9, wrong: []string{"quota " + draftAddPath}, spoil: func(s *script) {
			s.next(quotaPath, standin.WeChatFault{}, standin.WeChatFault{Garble: func([]byte) []byte {
				return []byte(`{"errcode":0,"quota":{"daily_limit":100,"used":100,"remain":0}}`)
			}})
		}},
	} {
		t.Run(name, func(t *testing.T) {
			c, w, s := openAccount(t, one.kind, 2)
			if one.spoil != nil {
				one.spoil(s)
			}
			found := c.Inspect(t.Context())
			var wrong []string
			for _, f := range found {
				if f.Err != nil {
					wrong = append(wrong, fmt.Sprintf("%s %s", f.Subject, f.Name))
				} else if f.Subject == SubjectQuota && (f.Limit != 100 || f.Remain != f.Limit-f.Used) {
					t.Errorf("quota %+v", f)
				}
			}
			if len(found) != one.count || !slices.Equal(wrong, one.wrong) {
				t.Errorf("wrong: %q in %+v", wrong, found)
			}
			if len(w.Messages()) != 0 {
				t.Error("something was sent")
			}
		})
	}
}
