package templates

import (
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// Filter returns what WeChat leaves of an article's content, as far as that is
// known: WeChat documents only that scripts and foreign pictures go; the rest is
// what the makers of editors for it have found (doocs/md, wenyan, 2026). Where
// they differ it takes the stricter reading, so that what is seen after it is
// seen by every reader. It leaves the Content of an [Article] as it is.
func Filter(content string) string {
	return fragment(content, filterNode)
}

// fragment parses HTML, passes each node through keep, and writes it again.
func fragment(content string, keep func(*html.Node) []*html.Node) string {
	body := &html.Node{Type: html.ElementNode, Data: "body", DataAtom: atom.Body}
	nodes, err := html.ParseFragment(strings.NewReader(content), body)
	if err != nil {
		return "" // a reader in memory does not fail
	}
	var out strings.Builder
	for _, n := range nodes {
		for _, kept := range keep(n) {
			if err := html.Render(&out, kept); err != nil {
				return ""
			}
		}
	}
	return out.String()
}

// What the filter does with elements: these go with all that is in them, the
// kept ones stay, of any other only the contents stay.
var (
	gone = regexp.MustCompile(`^(script|style|iframe|frame|input|button|select|textarea|object|embed|applet|link|meta|base|title|template|noscript|audio|video|canvas|svg|math)$`)
	kept = regexp.MustCompile(`^(section|p|span|strong|em|b|i|u|s|h[1-6]|blockquote|ul|ol|li|table|thead|tbody|tfoot|tr|td|th|caption|img|br|hr|sup|sub|code|pre|a)$`)
)

func filterNode(n *html.Node) []*html.Node {
	if n.Type == html.TextNode {
		return []*html.Node{n}
	}
	if n.Type == html.CommentNode || n.Type == html.ElementNode && gone.MatchString(n.Data) {
		return nil
	}
	var children []*html.Node
	for c := n.FirstChild; c != nil; c = n.FirstChild {
		n.RemoveChild(c)
		children = append(children, filterNode(c)...)
	}
	if n.Type != html.ElementNode || !kept.MatchString(n.Data) {
		return children
	}
	n.Attr = filterAttributes(n)
	switch {
	case n.Data == "a" && len(n.Attr) == 0, n.Data == "img" && !slices.ContainsFunc(n.Attr, isSource):
		return children
	}
	for _, c := range children {
		n.AppendChild(c)
	}
	return []*html.Node{n}
}

func isSource(a html.Attribute) bool { return a.Key == "src" }

// ownPicture is where uploadimg puts pictures.
var ownPicture = regexp.MustCompile(`^https?://mmbiz\.qpic\.cn/`)

// KeepsPicture tells whether WeChat leaves a picture with this address in an
// article.
func KeepsPicture(address string) bool { return ownPicture.MatchString(address) }

func filterAttributes(n *html.Node) []html.Attribute {
	var out []html.Attribute
	for _, a := range n.Attr {
		switch {
		case a.Key == "style":
			if a.Val = filterStyle(a.Val); a.Val == "" {
				continue
			}
		case n.Data == "a" && a.Key == "href" && insideWeChat(a.Val),
			n.Data == "img" && (a.Key == "alt" || a.Key == "src" && ownPicture.MatchString(a.Val)),
			(n.Data == "td" || n.Data == "th") && (a.Key == "colspan" || a.Key == "rowspan"):
		default:
			continue
		}
		out = append(out, a)
	}
	if n.Data == "a" && !slices.ContainsFunc(out, func(a html.Attribute) bool { return a.Key == "href" }) {
		return nil
	}
	return out
}

// Only plain properties survive being saved in the editor (doocs/md issues 447,
// 480 and 521).
var (
	plainProperty = regexp.MustCompile(`^(color|background-color|border(-[a-z-]+)?|padding(-[a-z]+)?|margin(-[a-z]+)?|font(-[a-z]+)?|text-align|text-decoration|line-height|letter-spacing|width|max-width|height|vertical-align)$`)
	activeValue   = regexp.MustCompile(`(?i)url\s*\(|var\s*\(|expression\s*\(|javascript:|@import`)
)

func filterStyle(style string) string {
	var out []string
	for declaration := range strings.SplitSeq(style, ";") {
		property, value, ok := strings.Cut(declaration, ":")
		property, value = strings.ToLower(strings.TrimSpace(property)), strings.TrimSpace(value)
		if ok && value != "" && plainProperty.MatchString(property) && !activeValue.MatchString(value) {
			out = append(out, property+":"+value)
		}
	}
	return strings.Join(out, ";")
}
