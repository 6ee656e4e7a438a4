package templates

import (
	"fmt"

	"yizhan/issue"
)

// articleRoom is how long a content may get while there is still something to
// shorten. Nobody has measured how WeChat counts, so it stays clear of the
// limit.
const articleRoom = 18_000

// fittedArticle renders with the most generous fit that stays below the limit:
// leads get shorter, then the pictures go, then the later articles lose their
// leads, then the look goes.
func (s *Set) fittedArticle(in Input) (Article, error) {
	in.leads = leads(in.Issue)
	articles := 0
	for _, sec := range in.Issue.Sections {
		articles += len(sec.Articles)
	}
	tooLong := func(units int) error {
		return fmt.Errorf("%w: the headlines and sources of its %d articles alone take %d characters, WeChat takes fewer than %d: divide the issue, or send it on other channels only",
			ErrTooLong, articles, units, MaxArticleContent)
	}
	// No headline takes less than that: what cannot fit is not tried.
	if least := articles * len("<p><strong></strong></p>"); least >= MaxArticleContent {
		return Article{}, tooLong(least)
	}
	pictured := []bool{false}
	if len(figures(in)) > 0 {
		pictured = []bool{true, false}
	}
	for _, pictures := range pictured {
		for _, lead := range []int{leadMax, 80, 50} {
			a, err := s.articleFit(in, fit{listed: everything, led: everything, lead: lead, note: noteMax, pictures: pictures}, false)
			if err != nil || units(a.Content) <= articleRoom {
				return a, err
			}
		}
	}
	var best Article
	low, high := 0, articles
	for low <= high {
		n := (low + high) / 2
		a, err := s.articleFit(in, fit{listed: everything, led: n, lead: 50}, false)
		if err != nil {
			return a, err
		}
		if units(a.Content) <= articleRoom {
			best, low = a, n+1
		} else {
			high = n - 1
		}
	}
	if best.Content != "" {
		return best, nil
	}
	a, err := s.articleFit(in, fit{listed: everything}, true)
	if n := units(a.Content); err == nil && n >= MaxArticleContent {
		return Article{}, tooLong(n)
	}
	return a, err
}

// articleFit renders the article with one fit.
func (s *Set) articleFit(in Input, f fit, dense bool) (Article, error) {
	v := s.view(in, f)
	v.Dense = dense
	a := Article{Headlines: v.headlines(false)}
	brief := v.annotate(in)
	a.Links = v.Links
	if f.pictures {
		v.illustrate(figures(in))
	} else if n := len(figures(in)); n > 0 {
		a.Diagnostics = append(a.Diagnostics, issue.Diagnostic{
			Code: "wechat-pictures", Severity: issue.Warning, Text: fmt.Sprintf("公众号文章放不下图片，略去了 %d 张，网页上都有", n),
		})
	}
	for _, sec := range in.Issue.Sections {
		if name := line(sec.Name); name != "" && len(sec.Articles) > 0 {
			a.Sections = append(a.Sections, name)
		}
	}
	for _, e := range v.entries() {
		a.Credits = append(a.Credits, e.Credits...)
	}
	articles := len(a.Headlines)
	v.Remark = fmt.Sprintf(v.L.articleTotal, articles)
	if brief > 0 {
		v.Remark = fmt.Sprintf(v.L.articleBrief, articles, brief)
	}
	a.name(in, v)
	if short, _ := shortfall(in, v); short > 0 {
		a.Diagnostics = append(a.Diagnostics, issue.Diagnostic{
			Code: "wechat-content", Severity: issue.Warning,
			Text: fmt.Sprintf("公众号文章不得满 %d 字符：全文共 %d 篇，%d 篇的摘要有所缩短，其中 %d 篇只有标题和来源", MaxArticleContent, articles, short, brief),
		})
	}
	raw, err := execute(s.article, v)
	if err != nil {
		return Article{}, err
	}
	a.Content = fragment(blank.ReplaceAllString(string(raw), ""), keepAll)
	return a, nil
}

// annotate gives each entry what only the article has: credits even without a
// lead, and footnotes for its links. It returns how many entries have no more
// than a headline and credits although their articles have more.
func (v *View) annotate(in Input) (brief int) {
	var notes footnotes
	var articles []issue.Article
	for _, sec := range in.Issue.Sections {
		articles = append(articles, sec.Articles...)
	}
	n := 0
	each := func(e *Entry) {
		a := articles[n]
		n++
		if e.Brief {
			e.Credits = v.credits(a)
		}
		e.Heading = []Mark{{Text: e.Title}}
		if e.Website != nil && e.Website.Href != "" {
			e.Heading[0] = notes.mark(e.Title, e.Website.Href)
		}
		for _, p := range e.Text {
			e.Shown = append(e.Shown, notes.paragraph(a, p))
		}
		if e.Lead != "" {
			e.Shown = append(e.Shown, notes.paragraph(a, e.Lead))
		}
		if e.Shown == nil && summary(a, leadMax) != "" {
			brief++
		}
	}
	for i := range v.Notes {
		each(&v.Notes[i])
	}
	for i := range v.Sections {
		for j := range v.Sections[i].Entries {
			each(&v.Sections[i].Entries[j])
		}
	}
	v.Links = notes.links
	return brief
}
