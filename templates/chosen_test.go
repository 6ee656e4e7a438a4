package templates

import (
	"strings"
	"testing"

	"yizhan/issue"
)

// TestChosenSections: the mail has the chosen sections and nothing of the others,
// and its articles keep the places that they have on the web page.
func TestChosenSections(t *testing.T) {
	s := set(t)
	in := input("zh-CN")
	in.Issue.Sections = []issue.Section{
		{Name: "卷首语", Articles: []issue.Article{{Kind: issue.KindEditorial, Blocks: []issue.Block{para("编者的话。")}}}},
		{Name: "要闻", Articles: []issue.Article{{Title: "第一篇", Blocks: []issue.Block{para("甲。")}}, {Title: "第二篇", Blocks: []issue.Block{para("乙。")}}}},
		{Name: "观察", Articles: []issue.Article{{Title: "第三篇", Blocks: []issue.Block{para("丙。")}}}},
	}
	in.Sections = issue.Choice{0, 2}
	d, err := s.Email(in)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{string(d.HTML), string(d.Text)} {
		for _, want := range []string{"编者的话", "第三篇", "/issues/58#a4", "按您选的栏目编发 2 篇：卷首语、观察。本期共 4 篇"} {
			if !strings.Contains(squeeze(part), squeeze(want)) {
				t.Errorf("no %q in\n%s", want, part)
			}
		}
		for _, other := range []string{"第一篇", "第二篇", "要闻", "#a2"} {
			if strings.Contains(part, other) {
				t.Errorf("%q, which was not chosen, in\n%s", other, part)
			}
		}
	}
	if !strings.HasSuffix(d.Subject, "第三篇") {
		t.Errorf("the subject is about something else: %q", d.Subject)
	}
	page, err := s.Web(in)
	if err != nil || !strings.Contains(string(page), "第一篇") {
		t.Errorf("the web page is not of the whole issue: %v", err)
	}
}

// TestChosenSectionsOfALongIssue: what does not fit is counted among the chosen.
func TestChosenSectionsOfALongIssue(t *testing.T) {
	s := set(t)
	in := input("zh-CN")
	in.Issue = many(900, 40)
	var articles []issue.Article
	for _, section := range in.Issue.Sections {
		articles = append(articles, section.Articles...)
	}
	half := len(articles) / 2
	in.Issue.Sections = []issue.Section{{Name: "甲", Articles: articles[:half]}, {Name: "乙", Articles: articles[half:]}}
	in.Sections = issue.Choice{1}
	d, err := s.Email(in)
	if err != nil {
		t.Fatal(err)
	}
	if len(d.HTML) > MaxHTML || d.OnWeb == 0 || d.OnWeb > half || d.Unlisted != half-len(d.Headlines) {
		t.Errorf("%d bytes, %d on the web, %d unlisted of %d", len(d.HTML), d.OnWeb, d.Unlisted, half)
	}
}
