package templates

import (
	"strings"
	"unicode"
)

// ellipsis closes a text that was cut inside a sentence.
const ellipsis = "……"

// cut shortens s to at most max Han characters (two Latin letters or digits
// count as one, punctuation as none). It looks for the best place in this
// order: the last sentence end from min on, a sentence end not far below,
// a comma or semicolon, a gap between words. It never cuts inside a Latin
// word or a number, and inside a bracket or quotation only when the text is
// nothing else: then the open marks are closed again after the ellipsis.
func cut(s string, min, max int) string {
	t := analyse(head(s, window))
	last := t.reach(max)
	if last == len(t.r) {
		return s
	}
	low, half, few := t.reach(min), t.reach(min/2), t.reach(min/8)
	for _, pass := range []struct {
		from   int
		places func(int) bool
		deep   bool
	}{
		{low, t.sentenceEnd, false},
		{half, t.sentenceEnd, false},
		{half, t.clauseEnd, false},
		{half, t.gap, false},
		{few, t.sentenceEnd, false},
		{few, t.clauseEnd, false},
		{few, t.gap, false},
		{half, t.clauseEnd, true},
		{1, t.gap, true},
	} {
		for i := last; i >= pass.from && i > 0; i-- {
			if !pass.deep && t.depth[i] > 0 || !pass.places(i) {
				continue
			}
			if t.sentenceEnd(i) && t.depth[i] == 0 {
				return strings.TrimSpace(string(t.r[:i]))
			}
			if end := t.trim(i); end > 0 {
				return string(t.r[:end]) + ellipsis + t.closers(end)
			}
		}
	}
	return ""
}

// window is how many runes of a text a cut looks at: hostile text of many
// megabytes must not cost more than a long article does.
const window = 50_000

// head returns the first n runes of s.
func head(s string, n int) string {
	for i := range s {
		if n--; n < 0 {
			return s[:i]
		}
	}
	return s
}

// han counts the Han characters of s.
func han(s string) int {
	n := 0
	for _, r := range s {
		if unicode.Is(unicode.Han, r) {
			n++
		}
	}
	return n
}

// analysed is a text with what a cut needs to know of each place in it. Place
// i is the gap before rune i.
type analysed struct {
	r     []rune
	sum   []int // weight of the runes before a place, in half Han
	depth []int // how many pairs of marks a place lies in
	close []int // by the rune of an opening mark: its partner, else 0
}

func analyse(s string) analysed {
	r := []rune(s)
	t := analysed{r: r, sum: make([]int, len(r)+1), depth: make([]int, len(r)+1), close: make([]int, len(r))}
	var open []int
	waiting := map[rune]int{} // open marks by family: keeps the matching linear
	for i, c := range r {
		t.sum[i+1] = t.sum[i] + weight(c)
		kind := markKind(c)
		switch {
		case kind == 0:
		case strings.ContainsRune(openers, c) && (kind != '"' || waiting[kind] == 0):
			open = append(open, i)
			waiting[kind]++
		case waiting[kind] > 0:
			for matched := false; !matched; open = open[:len(open)-1] {
				o := open[len(open)-1]
				matched = markKind(r[o]) == kind
				waiting[markKind(r[o])]--
				if matched {
					t.close[o] = i
				}
			}
		}
	}
	// A mark without a partner binds nothing: a stray one must not keep a whole
	// article from being cut.
	delta := make([]int, len(r)+2)
	for o, c := range t.close {
		if c > 0 {
			delta[o+1]++
			delta[c+1]--
		}
	}
	d := 0
	for i := range t.depth {
		d += delta[i]
		t.depth[i] = d
	}
	return t
}

// reach returns the last place with at most limit Han before it. Marks weigh
// nothing, so that the number of runes is bounded too.
func (t analysed) reach(limit int) int {
	i := 0
	for i < len(t.r) && t.sum[i+1] <= 2*limit && i < 3*limit {
		i++
	}
	return i
}

const (
	openers = "（(“‘「『《〈【[［〔{｛\""
	closers = "）)”’」』》〉】]］〕}｝\""
)

// markKind returns the family of a mark, 0 for any other rune. Full and half
// width are one family: bulletins mix them in one pair.
func markKind(c rune) rune {
	switch c {
	case '（', '(', '）', ')':
		return '('
	case '[', '［', ']', '］':
		return '['
	case '{', '｛', '}', '｝':
		return '{'
	case '”':
		return '“'
	case '’':
		return '‘'
	case '」':
		return '「'
	case '』':
		return '『'
	case '》':
		return '《'
	case '〉':
		return '〈'
	case '】':
		return '【'
	case '〕':
		return '〔'
	case '“', '‘', '「', '『', '《', '〈', '【', '〔', '"':
		return c
	}
	return 0
}

// closers returns the marks that close what is open at place i.
func (t analysed) closers(i int) string {
	var out string
	for o := range i {
		if c := t.close[o]; c >= i {
			out = string(t.r[c]) + out
		}
	}
	return out
}

// sentenceEnd says whether a sentence ends at place i.
func (t analysed) sentenceEnd(i int) bool {
	if i < len(t.r) && (t.terminal(i) || strings.ContainsRune(closers, t.r[i]) && t.closes(i)) {
		return false // the end is further on
	}
	j := i
	for j > 0 && strings.ContainsRune("”’」』\"", t.r[j-1]) {
		j--
	}
	return j > 0 && t.terminal(j-1)
}

func (t analysed) closes(i int) bool {
	return t.r[i] != '"' || t.depth[i] > t.depth[i+1]
}

// terminal says whether the rune at i ends a sentence.
func (t analysed) terminal(i int) bool {
	switch t.r[i] {
	case '。', '！', '？', '…', '．':
		return true
	case '!', '?':
		return !t.latinAt(i+1) && !(i+1 < len(t.r) && strings.ContainsRune("/&=#%.-", t.r[i+1]))
	case '.':
		return t.fullStop(i)
	}
	return false
}

// fullStop tells the point that ends an English sentence from those of 3.14,
// No. 5, U.S. and example.org.
func (t analysed) fullStop(i int) bool {
	next := i + 1
	if next < len(t.r) && strings.ContainsRune(closers, t.r[next]) {
		next++
	}
	if next < len(t.r) && !unicode.IsSpace(t.r[next]) {
		return false
	}
	for next < len(t.r) && unicode.IsSpace(t.r[next]) {
		next++
	}
	if next < len(t.r) && unicode.IsLower(t.r[next]) {
		return false
	}
	word := 0
	for j := i - 1; t.latinAt(j); j-- {
		word++
	}
	return word >= 3
}

// clauseEnd says whether a comma or semicolon stands before place i.
func (t analysed) clauseEnd(i int) bool {
	if i == len(t.r) {
		return false
	}
	switch t.r[i-1] {
	case '，', '；', '、':
		return true
	case ',', ';':
		return unicode.IsSpace(t.r[i]) || unicode.Is(unicode.Han, t.r[i])
	}
	return false
}

// numerals are the characters of one number with its unit: 二十四亿元.
const numerals = "零〇一二三四五六七八九十百千万亿元年月日%％"

// gap says whether a cut at place i falls between words: between two Han
// characters that are not one number, before an opening mark or a Latin word,
// or at the space between two Latin words.
func (t analysed) gap(i int) bool {
	if i == len(t.r) {
		return false
	}
	a, b := t.r[i-1], t.r[i]
	if unicode.IsSpace(b) {
		return wordRune(a) && !unicode.IsDigit(a) && i+1 < len(t.r) && unicode.IsLetter(t.r[i+1])
	}
	if !unicode.Is(unicode.Han, a) {
		return false
	}
	return strings.ContainsRune(openers, b) || unicode.IsLetter(b) && !(strings.ContainsRune(numerals, a) && strings.ContainsRune(numerals, b))
}

// trim moves place i back over marks that make no sense before an ellipsis.
func (t analysed) trim(i int) int {
	for i > 0 && strings.ContainsRune(" ，、；：,;:—…"+openers, t.r[i-1]) {
		i--
	}
	return i
}

// latinAt says whether the rune at i belongs to a Latin word or a number.
func (t analysed) latinAt(i int) bool {
	if i < 0 || i >= len(t.r) {
		return false
	}
	return wordRune(t.r[i])
}

func wordRune(c rune) bool {
	return (unicode.IsLetter(c) || unicode.IsDigit(c) || unicode.IsMark(c)) && !wide(c)
}

func wide(c rune) bool {
	return unicode.In(c, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul)
}

// weights of a text in half Han characters.
func weights(s string) int {
	n := 0
	for _, c := range s {
		n += weight(c)
	}
	return n
}

// weight of a rune in half Han characters.
func weight(c rune) int {
	switch {
	case wide(c):
		return 2
	case unicode.IsLetter(c), unicode.IsDigit(c):
		return 1
	case c > 0x1f000: // emoji
		return 2
	}
	return 0
}
