package issue

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// word is a Word file that a test makes: raw WordprocessingML around the parts
// that every such file has.
type word struct {
	body      string
	styles    string // inside w:styles
	numbering string // inside w:numbering
	footnotes string // inside w:footnotes
	header    string // inside w:hdr
	rels      string // more relations of the document
	media     map[string][]byte
	preamble  string // before the document's root
	strict    bool   // the namespaces of ISO/IEC 29500 Strict
}

const (
	wordNS   = `xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships" xmlns:wp="http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing" xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" xmlns:pic="http://schemas.openxmlformats.org/drawingml/2006/picture" xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006" xmlns:wps="http://schemas.microsoft.com/office/word/2010/wordprocessingShape" xmlns:v="urn:schemas-microsoft-com:vml" xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math"`
	strictNS = `xmlns:w="http://purl.oclc.org/ooxml/wordprocessingml/main" xmlns:r="http://purl.oclc.org/ooxml/officeDocument/relationships"`
	relNS    = `http://schemas.openxmlformats.org/officeDocument/2006/relationships`
	xmlHead  = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>` + "\r\n"

	plainStyles = `<w:docDefaults><w:rPrDefault><w:rPr><w:sz w:val="21"/></w:rPr></w:rPrDefault></w:docDefaults>
<w:style w:type="paragraph" w:default="1" w:styleId="a"><w:name w:val="Normal"/></w:style>
<w:style w:type="paragraph" w:styleId="1"><w:name w:val="heading 1"/><w:basedOn w:val="a"/><w:pPr><w:outlineLvl w:val="0"/></w:pPr><w:rPr><w:b/><w:sz w:val="32"/></w:rPr></w:style>
<w:style w:type="paragraph" w:styleId="2"><w:name w:val="heading 2"/><w:basedOn w:val="a"/><w:pPr><w:outlineLvl w:val="1"/></w:pPr><w:rPr><w:b/></w:rPr></w:style>
<w:style w:type="paragraph" w:styleId="3"><w:name w:val="heading 3"/><w:basedOn w:val="a"/><w:pPr><w:outlineLvl w:val="2"/></w:pPr></w:style>
<w:style w:type="paragraph" w:styleId="T"><w:name w:val="Title"/><w:basedOn w:val="a"/></w:style>
<w:style w:type="paragraph" w:styleId="TOC1"><w:name w:val="toc 1"/><w:basedOn w:val="a"/></w:style>
<w:style w:type="paragraph" w:styleId="TOC2"><w:name w:val="toc 2"/><w:basedOn w:val="a"/></w:style>
<w:style w:type="paragraph" w:styleId="Own"><w:name w:val="本刊栏目"/><w:basedOn w:val="1"/></w:style>
<w:style w:type="character" w:styleId="Strong"><w:name w:val="Strong"/><w:rPr><w:b/></w:rPr></w:style>`
)

// file is the finished zip.
func (d word) file(t testing.TB) []byte {
	t.Helper()
	ns := wordNS
	if d.strict {
		ns = strictNS
	}
	part := func(name, in string) []byte {
		return []byte(xmlHead + "<w:" + name + " " + ns + ">" + in + "</w:" + name + ">")
	}
	parts := map[string][]byte{
		"[Content_Types].xml":          []byte(xmlHead + `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="xml" ContentType="application/xml"/></Types>`),
		"_rels/.rels":                  relations(rel("rId1", "officeDocument", "word/document.xml")),
		"word/document.xml":            []byte(xmlHead + d.preamble + "<w:document " + ns + "><w:body>" + d.body + `<w:sectPr><w:pgSz w:w="11906"/></w:sectPr></w:body></w:document>`),
		"word/styles.xml":              part("styles", cmpOr(d.styles, plainStyles)),
		"word/numbering.xml":           part("numbering", d.numbering),
		"word/footnotes.xml":           part("footnotes", d.footnotes),
		"word/header1.xml":             part("hdr", d.header),
		"word/_rels/document.xml.rels": relations(rel("s", "styles", "styles.xml") + rel("n", "numbering", "/word/numbering.xml") + rel("f", "footnotes", "footnotes.xml") + rel("h", "header", "header1.xml") + d.rels),
	}
	for name, data := range d.media {
		parts["word/media/"+name] = data
	}
	return zipOf(t, parts)
}

func cmpOr(s, or string) string {
	if s == "" {
		return or
	}
	return s
}

func rel(id, kind, target string) string {
	mode := ""
	if strings.Contains(target, "://") {
		mode = ` TargetMode="External"`
	}
	return fmt.Sprintf(`<Relationship Id=%q Type="%s/%s" Target=%q%s/>`, id, relNS, kind, target, mode)
}

func relations(in string) []byte {
	return []byte(xmlHead + `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">` + in + `</Relationships>`)
}

func zipOf(t testing.TB, parts map[string][]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(parts)) {
		w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: time.Date(2024, 3, 1, 0, 0, 0, 0, time.UTC)})
		if err == nil {
			_, err = w.Write(parts[name])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

var xmlText = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// p is a paragraph of one run, in a style when one is named.
func p(text string, style ...string) string {
	props := ""
	if len(style) > 0 {
		props = `<w:pPr><w:pStyle w:val="` + style[0] + `"/></w:pPr>`
	}
	return "<w:p>" + props + run(text) + "</w:p>"
}

func run(text string, props ...string) string {
	rPr := ""
	if len(props) > 0 {
		rPr = "<w:rPr>" + strings.Join(props, "") + "</w:rPr>"
	}
	t := strings.ReplaceAll(xmlText.Replace(text), "\t", `</w:t><w:tab/><w:t xml:space="preserve">`)
	return "<w:r>" + rPr + `<w:t xml:space="preserve">` + t + "</w:t></w:r>"
}

const wordBody = "这是正文，写得足够长，可以算作一段完整的话，说明了事情的来龙去脉。"

// oneArticle is a bulletin with one article that has in as its text.
func oneArticle(in string) string {
	return p("示例通讯") + p("2024年第3期　总第58期") + p("要闻", "1") + p("标题在这里", "2") + in
}

// blocksOf reads the text of the one article of a Word file.
func blocksOf(t *testing.T, d word) ([]Block, Result) {
	t.Helper()
	res, err := Read("a.docx", d.file(t), ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if len(res.Issue.Sections) != 1 || len(res.Issue.Sections[0].Articles) != 1 {
		t.Fatalf("sections: %+v", res.Issue.Sections)
	}
	if back, md := again(t, res.Issue); back.Hash() != res.Issue.Hash() {
		t.Errorf("the model does not come back:\n%s\n%s", cmp.Diff(res.Issue, back), md)
	}
	return res.Issue.Sections[0].Articles[0].Blocks, res
}

func paragraphBlock(s string, spans ...Span) Block {
	return Block{Kind: BlockParagraph, Text: s, Spans: spans}
}

// TestDocxParagraphs reads what Word makes of simple text.
func TestDocxParagraphs(t *testing.T) {
	link := rel("rId9", "hyperlink", "https://example.org/a?b=1&amp;c=2")
	for _, c := range []struct {
		name string
		d    word
		want []Block
		code string // a diagnostic that is expected
	}{
		{"split runs", word{body: `<w:p w:rsidR="00A1"><w:proofErr w:type="spellStart"/>` + run("这是") + `<w:bookmarkStart w:id="0" w:name="_Toc1"/>` + run("正") + run("文") + `<w:lastRenderedPageBreak/>` + run("，一句话。", `<w:b w:val="0"/>`) + "</w:p>"}, []Block{paragraphBlock("这是正文，一句话。")}, ""},
		{"bold and italic", word{body: "<w:p>" + run("先") + run("要点", "<w:b/>") + run("，后", "<w:bCs/>") + run("斜", "<w:i/>") + run("体在此。") + "</w:p>"}, []Block{paragraphBlock("先要点，后斜体在此。", Span{From: 3, To: 9, Strong: true}, Span{From: 15, To: 18, Em: true})}, ""},
		{"character style", word{body: "<w:p>" + run("要点", `<w:rStyle w:val="Strong"/>`) + run("在此，一句完整的话。") + "</w:p>"}, []Block{paragraphBlock("要点在此，一句完整的话。", Span{To: 6, Strong: true})}, ""},
		{"soft breaks", word{body: "<w:p>" + run("第一行是一句完整的话。") + "<w:r><w:br/></w:r>" + run("第二行也是一句完整的话。") + "</w:p>"}, []Block{paragraphBlock("第一行是一句完整的话。"), paragraphBlock("第二行也是一句完整的话。")}, ""},
		{"insertion and deletion", word{body: "<w:p>" + run("价格") + `<w:del w:id="1"><w:r><w:delText>下降</w:delText></w:r></w:del><w:ins w:id="2">` + run("上涨") + "</w:ins>" + run("了一成，一句完整的话。") + "</w:p>"}, []Block{paragraphBlock("价格上涨了一成，一句完整的话。")}, "tracked-changes"},
		{"comment", word{body: "<w:p>" + run("一句完整的话，有人写了批注。") + `<w:r><w:commentReference w:id="0"/></w:r></w:p>`}, []Block{paragraphBlock("一句完整的话，有人写了批注。")}, "comments-left"},
		{"deletion alone", word{body: "<w:p>" + run("价格") + `<w:del w:id="1"><w:r><w:delText>已经</w:delText></w:r></w:del>` + run("上涨了一成，一句完整的话。") + "</w:p>"}, []Block{paragraphBlock("价格上涨了一成，一句完整的话。")}, "tracked-changes"},
		{"deleted paragraph mark", word{body: `<w:p><w:pPr><w:rPr><w:del w:id="1"/></w:rPr></w:pPr>` + run("前半句，") + "</w:p>" + p("后半句，一句完整的话。")}, []Block{paragraphBlock("前半句，后半句，一句完整的话。")}, ""},
		{"moved text", word{body: `<w:p><w:moveFrom w:id="1">` + run("旧处。") + "</w:moveFrom></w:p>" + p(wordBody) + `<w:p><w:moveTo w:id="2">` + run("移到这里，一句完整的话。") + "</w:moveTo></w:p>"}, []Block{paragraphBlock(wordBody), paragraphBlock("移到这里，一句完整的话。")}, "tracked-changes"},
		{"hyperlink", word{rels: link, body: "<w:p>" + run("见") + `<w:hyperlink r:id="rId9">` + run("此处", `<w:rStyle w:val="a5"/>`) + "</w:hyperlink>" + run("，一句完整的话。") + "</w:p>"}, []Block{paragraphBlock("见此处，一句完整的话。", Span{From: 3, To: 9, Href: "https://example.org/a?b=1&c=2"})}, ""},
		{"hyperlink field", word{body: `<w:p>` + run("见") + `<w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:instrText xml:space="preserve"> HYPERLINK "http://example.org/x" </w:instrText></w:r><w:r><w:fldChar w:fldCharType="separate"/></w:r>` + run("此处") + `<w:r><w:fldChar w:fldCharType="end"/></w:r>` + run("，一句完整的话。") + "</w:p>"}, []Block{paragraphBlock("见此处，一句完整的话。", Span{From: 3, To: 9, Href: "http://example.org/x"})}, ""},
		{"script in a hyperlink", word{rels: rel("rId9", "hyperlink", "javascript://x"), body: `<w:p><w:hyperlink r:id="rId9">` + run("此处，一句完整的话。") + "</w:hyperlink></w:p>"}, []Block{paragraphBlock("此处，一句完整的话。")}, ""},
		{"page field", word{body: p(wordBody) + `<w:p><w:fldSimple w:instr=" PAGE "><w:r><w:t>12</w:t></w:r></w:fldSimple></w:p>`}, []Block{paragraphBlock(wordBody)}, ""},
		{"hidden text", word{body: "<w:p>" + run("看得见的话，一句完整的话。") + run("看不见", "<w:vanish/>") + "</w:p>"}, []Block{paragraphBlock("看得见的话，一句完整的话。")}, ""},
		{"footnote", word{footnotes: `<w:footnote w:type="separator" w:id="-1"><w:p/></w:footnote><w:footnote w:id="2"><w:p><w:r><w:footnoteRef/></w:r>` + run(" 见年鉴。") + "</w:p></w:footnote>", body: "<w:p>" + run("据统计，产量上升了一成") + `<w:r><w:footnoteReference w:id="2"/></w:r>` + run("，比去年多，是一句完整的话，写到这里才算完，超过四十个字才好。") + "</w:p>" + p(wordBody)}, []Block{paragraphBlock("据统计，产量上升了一成[1]，比去年多，是一句完整的话，写到这里才算完，超过四十个字才好。"), {Kind: BlockItem, Text: "[1] 见年鉴。"}, paragraphBlock(wordBody)}, ""},
		{"text box once", word{body: "<w:p>" + run(wordBody) + `<w:r><mc:AlternateContent><mc:Choice Requires="wps"><w:drawing><wps:txbx><w:txbxContent>` + p("框里的话，一句完整的话。") + `</w:txbxContent></wps:txbx></w:drawing></mc:Choice><mc:Fallback><w:pict><v:textbox><w:txbxContent>` + p("框里的话，一句完整的话。") + "</w:txbxContent></v:textbox></w:pict></mc:Fallback></mc:AlternateContent></w:r></w:p>"}, []Block{paragraphBlock(wordBody), paragraphBlock("框里的话，一句完整的话。")}, ""},
		{"content control", word{body: "<w:sdt><w:sdtPr/><w:sdtContent>" + p(wordBody) + "</w:sdtContent></w:sdt>"}, []Block{paragraphBlock(wordBody)}, ""},
		{"ruby and symbols", word{body: `<w:p><w:r><w:sym w:font="Wingdings" w:char="F06E"/></w:r>` + `<w:r><w:ruby><w:rt><w:r><w:t>hàn</w:t></w:r></w:rt><w:rubyBase><w:r><w:t>汉</w:t></w:r></w:rubyBase></w:ruby></w:r>` + run("字的话，这是一句完整的话。") + "</w:p>"}, []Block{{Kind: BlockItem, Text: "■汉字的话，这是一句完整的话。"}}, ""},
		{"strict namespaces", word{strict: true, body: p(wordBody)}, []Block{paragraphBlock(wordBody)}, ""},
		{"header", word{header: p("示例通讯内部资料"), body: p(wordBody)}, []Block{paragraphBlock(wordBody)}, "running-head"},
		{"table", word{body: p(wordBody) + "<w:tbl>" + tr("月份", "产量") + tr("三月", "12") + tr("四月", "15") + "</w:tbl>" + p(wordBody)}, []Block{paragraphBlock(wordBody), {Kind: BlockTable, Text: "月份\t产量\n三月\t12\n四月\t15", Rows: [][]string{{"月份", "产量"}, {"三月", "12"}, {"四月", "15"}}}, paragraphBlock(wordBody)}, ""},
		{"layout table", word{body: p(wordBody) + "<w:tbl><w:tr><w:tc>" + p("左边的话，一句完整的话。") + "</w:tc><w:tc>" + p("右边的话，一句完整的话。") + "</w:tc></w:tr></w:tbl>"}, []Block{paragraphBlock(wordBody), paragraphBlock("左边的话，一句完整的话。"), paragraphBlock("右边的话，一句完整的话。")}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.d.body = oneArticle(c.d.body)
			got, res := blocksOf(t, c.d)
			if d := cmp.Diff(c.want, got); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
			if c.code != "" && !hasCode(res, c.code) {
				t.Errorf("no %s in %+v", c.code, res.Diagnostics)
			}
		})
	}
}

func tr(cells ...string) string {
	var b strings.Builder
	for _, c := range cells {
		b.WriteString("<w:tc><w:tcPr/>" + p(c) + "</w:tc>")
	}
	return "<w:tr>" + b.String() + "</w:tr>"
}

// level is one level of a list definition.
func level(n int, format, text string) string {
	return fmt.Sprintf(`<w:lvl w:ilvl="%d"><w:start w:val="1"/><w:numFmt w:val=%q/><w:lvlText w:val=%q/></w:lvl>`, n, format, text)
}

func listed(text, list string, level int, style ...string) string {
	s := ""
	if len(style) > 0 {
		s = `<w:pStyle w:val="` + style[0] + `"/>`
	}
	return fmt.Sprintf(`<w:p><w:pPr>%s<w:numPr><w:ilvl w:val="%d"/><w:numId w:val=%q/></w:numPr></w:pPr>%s</w:p>`, s, level, list, run(text))
}

// TestDocxNumbers reads numbers that stand nowhere but in the definition of a
// list.
func TestDocxNumbers(t *testing.T) {
	d := word{
		numbering: `<w:abstractNum w:abstractNumId="0">` + level(0, "chineseCountingThousand", "%1、") + level(1, "decimal", "（%2）") + level(2, "decimal", "%1.%2.%3") + `</w:abstractNum>` +
			`<w:abstractNum w:abstractNumId="1">` + level(0, "bullet", "\uF0B7") + `</w:abstractNum>` +
			`<w:num w:numId="5"><w:abstractNumId w:val="0"/></w:num><w:num w:numId="6"><w:abstractNumId w:val="1"/></w:num>` +
			`<w:num w:numId="7"><w:abstractNumId w:val="0"/><w:lvlOverride w:ilvl="0"><w:startOverride w:val="9"/></w:lvlOverride></w:num>`,
	}
	d.body = oneArticle(listed("总的情况", "5", 0) + p(wordBody) + listed("先做这一件，再做那一件，都要做好。", "5", 1) + listed("再做这一件，也要做好。", "5", 1) + listed("下一步打算", "5", 0) + p(wordBody) +
		listed("做好这一件，一句完整的话。", "5", 1) + listed("圆点的一项", "6", 0) + listed("接着编号，从九开始，一句完整的话。", "7", 0) + listed("十，一句完整的话在此。", "7", 0))
	got, _ := blocksOf(t, d)
	want := []Block{
		{Kind: BlockHeading, Level: 1, Text: "一、总的情况"},
		paragraphBlock(wordBody),
		{Kind: BlockItem, Text: "（1）先做这一件，再做那一件，都要做好。"},
		{Kind: BlockItem, Text: "（2）再做这一件，也要做好。"},
		{Kind: BlockHeading, Level: 1, Text: "二、下一步打算"},
		paragraphBlock(wordBody),
		{Kind: BlockItem, Text: "（1）做好这一件，一句完整的话。"},
		{Kind: BlockItem, Text: "圆点的一项"},
		{Kind: BlockItem, Text: "九、接着编号，从九开始，一句完整的话。"},
		{Kind: BlockItem, Text: "十、十，一句完整的话在此。"},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// TestDocxPseudoHeadings reads a bulletin without any style: sections in large
// type, titles in bold.
func TestDocxPseudoHeadings(t *testing.T) {
	big := func(s string) string {
		return "<w:p><w:pPr><w:jc w:val=\"center\"/></w:pPr>" + run(s, "<w:b/>", `<w:sz w:val="32"/>`) + "</w:p>"
	}
	bold := func(s string) string { return "<w:p>" + run(s, "<w:b/>") + "</w:p>" }
	d := word{body: "<w:p>" + run("河湾通讯", "<w:b/>", `<w:sz w:val="72"/>`) + "</w:p>" + p("2024年第3期　总第58期") + p("河湾农业协会主办") +
		big("本期要闻") + bold("春耕开始了") + p(wordBody) + p(wordBody) + bold("水渠修好了") + p(wordBody) +
		big("各地动态") + bold("东村种树") + p(wordBody) + bold("西村修路") + p(wordBody)}
	res, err := Read("a.docx", d.file(t), ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range res.Issue.Sections {
		got = append(got, "#"+s.Name)
		for _, a := range s.Articles {
			got = append(got, fmt.Sprintf("%s %d", a.Title, len(a.Blocks)))
		}
	}
	want := []string{"#本期要闻", "春耕开始了 2", "水渠修好了 1", "#各地动态", "东村种树 1", "西村修路 1"}
	if !slices.Equal(got, want) || res.Issue.Title != "河湾通讯" || res.Issue.ID != "58" || res.Issue.Sponsor != "河湾农业协会" {
		t.Errorf("got %q, title %q, id %q, sponsor %q; want %q", got, res.Issue.Title, res.Issue.ID, res.Issue.Sponsor, want)
	}
}

// TestBombs gives files that unpack, nest or expand without end: each is refused
// at once and with few bytes read.
func TestBombs(t *testing.T) {
	good := word{body: oneArticle(p(wordBody))}
	deep := good
	deep.body = strings.Repeat("<w:sdt><w:sdtContent>", 5000) + strings.Repeat("</w:sdtContent></w:sdt>", 5000)
	tables := good
	tables.body = strings.Repeat("<w:tbl><w:tr><w:tc>", 3000) + strings.Repeat("</w:tc></w:tr></w:tbl>", 3000)
	laughs := good
	laughs.preamble = `<!DOCTYPE d [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]>`
	laughs.body = p("x") + "<w:p><w:r><w:t>&c;</w:t></w:r></w:p>"
	many := map[string][]byte{}
	for k := range maxParts + 1 {
		many[fmt.Sprintf("f%d", k)] = nil
	}
	inflating := good
	inflating.body = oneArticle(p(strings.Repeat("文", 2<<20)))
	for name, c := range map[string]struct {
		data []byte
		code string
	}{
		"nested elements": {deep.file(t), "bomb"},
		"nested tables":   {tables.file(t), "bomb"},
		"entities":        {laughs.file(t), "bomb"},
		"many parts":      {zipOf(t, many), "bomb"},
		"inflation":       {inflating.file(t), "bomb"},
		"lying header":    {lyingZip(t, 8<<20), "broken"},
		"cut off":         {good.file(t)[:900], "broken"},
		"no document":     {zipOf(t, map[string][]byte{"mimetype": []byte("application/vnd.oasis.opendocument.text")}), "binary"},
		"broken XML":      {zipOf(t, map[string][]byte{"word/document.xml": []byte("<w:document><w:body></w:document>")}), "broken"},
		"nested page":     {[]byte("<html><body>" + strings.Repeat("<div>", 50_000)), "bomb"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Read(cmpOr(map[string]string{"nested page": "a.html"}[name], "a.docx"), c.data, ReadOptions{Title: "示例", Number: 1})
			var re *ReadError
			if !errors.As(err, &re) || re.Code != c.code || re.Hint == "" {
				t.Errorf("error is %v, want code %s and a hint", err, c.code)
			}
		})
	}
}

// lyingZip has a document whose header says that it is small.
func lyingZip(t *testing.T, size int) []byte {
	t.Helper()
	data := zipOf(t, map[string][]byte{"word/document.xml": bytes.Repeat([]byte(" "), size)})
	small := []byte{100, 0, 0, 0}
	end := bytes.LastIndex(data, []byte("PK\x01\x02"))
	copy(data[end+24:], small) // the uncompressed size in the directory
	return data
}

// TestDocxOfTheRealIssue makes a Word file of the real issue, every line a
// paragraph, and wants the same model.
func TestDocxOfTheRealIssue(t *testing.T) {
	data, _ := readSeed(t)
	want, err := Read("a.txt", data, ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	got, err := Read("a.docx", seedDocx(t, data), ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want.Issue, got.Issue); d != "" {
		t.Errorf("(-text +docx):\n%s", clipLines(d, 60))
	}
}

func seedDocx(t testing.TB, text []byte) []byte {
	var b strings.Builder
	for l := range strings.SplitSeq(string(text), "\n") {
		b.WriteString(p(l))
	}
	return word{body: b.String()}.file(t)
}

// BenchmarkFormats reads the real issue, and one of 5 MB, as a Word file, a web page
// and text. What is asked of it (issue E): text ≤ 20 ms, Word ≤ 100 ms, 5 MB ≤ 2 s
// and ≤ 200 MB; run one with -bench alone for its own peak-MB.
func BenchmarkFormats(b *testing.B) {
	text, err := os.ReadFile(seedFile)
	if err != nil {
		text = sample(b)
	}
	big := bytes.Repeat(append(text, "\n\n"...), 5<<20/len(text))
	for _, c := range []struct {
		name string
		data []byte
	}{
		{"real.txt", text},
		{"real.docx", seedDocx(b, text)},
		{"real.html", seedHTML(text)},
		{"5MB.txt", big},
		{"5MB.docx", seedDocx(b, big)},
		{"5MB.html", seedHTML(big)},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(c.data)))
			before := cpuTime()
			for b.Loop() {
				if _, err := Read(c.name, c.data, ReadOptions{}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric((cpuTime()-before)*1000/float64(b.N), "cpu-ms/op") // says more than the clock on a busy machine
			b.ReportMetric(peakMB(), "peak-MB")
		})
	}
}

func seedHTML(text []byte) []byte {
	var b bytes.Buffer
	b.WriteString("<html><meta charset=utf-8><body>")
	for l := range strings.SplitSeq(string(text), "\n") {
		b.WriteString("<p>" + xmlText.Replace(l) + "</p>\n")
	}
	return b.Bytes()
}

// cpuTime is how many seconds this process has computed, where Linux tells.
func cpuTime() float64 {
	stat, _ := os.ReadFile("/proc/self/stat")
	_, after, _ := strings.Cut(string(stat), ") ")
	f := strings.Fields(after)
	if len(f) < 13 {
		return 0
	}
	var user, system float64
	_, _ = fmt.Sscan(f[11], &user)
	_, _ = fmt.Sscan(f[12], &system)
	return (user + system) / 100 // in ticks of 10 ms
}

// peakMB is the most memory that this process has had, where Linux tells.
func peakMB() float64 {
	status, _ := os.ReadFile("/proc/self/status")
	_, after, _ := strings.Cut(string(status), "VmHWM:")
	var kB float64
	_, _ = fmt.Sscan(after, &kB)
	return kB / 1024
}

func FuzzDocx(f *testing.F) {
	f.Add([]byte(oneArticle(p(wordBody) + "<w:tbl>" + tr("a", "b") + tr("1", "2") + "</w:tbl>" + listed("项", "5", 0))))
	f.Add([]byte("<w:p>" + run("见") + `<w:hyperlink r:id="s"><w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:footnoteReference w:id="2"/><w:br/></w:r></w:hyperlink></w:p>`))
	f.Fuzz(func(t *testing.T, body []byte) {
		data := word{body: string(body), numbering: `<w:abstractNum w:abstractNumId="0">` + level(0, "decimal", "%1.") + `</w:abstractNum><w:num w:numId="5"><w:abstractNumId w:val="0"/></w:num>`}.file(t)
		readsBack(t, "a.docx", data)
	})
}

// readsBack checks what every reader promises of any input: a clear error or a
// model that comes back from its Markdown.
func readsBack(t *testing.T, name string, data []byte) {
	res, err := Read(name, data, ReadOptions{Title: "示例", Number: 1})
	if err != nil {
		var re *ReadError
		if !errors.As(err, &re) || re.Code == "" || re.Hint == "" {
			t.Fatalf("error without code or hint: %v", err)
		}
		return
	}
	back, md := again(t, res.Issue)
	if back.Hash() != res.Issue.Hash() {
		t.Fatalf("the model does not come back:\n%s\n%s", cmp.Diff(res.Issue, back), md)
	}
}
