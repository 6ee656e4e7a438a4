package issue

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// inlineText reads the little markup that plain text has: **bold** and bare
// addresses of web pages.
func inlineText(s string) (string, []Span) {
	var spans []Span
	if strings.Contains(s, "**") {
		var b strings.Builder
		parts := strings.Split(s, "**")
		if len(parts)%2 == 0 { // the last one has no partner and stays text
			n := len(parts)
			parts = append(parts[:n-2], parts[n-2]+"**"+parts[n-1])
		}
		for k, p := range parts {
			if k%2 == 1 && p != "" {
				spans = append(spans, Span{From: b.Len(), To: b.Len() + len(p), Strong: true})
			}
			b.WriteString(p)
		}
		s = b.String()
	}
	return trimmed(s, append(spans, links(s)...))
}

var webAddress = regexp.MustCompile(`^(?i)(?:https?://|www\.)[a-z0-9][a-z0-9.-]*[a-z0-9](?::\d{2,5})?(?:[/?#][A-Za-z0-9\-._~%!$&'()*+,;=:@/?#]*)?`)

// links finds bare addresses of web pages.
func links(s string) []Span {
	if !strings.Contains(s, "://") && !strings.Contains(strings.ToLower(s), "www.") {
		return nil
	}
	var out []Span
	for i := 0; i < len(s); {
		switch s[i] {
		case 'h', 'H', 'w', 'W':
			before, _ := utf8.DecodeLastRuneInString(s[:i])
			if u, href := linkAt(s[i:], before); href != "" {
				out = append(out, Span{From: i, To: i + len(u), Href: href})
				i += len(u)
				continue
			}
		}
		i++
	}
	return out
}

// linkAt reads the address that s begins with; before is the character in front
// of it.
func linkAt(s string, before rune) (text, href string) {
	const longest = 600
	if before < 0x80 && (unicode.IsLetter(before) || unicode.IsDigit(before)) || strings.ContainsRune("@/.-", before) {
		return "", ""
	}
	u := webAddress.FindString(s[:min(len(s), longest)])
	u = strings.TrimRight(u, `.,;:!?'"*_`)
	for strings.HasSuffix(u, ")") && strings.Count(u, ")") > strings.Count(u, "(") {
		u = strings.TrimRight(u[:len(u)-1], `.,;:!?'"*_`)
	}
	if len(u) < 5 || !strings.Contains(u[4:], ".") {
		return "", ""
	}
	if href = addressOf(u); !validHref(href) {
		return "", ""
	}
	return u, href
}

func addressOf(u string) string {
	if strings.HasPrefix(strings.ToLower(u), "http") {
		return u
	}
	return "http://" + u
}

// validHref tells whether an address may be linked to: absolute, http, https or
// mailto, and nothing in it that could end an attribute.
func validHref(s string) bool {
	if s == "" || len(s) > 2048 || strings.ContainsFunc(s, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r) || strings.ContainsRune("<>\"\\`", r)
	}) {
		return false
	}
	u, err := url.Parse(s)
	if err != nil {
		return false
	}
	switch strings.ToLower(u.Scheme) {
	case "http", "https":
		return u.Host != ""
	case "mailto":
		return strings.Contains(u.Opaque, "@")
	}
	return false
}

// trimmed cuts white space off both ends of s and moves the spans along.
func trimmed(s string, spans []Span) (string, []Span) {
	t := strings.TrimLeftFunc(s, unicode.IsSpace)
	off := len(s) - len(t)
	t = strings.TrimRightFunc(t, unicode.IsSpace)
	for i := range spans {
		spans[i].From, spans[i].To = spans[i].From-off, spans[i].To-off
	}
	return t, tidySpans(t, spans)
}

// tidySpans brings spans into the one form that a model has: within the text,
// not around white space, in order, without overlap, neighbours of the same
// kind merged. Where spans overlap, the marks add up.
func tidySpans(s string, spans []Span) []Span {
	if len(spans) == 0 {
		return nil
	}
	type edge struct {
		at   int
		open bool
		span Span
	}
	var edges []edge
	for _, sp := range spans {
		sp.From, sp.To = max(sp.From, 0), min(sp.To, len(s))
		for sp.From < sp.To && isSpaceAt(s, sp.From) {
			_, n := utf8.DecodeRuneInString(s[sp.From:])
			sp.From += n
		}
		for sp.From < sp.To {
			r, n := utf8.DecodeLastRuneInString(s[sp.From:sp.To])
			if !unicode.IsSpace(r) {
				break
			}
			sp.To -= n
		}
		if sp.From < sp.To && (sp.Strong || sp.Em || sp.Href != "") {
			edges = append(edges, edge{sp.From, true, sp}, edge{sp.To, false, sp})
		}
	}
	slices.SortStableFunc(edges, func(a, b edge) int {
		if a.at != b.at {
			return a.at - b.at
		}
		if a.open != b.open && !a.open {
			return -1
		}
		return 0
	})
	var out []Span
	strong, em, href, hrefs, at := 0, 0, "", 0, 0
	emit := func(to int) {
		if to > at && (strong > 0 || em > 0 || href != "") {
			sp := Span{From: at, To: to, Strong: strong > 0, Em: em > 0, Href: href}
			if n := len(out); n > 0 && out[n-1].To == at && out[n-1].Strong == sp.Strong && out[n-1].Em == sp.Em && out[n-1].Href == sp.Href {
				out[n-1].To = to
			} else {
				out = append(out, sp)
			}
		}
		at = to
	}
	for _, e := range edges {
		emit(e.at)
		d := 1
		if !e.open {
			d = -1
		}
		if e.span.Strong {
			strong += d
		}
		if e.span.Em {
			em += d
		}
		if e.span.Href != "" {
			if hrefs += d; hrefs == 0 {
				href = ""
			} else if e.open && hrefs == 1 {
				href = e.span.Href
			}
		}
	}
	return trimPieces(s, out)
}

// trimPieces cuts white space off the ends of spans that came out of an
// overlap.
func trimPieces(s string, spans []Span) []Span {
	out := spans[:0]
	for _, sp := range spans {
		t := s[sp.From:sp.To]
		sp.From += len(t) - len(strings.TrimLeftFunc(t, unicode.IsSpace))
		sp.To -= len(t) - len(strings.TrimRightFunc(t, unicode.IsSpace))
		if sp.From < sp.To {
			out = append(out, sp)
		}
	}
	return out
}

func isSpaceAt(s string, i int) bool {
	r, _ := utf8.DecodeRuneInString(s[i:])
	return unicode.IsSpace(r)
}
