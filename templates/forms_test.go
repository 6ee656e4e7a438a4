package templates

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"yizhan/issue"
)

// formed are the issues of which every form is kept in testdata: a bulletin of an
// association, a small English newsletter, a technology weekly.
func formed(t testing.TB) map[string]issue.Issue {
	t.Helper()
	return map[string]issue.Issue{
		"bulletin":   read(t, "../cmd/yizhan/sample/issue-37.txt"),
		"newsletter": read(t, "testdata/issues/newsletter.md"),
		"weekly":     read(t, "testdata/issues/weekly.md"),
	}
}

// forms renders an issue in every form.
func forms(t testing.TB, s *Set, i issue.Issue) (d Digest, web []byte, a Article) {
	t.Helper()
	in := input("")
	in.Issue, in.Revision = i, issue.Revision{N: 1}
	var err error
	if d, err = s.Email(in); err != nil {
		t.Fatal(err)
	}
	if web, err = s.Web(in); err != nil {
		t.Fatal(err)
	}
	// The style sheet is that of all pages: it is kept with the other golden files.
	web = bytes.Replace(web, []byte(s.css["web.css"]), nil, 1)
	if a, err = s.Article(in); err != nil {
		t.Fatal(err)
	}
	return d, web, a
}

func TestEveryFormOfThreeIssues(t *testing.T) {
	s := set(t)
	for name, i := range formed(t) {
		d, web, a := forms(t, s, i)
		golden(t, "issues/"+name+".email.html", d.HTML)
		golden(t, "issues/"+name+".email.txt", []byte("Subject: "+d.Subject+"\nPreheader: "+d.Preheader+"\n\n"+string(d.Text)))
		golden(t, "issues/"+name+".web.html", web)
		golden(t, "issues/"+name+".wechat.html", []byte("<!-- "+a.Title+" | "+a.Author+" | "+a.Digest+" -->\n"+a.Content+"\n"))
	}
}

// TestSizes keeps the table of docs/sizes.md, and the sizes below their limits. Of
// the real bulletin, which is no part of the project, it prints the same line.
func TestSizes(t *testing.T) {
	s := set(t)
	line := func(name string, i issue.Issue) string {
		d, web, a := forms(t, s, i)
		articles, style := 0, 0
		for _, sec := range i.Sections {
			articles += len(sec.Articles)
		}
		for _, part := range strings.Split(string(d.HTML), "<style>")[1:] {
			sheet, _, _ := strings.Cut(part, "</style>")
			style += len(sheet)
		}
		if len(d.HTML) > MaxHTML || style > MaxStyle || units(a.Content) >= MaxArticleContent {
			t.Errorf("%s: mail %d, style sheet %d, article %d", name, len(d.HTML), style, units(a.Content))
		}
		return fmt.Sprintf("| %s | %d | %d | %d | %d | %d | %d |\n", name, articles, len(d.HTML), style, len(d.Text), len(web), units(a.Content))
	}
	table := fmt.Sprintf(`# 每种形式有多大

由测试生成：%s。邮件的 HTML 不得超过 %d 字节，样式表不得超过 %d 字节，公众号文章不得满 %d 字符。

| 期 | 篇 | 邮件 HTML，字节 | 其中样式表 | 邮件纯文本 | 网页，没有样式表 | 公众号文章，字符 |
| --- | ---: | ---: | ---: | ---: | ---: | ---: |
`, "`go test ./templates -run TestSizes -update`", MaxHTML, MaxStyle, MaxArticleContent)
	all := formed(t)
	for _, one := range [][2]string{{"协会会刊（样刊）", "bulletin"}, {"英文通讯", "newsletter"}, {"技术周刊", "weekly"}} {
		table += line(one[0], all[one[1]])
	}
	golden(t, "../../docs/sizes.md", []byte(table))
	t.Run("real issue", func(t *testing.T) { t.Log(line("real", read(t, "../../shared/seed/issue-142.txt"))) })
}

// TestLayout: leads, rows and cards are what the articles are.
func TestLayout(t *testing.T) {
	s := set(t)
	for name, want := range map[string][4]int{ // top, further leads, rows, cards
		"bulletin": {1, 11, 0, 4}, "newsletter": {1, 1, 2, 1}, "weekly": {1, 1, 4, 0},
	} {
		d, _, _ := forms(t, s, formed(t)[name])
		mail := string(d.HTML)
		got := [4]int{strings.Count(mail, `class="top"`), strings.Count(mail, `class="head"`), strings.Count(mail, `class="row-head"`), strings.Count(mail, `class="member-name"`)}
		if got != want {
			t.Errorf("%s has %v tops, leads, rows and cards, want %v", name, got, want)
		}
	}
}
