package issue

import (
	"bytes"
	"encoding/binary"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding/simplifiedchinese"
	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "write the golden files anew")

const sampleFile = "testdata/sample.txt"

func sample(t testing.TB) []byte {
	t.Helper()
	b, err := os.ReadFile(sampleFile)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestMarkdownGolden pins the canonical form.
func TestMarkdownGolden(t *testing.T) {
	res, err := Read(sampleFile, sample(t), ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	got := Markdown(res.Issue)
	const golden = "testdata/sample.golden.md"
	if *update {
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), string(got)); d != "" {
		t.Errorf("(-golden +got):\n%s", d)
	}
}

func wideBytes(s string, order binary.AppendByteOrder, mark bool) []byte {
	var b []byte
	if mark {
		b = order.AppendUint16(b, 0xFEFF)
	}
	for _, u := range utf16.Encode([]rune(s)) {
		b = order.AppendUint16(b, u)
	}
	return b
}

// TestReadEncodings reads the same bulletin in every encoding and line end.
func TestReadEncodings(t *testing.T) {
	text := string(sample(t))
	want, err := Read(sampleFile, []byte(text), ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	gb, err := simplifiedchinese.GB18030.NewEncoder().String(text)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name    string
		data    []byte
		guessed bool
	}{
		{"UTF-8 with BOM", []byte("\xEF\xBB\xBF" + text), false},
		{"CRLF", []byte(strings.ReplaceAll(text, "\n", "\r\n")), false},
		{"CR", []byte(strings.ReplaceAll(text, "\n", "\r")), false},
		{"UTF-16 LE", wideBytes(text, binary.LittleEndian, true), false},
		{"UTF-16 BE", wideBytes(text, binary.BigEndian, true), false},
		{"UTF-16 LE without BOM", wideBytes(text, binary.LittleEndian, false), true},
		{"UTF-16 BE without BOM", wideBytes(text, binary.BigEndian, false), true},
		{"GB18030", []byte(gb), true},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Read(sampleFile, c.data, ReadOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(want.Issue, got.Issue); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
			if guessed := hasCode(got, "encoding-guessed"); guessed != c.guessed {
				t.Errorf("encoding-guessed is %v, want %v", guessed, c.guessed)
			}
		})
	}
}

func hasCode(r Result, code string) bool {
	for _, d := range r.Diagnostics {
		if d.Code == code {
			return true
		}
	}
	return false
}

func TestReadErrors(t *testing.T) {
	head := "示例通讯\n2024年第3期 总第58期\n\n【要闻】\n\n标题\n\n这是正文，写得足够长，可以算作一段完整的话。\n"
	for _, c := range []struct {
		name, file string
		data       []byte
		o          ReadOptions
		code       string
		line       int
		hint       string
	}{
		{"empty", "a.txt", nil, ReadOptions{}, "empty", 0, ""},
		{"blank", "a.txt", []byte(" \n\n　\n"), ReadOptions{}, "empty", 0, ""},
		{"30 MB", "a.txt", bytes.Repeat([]byte("文字"), 5<<20), ReadOptions{}, "too-large", 0, ""},
		{"NUL", "a.txt", []byte(head + "第二段\x00完。\n"), ReadOptions{}, "binary", 9, ""},
		{"docx", "a.docx", []byte("PK\x03\x04rest"), ReadOptions{}, "broken", 0, "另存"},
		{"bytes of no encoding", "a.txt", []byte("文\n\xff\xfa\x80\x81\x82 abc \xff\n"), ReadOptions{}, "encoding", 2, ""},
		{"odd UTF-16", "a.txt", []byte("\xFF\xFEa"), ReadOptions{}, "encoding", 0, ""},
		{"no masthead", "a.txt", []byte("今天天气很好，我们一起去公园里散步，看见了许多人。\n\n后来下雨了，大家都回家去了，路上很滑。\n"), ReadOptions{}, "no-masthead", 0, ""},
		{"no masthead, title from the config", "a.txt", []byte("今天天气很好，我们一起去公园里散步，看见了许多人。\n"), ReadOptions{Title: "示例通讯", Number: 3}, "no-masthead", 0, ""},
		{"no number", "a.txt", []byte(strings.Replace(head, "2024年第3期 总第58期\n", "", 1)), ReadOptions{}, "no-number", 0, "--number"},
		{"no title", "a.md", []byte("---\nnumber: 3\nyear: 2024\n---\n\n# 要闻\n\n## 标题\n\n正文。\n\n# 其他\n\n## 标题\n\n正文。\n"), ReadOptions{}, "no-title", 0, "title"},
		{"bad front matter", "a.md", []byte("---\ntitle: 示例\nnumber: [\n---\n"), ReadOptions{}, "front-matter", 0, ""},
		{"unknown format", "a.md", []byte("---\nformat: other/9\ntitle: 示例\n---\n"), ReadOptions{}, "front-matter", 2, "format"},
		{"bad date", "a.md", []byte("---\ntitle: 示例\ndate: 2024-02-31\n---\n"), ReadOptions{}, "front-matter", 3, ""},
		{"bad option", "a.txt", []byte(head), ReadOptions{Date: "31.2.2024"}, "date", 0, "--date"},
	} {
		t.Run(c.name, func(t *testing.T) {
			res, err := Read(c.file, c.data, c.o)
			var re *ReadError
			if !errors.As(err, &re) {
				t.Fatalf("error is %v, want a ReadError; model: %+v", err, res.Issue)
			}
			if re.Code != c.code || c.line != 0 && re.Line != c.line || re.File != c.file || !strings.Contains(re.Hint, c.hint) || re.Text == "" || re.Hint == "" {
				t.Errorf("got %+v, want code %s, line %d, hint with %q", re, c.code, c.line, c.hint)
			}
		})
	}
}

func TestReadOptionsWin(t *testing.T) {
	text := "示例通讯\n\n【要闻】\n\n标题\n\n这是正文，写得足够长，可以算作一段完整的话。\n"
	res, err := Read("a.txt", []byte(text), ReadOptions{Title: "别的", Number: 7})
	if err != nil {
		t.Fatal(err)
	}
	if res.Issue.Title != "示例通讯" || res.Issue.ID != "7" || res.Issue.Number != 7 {
		t.Errorf("got title %q, id %q, number %d", res.Issue.Title, res.Issue.ID, res.Issue.Number)
	}
	res, err = Read("a.txt", []byte(text), ReadOptions{Total: 9, Date: "2024-05-06"})
	if err != nil {
		t.Fatal(err)
	}
	if res.Issue.ID != "9" || res.Issue.Date != "2024-05-06" || res.Issue.Year != 2024 {
		t.Errorf("got id %q, date %q, year %d", res.Issue.ID, res.Issue.Date, res.Issue.Year)
	}
}

// TestHostileMarkupIsText keeps tags as the text that they are.
func TestHostileMarkupIsText(t *testing.T) {
	text := "示例通讯\n总第58期\n\n【要闻】\n\n标题<b>粗</b>\n\n正文里有<script>alert(1)</script>和 javascript:alert(2)，还有\u202E反向\u0007的字，一段话到此结束。\n"
	res, err := Read("a.txt", []byte(text), ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	a := res.Issue.Sections[0].Articles[0]
	if a.Title != "标题<b>粗</b>" || !strings.Contains(a.Blocks[0].Text, "<script>alert(1)</script>") || strings.ContainsAny(a.Blocks[0].Text, "\u202E\u0007") || len(a.Blocks[0].Spans) > 0 {
		t.Errorf("got %+v", a)
	}
	if !hasCode(res, "markup-as-text") || !hasCode(res, "control-removed") {
		t.Errorf("diagnostics: %+v", res.Diagnostics)
	}
}

// TestHostileFile reads a bulletin whose every field tries something.
func TestHostileFile(t *testing.T) {
	data, err := os.ReadFile("testdata/bad/hostile.txt")
	if err != nil {
		t.Fatal(err)
	}
	res, err := Read("hostile.txt", data, ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	i := res.Issue
	if i.ID != "9001" || i.Number != 1 || i.Total != 9001 || i.Year != 2026 {
		t.Errorf("id %q, number %d, total %d, year %d", i.ID, i.Number, i.Total, i.Year)
	}
	if len(i.Sections) != 2 || len(i.Sections[0].Articles) != 3 || len(i.Sections[1].Articles) != 1 || i.Sections[1].Articles[0].Kind != KindProfile {
		for _, s := range i.Sections {
			for _, a := range s.Articles {
				t.Errorf("section %q: %s %q", s.Name, a.Kind, a.Title)
			}
		}
	}
	if hasCode(res, "contents-without-article") || hasCode(res, "article-not-in-contents") {
		t.Errorf("contents and body do not match: %+v", res.Diagnostics)
	}
	if all := everything(i); strings.ContainsFunc(all, func(r rune) bool {
		return r != '\n' && unicode.IsControl(r) || r >= 0x202A && r <= 0x202E || r >= 0x2066 && r <= 0x2069 || r == 0xFEFF || r >= 0x200B && r <= 0x200C
	}) {
		t.Errorf("control characters in the model: %q", all)
	}
	for _, s := range i.Sections {
		for _, a := range s.Articles {
			for _, b := range a.Blocks {
				for _, sp := range b.Spans {
					if sp.Href != "" && !validHref(sp.Href) {
						t.Errorf("link to %q", sp.Href)
					}
				}
			}
		}
	}
	text, derr := decode(data, &findings{})
	if derr != nil {
		t.Fatal(derr)
	}
	nothingLost(t, text, res)
	if back, _ := again(t, i); back.Hash() != i.Hash() {
		t.Errorf("the model does not come back from its Markdown:\n%s", cmp.Diff(i, back))
	}
}

// TestBadFiles refuses what is no bulletin.
func TestBadFiles(t *testing.T) {
	for file, code := range map[string]string{"binary.bin": "binary", "blank.txt": "empty", "empty.txt": "empty", "nul.txt": "binary", "prose.txt": "no-masthead"} {
		data, err := os.ReadFile("testdata/bad/" + file)
		if err != nil {
			t.Fatal(err)
		}
		_, err = Read(file, data, ReadOptions{})
		var re *ReadError
		if !errors.As(err, &re) || re.Code != code {
			t.Errorf("%s: %v, want code %s", file, err, code)
		}
	}
}

// everything is all text of a model.
func everything(i Issue) string {
	var b strings.Builder
	add := func(s ...string) {
		for _, s := range s {
			b.WriteString(s + "\n")
		}
	}
	add(i.Title, i.Publisher, i.PublisherEN, i.Sponsor, i.Notice)
	for _, e := range i.Editors {
		add(e.Role, e.Name)
	}
	for _, c := range i.Contents {
		add(c.Title)
	}
	for _, s := range i.Sections {
		add(s.Name)
		for _, a := range s.Articles {
			add(a.Title, a.Byline, a.Source, a.ExcerptedFrom, a.Summary)
			if a.Document != nil {
				add(a.Document.Number)
			}
			if a.Profile != nil {
				add(a.Profile.Membership, a.Profile.Signature)
			}
			add(a.Paragraphs()...)
		}
	}
	return b.String()
}

// lettersOf reduces a text to what must not get lost: letters, Han and digits.
func lettersOf(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return -1
	}, s)
}

// nothingLost checks that every line of a text is in the model or in a
// diagnostic. Lines placed in the body must be there word for word; lines of
// the masthead, the contents and the credits are numbers and labels too, so
// there the line must have been placed.
func nothingLost(t interface{ Fatalf(string, ...any) }, text string, res Result) {
	all := lettersOf(everything(res.Issue))
	told := map[int]bool{}
	for _, d := range res.Diagnostics {
		told[d.Line] = true
	}
	for n, l := range strings.Split(text, "\n") {
		want := lettersOf(l)
		if want == "" || told[n+1] {
			continue
		}
		switch res.Placed[n+1] {
		case "":
			t.Fatalf("line %d is neither placed nor in a diagnostic: %q", n+1, l)
		case PlaceBody, PlaceTitle, PlaceSection:
			if body := lettersOf(l); !strings.Contains(all, body) && !strings.Contains(all, strings.TrimLeft(body, "一二三四五六七八九十0123456789第部分章节篇版")) {
				if before, c := splitCredit(strings.TrimSpace(l)); c.ok && strings.Contains(all, lettersOf(before)) {
					continue
				}
				if m := markerOf(strings.TrimSpace(l)); m.n > 0 && res.Placed[n+1] != PlaceBody && strings.Contains(all, lettersOf(m.rest)) {
					continue
				}
				if name, as := membership(strings.TrimSpace(l)); as != "" && strings.Contains(all, lettersOf(name)) {
					continue
				}
				t.Fatalf("line %d (%s) is not in the model: %q", n+1, res.Placed[n+1], l)
			}
		}
	}
}

var pieces = []string{
	"示例通讯", "2024年第3期 总第58期", "2024年5月6日", "主办：示例协会", "示例协会主办", "内部资料 免费交流", "目录", "【要闻】", "【要闻】\t1", "协会召开年会\t2", "协会召开年会",
	"协会召开年会……3", "一、总体情况", "二、下一步", "（一）先做这一件", "1、小标题", "■ 行业", "◆ 一条消息", "趋势 1：开头", "作者：张三", "（来源：示例网）", "(来源: 甲 摘自: 乙)", "文/李四 图/王五", "本刊记者 赵六",
	"[摘要]这是一段摘要，说明文章讲了什么。", "示例公司（会员单位）", "主要业务经营范围：示例", "单位网址：www.example.org", "（示例公司）", "示办发〔2024〕7 号", "各会员单位：", "示例协会", "附件", "（此件公开发布）",
	"这是一段正文，写得足够长，说明了事情的来龙去脉，所以算作一段完整的话。", "这一段被分页断开了，因为纸张不够长，所以它没有写完就到了页面的", "另外半段接在这里，到此为止。", "（示例部负责）接着又说了一句话。",
	".....", "编辑：张三", "责任编辑 李四", "印数：500册", "地址：示例路1号", "— 3 —", "********", "<b>x</b>", "\t", "　　缩进的一行", "", "", "", "abc def", "**粗体**", "（", "【", "）", "#", "第一版 要闻", "——副题", "问：一个问题？",
	"// 要闻 //", "Part 1  要闻", "示例市人民政府关于印发", "《示例办法》的通知", "本报讯（记者 张三）昨天下了一场雨，街上没有几个人，大家都在家里。", "内科 庄静", "（内科 庄静）", "张三", "（1982级学生）", "≡≡≡≡≡≡≡≡", "编辑部", "一堂课（示办发〔2024〕7号）\t4", "口述：张三", "整理：李四",
}

// Every line of any input is in the model or in a diagnostic.
func TestNothingIsLost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lines := rapid.SliceOfN(rapid.OneOf(rapid.SampledFrom(pieces), rapid.StringN(0, 12, 40)), 0, 40).Draw(t, "lines")
		text := strings.ReplaceAll(clean(strings.Join(lines, "\n"), &findings{}), "\r", "")
		res, err := Read("a.txt", []byte("示例通讯\n总第58期\n\n"+text+"\n\n【来稿】\n\n一个标题\n\n正文在这里，这是一段完整的话，不算短。\n"), ReadOptions{})
		if err != nil {
			return
		}
		nothingLost(t, "示例通讯\n总第58期\n\n"+text, res)
		if back, md := again(t, res.Issue); back.Hash() != res.Issue.Hash() {
			t.Fatalf("the model does not come back:\n%s\n%s", cmp.Diff(res.Issue, back), md)
		}
	})
}

func TestNothingOfTheRealFilesIsLost(t *testing.T) {
	files, _ := filepath.Glob("testdata/corpus/*.txt")
	files = append(files, sampleFile)
	if _, err := os.Stat(seedFile); err == nil {
		files = append(files, seedFile)
	}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		res, err := Read(f, data, ReadOptions{Number: 1})
		if err != nil {
			continue // the corpus test tells
		}
		text, derr := decode(data, &findings{})
		if derr != nil {
			t.Fatal(derr)
		}
		nothingLost(t, text, res)
	}
}

func FuzzRead(f *testing.F) {
	f.Add("a.txt", sample(f))
	f.Add("a.txt", []byte(strings.Join(pieces, "\n")))
	f.Fuzz(func(t *testing.T, name string, data []byte) {
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
	})
}

func FuzzMarkdown(f *testing.F) {
	golden, err := os.ReadFile("testdata/sample.golden.md")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(golden)
	f.Add([]byte("# 周刊 第3期\n\n## 要闻\n\n### 标题\n\n**粗。**字 [链](http://a.cn) ![图](x)\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"))
	f.Add([]byte("# 周刊 第3期\n\n## 蝁闻\n\n#|---#  标题\n\n**糗。**字 [链](http://a.cn) ![图](x)\n\n| a | b期\n\n |\n|---|---|\n| 1"))
	f.Fuzz(func(t *testing.T, data []byte) {
		res, err := Read("a.md", data, ReadOptions{Title: "示例", Number: 1})
		if err != nil {
			return
		}
		back, md := again(t, res.Issue)
		if back.Hash() != res.Issue.Hash() {
			t.Fatalf("the model does not come back:\n%s\n%s", cmp.Diff(res.Issue, back), md)
		}
	})
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte("文字\r\n"))
	f.Add(wideBytes("文字 \n", binary.LittleEndian, false))
	f.Fuzz(func(t *testing.T, data []byte) {
		text, err := decode(data, &findings{})
		if err == nil && strings.ContainsAny(text, "\x00\r\u202E\uFEFF") {
			t.Fatalf("control characters left in %q", text)
		}
	})
}

func BenchmarkRead(b *testing.B) {
	data := sample(b)
	name := "sample"
	if seed, err := os.ReadFile(seedFile); err == nil {
		data, name = seed, "real"
	}
	b.Run(name, func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			if _, err := Read("a.txt", data, ReadOptions{}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("5MB", func(b *testing.B) {
		big := bytes.Repeat(append(data, "\n\n"...), 5<<20/len(data))
		b.SetBytes(int64(len(big)))
		for b.Loop() {
			if _, err := Read("a.txt", big, ReadOptions{}); err != nil {
				b.Fatal(err)
			}
		}
	})
	for _, unit := range []string{"【", "(", "（来源：", "*", "[", "**", "[x](", "一、", "【】\n", "文\n", "标题\n\n（来源：甲）\n", "www.", "&", "<b", "| ", "这是一行没有句号的文字一直写到这一页的尽头也没有写完还要接着写下去\n"} {
		data := []byte("示例通讯\n总第58期\n\n" + strings.Repeat(unit, (MaxInput-100)/len(unit)))
		for _, ext := range []string{".txt", ".md"} {
			b.Run("hostile"+ext+"/"+strings.TrimSpace(unit), func(b *testing.B) {
				for b.Loop() {
					_, _ = Read("a"+ext, data, ReadOptions{Number: 1})
				}
			})
		}
	}
}
