package templates

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf16"

	"yizhan/issue"
)

// The limits of a WeChat article, from the platform's page on drafts
// (draft/add, as changed on 2025-12-19). WeChat says 字 and does not say how it
// counts; we count UTF-16 units, which is never less than any other reading, tags
// and attributes of the content included.
const (
	MaxArticleTitle   = 32        // characters; errcode 45003
	MaxArticleAuthor  = 16        // characters; errcode 45110
	MaxArticleDigest  = 128       // characters; errcode 45004
	MaxArticleContent = 20_000    // characters, this number excluded; errcode 45002
	MaxArticleBytes   = 1_000_000 // bytes of the content in UTF-8; errcode 45002
	MaxArticleSource  = 1_024     // bytes of the address behind 阅读原文; errcode 45005
)

// Article is an issue rendered as a WeChat article, within all limits: what
// draft/add wants of it but for the cover, see [Cover]. It holds nothing that
// is one reader's own.
type Article struct {
	Title     string
	Author    string // may be empty
	Digest    string // the line under the title in the message
	Content   string // HTML that WeChat's filter leaves as it is, see [Filter]
	SourceURL string // 阅读原文: the issue's web page

	// Links are the addresses of the numbered footnotes, in order; they are in
	// Content, too.
	Links []string
	// Headlines, Credits and Sections are what a reader must find in Content.
	Headlines, Credits, Sections []string
	// Diagnostics say what was shortened to get inside the limits.
	Diagnostics []issue.Diagnostic
}

// Cover is the picture above an article's title, 900×383.
type Cover struct {
	PNG []byte
	// Diagnostics say which lines could not be drawn, and for which characters.
	Diagnostics []issue.Diagnostic
}

// ErrTooLong is the error of an issue whose headlines and credits alone are more
// than a WeChat article holds.
var ErrTooLong = errors.New("the issue is too long for a WeChat article")

// Article renders the digest as a WeChat article: every section, headline and
// credit, and as much of the summaries as there is room for. Links that WeChat
// takes out become footnotes. An article that breaks a rule of [CheckArticle]
// is an error that names each of them; an issue with too many headlines is
// [ErrTooLong].
func (s *Set) Article(in Input) (Article, error) {
	in.Sections = nil
	if err := in.validate(false); err != nil {
		return Article{}, fmt.Errorf("render WeChat article: %w", err)
	}
	a, err := s.fittedArticle(in)
	if err != nil {
		return Article{}, fmt.Errorf("render WeChat article: %w", err)
	}
	if found := CheckArticle(a); len(found) > 0 {
		errs := make([]error, len(found))
		for i, f := range found {
			errs[i] = f
		}
		return Article{}, fmt.Errorf("render WeChat article: it breaks its rules, mend wechat.html: %w", errors.Join(errs...))
	}
	return a, nil
}

// name sets title, author and digest, each shortened by rule when it is too
// long.
func (a *Article) name(in Input, v View) {
	shortened := func(code, what, to string) {
		a.Diagnostics = append(a.Diagnostics, issue.Diagnostic{Code: code, Severity: issue.Warning, Text: fmt.Sprintf("公众号文章的%s太长，已改为“%s”", what, to)})
	}
	named := v
	if v.Correction != "" {
		named.Title = v.L.correction + v.Title
	}
	full := strings.TrimSpace(named.Title + " " + v.IssueName)
	if a.Title = full; units(full) > MaxArticleTitle {
		a.Title = shortTitle(in.Issue, named)
		shortened("wechat-title", "标题", a.Title)
	}
	author := or(v.Publisher, v.Sponsor)
	if a.Author = author; units(author) > MaxArticleAuthor {
		// The periodical's name is better than half the publisher's.
		if a.Author = v.Title; units(v.Title) > MaxArticleAuthor {
			a.Author = within(author, MaxArticleAuthor)
		}
		shortened("wechat-author", "作者", a.Author)
	}
	// 120 and not 128: 字 may be counted otherwise than we do.
	a.Digest = within(v.preheader(), MaxArticleDigest-8)
	a.SourceURL = v.WebURL
}

// shortTitle is the longest name of the issue that is short enough; the
// article's text has the full one.
func shortTitle(i issue.Issue, v View) string {
	var names []string
	if v.L.Lang == "zh-CN" {
		part := i
		part.Total = 0
		names = append(names, v.L.issueName(part))
		part.Year = 0
		names = append(names, v.L.issueName(part))
		if i.Total > 0 {
			names = append(names, fmt.Sprintf("总第%d期", i.Total))
		}
	} else if i.Total > 0 {
		names = append(names, fmt.Sprintf("Issue %d", i.Total))
	}
	for _, name := range names {
		if s := v.Title + " " + line(name); name != "" && units(s) <= MaxArticleTitle {
			return s
		}
	}
	// The periodical's name is longer than the title may be: the number stays.
	for _, name := range append(names, v.IssueName) {
		if room := MaxArticleTitle - units(name) - 1; name != "" && room >= MaxArticleTitle/2 {
			return within(v.Title, room) + " " + name
		}
	}
	return within(v.Title, MaxArticleTitle)
}

// within returns s when it has at most n characters as WeChat may count them,
// else as much of its beginning as fits with an ellipsis.
func within(s string, n int) string {
	if units(s) <= n {
		return s
	}
	room, out := n-1, ""
	for _, r := range s {
		if room -= utf16.RuneLen(r); room < 0 {
			break
		}
		out += string(r)
	}
	return strings.TrimSpace(out) + "…"
}

// units counts the UTF-16 units of s.
func units(s string) int {
	n := 0
	for _, r := range s {
		n += utf16.RuneLen(r)
	}
	return n
}
