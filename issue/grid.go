package issue

import (
	"regexp"
	"strings"
)

const maxColumns = 64

// cellOf is a cell of a table with the lines in it.
type cellOf struct {
	lines []Line
	span  int
}

func (c cellOf) text() string { return oneLine(c.lines) }

var bareNumber = regexp.MustCompile(`^[Pp]?\.?\s*\d{1,3}$`)

// tableLines makes lines of a table. Many tables only arrange a page: the
// masthead, the contents, a text beside a picture. Their cells are lines like any
// others; head tells that the table stands where nothing but masthead and
// contents can be.
func tableLines(rows [][]cellOf, head bool) []Line {
	var full [][]cellOf
	columns := 0
	for _, row := range rows {
		said := 0
		for _, c := range row {
			if len(c.lines) > 0 {
				said++
			}
		}
		if columns = max(columns, said); said > 0 {
			full = append(full, row)
		}
	}
	switch {
	case len(full) == 0:
		return nil
	case head && pagesLast(full):
		return contentsTable(full)
	case head || len(full) == 1 || columns == 1 || layout(full):
		return cellLines(full)
	}
	l := Line{Style: StyleTable}
	var pictures []Line
	for _, row := range full {
		var cells []string
		for _, c := range row {
			cells = append(cells, c.text())
			for k := 1; k < c.span && len(cells) < maxColumns; k++ {
				cells = append(cells, "")
			}
			for _, in := range c.lines {
				if in.Image != nil {
					pictures = append(pictures, in)
				}
			}
		}
		l.Rows = append(l.Rows, cells)
	}
	if l.Text = tableText(l.Rows); strings.TrimSpace(l.Text) == "" {
		return pictures
	}
	return append([]Line{l}, pictures...)
}

// layout tells a table that arranges texts from one that holds data.
func layout(rows [][]cellOf) bool {
	const most = 120 // characters of a cell with several lines
	for _, row := range rows {
		for _, c := range row {
			runes := 0
			for _, l := range c.lines {
				if l.Style == StyleTable || l.Style == StyleHeading {
					return true
				}
				runes += runeCount(l.Text)
			}
			if len(c.lines) > 2 && runes > most {
				return true
			}
		}
	}
	return false
}

// pagesLast tells whether most rows end in a page number.
func pagesLast(rows [][]cellOf) bool {
	n := 0
	for _, row := range rows {
		if len(row) > 1 && bareNumber.MatchString(row[len(row)-1].text()) && row[0].text() != "" {
			n++
		}
	}
	return n >= 3 && 2*n >= len(rows)
}

// contentsTable writes each row of a table of contents as a line of one.
func contentsTable(rows [][]cellOf) []Line {
	var out []Line
	for _, row := range rows {
		last := row[len(row)-1].text()
		if len(row) < 2 || !bareNumber.MatchString(last) {
			out = append(out, cellLines([][]cellOf{row})...)
			continue
		}
		var title []string
		for _, c := range row[:len(row)-1] {
			if t := c.text(); t != "" {
				title = append(title, t)
			}
		}
		out = append(out, Line{Text: strings.Join(title, "  ") + "\t" + strings.TrimLeft(last, "Pp. ")})
	}
	return out
}

func cellLines(rows [][]cellOf) []Line {
	var out []Line
	for _, row := range rows {
		for _, c := range row {
			out = append(out, c.lines...)
		}
	}
	return out
}
