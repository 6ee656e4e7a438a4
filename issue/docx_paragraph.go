package issue

import (
	"encoding/xml"
	"fmt"
	"strings"
	"unicode"
)

// paragraph is one that is being read.
type paragraph struct {
	props paraProps
	look  runProps       // of the paragraph's style
	parts []*lineBuilder // parted at soft breaks
	notes []int
	texts []string // of the notes
	early []Line   // pictures and text boxes that stand before its text
	late  []Line   // and behind
	open  bool     // its mark was deleted: the next paragraph goes on with it
}

func (p *paragraph) now() *lineBuilder { return p.parts[len(p.parts)-1] }

func (p *paragraph) empty() bool {
	for _, b := range p.parts {
		if strings.TrimSpace(b.text.String()) != "" {
			return false
		}
	}
	return true
}

// blocks reads paragraphs and tables until the element around them ends.
func (d *docx) blocks() error { return d.xml.each(d.block) }

func (d *docx) block(e xml.StartElement) error {
	switch e.Name.Local {
	case "p":
		return d.paragraph()
	case "tbl":
		return d.table()
	case "sdt", "sdtContent", "customXml", "ins", "moveTo":
		return d.blocks()
	case "AlternateContent":
		return d.choice(d.block)
	}
	return d.xml.skip()
}

// choice reads the first of several forms of the same content.
func (d *docx) choice(do func(xml.StartElement) error) error {
	done := false
	return d.xml.each(func(e xml.StartElement) error {
		if done || e.Name.Local != "Choice" && e.Name.Local != "Fallback" {
			return d.xml.skip()
		}
		done = true
		return d.xml.each(do)
	})
}

func (d *docx) paragraph() error {
	p := d.carry
	if d.carry = nil; p == nil {
		p = &paragraph{parts: []*lineBuilder{{}}, props: noProps}
	}
	p.open = false
	if err := d.xml.each(func(e xml.StartElement) error { return d.inline(e, p, "") }); err != nil {
		return err
	}
	if p.open {
		d.carry = p
		return nil
	}
	d.emit(p)
	return nil
}

// inline reads a child of a paragraph, or of what stands inside one.
func (d *docx) inline(e xml.StartElement, p *paragraph, href string) error {
	inside := func(href string) error {
		return d.xml.each(func(e xml.StartElement) error { return d.inline(e, p, href) })
	}
	switch e.Name.Local {
	case "pPr":
		return d.properties(p)
	case "r":
		return d.run(p, href)
	case "hyperlink":
		if r, ok := d.rels[attr(e, "id")]; ok && r.external {
			href = r.target
		}
		return inside(href)
	case "ins", "moveTo":
		d.inserted++
		return inside(href)
	case "del", "moveFrom":
		d.deleted++
		return d.xml.skip()
	case "fldSimple":
		d.fields = append(d.fields, field{code: attr(e, "instr"), result: true})
		err := inside(href)
		d.fields = d.fields[:len(d.fields)-1]
		return err
	case "smartTag", "sdt", "sdtContent", "customXml", "bdo", "dir", "oMath", "oMathPara":
		return inside(href)
	case "AlternateContent":
		return d.choice(func(e xml.StartElement) error { return d.inline(e, p, href) })
	}
	return d.xml.skip()
}

// properties reads how a paragraph is set.
func (d *docx) properties(p *paragraph) error {
	props, marks, err := d.paraProps()
	if err != nil {
		return err
	}
	p.props, p.open = props, marks.deleted
	p.look = d.styles.look(props.style)
	return nil
}

// field is a field of Word while it is read: its code, then its result.
type field struct {
	code   string
	result bool
}

// dropped tells fields whose result belongs to the page and not to the text.
func (f field) dropped() bool {
	words := strings.Fields(f.code)
	if len(words) == 0 {
		return false
	}
	switch strings.ToUpper(words[0]) {
	case "PAGE", "NUMPAGES", "SECTIONPAGES", "SECTION":
		return true
	}
	return false
}

// link is the address of a HYPERLINK field.
func (f field) link() string {
	code := strings.TrimSpace(f.code)
	if len(code) < 10 || !strings.EqualFold(code[:9], "HYPERLINK") {
		return ""
	}
	rest := strings.TrimSpace(code[9:])
	if !strings.HasPrefix(rest, `"`) {
		return ""
	}
	href, _, _ := strings.Cut(rest[1:], `"`)
	return href
}

// silent tells whether a field that is being read keeps text from being shown.
func (d *docx) silent() bool {
	for _, f := range d.fields {
		if !f.result || f.dropped() {
			return true
		}
	}
	return false
}

func (d *docx) fieldMark(e xml.StartElement) {
	const deepest = 64
	switch attr(e, "fldCharType") {
	case "begin":
		if len(d.fields) < deepest {
			d.fields = append(d.fields, field{})
		}
	case "separate":
		if n := len(d.fields); n > 0 {
			d.fields[n-1].result = true
		}
	case "end":
		if n := len(d.fields); n > 0 {
			d.fields = d.fields[:n-1]
		}
	}
}

// run reads one run.
func (d *docx) run(p *paragraph, href string) error {
	props := p.look
	return d.xml.each(func(e xml.StartElement) error {
		switch e.Name.Local {
		case "rPr":
			own, err := d.runProps()
			props = p.look.with(d.styles.character(own.style)).with(own)
			return err
		case "instrText":
			code, err := d.xml.text()
			if n := len(d.fields); n > 0 && !d.fields[n-1].result && len(d.fields[n-1].code) < 4096 {
				d.fields[n-1].code += code
			}
			return err
		case "fldChar":
			d.fieldMark(e)
			return d.xml.skip()
		}
		return d.piece(e, p, props, href)
	})
}

// piece reads what stands in a run.
func (d *docx) piece(e xml.StartElement, p *paragraph, props runProps, href string) error {
	say := func(s string) {
		if d.silent() || props.is(props.hidden) {
			return
		}
		l := look{strong: props.is(props.bold), em: props.is(props.italic), size: props.size, href: href}
		for _, f := range d.fields {
			if to := f.link(); to != "" {
				l.href = to
			}
		}
		p.now().add(s, l)
	}
	switch e.Name.Local {
	case "t":
		s, err := d.xml.text()
		say(s)
		return err
	case "tab", "ptab":
		say("\t")
	case "noBreakHyphen":
		say("-")
	case "sym":
		say(symbol(attr(e, "font"), attr(e, "char")))
	case "br", "cr":
		if !d.silent() {
			p.parts = append(p.parts, &lineBuilder{})
		}
	case "footnoteReference", "endnoteReference":
		d.note(strings.TrimSuffix(e.Name.Local, "Reference")+attr(e, "id"), p)
	case "commentReference":
		d.comments++
	case "drawing", "pict", "object":
		return d.graphic(p)
	case "AlternateContent":
		return d.choice(func(e xml.StartElement) error { return d.piece(e, p, props, href) })
	case "ruby": // what is written above the characters would come twice
		return d.xml.each(func(e xml.StartElement) error {
			if e.Name.Local != "rubyBase" {
				return d.xml.skip()
			}
			return d.xml.each(func(e xml.StartElement) error { return d.inline(e, p, href) })
		})
	}
	return d.xml.skip()
}

// note leaves a number in the text; the note follows the paragraph.
func (d *docx) note(key string, p *paragraph) {
	text := d.notes[key]
	if text == "" {
		return
	}
	d.noted++
	p.notes, p.texts = append(p.notes, d.noted), append(p.texts, text)
	p.now().add(noteMark(d.noted), look{})
}

func noteMark(n int) string { return fmt.Sprintf("[%d]", n) }

// symbols of the fonts that have no letters, as far as they mark anything.
var symbols = map[string]string{
	"6c": "●", "6e": "■", "6f": "□", "71": "□", "72": "□", "75": "◆", "76": "❖", "77": "◆", "a7": "▪", "a8": "□", "ab": "★", "b5": "☆", "d8": "▶", "fc": "√", "fe": "√", "b7": "•",
}

func symbol(font, char string) string {
	char = strings.ToLower(char)
	if len(char) == 4 && char[:2] == "f0" {
		return symbols[char[2:]]
	}
	var r rune
	if _, err := fmt.Sscanf(char, "%x", &r); err != nil || !unicode.IsPrint(r) {
		return ""
	}
	return string(r)
}

// emit makes lines of a paragraph.
func (d *docx) emit(p *paragraph) {
	var lines []Line
	gap := 0
	for _, b := range p.parts {
		l := b.line()
		if l.Text == "" {
			gap++
			continue
		}
		l.Gap = gap
		gap = 0
		lines = append(lines, l)
	}
	if len(lines) == 0 {
		if len(p.early)+len(p.late) == 0 {
			d.gap++
		}
		d.push(p.early...)
		d.push(p.late...)
		return
	}
	style := d.styles.kind(p.props)
	bullet := d.label(p, &lines[0])
	switch {
	case style.heading >= 0:
		l := joinLines(lines)
		l.Style, l.Level = StyleHeading, style.heading
		lines = []Line{l}
	case len(lines) > 1:
		lines = unwrap(lines)
	}
	for k := range lines {
		l := &lines[k]
		if l.Indent = max(l.Indent, p.props.indent); style.toc > 0 {
			l.Indent = 4 * (style.toc - 1)
		}
		switch {
		case l.Style == StyleHeading:
		case bullet && k == 0:
			l.Style = StyleItem
		case style.quote:
			l.Style = StyleQuote
		}
		d.unmark(p, l)
	}
	d.push(p.early...)
	d.push(lines...)
	for k, text := range p.texts {
		d.push(Line{Text: noteMark(p.notes[k]) + " " + text, Style: StyleItem})
	}
	d.push(p.late...)
}

// unmark takes the numbers of notes out of what can be a title.
func (d *docx) unmark(p *paragraph, l *Line) {
	if l.Style != StyleHeading && (!shorterThan(l.Text, 41) || isProse(l.Text)) {
		return
	}
	for _, n := range p.notes {
		if s, ok := strings.CutSuffix(l.Text, noteMark(n)); ok {
			l.Text = strings.TrimSpace(s)
			l.Spans = tidySpans(l.Text, l.Spans)
		}
	}
}

// push appends lines behind the empty paragraphs that were counted.
func (d *docx) push(lines ...Line) {
	for _, l := range lines {
		if l.Style != StyleImage {
			l.Gap += d.gap
			d.gap = 0
		}
		d.head = d.head && l.Style != StyleHeading && !isProse(l.Text)
		d.out = append(d.out, l)
	}
}
