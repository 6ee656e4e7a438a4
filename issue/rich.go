package issue

import (
	"slices"
	"strings"
	"unicode"
)

// look is how a run of text is set: what Word files and web pages say of it.
type look struct {
	strong, em bool
	href       string
	size       int // half points, 0 unknown
}

// lineBuilder puts a line together from runs of one look each. Word splits a
// sentence into many runs for reasons that nobody sees.
type lineBuilder struct {
	text  strings.Builder
	spans []Span
	sizes map[int]int // characters of each size
	last  rune
}

// add appends a run. Characters that nobody can see go; a file of this kind is
// full of them, so that there is nothing to say about it.
func (b *lineBuilder) add(s string, l look) {
	from := b.text.Len()
	n := 0
	for _, r := range s {
		if r == '\n' || r == '\r' || r == unicode.ReplacementChar {
			r = ' '
		}
		if r = shown(r, b.last); r >= 0 {
			b.text.WriteRune(r)
			b.last = r
			if !unicode.IsSpace(r) {
				n++
			}
		}
	}
	if n == 0 {
		return
	}
	if b.sizes == nil {
		b.sizes = map[int]int{}
	}
	b.sizes[l.size] += n
	if !validHref(l.href) {
		l.href = ""
	}
	if l.strong || l.em || l.href != "" {
		b.spans = append(b.spans, Span{From: from, To: b.text.Len(), Strong: l.strong, Em: l.em, Href: l.href})
	}
}

// line returns what was put together as a line without number.
func (b *lineBuilder) line() Line {
	full := b.text.String()
	lead := full[:len(full)-len(strings.TrimLeftFunc(full, unicode.IsSpace))]
	l := Line{Indent: columns(strings.ReplaceAll(lead, "\t", "    "))}
	l.Text, l.Spans = trimmed(full, append(b.spans, links(full)...))
	most := 0
	for size, n := range b.sizes {
		if n > most || n == most && size > l.Size {
			l.Size, most = size, n
		}
	}
	return l
}

// allBold tells whether nothing but bold text is in a line.
func allBold(l Line) bool {
	at := 0
	for _, s := range l.Spans {
		if !s.Strong || strings.TrimSpace(l.Text[at:s.From]) != "" {
			return false
		}
		at = s.To
	}
	return l.Text != "" && strings.TrimSpace(l.Text[at:]) == ""
}

// joinLines makes one line of the parts of a paragraph that was broken by hand
// or by a page.
func joinLines(parts []Line) Line {
	out := parts[0]
	if len(parts) == 1 {
		return out
	}
	var text strings.Builder
	out.Spans = slices.Clip(out.Spans)
	for i, p := range parts {
		if i > 0 && spaceBetween(parts[i-1].Text, p.Text) {
			text.WriteByte(' ')
		}
		if off := text.Len(); i > 0 {
			for _, s := range p.Spans {
				s.From, s.To = s.From+off, s.To+off
				out.Spans = append(out.Spans, s)
			}
		}
		text.WriteString(p.Text)
	}
	out.Text, out.Last = text.String(), parts[len(parts)-1].Last
	out.Spans = tidySpans(out.Text, out.Spans)
	return out
}

// richLines brings the lines of a Word file or a web page, numbered from 1 in
// their order, to what the recogniser expects of any file.
func richLines(lines []Line, f *findings) []Line {
	for i := range lines {
		l := &lines[i]
		l.N, l.Last = i+1, i+1
		typedBold(l)
		switch l.Style {
		case StylePlain:
			listItem(l)
			if l.Style == StylePlain && allBold(*l) && shorterThan(l.Text, 61) {
				l.Style = StyleBold
			}
		case StyleHeading:
			for k := range l.Spans { // a heading is bold anyhow
				l.Spans[k].Strong = false
			}
			l.Spans = tidySpans(l.Text, l.Spans)
		}
	}
	rankHeadings(lines)
	lines = segments(dropFurniture(lines, f))
	for i := range lines {
		l := &lines[i]
		if dots.MatchString(l.Text) {
			l.Text, l.Spans = "……", nil
		}
		if s := unspaced(l.Text); len(s) != len(l.Text) {
			l.Text, l.Spans = respaced(l.Text, s, l.Spans)
		}
	}
	return slices.DeleteFunc(lines, func(l Line) bool { return l.Text == "" && l.Image == nil })
}

// respaced moves the spans of a text along when white space was taken out of it
// or written otherwise.
func respaced(old, text string, spans []Span) (string, []Span) {
	if len(spans) == 0 {
		return text, nil
	}
	at := make([]int, len(old)+1) // where each byte of old went
	k := 0
	for i, r := range old {
		at[i] = k
		rest := text[min(k, len(text)):]
		switch c := firstRune(rest); {
		case rest == "":
		case unicode.IsSpace(r) && unicode.IsSpace(c), r == c:
			k += len(string(c))
		}
	}
	at[len(old)] = len(text)
	for i := range spans {
		spans[i].From, spans[i].To = at[spans[i].From], at[spans[i].To]
	}
	return text, tidySpans(text, spans)
}

// typedBold reads **bold**, which some type in Word too.
func typedBold(l *Line) {
	if !strings.Contains(l.Text, "**") || slices.ContainsFunc(l.Spans, func(s Span) bool {
		return s.Strong || s.Em || addressOf(l.Text[s.From:s.To]) != s.Href
	}) {
		return
	}
	l.Text, l.Spans = inlineText(l.Text)
}

// listItem reads the marks of a list that somebody typed, as in Markdown.
func listItem(l *Line) {
	m := bulletItem.FindStringSubmatchIndex(l.Text)
	if m == nil {
		return
	}
	for k := range l.Spans {
		l.Spans[k].From, l.Spans[k].To = l.Spans[k].From-m[2], l.Spans[k].To-m[2]
	}
	l.Style, l.Text = StyleItem, l.Text[m[2]:]
	l.Spans = tidySpans(l.Text, l.Spans)
}
