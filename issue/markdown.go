package issue

import (
	"regexp"
	"strings"
	"unicode"
)

var (
	atxHeading  = regexp.MustCompile(`^(#{1,6})(?:[ \t]+(.*?))?(?:[ \t]+#+)?[ \t]*$`)
	bulletItem  = regexp.MustCompile(`^[-*+][ \t]+(\S.*)$`)
	numberItem  = regexp.MustCompile(`^(\d{1,9}[.)][ \t]+\S.*)$`)
	quoteMark   = regexp.MustCompile(`^(?:>[ \t]?)+`)
	fence       = regexp.MustCompile("^(?:`{3,}|~{3,})[^`]*$")
	breakRule   = regexp.MustCompile(`^(?:(?:-[ \t]*){3,}|(?:\*[ \t]*){3,}|(?:_[ \t]*){3,})$`)
	setextRule  = regexp.MustCompile(`^(?:=+|-{2,})$`)
	tableRule   = regexp.MustCompile(`^\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?$`)
	imageLine   = regexp.MustCompile(`^!\[((?:[^\[\]\\]|\\.)*)\]\((.*)\)$`)
	attachedEnd = regexp.MustCompile(`[ \t]*\{附件\}$`)
)

// readMarkdown reads Markdown. With "format: yizhan/1" in the front matter it
// is the canonical form, taken literally; else the recogniser reads it, helped
// by the headings.
func readMarkdown(text string, at folder, f *findings) (Result, *ReadError) {
	fm, body, first, err := frontMatter(text, f)
	if err != nil {
		return Result{}, err
	}
	base := fm.issue()
	if fm.Format != "" {
		hostile(text, 1, f)
		return readCanonical(markdownBlocks(body, first, true, at, f), base, fm.entries, f)
	}
	if base.Year == 0 && base.Date != "" {
		base.Year = number(base.Date[:4])
	}
	foreign := foreignMarkdown(body, first, f)
	hostile(foreign, first, f)
	blocks := markdownBlocks(foreign, first, false, at, f)
	headings := 0
	lines := make([]Line, 0, len(blocks)+1)
	if issueLine.MatchString(narrow(base.Title)) { // 湖畔周刊（第 12 期）：春天来了
		lines = append(lines, Line{N: 1, Last: 1, Text: base.Title})
		base.Title = ""
	}
	for _, b := range blocks {
		if b.Style == StyleHeading {
			headings++
		}
		if b.Text != "" || b.Image != nil {
			lines = append(lines, b.Line)
		}
	}
	if headings == 0 { // plain text that is only called Markdown
		lines = textLines(body, f)
		for i := range lines {
			lines[i].N, lines[i].Last = lines[i].N+first-1, lines[i].Last+first-1
		}
	}
	return recognise(lines, base, f)
}

// markdownBlock is a block as a line for the recogniser, with its source for
// the canonical reader.
type markdownBlock struct {
	Line
	raw      string
	attached bool // a heading that ends in {附件}
}

// blockReader goes through the lines of a Markdown text.
type blockReader struct {
	strict bool
	at     folder
	f      *findings
	out    []markdownBlock
	open   []string // lines of the block that is being read
	style  Style
	n      int // its first line
	last   int
	gap    int
	fenced bool
}

func markdownBlocks(text string, first int, strict bool, at folder, f *findings) []markdownBlock {
	r := blockReader{strict: strict, at: at, f: f}
	lines := strings.Split(text, "\n")
	for k := 0; k < len(lines); k++ {
		k += r.line(lines, k, first+k)
	}
	r.flush()
	return r.out
}

// line reads line k and returns how many lines beyond it it took.
func (r *blockReader) line(lines []string, k, n int) int {
	s := strings.TrimRightFunc(lines[k], unicode.IsSpace)
	t := strings.TrimLeftFunc(s, unicode.IsSpace)
	if !r.strict && strings.Contains(t, cut) {
		r.parts(t, n)
		return 0
	}
	if fence.MatchString(t) {
		r.flush()
		r.fenced = !r.fenced
		r.f.add("fence-line", n, Info, "代码围栏的标记行，未收入；围栏里的文字每行收为一段，行首的缩进不保留")
		return 0
	}
	if r.fenced {
		if t != "" {
			r.flush()
			r.add(markdownBlock{Line: Line{N: n, Last: n, Text: t}, raw: t})
		}
		return 0
	}
	switch m := atxHeading.FindStringSubmatch(t); {
	case t == "":
		r.flush()
		r.gap++
	case m != nil:
		r.flush()
		r.heading(len(m[1]), m[2], n)
	case !r.strict && len(r.open) == 1 && r.style == StylePlain && setextRule.MatchString(t):
		raw := r.open[0]
		r.open = nil
		level := 1
		if t[0] == '-' {
			level = 2
		}
		r.heading(level, raw, r.n)
	case breakRule.MatchString(t):
		r.flush()
		r.f.add("rule-line", n, Info, "分隔线，未收入正文")
	case strings.HasPrefix(t, "|") && k+1 < len(lines) && tableRule.MatchString(strings.TrimSpace(lines[k+1])):
		r.flush()
		return r.table(lines, k, n)
	case imageLine.MatchString(t):
		r.flush()
		r.image(t, n)
	default:
		r.text(s, t, n, lines[k])
	}
	return 0
}

// parts reads a line that is several.
func (r *blockReader) parts(t string, n int) {
	for part := range strings.SplitSeq(t, cut) {
		if part = strings.TrimSpace(part); part != "" {
			r.line([]string{part}, 0, n)
		}
		r.flush()
	}
}

// text reads a line of a paragraph, an item or a quotation.
func (r *blockReader) text(s, t string, n int, full string) {
	style, content := StylePlain, t
	if m := bulletItem.FindStringSubmatch(t); m != nil {
		style, content = StyleItem, m[1]
	} else if m := numberItem.FindStringSubmatch(t); m != nil {
		style = StyleItem
	} else if q := quoteMark.FindString(t); q != "" {
		style, content = StyleQuote, strings.TrimSpace(t[len(q):])
	}
	switch {
	case style == StyleItem, len(r.open) > 0 && style == StyleQuote && r.style != StyleQuote, !r.strict && r.standsAlone(content):
		r.flush()
	}
	if content == "" {
		r.flush()
		return
	}
	if len(r.open) == 0 {
		r.style, r.n = style, n
	}
	broken := strings.HasSuffix(content, "\\") && !strings.HasSuffix(content, "\\\\") || strings.HasSuffix(full, "  ")
	if !r.strict && broken {
		content = strings.TrimSuffix(content, "\\")
	}
	r.open = append(r.open, content)
	r.last = n
	if !r.strict && (broken || r.standsAlone(content)) {
		r.flush()
	}
}

// standsAlone tells lines that an editor means to stand by themselves, though
// Markdown would run them into the paragraph.
func (r *blockReader) standsAlone(t string) bool {
	if !shorterThan(t, 121) {
		return false
	}
	return parseCredit(t).ok || markerOf(t).class == classBracket || len(editorsIn(t)) > 0 || summaryLabel.MatchString(t)
}

func (r *blockReader) flush() {
	if len(r.open) == 0 {
		return
	}
	raw := joinPieces(r.open)
	if !r.strict {
		raw = unspaced(raw)
	}
	r.open = r.open[:0]
	b := markdownBlock{Line: Line{N: r.n, Last: r.last, Style: r.style}, raw: raw}
	b.Text, b.Spans = inlineMarkdown(raw)
	if len(b.Spans) == 1 && b.Spans[0] == (Span{To: len(b.Text), Strong: true}) && shorterThan(b.Text, 61) && b.Style == StylePlain && !r.strict {
		b.Style = StyleBold
	}
	r.add(b)
}

func (r *blockReader) add(b markdownBlock) {
	b.Gap = r.gap
	r.gap = 0
	r.out = append(r.out, b)
}

func (r *blockReader) heading(level int, raw string, n int) {
	b := markdownBlock{Line: Line{N: n, Last: n, Style: StyleHeading, Level: level}, raw: strings.TrimSpace(raw)}
	if r.strict && attachedEnd.MatchString(b.raw) {
		b.raw, b.attached = attachedEnd.ReplaceAllString(b.raw, ""), true
	}
	b.Text, b.Spans = inlineMarkdown(b.raw)
	r.add(b)
}

func (r *blockReader) table(lines []string, k, n int) int {
	b := markdownBlock{Line: Line{N: n, Style: StyleTable}}
	i := k
	for ; i < len(lines); i++ {
		t := strings.TrimSpace(lines[i])
		if i == k+1 {
			continue
		}
		if !strings.HasPrefix(t, "|") {
			break
		}
		b.Rows = append(b.Rows, cells(t))
	}
	b.Text = tableText(b.Rows)
	b.Last = n + i - k - 1
	if strings.TrimSpace(b.Text) != "" {
		r.add(b)
	}
	return i - k - 1
}

// cells splits a row at the bars that no backslash stands before.
func cells(row string) []string {
	row = strings.TrimPrefix(row, "|")
	var out []string
	from := 0
	for i := 0; i < len(row); i++ {
		switch row[i] {
		case '\\':
			i++
		case '|':
			out = append(out, cell(row[from:i]))
			from = i + 1
		}
	}
	if rest := strings.TrimSpace(row[from:]); rest != "" || len(out) == 0 {
		out = append(out, cell(rest)) // a bar alone is one empty cell
	}
	return out
}

func cell(s string) string {
	s, _ = inlineMarkdown(s)
	return s
}

// tableText is the plain text of a table: tabs between cells, newlines between
// rows.
func tableText(rows [][]string) string {
	lines := make([]string, len(rows))
	for i, row := range rows {
		lines[i] = strings.Join(row, "\t")
	}
	return strings.Join(lines, "\n")
}

// carried is how the canonical form names a picture of the issue.
var carried = regexp.MustCompile(`^(?:[^\s"]*/)?([0-9a-f]{32}\.(?:jpg|png))[ \t]+"(\d{1,5})x(\d{1,5})"$`)

// image reads a line that is nothing but a picture: one on the web, one beside the
// file, or one that was imported before.
func (r *blockReader) image(t string, n int) {
	m := imageLine.FindStringSubmatch(t)
	b := markdownBlock{Line: Line{N: n, Last: n, Style: StyleImage}, raw: t}
	b.Text, _ = inlineMarkdown(m[1])
	src, used := destination("(" + m[2] + ")")
	if used != len(m[2])+2 {
		src = strings.TrimSpace(imageTitle.ReplaceAllString(m[2], ""))
	}
	own := carried.FindStringSubmatch(m[2])
	if own != nil {
		src = strings.TrimSpace(m[2][:strings.IndexByte(m[2], '"')])
	}
	missing := ""
	if src != "" && !onWeb(src) {
		b.Image, missing = r.at.picture(src)
	}
	if b.Image == nil && own != nil {
		b.Image, missing = &Image{Name: own[1], Width: number(own[2]), Height: number(own[3])}, ""
	}
	if b.Text == "" && b.Image == nil {
		b.Text = strings.TrimSpace(src)
	}
	switch {
	case b.Image != nil:
	case b.Text == "":
		r.f.add("image-missing", n, Warning, "这一行的图片没有说明也没有地址，未收入")
		return
	case validHref(src):
		b.Spans = []Span{{To: len(b.Text), Href: src}}
	case src != "":
		if missing == "" {
			missing = "的地址不能用"
		}
		r.f.add("image-missing", n, Warning, "图片“"+clip(src)+"”"+missing+"，只保留了说明文字")
	}
	r.add(b)
}

// imageTitle is what may stand behind the address of a picture.
var imageTitle = regexp.MustCompile(`[ \t]+(?:"[^"]*"|'[^']*')$`)
