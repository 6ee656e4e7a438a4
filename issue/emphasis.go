package issue

import (
	"html"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// inlineMarkdown reads the markup inside a block of Markdown: emphasis, links,
// backslash escapes, entities, bare addresses. It differs from CommonMark in
// one point, for the sake of Chinese: ** closes wherever no space stands before
// it, so that **要点。**其次 is bold. Markup that is not understood stays text.
func inlineMarkdown(s string) (string, []Span) {
	p := inlineParser{src: s}
	p.run(0, len(s), "")
	return trimmed(p.finish())
}

// inlineParser turns markup into pieces of text with marks. Delimiters that
// never find their partner go back to being text at the end.
type inlineParser struct {
	src    string
	pieces []inlinePiece
	text   strings.Builder // of the piece that is being read
}

type inlinePiece struct {
	text       string
	strong, em bool
	href       string
}

// emphasis is the state of ** and * while a text is read; the numbers are the
// pieces that opened them, -1 when closed.
type emphasis struct {
	strong, em int
	href       string
}

var entity = regexp.MustCompile(`^&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|amp|lt|gt|quot|apos|nbsp|middot|hellip|mdash|ldquo|rdquo);`)

func (p *inlineParser) run(from, to int, href string) {
	st := emphasis{-1, -1, href}
	closers := countCloserRuns(p.src[from:to])
	for i := from; i < to; {
		c := p.src[i]
		switch {
		case c == '\\' && i+1 < to && isPunct(p.src[i+1]):
			p.text.WriteByte(p.src[i+1])
			i += 2
		case c == '&':
			i += p.entity(i, to)
		case c == '`':
			i += p.code(i, to)
		case c == '*' || c == '_':
			i += p.delimiter(i, from, to, &st, &closers)
		case (c == '[' || c == '!' && i+1 < to && p.src[i+1] == '[') && href == "":
			i += p.link(i, to, st)
		case (c == 'h' || c == 'H' || c == 'w' || c == 'W') && href == "":
			i += p.bare(i, to, st)
		default:
			p.text.WriteByte(c)
			i++
		}
	}
	p.flush(st)
	for _, at := range []int{st.strong, st.em} { // no partner came
		if at >= 0 {
			p.reopen(at, at == st.strong)
		}
	}
}

// reopen makes the delimiter that opened piece at text again.
func (p *inlineParser) reopen(at int, strong bool) {
	for k := at; k < len(p.pieces); k++ {
		if strong {
			p.pieces[k].strong = false
		} else {
			p.pieces[k].em = false
		}
	}
	if strong {
		p.pieces[at].text = "**" + p.pieces[at].text
	} else {
		p.pieces[at].text = "*" + p.pieces[at].text
	}
}

func (p *inlineParser) flush(st emphasis) {
	p.pieces = append(p.pieces, inlinePiece{p.text.String(), st.strong >= 0, st.em >= 0, st.href})
	p.text.Reset()
}

func (p *inlineParser) finish() (string, []Span) {
	var b strings.Builder
	var spans []Span
	for _, c := range p.pieces {
		if c.strong || c.em || c.href != "" {
			spans = append(spans, Span{From: b.Len(), To: b.Len() + len(c.text), Strong: c.strong, Em: c.em, Href: c.href})
		}
		b.WriteString(c.text)
	}
	return b.String(), spans
}

func isPunct(c byte) bool { return c > ' ' && c < 0x7F && !isWord(c) }

func isWord(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

func (p *inlineParser) entity(i, to int) int {
	m := entity.FindString(p.src[i:min(to, i+12)])
	if m == "" {
		p.text.WriteByte('&')
		return 1
	}
	s := strings.Map(func(r rune) rune {
		switch {
		case r == 0xA0:
			return ' '
		case unicode.IsControl(r), r == utf8.RuneError:
			return -1
		}
		return r
	}, html.UnescapeString(m))
	p.text.WriteString(s)
	return len(m)
}

// code reads `code`: its text is taken as it stands, without the marks. A run of
// marks without a partner is text.
func (p *inlineParser) code(i, to int) int {
	n := runLength(p.src[i:to])
	for at := i + n; at < to; {
		next := strings.IndexByte(p.src[at:to], '`')
		if next < 0 {
			break
		}
		at += next
		m := runLength(p.src[at:to])
		if m == n {
			in := p.src[i+n : at]
			if len(in) > 2 && in[0] == ' ' && in[len(in)-1] == ' ' {
				in = in[1 : len(in)-1]
			}
			p.text.WriteString(in)
			return at + n - i
		}
		at += m
	}
	p.text.WriteString(p.src[i : i+n])
	return n
}

// closerRuns counts the delimiter runs that could still close something, so
// that an opener without any partner is known at once.
type closerRuns struct{ single, double int }

func countCloserRuns(s string) closerRuns {
	var c closerRuns
	for i := 0; i < len(s); {
		switch {
		case s[i] == '\\' && i+1 < len(s):
			i += 2
		case s[i] == '*' || s[i] == '_':
			n := runLength(s[i:])
			c.count(n, 1)
			i += n
		default:
			i++
		}
	}
	return c
}

func (c *closerRuns) count(n, by int) {
	c.single += by
	if n >= 2 {
		c.double += by
	}
}

func runLength(s string) int {
	n := 1
	for n < len(s) && s[n] == s[0] {
		n++
	}
	return n
}

// delimiter reads a run of * or _. It first closes what is open, the rest of
// the run opens.
func (p *inlineParser) delimiter(i, from, to int, st *emphasis, left *closerRuns) int {
	n := runLength(p.src[i:to])
	left.count(n, -1)
	before, _ := utf8.DecodeLastRuneInString(p.src[from:i])
	after, _ := utf8.DecodeRuneInString(p.src[i+n : to])
	canClose := i > from && !unicode.IsSpace(before)
	canOpen := i+n < to && !unicode.IsSpace(after)
	if p.src[i] == '_' && i > from && i+n < to && (isLetterOrDigit(before) && isLetterOrDigit(after)) {
		canOpen, canClose = false, false
	}
	rest := n
	if canClose {
		if rest >= 2 && st.strong >= 0 {
			p.flush(*st)
			st.strong, rest = -1, rest-2
		}
		if rest >= 1 && st.em >= 0 {
			p.flush(*st)
			st.em, rest = -1, rest-1
		}
	}
	if canOpen && rest <= 3 {
		if rest >= 2 && st.strong < 0 && left.double > 0 {
			p.flush(*st)
			st.strong, rest = len(p.pieces), rest-2
		}
		if rest == 1 && st.em < 0 && left.single > 0 {
			p.flush(*st)
			st.em, rest = len(p.pieces), 0
		}
	}
	for range rest {
		p.text.WriteByte(p.src[i])
	}
	return n
}

func isLetterOrDigit(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// link reads [text](address), also with a ! before it. An address that must not
// be linked to leaves all of it text.
func (p *inlineParser) link(i, to int, st emphasis) int {
	literal := func(n int) int {
		p.text.WriteString(p.src[i : i+n])
		return n
	}
	open := i
	if p.src[i] == '!' {
		open++
	}
	end := open + 1
	for ; end < to && p.src[end] != ']' && p.src[end] != '['; end++ {
		if p.src[end] == '\\' {
			end++
		}
	}
	if end+1 >= to || p.src[end] != ']' || p.src[end+1] != '(' {
		return literal(open + 1 - i)
	}
	href, n := destination(p.src[end+1 : to])
	if n == 0 || end == open+1 || !validHref(href) {
		return literal(open + 1 - i)
	}
	p.flush(st)
	first := len(p.pieces)
	p.run(open+1, end, href)
	for k := first; k < len(p.pieces); k++ {
		p.pieces[k].strong = p.pieces[k].strong || st.strong >= 0
		p.pieces[k].em = p.pieces[k].em || st.em >= 0
	}
	return end + 1 + n - i
}

// destination reads (address) or (<address>) at the start of s, with a title
// behind the address if there is one, and returns the bytes read.
func destination(s string) (string, int) {
	const longest = 2100
	const deepest = 6
	s = s[:min(len(s), longest)]
	if strings.HasPrefix(s, "(<") {
		if end := strings.Index(s, ">)"); end > 0 {
			return s[2:end], end + 2
		}
		return "", 0
	}
	depth := 0
	for i := range len(s) {
		switch s[i] {
		case '(':
			if depth++; depth > deepest {
				return "", 0
			}
		case ')':
			if depth--; depth == 0 {
				return s[1:i], i + 1
			}
		case ' ', '\t':
			return "", 0
		}
	}
	return "", 0
}

// bare reads an address that stands in the text without markup.
func (p *inlineParser) bare(i, to int, st emphasis) int {
	before, _ := utf8.DecodeLastRuneInString(p.src[:i])
	u, href := linkAt(p.src[i:to], before)
	if href == "" {
		p.text.WriteByte(p.src[i])
		return 1
	}
	p.flush(st)
	st.href = href
	p.text.WriteString(u)
	p.flush(st)
	return len(u)
}
