package templates

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"

	"yizhan/issue"
)

// nodes returns the elements of a page with this name.
func nodes(t *testing.T, page []byte, name string) []*html.Node {
	t.Helper()
	root, err := html.Parse(bytes.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	var out []*html.Node
	for n := range root.Descendants() {
		if n.Type == html.ElementNode && n.Data == name {
			out = append(out, n)
		}
	}
	return out
}

func content(n *html.Node) string {
	var s strings.Builder
	for c := range n.Descendants() {
		if c.Type == html.TextNode {
			s.WriteString(c.Data)
		}
	}
	return s.String()
}

func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

func TestWebHasTheWholeIssue(t *testing.T) {
	s := set(t)
	page, err := s.Web(input("zh-CN"))
	if err != nil {
		t.Fatal(err)
	}
	all := squeeze(content(nodes(t, page, "main")[0]))
	for _, sec := range fixture().Sections {
		for _, a := range sec.Articles {
			for _, want := range append(a.Paragraphs(), a.Title, a.Source, a.Summary) {
				if !strings.Contains(all, squeeze(want)) {
					t.Errorf("%s: %q is not on the page", a.Title, want)
				}
			}
		}
	}
	articles := nodes(t, page, "article")
	for i, a := range articles {
		if want := fmt.Sprintf("a%d", i+1); attr(a, "id") != want {
			t.Errorf("article %d has the anchor %q", i+1, attr(a, "id"))
		}
	}
	if len(articles) != 8 {
		t.Errorf("%d articles", len(articles))
	}
}

// TestNamelessSection: articles without a section have neither an empty heading
// nor an empty column in the contents, nor empty brackets.
func TestNamelessSection(t *testing.T) {
	in := input("zh-CN")
	in.Issue.Sections[1].Name = ""
	s := set(t)
	page, err := s.Web(in)
	if err != nil {
		t.Fatal(err)
	}
	d, err := s.Email(in)
	if err != nil {
		t.Fatal(err)
	}
	for name, html := range map[string][]byte{"web": page, "email": d.HTML} {
		for _, tag := range []string{"h2", "dt", "td"} {
			for _, n := range nodes(t, html, tag) {
				if strings.TrimSpace(content(n)) == "" {
					t.Errorf("%s: an empty %s", name, tag)
				}
			}
		}
	}
	for _, n := range nodes(t, page, "dd") {
		before := n.PrevSibling
		for before != nil && before.Type != n.Type {
			before = before.PrevSibling
		}
		if before == nil || before.Data != "dt" {
			t.Errorf("%q stands in the contents without a name", content(n))
		}
	}
	if strings.Contains(string(d.Text), "【】") {
		t.Error("the text has empty brackets")
	}
}

// scripts are the elements that a browser would run: a block of data is none.
func scripts(t *testing.T, page []byte) []*html.Node {
	t.Helper()
	return slices.DeleteFunc(nodes(t, page, "script"), func(n *html.Node) bool { return attr(n, "type") == "application/ld+json" })
}

func TestWebPageNeedsNoMoreThanItsStyle(t *testing.T) {
	s := set(t)
	web, err := s.Web(input("zh-CN"))
	if err != nil {
		t.Fatal(err)
	}
	small, err := s.Page("unsubscribe", "zh-CN", Unsubscribe{State: "ask"})
	if err != nil {
		t.Fatal(err)
	}
	for name, page := range map[string][]byte{"web": web, "unsubscribe": small} {
		styles := nodes(t, page, "style")
		if len(styles) != 1 {
			t.Fatalf("%s: %d style sheets", name, len(styles))
		}
		sum := sha256.Sum256([]byte(content(styles[0])))
		if want := "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"; s.StyleHash() != want {
			t.Errorf("%s: StyleHash %s, the page's is %s", name, s.StyleHash(), want)
		}
		if bytes.Contains(page, []byte("style=")) || len(scripts(t, page)) > 0 || len(nodes(t, page, "img")) > 0 {
			t.Errorf("%s needs more than its style sheet", name)
		}
	}
}

func TestHeadingLevelsHaveNoGap(t *testing.T) {
	for name, tc := range map[string]struct{ levels, want []int }{
		"one level":         {[]int{1, 1}, []int{4, 4}},
		"attached document": {[]int{0, 1, 2, 1}, []int{4, 5, 6, 5}},
		"begins deep":       {[]int{2, 1, 2}, []int{4, 4, 5}},
		"very deep":         {[]int{1, 9, 9, 9}, []int{4, 5, 6, 6}},
		"below zero":        {[]int{-3, 1}, []int{4, 5}},
	} {
		var a issue.Article
		for _, l := range tc.levels {
			a.Blocks = append(a.Blocks, heading(l, "标题"))
		}
		var got []int
		for _, b := range blocks("58", a) {
			got = append(got, b.Level)
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestPieces(t *testing.T) {
	for name, tc := range map[string]struct {
		block issue.Block
		want  []Piece
	}{
		"plain": {para("字"), []Piece{{Text: "字"}}},
		"spans": {spans("a ", "**b", " c ", "@www.example.org"), []Piece{{Text: "a "}, {Text: "b", Strong: true}, {Text: " c "}, {Text: "www.example.org", Href: "http://www.example.org"}}},
		"address in Han and brackets": {
			para("网站(www.example.org)上，见https://example.org/a?b=c。"),
			[]Piece{{Text: "网站("}, {Text: "www.example.org", Href: "http://www.example.org"}, {Text: ")上，见"}, {Text: "https://example.org/a?b=c", Href: "https://example.org/a?b=c"}, {Text: "。"}},
		},
		"no address":     {para("top10 3.75 1.0 www"), []Piece{{Text: "top10 3.75 1.0 www"}}},
		"out of range":   {issue.Block{Text: "字", Spans: []issue.Span{{From: 0, To: 9}}}, []Piece{{Text: "字"}}},
		"inside a rune":  {issue.Block{Text: "字字", Spans: []issue.Span{{From: 1, To: 3, Em: true}}}, []Piece{{Text: "字字"}}},
		"overlapping":    {issue.Block{Text: "abc", Spans: []issue.Span{{From: 0, To: 2, Em: true}, {From: 1, To: 3, Strong: true}}}, []Piece{{Text: "ab", Em: true}, {Text: "c"}}},
		"hostile target": {issue.Block{Text: "x", Spans: []issue.Span{{From: 0, To: 1, Href: "JavaScript:alert(1)"}}}, []Piece{{Text: "x"}}},
	} {
		if diff := cmp.Diff(tc.want, pieces(tc.block)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestWebAddress(t *testing.T) {
	for in, want := range map[string]string{
		"www.example.org":           "http://www.example.org",
		" https://example.org/a#b ": "https://example.org/a#b",
		"mailto:a@example.org":      "mailto:a@example.org",
		"javascript:alert(1)":       "",
		"data:text/html,x":          "",
		"//example.org":             "",
		"example":                   "",
		"https://":                  "",
		"https://a@example.org":     "",
		"www.example.org/<b>":       "",
		"www.example.org 和别的":       "",
		"java\u200bscript:alert(1)": "",
		"":                          "",
	} {
		if got := web(in); got != want {
			t.Errorf("web(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestItemsHaveAMark(t *testing.T) {
	for text, bullet := range map[string]bool{
		"春茶到港": true, "2026 年的计划": true, "第一批新茶": true, "A 馆三层": true,
		"1. 报名": false, "（一）范围": false, "③提交": false, "■ 费用": false, "第三条 时间": false, "二、地点": false, "b) 附件": false,
	} {
		got := blocks(".", issue.Article{Blocks: []issue.Block{{Kind: issue.BlockItem, Text: text}}})
		if got[0].Bullet != bullet {
			t.Errorf("%s: bullet is %v", text, got[0].Bullet)
		}
	}
}
