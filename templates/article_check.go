package templates

import (
	"fmt"
	"net/url"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html"
)

// CheckArticle holds an article against WeChat's limits and against what a
// reader sees of it after [Filter]: nothing may be lost.
func CheckArticle(a Article) []Finding {
	var found []Finding
	add := func(rule, format string, args ...any) {
		found = append(found, Finding{rule, fmt.Sprintf(format, args...)})
	}
	for _, limit := range []struct {
		rule, what string
		got, most  int
	}{
		{"title", "characters of title", units(a.Title), MaxArticleTitle},
		{"author", "characters of author", units(a.Author), MaxArticleAuthor},
		{"digest", "characters of digest", units(a.Digest), MaxArticleDigest},
		{"size", "characters of content", units(a.Content), MaxArticleContent - 1},
		{"size", "bytes of content", len(a.Content), MaxArticleBytes},
		{"source", "bytes in the address of the web page", len(a.SourceURL), MaxArticleSource},
	} {
		if limit.got > limit.most {
			add(limit.rule, "%d %s, at most %d are taken", limit.got, limit.what, limit.most)
		}
	}
	if a.Title == "" || a.Content == "" {
		add("title", "title or content is empty")
	}
	if u, err := url.Parse(a.SourceURL); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		add("source", "%q is not an http(s) address", a.SourceURL)
	}
	for _, s := range []string{a.Title, a.Author, a.Digest, a.Content} {
		if !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f || r == 0x2028 || r == 0x2029 }) {
			add("text", "a control character, a line break or bytes that are no UTF-8")
		}
	}
	shown := Filter(a.Content)
	if shown != a.Content {
		add("element", "WeChat takes something out, from %q on", difference(a.Content, shown))
	}
	for _, missing := range a.missing(squeeze(words(shown))) {
		add("headline", "%q cannot be seen in the article", missing)
	}
	return found
}

// missing returns what a reader must find and does not; headlines are wanted in
// order.
func (a Article) missing(visible string) []string {
	var out []string
	rest := visible
	for _, h := range a.Headlines {
		_, after, ok := strings.Cut(rest, squeeze(h))
		if !ok {
			out = append(out, h)
			continue
		}
		rest = after
	}
	for _, list := range [][]string{a.Sections, a.Credits, a.Links} {
		for _, s := range list {
			if !strings.Contains(visible, squeeze(s)) {
				out = append(out, s)
			}
		}
	}
	return out
}

// words returns the text of HTML.
func words(content string) string {
	var out strings.Builder
	fragment(content, func(n *html.Node) []*html.Node {
		for c := range n.Descendants() {
			if c.Type == html.TextNode {
				out.WriteString(c.Data)
			}
		}
		if n.Type == html.TextNode {
			out.WriteString(n.Data)
		}
		return nil
	})
	return out.String()
}

// keepAll writes HTML as WeChat's side will, once it has parsed it.
func keepAll(n *html.Node) []*html.Node { return []*html.Node{n} }

// difference returns where two texts part.
func difference(a, b string) string {
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	return strings.ToValidUTF8(a[max(0, i-10):min(len(a), i+60)], "")
}
