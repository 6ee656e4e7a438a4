package issue

import (
	"encoding/xml"
	"errors"
	"fmt"
	"strings"
)

// docx reads a Word file (Office Open XML, ISO/IEC 29500) as styled lines. Word
// and its imitators write what they like inside the rules: a sentence in twenty
// runs, headings that are bold paragraphs, numbers that are nowhere but in a list
// definition. What is not text of the issue (headers, comments, deletions) is
// said in the diagnostics.
type docx struct {
	zip      *archive
	f        *findings
	pictures *album
	xml      *xmlReader // the part that is being read
	part     string
	rels     map[string]relation

	styles  styleSheet
	numbers numbering
	notes   map[string]string // text of foot- and endnotes by kind and id
	noted   int

	out    []Line
	gap    int
	head   bool // nothing but masthead so far
	fields []field
	carry  *paragraph // whose mark was deleted: the next one goes on with it

	inserted, deleted, comments int
}

// relation is what an r:id stands for.
type relation struct {
	kind, target string
	external     bool
}

const documentPart = "word/document.xml"

// readDocx returns the lines of a Word file.
func readDocx(data []byte, f *findings, pictures *album) ([]Line, *ReadError) {
	zip, err := openArchive(data)
	if err != nil {
		return nil, err
	}
	d := &docx{zip: zip, f: f, pictures: pictures, head: true, notes: map[string]string{}}
	main, err := d.mainPart()
	if err != nil {
		return nil, err
	}
	for _, read := range []func(string) *ReadError{d.readStyles, d.readNumbering, d.readNotes, d.readHeaders} {
		if err := read(main); err != nil {
			return nil, err
		}
	}
	if err := d.read(main, d.document); err != nil {
		return nil, err
	}
	d.tellChanges()
	return titled(d.out), nil
}

// titled makes room for the line in the style of a title, which is read as level
// 0, above the headings.
func titled(lines []Line) []Line {
	for _, l := range lines {
		if l.Style != StyleHeading || l.Level > 0 {
			continue
		}
		for i := range lines {
			if lines[i].Style == StyleHeading {
				lines[i].Level++
			}
		}
		break
	}
	return lines
}

// mainPart finds the document itself.
func (d *docx) mainPart() (string, *ReadError) {
	rels, err := d.relations("")
	if err != nil {
		return "", err
	}
	for _, r := range rels {
		if strings.HasSuffix(r.kind, "/officeDocument") && d.zip.has(r.target) {
			if !strings.HasPrefix(r.target, "word/") && !strings.HasSuffix(r.target, ".xml") {
				break
			}
			return r.target, nil
		}
	}
	if d.zip.has(documentPart) {
		return documentPart, nil
	}
	return "", &ReadError{Code: "binary", Text: "这是压缩格式的文件，但里面没有 Word 正文", Hint: "能读的是 .docx；别的格式（.odt、.pages、.wps、.zip）请先在原来的软件中另存为 .docx"}
}

// relations reads the relations of a part; of the whole file for "".
func (d *docx) relations(part string) (map[string]relation, *ReadError) {
	dir, file := "", part
	if i := strings.LastIndexByte(part, '/'); i >= 0 {
		dir, file = part[:i+1], part[i+1:]
	}
	data, err := d.zip.xml(dir + "_rels/" + file + ".rels")
	if err != nil {
		return nil, err
	}
	out := map[string]relation{}
	x := newXMLReader(data)
	failed := x.document(func(e xml.StartElement) error {
		return x.each(func(e xml.StartElement) error {
			r := relation{kind: attr(e, "Type"), target: attr(e, "Target"), external: attr(e, "TargetMode") == "External"}
			if !r.external {
				r.target = beside(part, r.target)
			}
			out[attr(e, "Id")] = r
			return x.skip()
		})
	})
	return out, brokenXML(dir+file, failed)
}

// brokenXML turns what a part could not be read for into an error of the file.
func brokenXML(part string, err error) *ReadError {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errTooDeep):
		return bomb(fmt.Sprintf("“%s”的结构嵌套超过 %d 层", clip(part), maxDepth))
	case errors.Is(err, errDoctype):
		return bomb("“" + clip(part) + "”里有文档类型声明（DOCTYPE），正常的 Word 文件没有")
	}
	return &ReadError{Code: "broken", Text: "文件已损坏，“" + clip(part) + "”读不懂：" + clip(err.Error()), Hint: "请在 Word 中打开并另存一份；打不开的话请重新获取文件"}
}

// read goes through one part with its own relations; a missing part is empty.
func (d *docx) read(part string, do func(xml.StartElement) error) *ReadError {
	data, err := d.zip.xml(part)
	if err != nil || data == nil {
		return err
	}
	if d.rels, err = d.relations(part); err != nil {
		return err
	}
	d.part, d.xml = part, newXMLReader(data)
	return brokenXML(part, d.xml.document(do))
}

// related is the part of a kind that the main part refers to, "" when there is
// none.
func (d *docx) related(main, kind string) []string {
	rels, err := d.relations(main)
	if err != nil {
		return nil
	}
	var out []string
	for _, r := range rels {
		if strings.HasSuffix(r.kind, "/"+kind) && !r.external {
			out = append(out, r.target)
		}
	}
	return out
}

func (d *docx) document(xml.StartElement) error {
	return d.xml.each(func(e xml.StartElement) error {
		if e.Name.Local == "body" {
			return d.blocks()
		}
		return d.xml.skip()
	})
}

// readNotes reads the texts of footnotes and endnotes.
func (d *docx) readNotes(main string) *ReadError {
	for _, kind := range []string{"footnote", "endnote"} {
		for _, part := range d.related(main, kind+"s") {
			err := d.read(part, func(xml.StartElement) error {
				return d.xml.each(func(e xml.StartElement) error {
					if attr(e, "type") != "" { // the rule above the notes
						return d.xml.skip()
					}
					lines, err := d.aside(d.blocks)
					d.notes[kind+attr(e, "id")] = oneLine(lines)
					return err
				})
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// readHeaders says what stands above and below every page, and is left out.
func (d *docx) readHeaders(main string) *ReadError {
	said := map[string]bool{}
	for _, kind := range []string{"header", "footer"} {
		for _, part := range d.related(main, kind) {
			var lines []Line
			err := d.read(part, func(xml.StartElement) (err error) {
				lines, err = d.aside(d.blocks)
				return err
			})
			if err != nil {
				return err
			}
			if text := oneLine(lines); text != "" && !said[text] && !pageNumber.MatchString(text) {
				said[text] = true
				d.f.add("running-head", 0, Info, "页眉或页脚“"+clip(text)+"”，未收入正文")
			}
		}
	}
	return nil
}

// aside reads blocks that are not part of the text where they stand.
func (d *docx) aside(blocks func() error) ([]Line, error) {
	out, gap, carry := d.out, d.gap, d.carry
	d.out, d.gap, d.carry = nil, 0, nil
	err := blocks()
	lines := d.out
	d.out, d.gap, d.carry = out, gap, carry
	return lines, err
}

func oneLine(lines []Line) string {
	var parts []string
	for _, l := range lines {
		if l.Text != "" {
			parts = append(parts, strings.Join(strings.Fields(l.Text), " "))
		}
	}
	return strings.Join(parts, " ")
}

func (d *docx) tellChanges() {
	if d.comments > 0 {
		d.f.add("comments-left", 0, Info, fmt.Sprintf("文件里有 %d 处批注，未收入", d.comments))
	}
	if d.inserted+d.deleted > 0 {
		d.f.add("tracked-changes", 0, Warning, fmt.Sprintf("文件里有未处理的修订：插入 %d 处（已收入），删除 %d 处（未收入）；请在 Word 中接受或拒绝全部修订后再核对", d.inserted, d.deleted))
	}
}
