package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"yizhan/config"
	"yizhan/issue"
)

// issueImportCmd reads files and stores what they hold as drafts.
type issueImportCmd struct {
	Files  []string `arg:"" name:"file" help:"刊物的文件（.docx、.html、.md、.txt、.pdf），可以写几个。 [files]"`
	Number int      `placeholder:"N" help:"年内期号，文件里没有印时用；增刊用它作期号。 [number within the year, or the id of a supplement]"`
	Total  int      `placeholder:"N" help:"总期号。 [running number]"`
	Date   string   `placeholder:"D" help:"出版日期，YYYY-MM-DD。 [date]"`
	Note   string   `placeholder:"TEXT" help:"更正了什么，读者看得到；发过旧版本才用得着。 [what was corrected]"`
}

// imported is what became of one file.
type imported struct {
	File        string             `json:"file"`
	ID          string             `json:"id"`
	Title       string             `json:"title"`
	Label       string             `json:"label"`
	State       issue.State        `json:"state"`
	Revision    issue.Revision     `json:"revision"`
	Change      issue.Change       `json:"change"`
	Voided      bool               `json:"approval_void"` // an approval that there was
	Sections    int                `json:"sections"`
	Articles    int                `json:"articles"`
	Diagnostics []issue.Diagnostic `json:"diagnostics"`

	issue    issue.Issue
	data     []byte
	pictures []issue.Picture
}

// Run implements the command. All files are read before the first is stored: an
// error in one stores nothing of any.
func (s *issueImportCmd) Run(ctx context.Context, c *call) error {
	if len(s.Files) > 1 && (s.Number > 0 || s.Total > 0 || s.Date != "" || s.Note != "") {
		return misused("--number、--total、--date、--note 只能和一个文件一起用", "分几次导入")
	}
	settings, err := config.Load(c.configFile, c.getenv)
	if err != nil {
		return err
	}
	var all []imported
	var failed problems
	for _, name := range s.Files {
		one, err := c.read(ctx, name, issue.ReadOptions{Title: settings.Title, Number: s.Number, Total: s.Total, Date: s.Date})
		if err != nil {
			failed = append(failed, explain(err)...)
			continue
		}
		all = append(all, one)
		failed = append(failed, faults(one)...)
	}
	if len(failed) > 0 {
		return failed
	}
	i, err := c.openWith(ctx, settings, nil)
	if err != nil {
		return err
	}
	defer i.close()
	for n := range all {
		if err := i.store(ctx, &all[n]); err != nil {
			return err
		}
		if s.Note != "" {
			if err := i.note(ctx, all[n].ID, s.Note); err != nil {
				return err
			}
		}
		if err := c.report(all[n]); err != nil {
			return err
		}
	}
	return nil
}

// read reads one file into the model; "-" is standard input.
func (c *call) read(ctx context.Context, name string, o issue.ReadOptions) (imported, error) {
	data, err := c.file(name)
	if err != nil {
		return imported{}, err
	}
	text := data
	if issue.IsPDF(data) {
		if text, err = issue.PDFText(ctx, data); err != nil {
			return imported{}, inFile(name, err)
		}
	}
	close, err := beside(name, &o)
	if err != nil {
		return imported{}, err
	}
	defer close()
	result, err := issue.Read(name, text, o)
	if err != nil {
		return imported{}, err
	}
	one := imported{
		File: name, ID: result.Issue.ID, Title: result.Issue.Title, Label: result.Issue.Label(),
		Sections: len(result.Issue.Sections), Diagnostics: result.Diagnostics, issue: result.Issue, data: data, pictures: result.Pictures,
	}
	for _, section := range result.Issue.Sections {
		one.Articles += len(section.Articles)
	}
	return one, nil
}

// inFile names the file in an error of a reader that does not know it.
func inFile(name string, err error) error {
	var re *issue.ReadError
	if errors.As(err, &re) {
		re.File = name
	}
	return err
}

// maxIssueFile is more than the readers take: they say themselves what is too large.
const maxIssueFile = issue.MaxArchive + 1

// beside opens the folder that a file is in, for the pictures beside it: nothing
// outside it can be reached, by whatever name or link. Standard input has none.
func beside(name string, o *issue.ReadOptions) (closed func(), err error) {
	if name == "-" {
		return func() {}, nil
	}
	root, err := os.OpenRoot(filepath.Dir(name))
	if err != nil {
		return nil, err
	}
	o.Files = root.FS()
	return func() { root.Close() }, nil
}

// file reads a whole file.
func (c *call) file(name string) ([]byte, error) {
	from := c.stdin
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		from = file
	}
	data, err := io.ReadAll(io.LimitReader(from, maxIssueFile))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	return data, nil
}

// faults are the diagnostics that keep a file from being stored.
func faults(one imported) problems {
	var out problems
	for _, d := range one.Diagnostics {
		if d.Severity == issue.Error {
			out = append(out, problem{Code: d.Code, Text: d.Text, Hint: "改好文件再导入；什么也没有保存", File: one.File, Line: d.Line})
		}
	}
	return out
}

// store keeps what was read, and the file that it was read from.
func (i *instance) store(ctx context.Context, one *imported) error {
	before, err := i.issues.Get(ctx, one.ID)
	if err != nil && !errors.Is(err, issue.ErrNotFound) {
		return err
	}
	r, err := i.issues.Save(ctx, one.issue, one.Diagnostics, time.Now())
	if errors.Is(err, issue.ErrBadID) {
		return problem{Code: "bad-id", Text: fmt.Sprintf("期号 %q 不能用", one.ID), Hint: "期号用字母、数字、点、横线和下划线，最长 64 个；可用 --number 或 --total 说明", File: one.File, cause: err}
	}
	if err != nil {
		return err
	}
	if err := i.issues.KeepPictures(ctx, one.ID, one.pictures); err != nil {
		return err
	}
	lacking, err := i.issues.Lacking(ctx, one.issue)
	if err != nil {
		return err
	}
	for _, name := range lacking {
		one.Diagnostics = append(one.Diagnostics, issue.Diagnostic{
			Code: "image-missing", Severity: issue.Warning, Text: "图片 " + name + " 不在文件旁边的 " + issue.ImageFolder + " 目录里，也没有导入过；网页上不会显示",
		})
	}
	one.State, one.Revision, one.Change = r.State, r.Revision, r.Change
	one.Voided = before.State == issue.Approved && r.State != issue.Approved
	if r.Change == issue.Unchanged {
		return nil
	}
	err = i.issues.KeepSource(ctx, one.ID, filepath.Base(one.File), one.data)
	if errors.Is(err, issue.ErrLargeSource) {
		return nil // it was read, which is what it was handed in for
	}
	return err
}

// report tells what was found in one file and what was done with it.
func (c *call) report(one imported) error {
	if done, err := c.answer(one); done {
		return err
	}
	if err := c.outline(one.issue, one.Diagnostics); err != nil {
		return err
	}
	switch one.Change {
	case issue.Unchanged:
		c.printf("\n第 %s 期没有变化：版本 %d，%s", one.ID, one.Revision.N, word(string(one.State)))
	case issue.Added:
		c.printf("\n第 %s 期存为草稿：版本 %d", one.ID, one.Revision.N)
	default:
		c.printf("\n第 %s 期有改动，存为草稿：版本 %d", one.ID, one.Revision.N)
	}
	if one.Voided {
		c.printf("注意：原来的批准作废，发行以前要重新批准")
	}
	if one.State != issue.Approved {
		c.printf("接下来：yizhan issue preview %s 查看，yizhan issue approve %s 批准", one.ID, one.ID)
	}
	return nil
}

// outline shows what is in an issue: its masthead, its sections with their
// articles, counts, and what there is to say about it.
func (c *call) outline(is issue.Issue, found []issue.Diagnostic) error {
	c.printf("%s  %s", plain(is.Title), plain(is.Label()))
	for _, part := range []struct{ name, value string }{
		{"出版者", is.Publisher}, {"主办", is.Sponsor}, {"日期", is.Date},
	} {
		if part.value != "" {
			c.printf("%s：%s", part.name, plain(part.value))
		}
	}
	articles, paragraphs := 0, 0
	pictures := 0
	for _, s := range is.Sections {
		name := "（没有栏目名）"
		if s.Name != "" {
			name = "【" + plain(s.Name) + "】"
		}
		c.printf("\n%s %d 篇", name, len(s.Articles))
		for _, a := range s.Articles {
			articles++
			paragraphs += len(a.Blocks)
			for _, b := range a.Blocks {
				if b.Kind == issue.BlockImage {
					pictures++
				}
			}
			title := a.Title
			if title == "" {
				title = cmp.Or(s.Name, "（没有标题）")
			}
			c.printf("  %s%s", plain(title), credits(a))
		}
	}
	more := ""
	if pictures > 0 {
		more = fmt.Sprintf("，其中图片 %d 张", pictures)
	}
	c.printf("\n共 %d 个栏目，%d 篇，%d 段%s", len(is.Sections), articles, paragraphs, more)
	return c.diagnostics(found)
}

// credits are whose an article is, in brackets.
func credits(a issue.Article) string {
	for _, one := range []string{a.Byline, a.Source, a.ExcerptedFrom} {
		if one != "" {
			return "（" + plain(one) + "）"
		}
	}
	return ""
}

// diagnostics shows what there is to say about a file: the gravest first.
func (c *call) diagnostics(found []issue.Diagnostic) error {
	counts := map[issue.Severity]int{}
	for _, d := range found {
		counts[d.Severity]++
	}
	c.printf("错误 %d，警告 %d，提示 %d", counts[issue.Error], counts[issue.Warning], counts[issue.Info])
	if len(found) == 0 {
		return nil
	}
	t := newSheet("级别", "行#", "代码", "说明")
	for _, severity := range []issue.Severity{issue.Error, issue.Warning, issue.Info} {
		for _, d := range found {
			if d.Severity != severity {
				continue
			}
			line := ""
			if d.Line > 0 {
				line = fmt.Sprint(d.Line)
			}
			t.add(word(string(d.Severity)), line, d.Code, d.Text)
		}
	}
	return t.write(c.stdout)
}

// issueConvertCmd writes any file that can be read as canonical Markdown.
type issueConvertCmd struct {
	File   string `arg:"" help:"刊物的文件，- 是标准输入。 [file]"`
	Number int    `placeholder:"N" help:"年内期号，文件里没有印时用；增刊用它作期号。 [number within the year, or the id of a supplement]"`
	Total  int    `placeholder:"N" help:"总期号。 [running number]"`
	Date   string `placeholder:"D" help:"出版日期，YYYY-MM-DD。 [date]"`
	Images string `placeholder:"DIR" help:"把文件里的图片写到这个目录；放在 Markdown 旁边并叫 images，再导入就带上图片。 [directory for the pictures]"`
}

// Run implements the command. It needs no configuration; diagnostics go to
// standard error, so that the Markdown can be redirected.
func (s *issueConvertCmd) Run(ctx context.Context, c *call) error {
	one, err := c.read(ctx, s.File, issue.ReadOptions{Number: s.Number, Total: s.Total, Date: s.Date})
	if err != nil {
		return err
	}
	if err := s.pictures(c, one); err != nil {
		return err
	}
	markdown := issue.Markdown(one.issue)
	if done, err := c.answer(struct {
		File        string             `json:"file"`
		ID          string             `json:"id"`
		Markdown    string             `json:"markdown"`
		Diagnostics []issue.Diagnostic `json:"diagnostics"`
	}{one.File, one.ID, string(markdown), one.Diagnostics}); done {
		return err
	}
	if _, err := c.stdout.Write(markdown); err != nil {
		return fmt.Errorf("writing Markdown: %w", err)
	}
	for _, d := range one.Diagnostics {
		if d.Severity != issue.Info {
			fmt.Fprintf(c.stderr, "%s:%d: %s：%s\n", one.File, d.Line, word(string(d.Severity)), plain(d.Text))
		}
	}
	return nil
}

// pictures writes the pictures of the file where the Markdown looks for them, or
// says how.
func (s *issueConvertCmd) pictures(c *call, one imported) error {
	if s.Images == "" {
		if n := len(one.pictures); n > 0 {
			fmt.Fprintf(c.stderr, "文件里有 %d 张图片，Markdown 里只有名字；加上 --images %s 把它们写出来，放在 Markdown 旁边\n", n, issue.ImageFolder)
		}
		return nil
	}
	if len(one.pictures) == 0 {
		return nil
	}
	if err := os.MkdirAll(s.Images, 0o755); err != nil {
		return unwritable(s.Images, err)
	}
	for _, p := range one.pictures {
		path := filepath.Join(s.Images, p.Name)
		if err := os.WriteFile(path, p.Data, 0o644); err != nil {
			return unwritable(path, err)
		}
	}
	return nil
}
