package issue

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// canonicalFormat is what the front matter of the canonical form says of
// itself; the number grows when a reader of an older form would go wrong.
const canonicalFormat = "yizhan/1"

// matter is the front matter of a Markdown file.
type matter struct {
	Format      string         `yaml:"format,omitempty"`
	ID          string         `yaml:"id,omitempty"`
	Title       string         `yaml:"title,omitempty"`
	Number      int            `yaml:"number,omitempty"`
	Total       int            `yaml:"total,omitempty"`
	Year        int            `yaml:"year,omitempty"`
	Months      []int          `yaml:"months,omitempty,flow"`
	Combined    bool           `yaml:"combined,omitempty"`
	Supplement  string         `yaml:"supplement,omitempty"`
	Date        string         `yaml:"date,omitempty"`
	Publisher   string         `yaml:"publisher,omitempty"`
	PublisherEN string         `yaml:"publisher_en,omitempty"`
	Sponsor     string         `yaml:"sponsor,omitempty"`
	Notice      string         `yaml:"notice,omitempty"`
	Editors     []matterEditor `yaml:"editors,omitempty"`
	Contents    []matterEntry  `yaml:"contents,omitempty"`

	entries []int // the lines of the contents' entries
}

type matterEditor struct {
	Role string `yaml:"role"`
	Name string `yaml:"name"`
}

// matterEntry is one entry of the contents: a section or an article.
type matterEntry struct {
	Section *string `yaml:"section,omitempty"`
	Article *string `yaml:"article,omitempty"`
	Page    int     `yaml:"page,omitempty"`
}

// frontMatter parts the front matter from the text and returns the number of
// the first line of the text.
func frontMatter(text string, f *findings) (matter, string, int, *ReadError) {
	var m matter
	for _, other := range []func(string, *findings) (matter, string, int, bool, *ReadError){tomlMatter, pelicanMatter} {
		if m, body, first, ok, err := other(text, f); ok {
			return m, body, first, err
		}
	}
	rest, ok := strings.CutPrefix(text, "---\n")
	if !ok {
		return m, text, 1, nil
	}
	head, body, ok := strings.Cut("\n"+rest, "\n---\n")
	if !ok {
		if head, ok = strings.CutSuffix("\n"+rest, "\n---"); !ok {
			return m, text, 1, nil
		}
	}
	head += "\n"
	first := 2 + strings.Count(head, "\n")
	const longest = 1 << 20
	if len(head) > longest {
		return m, "", 0, &ReadError{Code: "front-matter", Line: 1, Text: "文件头（--- 之间）太长", Hint: "文件头只写刊名、期号等信息，正文写在第二个 --- 之后"}
	}
	keys := map[string]yaml.Node{}
	err := yaml.Load([]byte(head), &keys)
	_, canonical := keys["format"]
	values := map[string]any{}
	switch {
	case err != nil:
	case canonical:
		err = yaml.Load([]byte(head), &m)
	default:
		err = yaml.Load([]byte(head), &values)
	}
	if err != nil {
		return m, "", 0, matterError(head, err)
	}
	if fullFlow.MatchString(head) { // YAML takes it for a key without a value
		return m, "", 0, punctuation(head)
	}
	if !canonical {
		m, failed := lenient(values, f)
		if failed != nil {
			failed.Line = max(keys["date"].Line, 1)
		} else if values["months"] != nil && len(m.Months) == 0 {
			failed = matterError(head, fmt.Errorf("line %d: months", keys["months"].Line))
		}
		return m, body, first, failed
	}
	for _, entry := range keys["contents"].Content {
		m.entries = append(m.entries, entry.Line)
	}
	for key, node := range keys {
		if !knownKey[key] {
			f.add("front-matter-unknown", node.Line, Warning, fmt.Sprintf("文件头里的“%s”不认识，未收入；可用的有 title、number、total、year、months、combined、supplement、date、publisher、publisher_en、sponsor、notice、editors、contents", clip(key)))
		}
	}
	switch {
	case m.Format != "" && m.Format != canonicalFormat:
		return m, "", 0, &ReadError{Code: "front-matter", Line: keys["format"].Line, Text: "文件头的 format 是“" + clip(m.Format) + "”，这个版本只认识 " + canonicalFormat, Hint: "请改为 format: " + canonicalFormat + "，或升级程序"}
	case m.Date != "" && !validDate(m.Date):
		return m, "", 0, &ReadError{Code: "front-matter", Line: keys["date"].Line, Text: "文件头的 date 是“" + clip(m.Date) + "”，不是日期", Hint: "请写成 date: 2015-04-30"}
	case m.Number < 0 || m.Total < 0 || m.Year < 0:
		return m, "", 0, &ReadError{Code: "front-matter", Line: 1, Text: "文件头的 number、total、year 不能是负数", Hint: "请改正"}
	}
	return m, body, first, nil
}

var knownKey = map[string]bool{
	"format": true, "id": true, "title": true, "number": true, "total": true, "year": true, "months": true, "combined": true, "supplement": true, "date": true,
	"publisher": true, "publisher_en": true, "sponsor": true, "notice": true, "editors": true, "contents": true,
}

var errorLine = regexp.MustCompile(`line (\d+)`)

var (
	fullFlow  = regexp.MustCompile(`\{[^"'}\n]*(?:role|name|section|article|page)[ \t]*：`)
	fullColon = regexp.MustCompile(`^\s*(?:-\s*)?\{?\s*["']?[\p{Han}A-Za-z_]+["']?\s*：|` + fullFlow.String())
	fullComma = regexp.MustCompile(`[\[{][^"'\]}]*，`)
	tightKey  = regexp.MustCompile(`^\s*(?:-\s*)?[A-Za-z_]+:[^\s:/]`)
)

// punctuation finds what people who write Chinese get wrong most, with its own
// line: the parser of YAML often stumbles only further down. It returns nil when
// the punctuation is in order.
func punctuation(head string) *ReadError {
	for n, l := range strings.Split(head, "\n") {
		e := &ReadError{Code: "front-matter", Line: n + 1}
		switch {
		case fullColon.MatchString(l):
			e.Text, e.Hint = "文件头的这一行用了全角冒号：“"+clip(strings.TrimSpace(l))+"”", "冒号要用半角，后面空一格，例如 title: 刊名"
		case fullComma.MatchString(l):
			e.Text, e.Hint = "文件头的这一行用了全角逗号：“"+clip(strings.TrimSpace(l))+"”", "方括号、花括号里的逗号要用半角，例如 months: [3, 4]"
		case tightKey.MatchString(l):
			e.Text, e.Hint = "文件头的这一行冒号后面没有空格：“"+clip(strings.TrimSpace(l))+"”", "冒号后面要空一格，例如 title: 刊名"
		default:
			continue
		}
		return e
	}
	return nil
}

func matterError(head string, err error) *ReadError {
	if e := punctuation(head); e != nil {
		return e
	}
	e := &ReadError{Code: "front-matter", Line: 1, Text: "文件头（--- 之间）读不懂：" + clip(strings.ReplaceAll(err.Error(), "\n", " ")), Hint: "每行写成“名称: 内容”，冒号、逗号用半角，冒号后面空一格；内容有冒号或引号时用引号括起来"}
	if m := errorLine.FindStringSubmatch(err.Error()); m != nil {
		e.Line, _ = strconv.Atoi(m[1])
	}
	return e
}

func (m matter) issue() Issue {
	i := Issue{
		ID: tidy(m.ID), Number: m.Number, Total: m.Total, Year: m.Year, Months: m.Months, Combined: m.Combined, Supplement: tidy(m.Supplement),
		Title: tidy(m.Title), Publisher: tidy(m.Publisher), PublisherEN: tidy(m.PublisherEN), Sponsor: tidy(m.Sponsor), Notice: tidy(m.Notice), Date: m.Date,
	}
	for _, e := range m.Editors {
		i.Editors = append(i.Editors, Editor{Role: tidy(e.Role), Name: tidy(e.Name)})
	}
	for _, c := range m.Contents {
		entry := ContentsEntry{Page: c.Page, Section: c.Section != nil}
		if c.Section != nil {
			entry.Title = tidy(*c.Section)
		} else if c.Article != nil {
			entry.Title = tidy(*c.Article)
		}
		i.Contents = append(i.Contents, entry)
	}
	return i
}

func matterOf(i Issue) matter {
	m := matter{
		Format: canonicalFormat, Number: i.Number, Total: i.Total, Year: i.Year, Months: i.Months, Combined: i.Combined, Supplement: i.Supplement,
		Title: i.Title, Publisher: i.Publisher, PublisherEN: i.PublisherEN, Sponsor: i.Sponsor, Notice: i.Notice, Date: i.Date,
	}
	if i.ID != i.AutoID() {
		m.ID = i.ID
	}
	for _, e := range i.Editors {
		m.Editors = append(m.Editors, matterEditor(e))
	}
	for _, c := range i.Contents {
		entry := matterEntry{Page: c.Page}
		if c.Section {
			entry.Section = &c.Title
		} else {
			entry.Article = &c.Title
		}
		m.Contents = append(m.Contents, entry)
	}
	return m
}

// tidy brings a text from the front matter, where line breaks and tabs can be
// written, into one line.
func tidy(s string) string { return strings.Join(strings.FieldsFunc(s, isBreak), " ") }

func isBreak(r rune) bool { return r == '\n' || r == '\t' || r == '\r' }
