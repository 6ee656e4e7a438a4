package issue

import (
	"encoding/xml"
	"regexp"
	"strconv"
	"strings"
)

// runProps is how characters are set; nil and 0 mean that nothing is said.
type runProps struct {
	style                string
	bold, italic, hidden *bool
	size                 int // half points
	deleted              bool
}

func (runProps) is(v *bool) bool { return v != nil && *v }

// with lays what more says over p.
func (p runProps) with(more runProps) runProps {
	if more.bold != nil {
		p.bold = more.bold
	}
	if more.italic != nil {
		p.italic = more.italic
	}
	if more.hidden != nil {
		p.hidden = more.hidden
	}
	if more.size > 0 {
		p.size = more.size
	}
	return p
}

// paraProps is how a paragraph is set.
type paraProps struct {
	style   string
	outline int // 0 is the highest level, -1 none
	list    string
	level   int // in the list
	indent  int // columns
}

var noProps = paraProps{outline: -1, level: -1}

// with lays what more says over p.
func (p paraProps) with(more paraProps) paraProps {
	if more.outline >= 0 {
		p.outline = more.outline
	}
	if more.list != "" {
		p.list = more.list
	}
	if more.level >= 0 {
		p.level = more.level
	}
	if more.indent > 0 {
		p.indent = more.indent
	}
	return p
}

// runProps reads the rPr that was opened last.
func (d *docx) runProps() (runProps, error) {
	var p runProps
	err := d.xml.each(func(e xml.StartElement) error {
		switch e.Name.Local {
		case "rStyle":
			p.style = attr(e, "val")
		case "b":
			p.bold = on(e)
		case "i":
			p.italic = on(e)
		case "vanish":
			p.hidden = on(e)
		case "sz":
			p.size = atMost(attr(e, "val"), 3276)
		case "del", "moveFrom":
			p.deleted = true
		}
		return d.xml.skip()
	})
	return p, err
}

// paraProps reads the pPr that was opened last, and how the paragraph's mark is
// set.
func (d *docx) paraProps() (paraProps, runProps, error) {
	p, mark := noProps, runProps{}
	err := d.xml.each(func(e xml.StartElement) (err error) {
		switch e.Name.Local {
		case "pStyle":
			p.style = attr(e, "val")
		case "outlineLvl":
			if n, err := strconv.Atoi(attr(e, "val")); err == nil && n >= 0 && n < 9 {
				p.outline = n
			}
		case "ind":
			p.indent = indent(e)
		case "numPr":
			return d.xml.each(func(e xml.StartElement) error {
				switch e.Name.Local {
				case "numId":
					p.list = attr(e, "val")
				case "ilvl":
					p.level = atMost(attr(e, "val"), 8)
				}
				return d.xml.skip()
			})
		case "rPr":
			mark, err = d.runProps()
			return err
		}
		return d.xml.skip()
	})
	return p, mark, err
}

// indent is how many columns the first line of a paragraph is set in.
func indent(e xml.StartElement) int {
	const twipsPerColumn, hundredthsPerColumn = 105, 50
	for _, name := range []string{"firstLineChars", "leftChars", "startChars"} {
		if n := atMost(attr(e, name), 4000); n > 0 {
			return n / hundredthsPerColumn
		}
	}
	for _, name := range []string{"firstLine", "left", "start"} {
		if n := atMost(attr(e, name), 8000); n > 0 {
			return n / twipsPerColumn
		}
	}
	return 0
}

func atMost(s string, most int) int {
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 {
		return 0
	}
	return min(n, most)
}

// style is one of the file's styles.
type style struct {
	name, based string
	para        paraProps
	run         runProps
}

// styleSheet holds the styles by their id, and what goes for all text.
type styleSheet struct {
	by       map[string]style
	defaults runProps
	normal   string // the style of paragraphs that name none
}

// readStyles reads the part with the styles; a file may have none.
func (d *docx) readStyles(main string) *ReadError {
	d.styles.by = map[string]style{}
	for _, part := range d.related(main, "styles") {
		err := d.read(part, func(xml.StartElement) error {
			return d.xml.each(func(e xml.StartElement) error {
				switch e.Name.Local {
				case "docDefaults":
					return d.defaults()
				case "style":
					return d.style(e)
				}
				return d.xml.skip()
			})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (d *docx) defaults() error {
	return d.xml.each(func(e xml.StartElement) error {
		switch e.Name.Local {
		case "rPrDefault":
			return d.defaults()
		case "rPr":
			p, err := d.runProps()
			d.styles.defaults = p
			return err
		}
		return d.xml.skip()
	})
}

func (d *docx) style(e xml.StartElement) error {
	s := style{para: noProps}
	id := attr(e, "styleId")
	if attr(e, "type") == "paragraph" && attr(e, "default") == "1" {
		d.styles.normal = id
	}
	err := d.xml.each(func(e xml.StartElement) (err error) {
		switch e.Name.Local {
		case "name":
			s.name = strings.ToLower(attr(e, "val"))
		case "basedOn":
			s.based = attr(e, "val")
		case "pPr":
			s.para, _, err = d.paraProps()
			return err
		case "rPr":
			s.run, err = d.runProps()
			return err
		}
		return d.xml.skip()
	})
	d.styles.by[id] = s
	return err
}

// chain is a style and those that it is based on, the first of them first.
func (s styleSheet) chain(id string) []style {
	const deepest = 16
	var out []style
	for len(out) < deepest {
		one, ok := s.by[id]
		if !ok {
			break
		}
		out = append([]style{one}, out...)
		id = one.based
	}
	return out
}

// look is how the characters of a paragraph of that style are set.
func (s styleSheet) look(id string) runProps {
	if id == "" {
		id = s.normal
	}
	p := s.defaults
	for _, one := range s.chain(id) {
		p = p.with(one.run)
	}
	return p
}

// character is what a style of characters says.
func (s styleSheet) character(id string) runProps {
	var p runProps
	if id != "" {
		for _, one := range s.chain(id) {
			p = p.with(one.run)
		}
	}
	return p
}

// kind is what a paragraph is by its style and outline.
type kind struct {
	heading int // 0 is the title of the whole, -1 none
	toc     int // level in the contents, 0 none
	quote   bool
}

var (
	headingStyle = regexp.MustCompile(`^(?:heading|标题)\s*([1-9])$`)
	titleStyle   = regexp.MustCompile(`^(?:title|标题)$`)
	tocStyle     = regexp.MustCompile(`^(?:toc|目录)\s*([1-9])$`)
	quoteStyle   = regexp.MustCompile(`^(?:quote|intense quote|block text|引用|明显引用)$`)
)

// kind reads a paragraph's style as what it stands for.
func (s styleSheet) kind(p paraProps) kind {
	k := kind{heading: -1}
	own := p.outline
	for _, one := range s.chain(p.style) {
		if one.para.outline >= 0 {
			k.heading = one.para.outline + 1
		}
		if m := headingStyle.FindStringSubmatch(one.name); m != nil {
			k.heading = int(m[1][0] - '0')
		}
		if titleStyle.MatchString(one.name) {
			k.heading = 0
		}
		if m := tocStyle.FindStringSubmatch(one.name); m != nil {
			k.toc, k.heading = int(m[1][0]-'0'), -1
		}
		k.quote = k.quote || quoteStyle.MatchString(one.name)
	}
	if own >= 0 && k.toc == 0 {
		k.heading = own + 1
	}
	if k.heading > 6 {
		k.heading = -1
	}
	return k
}
