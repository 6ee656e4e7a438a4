package issue

import "strings"

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
	return (r.credits[i].ok || plainByline.MatchString(name) || isPersonOf(name)) && verse(r.lines[i+1].Text) && verse(r.lines[i+2].Text)
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
