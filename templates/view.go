package templates

import (
	"fmt"
	"html/template"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"yizhan/issue"
)

// View is what email.html, email.txt, web.html and wechat.html are given. All
// text in it is plain and clean: the templates escape it.
type View struct {
	L         Labels
	W         Words // web pages
	ID        string
	Subject   string
	Preheader string
	Filler    template.HTML // keeps the text behind the preheader out of the inbox
	CSS       template.CSS  // email.css or web.css
	HeadCSS   template.CSS  // email-head.css: what cannot be inline

	Title, Publisher, PublisherEN, Sponsor, Notice, Date string
	IssueLine                                            string   // 2015年3、4月合刊 第2期 总第142期
	IssueParts                                           []string // the same, part by part, and the date
	IssueName                                            string   // 2015年第2期（总第142期）
	Count                                                string   // 本期共 17 篇
	Chosen                                               string   // which sections the reader chose; empty: all
	Remark                                               string   // what the mail leaves to the web page; empty when nothing

	Notes    []Entry   // the editorials that the issue opens with
	Sections []Section // all others
	Contents bool      // whether there is room for the contents

	Editors        []issue.Editor
	Signature      []string
	Logo           *Logo  // nil: none
	LogoURL        string // where mailboxes find it
	Imprint        Imprint
	Reason         string
	Revision       string // 第 2 版; empty for the first
	Correction     string // that, when and what was corrected; empty when this is no correction
	WebURL         string
	ManageURL      string // where subscribers ask for the link to their page
	UnsubscribeURL string
	Original       string // web page: where the issue's own file can be had; empty: nowhere
	Remind         string // web page: where to ask to be reminded of the next issue; empty: nowhere
	LinkedData     any    // web page: what it says of itself for machines
	Number         string // in the count of the periodical, else of the year

	Dense bool     // WeChat article: no room for more than headlines and credits
	Links []string // WeChat article: the addresses of the footnotes

	total int      // articles of the issue
	leads []string // of all articles
}

// Section is one 栏目 of a [View].
type Section struct {
	Name    string
	Entries []Entry
}

// Entry is one article of a [View].
type Entry struct {
	N      int    // 1 for the issue's first article
	Anchor string // a1
	URL    string // of the article on the web page
	// Permalink is the article's own page, Page the same without the host.
	Permalink, Page string
	// Locked is a sentence that says for whom the text is, when it is not for this
	// reader; then there are no blocks.
	Locked string
	Title  string
	// Lone marks an editorial: a section that is one text without a title of
	// its own, so that Title is the section's name.
	Lone       bool
	Profile    bool
	Brief      bool // title only: for the rest there was no room
	Top        bool // the first article of all
	Row        bool // a short one: Lead is about all there is
	Membership string
	Website    *Link    // nil: none printed
	Credits    []string // byline, source, excerpted from, document number: with labels
	Lead       string
	Text       []string // an editorial's paragraphs, in full
	More       bool     // the web page has more of it

	Link    string  // web page: where the title comes from
	Summary string  // web page: the article's own abstract
	Blocks  []Block // web page: the whole text

	Heading []Mark   // WeChat article: the title, with the footnote of a member's website
	Shown   [][]Mark // WeChat article: the paragraphs of Text or Lead, with footnotes
	Figure  *Figure  // WeChat article: the article's first picture; nil: none is shown

	byline string
}

// Link is an address with the text that it was printed as. Href is empty when
// it must not be one.
type Link struct{ Text, Href string }

// view makes the view of an issue. It is the same for mail and web page but for
// what fit leaves out and what blocks adds.
func (s *Set) view(in Input, f fit) View {
	l := labels(in.language())
	i := in.Issue
	v := View{
		L: l, W: siteWords(in.language()), ID: i.ID,
		Title: or(line(i.Title), l.Untitled), Publisher: line(i.Publisher), PublisherEN: line(i.PublisherEN),
		Sponsor: line(i.Sponsor), Notice: line(i.Notice), Date: line(i.Date),
		IssueLine: line(l.issueLine(i)), IssueName: line(l.issueName(i)),
		Contents:       f.contents,
		Imprint:        in.Imprint.clean(),
		WebURL:         in.webURL(),
		ManageURL:      in.base() + "/manage/link",
		UnsubscribeURL: in.UnsubscribeURL,
		Original:       in.OriginalURL, Remind: in.RemindURL, Number: number(i),
	}
	v.IssueParts = l.issueParts(v.IssueLine)
	if v.Date != "" {
		v.IssueParts = append(v.IssueParts, l.printedDay(v.Date))
	}
	if v.leads = in.leads; v.leads == nil {
		v.leads = leads(i)
	}
	v.Correction = l.correctionOf(in)
	v.Reason = fmt.Sprintf(l.reason, v.Title)
	if in.Revision.N > 1 {
		v.Revision = fmt.Sprintf(l.revision, in.Revision.N)
	}
	for _, e := range i.Editors[:min(len(i.Editors), 20)] {
		v.Editors = append(v.Editors, issue.Editor{Role: line(e.Role), Name: line(e.Name)})
	}
	for _, sec := range i.Sections {
		v.total += len(sec.Articles)
	}
	if in.Sections != nil {
		names := i.Outline().Names(in.Sections)
		for n := range names {
			names[n] = line(names[n])
		}
		v.Chosen = fmt.Sprintf(l.chosen, strings.Join(names, l.Comma), len(in.articles()))
	}
	v.Signature = lines(s.theme.Signature)
	v.Logo = s.theme.Logo
	v.Count = v.Chosen + fmt.Sprintf(l.total, v.total)
	v.fill(in, f)
	return v
}

// fill adds the first f.listed articles of the chosen sections.
func (v *View) fill(in Input, f fit) {
	n, listed, topped := 0, 0, false
	for at, s := range in.Issue.Sections {
		if !in.Sections.Has(at) {
			n += len(s.Articles)
			continue
		}
		section := Section{Name: line(s.Name)}
		for _, a := range s.Articles {
			n++
			if listed++; listed > f.listed {
				break
			}
			locked := slices.Contains(in.Locked, at)
			e := v.entry(a, n, f, locked)
			if listed > f.led && !f.blocks {
				e = v.brief(a, n)
			}
			if locked && in.ReaderToken != "" {
				e.URL = fmt.Sprintf("%s/read?t=%s#a%d", v.WebURL, in.ReaderToken, n)
			}
			if a.Kind == issue.KindEditorial && len(s.Articles) == 1 && (a.Title == "" || text(a.Title) == text(s.Name)) {
				e.Lone, e.Title = true, or(section.Name, e.Title)
				if len(v.Sections) == 0 {
					v.Notes = append(v.Notes, e)
					continue
				}
			}
			if !e.Lone && !e.Profile && !topped {
				e.Top, topped = !e.Row && !e.Brief, true
			}
			section.Entries = append(section.Entries, e)
		}
		if len(section.Entries) > 0 {
			v.Sections = append(v.Sections, section)
		}
		if listed > f.listed {
			return
		}
	}
}

// brief makes the entry of the issue's n-th article when there is room for no
// more than its title.
func (v *View) brief(a issue.Article, n int) Entry {
	return Entry{
		N: n, Anchor: fmt.Sprintf("a%d", n), URL: fmt.Sprintf("%s#a%d", v.WebURL, n),
		Title: or(line(a.Title), v.L.Untitled), Profile: a.Kind == issue.KindProfile, Brief: true,
		Permalink: fmt.Sprintf("%s/a%d", v.WebURL, n), Page: fmt.Sprintf("/issues/%s/a%d", url.PathEscape(v.ID), n), byline: line(a.Byline),
	}
}

// entry makes the entry of the issue's n-th article. Of a locked one there is no
// more than the lead.
func (v *View) entry(a issue.Article, n int, f fit, locked bool) Entry {
	e := v.brief(a, n)
	e.Brief = false
	if locked {
		e.Locked, f.blocks, f.note = v.W.Locked, false, 0
	}
	if f.blocks {
		e.Blocks = blocks(f.folder, a)
		e.Summary, e.Link = text(a.Summary), web(a.Link)
	}
	e.Credits = v.credits(a)
	if p := a.Profile; p != nil && e.Profile {
		e.Membership = line(p.Membership)
		if site := line(p.Website); site != "" && !(f.blocks && printed(a, site)) {
			e.Website = &Link{Text: site, Href: web(p.Website)}
		}
		e.Lead = shorten(a, v.leads[n-1], min(f.lead, profileMax))
	} else if a.Kind == issue.KindEditorial && f.note > 0 {
		e.Text = editorial(a, f.note)
	}
	if e.Text == nil && !e.Profile {
		e.Lead = shorten(a, v.leads[n-1], f.lead)
	}
	e.More = e.Text == nil && more(a, e.Lead)
	e.Row = !e.Profile && e.Text == nil && short(a)
	if locked {
		e.Website, e.Row = nil, false
		if !e.More && a.Summary == "" {
			e.Lead = "" // it would be all there is
		}
		e.More = true
	}
	return e
}

// more says whether the web page has more of an article than its lead.
func more(a issue.Article, lead string) bool {
	var all strings.Builder
	for _, b := range a.Blocks {
		if b.Kind == issue.BlockTable || b.Kind == issue.BlockImage {
			return true
		}
		for _, s := range b.Spans {
			if s.Href != "" {
				return true
			}
		}
		all.WriteString(text(b.Text))
	}
	return squeeze(all.String()) != squeeze(lead)
}

// short says whether an article has no more text than a lead.
func short(a issue.Article) bool {
	n := 0
	for _, b := range a.Blocks {
		if n += weights(b.Text); n > 2*leadMax {
			return false
		}
	}
	return true
}

// printed says whether an article's text has s in it.
func printed(a issue.Article, s string) bool {
	for _, b := range a.Blocks {
		if strings.Contains(b.Text, s) {
			return true
		}
	}
	return false
}

// profileMax is the length of a member's scope in the digest: one or two lines.
const profileMax = 60

// editorial returns the paragraphs of an editorial when all of it has at most
// limit Han characters, else nil.
func editorial(a issue.Article, limit int) []string {
	var out []string
	runes := 0
	for _, b := range a.Blocks {
		p := text(b.Text)
		if runes += len([]rune(p)); runes > 2*limit {
			return nil
		}
		if p != "" {
			out = append(out, p)
		}
	}
	if han(strings.Join(out, "")) > limit {
		return nil
	}
	return out
}

func (v *View) credits(a issue.Article) []string {
	var out []string
	for _, c := range []struct{ label, value string }{
		{v.L.Byline, a.Byline}, {v.L.Speaker, a.Speaker}, {v.L.Source, a.Source}, {v.L.ExcerptedFrom, a.ExcerptedFrom},
	} {
		if s := line(c.value); s != "" {
			out = append(out, c.label+s)
		}
	}
	if a.Document != nil {
		if s := line(a.Document.Number); s != "" {
			out = append(out, v.L.Document+s)
		}
	}
	return out
}

// subject is the mail's subject: the periodical, the issue, its first headline.
func (v *View) subject() string {
	s := strings.TrimSpace(v.Title + " " + v.IssueName)
	if v.Correction != "" {
		s = v.L.correction + " " + s
	}
	for _, headline := range v.headlines(true) {
		return s + v.L.Colon + cut(headline, 20, 40)
	}
	return s
}

// headlines returns the headlines in order; of articles only (no editorials and
// profiles), as long as there is one.
func (v *View) headlines(articles bool) []string {
	var all, some []string
	for _, e := range v.entries() {
		all = append(all, e.Title)
		if !e.Lone && !e.Profile {
			some = append(some, e.Title)
		}
	}
	if articles && len(some) > 0 {
		return some
	}
	return all
}

func (v *View) entries() []Entry {
	out := append([]Entry(nil), v.Notes...)
	for _, s := range v.Sections {
		out = append(out, s.Entries...)
	}
	return out
}

// The inbox shows 40 to 90 characters after the subject, and then goes on with
// the mail's text unless something invisible follows.
const (
	preheaderMin = 40
	preheaderMax = 90
	fillerRepeat = 50
)

// preheader is the line that the inbox shows after the subject: the first
// headlines, and a lead when they are too short.
func (v *View) preheader() string {
	var out string
	parts := v.headlines(true)
	for _, e := range v.entries() {
		parts = append(parts, e.Lead)
	}
	for _, p := range parts {
		if p == "" {
			continue
		}
		joined := p
		if out != "" {
			joined = out + v.L.semicolon + p
		}
		if len([]rune(joined)) > preheaderMax {
			if len([]rune(out)) < preheaderMin {
				out = clip(joined, preheaderMax)
			}
			break
		}
		out = joined
	}
	return or(out, v.Title+" "+v.IssueLine)
}

// clip cuts s to at most n runes, if it can at a good place.
func clip(s string, n int) string {
	for limit := n; limit > n/4; limit -= 5 {
		if short := cut(s, limit/2, limit); short != "" && len([]rune(short)) <= n {
			return short
		}
	}
	return head(s, n-2) + ellipsis
}

// number is the issue's number as machines want it.
func number(i issue.Issue) string {
	switch {
	case i.Total > 0:
		return strconv.Itoa(i.Total)
	case i.Number > 0:
		return strconv.Itoa(i.Number)
	}
	return ""
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
