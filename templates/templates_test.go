package templates

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"yizhan/issue"
)

var update = flag.Bool("update", false, "write the golden files")

func set(t testing.TB) *Set {
	t.Helper()
	s, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// golden compares got with a file of testdata.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v: run with -update to write it", err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s differs (-want +got); run with -update when that is meant:\n%s", name, diff)
	}
}

func TestGolden(t *testing.T) {
	s := set(t)
	for _, language := range []string{"zh-CN", "en"} {
		d, err := s.Email(input(language))
		if err != nil {
			t.Fatal(err)
		}
		golden(t, "email."+language+".html", d.HTML)
		golden(t, "email."+language+".txt", []byte("Subject: "+d.Subject+"\nPreheader: "+d.Preheader+"\n\n"+string(d.Text)))
		page, err := s.Web(input(language))
		if err != nil {
			t.Fatal(err)
		}
		golden(t, "web."+language+".html", page)
		for _, state := range []string{"ask", "left", "done", "undone", "error"} {
			page, err := s.Page("unsubscribe", language, Unsubscribe{State: state, Title: "云溪茶讯", Address: "l***@example.org", Channel: "email", Action: "/unsubscribe?t=TOKEN", Explain: map[string]string{"done": "/unsubscribe?t=TOKEN"}[state]})
			if err != nil {
				t.Fatal(err)
			}
			golden(t, "unsubscribe."+state+"."+language+".html", page)
		}
	}
}

func TestSameInputSameBytes(t *testing.T) {
	a, err := set(t).Email(input("zh-CN"))
	if err != nil {
		t.Fatal(err)
	}
	b, err := set(t).Email(input("zh-CN"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a.HTML, b.HTML) || !bytes.Equal(a.Text, b.Text) {
		t.Error("two renderings differ")
	}
}

func TestOverride(t *testing.T) {
	write := func(t *testing.T, name, text string) string {
		t.Helper()
		dir := t.TempDir()
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	t.Run("replaces one file", func(t *testing.T) {
		css, err := files.ReadFile("email.css")
		if err != nil {
			t.Fatal(err)
		}
		s, err := New(Options{Dir: write(t, "email.css", strings.ReplaceAll(string(css), "theme(ink)", "#005544"))})
		if err != nil {
			t.Fatal(err)
		}
		d, err := s.Email(input("zh-CN"))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(d.HTML, []byte("#005544")) || bytes.Contains(d.HTML, []byte("color:#1f3a5f")) {
			t.Error("the operator's colour is not in the mail")
		}
	})
	t.Run("page", func(t *testing.T) {
		s, err := New(Options{Dir: write(t, "page/unsubscribe.html", `{{define "title"}}t{{end}}{{define "main"}}own words for {{.Data.Title}}{{end}}`)})
		if err != nil {
			t.Fatal(err)
		}
		page, err := s.Page("unsubscribe", "en", Unsubscribe{Title: "<b>"})
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(page, []byte("own words for &lt;b&gt;")) {
			t.Errorf("got %s", page)
		}
	})
	for name, tc := range map[string]struct{ file, text, want string }{
		"syntax":       {"email.html", "<p>\n{{if}}\n", "email.html:2"},
		"field":        {"email.txt", "a\nb\n{{.Nothing}}", "email.txt:3"},
		"page":         {"page/unsubscribe.html", `{{define "title"}}{{end}}` + "\n" + `{{define "main"}}{{.Data.Nothing}}{{end}}`, "unsubscribe.html:2"},
		"misspelt":     {"emial.html", "", "emial.html replaces no template"},
		"unsubscribe":  {"email.txt", "{{.Title}}", "has no line of its own in the text part"},
		"style":        {"web.css", "a{}</STYLE><script>", "cannot hold </style"},
		"script":       {"email.html", `<html><body><script>1</script></body></html>`, "<script> has no place"},
		"wechat class": {"wechat.html", `<section class="a">{{.Title}}</section>`, "WeChat takes something out"},
		"wechat lost":  {"wechat.html", `<section>{{.Title}}</section>`, "cannot be seen in the article"},
		"lost article": {"email.html", `<html><body><p>{{.Title}}</p><a href="{{.UnsubscribeURL}}">x</a></body></html>`, "is missing in the HTML"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := New(Options{Dir: write(t, tc.file, tc.text)})
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want one with %q", err, tc.want)
			}
		})
	}
	t.Run("no folder", func(t *testing.T) {
		if _, err := New(Options{Dir: filepath.Join(t.TempDir(), "none")}); err == nil {
			t.Error("a folder that is not there is no error")
		}
	})
}

func TestLanguageOfTheMasthead(t *testing.T) {
	for want, issues := range map[string][]issue.Issue{
		"zh-CN": {
			fixture(),
			{},
			{Title: "2026"},
			{Title: "IT 周刊"},
			{Title: "TEA", Publisher: "云溪市茶叶流通协会"},
			{Sections: []issue.Section{{Articles: []issue.Article{{Title: "茶"}}}}},
		},
		"en": {{Title: "The Harbour Cup", Publisher: "Langang Roasters’ Guild"}, {Sections: []issue.Section{{Name: "News", Articles: []issue.Article{{Title: "Tea"}}}}}},
	} {
		for _, i := range issues {
			if got := Language(i); got != want {
				t.Errorf("%s %s: %s, want %s", i.Title, i.Publisher, got, want)
			}
		}
	}
	l := labels("en")
	i := issue.Issue{ID: "7", Number: 2, Total: 7, Year: 2026, Months: []int{3, 4}}
	if got := l.issueLine(i); got != "March–April 2026 · No. 2 · Issue 7" {
		t.Errorf("issue line: %s", got)
	}
	i.Months, i.Total = []int{3}, 0
	if got := l.issueLine(i); got != "March 2026 · No. 2" {
		t.Errorf("issue line: %s", got)
	}
}

// TestRehearsal: the program's own templates need no rehearsal each time.
func TestRehearsal(t *testing.T) {
	s, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.rehearse(); err != nil {
		t.Error(err)
	}
}
