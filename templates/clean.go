package templates

import (
	"fmt"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Longer single lines are cut: nobody reads them, and a mail must not be filled
// by one of them.
const lineMax = 200

// text makes imported text fit to be shown: valid UTF-8, without control and
// direction characters and the asterisks of markup that the reader left, all
// white space single.
func text(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	s = strings.ReplaceAll(s, "**", "")
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r), r >= 0x202A && r <= 0x202E, r >= 0x2066 && r <= 0x2069,
			r >= 0x200B && r <= 0x200F, r == 0xFEFF, r == 0x034F:
			return -1
		}
		return r
	}, s)
	return strings.Join(strings.Fields(strings.ReplaceAll(s, "**", "")), " ")
}

// line is text for one line: a title, a name, a credit.
func line(s string) string {
	s = text(s)
	if utf8.RuneCountInString(s) <= lineMax {
		return s
	}
	if short := cut(s, lineMax/4, lineMax/2-len(ellipsis)); short != "" && utf8.RuneCountInString(short) <= lineMax {
		return short
	}
	return string([]rune(s)[:lineMax-2]) + ellipsis
}

// lines are the lines of a text that an operator wrote, clean; at most ten.
func lines(s string) []string {
	var out []string
	for l := range strings.Lines(s) {
		if l = line(l); l != "" && len(out) < 10 {
			out = append(out, l)
		}
	}
	return out
}

// web returns the absolute address that an imported one stands for, or "" when
// it must not become a link. A bare www.example.org gets its scheme.
func web(s string) string {
	s = strings.TrimSpace(text(s))
	if len(s) > 500 || strings.ContainsAny(s, " <>\"'`\\{}") {
		return ""
	}
	if !strings.Contains(s, ":") && strings.Contains(s, ".") {
		s = "http://" + s
	}
	u, err := url.Parse(s)
	if err != nil {
		return ""
	}
	switch strings.ToLower(u.Scheme) {
	case "http", "https":
		if u.Host == "" || u.User != nil {
			return ""
		}
	case "mailto":
		if u.Opaque == "" {
			return ""
		}
	default:
		return ""
	}
	return asLink(u.String())
}

// asLink writes an address as html/template does in an href, so that it is the
// same in the HTML, the text part and the footnotes: bytes that a link does not
// hold in the clear, Han and round brackets among them, become %xx.
func asLink(s string) string {
	var out strings.Builder
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("-._~!#$&*+,/:;=?@[]", c) >= 0,
			c == '%' && i+2 < len(s) && hexDigit(s[i+1]) && hexDigit(s[i+2]):
			out.WriteByte(c)
		default:
			fmt.Fprintf(&out, "%%%02x", c)
		}
	}
	return out.String()
}

func hexDigit(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

func lastRune(s string) rune {
	r, _ := utf8.DecodeLastRuneInString(s)
	return r
}
