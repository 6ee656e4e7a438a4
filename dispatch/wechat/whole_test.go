package wechat

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"yizhan/dispatch"
	"yizhan/dispatch/standin"
	"yizhan/issue"
	"yizhan/templates"
)

// TestWholeIssues sends whole bulletins, the sample and a real one that is not part
// of the project, in every way and from both kinds of account, and reads them as
// followers do: behind the platform's limits, which the stand-in keeps, and its
// filter.
func TestWholeIssues(t *testing.T) {
	for _, file := range []string{"../../cmd/yizhan/sample/issue-37.txt", "../../../shared/seed/issue-142.txt"} {
		for _, k := range kinds() {
			t.Run(k.name+" "+file[strings.LastIndex(file, "/")+1:], func(t *testing.T) {
				data, err := os.ReadFile(file)
				if err != nil {
					t.Skipf("%s is not here: %v", file, err)
				}
				read, err := issue.Read(file, data, issue.ReadOptions{})
				if err != nil {
					t.Fatal(err)
				}
				wholeIssue(t, k, read.Issue)
			})
		}
	}
}

func wholeIssue(t *testing.T, k kind, is issue.Issue) {
	c, w, _ := openAccount(t, k, 3)
	v, err := c.Prepare(t.Context(), dispatch.Content{
		Kind: dispatch.KindIssue, Issue: is, Revision: issue.Revision{N: 1, Hash: is.Hash()}, PlannedAt: time.Now(),
	})
	if err != nil {
		t.Fatal(err)
	}
	b := prepared(t, c, min(3, c.Capacity().Batch))
	b.Variant = v[0]
	n := len(b.Deliveries)
	for _, o := range c.Deliver(t.Context(), b, granting(n)) {
		if o.Status != dispatch.Sent {
			t.Fatalf("outcome %+v", o)
		}
	}
	got := w.Messages()
	if len(got) != n {
		t.Fatalf("%d messages, want %d", len(got), n)
	}
	link := "https://news.example.org/issues/" + is.ID
	for _, m := range got {
		if k.name == "template" {
			var data map[string]struct{ Value string }
			if err := json.Unmarshal(m.Data, &data); err != nil || m.URL != link || data["thing1"].Value != is.Title || data["thing2"].Value == "" ||
				data["thing3"].Value != "第"+is.ID+"期" {
				t.Errorf("message %s that leads to %s, %v", m.Data, m.URL, err)
			}
			continue
		}
		readable(t, m.Article, is)
		if m.Article.SourceURL != link {
			t.Errorf("the original is at %s", m.Article.SourceURL)
		}
	}
}

// readable checks that an article has every section, headline and source of an
// issue, and a footnote for each link that the platform takes out.
func readable(t *testing.T, a *standin.WeChatArticle, is issue.Issue) {
	t.Helper()
	seen := templates.Filter(a.Content) // stricter than the stand-in
	words := visible(seen)
	headlines, links := 0, 0
	has := func(what, text string) {
		t.Helper()
		if !strings.Contains(words, squeezed(text)) {
			t.Errorf("%s %q is not in the article", what, text)
		}
	}
	for _, s := range is.Sections {
		has("section", s.Name)
		for _, one := range s.Articles {
			if one.Title != "" {
				headlines++
				has("headline", one.Title)
			}
			has("source", one.Source)
			has("source", one.ExcerptedFrom)
			has("byline", one.Byline)
		}
	}
	if headlines < 9 {
		t.Errorf("only %d headlines", headlines)
	}
	// The same issue rendered anew says which links it had.
	set, err := templates.New(templates.Options{})
	if err != nil {
		t.Fatal(err)
	}
	want, err := set.Article(templates.Input{Issue: is, Revision: issue.Revision{N: 1}, PublicURL: "https://news.example.org"})
	if err != nil {
		t.Fatal(err)
	}
	for n, link := range want.Links {
		links++
		has("footnote", fmt.Sprintf("[%d] %s", n+1, link))
		if strings.Count(words, fmt.Sprintf("[%d]", n+1)) < 2 {
			t.Errorf("nothing refers to footnote %d", n+1)
		}
	}
	if strings.Contains(seen, "<a") && !strings.Contains(seen, "mp.weixin.qq.com") {
		t.Error("a link has stayed that leads nowhere")
	}
	t.Logf("issue %s: %d headlines, %d footnotes, %d characters", is.ID, headlines, links, len([]rune(a.Content)))
}

// visible is the text that a reader sees, without its white space.
func visible(content string) string {
	var out strings.Builder
	for z := html.NewTokenizer(strings.NewReader(content)); ; {
		switch z.Next() {
		case html.ErrorToken:
			return squeezed(out.String())
		case html.TextToken:
			out.Write(z.Text())
		}
	}
}

func squeezed(s string) string {
	s = html.UnescapeString(s)
	return strings.Join(strings.Fields(strings.ReplaceAll(s, "\u200b", "")), "")
}
