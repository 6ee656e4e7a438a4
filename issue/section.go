package issue

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// span of lines of a section: its header (-1 when the body begins without one)
// and its content.
type sectionRange struct {
	header int
	name   string
	entry  int // in the contents, -1 when it is not there
	from   int
	to     int
}

// sections finds the section lines between from and to.
func (r *recogniser) sections(from, to int) []sectionRange {
	r.learn(from, to)
	r.listed.expect(r, from, to)
	var out []sectionRange
	open := sectionRange{header: -1, from: from}
	last, inside := 0, 0
	for i := from; i < to; i++ {
		name, ok := r.sectionAt(i, &last, &inside)
		if !ok {
			continue
		}
		if open.to = i; open.header >= 0 || open.to > open.from {
			out = append(out, open)
		}
		open = sectionRange{header: i, name: name, entry: r.listed.claim(name, true), from: i + 1}
	}
	open.to = to
	if open.header >= 0 || open.to > open.from {
		out = append(out, open)
	}
	return out
}

// sectionAt tells whether line i is the header of a section. last and inside
// carry the numbering of sections and of headings within one.
func (r *recogniser) sectionAt(i int, last, inside *int) (string, bool) {
	l, m := r.lines[i], r.marks[i]
	if r.shape.sectionLevel > 0 {
		return r.headingName(l, m), l.Style == StyleHeading && l.Level <= r.shape.sectionLevel
	}
	if !shorterThan(l.Text, 41) || r.credits[i].ok {
		return "", false
	}
	if r.shape.section == classNone {
		return l.Text, len(r.listed.items) > 0 && r.listed.find(l.Text, true) >= 0
	}
	if m.class != r.shape.section {
		return "", false
	}
	listed := r.listed.find(m.rest, true) >= 0
	if m.n == 0 || listed {
		if m.n > 0 {
			*last, *inside = m.n, 0
		}
		return m.rest, listed || shorterThan(m.rest, 26) && !titleStop.MatchString(m.rest)
	}
	switch {
	case *inside > 0 && m.n == *inside+1, m.n <= *last:
		*inside = m.n
		return "", false
	case m.n > *last+3:
		return "", false
	}
	if m.n > *last+1 {
		r.find("numbering-gap", i, Warning, fmt.Sprintf("栏目编号从第 %d 跳到第 %d，请核对是否漏了栏目", *last, m.n))
	}
	*last, *inside = m.n, 0
	return m.rest, true
}

// headingName is the name of a section that is a heading in Markdown. Numbers
// go, as they do in plain text, when several sections have one.
func (r *recogniser) headingName(l Line, m marker) string {
	if m.n > 0 && (m.class == classNumeral || m.class == classPart) && r.shape.numbered[m.class] > 1 {
		return m.rest
	}
	return sectionName(l, m)
}

func sectionName(l Line, m marker) string {
	if m.class == classBracket || sectionable(m.class) && m.n == 0 && m.class != classPart {
		return m.rest
	}
	return l.Text
}

// learn finds out how sections and articles are marked here.
func (r *recogniser) learn(from, to int) {
	r.freeform = len(r.listed.items) == 0 && 2*r.closers(from, to) < r.headers(from, to)
	r.shape.gap = usualGap(r.lines[from:to])
	if r.learnLevels(from, to) {
		return
	}
	c := r.listed.class
	if c == classNone || !r.hasClass(c, from, to) {
		c = r.leadingClass(from, to)
	}
	if c != classNone && r.titlesNotSections(c, from, to) {
		r.shape.article = c
		return
	}
	r.shape.section = c
	if c != classNone {
		r.shape.article = r.articleClass(c, from, to)
	}
}

// usualGap is the commonest number of blank lines, the smaller of two that are
// equally common.
func usualGap(lines []Line) int {
	count := map[int]int{}
	usual := 0
	for _, l := range lines {
		count[l.Gap]++
		if n := count[l.Gap]; n > count[usual] || n == count[usual] && l.Gap < usual {
			usual = l.Gap
		}
	}
	return usual
}

// learnLevels reads the levels off headings that were marked as such.
func (r *recogniser) learnLevels(from, to int) bool {
	var used [8]int
	for _, l := range r.lines[from:to] {
		if l.Style == StyleHeading && l.Level < len(used) {
			used[l.Level]++
		}
	}
	var levels []int
	for level, n := range used {
		if n > 0 {
			levels = append(levels, level)
		}
	}
	if len(levels) == 0 {
		return false
	}
	r.shape.sectionLevel = levels[0]
	r.shape.numbered = map[class]int{}
	for i := from; i < to; i++ {
		if l := r.lines[i]; l.Style == StyleHeading && l.Level == levels[0] && r.marks[i].n > 0 {
			r.shape.numbered[r.marks[i].class]++
		}
	}
	if len(levels) > 1 {
		r.shape.articleLevel = levels[1]
	}
	return true
}

// closers counts the credits that stand at the end of a text.
func (r *recogniser) closers(from, to int) int {
	n := 0
	for i := from + 1; i < to; i++ {
		if r.credits[i].ok && r.credits[i].bracketed && isProse(r.lines[i-1].Text) {
			n++
		}
	}
	return n
}

// headers counts the short lines right above running text.
func (r *recogniser) headers(from, to int) int {
	n := 0
	for i := from; i+1 < to; i++ {
		if r.titleLike(i) && r.marks[i].class == classNone && isProse(r.lines[i+1].Text) {
			n++
		}
	}
	return n
}

func (r *recogniser) hasClass(c class, from, to int) bool {
	for i := from; i < to; i++ {
		if r.marks[i].class == c && shorterThan(r.lines[i].Text, 41) {
			return true
		}
	}
	return false
}

// leadingClass is the class of the mark that the body opens with, else 【】 when
// there is one at all.
func (r *recogniser) leadingClass(from, to int) class {
	for i := from; i < min(to, from+3); i++ {
		c := r.marks[i].class
		if (sectionable(c) || c == classDigit) && r.titleLike(i) || c == classCapitals { // one word of them is enough
			return c
		}
	}
	if r.hasClass(classBracket, from, to) {
		return classBracket
	}
	return classNone
}

// titlesNotSections tells marks that stand right above running text, with long
// names: those are articles without sections.
func (r *recogniser) titlesNotSections(c class, from, to int) bool {
	text, title, runes := 0, 0, 0
	for i := from; i+1 < to; i++ {
		if r.marks[i].class != c || !r.titleLike(i) {
			continue
		}
		runes += runeCount(r.marks[i].rest)
		if isProse(r.lines[i+1].Text) || r.credits[i+1].ok {
			text++
		} else {
			title++
		}
	}
	return text >= 2 && text > 2*title && runes >= 9*(text+title) && r.listed.class == classNone
}

// articleClass is the mark of the line behind the section lines, when most
// sections open with the same one.
func (r *recogniser) articleClass(section class, from, to int) class {
	count := map[class]int{}
	n := 0
	for i := from; i+1 < to; i++ {
		if r.marks[i].class != section {
			continue
		}
		n++
		if c := r.marks[i+1].class; c != section && c != classNone && c != classWord && c != classDash && r.titleLike(i+1) {
			count[c]++
		}
	}
	for c, k := range count {
		if 2*k > n {
			return c
		}
	}
	return classNone
}

// section reads the articles of one section into the model.
func (r *recogniser) section(s sectionRange) {
	sec := Section{Name: s.name}
	parts := r.split(s)
	if s.header >= 0 {
		r.put(s.header, PlaceSection)
		if s.entry < 0 && len(parts) == 1 && parts[0].title < 0 { // the contents list the text and not its section
			s.entry = r.listed.claimExactly(s.name)
		}
		r.matchTitle(s.header, s.entry, s.name, true)
	}
	for _, a := range parts {
		sec.Articles = append(sec.Articles, r.article(a, s))
	}
	if len(sec.Articles) == 0 && s.header >= 0 {
		r.find("section-empty", s.header, Warning, "栏目“"+clip(s.name)+"”下没有文章")
	}
	r.issue.Sections = append(r.issue.Sections, sec)
}

// articleRange is the title (lines title to from, empty for a text without one)
// and the content of an article.
type articleRange struct {
	title    int
	name     string
	entry    int // in the contents, -1 when it is not there
	from, to int
}

// split finds where articles begin.
func (r *recogniser) split(s sectionRange) []articleRange {
	var out []articleRange
	open := articleRange{title: -1, from: s.from, to: s.from}
	closed, number := false, 0
	defer func(c class) { r.shape.article = c }(r.shape.article)
	if r.shape.article == classNone && len(r.listed.items) == 0 {
		r.shape.article = r.numberedTitles(s)
	}
	loose := r.looseTitles(s)
	flush := func(to int) {
		if open.to = to; open.title >= 0 || open.to > open.from {
			out = append(out, open)
		}
	}
	for i := s.from; i < s.to; i++ {
		begins, lines := loose[i], 1
		if !begins {
			begins, lines = r.beginsArticle(i, s, open, closed, &number)
		}
		if begins {
			flush(i)
			var parts []string
			for j := i; j < i+lines; j++ {
				parts = append(parts, r.lines[j].Text)
			}
			open = articleRange{title: i, name: joinPieces(parts), from: i + lines}
			if m := r.marks[i]; m.class != classNone && (m.class == r.shape.article || loose[i]) {
				open.name = m.rest
			}
			name, _ := membership(open.name)
			open.entry = r.listed.claim(name, false)
			i += lines - 1
			closed = false
			continue
		}
		switch {
		case r.closes(i, open):
			closed = i > open.from || open.title < 0 || closed
		case closed && !r.titleLike(i):
			closed = false
		}
	}
	flush(s.to)
	return out
}

// numberedTitles returns the kind of number that the articles of a section
// have, when it opens with a first one and every one has text below it.
func (r *recogniser) numberedTitles(s sectionRange) class {
	if s.header < 0 || s.from >= s.to || r.marks[s.from].n != 1 || r.marks[s.from].class == classWord {
		return classNone
	}
	c, n := r.marks[s.from].class, 0
	for i := s.from; i < s.to; i++ {
		if m := r.marks[i]; m.class != c {
			continue
		} else if n++; m.n != n || !r.titleLike(i) || i+1 >= s.to || !isProse(r.lines[i+1].Text) {
			return classNone
		}
	}
	if n < 2 {
		return classNone
	}
	return c
}

// closes tells whether line i is what stands at the end of an article.
func (r *recogniser) closes(i int, a articleRange) bool {
	if r.credits[i].ok {
		// Below a title a credit opens the text, at the end of a text it closes it.
		return i > a.from && !r.onlyCredits(a.from, i) && (r.credits[i].bracketed || r.hasProse(a.from, i))
	}
	t := r.lines[i].Text
	if in, ok := unbracket(t); ok && shorterThan(in, 41) {
		name, _ := membership(a.name)
		return in != "" && (name == in || i > a.from && endsSentence(r.lines[i-1].Text) && (bareName(t).ok || creditWord.MatchString(in)))
	}
	_, c := splitCredit(t)
	return c.ok
}

// creditWord tells a bracket that credits somebody, though the parts cannot be
// told: it ends an article all the same.
var creditWord = regexp.MustCompile(`记者|通讯员|供稿|作者|来稿|编译|转自|转载|[报社网刊电]$`)

func (r *recogniser) hasProse(from, to int) bool {
	return slices.ContainsFunc(r.lines[from:to], func(l Line) bool { return isProse(l.Text) || endsSentence(l.Text) })
}

func (r *recogniser) onlyCredits(from, to int) bool {
	for i := from; i < to; i++ {
		if !r.credits[i].ok {
			return false
		}
	}
	return true
}

// beginsArticle tells whether an article begins at line i, and how many lines
// its title takes.
func (r *recogniser) beginsArticle(i int, s sectionRange, open articleRange, closed bool, number *int) (bool, int) {
	l, m := r.lines[i], r.marks[i]
	if r.shape.sectionLevel > 0 {
		return l.Style == StyleHeading && l.Level == r.shape.articleLevel, 1
	}
	if n := r.listedTitle(i, s.to); n > 0 {
		return true, n
	}
	if !r.titleLike(i) || open.title >= 0 && i == open.from && r.signsAbove(i, s.to) {
		return false, 0
	}
	if r.documentAt(i, s.to) {
		return true, 2
	}
	if r.poemAt(i, s.to) {
		return true, 1
	}
	if _, as := membership(l.Text); as != "" {
		return true, 1
	}
	if r.shape.article != classNone && m.class == r.shape.article {
		if m.n == 0 || m.n == *number+1 || m.n == 1 && closed {
			*number = m.n
			return true, 1
		}
	}
	if m.class != classNone && m.class != classWord && m.class != classBracket && !closed && i > s.from {
		return false, 0
	}
	below := i + 1
	switch {
	case i == s.from:
		return below < s.to && r.headsText(below, s.to), 1
	case closed:
		return below < s.to, 1
	case r.tellsTitle(below, s.to):
		return true, 1
	case l.Gap >= 2 && l.Gap > r.shape.gap && below < s.to && isProse(r.lines[below].Text):
		return true, 1
	case r.listed.near(l.Text, false, 0.7) >= 0 && open.title >= 0 && i > open.from:
		return true, 1
	}
	return r.freeform && m.class == classNone && !label.MatchString(l.Text) && below < s.to && isProse(r.lines[below].Text), 1
}

// headsText tells whether the first line of a section can be a title: text must
// follow it somewhere before the next mark.
func (r *recogniser) headsText(i, to int) bool {
	for j := i; j < min(to, i+8); j++ {
		if !r.titleLike(j) {
			return true
		}
	}
	return false
}

// listedTitle returns the number of lines from i on that are a title in the
// contents, 0 when none is.
func (r *recogniser) listedTitle(i, to int) int {
	if len(r.listed.items) == 0 {
		return 0
	}
	t := r.lines[i].Text
	name, _ := membership(t)
	if shorterThan(t, 121) && r.lines[i].Style != StyleItem {
		if r.listed.find(t, false) >= 0 || name != t && r.listed.find(name, false) >= 0 ||
			r.marks[i].rest != "" && r.marks[i].class == r.shape.article && r.listed.find(r.marks[i].rest, false) >= 0 {
			return 1
		}
	}
	if i+1 < to && shorterThan(t, 61) && !personName.MatchString(r.lines[i+1].Text) && !r.credits[i+1].ok && shorterThan(r.lines[i+1].Text, 61) && r.lines[i+1].Gap <= 1 && r.listed.find(t+r.lines[i+1].Text, false) >= 0 {
		return 2
	}
	return 0
}

// signsAbove tells whether line i, right below a title, is the author's name
// with the text below it.
func (r *recogniser) signsAbove(i, to int) bool {
	t := r.lines[i].Text
	if !shorterThan(t, 26) || i+1 >= to || !isProse(r.lines[i+1].Text) {
		return false
	}
	return isByline(t) || personName.MatchString(t) && hanCount(t) < 4 && !notName.MatchString(t)
}

// documentAt tells whether lines i and i+1 are the title of an official
// document, parted as they are set: 某某人民政府 / 关于……的通知, or behind 关于印发.
func (r *recogniser) documentAt(i, to int) bool {
	if i+2 >= to || r.lines[i+1].Gap > 0 || !r.titleLike(i+1) || !documentTitle.MatchString(r.lines[i+1].Text) {
		return false
	}
	return documentOpens.MatchString(r.lines[i].Text) ||
		orgEnd.MatchString(r.lines[i].Text) && strings.HasPrefix(r.lines[i+1].Text, "关于")
}

// tellsTitle tells whether line i can only stand below a title.
func (r *recogniser) tellsTitle(i, to int) bool {
	if i >= to {
		return false
	}
	t := r.lines[i].Text
	if documentNumber.MatchString(t) || summaryLabel.MatchString(t) && shorterThan(t, 400) {
		return true
	}
	if i > 1 && endsSentence(r.lines[i-2].Text) && isByline(t) && shorterThan(t, 26) && i+1 < to && isProse(r.lines[i+1].Text) {
		return true
	}
	c := r.credits[i]
	return c.ok && !c.bracketed && i+1 < to && !r.credits[i+1].ok && (isProse(r.lines[i+1].Text) || summaryLabel.MatchString(r.lines[i+1].Text)) && strings.TrimSpace(t) != ""
}
