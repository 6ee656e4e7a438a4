package issue

// notes marks the 【编者按】 that opens or closes the issue as a section. The same
// words stand below titles too, where they belong to the article.
func (r *recogniser) notes() {
	prose := false
	for i := 0; i+1 < len(r.lines); i++ {
		t := r.lines[i].Text
		if in, ok := unbracket(t); ok && r.marks[i].class == classNone && editorialTitle.MatchString(in) && isProse(r.lines[i+1].Text) && r.endsText(i-1, prose) {
			c := r.sectionsBehind(i + 1)
			if c == classNone {
				return
			}
			r.marks[i] = marker{class: c, rest: in}
		}
		prose = prose || isProse(t)
	}
}

// endsText tells whether line i can be the last of an article or of the
// masthead; prose tells whether any text stands above it.
func (r *recogniser) endsText(i int, prose bool) bool {
	if i < 0 || r.lines[i].Style == StyleHeading {
		return false
	}
	t := r.lines[i].Text
	if prose {
		return isProse(t) || r.credits[i].ok
	}
	low := narrow(t)
	date, _ := dateIn(low)
	return date != "" || issueLine.MatchString(low) || noticeLine.MatchString(t) || imprint.MatchString(low) || orgLine.MatchString(t) || orgLabel.MatchString(t) || pageAtEnd.MatchString(low)
}

// sectionsBehind returns the class of the first unnumbered section mark from
// line i on.
func (r *recogniser) sectionsBehind(i int) class {
	for ; i < len(r.lines); i++ {
		if m := r.marks[i]; sectionable(m.class) && m.n == 0 && shorterThan(m.rest, 26) {
			return m.class
		}
	}
	return classNone
}
