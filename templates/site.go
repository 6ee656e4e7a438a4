package templates

import (
	"errors"
	"fmt"
	"html/template"
	"slices"
	"strings"
)

// ErrNoArticle says that an issue has no article of this number.
var ErrNoArticle = errors.New("the issue has no such article")

// Site is what the public pages say of the periodical. What an issue says of it is
// that of the newest one.
type Site struct {
	Title     string
	PublicURL string
	Imprint   Imprint
	Language  string
}

// Home is the data of the page "home".
type Home struct {
	Latest *View // nil: nothing was published yet
	// Earlier are some of the others, newest first; More says that there are more.
	Earlier []View
	More    bool
}

// Archive is the data of the page "issues": the years, newest first.
type Archive struct{ Years []Year }

// Year is one year of an [Archive].
type Year struct {
	Name   string // 2015年
	Issues []View // newest first
}

// reading is the data of the page "article".
type reading struct {
	Issue          View
	Section        string
	Entry          Entry
	Previous, Next *Entry
}

// siteView is what site.html and the templates in site/ are given.
type siteView struct {
	L     Labels
	W     Words
	CSS   template.CSS
	Title string // of the periodical
	// Canonical is the page's lasting address; "": it has none.
	Canonical  string
	Imprint    Imprint
	LinkedData any
	Data       any
}

// SitePage renders one of the public pages: home with [Home], issues with
// [Archive], missing with nil.
func (s *Set) SitePage(name string, site Site, data any) ([]byte, error) {
	t, ok := s.site[name]
	if !ok {
		return nil, fmt.Errorf("render page: there is no template site/%s.html", name)
	}
	v := s.siteView(site)
	switch d := data.(type) {
	case Home:
		v.Canonical = strings.TrimRight(site.PublicURL, "/") + "/"
		v.LinkedData = periodical(v.Title, site, d.Latest)
	case Archive:
		v.Canonical = strings.TrimRight(site.PublicURL, "/") + "/issues"
	}
	v.Data = data
	return execute(t, v)
}

func (s *Set) siteView(site Site) siteView {
	return siteView{
		L: labels(site.Language), W: siteWords(site.Language), CSS: s.css["site.css"], Title: line(site.Title),
		Imprint: site.Imprint.clean(),
	}
}

// Listed is an issue as lists of issues and feeds show it: headlines, credits and
// leads, no text.
func (s *Set) Listed(in Input) View {
	in.Sections = nil
	return s.view(in, fit{listed: everything, led: everything, lead: leadMax})
}

// YearName is how a list calls a year.
func (s *Set) YearName(year int, language string) string {
	switch {
	case year == 0:
		return siteWords(language).Undated
	case labels(language).Lang == "en":
		return fmt.Sprint(year)
	}
	return fmt.Sprintf("%d年", year)
}

// ArticlePage renders the page of the issue's n-th article, counted from 1 as
// printed; [ErrNoArticle] when there is none.
func (s *Set) ArticlePage(in Input, n int) ([]byte, error) {
	if err := in.validate(false); err != nil {
		return nil, fmt.Errorf("render article: %w", err)
	}
	in.Sections = nil
	issue := s.view(in, fit{listed: everything, led: everything, lead: leadMax, blocks: true, folder: "."})
	entries := issue.entries()
	at := slices.IndexFunc(entries, func(e Entry) bool { return e.N == n })
	if at < 0 {
		return nil, ErrNoArticle
	}
	r := reading{Issue: issue, Entry: entries[at]}
	for _, sec := range issue.Sections {
		if slices.ContainsFunc(sec.Entries, func(e Entry) bool { return e.N == n }) {
			r.Section = sec.Name
		}
	}
	if at > 0 {
		r.Previous = &entries[at-1]
	}
	if at+1 < len(entries) {
		r.Next = &entries[at+1]
	}
	v := s.siteView(Site{Title: issue.Title, PublicURL: in.PublicURL, Imprint: in.Imprint, Language: in.language()})
	v.Canonical = r.Entry.Permalink
	v.LinkedData = article(issue, r.Entry)
	v.Data = r
	return execute(s.site["article"], v)
}

// SiteStyleHash is [Set.StyleHash] of the pages in site/.
func (s *Set) SiteStyleHash() string { return styleHash(s.css["site.css"]) }
