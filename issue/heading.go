package issue

import (
	"fmt"
	"slices"
	"strings"
)

// isHeading tells whether line text[k] of an article is a heading of its own.
// A numbered line is one when it is short, is no sentence, and has text below
// it that is not the next number; else it is an item.
func (r *recogniser) isHeading(text []int, k int) bool {
	i := text[k]
	t, m := r.lines[i].Text, r.marks[i]
	if !shorterThan(t, 61) || t == "……" || isDateLine(t) {
		return false
	}
	if r.lines[i].Style == StyleBold {
		return k+1 < len(text) && !titleStop.MatchString(strings.TrimRight(t, "：:"))
	}
	if strings.ContainsAny(t, "。；") || strings.ContainsRune("，,、：:;…）)", lastRune(t)) && m.class != classDash {
		if !(strings.ContainsRune("）)", lastRune(t)) && m.class != classNone && shorterThan(t, 31)) {
			return false
		}
	}
	if k+1 >= len(text) {
		return false
	}
	next := r.marks[text[k+1]]
	switch m.class {
	case classNone, classCapitals:
		return r.plainHeading(text, k)
	case classDash:
		return true
	case classBracket:
		return shorterThan(m.rest, 21)
	case classPart:
		return true
	case classWord:
		return r.sameWord(text, m.word)
	case classNumeral, classNumeralP, classDigit, classDigitP, classCircled:
		if next.class == m.class && next.n == m.n+1 {
			return false
		}
		if k > 0 {
			p := r.marks[text[k-1]]
			if p.class == m.class && p.n == m.n-1 {
				return false
			}
		}
		return true
	}
	return false
}

// sameWord tells whether a word such as 趋势 numbers at least two lines.
func (r *recogniser) sameWord(text []int, word string) bool {
	n := 0
	for _, i := range text {
		if r.marks[i].class == classWord && r.marks[i].word == word {
			if n++; n == 2 {
				return true
			}
		}
	}
	return false
}

// plainHeading finds headings without any mark: a short line between whole
// paragraphs.
func (r *recogniser) plainHeading(text []int, k int) bool {
	const longest = 26
	i := text[k]
	t := r.lines[i].Text
	if !shorterThan(t, longest) || !r.titleLike(i) || label.MatchString(t) || strings.ContainsAny(t, "。，；") {
		return false
	}
	if k > 0 {
		above := r.lines[text[k-1]].Text
		if !endsSentence(above) && hanCount(above) >= breakLeast {
			return false
		}
	}
	below := r.lines[text[k+1]].Text
	return isProse(below) && endsSentence(below) && hanCount(below) > hanCount(t) && !strings.HasPrefix(below, "（此件")
}

// levels gives the headings of an article their level: the kinds of marks in
// the order in which they appear. It also reports gaps in their numbers.
// The block attached is the title of an attached document and keeps level 0.
func (r *recogniser) levels(art *Article, attached int) {
	var order []class
	last := map[class]int{}
	for k := range art.Blocks {
		b := &art.Blocks[k]
		if b.Kind != BlockHeading || b.Level > 0 || k == attached {
			continue
		}
		m := markerOf(b.Text)
		at := slices.Index(order, m.class)
		if at < 0 {
			order = append(order, m.class)
			at = len(order) - 1
		}
		b.Level = min(at+1, 2)
		if m.n > 0 {
			if n, ok := last[m.class]; ok && m.n > n+1 {
				r.find("numbering-gap", r.at[k], Info, fmt.Sprintf("文章“%s”的小标题编号从 %d 跳到 %d，请核对是否漏了一段", clip(art.Title), n, m.n))
			}
			last[m.class] = m.n
		}
	}
}
