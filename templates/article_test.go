package templates

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"yizhan/issue"
)

// printable is an article as its golden file has it: one block a line.
func printable(a Article) []byte {
	content := strings.NewReplacer("><", ">\n<").Replace(a.Content)
	return fmt.Appendf(nil, "Title: %s\nAuthor: %s\nDigest: %s\nSource: %s\nDiagnostics: %v\n\n%s\n", a.Title, a.Author, a.Digest, a.SourceURL, a.Diagnostics, content)
}

func TestArticleGolden(t *testing.T) {
	s := set(t)
	for _, language := range []string{"zh-CN", "en"} {
		in := input(language)
		in.UnsubscribeURL = "" // an article has none
		a, err := s.Article(in)
		if err != nil {
			t.Fatal(err)
		}
		golden(t, "wechat."+language+".txt", printable(a))
	}
	in := input("zh-CN")
	in.Issue = many(180, 37)
	a, err := s.Article(in)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "wechat.dense.txt", printable(a))
}

// inside holds an article against the limits with counts of its own, so that a
// mistake in the one of the code is seen.
func inside(t interface{ Errorf(string, ...any) }, a Article, in Input) {
	for what, got := range map[string][2]int{
		"title": {len([]rune(a.Title)), 32}, "author": {len([]rune(a.Author)), 16}, "digest": {len([]rune(a.Digest)), 128},
		"content": {len([]rune(a.Content)), 19_999}, "content bytes": {len(a.Content), 1_000_000}, "address": {len(a.SourceURL), 1024},
	} {
		if got[0] > got[1] || got[0] == 0 && what != "author" {
			t.Errorf("%s: %d, the limit is %d", what, got[0], got[1])
		}
	}
	shown := Filter(a.Content)
	if before, after := words(a.Content), words(shown); before != after {
		t.Errorf("the filter takes text out:\n%s", cmp.Diff(before, after))
	}
	visible := squeeze(words(shown))
	for _, sec := range in.Issue.Sections {
		for _, art := range sec.Articles {
			for _, want := range []string{line(sec.Name), line(art.Title), line(art.Source), line(art.ExcerptedFrom), line(art.Byline)} {
				if !strings.Contains(visible, squeeze(want)) {
					t.Errorf("%q is not in the article", want)
				}
			}
		}
	}
	for n, link := range a.Links {
		if !strings.Contains(visible, squeeze(fmt.Sprintf("[%d] %s", n+1, link))) {
			t.Errorf("footnote %d, %q, is not in the article", n+1, link)
		}
	}
}

// TestAnyArticle: any issue gives an article inside the limits that shows every
// section, headline and source, or the error that it is too long, and that only
// when it is.
func TestAnyArticle(t *testing.T) {
	s := set(t)
	rapid.Check(t, func(t *rapid.T) {
		in := anyInput(t)
		a, err := s.Article(in)
		if errors.Is(err, ErrTooLong) {
			size := 0
			for _, sec := range in.Issue.Sections {
				for _, art := range sec.Articles {
					size += len(art.Title) + len(art.Source) + len(art.Byline) + len(sec.Name) + 100
				}
			}
			if size < 8_000 {
				t.Fatalf("%v, but headlines and sources have %d bytes", err, size)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		inside(t, a, in)
	})
}

func TestArticleSizeSteps(t *testing.T) {
	s := set(t)
	for _, tc := range []struct {
		articles int
		remark   string
		short    string
	}{
		{10, "本期共 10 篇，以下为摘要", ""},
		{58, "本期共 58 篇，以下为摘要", "58 篇的摘要有所缩短，其中 0 篇只有标题和来源"},
		{80, "限于篇幅，其中 ", "80 篇的摘要有所缩短，其中 "},
		{300, "限于篇幅，其中 300 篇只列标题", "其中 300 篇只有标题和来源"},
	} {
		t.Run(fmt.Sprint(tc.articles), func(t *testing.T) {
			in := input("zh-CN")
			in.Issue = many(tc.articles, 37)
			a, err := s.Article(in)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%d characters, %v", units(a.Content), a.Diagnostics)
			inside(t, a, in)
			if !strings.Contains(a.Content, tc.remark) {
				t.Errorf("the article does not say %q", tc.remark)
			}
			said := ""
			for _, d := range a.Diagnostics {
				if d.Code == "wechat-content" {
					said = d.Text
				}
			}
			if (said == "") != (tc.short == "") || !strings.Contains(said, tc.short) {
				t.Errorf("the diagnostic is %q, want %q", said, tc.short)
			}
		})
	}
	for _, articles := range []int{700, 5000} {
		in := input("zh-CN")
		in.Issue = many(articles, 37)
		if _, err := s.Article(in); !errors.Is(err, ErrTooLong) || !strings.Contains(err.Error(), fmt.Sprint(articles)) {
			t.Errorf("%d articles: error %v", articles, err)
		}
	}
}

func TestArticleNames(t *testing.T) {
	s := set(t)
	codes := func(a Article) (out []string) {
		for _, d := range a.Diagnostics {
			out = append(out, d.Code)
		}
		return out
	}
	for name, tc := range map[string]struct {
		change        func(*issue.Issue)
		title, author string
		codes         []string
	}{
		"as it is":        {func(*issue.Issue) {}, "云溪茶讯 2024年第3期（总第58期）", "云溪市茶叶流通协会", nil},
		"no publisher":    {func(i *issue.Issue) { i.Publisher = ""; i.Sponsor = "茶会" }, "云溪茶讯 2024年第3期（总第58期）", "茶会", nil},
		"nobody":          {func(i *issue.Issue) { i.Publisher, i.Sponsor = "", "" }, "云溪茶讯 2024年第3期（总第58期）", "", nil},
		"no total":        {func(i *issue.Issue) { i.Title = h(19) }, h(19) + " 2024年第3期", "云溪市茶叶流通协会", []string{"wechat-title"}},
		"number only":     {func(i *issue.Issue) { i.Title = h(26) }, h(26) + " 第3期", "云溪市茶叶流通协会", []string{"wechat-title"}},
		"cut":             {func(i *issue.Issue) { i.Title = h(60) }, h(22) + "… 2024年第3期", "云溪市茶叶流通协会", []string{"wechat-title"}},
		"long publisher":  {func(i *issue.Issue) { i.Publisher = h(17) }, "云溪茶讯 2024年第3期（总第58期）", "云溪茶讯", []string{"wechat-author"}},
		"both long":       {func(i *issue.Issue) { i.Publisher, i.Title = h(17), h(22) }, h(22) + " 2024年第3期", h(15) + "…", []string{"wechat-title", "wechat-author"}},
		"outside the BMP": {func(i *issue.Issue) { i.Publisher = strings.Repeat("𠮷", 9) }, "云溪茶讯 2024年第3期（总第58期）", "云溪茶讯", []string{"wechat-author"}},
	} {
		t.Run(name, func(t *testing.T) {
			in := input("zh-CN")
			tc.change(&in.Issue)
			a, err := s.Article(in)
			if err != nil {
				t.Fatal(err)
			}
			if a.Title != tc.title || a.Author != tc.author || !slices.Equal(codes(a), tc.codes) {
				t.Errorf("got %q by %q, %v", a.Title, a.Author, codes(a))
			}
		})
	}
}

func TestArticleRefusesBadInput(t *testing.T) {
	s := set(t)
	for name, change := range map[string]func(*Input){
		"no public_url":   func(in *Input) { in.PublicURL = "" },
		"no id":           func(in *Input) { in.Issue.ID = "" },
		"endless address": func(in *Input) { in.PublicURL = "https://news.example.org/" + strings.Repeat("a", 1100) },
	} {
		in := input("zh-CN")
		change(&in)
		if _, err := s.Article(in); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// TestCheckArticle breaks one rule at a time.
func TestCheckArticle(t *testing.T) {
	good, err := set(t).Article(input("zh-CN"))
	if err != nil {
		t.Fatal(err)
	}
	if found := CheckArticle(good); len(found) > 0 {
		t.Fatal(found)
	}
	in := func(old, new string) func(*Article) {
		return func(a *Article) { a.Content = strings.Replace(a.Content, old, new, 1) }
	}
	for name, tc := range map[string]struct {
		change func(*Article)
		rule   string
	}{
		"title":            {func(a *Article) { a.Title = h(33) }, "title"},
		"no title":         {func(a *Article) { a.Title = "" }, "title"},
		"author":           {func(a *Article) { a.Author = strings.Repeat("𠮷", 9) }, "author"},
		"digest":           {func(a *Article) { a.Digest = h(129) }, "digest"},
		"characters":       {func(a *Article) { a.Content = strings.Replace(a.Content, "<p", "<p>"+h(20_000)+"</p><p", 1) }, "size"},
		"bytes":            {func(a *Article) { a.Content = strings.Replace(a.Content, "<p", "<p>"+h(400_000)+"</p><p", 1) }, "size"},
		"long address":     {func(a *Article) { a.SourceURL += strings.Repeat("a", 1024) }, "source"},
		"no address":       {func(a *Article) { a.SourceURL = "javascript:alert(1)" }, "source"},
		"line break":       {in("<p", "\n<p"), "text"},
		"no UTF-8":         {func(a *Article) { a.Digest = "\xff" }, "text"},
		"script":           {in("<p", "<script>1</script><p"), "element"},
		"id":               {in("<p", `<p id="a"`), "element"},
		"position":         {in("margin:0", "position:fixed"), "element"},
		"link to outside":  {in("云溪茶讯", `<a href="https://tea.example">云溪茶讯</a>`), "element"},
		"picture outside":  {in("<p", `<img src="https://tea.example/a.png" alt=""/><p`), "element"},
		"lost headline":    {in("协会召开六届二次理事会", ""), "headline"},
		"lost source":      {in("协会秘书处", ""), "headline"},
		"lost section":     {in("政策法规", ""), "headline"},
		"lost footnote":    {in("[1] http://www.banshan-tea.example", ""), "headline"},
		"commented source": {in("来源：协会秘书处", "<!--来源：协会秘书处-->"), "headline"},
	} {
		t.Run(name, func(t *testing.T) {
			bad := good
			tc.change(&bad)
			found := CheckArticle(bad)
			if !slices.ContainsFunc(found, func(f Finding) bool { return f.Rule == tc.rule }) {
				t.Errorf("found %v, want one of %s", found, tc.rule)
			}
		})
	}
}

func TestFootnotes(t *testing.T) {
	link := func(href string, text ...string) issue.Block {
		b := issue.Block{Kind: issue.BlockParagraph, Text: strings.Join(text, "")}
		b.Spans = []issue.Span{{From: len(text[0]), To: len(text[0]) + len(text[1]), Href: href}}
		return b
	}
	for name, tc := range map[string]struct {
		blocks []issue.Block
		shown  string
		want   []Mark
		links  []string
	}{
		"none": {[]issue.Block{para("茶会开了。")}, "茶会开了。", []Mark{{Text: "茶会开了。"}}, nil},
		"one": {
			[]issue.Block{link("https://tea.example/1", "详情见", "公告", "。")},
			"详情见公告。",
			[]Mark{{Text: "详情见"}, {Text: "公告", Note: 1}, {Text: "。"}},
			[]string{"https://tea.example/1"},
		},
		"the second of two": {
			[]issue.Block{link("https://tea.example/1", "公告说，见 ", "公告", "。")},
			"公告说，见 公告。",
			[]Mark{{Text: "公告说，见 "}, {Text: "公告", Note: 1}, {Text: "。"}},
			[]string{"https://tea.example/1"},
		},
		"not the one that is cut off": {
			[]issue.Block{link("https://tea.example/1", "公告很长，后面才说：见", "公告", "。")},
			"公告很长" + ellipsis,
			[]Mark{{Text: "公告很长" + ellipsis}},
			nil,
		},
		"same address, same number": {
			[]issue.Block{link("https://tea.example/1", "", "甲", "，"), link("https://tea.example/1", "", "乙", "。")},
			"甲，乙。",
			[]Mark{{Text: "甲", Note: 1}, {Text: "，"}, {Text: "乙", Note: 1}, {Text: "。"}},
			[]string{"https://tea.example/1"},
		},
		"its own address":      {[]issue.Block{link("http://tea.example/", "见 ", "tea.example", "。")}, "见 tea.example。", []Mark{{Text: "见 tea.example。"}}, nil},
		"mail":                 {[]issue.Block{link("mailto:a@tea.example", "", "写信", "。")}, "写信。", []Mark{{Text: "写信", Note: 1}, {Text: "。"}}, []string{"a@tea.example"}},
		"WeChat's own article": {[]issue.Block{link("https://mp.weixin.qq.com/s/x", "", "上期", "。")}, "上期。", []Mark{{Text: "上期", Href: "https://mp.weixin.qq.com/s/x"}, {Text: "。"}}, nil},
		"script":               {[]issue.Block{link("javascript:alert(1)", "", "点", "。")}, "点。", []Mark{{Text: "点。"}}, nil},
		"span out of range":    {[]issue.Block{{Text: "茶", Spans: []issue.Span{{From: 1, To: 9, Href: "https://tea.example"}}}}, "茶", []Mark{{Text: "茶"}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			var notes footnotes
			got := notes.paragraph(issue.Article{Blocks: tc.blocks}, tc.shown)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
			if !slices.Equal(notes.links, tc.links) {
				t.Errorf("links %v, want %v", notes.links, tc.links)
			}
		})
	}
}

// TestRealArticle renders the issue of a real bulletin, which is not part of the
// project.
func TestRealArticle(t *testing.T) {
	const file = "../../shared/seed/issue-142.txt"
	data, err := os.ReadFile(file)
	if err != nil {
		t.Skipf("%s is not here: %v", file, err)
	}
	r, err := issue.Read("issue-142.txt", data, issue.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	in := input("zh-CN")
	in.Issue = r.Issue
	a, err := set(t).Article(in)
	if err != nil {
		t.Fatal(err)
	}
	inside(t, a, in)
	t.Logf("%d characters, %d links", units(a.Content), len(a.Links))
	if len(a.Diagnostics) > 0 || len(a.Headlines) != 17 || len(a.Credits) < 10 || len(a.Sections) != 6 {
		t.Errorf("%d headlines, %d credits, %d sections, %v", len(a.Headlines), len(a.Credits), len(a.Sections), a.Diagnostics)
	}
}

// TestArticleContrast: every colour of the article on white. WeChat makes the
// dark colours itself.
func TestArticleContrast(t *testing.T) {
	src, err := files.ReadFile("wechat.html")
	if err != nil {
		t.Fatal(err)
	}
	colors := 0
	for _, part := range strings.Split(string(src), "color:")[1:] {
		colors++
		if ratio := contrast(part[:7], "#ffffff"); ratio < 4.5 {
			t.Errorf("%s on white has %.2f:1", part[:7], ratio)
		}
	}
	if colors < 10 {
		t.Errorf("only %d colours found", colors)
	}
}
