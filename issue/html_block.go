package issue

import (
	"encoding/base64"
	"net/url"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// lookOf is the look of what stands inside an element.
func lookOf(n *html.Node, l look) look {
	switch n.DataAtom {
	case atom.B, atom.Strong, atom.Th:
		l.strong = true
	case atom.I, atom.Em, atom.Cite:
		l.em = true
	case atom.A:
		if href := strings.TrimSpace(attribute(n, "href")); validHref(href) {
			l.href = href
		}
	case atom.Big:
		l.size += 4
	case atom.Font:
		if size := fontSizes[attribute(n, "size")]; size > 0 {
			l.size = size
		}
	case atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6:
		l.strong = false
	}
	css := attribute(n, "style")
	if css == "" {
		return l
	}
	if m := boldStyle.FindStringSubmatch(css); m != nil {
		l.strong = m[1][0] == 'b' || m[1][0] == 'B' || m[1][0] >= '6'
	}
	if italicStyle.MatchString(css) {
		l.em = true
	}
	if m := sizeStyle.FindStringSubmatch(css); m != nil {
		n, _ := strconv.ParseFloat(m[1], 64)
		l.size = int(n * map[string]float64{"pt": 2, "px": 1.5, "em": 24, "rem": 24, "%": 0.24}[strings.ToLower(m[2])])
	}
	return l
}

// fontSizes are the seven sizes of <font>, in half points.
var fontSizes = map[string]int{"1": 15, "2": 20, "3": 24, "4": 27, "5": 36, "6": 48, "7": 72, "+1": 27, "+2": 36, "+3": 48}

// text adds running text: white space counts as one space, and a line of the
// source that ends between two Han characters as nothing.
func (w *webPage) text(s string, l look) {
	b := w.parts[len(w.parts)-1]
	var out strings.Builder
	last := b.last
	for s != "" {
		word := strings.TrimLeft(s, asciiSpace)
		space := s[:len(s)-len(word)]
		end := strings.IndexAny(word, asciiSpace)
		if end < 0 {
			end = len(word)
		}
		next := firstRune(word)
		switch {
		case space == "", last == 0, last == ' ':
		case strings.Contains(space, "\n") && wideRune(last) && (wideRune(next) || word == ""):
		default:
			out.WriteByte(' ')
			last = ' '
		}
		if end > 0 {
			out.WriteString(word[:end])
			last = lastRune(word[:end])
		}
		s = word[end:]
	}
	b.add(out.String(), l)
}

const asciiSpace = " \n\t\r\f"

// wideRune tells characters that Chinese is written with, its punctuation among
// them.
func wideRune(r rune) bool {
	return isHan(r) || r >= 0x3000 && r <= 0x303F || r >= 0xFF00 && r <= 0xFFEF || r >= 0x2014 && r <= 0x2026
}

// block reads an element that begins and ends a paragraph.
func (w *webPage) block(n *html.Node, l look) error {
	w.flush()
	style, level, mark, count := w.style, w.level, w.mark, w.count
	switch n.DataAtom {
	case atom.Ol:
		w.count = firstNumber(n)
	case atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6:
		w.style, w.level = StyleHeading, int(n.Data[1]-'0')
	case atom.Blockquote:
		w.style = StyleQuote
	case atom.Li:
		w.style, w.mark = StyleItem, w.itemNumber(n)
	case atom.Dt:
		l.strong = true
	case atom.P, atom.Div:
		w.wordParagraph(n)
	}
	if n.DataAtom == atom.Li {
		count = w.count
	}
	err := w.children(n, l)
	w.flush()
	w.style, w.level, w.mark, w.count = style, level, mark, count
	return err
}

// itemNumber is what an ordered list prints before an item.
func (w *webPage) itemNumber(n *html.Node) string {
	if n.Parent == nil || n.Parent.DataAtom != atom.Ol {
		return ""
	}
	w.count++
	return strconv.Itoa(w.count) + ". "
}

// firstNumber is the number of the first item of an ordered list less one.
func firstNumber(n *html.Node) int {
	return max(atMost(attribute(n, "start"), 100_000), 1) - 1
}

// wordParagraph reads what Word says of its paragraphs when it saves a web page.
func (w *webPage) wordParagraph(n *html.Node) {
	class, css := strings.ToLower(attribute(n, "class")), strings.ToLower(attribute(n, "style"))
	switch {
	case class == "msotitle":
		w.style, w.level = StyleHeading, 1
	case strings.HasPrefix(class, "msotoc") && class != "msotocheading":
		w.parts[0].add(strings.Repeat("　", 2*(atMost(strings.TrimPrefix(class, "msotoc"), 6)-1)), look{})
	case class == "msoquote" || class == "msointensequote":
		w.style = StyleQuote
	}
	if _, after, ok := strings.Cut(css, "mso-outline-level:"); ok {
		if level := atMost(strings.TrimSpace(after)[:min(1, len(strings.TrimSpace(after)))], 6); level > 0 {
			w.style, w.level = StyleHeading, level
		}
	}
}

// listMark reads the number or bullet that Word wrote out before an item.
func (w *webPage) listMark(n *html.Node) {
	var b lineBuilder
	plainText(n, &b, 0)
	mark := b.line().Text
	switch {
	case w.style == StyleHeading:
		w.text(mark, look{})
	case strings.ContainsFunc(mark, func(r rune) bool { return unicode.IsDigit(r) || isHan(r) || r >= '①' && r <= '⑳' }), len(mark) > 1 && mark[len(mark)-1] < 0x80:
		if latin(lastRune(mark)) {
			mark += " "
		}
		w.text(mark, look{})
	default:
		w.style = StyleItem
	}
}

// flush makes lines of the paragraph that was read.
func (w *webPage) flush() {
	var lines []Line
	gap, broken := 0, len(w.parts) > 1
	for _, b := range w.parts {
		l := b.line()
		if l.Text == "" {
			gap++
			continue
		}
		l.Gap = gap
		gap = 0
		lines = append(lines, l)
	}
	w.parts = []*lineBuilder{{}}
	if len(lines) == 0 {
		if broken {
			w.gap++
		}
		return
	}
	switch {
	case w.style == StyleHeading:
		l := joinLines(lines)
		l.Style, l.Level = StyleHeading, w.level
		lines = []Line{l}
	case len(lines) > 1:
		lines = unwrap(lines)
	}
	for k := range lines {
		l := &lines[k]
		switch {
		case w.style == StyleItem && k == 0:
			l.Style = StyleItem
			for s := range l.Spans {
				l.Spans[s].From, l.Spans[s].To = l.Spans[s].From+len(w.mark), l.Spans[s].To+len(w.mark)
			}
			l.Text = w.mark + l.Text
			w.style, w.mark = StylePlain, "" // what else is in the item
		case w.style == StyleQuote:
			l.Style = StyleQuote
		}
	}
	w.push(lines...)
}

func (w *webPage) push(lines ...Line) {
	for _, l := range lines {
		if l.Style != StyleImage {
			l.Gap += w.gap
			w.gap = 0
		}
		w.head = w.head && (l.Style != StyleHeading || len(w.out) == 0) && !isProse(l.Text)
		w.out = append(w.out, l)
	}
}

// preformatted reads text whose lines stand as they are.
func (w *webPage) preformatted(n *html.Node, l look) error {
	w.flush()
	var text func(*html.Node, look)
	depth := 0
	text = func(n *html.Node, l look) {
		if depth++; depth > maxWebDepth {
			return
		}
		defer func() { depth-- }()
		if n.Type == html.TextNode {
			for k, s := range strings.Split(n.Data, "\n") {
				if k > 0 {
					w.parts = append(w.parts, &lineBuilder{})
				}
				w.parts[len(w.parts)-1].add(s, l)
			}
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			text(c, lookOf(c, l))
		}
	}
	text(n, l)
	w.flush()
	return nil
}

// image takes a picture of the page: in the page itself or beside it.
func (w *webPage) image(n *html.Node) {
	src := strings.TrimSpace(attribute(n, "src"))
	var b lineBuilder
	b.add(attribute(n, "alt"), look{})
	alt := b.line()
	if !shorterThan(alt.Text, 201) {
		alt.Text = string([]rune(alt.Text)[:200])
	}
	l := Line{Style: StyleImage, Text: alt.Text}
	var reason string
	switch {
	case src == "":
		return
	case strings.HasPrefix(strings.ToLower(src), "data:"):
		if tiny(n) {
			return
		}
		data, ok := dataURI(src)
		if !ok {
			reason = "的数据读不懂"
		} else {
			l.Image, reason = w.at.pictures.add(data)
		}
		src = "data:"
	case onWeb(src):
		if tiny(n) {
			return // counts readers, shows nothing
		}
		if strings.HasPrefix(src, "//") {
			src = "https:" + src
		}
		if l.Text == "" {
			l.Text = src
		}
		if validHref(src) && shorterThan(l.Text, 201) {
			l.Spans = []Span{{To: len(l.Text), Href: src}}
		} else {
			reason = "的地址不能用"
		}
	default:
		l.Image, reason = w.at.picture(src)
	}
	if reason != "" {
		w.f.add("image-missing", 0, Warning, "图片“"+clip(src)+"”"+reason+"，未收入")
		return
	}
	w.pictured(l)
}

// pictured puts a picture before the paragraph in which it stands, or behind it
// when text came first.
func (w *webPage) pictured(l Line) {
	for _, b := range w.parts {
		if strings.TrimSpace(b.text.String()) != "" {
			style, level, mark := w.style, w.level, w.mark
			w.flush()
			w.style, w.level, w.mark = style, level, mark
			break
		}
	}
	w.push(l)
}

// tiny tells a picture that only holds a place or counts readers.
func tiny(n *html.Node) bool {
	for _, key := range []string{"width", "height"} {
		if v := attribute(n, key); v != "" && atMost(strings.TrimSuffix(v, "px"), 9999) <= 2 && v[0] >= '0' && v[0] <= '9' && !strings.HasSuffix(v, "%") {
			return true
		}
	}
	return false
}

// dataURI reads the picture inside an address such as data:image/png;base64,…
func dataURI(src string) ([]byte, bool) {
	head, body, ok := strings.Cut(src, ",")
	if !ok || len(body) > maxPictureFile*4/3 || !strings.HasSuffix(strings.ToLower(head), ";base64") {
		return nil, false
	}
	if s, err := url.PathUnescape(body); err == nil {
		body = s
	}
	data, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(body), ""))
	return data, err == nil
}

// table reads a table; grid.go decides whether it is one or only a layout.
func (w *webPage) table(n *html.Node, l look) error {
	w.flush()
	var rows [][]cellOf
	head := w.head
	var walk func(*html.Node, int) error
	walk = func(n *html.Node, depth int) error {
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			switch c.DataAtom {
			case atom.Tr:
				row, err := w.row(c, l)
				if err != nil {
					return err
				}
				rows = append(rows, row)
			case atom.Caption:
				if err := w.node(c, l); err != nil {
					return err
				}
			case atom.Thead, atom.Tbody, atom.Tfoot:
				if err := walk(c, depth+1); err != nil {
					return err
				}
			}
		}
		return nil
	}
	if err := walk(n, 0); err != nil {
		return err
	}
	w.push(tableLines(rows, head)...)
	return nil
}

func (w *webPage) row(n *html.Node, l look) ([]cellOf, error) {
	var row []cellOf
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if c.DataAtom != atom.Td && c.DataAtom != atom.Th || hidden(c) {
			continue
		}
		out, gap, style := w.out, w.gap, w.style
		w.out, w.gap, w.style = nil, 0, StylePlain
		err := w.node(c, l)
		w.flush()
		span := max(1, min(atMost(attribute(c, "colspan"), maxColumns), maxColumns))
		row = append(row, cellOf{lines: w.out, span: span})
		w.out, w.gap, w.style = out, gap, style
		if err != nil {
			return nil, err
		}
	}
	return row, nil
}
