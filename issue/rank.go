package issue

import (
	"cmp"
	"slices"
)

// rank is what sets a line apart by its type alone.
type rank struct {
	size int
	bold bool
}

// rankHeadings finds the headings of a file that has none marked as such: short
// lines in bold or in larger type. Two looks of them that come more than once are
// two levels; of one look alone nobody can tell what it stands for, so it only
// becomes bold.
func rankHeadings(lines []Line) {
	if slices.ContainsFunc(lines, func(l Line) bool { return l.Style == StyleHeading }) {
		return
	}
	body := bodySize(lines)
	by := map[rank][]int{}
	for i, l := range lines {
		if r, ok := rankOf(l, body); ok {
			by[r] = append(by[r], i)
		}
	}
	var ranks []rank
	for r, at := range by {
		if len(at) > 1 {
			ranks = append(ranks, r)
		}
	}
	slices.SortFunc(ranks, func(a, b rank) int {
		if a.size != b.size {
			return cmp.Compare(b.size, a.size)
		}
		if a.bold {
			return -1
		}
		return 1
	})
	levels := len(ranks) > 1 && !mixedMarks(lines, by[ranks[0]]) && len(by[ranks[0]]) <= len(by[ranks[1]])
	for k, r := range ranks {
		for _, i := range by[r] {
			l := &lines[i]
			if l.Style = StyleBold; levels {
				l.Style, l.Level = StyleHeading, min(k+1, 6)
				for s := range l.Spans {
					l.Spans[s].Strong = false
				}
				l.Spans = tidySpans(l.Text, l.Spans)
			}
		}
	}
}

// bodySize is the size that most characters of the file have.
func bodySize(lines []Line) int {
	count := map[int]int{}
	best := 0
	for _, l := range lines {
		count[l.Size] += len(l.Text)
	}
	for size, n := range count {
		if n > count[best] || n == count[best] && size < best {
			best = size
		}
	}
	return best
}

// rankOf tells whether a line can be a heading, and its look.
func rankOf(l Line, body int) (rank, bool) {
	r := rank{max(l.Size, body), l.Style == StyleBold}
	switch {
	case l.Style != StylePlain && l.Style != StyleBold,
		!r.bold && r.size == body,
		!shorterThan(l.Text, 41), l.Text == "", titleStop.MatchString(l.Text), isProse(l.Text), isDateLine(l.Text),
		parseCredit(l.Text).ok, len(editorsIn(l.Text)) > 0, pageAtEnd.MatchString(narrow(l.Text)),
		contentsHead.MatchString(l.Text), issueLine.MatchString(narrow(l.Text)), knownLabel(l.Text):
		return rank{}, false
	}
	return r, true
}

// mixedMarks tells whether only some of the lines have a mark of sections: then
// sections and titles are set alike, and the marks tell more than the type.
func mixedMarks(lines []Line, at []int) bool {
	marked := 0
	for _, i := range at {
		if sectionable(markerOf(lines[i].Text).class) {
			marked++
		}
	}
	return marked > 0 && 5*marked < 4*len(at)
}
