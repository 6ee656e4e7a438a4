package issue

import (
	"bytes"
	"encoding/base64"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
)

// page is a web page with one article that has in as its text.
func page(in string) string {
	return `<!DOCTYPE html><html><head><meta charset="utf-8"><title>示例</title><style>p{color:red}</style></head><body><nav><a href="/">首页</a></nav>
<h1>示例通讯</h1><p>2024年第3期 总第58期</p><h2>要闻</h2><h3>标题在这里</h3>` + in + `<script>alert(1)</script></body></html>`
}

// pageBlocks reads the text of the one article of a web page.
func pageBlocks(t *testing.T, data []byte, o ReadOptions) ([]Block, Result) {
	t.Helper()
	res, err := Read("a.html", data, o)
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

func TestHTMLBlocks(t *testing.T) {
	for _, c := range []struct {
		name, in string
		want     []Block
		code     string
	}{
		{"paragraphs", "<p>这是正文，\n一句完整的话。</p><div>又一句\n <b>完整</b>的话。</div>", []Block{paragraphBlock("这是正文，一句完整的话。"), paragraphBlock("又一句完整的话。", Span{From: 9, To: 15, Strong: true})}, ""},
		{"Latin words", "<p>The harbour\n  was <em>open</em>\nall day long, said the master.</p>", []Block{paragraphBlock("The harbour was open all day long, said the master.", Span{From: 16, To: 20, Em: true})}, ""},
		{"links", `<p>见<a href="https://example.org/a">此处</a>、<a href="javascript:x()">那里</a>和<a href="#top">上面</a>，一句完整的话。</p>`, []Block{paragraphBlock("见此处、那里和上面，一句完整的话。", Span{From: 3, To: 9, Href: "https://example.org/a"})}, ""},
		{"lists", "<ul><li>甲项</li><li><p>乙项</p></li></ul><ol start=3><li>丙项<ol><li>里面</li></ol></li><li>丁项</li></ol>", []Block{{Kind: BlockItem, Text: "甲项"}, {Kind: BlockItem, Text: "乙项"}, {Kind: BlockItem, Text: "3. 丙项"}, {Kind: BlockItem, Text: "1. 里面"}, {Kind: BlockItem, Text: "4. 丁项"}}, ""},
		{"typed lists", "<p>- 甲项<br>- 乙项</p>", []Block{{Kind: BlockItem, Text: "甲项"}, {Kind: BlockItem, Text: "乙项"}}, ""},
		{"quotation and heading", "<h4>小标题</h4><blockquote><p>引用的一句完整的话。</p></blockquote>", []Block{{Kind: BlockHeading, Level: 1, Text: "小标题"}, {Kind: BlockQuote, Text: "引用的一句完整的话。"}}, ""},
		{"breaks", "<p>第一行是一句完整的话。<br>第二行也是一句完整的话。</p>", []Block{paragraphBlock("第一行是一句完整的话。"), paragraphBlock("第二行也是一句完整的话。")}, ""},
		{"preformatted", "<pre>第一行是一句完整的话。\n第二行也是一句完整的话。\n</pre>", []Block{paragraphBlock("第一行是一句完整的话。"), paragraphBlock("第二行也是一句完整的话。")}, ""},
		{"entities and no-break spaces", "<p>&nbsp;&nbsp;甲 &amp; 乙&mdash;&mdash;丙&lt;丁&gt;，一句完整的话。&#8203;</p>", []Block{paragraphBlock("甲 & 乙——丙<丁>，一句完整的话。")}, ""},
		{"table", "<p>" + wordBody + "</p><table><thead><tr><th>月份</th><th>产量</th></tr></thead><tbody><tr><td>三月</td><td>12</td></tr><tr><td>四月</td><td>15</td></tr></tbody></table>", []Block{paragraphBlock(wordBody), {Kind: BlockTable, Text: "月份\t产量\n三月\t12\n四月\t15", Rows: [][]string{{"月份", "产量"}, {"三月", "12"}, {"四月", "15"}}}}, ""},
		{"layout table", "<table><tr><td><p>" + wordBody + "</p><p>第二段，一句完整的话。</p></td></tr></table>", []Block{paragraphBlock(wordBody), paragraphBlock("第二段，一句完整的话。")}, ""},
		{"hidden", "<p>看得见的话，一句完整的话。</p><p style='display:none'>看不见</p>", []Block{paragraphBlock("看得见的话，一句完整的话。")}, "page-part"},
		{"picture on the web", `<p>` + wordBody + `</p><p><img src="https://example.org/a.png" alt="春耕"></p><img src="https://example.org/count.gif" width=1 height=1>`, []Block{paragraphBlock(wordBody), {Kind: BlockImage, Text: "春耕", Spans: []Span{{To: 6, Href: "https://example.org/a.png"}}}}, ""},
		{"picture that is missing", `<p>` + wordBody + `</p><p><img src="a/b.png" alt="春耕"></p><img src="../../etc/passwd">`, []Block{paragraphBlock(wordBody)}, "image-missing"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, res := pageBlocks(t, []byte(page(c.in)), ReadOptions{})
			if d := cmp.Diff(c.want, got); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
			if c.code != "" && !hasCode(res, c.code) {
				t.Errorf("no %s in %+v", c.code, res.Diagnostics)
			}
		})
	}
}

// savedByWord is what Word makes of a bulletin that is saved as a web page.
const savedByWord = `<html xmlns:v="urn:schemas-microsoft-com:vml"
xmlns:o="urn:schemas-microsoft-com:office:office"
xmlns:w="urn:schemas-microsoft-com:office:word">

<head>
<meta http-equiv=Content-Type content="text/html; charset=gb2312">
<meta name=Generator content="Microsoft Word 15">
<!--[if gte mso 9]><xml><w:WordDocument><w:View>Print</w:View></w:WordDocument></xml><![endif]-->
<style>
<!--
 p.MsoNormal {mso-style-parent:""; font-size:10.5pt;}
-->
</style>
</head>

<body lang=ZH-CN style='tab-interval:21.0pt;text-justify-trim:punctuation'>
<div class=WordSection1 style='layout-grid:15.6pt'>
<p class=MsoNormal align=center style='text-align:center'><b><span
style='font-size:36.0pt;font-family:宋体'>河湾通讯<span lang=EN-US><o:p></o:p></span></span></b></p>
<p class=MsoNormal><span lang=EN-US>2024</span><span style='font-family:宋体'>年第</span><span lang=EN-US>3</span><span style='font-family:宋体'>期　总第</span><span lang=EN-US>58</span><span style='font-family:宋体'>期</span></p>
<p class=MsoNormal><span lang=EN-US><o:p>&nbsp;</o:p></span></p>
<h1><span style='font-family:宋体'>要闻</span></h1>
<h2><span style='font-family:宋体'>春耕开始了</span></h2>
<p class=MsoNormal style='text-indent:21.0pt'><span style='font-family:宋体'>三月里，河湾的
田都翻过了，<b>水渠</b>也通了，这
是一句完整的话。</span></p>
<p class=MsoListParagraph style='margin-left:18.0pt;text-indent:-18.0pt;mso-list:l0 level1 lfo1'><![if !supportLists]><span
style='font-family:Wingdings'><span style='mso-list:Ignore'>l<span style='font:7.0pt "Times New Roman"'>&nbsp;&nbsp; </span></span></span><![endif]><span style='font-family:宋体'>圆点的一项</span></p>
<p class=MsoListParagraph style='mso-list:l1 level1 lfo2'><![if !supportLists]><span lang=EN-US><span style='mso-list:Ignore'>1.<span style='font:7.0pt "Times New Roman"'>&nbsp;&nbsp; </span></span></span><![endif]><span style='font-family:宋体'>编号的一项，一句完整的话。</span></p>
</div>
</body>
</html>
`

func TestHTMLSavedByWord(t *testing.T) {
	gb, err := simplifiedchinese.GB18030.NewEncoder().String(savedByWord)
	if err != nil {
		t.Fatal(err)
	}
	want := []Block{
		paragraphBlock("三月里，河湾的田都翻过了，水渠也通了，这是一句完整的话。", Span{From: 39, To: 45, Strong: true}),
		{Kind: BlockItem, Text: "圆点的一项"},
		{Kind: BlockItem, Text: "1. 编号的一项，一句完整的话。"},
	}
	for name, data := range map[string]string{"GB2312": gb, "UTF-8 that says GB2312": savedByWord} {
		t.Run(name, func(t *testing.T) {
			got, res := pageBlocks(t, []byte(data), ReadOptions{})
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
			if hasCode(res, "encoding-guessed") {
				t.Error("the page says its encoding, and it is called a guess")
			}
			if i := res.Issue; i.Title != "河湾通讯" || i.ID != "58" || i.Sections[0].Name != "要闻" || i.Sections[0].Articles[0].Title != "春耕开始了" {
				t.Errorf("got %+v", i)
			}
		})
	}
}

// TestHTMLTitleAlone: a page whose only heading is the name of the periodical has
// its sections by their marks.
func TestHTMLTitleAlone(t *testing.T) {
	got, res := pageBlocks(t, []byte("<h1>示例通讯</h1><p>总第58期</p><p>【要闻】</p><p>标题在这里</p><p>"+wordBody+"</p>"), ReadOptions{})
	if d := cmp.Diff([]Block{paragraphBlock(wordBody)}, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if i := res.Issue; i.Title != "示例通讯" || i.Sections[0].Name != "要闻" || i.Sections[0].Articles[0].Title != "标题在这里" {
		t.Errorf("got %+v", i)
	}
}

func TestHTMLBig5(t *testing.T) {
	trad := strings.NewReplacer("utf-8", "big5", "示例", "範例", "通讯", "通訊", "总", "總", "要闻", "要聞", "标题", "標題", "这里", "這裏", "年第", "年第", "首页", "首頁").Replace(page("<p>這是正文，一句完整的話。</p>"))
	data, err := traditionalchinese.Big5.NewEncoder().String(trad)
	if err != nil {
		t.Fatal(err)
	}
	got, _ := pageBlocks(t, []byte(data), ReadOptions{Number: 3})
	if d := cmp.Diff([]Block{paragraphBlock("這是正文，一句完整的話。")}, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// photo is a picture that compresses as a photograph does.
func photo(w, h int) image.Image {
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			m.Set(x, y, color.RGBA{uint8(x * 255 / w), uint8(y * 255 / h), uint8((x ^ y) & 63), 255})
		}
	}
	return m
}

func pngOf(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func jpegOf(t testing.TB, m image.Image, quality int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, &jpeg.Options{Quality: quality}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestPicturesOfAPage carries the pictures in the page and beside it, and no
// others.
func TestPicturesOfAPage(t *testing.T) {
	inside := "data:image/png;base64," + base64.StdEncoding.EncodeToString(pngOf(t, photo(40, 30)))
	files := fstest.MapFS{"pics/春 耕.jpg": {Data: jpegOf(t, photo(60, 20), 90)}, "text.png": {Data: []byte("no picture")}}
	got, res := pageBlocks(t, []byte(page(`<p>`+wordBody+`</p><p><img src="`+inside+`" alt="里面"></p><img src="pics/%E6%98%A5%20耕.jpg?v=1"><img src="text.png"><img src="/etc/hostname"><img src="..\x.png">`)), ReadOptions{Files: files})
	if len(got) != 3 || got[1].Image == nil || got[2].Image == nil {
		t.Fatalf("blocks: %+v", got)
	}
	if a, b := got[1], got[2]; a.Text != "里面" || a.Image.Width != 40 || a.Image.Height != 30 || !strings.HasSuffix(a.Image.Name, ".png") || b.Text != "" || b.Image.Width != 60 || !strings.HasSuffix(b.Image.Name, ".jpg") {
		t.Errorf("pictures: %+v, %+v", a.Image, b.Image)
	}
	if len(res.Pictures) != 2 || res.Pictures[0].Name != got[1].Image.Name || len(res.Pictures[0].Data) == 0 {
		t.Errorf("%d pictures", len(res.Pictures))
	}
	missing := 0
	for _, d := range res.Diagnostics {
		if d.Code == "image-missing" {
			missing++
		}
	}
	if missing != 3 {
		t.Errorf("%d pictures reported as missing, want 3: %+v", missing, res.Diagnostics)
	}
}

func FuzzHTML(f *testing.F) {
	f.Add([]byte(page("<p>文<b>字</b></p><ul><li>项</ul><table><tr><td>1<td>2</table><img src=data:image/png;base64,AA==>")))
	f.Add([]byte(savedByWord))
	f.Fuzz(func(t *testing.T, data []byte) { readsBack(t, "a.html", data) })
}
