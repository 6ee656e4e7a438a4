package issue

import (
	"encoding/xml"
	"strconv"
)

// table reads a table; grid.go decides whether it is one or only a layout.
func (d *docx) table() error {
	var rows [][]cellOf
	head := d.head
	err := d.xml.each(func(e xml.StartElement) error { return d.row(e, &rows) })
	if err != nil {
		return err
	}
	d.push(tableLines(rows, head)...)
	return nil
}

// row reads a child of a table.
func (d *docx) row(e xml.StartElement, rows *[][]cellOf) error {
	switch e.Name.Local {
	case "tr":
		var row []cellOf
		deleted := false
		err := d.xml.each(func(e xml.StartElement) error { return d.cell(e, &row, &deleted) })
		if deleted {
			d.deleted++
		} else {
			*rows = append(*rows, row)
		}
		return err
	case "sdt", "sdtContent", "customXml", "ins", "moveTo":
		return d.xml.each(func(e xml.StartElement) error { return d.row(e, rows) })
	}
	return d.xml.skip()
}

// cell reads a child of a row.
func (d *docx) cell(e xml.StartElement, row *[]cellOf, deleted *bool) error {
	switch e.Name.Local {
	case "trPr":
		return d.xml.each(func(e xml.StartElement) error {
			*deleted = *deleted || e.Name.Local == "del"
			return d.xml.skip()
		})
	case "sdt", "sdtContent", "customXml":
		return d.xml.each(func(e xml.StartElement) error { return d.cell(e, row, deleted) })
	case "tc":
		c := cellOf{span: 1}
		lines, err := d.aside(func() error {
			return d.xml.each(func(e xml.StartElement) error {
				if e.Name.Local == "tcPr" {
					return d.xml.each(func(e xml.StartElement) error {
						if n, err := strconv.Atoi(attr(e, "val")); e.Name.Local == "gridSpan" && err == nil {
							c.span = max(1, min(n, maxColumns))
						}
						return d.xml.skip()
					})
				}
				return d.block(e)
			})
		})
		c.lines = lines
		*row = append(*row, c)
		return err
	}
	return d.xml.skip()
}
