package issue

import "strings"

// looseTitles finds the titles of a section that no heading and no table of
// contents tells: lines in bold with text below, and numbered ones, as weeklies
// have them.
func (r *recogniser) looseTitles(s sectionRange) map[int]bool {
	if r.shape.sectionLevel == 0 {
		if len(r.listed.items) > 0 || r.closers(s.from, s.to) > 0 {
			return nil // something better tells
		}
		return r.boldTitles(s)
	}
	for i := s.from; i < s.to; i++ {
		if r.lines[i].Style == StyleHeading && r.lines[i].Level == r.shape.articleLevel {
			return nil
		}
	}
	if bold := r.boldTitles(s); bold != nil {
		return bold
	}
	return r.countedTitles(s)
}

// boldTitles are the bold lines of a section that opens with one.
func (r *recogniser) boldTitles(s sectionRange) map[int]bool {
	titles := map[int]bool{}
	for i := s.from; i+1 < s.to; i++ {
		l := r.lines[i]
		if l.Style == StyleBold && r.lines[i+1].Style != StyleBold && r.marks[i].class == classNone && r.titleLike(i) && !label.MatchString(l.Text) {
			titles[i] = true
		}
	}
	if len(titles) < 2 || !titles[s.from] {
		return nil
	}
	return titles
}

// countedTitles are the lines of a section that count from 1, are no sentences
// and have text below: a list whose items are only lines stays a list.
func (r *recogniser) countedTitles(s sectionRange) map[int]bool {
	titles := map[int]bool{}
	next, bare := 1, 0
	var of class
	for i := s.from; i < s.to; i++ {
		m := r.marks[i]
		if m.class != classDigit && m.class != classNumeral || m.n != next || of != "" && m.class != of {
			continue
		}
		if !shorterThan(r.lines[i].Text, 81) || titleStop.MatchString(m.rest) || strings.Contains(m.rest, "。") {
			return nil
		}
		of = m.class
		titles[i] = true
		next++
		if i+1 >= s.to || r.marks[i+1].class == of && r.marks[i+1].n == next {
			bare++
		}
	}
	if len(titles) < 2 || 2*bare > len(titles) {
		return nil
	}
	return titles
}

// linkedTo is the address that a title links to as a whole, or that it begins
// with, "" when there is none.
func linkedTo(l Line) string {
	if len(l.Spans) == 0 {
		return ""
	}
	first := l.Spans[0]
	if before := strings.TrimSpace(l.Text[:first.From]); shorterThan(before, 5) {
		return first.Href
	}
	return ""
}
