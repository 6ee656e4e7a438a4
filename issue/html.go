package issue

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
	"golang.org/x/net/html/charset"
)

// webPage reads a web page as styled lines: one that somebody wrote with headings
// and paragraphs, one that Word saved, one that is tables all over. Nothing is
// fetched and no script or style sheet is looked at.
type webPage struct {
	f     *findings
	at    folder
	out   []Line
	gap   int
	head  bool // nothing but masthead so far
	depth int

	parts []*lineBuilder // of the paragraph that is being read, parted at <br>
	style Style          // and what it is
	level int
	mark  string // the number of a list item
	count int    // of the ordered list that is being read
	left  map[string]int
}

// readHTML returns the lines of a web page.
func readHTML(data []byte, at folder, f *findings) ([]Line, *ReadError) {
	if len(data) > MaxInput {
		return nil, &ReadError{
			Code: "too-large", Text: fmt.Sprintf("网页有 %.1f MiB，超过上限 %d MiB", float64(len(data))/(1<<20), MaxInput>>20),
			Hint: "请把图片另存为单独的文件，放在网页旁边，或只保存正文",
		}
	}
	text, err := webText(data, f)
	if err != nil {
		return nil, err
	}
	root, failed := html.Parse(strings.NewReader(text))
	if failed != nil {
		return nil, &ReadError{Code: "bomb", Text: "网页读不懂：" + clip(failed.Error()), Hint: "请在浏览器中打开，全选、复制到 Word 里，再另存为 .docx"}
	}
	w := &webPage{f: f, at: at, head: true, left: map[string]int{}}
	w.parts = []*lineBuilder{{}}
	if failed := w.node(root, look{}); failed != nil {
		return nil, bomb(fmt.Sprintf("网页的结构嵌套超过 %d 层", maxWebDepth))
	}
	w.flush()
	w.tellLeft()
	return w.out, nil
}

// webText decodes a web page: what it says of its encoding counts unless it is
// plainly wrong.
func webText(data []byte, f *findings) (string, *ReadError) {
	_, name, certain := charset.DetermineEncoding(data[:min(len(data), 1024)], "")
	said := name
	if m := metaCharset.FindSubmatch(data[:min(len(data), 8192)]); m != nil && !certain {
		said = string(m[1])
	}
	low := strings.ToLower(said)
	if strings.HasPrefix(low, "gb") || low == "utf-8" || low == "windows-1252" || strings.HasPrefix(low, "utf-16") {
		var own findings
		text, err := decode(data, &own) // knows them, and when the page is wrong about itself
		for _, d := range own.list {
			if d.Code != "encoding-guessed" || !strings.HasPrefix(low, "gb") { // it was said
				f.list = append(f.list, d)
			}
		}
		return text, err
	}
	r, err := charset.NewReaderLabel(said, bytes.NewReader(data))
	if err != nil {
		return decode(data, f)
	}
	var b bytes.Buffer
	if _, err := b.ReadFrom(r); err != nil {
		return "", &ReadError{Code: "encoding", Text: "认不出网页的编码 " + clip(said), Hint: "请在浏览器中打开，另存为 UTF-8 编码"}
	}
	return decode(b.Bytes(), f)
}

var metaCharset = regexp.MustCompile(`(?i)<meta[^>]+charset\s*=\s*["']?\s*([a-z0-9_-]+)`)

const maxWebDepth = 400

var errWebDepth = errors.New("nested too deep")

// node reads a node and everything in it.
func (w *webPage) node(n *html.Node, l look) error {
	if w.depth++; w.depth > maxWebDepth {
		return errWebDepth
	}
	defer func() { w.depth-- }()
	switch n.Type {
	case html.TextNode:
		w.text(n.Data, l)
		return nil
	case html.ElementNode:
		return w.element(n, l)
	case html.DocumentNode:
		return w.children(n, l)
	}
	return nil
}

func (w *webPage) children(n *html.Node, l look) error {
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if err := w.node(c, l); err != nil {
			return err
		}
	}
	return nil
}

func (w *webPage) element(n *html.Node, l look) error {
	if hidden(n) {
		w.leave(n, "看不见的部分")
		return nil
	}
	l = lookOf(n, l)
	switch n.DataAtom {
	case atom.Head, atom.Script, atom.Style, atom.Noscript, atom.Template, atom.Title, atom.Rt, atom.Rp, atom.Select, atom.Datalist, atom.Svg, atom.Math:
		return nil
	case atom.Nav:
		w.leave(n, "导航")
		return nil
	case atom.Form, atom.Button, atom.Textarea, atom.Iframe, atom.Object, atom.Video, atom.Audio, atom.Canvas:
		if n.DataAtom != atom.Form { // old pages put everything into one form
			w.leave(n, "按钮和嵌入的内容")
			return nil
		}
	case atom.Br:
		w.parts = append(w.parts, &lineBuilder{})
		return nil
	case atom.Hr:
		w.flush()
		w.gap++
		return nil
	case atom.Img:
		w.image(n)
		return nil
	case atom.Pre:
		return w.preformatted(n, l)
	case atom.Table:
		return w.table(n, l)
	case atom.Span:
		if strings.Contains(strings.ToLower(attribute(n, "style")), "mso-list:ignore") {
			w.listMark(n)
			return nil
		}
	}
	if !blockElement[n.DataAtom] {
		return w.children(n, l)
	}
	return w.block(n, l)
}

var blockElement = map[atom.Atom]bool{
	atom.P: true, atom.Div: true, atom.Section: true, atom.Article: true, atom.Header: true, atom.Footer: true, atom.Main: true, atom.Aside: true,
	atom.H1: true, atom.H2: true, atom.H3: true, atom.H4: true, atom.H5: true, atom.H6: true, atom.Blockquote: true, atom.Ul: true, atom.Ol: true, atom.Li: true,
	atom.Dl: true, atom.Dt: true, atom.Dd: true, atom.Figure: true, atom.Figcaption: true, atom.Address: true, atom.Center: true, atom.Body: true, atom.Html: true,
	atom.Fieldset: true, atom.Details: true, atom.Summary: true, atom.Hgroup: true, atom.Caption: true, atom.Form: true, atom.Td: true, atom.Th: true, atom.Tr: true,
}

func attribute(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

var (
	hiddenStyle = regexp.MustCompile(`(?i)(?:^|[;\s])(?:display\s*:\s*none|visibility\s*:\s*hidden|mso-hide\s*:\s*all)`)
	sizeStyle   = regexp.MustCompile(`(?i)(?:^|[;\s])font-size\s*:\s*(\d{1,3}(?:\.\d+)?)\s*(pt|px|em|rem|%)`)
	boldStyle   = regexp.MustCompile(`(?i)(?:^|[;\s])font-weight\s*:\s*(bold|bolder|[6-9]00|normal|[1-5]00)`)
	italicStyle = regexp.MustCompile(`(?i)(?:^|[;\s])font-style\s*:\s*(italic|oblique)`)
)

func hidden(n *html.Node) bool {
	for _, a := range n.Attr {
		if a.Key == "hidden" || a.Key == "style" && hiddenStyle.MatchString(a.Val) {
			return true
		}
	}
	return false
}

// leave notes that something of the page was left out.
func (w *webPage) leave(n *html.Node, what string) {
	var b lineBuilder
	plainText(n, &b, 0)
	if b.line().Text != "" {
		w.left[what]++
	}
}

func plainText(n *html.Node, b *lineBuilder, depth int) {
	if n.Type == html.TextNode {
		b.add(n.Data, look{})
	}
	for c := n.FirstChild; c != nil && depth < maxWebDepth && b.text.Len() < 200; c = c.NextSibling {
		plainText(c, b, depth+1)
	}
}

func (w *webPage) tellLeft() {
	for _, what := range []string{"导航", "按钮和嵌入的内容", "看不见的部分"} {
		if n := w.left[what]; n > 0 {
			w.f.add("page-part", 0, Info, fmt.Sprintf("网页里有 %d 处%s，未收入", n, what))
		}
	}
}
