package issue

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// again writes an issue as Markdown and reads it back.
func again(t interface {
	Fatalf(string, ...any)
}, i Issue,
) (Issue, []byte) {
	md := Markdown(i)
	res, err := Read("again.md", md, ReadOptions{})
	if err != nil {
		t.Fatalf("the written Markdown cannot be read: %v\n%s", err, md)
	}
	return res.Issue, md
}

func TestMarkdownOfTheRealIssueReadsBack(t *testing.T) {
	data, _ := readSeed(t)
	res, err := Read("issue-142.txt", data, ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	got, _ := again(t, res.Issue)
	if d := cmp.Diff(res.Issue, got); d != "" {
		t.Errorf("(-read +read again):\n%s", d)
	}
	if res.Issue.Hash() != got.Hash() {
		t.Error("the hash is not the same after a round trip")
	}
}

// Every model that Read gives comes back from its Markdown, whatever is in it.
func TestMarkdownReadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := anyIssue(t)
		got, md := again(t, want)
		if d := cmp.Diff(want, got); d != "" {
			t.Fatalf("(-want +got):\n%s\n%s", d, md)
		}
	})
}

// nasty are pieces that mean something to Markdown, YAML or the recogniser.
var nasty = []string{
	"#", "##", "# ", "*", "**", "***", "_", "__", "[", "]", "(", ")", "](", "![", "!", ">", "> ", "-", "- ", "+ ", "1.", "1. ", "12) ", "---", "===", "<b>", "</b>", "<!--",
	"\\", "\\\\", "|", "||", "`", "```", "~~~", "~", "&amp;", "&#33;", "&", ":", ": ", "：", "来源：", "摘要:", "{附件}", "{", "http://a.example.org/x_y*z", "www.example.org", "https://例.cn",
	"【要闻】", "（来源：甲）", "一、", "（一）", "1、", "总第3期", "目录", "\"", "'", "@", "%", "!!", "? ", "null", "true", "~", " ", "  ", "　", "中文", "。", "，", "“引号”", "abc", "0", "　　", "😀", "\u0301", "javascript:x",
}

func anyText(t *rapid.T, name string) string {
	s := strings.Join(rapid.SliceOfN(rapid.OneOf(rapid.SampledFrom(nasty), rapid.StringN(0, 4, 12)), 1, 7).Draw(t, name), "")
	s, _ = trimmed(strings.ReplaceAll(strings.ReplaceAll(clean(s, &findings{}), "\n", ""), "\r", ""), nil)
	s = strings.Map(func(r rune) rune {
		if r == '\t' || r == '\uFFFD' {
			return -1
		}
		return r
	}, s)
	s, _ = trimmed(clean(s, &findings{}), nil) // what joined with a rune that is gone goes too
	if s == "" {
		return "文"
	}
	return s
}

func maybeText(t *rapid.T, name string) string {
	if rapid.Bool().Draw(t, "has "+name) {
		return anyText(t, name)
	}
	return ""
}

func anySpans(t *rapid.T, s string) []Span {
	var bounds []int
	for i := range s {
		bounds = append(bounds, i)
	}
	bounds = append(bounds, len(s))
	var spans []Span
	for range rapid.IntRange(0, 3).Draw(t, "spans") {
		from := rapid.IntRange(0, len(bounds)-1).Draw(t, "from")
		to := rapid.IntRange(0, len(bounds)-1).Draw(t, "to")
		spans = append(spans, Span{
			From: bounds[min(from, to)], To: bounds[max(from, to)],
			Strong: rapid.Bool().Draw(t, "strong"), Em: rapid.Bool().Draw(t, "em"),
			Href: rapid.SampledFrom([]string{"", "", "http://www.example.org", "https://example.org/a(b)_c*d?x=1&y=2", "mailto:a@example.org"}).Draw(t, "href"),
		})
	}
	return tidySpans(s, spans)
}

func anyBlock(t *rapid.T) Block {
	b := Block{Kind: rapid.SampledFrom([]BlockKind{BlockParagraph, BlockHeading, BlockItem, BlockQuote, BlockImage, BlockTable}).Draw(t, "kind")}
	b.Text = anyText(t, "text")
	switch b.Kind {
	case BlockHeading:
		b.Level = rapid.IntRange(0, 2).Draw(t, "level")
		b.Spans = anySpans(t, b.Text)
	case BlockImage:
		if rapid.Bool().Draw(t, "image address") {
			b.Spans = []Span{{To: len(b.Text), Href: "https://example.org/a_(1).png"}}
		}
	case BlockTable:
		for range rapid.IntRange(1, 3).Draw(t, "rows") {
			var row []string
			for range rapid.IntRange(1, 3).Draw(t, "cells") {
				row = append(row, anyText(t, "cell"))
			}
			b.Rows = append(b.Rows, row)
		}
		b.Text = tableText(b.Rows)
	default:
		b.Spans = anySpans(t, b.Text)
	}
	return b
}

func anyArticle(t *rapid.T) Article {
	a := Article{
		Kind: rapid.SampledFrom([]ArticleKind{KindArticle, KindEditorial, KindProfile}).Draw(t, "kind"), Title: anyText(t, "title"),
		Byline: maybeText(t, "byline"), Source: maybeText(t, "source"), ExcerptedFrom: maybeText(t, "excerpt"), Summary: maybeText(t, "summary"), Speaker: maybeText(t, "speaker"),
		Link: rapid.SampledFrom([]string{"", "https://example.org/a_(b)?c=*d*&e"}).Draw(t, "link"), Blocks: []Block{},
	}
	if rapid.Bool().Draw(t, "document") {
		a.Document = &Document{Number: anyText(t, "number"), Addressee: maybeText(t, "addressee"), Signer: maybeText(t, "signer"), Date: maybeText(t, "date"), Attachment: maybeText(t, "attachment"), ReleaseNote: maybeText(t, "note")}
		for range rapid.IntRange(0, 2).Draw(t, "contacts") {
			a.Document.Contacts = append(a.Document.Contacts, anyText(t, "contact"))
		}
	}
	if rapid.Bool().Draw(t, "profile") {
		a.Profile = &Profile{Membership: anyText(t, "membership"), Scope: maybeText(t, "scope"), Website: maybeText(t, "website"), Signature: maybeText(t, "signature")}
	}
	for range rapid.IntRange(0, 4).Draw(t, "blocks") {
		a.Blocks = append(a.Blocks, anyBlock(t))
	}
	return a
}

func anyIssue(t *rapid.T) Issue {
	i := Issue{
		Number: rapid.IntRange(0, 30).Draw(t, "number"), Total: rapid.IntRange(0, 900).Draw(t, "total"), Year: rapid.IntRange(1990, 2050).Draw(t, "year"),
		Combined: rapid.Bool().Draw(t, "combined"), Title: anyText(t, "title"), Publisher: maybeText(t, "publisher"), PublisherEN: maybeText(t, "publisher_en"),
		Sponsor: maybeText(t, "sponsor"), Notice: maybeText(t, "notice"), Date: rapid.SampledFrom([]string{"", "2015-04-30"}).Draw(t, "date"),
		Months: rapid.SampledFrom([][]int{{}, {3}, {3, 4}}).Draw(t, "months"), Editors: []Editor{}, Contents: []ContentsEntry{}, Sections: []Section{},
	}
	i.Supplement = rapid.SampledFrom([]string{"", "", "增刊"}).Draw(t, "supplement")
	i.ID = i.AutoID()
	if i.ID == "" || rapid.Bool().Draw(t, "own id") {
		i.ID = anyText(t, "id")
	}
	for range rapid.IntRange(0, 2).Draw(t, "editors") {
		i.Editors = append(i.Editors, Editor{anyText(t, "role"), anyText(t, "name")})
	}
	for range rapid.IntRange(0, 3).Draw(t, "contents") {
		i.Contents = append(i.Contents, ContentsEntry{Title: anyText(t, "entry"), Page: rapid.IntRange(0, 99).Draw(t, "page"), Section: rapid.Bool().Draw(t, "section")})
	}
	for range rapid.IntRange(1, 3).Draw(t, "sections") {
		s := Section{Name: maybeText(t, "section"), Articles: []Article{}}
		for range rapid.IntRange(0, 2).Draw(t, "articles") {
			a := anyArticle(t)
			if a.Kind == KindEditorial && rapid.Bool().Draw(t, "named like the section") {
				a.Title = s.Name
			}
			s.Articles = append(s.Articles, a)
		}
		i.Sections = append(i.Sections, s)
	}
	i.Sections = append(i.Sections, Section{Name: "有文章", Articles: []Article{{Kind: KindArticle, Title: "文", Blocks: []Block{}}}})
	return i
}
