package issue

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
)

var (
	pageNumber = regexp.MustCompile(`^(?:[-—–~·•\s]+\d{1,4}[-—–~·•\s]+|第\s*\d{1,4}\s*页(?:\s*[,，/]?\s*共\s*\d{1,4}\s*页)?|\d{1,4}\s*/\s*\d{1,4})$`)
	ruleLine   = regexp.MustCompile(`^[-—–_=*~─━═＝－＿·•☆★◆■\s]{3,}$`)
	dots       = regexp.MustCompile(`^[.．。·…]{3,}$`)
)

// textLines reads plain text. A line is a paragraph, unless the text was
// wrapped at a fixed width as text copied out of a PDF is.
func textLines(text string, f *findings) []Line {
	lines := segments(unwrap(dropFurniture(splitLines(text), f)))
	for i := range lines {
		l := &lines[i]
		l.Text = unspaced(l.Text)
		if dots.MatchString(l.Text) {
			l.Text = "……"
		}
		l.Text, l.Spans = inlineText(l.Text)
		if len(l.Spans) == 1 && l.Spans[0] == (Span{To: len(l.Text), Strong: true}) && shorterThan(l.Text, 61) {
			l.Style = StyleBold
		}
	}
	return slices.DeleteFunc(lines, func(l Line) bool { return l.Text == "" })
}

func splitLines(text string) []Line {
	var lines []Line
	gap, n := 0, 0
	for s := range strings.SplitSeq(text, "\n") {
		n++
		t := strings.TrimLeftFunc(s, unicode.IsSpace)
		indent := columns(strings.ReplaceAll(s[:len(s)-len(t)], "\t", "    "))
		t = strings.TrimRightFunc(t, unicode.IsSpace)
		if t == "" {
			gap++
			continue
		}
		lines = append(lines, Line{N: n, Last: n, Text: t, Gap: gap, Indent: indent})
		gap = 0
	}
	return lines
}

var (
	wideGap    = regexp.MustCompile(`[ \t　]{2,}|　`)
	ownSegment = regexp.MustCompile(`总\s*第?\s*\d|第\s*\d+\s*期|主\s*办|编\s*印|内部|准\s*印|印\s*数|投\s*稿|地\s*址|电\s*话|日\s*期|出\s*品`)
	orgRole    = regexp.MustCompile(`^(?:主\s*办|承\s*办|协\s*办|主\s*管|编\s*印|编辑出版|出\s*版|编\s*制|印\s*发|出\s*品)$`)
	spacedIn   = regexp.MustCompile(`^([【《〖■★◆]\s*)?(\p{Han}(?:[ 　]+\p{Han}){1,11})(\s*[】》〗■★◆])?$`)
)

// segmentZone is how many lines at either end of a file can be masthead or
// colophon.
const segmentZone = 30

// segments parts the lines of masthead and colophon that print several things
// side by side, set off by wide gaps.
func segments(lines []Line) []Line {
	out := make([]Line, 0, len(lines))
	for i, l := range lines {
		if i >= segmentZone && i < len(lines)-segmentZone || !shorterThan(l.Text, 91) || isProse(l.Text) || pageAtEnd.MatchString(narrow(l.Text)) {
			out = append(out, l)
			continue
		}
		parts, own := sideBySide(squeezeRoles(l.Text))
		if len(parts) == 1 || !own || spacedIn.MatchString(l.Text) {
			out = append(out, l)
			continue
		}
		for k, p := range parts {
			part := l
			part.Spans = nil
			if part.Text = p; k > 0 {
				part.Gap = 0
			}
			out = append(out, part)
		}
	}
	return out
}

// sideBySide parts a line at its wide gaps; what says nothing of itself stays
// with the part before it. own tells that there is anything to part for.
func sideBySide(s string) (parts []string, own bool) {
	for k, p := range wideGap.Split(s, -1) {
		date, _ := dateIn(p)
		known := date != "" || ownSegment.MatchString(narrow(p)) || len(editorsIn(p)) > 0
		role := orgRole.MatchString(p) // 江南诗词学会　编印
		own = own || known && !role
		if k > 0 && (role || !known) && !strings.ContainsAny(p, ":：") {
			parts[len(parts)-1] += " " + p
			continue
		}
		parts = append(parts, p)
	}
	return parts, own
}

// unspaced undoes letter-spacing (目　录, 林 场 之 声), and writes the full-width
// space as a plain one.
func unspaced(s string) string {
	if m := spacedIn.FindStringSubmatch(s); len(s) < 120 && m != nil {
		return m[1] + strings.Join(strings.FieldsFunc(m[2], unicode.IsSpace), "") + m[3]
	}
	return strings.ReplaceAll(s, "　", " ")
}

// dropFurniture takes out what belongs to the page and not to the text: page
// numbers, rules, running heads.
func dropFurniture(lines []Line, f *findings) []Line {
	heads := runningHeads(lines)
	behindPage := false
	var first string
	if len(lines) > 0 {
		first = unspaced(lines[0].Text)
	}
	return slices.DeleteFunc(lines, func(l Line) bool {
		top := behindPage
		behindPage = false
		switch {
		case pageNumber.MatchString(l.Text):
			behindPage = true
			f.add("page-number", l.N, Info, "页码，未收入正文")
		case top && shorterThan(l.Text, 60) && issueLine.MatchString(narrow(l.Text)) && strings.Contains(l.Text, first):
			f.add("running-head", l.N, Info, "页眉“"+clip(l.Text)+"”，未收入正文")
		case isRule(l.Text):
			f.add("rule-line", l.N, Info, "分隔线，未收入正文")
		case heads[headKey(l.Text)] && l.N > lines[0].Last+40:
			f.add("running-head", l.N, Info, "页眉“"+l.Text+"”，未收入正文")
		default:
			return false
		}
		return true
	})
}

// isRule tells a line that is drawn with one sign over and over.
func isRule(s string) bool {
	if dots.MatchString(s) {
		return false
	}
	if ruleLine.MatchString(s) {
		return true
	}
	sign, n := firstRune(s), 0
	for _, r := range s {
		if r == sign {
			n++
		} else if !unicode.IsSpace(r) {
			return false
		}
	}
	const least = 6
	return n >= least && !unicode.IsLetter(sign) && !unicode.IsDigit(sign)
}

var digits = regexp.MustCompile(`\d+`)

func headKey(s string) string {
	if !shorterThan(s, 40) {
		return ""
	}
	return digits.ReplaceAllString(narrow(s), "#")
}

// runningHeads finds the lines that come back on every page and name the
// periodical or its number.
func runningHeads(lines []Line) map[string]bool {
	count := map[string]int{}
	named := map[string]bool{}
	var title string
	for i, l := range lines {
		k := headKey(l.Text)
		if k == "" {
			continue
		}
		if i < 15 && issueLine.MatchString(narrow(l.Text)) && i > 0 && title == "" {
			title = lines[i-1].Text
		}
		count[k]++
		if issueLine.MatchString(k) || (title != "" && strings.Contains(l.Text, title)) {
			named[k] = true
		}
	}
	heads := map[string]bool{}
	for k := range named {
		if count[k] >= 4 {
			heads[k] = true
		}
	}
	return heads
}

// unwrap joins the lines of wrapped paragraphs. A page is wrapped when most
// lines that another line follows directly are about as long as the longest.
func unwrap(lines []Line) []Line {
	width, indented := wrapWidth(lines)
	if width == 0 {
		return lines
	}
	titles := listedTitles(lines)
	out := lines[:0:0]
	var parts []Line // of the paragraph that is being put together
	flush := func() {
		if len(parts) > 0 {
			out = append(out, joinLines(parts))
		}
		parts = parts[:0]
	}
	full := false
	for _, l := range lines {
		w := columns(l.Text) + l.Indent
		follows := full && l.Gap == 0 && !(indented && l.Indent >= 2) && !startsAnew(l.Text) && !titles[titleKey(l.Text)]
		if !follows {
			flush()
		}
		parts = append(parts, l)
		full = w >= width-4 && !pageAtEnd.MatchString(narrow(tail(l.Text, 40))) && (indented || !strings.ContainsRune("。！？", lastRune(l.Text)) || w >= width-1)
	}
	flush()
	return out
}

// listedTitles are the titles that lines with a page number at their end list:
// such a line stands by itself in the body too.
func listedTitles(lines []Line) map[string]bool {
	const within = 120
	titles := map[string]bool{}
	for _, l := range lines[:min(len(lines), within)] {
		if shorterThan(l.Text, 161) {
			if m := pageAtEnd.FindStringIndex(narrow(l.Text)); m != nil && m[0] > 0 {
				title := leaders.ReplaceAllString(narrow(l.Text)[:m[0]], "")
				titles[titleKey(withoutAuthor(strings.TrimSpace(title)))] = true
			}
		}
	}
	delete(titles, "")
	return titles
}

func titleKey(s string) string {
	if !shorterThan(s, 61) {
		return ""
	}
	return fold(s)
}

// tail returns about the last n bytes of s, cut at a rune.
func tail(s string, n int) string {
	if len(s) <= n {
		return s
	}
	i := len(s) - n
	for i < len(s) && s[i]&0xC0 == 0x80 {
		i++
	}
	return s[i:]
}

// startsAnew tells whether a line opens something, so that it is never the
// continuation of a wrapped line.
func startsAnew(s string) bool {
	m := markerOf(s)
	return m.class != classNone && m.class != classWord || shorterThan(s, 61) && (documentNumber.MatchString(s) || isDateLine(s) || knownLabel(s) || parseCredit(s).ok)
}

// wrapWidth returns the columns at which the text was wrapped, 0 when it was
// not, and whether paragraphs are set off by an indent.
func wrapWidth(lines []Line) (int, bool) {
	var follow []int // widths of the lines that another follows directly
	indents := 0
	for i := range lines {
		if lines[i].Indent >= 2 && columns(lines[i].Text) > 20 {
			indents++
		}
		if i+1 < len(lines) && lines[i+1].Gap == 0 && !pageAtEnd.MatchString(narrow(tail(lines[i].Text, 40))) {
			if w := columns(lines[i].Text) + lines[i].Indent; w > 24 {
				follow = append(follow, w)
			}
		}
	}
	if len(follow) < 6 {
		return 0, false
	}
	slices.Sort(follow)
	width := follow[len(follow)*9/10]
	if width > 130 || width < 30 {
		return 0, false
	}
	near := 0
	for _, w := range follow {
		if w >= width-5 && w <= width+3 {
			near++
		}
	}
	if near*2 < len(follow) {
		return 0, false
	}
	return width, indents >= 2
}

// joinPieces puts broken lines together again: with nothing between, as Chinese
// is written, but with a space between two Latin words.
func joinPieces(parts []string) string {
	var b strings.Builder
	for i, p := range parts {
		if i > 0 && spaceBetween(parts[i-1], p) {
			b.WriteByte(' ')
		}
		b.WriteString(p)
	}
	return b.String()
}

// spaceBetween tells whether the line break between two lines stood for a
// space: between two Latin words, but not inside a number, and not beside one
// in Chinese text.
func spaceBetween(above, below string) bool {
	a, b := lastRune(above), firstRune(below)
	if !latin(a) || !latin(b) || unicode.IsDigit(a) && unicode.IsDigit(b) {
		return false
	}
	return unicode.IsLetter(b) && !unicode.IsDigit(a) || hanCount(tail(above, 60)) == 0
}

func latin(r rune) bool {
	return r < 0x250 && (unicode.IsLetter(r) || r >= '0' && r <= '9' || r == ',' || r == '.')
}
