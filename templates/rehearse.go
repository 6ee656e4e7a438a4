package templates

import (
	"time"

	"yizhan/issue"
)

// rehearse renders a short issue with every template.
func (s *Set) rehearse() error {
	paragraph := issue.Block{Kind: issue.BlockParagraph, Text: "正文。"}
	in := Input{
		PublicURL: "https://news.example.org", UnsubscribeURL: "https://news.example.org/unsubscribe",
		Imprint: Imprint{Address: "地址", Contact: "联系", ICP: "备案"}, Pictures: map[string]string{"picture.png": "http://mmbiz.qpic.cn/1"},
		Issue: issue.Issue{
			ID: "1", Title: "题", Publisher: "会", PublisherEN: "Association", Sponsor: "会", Notice: "注意", Date: "2026-01-01",
			Editors: []issue.Editor{{Role: "编辑", Name: "某"}},
			Sections: []issue.Section{
				{Name: "寄语", Articles: []issue.Article{{Kind: issue.KindEditorial, Byline: "编者", Blocks: []issue.Block{paragraph}}}},
				{Name: "要闻", Articles: []issue.Article{{
					Title: "文章", Byline: "某", Source: "某", ExcerptedFrom: "某", Summary: "摘要。", Blocks: []issue.Block{
						{Kind: issue.BlockHeading, Text: "一"},
						paragraph,
						{Kind: issue.BlockItem, Text: "项"},
						{Kind: issue.BlockQuote, Text: "引"},
						{Kind: issue.BlockImage, Text: "图", Image: &issue.Image{Name: "picture.png", Width: 3, Height: 2}},
						{Kind: issue.BlockTable, Rows: [][]string{{"甲", "乙"}}},
					},
				}}},
				{Name: "会员", Articles: []issue.Article{{Kind: issue.KindProfile, Title: "公司", Profile: &issue.Profile{Membership: "会员", Scope: "业务", Website: "www.example.org"}}}},
			},
		},
	}
	for _, in.Language = range []string{"zh-CN", "en"} {
		if _, err := s.Email(in); err != nil {
			return err
		}
		in.Locked = []int{2}
		if _, err := s.Web(in); err != nil {
			return err
		}
		if err := s.rehearseSite(in); err != nil {
			return err
		}
		if _, err := s.Article(in); err != nil {
			return err
		}
		if _, err := s.articleFit(in, fit{listed: everything}, true); err != nil {
			return err
		}
		if err := s.rehearsePages(in.Language); err != nil {
			return err
		}
		for kind := range chineseLetters() {
			letter := Letter{Kind: kind, Language: in.Language, Title: "题", Imprint: in.Imprint, Valid: 72 * time.Hour}
			if words, _ := letterWords(kind, in.Language, ""); words.Button != "" {
				letter.Link = in.UnsubscribeURL
			}
			if _, err := s.Letter(letter); err != nil {
				return err
			}
		}
		for _, state := range []string{"ask", "left", "done", "thanked", "undone", "error"} {
			for _, problem := range []string{"link", "busy"} {
				data := Unsubscribe{State: state, Title: "题", Action: "/unsubscribe", Explain: "/unsubscribe", Problem: problem, Error: "错"}
				if _, err := s.Page("unsubscribe", in.Language, data); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// rehearseSite renders the public pages.
func (s *Set) rehearseSite(in Input) error {
	latest := s.Listed(in)
	site := Site{Title: "题", PublicURL: in.PublicURL, Imprint: in.Imprint, Language: in.Language}
	for name, data := range map[string]any{
		"home":    Home{Latest: &latest, Earlier: []View{latest}, More: true},
		"issues":  Archive{Years: []Year{{Name: s.YearName(2026, in.Language), Issues: []View{latest}}}},
		"missing": nil,
		"denied":  nil,
	} {
		if _, err := s.SitePage(name, site, data); err != nil {
			return err
		}
	}
	if _, err := s.Atom(Feed{Site: site, Entries: []FeedEntry{{Issue: latest}}}); err != nil {
		return err
	}
	for n := range 3 {
		if _, err := s.ArticlePage(in, n+1); err != nil {
			return err
		}
	}
	return nil
}
