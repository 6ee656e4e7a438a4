package templates

import (
	"bytes"
	"testing"

	"yizhan/issue"
)

// TestAddressIsTheSameEverywhere: an address that html/template would write in
// another way in the HTML must not keep a mail from going out.
func TestAddressIsTheSameEverywhere(t *testing.T) {
	s := set(t)
	for site, want := range map[string]string{
		"www.tea.example/?q=茶":    "http://www.tea.example/?q=%e8%8c%b6",
		"www.tea.example/a(1)":    "http://www.tea.example/a%281%29",
		"www.tea.example/?a=100%": "http://www.tea.example/?a=100%25",
		"www.tea.example/?a=%E8":  "http://www.tea.example/?a=%E8",
	} {
		if got := web(site); got != want {
			t.Errorf("%s became %s, want %s", site, got, want)
		}
		in := input("zh-CN")
		in.Issue.Sections = []issue.Section{{Name: "新会员", Articles: []issue.Article{{Kind: issue.KindProfile, Title: "茶行", Profile: &issue.Profile{Scope: "卖茶。", Website: site}}}}}
		d, err := s.Email(in)
		if err != nil {
			t.Errorf("%s: %v", site, err)
		} else if !bytes.Contains(d.HTML, []byte(`href="`+want+`"`)) {
			t.Errorf("the mail does not link to %s", want)
		}
	}
}
