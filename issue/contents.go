package issue

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

var (
	contentsHead = regexp.MustCompile(`(?i)^[【\[〖■□◆◇★☆●○◎▲△\s]*(?:目\s*录|目\s*次|本\s*期\s*(?:目\s*录|要\s*目|导\s*读|内\s*容|看\s*点)|要\s*目|contents|in this issue|table of contents)\s*/?\s*(?:contents)?[】\]〗■□◆◇★☆●○◎▲△\s]*$`)
	pageAtEnd    = regexp.MustCompile(`(?:\t[\s.．·…]*|\s{2,}|\s*[.·…‥─—_-]{2,}[\s.·…‥─—_-]*|\s*[.·…]*\s*[(\[]\s*|\s*[/|]\s*|\s*[.·…]*\s*(?:[Pp]\.?|第)\s*)(\d{1,3})\s*页?\s*[)\]]?\s*$`)
	pageWeak     = regexp.MustCompile(`\s(\d{1,3})$`)
	pageFirst    = regexp.MustCompile(`^(?:[Pp]\.?\s*(\d{1,3})[\s:]+|(\d{1,3})(?:\s{2,}|\t\s*))(\S.*)$`)
	authorBehind = regexp.MustCompile(`^(\S.{1,80}?)\s*[.．·…‥]{2,}\s*([^.．·…‥\s].{0,16})$`)
	authorApart  = regexp.MustCompile(`^(\S.*?)[\s　]{2,}(\S.{0,16})$`)
	authorBarred = regexp.MustCompile(`^(\S.*?)\s*[/／|｜]\s*([^/／|｜]{1,16})$`)
	leaders      = regexp.MustCompile(`[\s.．·…‥─—_-]*[.．·…‥─_\t-][\s.．·…‥─—_-]*$`)
)

// entry is one line of the contents as it was read.
type entry struct {
	line  int
	title string
	page  int
	mark  marker
	plain bool // no page
}

func (r *recogniser) entry(i int, weak bool) entry {
	t := r.lines[i].Text
	e := entry{line: i, title: t, plain: true}
	if !shorterThan(t, 161) {
		return e
	}
	low := narrow(t)
	m := pageAtEnd.FindStringSubmatchIndex(low)
	if m == nil && weak {
		m = pageWeak.FindStringSubmatchIndex(low)
	}
	if m != nil && m[0] > 0 {
		e.page, e.plain = number(low[m[2]:m[3]]), false
		keep := utf8.RuneCountInString(low[:m[0]])
		e.title = string([]rune(t)[:keep])
	} else if m := pageFirst.FindStringSubmatch(low); m != nil {
		e.page, e.plain = number(m[1]+m[2]), false
		e.title = string([]rune(t)[utf8.RuneCountInString(low)-utf8.RuneCountInString(m[3]):])
	}
	e.title = strings.TrimSpace(leaders.ReplaceAllString(strings.TrimSpace(e.title), ""))
	e.title = withoutAuthor(e.title)
	e.mark = markerOf(e.title)
	return e
}

// withoutAuthor cuts the author off the end of an entry: behind leaders anything
// short is one, behind a wide gap what looks like one.
func withoutAuthor(title string) string {
	if m := authorBehind.FindStringSubmatch(title); m != nil {
		return m[1]
	}
	if m := authorBarred.FindStringSubmatch(title); m != nil && (isByline(m[2]) || personName.MatchString(m[2]) && hanCount(m[2]) < 4 && !notName.MatchString(m[2])) {
		return m[1]
	}
	if m := authorApart.FindStringSubmatch(title); m != nil && isByline(m[2]) {
		return m[1]
	}
	return title
}

// isByline tells what can only be an author.
func isByline(s string) bool {
	return plainByline.MatchString(s) || isPersonOf(s) || roleName.MatchString(s) || reporter.MatchString(s) || s == "本刊编辑部"
}

// findContents returns the line of the heading of the table of contents (or its
// first line, when it has no heading) and the first line behind it; head is -1
// when there is none.
func (r *recogniser) findContents() (head, end int) {
	const within = 80
	n := min(len(r.lines), within)
	for i := range n {
		if isProse(r.lines[i].Text) {
			break
		}
		if contentsHead.MatchString(r.lines[i].Text) {
			return i, r.contentsEnd(i + 1)
		}
	}
	for i := range n { // a run of lines with page numbers
		paged := 0
		for j := i; j < min(i+5, len(r.lines)); j++ {
			if !r.entry(j, false).plain && !isProse(r.lines[j].Text) {
				paged++
			}
		}
		if paged >= 3 {
			for i < n && r.entry(i, false).plain && !sectionable(r.marks[i].class) {
				i++
			}
			return i, r.contentsEnd(i)
		}
	}
	for i := range n { // section lines that come twice, with nothing but titles between
		if !sectionable(r.marks[i].class) {
			continue
		}
		for j := i + 1; j < min(len(r.lines), i+200) && !isProse(r.lines[j].Text); j++ {
			if fold(r.lines[j].Text) == fold(r.lines[i].Text) && j > i+1 {
				return i, j
			}
		}
		break
	}
	return -1, 0
}

func sectionable(c class) bool {
	switch c {
	case classNone, classWord, classDash, classDigitP, classCircled, classNumeralP, classDigit:
		return false
	}
	return true
}

// contentsEnd finds where the body begins: behind the last line with a page
// number, or where a title comes for the second time.
func (r *recogniser) contentsEnd(from int) int {
	seen := map[string]bool{}
	paged, plain, last := 0, 0, from
	weak := r.weakPages(from)
	i := from
	for ; i < len(r.lines); i++ {
		t := r.lines[i].Text
		e := r.entry(i, weak)
		if isProse(t) && e.plain {
			break
		}
		key := fold(strings.TrimSpace(e.title))
		if e.plain && seen[key] {
			if i-2 > from && r.entry(i-1, weak).plain && r.onlyInBody(i, from) {
				i-- // a section that the contents lack, or call otherwise
			}
			return i
		}
		seen[key] = true
		switch {
		case !e.plain:
			paged++
			last = i + 1
		case !sectionable(e.mark.class):
			plain++
		}
	}
	if paged > 0 && paged >= plain {
		return last
	}
	// No page numbers: the title above the running text belongs to the body, and
	// so does the section above it.
	for i > from && !isProse(r.lines[i-1].Text) && (i == len(r.lines) || r.lines[i].Gap == 0 || !sectionable(r.marks[i].class)) && len(seen) > 2 {
		i--
		if sectionable(r.marks[i].class) || r.lines[i].Gap > 1 {
			break
		}
	}
	return i
}

// onlyInBody tells whether the line above the title at i, which also ends the
// contents, is a section of the body: marked, and not as its neighbours are.
func (r *recogniser) onlyInBody(i, from int) bool {
	above := r.marks[i-1].class
	return sectionable(above) && above != r.marks[i].class && above != r.marks[i-2].class &&
		(r.marks[i].class == classNone || above == r.marks[from].class)
}

// weakPages tells whether a single space parts title and page here: numbers
// that never fall, on most lines.
func (r *recogniser) weakPages(from int) bool {
	hits, misses, page := 0, 0, 0
	for i := from; i < len(r.lines) && !isProse(r.lines[i].Text) && hits+misses < 60; i++ {
		if e := r.entry(i, true); e.plain || e.page < page || e.page > page+60 {
			if !sectionable(r.marks[i].class) {
				misses++
			}
		} else {
			hits++
			page = e.page
		}
	}
	return hits >= 3 && hits > misses
}

// contents reads the lines of the table of contents.
func (r *recogniser) contents(head, end int) {
	r.listed = newIndex()
	if head == end {
		return
	}
	if contentsHead.MatchString(r.lines[head].Text) {
		r.put(head, PlaceContents)
		head++
	}
	weak := r.weakPages(head)
	var list []entry
	for i := head; i < end; i++ {
		list = append(list, r.entry(i, weak))
		r.put(i, PlaceContents)
	}
	list, isSection := r.contentsSections(list)
	for k, e := range list {
		c := ContentsEntry{Title: e.title, Page: e.page, Section: isSection[k]}
		if c.Section || strings.ContainsAny(signs, string(e.mark.class)) && e.mark.class != "" || e.mark.class == classDigit {
			c.Title = e.mark.rest
			if c.Title == "" {
				c.Title = e.title
			}
		}
		r.issue.Contents = append(r.issue.Contents, c)
		r.listed.add(c, e.line, e.mark.class)
	}
}

// contentsSections decides which entries are sections, and joins the titles
// that were broken over two lines.
func (r *recogniser) contentsSections(list []entry) ([]entry, []bool) {
	first := classNone
	marked, plain, paged := 0, 0, 0
	for _, e := range list {
		if first == classNone && sectionable(e.mark.class) {
			first = e.mark.class
		}
		if e.mark.class == first && first != classNone {
			marked++
		}
		if !e.plain {
			paged++
		} else {
			plain++
		}
	}
	useMark := first != classNone && (marked < len(list) || first == classBracket)
	least, indents := r.leastIndent(list)
	isSection := make([]bool, 0, len(list))
	out := list[:0:0]
	for k := 0; k < len(list); k++ {
		e := list[k]
		sec := false
		switch {
		case useMark:
			sec = e.mark.class == first
			if !sec && e.plain && paged > plain && k+1 < len(list) && !list[k+1].plain && list[k+1].mark.class == classNone && runeCount(e.title) > 12 {
				next := list[k+1]
				next.title, next.mark = joinPieces([]string{e.title, next.title}), e.mark
				out, isSection = append(out, next), append(isSection, false)
				k++
				continue
			}
		case paged > plain && plain > 0:
			sec = e.plain && !(indents && r.lines[e.line].Indent > least) ||
				!e.plain && indents && list[0].plain && r.lines[e.line].Indent == least // a section that is one text
		case indents:
			sec = r.lines[e.line].Indent == least
		}
		out, isSection = append(out, e), append(isSection, sec)
	}
	return out, isSection
}

func (r *recogniser) leastIndent(list []entry) (int, bool) {
	least, most := 1<<30, 0
	for _, e := range list {
		least, most = min(least, r.lines[e.line].Indent), max(most, r.lines[e.line].Indent)
	}
	return least, len(list) > 0 && most > least && r.lines[list[0].line].Indent == least
}

// index is the contents as titles to be found in the body.
type index struct {
	items  []indexItem
	by     map[string][]int
	class  class // of the sections
	parted bool  // there are sections in it
	last   int   // the section that was taken last
}

type indexItem struct {
	ContentsEntry
	line  int
	key   string
	exact bool // the body has a line with this very title
	taken bool
}

func newIndex() *index { return &index{by: map[string][]int{}, last: -1} }

func (x *index) add(c ContentsEntry, line int, mark class) {
	if at := strings.LastIndexAny(c.Title, "（("); at > 0 && documentNumber.MatchString(c.Title[at:]) {
		c.Title = strings.TrimSpace(c.Title[:at]) // its number stands below the title in the body
	}
	key := fold(c.Title)
	x.by[key] = append(x.by[key], len(x.items))
	x.items = append(x.items, indexItem{ContentsEntry: c, line: line, key: key})
	x.parted = x.parted || c.Section
	if c.Section && x.class == classNone {
		x.class = mark
	}
}

// find returns the entry with that title that is still free, or -1.
func (x *index) find(title string, section bool) int {
	if !shorterThan(title, 161) {
		return -1
	}
	for _, k := range x.by[fold(title)] {
		if !x.items[k].taken && x.items[k].Section == section {
			return k
		}
	}
	return -1
}

// near returns the free entry whose title is most like this one, or -1.
func (x *index) near(title string, section bool, least float64) int {
	if !shorterThan(title, 81) || len(x.items) > 500 {
		return -1
	}
	best, at := least, -1
	key := fold(title)
	for k := range x.items {
		it := &x.items[k]
		if it.taken || it.exact || it.Section != section || !shorterThan(it.key, 121) {
			continue
		}
		if s := similarity(key, it.key); s >= best {
			best, at = s, k
		}
	}
	return at
}

// expect notes the entries that the body has word for word, so that no other
// title is taken for a variant of them.
func (x *index) expect(r *recogniser, from, to int) {
	mark := func(title string) {
		for _, k := range x.by[fold(title)] {
			x.items[k].exact = true
		}
	}
	if len(x.items) == 0 {
		return
	}
	for i := from; i < to; i++ {
		if t := r.lines[i].Text; shorterThan(t, 121) {
			name, _ := membership(t)
			mark(name)
			if rest := r.marks[i].rest; rest != "" {
				mark(rest)
			}
		}
	}
}

// claim takes the entry with that title, else the one that is most like it, and
// returns it; -1 when there is none.
func (x *index) claim(title string, section bool) int {
	const alike = 0.45
	k := x.find(title, section)
	if k < 0 {
		k = x.near(title, section, alike)
	}
	if k < 0 && section { // a section that was renamed stands at the same place
		k = x.next()
	}
	if k >= 0 {
		x.items[k].taken = true
		if section {
			x.last = k
		}
	}
	return k
}

// claimExactly takes the article with that very title, and returns it or -1.
func (x *index) claimExactly(title string) int {
	k := x.find(title, false)
	if k >= 0 {
		x.items[k].taken = true
	}
	return k
}

// next returns the section behind the last one taken, when it is free and the
// body has no section of that name; else -1.
func (x *index) next() int {
	for k := x.last + 1; k < len(x.items); k++ {
		if it := x.items[k]; it.Section {
			if it.taken || it.exact {
				return -1
			}
			return k
		}
	}
	return -1
}

// checkContents compares the contents with what the body has.
func (r *recogniser) checkContents() {
	for k := range r.listed.items {
		if it := &r.listed.items[k]; !it.taken {
			r.find("contents-without-article", it.line, Warning, it.missing())
		}
	}
}

// missing says that the body has no counterpart of the entry.
func (it *indexItem) missing() string {
	what := "文章"
	if it.Section {
		what = "栏目"
	}
	return fmt.Sprintf("目录里的“%s”在正文里没有找到对应的%s；请核对标题，或从目录中删去", clip(it.Title), what)
}

// matchTitle says where a title differs from its entry in the contents.
func (r *recogniser) matchTitle(i, k int, title string, section bool) {
	if d, ok := r.listed.compare(k, title, section); ok {
		r.find(d.Code, i, d.Severity, d.Text)
	}
}

// compare says how a title differs from entry k, which is -1 when the contents
// have none; ok tells that there is anything to say. Where the contents list no
// sections at all, none is missed there.
func (x *index) compare(k int, title string, section bool) (d Diagnostic, ok bool) {
	what := "文章"
	if section {
		what = "栏目"
	}
	if len(x.items) == 0 || k < 0 && section && !x.parted {
		return d, false
	}
	if k < 0 {
		return Diagnostic{Code: "article-not-in-contents", Severity: Warning, Text: fmt.Sprintf("目录里没有这个%s：“%s”", what, clip(title))}, true
	}
	it := x.items[k]
	switch {
	case it.key != fold(title) && section:
		return Diagnostic{Code: "section-differs", Severity: Warning, Text: fmt.Sprintf("栏目名称与目录不同：正文“%s”，目录“%s”；取正文，请核对", clip(title), clip(it.Title))}, true
	case it.key != fold(title):
		return Diagnostic{Code: "title-differs", Severity: Warning, Text: fmt.Sprintf("%s标题与目录不同：正文“%s”，目录“%s”；取正文，请核对", what, clip(title), clip(it.Title))}, true
	case !strings.EqualFold(strings.Join(strings.Fields(it.Title), ""), strings.Join(strings.Fields(title), "")):
		return Diagnostic{Code: "title-differs", Severity: Info, Text: fmt.Sprintf("%s标题的标点与目录不同：正文“%s”，目录“%s”；取正文", what, clip(title), clip(it.Title))}, true
	}
	return d, false
}
