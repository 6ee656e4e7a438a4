package templates

import (
	"net/url"
	"slices"
	"strings"

	"yizhan/issue"
)

// Mark is a part of a text of a WeChat article. A link that WeChat would take
// out has a footnote instead: its number stands behind the text.
type Mark struct {
	Text string
	Href string // only addresses of mp.weixin.qq.com: they stay links
	Note int    // 0: none
}

// footnotes collects the addresses of an article's links. The same address has
// the same number.
type footnotes struct{ links []string }

// mark makes the mark of a linked text.
func (f *footnotes) mark(label, href string) Mark {
	if insideWeChat(href) {
		return Mark{Text: label, Href: href}
	}
	shown := strings.TrimPrefix(href, "mailto:")
	n := slices.Index(f.links, shown)
	if n < 0 {
		n = len(f.links)
		f.links = append(f.links, shown)
	}
	return Mark{Text: label, Note: n + 1}
}

// insideWeChat says whether WeChat lets readers follow an address: it does with
// published articles of its own (draft/add, 2025-12-19).
func insideWeChat(href string) bool {
	u, err := url.Parse(href)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && strings.EqualFold(u.Host, "mp.weixin.qq.com")
}

// paragraph divides a paragraph that the digest shows of an article at the links
// that the article's blocks have in it. A text that is its own address needs no
// footnote.
func (f *footnotes) paragraph(a issue.Article, shown string) []Mark {
	var out []Mark
	at := 0
	for _, b := range a.Blocks {
		for _, s := range b.Spans {
			if s.Href == "" || s.From < 0 || s.To <= s.From || s.To > len(b.Text) || !border(b.Text, s.From) || !border(b.Text, s.To) {
				continue
			}
			label, href := text(b.Text[s.From:s.To]), web(s.Href)
			if label == "" || href == "" || sameAddress(label, href) {
				continue
			}
			i := place(shown, at, label, b.Text[:s.From])
			if i < 0 {
				continue
			}
			if i > at {
				out = append(out, Mark{Text: shown[at:i]})
			}
			out = append(out, f.mark(label, href))
			at = i + len(label)
		}
	}
	if at < len(shown) {
		out = append(out, Mark{Text: shown[at:]})
	}
	return out
}

// place finds label in shown, from at on, where it follows the end of before: a
// word such as 这里 may well stand in the sentence twice.
func place(shown string, at int, label, before string) int {
	const context = 60 // bytes
	before = text(before[max(0, len(before)-2*context):])
	before = squeeze(strings.ToValidUTF8(before[max(0, len(before)-context/2):], ""))
	for i := at; i <= len(shown)-len(label); i += len(label) {
		found := strings.Index(shown[i:], label)
		if found < 0 {
			return -1
		}
		i += found
		if strings.HasSuffix(squeeze(shown[max(0, i-2*context):i]), before) {
			return i
		}
	}
	return -1
}

// sameAddress says whether a link's text is the address itself.
func sameAddress(label, href string) bool {
	bare := func(s string) string {
		for _, prefix := range []string{"mailto:", "https://", "http://"} {
			s = strings.TrimPrefix(s, prefix)
		}
		return strings.TrimSuffix(s, "/")
	}
	return strings.EqualFold(bare(label), bare(href))
}
