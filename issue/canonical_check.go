package issue

import "strings"

// check compares the contents with the headings, as the reader of plain text
// does, and looks at the levels of the headings. entries are the lines of the
// contents in the file. It changes nothing: the canonical form is literal.
func (r *canonicalReader) check(entries []int) {
	x := newIndex()
	for k, c := range r.issue.Contents {
		line := 0
		if k < len(entries) {
			line = entries[k]
		}
		x.add(c, line, classNone)
	}
	for _, h := range r.heads {
		for _, k := range x.by[fold(h.title)] {
			x.items[k].exact = true
		}
	}
	r.checkLevels(x)
	for level := 1; level <= 2; level++ {
		for _, h := range r.heads {
			if h.level == level && h.title != "" {
				r.compare(x, h)
			}
		}
	}
	for k := range x.items {
		if it := &x.items[k]; !it.taken {
			r.f.add("contents-without-article", it.line, Warning, it.missing())
		}
	}
}

func (r *canonicalReader) compare(x *index, h canonicalHead) {
	section := h.level == 1
	title := h.title
	// The contents may list a section that is one text as an article, and leave
	// out what stands behind a dash.
	if main, _, ok := strings.Cut(title, "——"); ok && main != "" && x.find(title, section) < 0 && x.find(main, section) >= 0 {
		title = main
	}
	if section && h.text && x.find(title, true) < 0 && x.claimExactly(title) >= 0 {
		return
	}
	if d, ok := x.compare(x.claim(title, section), title, section); ok {
		r.f.add(d.Code, h.line, d.Severity, d.Text)
	}
}

// checkLevels reports headings that the contents have on another level, and
// headings inside articles that skip one.
func (r *canonicalReader) checkLevels(x *index) {
	titles := map[string]bool{}
	for _, h := range r.heads {
		if h.level <= 2 {
			titles[fold(h.title)] = true
		}
	}
	above := 2
	for _, h := range r.heads {
		section, article := x.find(h.title, true) >= 0, x.find(h.title, false) >= 0
		switch {
		case h.title == "":
		case h.level == 1 && article && !section && !h.text:
			r.level(h, Warning, "目录里这是一篇文章，这里写成了栏目；文章标题用 ##")
		case h.level == 2 && section && !article:
			r.level(h, Warning, "目录里这是一个栏目，这里写成了文章；栏目用 #")
		case h.level > 2 && (section || article) && !titles[fold(h.title)]:
			r.level(h, Warning, "目录里有这个标题，这里写成了文内小标题；栏目用 #，文章标题用 ##")
		case h.level > 4 || h.level > above+1 && h.level > 2:
			r.level(h, Info, "小标题跳了一级；文内小标题依次用 ### 和 ####")
		}
		above = max(h.level, 2)
	}
}

func (r *canonicalReader) level(h canonicalHead, severity Severity, text string) {
	r.f.add("heading-level", h.line, severity, "“"+clip(h.title)+"”："+text)
}
