package templates

import (
	"bytes"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html"
)

// MaxStyle is the size of a mail's style sheets, in bytes: Gmail ignores them
// above 16 kB (email-bugs issue 90).
const MaxStyle = 16_000

// Finding is one broken rule of a digest.
type Finding struct {
	Rule string // short and stable: size, style, element, attribute, link, unsubscribe, headline, credit, text, preheader, subject
	Text string
}

// Error makes a finding an error.
func (f Finding) Error() string { return f.Rule + ": " + f.Text }

// Check holds a digest against the rules that mailboxes set: what they cut off,
// refuse or strip. It looks at the parsed page, so imported text that only
// speaks of url( or <script> breaks no rule.
func Check(d Digest) []Finding {
	c := checker{digest: d}
	c.subject()
	if n := len(d.HTML); n > MaxHTML {
		c.add("size", "the HTML has %d bytes, at most %d are shown everywhere", n, MaxHTML)
	}
	if !utf8.Valid(d.HTML) || !utf8.Valid(d.Text) {
		c.add("text", "a part is not valid UTF-8")
	}
	root, err := html.Parse(bytes.NewReader(d.HTML))
	if err != nil {
		c.add("element", "the HTML does not parse: %v", err)
		return c.found
	}
	c.page = page{names: map[string]bool{}}
	c.walk(root, false)
	if c.style > MaxStyle {
		c.add("style", "the style sheets have %d bytes, at most %d are read", c.style, MaxStyle)
	}
	c.links()
	c.readable()
	c.plain()
	return c.found
}

// page is what is left of the HTML when style sheets, classes and ids are gone,
// as QQ Mail and NetEase show it.
type page struct {
	visible strings.Builder // text outside jump links that no style of its own hides
	hrefs   []string
	jumps   []string
	names   map[string]bool
	style   int // bytes of style sheets
}

type checker struct {
	page
	digest Digest
	found  []Finding
}

func (c *checker) add(rule, format string, args ...any) {
	c.found = append(c.found, Finding{rule, fmt.Sprintf(format, args...)})
}

func (c *checker) subject() {
	s := c.digest.Subject
	if s == "" || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		c.add("subject", "the subject %q is empty or has control characters", s)
	}
}

// barred are the elements that mailboxes remove or take for an attack.
var barred = map[string]bool{
	"script": true, "form": true, "input": true, "button": true, "iframe": true, "object": true, "embed": true, "video": true, "audio": true,
	"svg": true, "math": true, "picture": true, "link": true, "base": true, "canvas": true,
}

// barredStyle is what some mailbox drops a whole style attribute for, or ignores.
var barredStyle = regexp.MustCompile(`(?i)url\s*\(|position\s*:|var\s*\(|display\s*:\s*(inline-)?(flex|grid)|expression\s*\(|javascript:|@import|@font-face|behavior\s*:`)

func (c *checker) walk(n *html.Node, hidden bool) {
	switch n.Type {
	case html.TextNode:
		switch {
		case n.Parent.Data == "style":
			c.style += len(n.Data)
			if bad := barredStyle.FindString(n.Data); bad != "" {
				c.add("style", "a style sheet has %q", bad)
			}
		case !hidden && n.Parent.Data != "title":
			c.visible.WriteString(n.Data)
		}
	case html.ElementNode:
		hidden = c.element(n) || hidden
	}
	for child := n.FirstChild; child != nil; child = child.NextSibling {
		c.walk(child, hidden)
	}
	if n.Type == html.ElementNode {
		switch n.Data {
		case "p", "td", "h1", "h2", "h3", "div", "br", "a":
			c.visible.WriteByte('\n')
		}
	}
}

// element checks an element and its attributes, and says whether its text counts
// as hidden.
func (c *checker) element(n *html.Node) (hidden bool) {
	if barred[n.Data] {
		c.add("element", "<%s> has no place in a mail", n.Data)
	}
	has := map[string]string{}
	for _, a := range n.Attr {
		has[a.Key] = a.Val
		switch {
		case strings.HasPrefix(a.Key, "on"):
			c.add("attribute", "<%s %s> would be a script", n.Data, a.Key)
		case a.Key == "style":
			if bad := barredStyle.FindString(a.Val); bad != "" {
				c.add("style", "<%s style> has %q", n.Data, bad)
			}
			hidden = strings.Contains(strings.ReplaceAll(a.Val, " ", ""), "display:none")
		case a.Key == "background" || a.Key == "src" && n.Data != "img":
			c.add("attribute", "<%s %s> is not shown by most mailboxes", n.Data, a.Key)
		case a.Key == "name" && n.Data == "a":
			c.names[a.Val] = true
		}
	}
	href, linked := has["href"]
	switch {
	case n.Data == "img":
		c.image(has)
	case linked && strings.HasPrefix(href, "#"):
		c.jumps = append(c.jumps, href[1:])
		hidden = true // the contents do not stand for the articles
	case linked:
		c.hrefs = append(c.hrefs, href)
	}
	return hidden
}

func (c *checker) image(has map[string]string) {
	for _, key := range []string{"alt", "width", "height"} {
		if _, ok := has[key]; !ok {
			c.add("attribute", "<img src=%q> lacks %s", has["src"], key)
		}
	}
	if u, err := url.Parse(has["src"]); err != nil || u.Scheme != "https" || u.Host == "" {
		c.add("link", "the image %q is not at an https address", has["src"])
	}
}

// links wants every link absolute, every jump to have its target, and the
// unsubscribe link to be there as it was given.
func (c *checker) links() {
	left := false
	for _, href := range c.hrefs {
		left = left || href == c.digest.UnsubscribeURL
		u, err := url.Parse(href)
		if err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" || err == nil && u.Scheme == "mailto" {
			continue
		}
		if href != c.digest.UnsubscribeURL { // it may be a placeholder
			c.add("link", "%q is not an absolute http, https or mailto address", href)
		}
	}
	for _, name := range c.jumps {
		if !c.names[name] {
			c.add("link", "#%s has no <a name> to jump to", name)
		}
	}
	if c.digest.UnsubscribeURL == "" || !left {
		c.add("unsubscribe", "the HTML does not link to %q", c.digest.UnsubscribeURL)
	}
}

// readable wants headlines and credits in order in what remains of the HTML
// without any style sheet.
func (c *checker) readable() {
	visible := squeeze(c.visible.String())
	rest := visible
	for _, h := range c.digest.Headlines {
		_, after, ok := strings.Cut(rest, squeeze(h))
		if !ok {
			c.add("headline", "%q is missing in the HTML without style sheets, or out of order", h)
			continue
		}
		rest = after
	}
	for _, credit := range c.digest.Credits {
		if !strings.Contains(visible, squeeze(credit)) {
			c.add("credit", "%q is missing in the HTML without style sheets", credit)
		}
	}
	if c.digest.Preheader == "" {
		c.add("preheader", "the preheader is empty")
	}
}

var tag = regexp.MustCompile(`</?[a-zA-Z!][^<>\n]*>`)

// plain wants in the text part what the HTML has, and nothing of HTML itself.
func (c *checker) plain() {
	t := string(c.digest.Text)
	lines := map[string]bool{}
	for l := range strings.Lines(t) {
		lines[strings.TrimSpace(l)] = true
	}
	for _, href := range c.hrefs {
		if !lines[href] {
			c.add("text", "%q has no line of its own in the text part", href)
		}
	}
	rest := t
	for _, h := range c.digest.Headlines {
		_, after, ok := strings.Cut(rest, h)
		if !ok {
			c.add("text", "headline %q is missing in the text part, or out of order", h)
			continue
		}
		rest = after
	}
	for _, credit := range c.digest.Credits {
		if !strings.Contains(t, credit) {
			c.add("text", "%q is missing in the text part", credit)
		}
	}
	if strings.Contains(t, "**") {
		c.add("text", "the text part has the asterisks of markup")
	}
	if strings.ContainsAny(t, "\u034f\u200c\u00a0") {
		c.add("text", "the text part has the preheader's filler")
	}
	visible := squeeze(c.visible.String())
	for _, found := range tag.FindAllString(t, -1) {
		// What the reader sees in the HTML as well is the article's own words.
		if !strings.Contains(visible, squeeze(found)) {
			c.add("text", "the text part has the tag %s", found)
		}
	}
}

// squeeze takes out all white space: a line break in the HTML is none of the text.
func squeeze(s string) string { return strings.Join(strings.Fields(s), "") }
