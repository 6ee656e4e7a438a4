package templates

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

// TestLetters renders every service mail in both languages: the link in both
// parts, no word of a stranger's, nothing that mailboxes strip, and the words
// still there when they have dropped the style sheet.
func TestLetters(t *testing.T) {
	s := set(t)
	const link = "https://news.example.org/confirm?t=v1.abcd.confirm.email.0.0.0.0"
	for kind := range chineseLetters() {
		for _, language := range []string{"zh-CN", "en"} {
			in := Letter{
				Kind: kind, Language: language, Title: "云溪<茶>讯", Link: link, Valid: 72 * time.Hour,
				Imprint: Imprint{Address: "澜港市仓前街 1 号", Contact: "news@example.org"},
			}
			if kind == "manage" {
				in.Valid = 30 * 24 * time.Hour
			}
			if kind == "moved" {
				in.Link = ""
			}
			d, err := s.Letter(in)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, "letter."+kind+"."+language+".html", d.HTML)
			golden(t, "letter."+kind+"."+language+".txt", []byte("Subject: "+d.Subject+"\n\n"+string(d.Text)))
			if len(d.HTML) > 20_000 || strings.Contains(d.Subject, "\n") || d.Subject == "" {
				t.Errorf("%s %s: %d bytes, subject %q", kind, language, len(d.HTML), d.Subject)
			}
			for _, bad := range []string{"<script", "<form", "url(", "position:", "<茶>", "{title}", "http://"} {
				if bytes.Contains(d.HTML, []byte(bad)) {
					t.Errorf("%s %s has %s", kind, language, bad)
				}
			}
			if n := bytes.Count(d.HTML, []byte(`href="`+link)); (n == 2) != (in.Link != "") || (bytes.Count(d.Text, []byte(link)) == 1) != (in.Link != "") {
				t.Errorf("%s %s: its link is in the HTML %d times", kind, language, n)
			}
			if !bytes.Contains(d.HTML, []byte(`style="`)) {
				t.Errorf("%s %s has no style of its elements", kind, language)
			}
		}
	}
	for name, in := range map[string]Letter{
		"unknown kind":    {Kind: "advertisement", Link: link},
		"no link":         {Kind: "confirm"},
		"a link too many": {Kind: "moved", Link: link},
	} {
		if _, err := s.Letter(in); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// TestConsentNamesItself: another title is another text, and so another version.
func TestConsentNamesItself(t *testing.T) {
	for _, language := range []string{"zh-CN", "en"} {
		if text := Consent(language, "云溪茶讯"); !strings.Contains(text, "云溪茶讯") || text == Consent(language, "港城茗讯") {
			t.Errorf("%s: %s", language, text)
		}
	}
}
