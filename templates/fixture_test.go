package templates

import (
	"strings"

	"pgregory.net/rapid"

	"yizhan/issue"
)

func para(text string) issue.Block { return issue.Block{Kind: issue.BlockParagraph, Text: text} }

func heading(level int, text string) issue.Block {
	return issue.Block{Kind: issue.BlockHeading, Level: level, Text: text}
}

// spans makes a paragraph; a part with ** in front is strong, one with @ a link.
func spans(parts ...string) issue.Block {
	b := issue.Block{Kind: issue.BlockParagraph}
	for _, p := range parts {
		from := len(b.Text)
		strong, link := strings.HasPrefix(p, "**"), strings.HasPrefix(p, "@")
		p = strings.TrimLeft(p, "*@")
		b.Text += p
		if s := (issue.Span{From: from, To: len(b.Text), Strong: strong}); strong || link {
			if link {
				s.Href = "http://" + p
			}
			b.Spans = append(b.Spans, s)
		}
	}
	return b
}

// fixture is a small bulletin of a fictional association of tea merchants.
func fixture() issue.Issue {
	return issue.Issue{
		ID: "58", Number: 3, Total: 58, Year: 2024, Months: []int{5, 6}, Combined: true,
		Title: "云溪茶讯", Publisher: "云溪市茶叶流通协会", PublisherEN: "Yunxi Tea Trade Association",
		Sponsor: "云溪市茶叶流通协会", Notice: "内部资料 免费交流", Date: "2024-06-28",
		Editors: []issue.Editor{{Role: "编辑", Name: "沈若溪"}, {Role: "责任编辑", Name: "顾长青"}},
		Sections: []issue.Section{
			{Name: "卷首语", Articles: []issue.Article{{
				Kind: issue.KindEditorial, Title: "卷首语", Blocks: []issue.Block{
					para("谷雨过后，山上的新茶陆续下了树，山下的账本也翻开了新的一页。今年春天雨水偏少，头采比往年晚了六天，鲜叶的价格却比去年同期高出一成。"),
					para("怎样让多出来的这一成落到茶农手里，又不让喝茶的人觉得贵，是本期几篇文章共同的话题。我们也把几家新会员的情况登在后面，欢迎大家互相走动。"),
				},
			}}},
			{Name: "要闻", Articles: []issue.Article{
				{
					Kind: issue.KindArticle, Title: "全市春茶产销对接会举行 现场签约“一亩一码”订单3.2亿元",
					Byline: "本刊记者 林晚", Source: "云溪茶业网", ExcerptedFrom: "山城日报",
					Summary: "春茶产销对接会签下三亿二千万元订单，首次要求每一批茶叶附上“一亩一码”的产地凭证，买卖双方都说心里有了底。",
					Blocks: []issue.Block{
						para("5月18日，全市春茶产销对接会在云溪会展中心举行。"),
						heading(1, "一、订单从哪里来"),
						spans("来自", "**九个省", "的采购商到场看样，详情见 ", "@www.tea.example", " 的公告。"),
						{Kind: issue.BlockQuote, Text: "码贴上去，茶就有了身份证。"},
						{Kind: issue.BlockTable, Text: "品种\t订单\n绿茶\t2.1亿元", Rows: [][]string{{"品种", "订单"}, {"绿茶", "2.1亿元"}}},
						heading(2, "（一）绿茶仍是大头"),
						para("绿茶签约额占三分之二，白茶增长最快。"),
					},
				},
				{
					Kind: issue.KindArticle, Title: "协会召开六届二次理事会",
					Source: "协会秘书处",
					Blocks: []issue.Block{
						para("以下是会议摘录："),
						para("六届二次理事会听取了上半年的工作报告，审议通过了《会员服务公约》和新一年的培训计划。理事们认为，行业眼下最缺的不是产量，而是能把一杯茶讲清楚的人；培训要走到车间和门店里去，让炒茶的师傅和站柜台的店员都有机会开口。会议还决定把每年十月的第二周定为“走茶山”活动周。"),
						para("会议由顾长青主持。"),
					},
				},
			}},
			{Name: "政策法规", Articles: []issue.Article{{
				Kind: issue.KindArticle, Title: "关于开展《茶叶包装减量行动方案》试点工作的通知", Source: "市商务局网站",
				Document: &issue.Document{Number: "云商发〔2024〕31号", Addressee: "各区县商务主管部门、有关企业：", Signer: "市商务局", Date: "2024年5月30日", Contacts: []string{"联系人：流通科 小周"}, Attachment: "茶叶包装减量行动方案"},
				Blocks: []issue.Block{
					para("各区县商务主管部门、有关企业："),
					para("为减少过度包装，引导企业把成本花在茶叶本身，现就包装减量试点工作通知如下，请结合实际认真落实，并于九月底以前报送进展情况，试点企业名单、包装样品照片和减量数据一并附上，迟报或者漏报的单位不参加年底评比。"),
					para("联系人：流通科 小周"),
					para("市商务局"),
					para("2024年5月30日"),
					heading(0, "茶叶包装减量行动方案"),
					heading(1, "一、目标"),
					{Kind: issue.BlockItem, Text: "（一）礼盒的空隙率不高于百分之四十。"},
					{Kind: issue.BlockItem, Text: "（二）内外包装不超过三层。"},
				},
			}}},
			{Name: "行业观察", Articles: []issue.Article{
				{
					Kind: issue.KindArticle, Title: "冷泡茶走进便利店：B2C之外的第二条路", Byline: "何知春", ExcerptedFrom: "新饮品观察",
					Blocks: []issue.Block{
						para("便利店的冰柜里，冷泡茶正在挤掉一部分汽水。几家连锁品牌给出的数字相近：今年前五个月，无糖茶的销量同比增长3.14倍，其中一半来自二十五岁以下的顾客。"),
						heading(1, "1. 谁在喝"),
						para("店员们的说法更直接：“放学以后那一个钟头，货架要补两次。”"),
					},
				},
				{
					Kind: issue.KindArticle, Title: "Why a 30-gram pouch sells better than a 250-gram tin",
					Source: "Tea Retail Notes",
					Blocks: []issue.Block{para("Small pouches move faster because a customer can try three teas for the price of one tin. Shops in the old town report that four of five first-time buyers take the 30-gram size. The margin per gram is higher, too, and nothing goes stale on the shelf. A tin is still what people give to their parents.")},
				},
			}},
			{Name: "新会员", Articles: []issue.Article{
				{
					Kind: issue.KindProfile, Title: "云溪半山茶业有限公司",
					Profile: &issue.Profile{Membership: "理事单位", Scope: "茶叶种植、初制与精制加工，茶具零售，茶园观光，茶艺培训。", Website: "www.banshan-tea.example"},
					Blocks:  []issue.Block{para("主要业务经营范围：茶叶种植、初制与精制加工，茶具零售，茶园观光，茶艺培训。"), para("公司在海拔八百米的半山有茶园四百亩。")},
				},
				{
					Kind: issue.KindProfile, Title: "晴川包装（云溪）有限公司",
					Profile: &issue.Profile{Membership: "会员单位", Scope: "纸制品包装设计与生产"},
					Blocks:  []issue.Block{para("专做可降解内袋的小厂，最快三天交样。")},
				},
			}},
		},
	}
}

// input is what the golden files are made from.
func input(language string) Input {
	return Input{
		Issue: fixture(), Revision: issue.Revision{N: 2}, Language: language,
		PublicURL: "https://news.example.org", UnsubscribeURL: "https://news.example.org/unsubscribe?t=TOKEN",
		Imprint: Imprint{Address: "云溪市滨江路18号", Contact: "news@example.org", ICP: "云ICP备00000000号"},
	}
}

// anyInput draws an issue of whatever the model can hold, hostile text included.
func anyInput(t *rapid.T) Input {
	word := rapid.OneOf(
		rapid.StringN(0, 60, 400),
		rapid.SampledFrom([]string{"", "标题", `<script>alert(1)</script>`, `"><img src=x onerror=1>`, "{{.Title}}", "javascript:alert(1)", "a\r\nBcc: x@example.org", "position:fixed;url(x)", "</style>", "**", "]]>", "<!--[if mso]>", "&#847;", h(300), "\xff\xfe", "http://tea.example/a?b=茶", "https://mp.weixin.qq.com/s/x"}),
	)
	article := rapid.Custom(func(t *rapid.T) issue.Article {
		a := issue.Article{
			Kind:  rapid.SampledFrom([]issue.ArticleKind{issue.KindArticle, issue.KindEditorial, issue.KindProfile, ""}).Draw(t, "kind"),
			Title: word.Draw(t, "title"), Byline: word.Draw(t, "byline"), Source: word.Draw(t, "source"), Summary: word.Draw(t, "summary"),
		}
		if rapid.Bool().Draw(t, "profile") {
			a.Profile = &issue.Profile{Membership: word.Draw(t, "membership"), Scope: word.Draw(t, "scope"), Website: word.Draw(t, "website")}
		}
		for range rapid.IntRange(0, 4).Draw(t, "blocks") {
			b := issue.Block{Kind: rapid.SampledFrom([]issue.BlockKind{issue.BlockParagraph, issue.BlockHeading, issue.BlockTable, issue.BlockImage, "?"}).Draw(t, "block"), Level: rapid.IntRange(-1, 9).Draw(t, "level"), Text: word.Draw(t, "text")}
			b.Spans = []issue.Span{{From: rapid.IntRange(-1, 20).Draw(t, "from"), To: rapid.IntRange(-1, 20).Draw(t, "to"), Strong: true, Href: word.Draw(t, "href")}}
			a.Blocks = append(a.Blocks, b)
		}
		return a
	})
	in := input(rapid.SampledFrom([]string{"zh-CN", "en", ""}).Draw(t, "language"))
	in.Issue.Title, in.Issue.Publisher = word.Draw(t, "issue title"), word.Draw(t, "publisher")
	in.Issue.Notice, in.Issue.Sponsor = word.Draw(t, "notice"), word.Draw(t, "sponsor")
	in.Issue.Sections = nil
	copies := rapid.SampledFrom([]int{1, 1, 1, 30}).Draw(t, "copies")
	for range rapid.IntRange(0, 4).Draw(t, "sections") {
		sec := issue.Section{Name: word.Draw(t, "section")}
		for _, a := range rapid.SliceOfN(article, 0, 5).Draw(t, "articles") {
			for range copies {
				sec.Articles = append(sec.Articles, a)
			}
		}
		in.Issue.Sections = append(in.Issue.Sections, sec)
	}
	return in
}
