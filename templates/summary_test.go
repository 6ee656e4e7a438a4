package templates

import (
	"slices"
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"

	"yizhan/issue"
)

// h is a run of n Han characters without any mark.
func h(n int) string { return strings.Repeat("云溪茶山青石水木", n/8+1)[:3*n] }

func TestSummary(t *testing.T) {
	article := func(paragraphs ...string) issue.Article {
		a := issue.Article{Kind: issue.KindArticle, Title: "题目"}
		for _, p := range paragraphs {
			a.Blocks = append(a.Blocks, para(p))
		}
		return a
	}
	with := func(a issue.Article, change func(*issue.Article)) issue.Article { change(&a); return a }
	for name, tc := range map[string]struct {
		a    issue.Article
		want string
	}{
		"empty":                        {article(), ""},
		"short":                        {article("一句话。"), "一句话。"},
		"no mark at the end":           {article("没有句号的一句话"), "没有句号的一句话"},
		"own abstract":                 {with(article("正文。"), func(a *issue.Article) { a.Summary = "自己的摘要。" }), "自己的摘要。"},
		"own abstract is never cut":    {with(article("正文。"), func(a *issue.Article) { a.Summary = h(200) + "。" }), h(200) + "。"},
		"sentence end in range":        {article(h(90) + "。" + h(60) + "。"), h(90) + "。"},
		"last sentence end in range":   {article(h(85) + "。" + h(20) + "！" + h(60) + "。"), h(85) + "。" + h(20) + "！"},
		"exactly 120":                  {article(h(120) + "。" + h(30) + "。"), h(120) + "。"},
		"121 in one sentence":          {article(h(70) + "，" + h(51) + "。"), h(70) + ellipsis},
		"sentence end below the range": {article(h(60) + "。" + h(90) + "。"), h(60) + "。"},
		"a few words, then a long one": {article("好茶。" + h(90) + "，" + h(60) + "。"), "好茶。" + h(90) + ellipsis},
		"semicolon":                    {article(h(50) + "，" + h(50) + "；" + h(60) + "。"), h(50) + "，" + h(50) + ellipsis},
		"enumeration":                  {article(h(100) + "、" + h(60) + "。"), h(100) + ellipsis},
		"no marks at all":              {article(h(200)), h(120) + ellipsis},
		"question":                     {article(h(90) + "？" + h(60) + "。"), h(90) + "？"},
		"two marks":                    {article(h(90) + "？！" + h(60) + "。"), h(90) + "？！"},
		"ellipsis ends a sentence":     {article(h(90) + "……" + h(60) + "。"), h(90) + "……"},
		"end inside a quotation":       {article(h(60) + "，他说：“" + h(20) + "。" + h(60) + "。”"), h(60) + ellipsis},
		"end closes a quotation":       {article(h(60) + "，他说：“" + h(20) + "。”" + h(60) + "。"), h(60) + "，他说：“" + h(20) + "。”"},
		"nested quotation":             {article(h(50) + "。“" + h(20) + "‘" + h(20) + "。’" + h(60) + "。”"), h(50) + "。"},
		"bracket":                      {article(h(85) + "（" + h(10) + "，" + h(10) + "。" + h(10) + "），" + h(20) + "。"), h(85) + "（" + h(10) + "，" + h(10) + "。" + h(10) + "）" + ellipsis},
		"half and full width":          {article(h(85) + "（" + h(50) + "。" + h(10) + ")。"), h(85) + ellipsis},
		"title marks":                  {article(h(85) + "《" + h(50) + "！》" + h(60) + "。"), h(85) + ellipsis},
		"mark without a partner":       {article("“" + h(90) + "。" + h(60) + "。"), "“" + h(90) + "。"},
		"stray closing mark":           {article("1）" + h(90) + "。" + h(60) + "。"), "1）" + h(90) + "。"},
		"one long quotation":           {article("“" + h(90) + "，" + h(90) + "。”"), "“" + h(90) + ellipsis + "”"},
		"decimal":                      {article(h(85) + "3.14" + h(40) + "。"), h(85) + "3.14" + h(33) + ellipsis},
		"grouped number":               {article(h(100) + "，约1,000万元" + h(60) + "。"), h(100) + ellipsis},
		"web address":                  {article(h(90) + "，见 www.example.org/a?b=1!c.html" + h(60) + "。"), h(90) + ellipsis},
		"english":                      {article(strings.Repeat("One of No. 5 at 3.5 p.c. is here. ", 12)), strings.TrimSpace(strings.Repeat("One of No. 5 at 3.5 p.c. is here. ", 10))},
		"english without a stop":       {article(strings.Repeat("word ", 80)), strings.TrimSpace(strings.Repeat("word ", 60)) + ellipsis},
		"latin word at the limit":      {article(h(115) + "Shanghai eCommerce Association" + h(40)), h(115) + "Shanghai" + ellipsis},
		"heading first":                {with(article(h(90)+"。"), func(a *issue.Article) { a.Blocks = append([]issue.Block{heading(1, "一、背景。")}, a.Blocks...) }), h(90) + "。"},
		"label first":                  {article("以下是文字实录：", "聂先生：", h(90)+"。"), h(90) + "。"},
		"short paragraphs are joined":  {article("第一段。", h(60)+"。", h(30)+"。", h(90)+"。"), "第一段。" + h(60) + "。" + h(30) + "。"},
		"fills a summary":              {with(article(h(20)+"。"), func(a *issue.Article) { a.Blocks = append(a.Blocks, heading(1, "一"), para(h(90)+"。")) }), h(90) + "。"},
		"only a label":                 {article("以下是文字实录："), "以下是文字实录："},
		"bracketed line":               {article("（此件公开发布）", h(90)+"。"), h(90) + "。"},
		"contact, date":                {article("联系人：王先生", "电 话：010-1234", "2015 年 4 月 3 日", h(90)+"。"), h(90) + "。"},
		"the title again":              {article("题目", h(90)+"。"), h(90) + "。"},
		"profile":                      {issue.Article{Kind: issue.KindProfile, Profile: &issue.Profile{Scope: "茶叶零售。"}, Blocks: []issue.Block{para("介绍。")}}, "茶叶零售。"},
		"profile without scope":        {issue.Article{Kind: issue.KindProfile, Blocks: []issue.Block{para("会员企业情况介绍："), para("公司很小。")}}, "公司很小。"},
		"profile label":                {issue.Article{Kind: issue.KindProfile, Blocks: []issue.Block{para("企业简介：公司很小。")}}, "公司很小。"},
		"document": {with(article("各区县商务主管部门：", "现将要点印发给你们，请认真贯彻。", "市商务局"), func(a *issue.Article) {
			a.Document = &issue.Document{Addressee: "各区县商务主管部门：", Signer: "市商务局"}
		}), "现将要点印发给你们，请认真贯彻。"},
		"asterisks": {article("（四）**加强建设。**出台办法。"), "（四）加强建设。出台办法。"},
		"controls":  {article("坏\x00字\u202e符。"), "坏字符。"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := summary(tc.a, leadMax); got != tc.want {
				t.Errorf("got  %s (%d Han)\nwant %s (%d Han)", got, han(got), tc.want, han(tc.want))
			}
		})
	}
}

// balanced says whether each opening mark of s has its partner.
func balanced(s string) bool {
	t := analyse(s)
	for i := range t.r {
		if strings.ContainsRune(openers, t.r[i]) && t.close[i] == 0 {
			return false
		}
	}
	return true
}

// TestSummaryProperty: whatever the text, a summary has at most 120 Han, is one
// stretch of the text, opens nothing that it does not close and ends neither in the
// middle of a Latin word nor of a number.
func TestSummaryProperty(t *testing.T) {
	atom := rapid.SampledFrom([]string{
		"茶", "云溪", "山水之间的人家", "，", "。", "；", "、", "！", "？", "……", "：", "B2C", "eCommerce", "3.14", "1,000", "2015年", " ", "www.example.org/a.b?c=d",
	})
	var phrase func(depth int) *rapid.Generator[string]
	phrase = func(depth int) *rapid.Generator[string] {
		return rapid.Custom(func(t *rapid.T) string {
			var s strings.Builder
			for range rapid.IntRange(0, 24).Draw(t, "parts") {
				if depth < 2 && rapid.IntRange(0, 5).Draw(t, "pair") == 0 {
					p := rapid.SampledFrom([]string{"（）", "“”", "‘’", "《》", "()", "【】", "（)", "「」"}).Draw(t, "marks")
					r := []rune(p)
					s.WriteString(string(r[0]) + phrase(depth+1).Draw(t, "inner") + string(r[1]))
					continue
				}
				s.WriteString(atom.Draw(t, "atom"))
			}
			return s.String()
		})
	}
	rapid.Check(t, func(t *rapid.T) {
		source := text(phrase(0).Draw(t, "text"))
		a := issue.Article{Kind: issue.KindArticle, Title: "题目", Blocks: []issue.Block{para(source)}}
		got := summary(a, leadMax)
		if n := han(got); n > 120 {
			t.Fatalf("%d Han: %s", n, got)
		}
		if !balanced(got) {
			t.Fatalf("opens more than it closes: %s\nof %s", got, source)
		}
		if got == source || got == "" {
			return
		}
		kept := got
		if !strings.Contains(source, kept) {
			kept = strings.TrimRight(kept, closers)
			kept = strings.TrimSuffix(kept, ellipsis)
		}
		at := strings.Index(source, kept)
		if at < 0 {
			t.Fatalf("%s\nis no part of\n%s", got, source)
		}
		if at+len(kept) < len(source) && strings.Count(source, kept) > 1 {
			return // which of them it is cannot be told
		}
		before, after := []rune(kept), []rune(source[at+len(kept):])
		if len(before) > 0 && len(after) > 0 && latin(before[len(before)-1]) && latin(after[0]) {
			t.Fatalf("cut inside a word: %s|%s", kept, string(after))
		}
	})
}

// TestPassage: what a summary is cut from.
func TestPassage(t *testing.T) {
	article := func(title string, paragraphs ...string) issue.Article {
		a := issue.Article{Kind: issue.KindArticle, Title: title}
		for _, p := range paragraphs {
			a.Blocks = append(a.Blocks, para(p))
		}
		return a
	}
	const greeting = "各位同仁，大家上午好，感谢各位在百忙之中前来参加今天的会，也感谢会务组同志们连日来的辛苦，天气转凉，请大家注意添衣保暖，多多保重身体。"
	const news = "春茶产销对接会昨日签下三亿元订单，九个省的采购商到场看样，绿茶占了三分之二，白茶增长最快，协会说下半年还要办一次，地点放在港区的新仓库。"
	title := "春茶产销对接会签下三亿元订单"
	for name, tc := range map[string]struct {
		a    issue.Article
		want string
	}{
		"the beginning":                      {article(title, news, greeting), news + greeting},
		"what the title speaks of":           {article(title, greeting, news), news},
		"nothing speaks of it":               {article("无关", greeting, news), greeting + news},
		"not what leans on the one before":   {article(title, greeting, "但"+news), greeting + "但" + news},
		"a sentence inside":                  {article(title, greeting+news), news},
		"the only one that speaks of it":     {article("绿茶", append(slices.Repeat([]string{greeting}, 15), news)...), news},
		"below the paragraphs that are read": {article(title, append(slices.Repeat([]string{greeting}, 16), news)...), greeting + greeting},
		"english":                            {article("Guild opens a roasting school", "Dear members. Winter is coming, keep warm and write often.", "The guild opens its roasting school in March, with room for twelve."), "The guild opens its roasting school in March, with room for twelve."},
		"a speaker":                          {article("茶叶咖啡", "茗讯："+news, greeting), "茗讯：" + news + greeting},
	} {
		t.Run(name, func(t *testing.T) {
			if got := passage(tc.a); got != tc.want {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
		})
	}
}

func latin(r rune) bool { return r < 0x250 && (unicode.IsLetter(r) || unicode.IsDigit(r)) }

func TestSummaryOfALargeParagraphIsCheap(t *testing.T) {
	s := strings.Repeat("（“《", 500_000) + strings.Repeat("》", 500_000)
	if got := summary(issue.Article{Blocks: []issue.Block{para(s)}}, leadMax); len(got) > 2000 {
		t.Errorf("%d bytes", len(got))
	}
}
