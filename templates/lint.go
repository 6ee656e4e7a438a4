package templates

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"

	"golang.org/x/net/html"

	"yizhan/issue"
)

// Lint is a rule that a whole issue is held against before it is approved. Unlike
// those of [Check] it may be broken on purpose: how grave that is the operator says.
type Lint string

// The lints.
const (
	// LintCredit: an article says neither who wrote it nor where it comes from.
	LintCredit Lint = "credit-missing"
	// LintAnchor: a link of the web page or the mail leads to no place on it.
	LintAnchor Lint = "dead-anchor"
	// LintTitle: a title is longer than WeChat takes, see [MaxArticleTitle].
	LintTitle Lint = "wechat-title"
	// LintAdvertising: there is advertising in the issue, and the subject does not
	// begin with 广告 or AD, as 互联网电子邮件服务管理办法 (2006) art. 13 wants.
	LintAdvertising Lint = "ad-prefix"
	// LintInternal: the issue lacks what 内部资料性出版物管理办法 (2015) art. 14 and
	// 15 want of a printed bulletin for members, or has what they forbid.
	LintInternal Lint = "internal-material"
)

// Lint holds an issue against the lints that have a severity, and names each break
// with the words to mend it.
func (s *Set) Lint(in Input, levels map[Lint]issue.Severity) ([]issue.Diagnostic, error) {
	var found []issue.Diagnostic
	add := func(lint Lint, format string, args ...any) {
		if level := levels[lint]; level != "" {
			found = append(found, issue.Diagnostic{Code: string(lint), Severity: level, Text: fmt.Sprintf(format, args...)})
		}
	}
	in.Sections = nil
	d, err := s.Email(in)
	if err != nil {
		return nil, err
	}
	page, err := s.Web(in)
	if err != nil {
		return nil, err
	}
	lintArticles(in.Issue, d.Subject, add)
	for name, part := range map[string][]byte{"邮件": d.HTML, "网页": page} {
		for _, anchor := range deadAnchors(part) {
			add(LintAnchor, "%s里的链接 #%s 没有着落：检查模板", name, anchor)
		}
	}
	if levels[LintInternal] != "" {
		lintInternal(in, func(format string, args ...any) { add(LintInternal, format, args...) })
	}
	return found, nil
}

type lintFunc func(lint Lint, format string, args ...any)

// advertising names sections and titles that offer something for sale.
var advertising = regexp.MustCompile(`(?i)广告|推广|赞助|sponsored|advertis`)

func lintArticles(i issue.Issue, subject string, add lintFunc) {
	advertised := ""
	for _, sec := range i.Sections {
		for _, a := range sec.Articles {
			title := or(line(a.Title), line(sec.Name))
			if a.Kind == issue.KindArticle && a.Byline == "" && a.Source == "" && a.ExcerptedFrom == "" && (a.Document == nil || a.Document.Number == "") {
				add(LintCredit, "《%s》没有作者，也没有来源", title)
			}
			if n := units(title); n > MaxArticleTitle {
				add(LintTitle, "《%s》的标题有 %d 字，公众号文章的标题最多 %d 字", title, n, MaxArticleTitle)
			}
			if advertised == "" && (advertising.MatchString(sec.Name) || advertising.MatchString(a.Title)) {
				advertised = title
			}
		}
	}
	marked := strings.HasPrefix(strings.TrimLeft(subject, "[【（("), "广告") || strings.HasPrefix(subject, "AD")
	if advertised != "" && !marked {
		add(LintAdvertising, "《%s》像是广告，邮件主题就要以“广告”或“AD”开头：在刊名前面写上", advertised)
	}
}

// deadAnchors are the targets of a page's jump links that are not on it.
func deadAnchors(page []byte) []string {
	root, err := html.Parse(bytes.NewReader(page))
	if err != nil {
		return nil // a reader in memory does not fail
	}
	places := map[string]bool{"": true, "top": true}
	var jumps []string
	for n := range root.Descendants() {
		for _, a := range n.Attr {
			switch {
			case a.Key == "id" || a.Key == "name" && n.Data == "a":
				places[a.Val] = true
			case a.Key == "href" && strings.HasPrefix(a.Val, "#"):
				jumps = append(jumps, a.Val[1:])
			}
		}
	}
	var dead []string
	for _, to := range jumps {
		if !places[to] {
			dead = append(dead, to)
			places[to] = true // once
		}
	}
	return dead
}

// What an internal bulletin has to print, and must not (art. 14 and 15).
var (
	internalWanted = []struct {
		what string
		is   *regexp.Regexp
	}{
		{"“内部资料，免费交流”", regexp.MustCompile(`内部资料\s*[，,、·]?\s*免费交流`)},
		{"准印证编号", regexp.MustCompile(`准印证|准印号|[（(]?\S{1,6}[)）]?\s*准印`)},
		{"编印单位", regexp.MustCompile(`编印|主办|出版`)},
		{"发送对象", regexp.MustCompile(`发送对象|发送范围`)},
		{"印刷单位", regexp.MustCompile(`印刷单位|承印|印刷[:：]`)},
		{"印刷日期", regexp.MustCompile(`印刷日期|印刷时间`)},
		{"印数", regexp.MustCompile(`印数|印量`)},
	}
	internalBarred = []struct {
		what string
		is   *regexp.Regexp
	}{
		{"“本报”“本刊”", regexp.MustCompile(`本报|本刊`)},
		{"“记者”署名", regexp.MustCompile(`记者`)},
		{"“刊号”", regexp.MustCompile(`刊号|ISSN|CN\d{2}-`)},
		{"定价", regexp.MustCompile(`定价|售价|工本费`)},
		{"“协办”", regexp.MustCompile(`协办`)},
	}
	// periodicalName is a name such as only a registered periodical may have.
	periodicalName = regexp.MustCompile(`(报|刊|杂志)$`)
)

func lintInternal(in Input, add func(format string, args ...any)) {
	i := in.Issue
	printed := []string{i.Notice, i.Sponsor, i.Publisher, in.Imprint.Address, in.Imprint.Contact}
	if i.Sponsor != "" {
		printed = append(printed, "主办")
	}
	for _, e := range i.Editors {
		printed = append(printed, e.Role+"："+e.Name)
	}
	all := strings.Join(printed, "\n")
	for _, w := range internalWanted {
		if !w.is.MatchString(all) {
			add("内部资料要印明%s：写在刊头或编辑名单里", w.what)
		}
	}
	if i.Number == 0 && i.Total == 0 {
		add("内部资料要有期号")
	}
	if title := line(i.Title); periodicalName.MatchString(title) {
		add("内部资料不能叫“%s”：名称不用“报”“刊”“杂志”", title)
	}
	for _, sec := range i.Sections {
		if advertising.MatchString(sec.Name) {
			add("内部资料不能登广告：栏目【%s】", line(sec.Name))
		}
		for _, a := range sec.Articles {
			words := strings.Join(append(a.Paragraphs(), a.Title, a.Byline, a.Source), "\n")
			for _, b := range internalBarred {
				if b.is.MatchString(words) {
					add("内部资料不用%s：《%s》", b.what, or(line(a.Title), line(sec.Name)))
				}
			}
		}
	}
}
