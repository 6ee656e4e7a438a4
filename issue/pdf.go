package issue

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"regexp"
	"time"
)

// IsPDF tells a PDF file by its first bytes.
func IsPDF(data []byte) bool { return bytes.HasPrefix(data, []byte("%PDF-")) }

// pdftotext comes with poppler (Debian, Ubuntu: poppler-utils; macOS: brew install
// poppler). It gets a minute: what it has not read by then is no bulletin.
const (
	pdfProgram = "pdftotext"
	pdfTime    = time.Minute
)

// PDFText takes the text out of a PDF file by poppler's pdftotext, for [Read]. The
// page is kept as it looks, because indents and blank lines tell paragraphs apart;
// pages in columns are read one column after the other instead. Every error but
// the context's is a [*ReadError]: code pdf-program when the program is not there.
func PDFText(ctx context.Context, data []byte) ([]byte, error) {
	program, err := exec.LookPath(pdfProgram)
	if err != nil {
		return nil, &ReadError{
			Code: "pdf-program", Text: "读 PDF 要用 " + pdfProgram + "，这台机器上没有",
			Hint: "请安装 poppler（Debian、Ubuntu：apt install poppler-utils poppler-data；macOS：brew install poppler），或把文字另存为 .docx 或 .txt",
		}
	}
	file, err := os.CreateTemp("", "yizhan-*.pdf")
	if err != nil {
		return nil, err
	}
	defer os.Remove(file.Name())
	_, err = file.Write(data)
	if err := errors.Join(err, file.Close()); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, pdfTime)
	defer cancel()
	text, err := pdfText(ctx, program, "-layout", file.Name())
	if err == nil && inColumns(text) {
		text, err = pdfText(ctx, program, "-q", file.Name())
	}
	if err != nil {
		return nil, err
	}
	if len(bytes.TrimSpace(text)) == 0 {
		return nil, &ReadError{Code: "pdf-scanned", Text: "PDF 里没有文字，大概是扫描件", Hint: "请用原来的 Word 文件，或先做文字识别（OCR）再存为 .docx 或 .txt"}
	}
	return text, nil
}

func pdfText(ctx context.Context, program, how, file string) ([]byte, error) {
	var out bounded
	var said bytes.Buffer
	c := exec.CommandContext(ctx, program, how, "-enc", "UTF-8", file, "-")
	c.Stdout, c.Stderr, c.WaitDelay = &out, &said, time.Second
	err := c.Run()
	switch {
	case out.full:
		return nil, &ReadError{Code: "too-large", Text: "PDF 里的文字太多", Hint: "一期刊物的文字不会这么多；请确认选对了文件"}
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return nil, &ReadError{Code: "pdf", Text: pdfProgram + " 读了一分钟还没有读完", Hint: "请把文字另存为 .docx 或 .txt"}
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return nil, &ReadError{Code: "pdf", Text: "PDF 读不出来：" + clip(tidy(said.String())), Hint: "有密码的请先去掉密码；打不开的请把文字另存为 .docx 或 .txt"}
	}
	return bytes.ReplaceAll(out.Bytes(), []byte{0}, nil), nil
}

// bounded keeps as much output as a file may have.
type bounded struct {
	bytes.Buffer
	full bool
}

var errFull = errors.New("too much output")

func (b *bounded) Write(p []byte) (int, error) {
	if b.Len()+len(p) > MaxInput {
		b.full = true
		return 0, errFull
	}
	return b.Buffer.Write(p)
}

// sideBySideText is a line with text on both sides of a gap.
var sideBySideText = regexp.MustCompile(`(?m)^\s*\p{Han}\S{7,}(?: \S+)* {2,}\S{8,}`)

// inColumns tells whether a third of the lines with text have two columns.
func inColumns(text []byte) bool {
	lines := 0
	for l := range bytes.SplitSeq(text, []byte("\n")) {
		if len(bytes.TrimSpace(l)) > 40 {
			lines++
		}
	}
	return lines > 10 && 3*len(sideBySideText.FindAllIndex(text, lines)) > lines
}
