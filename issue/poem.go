package issue

import (
	"regexp"
	"strings"
)

// firstOfSome stands above the first of several poems of one title.
var firstOfSome = regexp.MustCompile(`^[（(]?\s*(?:其\s*)?一\s*[）)]?$`)

// verse is a line of a poem.
func verse(s string) bool {
	return shorterThan(s, 25) && strings.ContainsRune("，。！？；、", lastRune(s)) && hanCount(s) >= 3
}

// poemAt tells whether a poem begins at line i: a title, a name, verses.
func (r *recogniser) poemAt(i, to int) bool {
	if i+3 >= to || !shorterThan(r.lines[i].Text, 25) || strings.ContainsAny(r.lines[i].Text, "，。！？；") || r.marks[i].class != classNone {
		return false
	}
	return r.poetBelow(i+1, to)
}

// poetBelow tells whether line i names a poet, with verses below. A name without
// a common family name could as well be the title of the first of several poems.
func (r *recogniser) poetBelow(i, to int) bool {
	if i+2 >= to || !shorterThan(r.lines[i].Text, 26) {
		return false
	}
	name := r.lines[i].Text
	if !r.credits[i].ok && !isByline(name) {
		return false
	}
	first := i + 1
	if firstOfSome.MatchString(r.lines[first].Text) {
		first++
	}
	return first+1 < to && verse(r.lines[first].Text) && verse(r.lines[first+1].Text) || r.freeVerse(first, to)
}

// freeVerse tells lines that run on without any punctuation at their ends.
func (r *recogniser) freeVerse(i, to int) bool {
	const least = 3
	for k := i; k < i+least; k++ {
		if k >= to || !shorterThan(r.lines[k].Text, 21) || hanCount(r.lines[k].Text) < 3 || endsSentence(r.lines[k].Text) || r.marks[k].class != classNone || isByline(r.lines[k].Text) || k > i && r.lines[k].Gap > 0 {
			return false
		}
	}
	return true
}

// poems reports a text that looks like several poems in one: more than one short
// line without punctuation, each with verses below.
func (r *recogniser) poems(art *Article) {
	verses, titles := 0, 0
	for k, b := range art.Blocks {
		switch {
		case verse(b.Text):
			verses++
		case shorterThan(b.Text, 25) && !endsSentence(b.Text) && k+2 < len(art.Blocks) && verse(art.Blocks[k+1].Text) && verse(art.Blocks[k+2].Text):
			titles++
		}
	}
	const leastVerses = 4
	if titles > 0 && verses >= leastVerses && 3*(verses+titles) > 2*len(art.Blocks) {
		r.find("poems-together", r.at[0], Warning, "“"+clip(art.Title)+"”像是几首诗合成了一篇；请先用 issue convert 转成标准格式，再给每首诗加上 ## 标题")
	}
}
