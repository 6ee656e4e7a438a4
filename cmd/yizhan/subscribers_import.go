package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"yizhan/subscribers"
)

// subscribersImportCmd adds and changes subscribers from a CSV file.
type subscribersImportCmd struct {
	File string `arg:"" placeholder:"FILE.csv" help:"CSV 文件，- 是标准输入；第一行是表头：email、wechat、name、sections、groups、language、state。 [CSV file]"`
}

// Run implements the command.
func (s *subscribersImportCmd) Run(ctx context.Context, c *call) error {
	file, err := c.seekable(s.File)
	if err != nil {
		return err
	}
	defer file.Close()
	i, err := c.open(ctx, nil)
	if err != nil {
		return err
	}
	defer i.close()
	bars := c.newBars()
	result, err := i.people.Import(ctx, file, subscribers.ImportOptions{
		Source:   filepath.Base(s.File),
		Progress: func(done, total int) { bars.set("import", "导入订户", int64(done), int64(max(total, 1))) },
	}, time.Now())
	bars.stop()
	for n, bad := range result.Bad {
		result.Bad[n].Text = inChinese(bad.Code, bad.Text)
	}
	if err != nil {
		if result.Added+result.Changed+result.Unchanged > 0 {
			c.printf("中断以前：新增 %d，更改 %d，没变 %d", result.Added, result.Changed, result.Unchanged)
		}
		return s.unread(err)
	}
	if err := s.tell(c, result); err != nil {
		return err
	}
	if len(result.Bad) > 0 {
		return problem{
			Code: "bad-rows", Text: fmt.Sprintf("有 %d 行没有导入，其余的都导入了", len(result.Bad)),
			Hint: "改好这些行再导入一次，已经导入的不会重复", File: s.File, Line: result.Bad[0].Line,
		}
	}
	return nil
}

// tell shows what an import did.
func (s *subscribersImportCmd) tell(c *call, result subscribers.ImportResult) error {
	if done, err := c.answer(result); done {
		return err
	}
	c.printf("新增 %d，更改 %d，没变 %d，有问题 %d", result.Added, result.Changed, result.Unchanged, len(result.Bad))
	if len(result.Bad) == 0 {
		return nil
	}
	t := newSheet("行#", "代码", "问题（这些行没有导入）")
	for _, bad := range result.Bad {
		t.add(bad.Line, bad.Code, bad.Text)
	}
	return t.write(c.stdout)
}

// unread names the file in an error that is about the file: its header, which is
// the first line, or the whole.
func (s *subscribersImportCmd) unread(err error) error {
	var invalid *subscribers.Invalid
	if !errors.As(err, &invalid) {
		return err
	}
	p := ofPackage(err)
	p.File, p.Hint = s.File, "什么也没有导入；改好文件再试"
	switch invalid.Code {
	case "empty", "not-csv": // no line is wrong
	default:
		p.Line = 1
	}
	return p
}

// readSeekCloser is a file, or what was read from standard input.
type readSeekCloser interface {
	io.ReadSeeker
	io.Closer
}

type inMemory struct{ *bytes.Reader }

func (inMemory) Close() error { return nil }

// maxStdin bounds what is read from standard input into memory.
const maxStdin = 64 << 20

// seekable opens a file; "-" is standard input.
func (c *call) seekable(name string) (readSeekCloser, error) {
	if name != "-" {
		return os.Open(name)
	}
	data, err := io.ReadAll(io.LimitReader(c.stdin, maxStdin+1))
	if err != nil {
		return nil, fmt.Errorf("reading standard input: %w", err)
	}
	if len(data) > maxStdin {
		return nil, problem{Code: "too-large", Text: "标准输入太长", Hint: "存成文件再导入"}
	}
	return inMemory{bytes.NewReader(data)}, nil
}
