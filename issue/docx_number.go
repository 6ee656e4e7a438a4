package issue

import (
	"encoding/xml"
	"strconv"
	"strings"
)

// numbering holds the lists of a file: the numbers of its paragraphs stand
// nowhere else.
type numbering struct {
	lists  map[string]list9      // definitions
	linked map[string]string     // by the style that they are named after
	used   map[string]numberList // what paragraphs refer to
}

// list9 are the levels of a list.
type list9 [9]numberLevel

type numberLevel struct {
	start  int
	format string
	text   string // %1 is the number of level 1
}

// numberList is a use of a definition, with its own starts.
type numberList struct {
	list     string
	starts   map[int]int
	counters *[9]int // shared by all uses of a definition that start nowhere anew
}

// readNumbering reads the part with the lists; a file may have none.
func (d *docx) readNumbering(main string) *ReadError {
	n := &d.numbers
	*n = numbering{lists: map[string]list9{}, linked: map[string]string{}, used: map[string]numberList{}}
	links := map[string]string{}
	counters := map[string]*[9]int{}
	for _, part := range d.related(main, "numbering") {
		err := d.read(part, func(xml.StartElement) error {
			return d.xml.each(func(e xml.StartElement) error {
				switch e.Name.Local {
				case "abstractNum":
					return d.definition(attr(e, "abstractNumId"), links)
				case "num":
					return d.use(attr(e, "numId"), counters)
				}
				return d.xml.skip()
			})
		})
		if err != nil {
			return err
		}
	}
	for id, style := range links { // a definition that only points to another one
		if to := n.linked[style]; to != "" {
			n.lists[id] = n.lists[to]
		}
	}
	return nil
}

func (d *docx) definition(id string, links map[string]string) error {
	var l list9
	err := d.xml.each(func(e xml.StartElement) error {
		switch e.Name.Local {
		case "styleLink":
			d.numbers.linked[attr(e, "val")] = id
		case "numStyleLink":
			links[id] = attr(e, "val")
		case "lvl":
			return d.numberLevel(&l[atMost(attr(e, "ilvl"), 8)])
		}
		return d.xml.skip()
	})
	d.numbers.lists[id] = l
	return err
}

func (d *docx) numberLevel(l *numberLevel) error {
	l.start = 1
	return d.xml.each(func(e xml.StartElement) error {
		switch e.Name.Local {
		case "start":
			l.start = atMost(attr(e, "val"), 100_000)
		case "numFmt":
			l.format = attr(e, "val")
		case "lvlText":
			l.text = attr(e, "val")
		case "AlternateContent":
			return d.choice(func(e xml.StartElement) error {
				if e.Name.Local == "numFmt" && attr(e, "val") != "custom" {
					l.format = attr(e, "val")
				}
				return d.xml.skip()
			})
		}
		return d.xml.skip()
	})
}

func (d *docx) use(id string, counters map[string]*[9]int) error {
	u := numberList{starts: map[int]int{}}
	err := d.xml.each(func(e xml.StartElement) error {
		switch e.Name.Local {
		case "abstractNumId":
			u.list = attr(e, "val")
		case "lvlOverride":
			level := atMost(attr(e, "ilvl"), 8)
			return d.xml.each(func(e xml.StartElement) error {
				if e.Name.Local == "startOverride" {
					u.starts[level] = atMost(attr(e, "val"), 100_000)
				}
				return d.xml.skip()
			})
		}
		return d.xml.skip()
	})
	switch {
	case len(u.starts) > 0:
		u.counters = fresh()
	case counters[u.list] == nil:
		counters[u.list] = fresh()
		fallthrough
	default:
		u.counters = counters[u.list]
	}
	d.numbers.used[id] = u
	return err
}

// fresh are counters of which none has begun.
func fresh() *[9]int { return &[9]int{-1, -1, -1, -1, -1, -1, -1, -1, -1} }

// label writes a paragraph's number before its text; it tells whether the
// paragraph is an item with a bullet instead.
func (d *docx) label(p *paragraph, l *Line) bool {
	props := noProps
	for _, s := range d.styles.chain(p.props.style) {
		props = props.with(s.para)
	}
	props = props.with(p.props)
	label, bullet := d.numbers.next(props.list, max(props.level, 0))
	if label == "" {
		return bullet
	}
	if label = strings.TrimSpace(label); latin(lastRune(label)) || strings.HasSuffix(label, "章") || strings.HasSuffix(label, "节") {
		label += " "
	}
	for k := range l.Spans {
		l.Spans[k].From, l.Spans[k].To = l.Spans[k].From+len(label), l.Spans[k].To+len(label)
	}
	l.Text = label + l.Text
	return false
}

// next counts a paragraph of a list and returns its number as printed.
func (n *numbering) next(id string, level int) (label string, bullet bool) {
	u, ok := n.used[id]
	if id == "" || id == "0" || !ok {
		return "", false
	}
	levels := n.lists[u.list]
	for k := range level + 1 {
		switch {
		case u.counters[k] < 0:
			u.counters[k] = levels[k].start
			if s, ok := u.starts[k]; ok {
				u.counters[k] = s
			}
		case k == level:
			u.counters[k]++
		}
	}
	for k := level + 1; k < len(u.counters); k++ {
		u.counters[k] = -1
	}
	switch l := levels[level]; l.format {
	case "bullet":
		return "", true
	case "none", "":
		return "", false
	default:
		text := l.text
		for k := range levels {
			if mark := "%" + strconv.Itoa(k+1); strings.Contains(text, mark) {
				text = strings.ReplaceAll(text, mark, printedNumber(levels[k].format, u.counters[k]))
			}
		}
		return text, false
	}
}

// printedNumber writes a number in one of Word's formats.
func printedNumber(format string, n int) string {
	switch format {
	case "chineseCounting", "chineseCountingThousand", "japaneseCounting", "taiwaneseCounting", "taiwaneseCountingThousand", "ideographDigital", "koreanDigital2":
		return hanNumeral(n)
	case "ideographTraditional":
		return oneOf("甲乙丙丁戊己庚辛壬癸", n)
	case "decimalEnclosedCircle", "decimalEnclosedCircleChinese":
		return oneOf("①②③④⑤⑥⑦⑧⑨⑩⑪⑫⑬⑭⑮⑯⑰⑱⑲⑳", n)
	case "upperLetter":
		return oneOf("ABCDEFGHIJKLMNOPQRSTUVWXYZ", n)
	case "lowerLetter":
		return oneOf("abcdefghijklmnopqrstuvwxyz", n)
	case "upperRoman":
		return roman(n)
	case "lowerRoman":
		return strings.ToLower(roman(n))
	case "decimalZero":
		if n < 10 {
			return "0" + strconv.Itoa(n)
		}
	case "none", "bullet":
		return ""
	}
	return strconv.Itoa(n)
}

func oneOf(signs string, n int) string {
	if r := []rune(signs); n >= 1 && n <= len(r) {
		return string(r[n-1])
	}
	return strconv.Itoa(n)
}

// hanNumeral writes 1 to 99 as 一, 十, 二十一.
func hanNumeral(n int) string {
	digits := []rune("〇一二三四五六七八九")
	switch {
	case n < 0 || n > 99:
		return strconv.Itoa(n)
	case n < 10:
		return string(digits[n])
	}
	s := "十"
	if n >= 20 {
		s = string(digits[n/10]) + s
	}
	if n%10 > 0 {
		s += string(digits[n%10])
	}
	return s
}

func roman(n int) string {
	if n < 1 || n > 3999 {
		return strconv.Itoa(n)
	}
	var b strings.Builder
	for _, r := range []struct {
		n int
		s string
	}{{1000, "M"}, {900, "CM"}, {500, "D"}, {400, "CD"}, {100, "C"}, {90, "XC"}, {50, "L"}, {40, "XL"}, {10, "X"}, {9, "IX"}, {5, "V"}, {4, "IV"}, {1, "I"}} {
		for n >= r.n {
			b.WriteString(r.s)
			n -= r.n
		}
	}
	return b.String()
}
