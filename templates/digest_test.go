package templates

import (
	"bytes"
	"fmt"
	"html"
	"os"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"yizhan/issue"
)

// many is an issue of n articles with leads of about the given length.
func many(n, length int) issue.Issue {
	i := fixture()
	i.Sections = nil
	for k := range n {
		if k%10 == 0 {
			i.Sections = append(i.Sections, issue.Section{Name: fmt.Sprintf("第%d栏", k/10+1)})
		}
		s := &i.Sections[len(i.Sections)-1]
		s.Articles = append(s.Articles, issue.Article{
			Kind: issue.KindArticle, Title: fmt.Sprintf("第%d篇文章的标题", k+1), Source: fmt.Sprintf("来源%d", k+1),
			Blocks: []issue.Block{para(strings.Repeat(h(length)+"。", 4))},
		})
	}
	return i
}

func TestSizeSteps(t *testing.T) {
	s := set(t)
	for _, tc := range []struct {
		articles        int
		onWeb, unlisted func(int) bool
		remark          string
	}{
		{10, func(n int) bool { return n == 0 }, func(n int) bool { return n == 0 }, "本期共 10 篇"},
		{42, func(n int) bool { return n == 42 }, func(n int) bool { return n == 0 }, "全文共 42 篇，其中 42 篇的摘要在邮件里有所缩短"},
		{70, func(n int) bool { return n == 70 }, func(n int) bool { return n == 0 }, "全文共 70 篇，另有 "},
		{150, func(n int) bool { return n == 150 }, func(n int) bool { return n == 0 }, "全文共 150 篇，另有 "},
		{5000, func(n int) bool { return n == 5000 }, func(n int) bool { return n > 4000 }, "连标题也只在网页版上列出"},
	} {
		t.Run(fmt.Sprint(tc.articles), func(t *testing.T) {
			in := input("zh-CN")
			in.Issue = many(tc.articles, 37)
			d, err := s.Email(in)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%d bytes, %d on the web, %d unlisted", len(d.HTML), d.OnWeb, d.Unlisted)
			if len(d.HTML) > MaxHTML || !tc.onWeb(d.OnWeb) || !tc.unlisted(d.Unlisted) {
				t.Errorf("%d bytes, %d on the web, %d unlisted", len(d.HTML), d.OnWeb, d.Unlisted)
			}
			if tc.articles > 42 && len(d.HTML) < MaxHTML*3/4 {
				t.Errorf("%d bytes: the room is not used", len(d.HTML))
			}
			for name, part := range map[string][]byte{"HTML": d.HTML, "text": d.Text} {
				if !strings.Contains(squeeze(string(part)), squeeze(tc.remark)) {
					t.Errorf("the %s does not say %q", name, tc.remark)
				}
			}
			if len(d.Headlines)+d.Unlisted != tc.articles {
				t.Errorf("%d headlines and %d unlisted of %d", len(d.Headlines), d.Unlisted, tc.articles)
			}
		})
	}
}

// TestAnyIssue: whatever the model holds, the mail keeps its rules (Email checks
// them), fits, and each article has its headline in it or is counted.
func TestAnyIssue(t *testing.T) {
	s := set(t)
	rapid.Check(t, func(t *rapid.T) {
		in := anyInput(t)
		total := 0
		for _, sec := range in.Issue.Sections {
			total += len(sec.Articles)
		}
		d, err := s.Email(in)
		if err != nil {
			t.Fatal(err)
		}
		if len(d.HTML) > MaxHTML {
			t.Fatalf("%d bytes", len(d.HTML))
		}
		if len(d.Headlines)+d.Unlisted != total {
			t.Fatalf("%d headlines and %d unlisted of %d", len(d.Headlines), d.Unlisted, total)
		}
		if _, err := s.Web(in); err != nil {
			t.Fatal(err)
		}
	})
}

func TestHostileText(t *testing.T) {
	const bad = `<script>alert(1)</script><img src=x onerror=alert(1)>{{.UnsubscribeURL}}"'`
	in := input("zh-CN")
	in.Issue.Title, in.Issue.Publisher = bad+"\r\nBcc: x@example.org", bad
	in.Issue.Sections = []issue.Section{{Name: bad, Articles: []issue.Article{
		{Kind: issue.KindArticle, Title: bad, Byline: bad, Source: bad, Summary: bad, Blocks: []issue.Block{
			{Text: bad, Spans: []issue.Span{{From: 0, To: 8, Href: "javascript:alert(1)"}, {From: 8, To: 9, Href: "data:text/html,x"}}},
			{Kind: issue.BlockTable, Text: bad, Rows: [][]string{{bad}}},
		}},
		{Kind: issue.KindProfile, Title: bad, Profile: &issue.Profile{Membership: bad, Scope: bad, Website: "javascript:alert(1)"}},
	}}}
	s := set(t)
	d, err := s.Email(in)
	if err != nil {
		t.Fatal(err)
	}
	page, err := s.Web(in)
	if err != nil {
		t.Fatal(err)
	}
	for name, got := range map[string][]byte{"mail": d.HTML, "page": page} {
		for _, never := range []string{"<script>alert", "<img", `href="javascript:`, `href="data:`, `href="#ZgotmplZ`} {
			if bytes.Contains(got, []byte(never)) {
				t.Errorf("the %s has %s", name, never)
			}
		}
		if !bytes.Contains(got, []byte("{{.UnsubscribeURL}}")) {
			t.Errorf("the %s took {{ }} for an instruction", name)
		}
	}
	if strings.ContainsAny(d.Subject, "\r\n") {
		t.Errorf("subject %q", d.Subject)
	}
}

func TestSubject(t *testing.T) {
	base := fixture()
	for name, tc := range map[string]struct {
		change   func(*issue.Issue)
		language string
		want     string
	}{
		"supplement":    {func(i *issue.Issue) { i.Number, i.Supplement = 0, "增刊" }, "zh-CN", "云溪茶讯 2024年增刊（总第58期）：全市春茶产销对接会举行 现场签约“一亩一码”订单3.2亿元"},
		"all":           {func(*issue.Issue) {}, "zh-CN", "云溪茶讯 2024年第3期（总第58期）：全市春茶产销对接会举行 现场签约“一亩一码”订单3.2亿元"},
		"english":       {func(*issue.Issue) {}, "en", "云溪茶讯 No. 3, 2024 (issue 58): 全市春茶产销对接会举行 现场签约“一亩一码”订单3.2亿元"},
		"no total":      {func(i *issue.Issue) { i.Total = 0 }, "zh-CN", "云溪茶讯 2024年第3期：全市春茶产销对接会举行 现场签约“一亩一码”订单3.2亿元"},
		"only total":    {func(i *issue.Issue) { i.Year, i.Number = 0, 0 }, "zh-CN", "云溪茶讯 总第58期：全市春茶产销对接会举行 现场签约“一亩一码”订单3.2亿元"},
		"no numbers":    {func(i *issue.Issue) { i.Year, i.Number, i.Total = 0, 0, 0; i.ID = "special" }, "zh-CN", "云溪茶讯 special：全市春茶产销对接会举行 现场签约“一亩一码”订单3.2亿元"},
		"no articles":   {func(i *issue.Issue) { i.Sections = nil }, "zh-CN", "云溪茶讯 2024年第3期（总第58期）"},
		"only the note": {func(i *issue.Issue) { i.Sections = i.Sections[:1] }, "zh-CN", "云溪茶讯 2024年第3期（总第58期）：卷首语"},
		"long headline": {func(i *issue.Issue) {
			i.Sections = []issue.Section{{Articles: []issue.Article{{Title: h(25) + "，" + h(40)}}}}
		}, "zh-CN", "云溪茶讯 2024年第3期（总第58期）：" + h(25) + ellipsis},
	} {
		t.Run(name, func(t *testing.T) {
			i := base
			tc.change(&i)
			v := (&Set{}).view(Input{Issue: i, Language: tc.language, PublicURL: "https://news.example.org"}, fit{listed: everything, led: everything, lead: leadMax})
			if got := v.subject(); got != tc.want {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
		})
	}
}

// TestCorrection: both parts of the mail, the page and the article say that, when
// and what was corrected; a later revision that corrects nothing says nothing.
func TestCorrection(t *testing.T) {
	s := set(t)
	for language, want := range map[string][3]string{
		"zh-CN": {"[更正] 云溪茶讯 2024年第3期", "本期已于 2024年6月2日 更正。第3页的日期应为<5月18日>。", "[更正]云溪茶讯 2024年第3期（总第58期）"},
		"en":    {"[Correction] 云溪茶讯 No. 3, 2024", "This issue was corrected on 2 June 2024. 第3页的日期应为<5月18日>。", "[Correction]云溪茶讯 Issue 58"},
	} {
		in := input(language)
		in.Revision = issue.Revision{N: 2, Note: "第3页的日期应为<5月18日>。", Approved: time.Date(2024, 6, 1, 20, 0, 0, 0, time.UTC)}
		in.Zone = time.FixedZone("Beijing", 8*3600)
		d, err := s.Email(in)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(d.Subject, want[0][:8]) || bytes.Contains(d.Text, []byte(want[1])) {
			t.Errorf("%s: an issue calls itself a correction: %s", language, d.Subject)
		}
		in.Correction = true
		if d, err = s.Email(in); err != nil {
			t.Fatal(err)
		}
		page, err := s.Web(in)
		if err != nil {
			t.Fatal(err)
		}
		a, err := s.Article(in)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(d.Subject, want[0]) || a.Title != want[2] {
			t.Errorf("%s: subject %q, article %q", language, d.Subject, a.Title)
		}
		for name, part := range map[string]string{"text": string(d.Text), "mail": html.UnescapeString(string(d.HTML)), "page": html.UnescapeString(string(page)), "article": html.UnescapeString(a.Content)} {
			if !strings.Contains(squeeze(part), squeeze(want[1])) {
				t.Errorf("%s: the %s does not say %q", language, name, want[1])
			}
		}
	}
}

func TestPreheader(t *testing.T) {
	s := set(t)
	for n, i := range []issue.Issue{fixture(), many(3, 30), many(40, 30)} {
		in := input("zh-CN")
		in.Issue = i
		d, err := s.Email(in)
		if err != nil {
			t.Fatal(err)
		}
		if l := len([]rune(d.Preheader)); l < preheaderMin || l > preheaderMax {
			t.Errorf("%d: %d characters: %s", n, l, d.Preheader)
		}
	}
}

func TestEditorialThatIsLong(t *testing.T) {
	in := input("zh-CN")
	in.Issue.Sections[0].Articles[0].Blocks = []issue.Block{para(strings.Repeat(h(60)+"。", 15))}
	d, err := set(t).Email(in)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(string(d.Text), h(60)); got != 2 {
		t.Errorf("%d sentences of the editorial in the mail, want its lead of 2", got)
	}
	if !bytes.Contains(d.HTML, []byte(`aria-label="阅读全文：卷首语"`)) {
		t.Error("no link to the rest of the editorial")
	}
}

func TestInputThatCannotBeRendered(t *testing.T) {
	s := set(t)
	for name, change := range map[string]func(*Input){
		"no public_url":       func(in *Input) { in.PublicURL = "" },
		"relative public_url": func(in *Input) { in.PublicURL = "/x" },
		"no unsubscribe link": func(in *Input) { in.UnsubscribeURL = "" },
		"no id":               func(in *Input) { in.Issue.ID = "" },
	} {
		in := input("zh-CN")
		change(&in)
		if _, err := s.Email(in); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// TestRealIssue renders the issue of a real bulletin, which is not part of the
// project.
func TestRealIssue(t *testing.T) {
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
	s := set(t)
	d, err := s.Email(in)
	if err != nil {
		t.Fatal(err)
	}
	if d.OnWeb != 0 || len(d.Headlines) != 17 || len(d.Credits) < 10 {
		t.Errorf("%d bytes, %d on the web, %d headlines, %d credits", len(d.HTML), d.OnWeb, len(d.Headlines), len(d.Credits))
	}
	for _, sec := range in.Issue.Sections {
		for _, a := range sec.Articles {
			if got := summary(a, leadMax); got == "" || a.Summary == "" && han(got) > leadMax {
				t.Errorf("%s: summary of %d Han: %s", a.Title, han(got), got)
			}
		}
	}
	if _, err := s.Web(in); err != nil {
		t.Fatal(err)
	}
}

func BenchmarkEmail(b *testing.B) {
	s := set(b)
	for _, bench := range []struct {
		name string
		i    issue.Issue
	}{{"fixture", fixture()}, {"shortened", many(150, 37)}} {
		b.Run(bench.name, func(b *testing.B) {
			in := input("zh-CN")
			in.Issue = bench.i
			for b.Loop() {
				if _, err := s.Email(in); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
