package issue

import (
	"bytes"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// ReadOptions says what the importer knows beside the file. It wins over what is
// printed, but for Title.
type ReadOptions struct {
	Title string // the default for files that print none
	ID    string // names the issue, whatever its numbers are
	// Number counts within the year. It names an issue that has no running
	// number and no year. Of a supplement it is nothing but the name.
	Number int
	// Total is the running number, and with it the name of any issue but a
	// supplement.
	Total int
	Date  string // YYYY-MM-DD
	// Files is the folder that the file is in, for the pictures beside it; nil
	// when there is none.
	Files fs.FS
}

// Result is what a file gave: the model, what there is to say about it (sorted
// by line), and for every line of the file that found a place the part of the
// issue that it went into. The lines of a Word file or a web page are its
// paragraphs, headings and table rows as they are counted from the top.
type Result struct {
	Issue       Issue
	Diagnostics []Diagnostic
	Placed      map[int]Place
	// Pictures are those that the model's blocks refer to and the file had.
	Pictures []Picture
}

// Place is the part of an issue that a line went into.
type Place string

// The places. A line without one is in a diagnostic.
const (
	PlaceMasthead Place = "masthead"
	PlaceContents Place = "contents"
	PlaceSection  Place = "section"
	PlaceTitle    Place = "title"
	PlaceCredit   Place = "credit" // byline, source, summary, document number, signature
	PlaceBody     Place = "body"
	PlaceColophon Place = "colophon"
)

// ReadError says why a file cannot be read as an issue, and what to do. Code is
// one of the codes in docs/issue-format.md; Line is 0 when no line is to blame.
type ReadError struct {
	Code string
	File string
	Line int
	Text string
	Hint string
}

func (e *ReadError) Error() string {
	s := e.File
	if e.Line > 0 {
		s += ":" + strconv.Itoa(e.Line)
	}
	if s != "" {
		s += ": "
	}
	s += e.Text
	if e.Hint != "" {
		s += "。" + e.Hint
	}
	return s
}

var htmlPage = regexp.MustCompile(`(?i)^\s*(?:<\?xml[^>]*>\s*)?<(?:!doctype\s+html|html)\b`)

// Read reads an issue from the bytes of the file called name: a Word file (.docx)
// or a web page by what it is, else Markdown (.md, .markdown) or plain text by its
// name; for other names the content decides. It opens nothing but o.Files. Every
// error is a [*ReadError].
func Read(name string, data []byte, o ReadOptions) (Result, error) {
	r, err := read(name, data, o)
	if err != nil {
		err.File = name
		return Result{}, err
	}
	return r, nil
}

func read(name string, data []byte, o ReadOptions) (Result, *ReadError) {
	if o.Date != "" && !validDate(o.Date) {
		return Result{}, &ReadError{Code: "date", Text: fmt.Sprintf("日期 %q 不是 YYYY-MM-DD", o.Date), Hint: "请改写 --date，例如 --date 2015-04-30"}
	}
	f := &findings{}
	pictures := &album{}
	res, err := readAny(name, data, o, f, pictures)
	if err != nil {
		return Result{}, err
	}
	if err := settle(&res.Issue, o, f); err != nil {
		return Result{}, err
	}
	slices.SortStableFunc(f.list, func(a, b Diagnostic) int { return a.Line - b.Line })
	res.Diagnostics = orEmpty(f.list)
	res.Pictures = pictures.of(res.Issue)
	return res, nil
}

// readAny tells the formats apart and reads the file by its own reader.
func readAny(name string, data []byte, o ReadOptions, f *findings, pictures *album) (Result, *ReadError) {
	if bytes.HasPrefix(data, []byte("PK\x03\x04")) {
		lines, err := readDocx(data, f, pictures)
		return rich(lines, err, f)
	}
	at := folder{o.Files, pictures}
	if isHTML(name, data) {
		lines, err := readHTML(data, at, f)
		return rich(lines, err, f)
	}
	text, err := decode(data, f)
	if err != nil {
		return Result{}, err
	}
	var res Result
	if isMarkdown(name, text) {
		res, err = readMarkdown(text, at, f)
	} else {
		hostile(text, 1, f)
		res, err = recognise(textLines(text, f), Issue{}, f)
	}
	return res, err
}

// rich hands the lines of a Word file or a web page to the recogniser.
func rich(lines []Line, err *ReadError, f *findings) (Result, *ReadError) {
	switch {
	case err != nil:
		return Result{}, err
	case len(lines) > MaxLines:
		return Result{}, &ReadError{Code: "too-large", Text: fmt.Sprintf("文件有 %d 段，超过上限 %d 段", len(lines), MaxLines), Hint: "一期刊物不会有这么多段；请确认选对了文件"}
	case len(lines) == 0:
		return Result{}, &ReadError{Code: "empty", Text: "文件里没有文字", Hint: "请确认选对了文件"}
	}
	return recognise(richLines(lines, f), Issue{}, f)
}

// isHTML tells a web page by its name or by its first lines. A file that says that
// it is text or Markdown is a page only when it begins as one.
func isHTML(name string, data []byte) bool {
	start := data[:min(len(data), 1024)]
	switch strings.ToLower(path.Ext(name)) {
	case ".html", ".htm", ".xhtml", ".shtml":
		return signature(data) == "" && len(bytes.TrimSpace(data)) > 0
	}
	start = bytes.TrimPrefix(start, []byte("\xEF\xBB\xBF"))
	return htmlPage.Match(start)
}

func isMarkdown(name, text string) bool {
	switch strings.ToLower(path.Ext(name)) {
	case ".md", ".markdown", ".mdown":
		return true
	case ".txt", ".text", ".pdf":
		return false
	}
	if strings.HasPrefix(text, "---\n") && strings.Contains(text, "\n---\n") {
		return true
	}
	return strings.HasPrefix(text, "# ") || strings.Contains(text, "\n## ")
}

// settle applies what the importer said, and refuses an issue that cannot be
// named or has nothing in it.
func settle(i *Issue, o ReadOptions, f *findings) *ReadError {
	if !i.recognisable() {
		return &ReadError{
			Code: "no-masthead", Text: "认不出这是一期刊物：找不到刊名、期号、栏目和文章",
			Hint: "文件开头应有刊名和期号（如“2015年第2期 总第142期”），栏目如【行业动态】独占一行；写法见 docs/issue-format.md",
		}
	}
	if i.Title == "" {
		if o.Title == "" {
			return &ReadError{Code: "no-title", Text: "找不到刊名", Hint: "请在文件开头独占一行写上刊名，或在配置文件里写 title"}
		}
		i.Title = o.Title
		f.add("title-default", 0, Info, "文件里没有刊名，用了配置里的“"+o.Title+"”")
	}
	if o.Number > 0 && i.Supplement == "" {
		i.Number = o.Number
	}
	if o.Total > 0 {
		i.Total = o.Total
	}
	if o.Date != "" {
		i.Date = o.Date
		if i.Year == 0 {
			i.Year = number(o.Date[:4])
		}
	}
	if err := i.identify(o); err != nil {
		return err
	}
	missing(*i, f)
	i.fillEmpty()
	return nil
}

// identify gives the issue its id.
func (i *Issue) identify(o ReadOptions) *ReadError {
	supplement := i.Supplement != ""
	switch {
	case o.ID != "":
		i.ID = o.ID
	case supplement && o.Number > 0:
		i.ID = strconv.Itoa(o.Number)
	case i.ID != "": // the front matter gave one
	case supplement:
		return &ReadError{
			Code: "no-number", Text: "这是" + i.Supplement + "，没有自己的编号；印在上面的期号可能是正刊的，不用作编号",
			Hint: "请用 --number N 指定编号，N 不要与任何一期正刊相同，例如 --number " + strconv.Itoa(1000+max(i.Total, i.Number)),
		}
	case i.AutoID() != "":
		i.ID = i.AutoID()
	case o.Number > 0:
		i.ID = strconv.Itoa(o.Number)
	default:
		return &ReadError{
			Code: "no-number", Text: "找不到期号，无法给这一期编号",
			Hint: "请用 --number N（或 --total N，总期号）说明，或在刊头写上“总第N期”",
		}
	}
	return nil
}

// recognisable tells whether a file has articles and anything at all that makes
// it an issue: a title, a number, a section or a titled article.
func (i *Issue) recognisable() bool {
	articles := 0
	named := i.Title != "" || i.AutoID() != ""
	for _, s := range i.Sections {
		named = named || s.Name != ""
		for _, a := range s.Articles {
			articles++
			named = named || a.Title != ""
		}
	}
	return named && articles > 0
}

func missing(i Issue, f *findings) {
	if i.Supplement != "" {
		// It has its name from the importer.
	} else if i.Number == 0 && i.Total == 0 {
		f.add("number-missing", 0, Warning, "刊头没有期号；可用 --number N 说明")
	} else if i.Total == 0 {
		f.add("total-missing", 0, Info, "刊头没有总期号；可用 --total N 说明")
	}
	if i.Date == "" {
		f.add("date-missing", 0, Info, "没有印出版日期，留空；可用 --date YYYY-MM-DD 说明")
	}
}

// fillEmpty makes every list non-nil, so that the JSON of a model, and with it
// its hash, does not depend on the way that it was read.
func (i *Issue) fillEmpty() {
	i.Months = orEmpty(i.Months)
	i.Editors = orEmpty(i.Editors)
	i.Contents = orEmpty(i.Contents)
	i.Sections = orEmpty(i.Sections)
	for s := range i.Sections {
		sec := &i.Sections[s]
		sec.Articles = orEmpty(sec.Articles)
		for a := range sec.Articles {
			art := &sec.Articles[a]
			art.Blocks = orEmpty(art.Blocks)
			if art.Document != nil && art.Document.empty() {
				art.Document = nil
			}
			if art.Profile != nil && *art.Profile == (Profile{}) {
				art.Profile = nil
			}
		}
	}
}

// untab writes the tabs that were left inside lines as spaces.
func (i *Issue) untab() {
	flat := func(to ...*string) {
		for _, s := range to {
			*s = strings.ReplaceAll(*s, "\t", " ")
		}
	}
	flat(&i.Supplement, &i.Title, &i.Publisher, &i.PublisherEN, &i.Sponsor, &i.Notice)
	for k := range i.Editors {
		flat(&i.Editors[k].Role, &i.Editors[k].Name)
	}
	for k := range i.Contents {
		flat(&i.Contents[k].Title)
	}
	for s := range i.Sections {
		flat(&i.Sections[s].Name)
		for k := range i.Sections[s].Articles {
			a := &i.Sections[s].Articles[k]
			flat(&a.Title, &a.Byline, &a.Speaker, &a.Source, &a.ExcerptedFrom, &a.Summary)
			if d := a.Document; d != nil {
				flat(&d.Number, &d.Addressee, &d.Signer, &d.Date, &d.Attachment, &d.ReleaseNote)
				for c := range d.Contacts {
					flat(&d.Contacts[c])
				}
			}
			if p := a.Profile; p != nil {
				flat(&p.Membership, &p.Scope, &p.Website, &p.Signature)
			}
			for b := range a.Blocks {
				if a.Blocks[b].Kind != BlockTable {
					flat(&a.Blocks[b].Text)
				}
			}
		}
	}
}

func orEmpty[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

func (d Document) empty() bool {
	return len(d.Contacts) == 0 && d.Number == "" && d.Addressee == "" && d.Signer == "" && d.Date == "" && d.Attachment == "" && d.ReleaseNote == ""
}

var htmlTag = regexp.MustCompile(`(?i)<\s*/?\s*(?:script|style|iframe|object|embed|form|input|img|svg|link|meta|base|body|html|div|span|p|br|a|b|i|u|font|table|td|tr)\b|javascript:`)

// hostile notes markup in a text that begins at line first of the file. It stays
// text: nothing in a model is ever taken for markup.
func hostile(text string, first int, f *findings) {
	if !strings.Contains(text, "<") && !strings.Contains(strings.ToLower(text), "javascript:") {
		return // as nearly always
	}
	n := 0
	for at, rest := 0, text; n < 50; n++ {
		m := htmlTag.FindStringIndex(rest)
		if m == nil {
			return
		}
		line := first + strings.Count(text[:at+m[0]], "\n")
		f.add("markup-as-text", line, Warning, "这一行有 HTML 标记，已当作普通文字保留；如不需要请删去")
		next := strings.IndexByte(rest[m[1]:], '\n')
		if next < 0 {
			return
		}
		at += m[1] + next
		rest = text[at:]
	}
}

func validDate(s string) bool {
	d, printed := dateIn(s)
	return d == s && printed == s
}
