package templates

import (
	"strings"
	"unicode"
)

// thin is the space between Han and Latin: a fifth of a character. No mailbox
// knows text-autospace, so it has to be in the text.
const thin = '\u2009'

// typeset spaces a Chinese text as a printer does: a thin space between Han and
// Latin words or numbers, none beside a full-width mark, which has its own. A
// text without Han stays as it is. It changes nothing but spaces.
//
// Lines break as browsers and mail programs do it, which keep ，。 from the
// beginning of a line by themselves; no character is put in to force them.
func typeset(s string) string { return space(s, true) }

// tidy is typeset for a page whose style sheet spaces Han and Latin itself, so that
// what is copied or searched for has no thin spaces in it.
func tidy(s string) string { return space(s, false) }

// together sets credits in one line, none of which begins with the dot.
func together(credits []string) string { return typeset(strings.Join(credits, "\u00a0· ")) }

func space(s string, thinly bool) string {
	if !strings.ContainsFunc(s, isHan) {
		return s
	}
	var out strings.Builder
	out.Grow(len(s) + 16)
	var before, gap rune // the last rune that is no space, and the space since
	for _, c := range s {
		if c == ' ' || c == thin {
			if gap == 0 {
				gap = c
			}
			continue
		}
		switch {
		case before == 0 && gap != 0:
			out.WriteRune(gap) // the sentence began in another element
		case gap != 0 && hugs(before, c):
		case thinly && meets(before, c):
			out.WriteRune(thin)
		case gap != 0:
			out.WriteRune(gap)
		}
		out.WriteRune(c)
		before, gap = c, 0
	}
	if gap != 0 {
		out.WriteRune(gap) // and goes on in another
	}
	return out.String()
}

func isHan(c rune) bool { return unicode.Is(unicode.Han, c) }

// meets says whether Han and Latin stand side by side.
func meets(a, b rune) bool {
	return isHan(a) && latinStart(b) || latinEnd(a) && isHan(b)
}

// latinStart and latinEnd are what a Latin word or a number begins and ends with.
func latinStart(c rune) bool { return wordRune(c) || strings.ContainsRune("$€£¥@#", c) }

func latinEnd(c rune) bool { return wordRune(c) || strings.ContainsRune("%‰℃°", c) }

// hugs says whether a space between a and b goes: one of them is a full-width mark
// with a space of its own. Quotation marks are shared with English: they need Han
// on the other side.
func hugs(a, b rune) bool {
	return strings.ContainsRune(fullWidth, a) || strings.ContainsRune(fullWidth, b) ||
		isHan(a) && strings.ContainsRune("“‘", b) || strings.ContainsRune("”’", a) && isHan(b)
}

const fullWidth = "，。、；：！？（）《》〈〉「」『』【】〔〕"
