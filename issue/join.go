package issue

import (
	"regexp"
	"strings"
)

// breakLeast is the number of Han characters that a line has at least when a
// page break cut it: less than one full line of a page is a line of its own.
const breakLeast = 25

var fieldStart = regexp.MustCompile(`^[^\s，。、；：:（()）“”]{1,8}\s?\p{Han}{0,2}[：:]`)

// joiner decides which lines of an article are one paragraph that a page break,
// or the program that extracted the text, has parted.
type joiner struct {
	r      *recogniser
	habits map[string]bool // how brackets end that belong to the sentence before them
}

// newJoiner learns the habit of an article: brackets that follow a full stop
// and always end the same way, such as （……负责）.
func newJoiner(r *recogniser, text []int) *joiner {
	j := &joiner{r: r, habits: map[string]bool{}}
	count := map[string]int{}
	for _, i := range text {
		s := r.lines[i].Text
		for {
			at := strings.Index(s, "。")
			if at < 0 {
				break
			}
			s = s[at+len("。"):]
			if end := bracketEnd(s); end != "" {
				if count[end]++; count[end] >= 3 {
					j.habits[end] = true
				}
			}
		}
	}
	return j
}

// bracketEnd returns the last two characters in the bracket that s begins with.
func bracketEnd(s string) string {
	if !strings.HasPrefix(s, "（") && !strings.HasPrefix(s, "(") {
		return ""
	}
	const longest = 600
	at := strings.IndexAny(s[:min(len(s), longest)], "）)")
	if at < 0 {
		return ""
	}
	in := []rune(tail(s[:at], 8))
	if len(in) < 2 {
		return ""
	}
	return string(in[len(in)-2:])
}

// continues tells whether line next goes on with the paragraph p, which ends
// with line last.
func (j *joiner) continues(p *piece, last, next int) bool {
	r := j.r
	l, n := r.lines[last], r.lines[next]
	if n.Style != StylePlain || l.Style != StylePlain || isDateLine(n.Text) || n.Text == "……" {
		return false
	}
	if r.marks[next].class != classNone && r.marks[next].class != classDash || fieldStart.MatchString(n.Text[:min(len(n.Text), 60)]) {
		return false
	}
	if end := bracketEnd(n.Text); end != "" && j.habits[end] && strings.HasSuffix(l.Text, "。") {
		return true
	}
	if endsSentence(l.Text) {
		return false
	}
	if p.open > 0 && closesFirst(n.Text) {
		return true
	}
	return p.han >= breakLeast && !label.MatchString(n.Text[:min(len(n.Text), 60)])
}

// closesFirst tells whether s closes a bracket before it opens one.
func closesFirst(s string) bool {
	at := strings.IndexAny(s, "（()）")
	return at >= 0 && strings.ContainsAny(s[at:at+len(string(firstRune(s[at:])))], "）)")
}

// piece is a paragraph that is being put together.
type piece struct {
	text  strings.Builder
	spans []Span
	last  string // the line that was added last
	han   int
	open  int // brackets not closed
}

func newPiece(l Line) *piece {
	p := &piece{}
	p.add(l)
	return p
}

func (p *piece) add(l Line) {
	if p.text.Len() > 0 && spaceBetween(p.last, l.Text) {
		p.text.WriteByte(' ')
	}
	off := p.text.Len()
	for _, s := range l.Spans {
		s.From, s.To = s.From+off, s.To+off
		p.spans = append(p.spans, s)
	}
	p.text.WriteString(l.Text)
	p.last = l.Text
	for _, r := range l.Text {
		switch {
		case isHan(r):
			p.han++
		case r == '（' || r == '(':
			p.open++
		case (r == '）' || r == ')') && p.open > 0:
			p.open--
		}
	}
}

func (p *piece) done() (string, []Span) {
	s := p.text.String()
	return s, tidySpans(s, p.spans)
}
