package issue

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

func isHan(r rune) bool { return unicode.Is(unicode.Han, r) }

func hanCount(s string) int {
	n := 0
	for _, r := range s {
		if isHan(r) {
			n++
		}
	}
	return n
}

func runeCount(s string) int { return utf8.RuneCountInString(s) }

// shorterThan tells whether s has fewer than n runes without reading all of a
// long line.
func shorterThan(s string, n int) bool {
	if len(s) < n {
		return true
	}
	return len(s) < 4*n && utf8.RuneCountInString(s) < n
}

// columns is the width of s on a page where a Han character takes two.
func columns(s string) int {
	n := 0
	for _, r := range s {
		if r < 0x1100 {
			n++
		} else {
			n += 2
		}
	}
	return n
}

// narrow turns full-width digits, letters and punctuation into their ASCII
// forms, so that patterns need to know only one.
func narrow(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 0xFF01 && r <= 0xFF5E:
			return r - 0xFEE0
		case r == 0x3000 || r == 0xA0:
			return ' '
		}
		return r
	}, s)
}

// fold reduces a title to what two printings of it have in common: no white
// space, no punctuation, no case, no full-width forms.
func fold(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 0xFF01 && r <= 0xFF5E {
			r -= 0xFEE0
		}
		switch {
		case r == '+' || r == '%':
			return r
		case unicode.IsSpace(r), unicode.IsPunct(r), unicode.IsSymbol(r):
			return -1
		}
		return unicode.ToLower(r)
	}, s)
}

// similarity is Dice's coefficient over the pairs of neighbouring runes, 0 to 1.
func similarity(a, b string) float64 {
	ra, rb := []rune(a), []rune(b)
	if len(ra) < 2 || len(rb) < 2 {
		return 0
	}
	pairs := make(map[[2]rune]int, len(ra))
	for i := 1; i < len(ra); i++ {
		pairs[[2]rune{ra[i-1], ra[i]}]++
	}
	same := 0
	for i := 1; i < len(rb); i++ {
		p := [2]rune{rb[i-1], rb[i]}
		if pairs[p] > 0 {
			pairs[p]--
			same++
		}
	}
	return 2 * float64(same) / float64(len(ra)+len(rb)-2)
}

func lastRune(s string) rune {
	r, _ := utf8.DecodeLastRuneInString(s)
	return r
}

func firstRune(s string) rune {
	r, _ := utf8.DecodeRuneInString(s)
	return r
}

// endsSentence tells whether a paragraph can end like this.
func endsSentence(s string) bool {
	return strings.ContainsRune("。！？；：…”」』》）).!?;:】", lastRune(s))
}

// isProse tells running text from titles and labels.
func isProse(s string) bool {
	if !shorterThan(s, 61) {
		return true
	}
	if strings.ContainsRune("。！？；", lastRune(s)) && !shorterThan(s, 16) {
		return true
	}
	if strings.ContainsRune(".!?", lastRune(s)) && strings.Count(s, " ") >= 6 {
		return true
	}
	return strings.Contains(s, "。") && !shorterThan(s, 12)
}

// number reads 12, １２, 十二, 二十一, 一百零二, 二〇一五; 0 when it is none.
func number(s string) int {
	s = strings.TrimSpace(narrow(s))
	if s == "" || len(s) > 24 {
		return 0
	}
	n, digits := 0, true
	for _, r := range s {
		d := digit(r)
		if d < 0 {
			digits = false
			break
		}
		n = n*10 + d
		if n > 99_999_999 {
			return 0
		}
	}
	if digits {
		return n
	}
	return numeral(s)
}

func digit(r rune) int {
	if r >= '0' && r <= '9' {
		return int(r - '0')
	}
	for i, c := range []rune("〇一二三四五六七八九") {
		if r == c {
			return i
		}
	}
	switch r {
	case '零', '○', 'O':
		return 0
	case '两':
		return 2
	}
	return -1
}

// numeral reads a number written with 十 and 百.
func numeral(s string) int {
	total, last := 0, 0
	for _, r := range s {
		switch r {
		case '百':
			total += max(last, 1) * 100
			last = 0
		case '十':
			total += max(last, 1) * 10
			last = 0
		case '廿':
			total += 20
		default:
			d := digit(r)
			if d < 0 {
				return 0
			}
			last = d
		}
	}
	return total + last
}
