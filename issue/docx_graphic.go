package issue

import (
	"encoding/xml"
	"regexp"
	"strings"
)

// graphic reads a drawing: pictures become lines of their own, the text of text
// boxes too.
func (d *docx) graphic(p *paragraph) error {
	g := graphic{d: d}
	if err := d.xml.each(g.element); err != nil {
		return err
	}
	if p.empty() {
		p.early = append(p.early, g.out...)
	} else {
		p.late = append(p.late, g.out...)
	}
	return nil
}

type graphic struct {
	d   *docx
	alt string
	out []Line
}

func (g *graphic) element(e xml.StartElement) error {
	switch e.Name.Local {
	case "docPr":
		g.alt = attr(e, "descr")
	case "shape":
		g.alt = attr(e, "alt")
	case "blip":
		g.picture(attr(e, "embed"), attr(e, "link"))
	case "imagedata":
		g.picture(attr(e, "id"), attr(e, "href"))
	case "txbxContent":
		lines, err := g.d.aside(g.d.blocks)
		g.out = append(g.out, lines...)
		return err
	case "AlternateContent":
		return g.d.choice(g.element)
	}
	return g.d.xml.each(g.element)
}

// machineAlt is what Word's own recognition of pictures writes.
var machineAlt = regexp.MustCompile(`\s*(?:描述已自动生成|Description automatically generated.*|AI 生成的内容可能不正确。?|AI-generated content may be incorrect\.?)\s*$`)

// picture takes a picture of the file into the album.
func (g *graphic) picture(id, linked string) {
	alt := tidy(machineAlt.ReplaceAllString(g.alt, ""))
	if alt, _ = trimmed(strings.Map(func(r rune) rune { return shown(r, 0) }, alt), nil); !shorterThan(alt, 200) {
		alt = string([]rune(alt)[:200])
	}
	r, ok := g.d.rels[id]
	switch {
	case ok && !r.external:
		data, err := g.d.zip.read(r.target, maxPictureFile)
		if err != nil {
			g.d.f.add("image-missing", 0, Warning, "图片“"+clip(r.target)+"”读不出来，未收入")
			return
		}
		img, reason := g.d.pictures.add(data)
		if img == nil {
			g.d.f.add("image-missing", 0, Warning, "图片“"+clip(r.target)+"”"+reason+"，未收入")
			return
		}
		g.out = append(g.out, Line{Style: StyleImage, Text: alt, Image: img})
	case ok || linked != "":
		g.d.f.add("image-missing", 0, Warning, "图片“"+clip(r.target)+"”只是一个链接，不在文件里，未收入；请在 Word 中重新插入这张图片")
	}
}
