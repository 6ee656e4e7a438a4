package issue

import (
	"fmt"
	"regexp"
	"strings"
)

// recogniser finds the parts of an issue in the lines of a file. It knows how
// bulletins are made in general, and learns from the file which marks this one
// uses for its sections, articles and headings.
type recogniser struct {
	lines   []Line
	marks   []marker
	credits []credit // credits[i].ok tells whether line i is nothing but a credit
	place   []Place
	told    []bool // the line is in a diagnostic
	issue   Issue
	f       *findings

	floats       []float // the pictures, in order
	landedTo     int     // those before have found their place
	listed       *index  // the titles of the contents, to be matched with the body
	shape        shape
	at           []int // the line of every block of the article that is being read
	titles       []int // the line number of every article's title, -1 for a text without one
	joined       []int // lines that were joined to the paragraph before
	volume       int   // of a masthead that may have no other number
	supplementAt int   // the line that says it is a supplement
	freeform     bool  // neither contents nor credits tell where articles begin
}

// shape is how this bulletin marks its parts.
type shape struct {
	section, article           class
	sectionLevel, articleLevel int           // heading levels in Markdown, 0 when none
	gap                        int           // the usual number of blank lines
	numbered                   map[class]int // how many section headings have a numbered mark
}

func recognise(lines []Line, base Issue, f *findings) (Result, *ReadError) {
	lines, floats := afloat(lines)
	r := &recogniser{
		lines: lines, floats: floats, issue: base, f: f,
		marks: make([]marker, len(lines)), credits: make([]credit, len(lines)),
		place: make([]Place, len(lines)), told: make([]bool, len(lines)),
	}
	for i, l := range lines {
		if r.credits[i] = parseCredit(l.Text); !r.credits[i].ok || !r.credits[i].bracketed {
			r.marks[i] = markerOf(l.Text)
		}
	}
	r.notes()
	body, end := r.frame()
	r.adrift(body, "masthead-line")
	sections := r.sections(body, end)
	for _, s := range sections {
		r.section(s)
	}
	r.adrift(len(lines), "colophon-line")
	r.check()
	r.issue.untab()
	return Result{Issue: r.issue, Placed: r.placed()}, nil
}

// frame reads everything around the body and returns where the body begins and
// ends.
func (r *recogniser) frame() (body, end int) {
	head, body := r.findContents()
	if head < 0 {
		head = r.mastheadEnd()
		body = head
	}
	r.masthead(head)
	end = r.colophon(body)
	r.contents(head, body)
	return body, end
}

// mastheadEnd is used when there is no table of contents: the masthead then
// ends behind the last line that can only be part of one.
func (r *recogniser) mastheadEnd() int {
	const longest = 40
	for i, l := range r.lines[:min(len(r.lines), 16)] {
		if !shorterThan(l.Text, 61) {
			break
		}
		if l.Style == StyleHeading && (i > 0 || !r.titleHeading(i)) {
			return i
		}
		if i > 0 && l.Style == StylePlain && isProse(l.Text) && r.headingBelow(i) {
			return i // what the issue opens with, above its first section
		}
	}
	end := 0
	probe := recogniser{lines: r.lines, marks: r.marks, place: make([]Place, len(r.lines)), told: make([]bool, len(r.lines)), f: &findings{}}
	for i := range min(len(r.lines), longest) {
		t := r.lines[i].Text
		if isProse(t) {
			break
		}
		if c := r.marks[i].class; c == classBracket || i < 8 && sectionable(c) && c != classCapitals && c != classPart {
			return i
		} else if c == classCapitals && end > 0 && probe.issue.AutoID() != "" && r.opensBody(i) {
			return i
		}
		var free []int
		switch {
		case probe.issueNumbers(i, &free):
			end = i + 1
		case probe.organisation(t, i, PlaceMasthead), probe.dateLine(i), probe.notice(i), probe.englishLine(i), probe.editors(i, PlaceMasthead),
			imprint.MatchString(narrow(t)), i < 3 && latinLine.MatchString(t):
			end = i + 1
		case r.lines[i].Style == StyleHeading && r.lines[i].Level == 1 && i == 0 && r.titleHeading(i):
			end = i + 1
		}
	}
	return end
}

// opensBody tells whether a line in capitals below the number of the issue is a
// section: a title and text follow it.
func (r *recogniser) opensBody(i int) bool {
	for j := i + 2; j < min(len(r.lines), i+5); j++ {
		if isProse(r.lines[j].Text) {
			return r.titleLike(i + 1)
		}
	}
	return false
}

// titleHeading tells whether the heading at line i is the title of the periodical.
func (r *recogniser) titleHeading(i int) bool {
	l := r.lines[i]
	return (r.soleHeading(l.Level) || r.alone(i)) && (r.issue.Title == "" || fold(r.issue.Title) == fold(l.Text) || issueLine.MatchString(narrow(l.Text)))
}

// alone tells whether a heading is the only one, with the number of the issue
// below it.
func (r *recogniser) alone(i int) bool {
	for j, l := range r.lines {
		if j != i && l.Style == StyleHeading {
			return false
		}
	}
	for _, l := range r.lines[i+1 : min(len(r.lines), i+5)] {
		if shorterThan(l.Text, 90) && issueLine.MatchString(narrow(l.Text)) {
			return true
		}
	}
	return false
}

// headingBelow tells whether a heading follows the text at line i.
func (r *recogniser) headingBelow(i int) bool {
	low := narrow(r.lines[i].Text)
	if issueLine.MatchString(low) || noticeLine.MatchString(low) {
		return false
	}
	for i++; i < len(r.lines) && r.lines[i].Style == StylePlain && isProse(r.lines[i].Text); i++ {
	}
	return i < len(r.lines) && r.lines[i].Style == StyleHeading
}

// soleHeading tells whether there is one heading of that level and headings
// below it.
func (r *recogniser) soleHeading(level int) bool {
	same, below := 0, 0
	for _, l := range r.lines {
		if l.Style == StyleHeading {
			if l.Level == level {
				same++
			} else {
				below++
			}
		}
	}
	return same == 1 && below > 0
}

func (r *recogniser) put(i int, p Place) { r.place[i] = p }

func (r *recogniser) find(code string, i int, sev Severity, text string) {
	r.told[i] = true
	r.f.add(code, r.lines[i].N, sev, text)
}

func (r *recogniser) placed() map[int]Place {
	m := make(map[int]Place, len(r.lines))
	for i, l := range r.lines {
		if r.place[i] != "" {
			for n := l.N; n <= l.Last; n++ {
				m[n] = r.place[i]
			}
		}
	}
	for _, p := range r.floats {
		if p.place != "" {
			m[p.line.N] = p.place
		}
	}
	return m
}

// clip shortens a text for a message.
func clip(s string) string {
	const most = 30
	n := 0
	for i := range s {
		if n == most {
			return s[:i] + "……"
		}
		n++
	}
	return s
}

var titleStop = regexp.MustCompile(`[。；;，,、：:]$`)

// titleLike tells whether a line can be a title: short, unpunctuated at its
// end, and no other known thing.
func (r *recogniser) titleLike(i int) bool {
	t := r.lines[i].Text
	if !shorterThan(t, 61) || titleStop.MatchString(t) || strings.Contains(t, "。") || r.credits[i].ok || isDateLine(t) {
		return false
	}
	switch r.lines[i].Style {
	case StyleItem, StyleQuote, StyleImage, StyleTable:
		return false
	}
	return t != "……" && hanCount(t)+len(strings.Fields(t)) >= 2 && !knownLabel(t) && !interview.MatchString(t) && !documentNumber.MatchString(t) && !summaryLabel.MatchString(t) && !strings.HasPrefix(t, "——")
}

// interview is who speaks.
var interview = regexp.MustCompile(`^(?:问|答|记者问?|编者|主持人|[QA])\s*[：:]`)

// knownLabel tells lines that are a field and never a title.
func knownLabel(t string) bool {
	return contactLine.MatchString(t) || scopeLabel.MatchString(t) || introLabel.MatchString(t) || siteLabel.MatchString(t) || imprint.MatchString(narrow(t))
}

// label is what a field starts with: 联系人：, 单位网址：
var label = regexp.MustCompile(`^[\p{Han}A-Za-z\-]{1,8}(?:\s{1,4}\p{Han}{1,3})?\s*[：:]\s*\S`)

// check adds the diagnostics that need the whole issue.
func (r *recogniser) check() {
	if n := len(r.joined); n > 0 {
		var list []string
		for _, i := range r.joined[:min(n, 12)] {
			list = append(list, fmt.Sprint(r.lines[i].N))
		}
		more := ""
		if n > 12 {
			more = " 等"
		}
		r.f.add("paragraphs-joined", 0, Info, fmt.Sprintf("有 %d 处被分页断开的段落已接上（第 %s%s 行）；如接错了，请在断开处补上句号", n, strings.Join(list, "、"), more))
	}
	r.checkContents()
	r.checkCredits()
	for i := range r.lines {
		if r.place[i] == "" && !r.told[i] {
			r.find("line-unplaced", i, Warning, "这一行没有找到位置，未收入：“"+clip(r.lines[i].Text)+"”；请检查它前后的标题和栏目")
		}
	}
}
