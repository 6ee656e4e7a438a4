package issue

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding/simplifiedchinese"
)

// MaxInput is the largest file that is read. A bulletin of 200 pages has less
// than 1 MiB of text; whatever is bigger is not one.
const MaxInput = 8 << 20

// MaxLines is the largest number of lines that is read, blank ones included.
const MaxLines = 200_000

// decode turns the bytes of a file into text with "\n" line ends and without
// control characters, and notes what it had to assume.
func decode(data []byte, f *findings) (string, *ReadError) {
	switch {
	case len(data) > MaxInput:
		return "", &ReadError{
			Code: "too-large", Text: fmt.Sprintf("文件有 %.1f MiB，超过上限 %d MiB", float64(len(data))/(1<<20), MaxInput>>20),
			Hint: "一期刊物的文字不会这么大；请确认选对了文件，或去掉嵌入的内容后另存为纯文本",
		}
	case len(bytes.TrimSpace(data)) == 0:
		return "", &ReadError{Code: "empty", Text: "文件是空的", Hint: "请确认选对了文件"}
	}
	if kind := signature(data); kind != "" {
		return "", &ReadError{Code: "binary", Text: "这是" + kind + "，不是文字文件", Hint: "请在原来的软件中另存为纯文本（.txt）或 Markdown（.md）"}
	}
	text, err := characters(data, f)
	if err != nil {
		return "", err
	}
	text = strings.ReplaceAll(text, "\r\n", "\n")
	text = strings.ReplaceAll(text, "\r", "\n")
	if n := strings.Count(text, "\n"); n > MaxLines {
		return "", &ReadError{Code: "too-large", Text: fmt.Sprintf("文件有 %d 行，超过上限 %d 行", n, MaxLines), Hint: "一期刊物不会有这么多行；请确认选对了文件"}
	}
	text = clean(text, f)
	if strings.TrimSpace(text) == "" {
		return "", &ReadError{Code: "empty", Text: "文件里没有文字", Hint: "请确认选对了文件"}
	}
	return text, nil
}

// signature names the well-known binary formats that people hand in by mistake.
func signature(data []byte) string {
	for _, s := range []struct{ magic, kind string }{
		{"\xD0\xCF\x11\xE0", "旧版 Word 文件（.doc），或加了密码的 .docx"},
		{"%PDF-", " PDF 文件"},
		{"{\\rtf", " RTF 文件"},
		{"\x89PNG", "图片"},
		{"\xFF\xD8\xFF", "图片"},
		{"GIF8", "图片"},
	} {
		if bytes.HasPrefix(data, []byte(s.magic)) {
			return s.kind
		}
	}
	return ""
}

func characters(data []byte, f *findings) (string, *ReadError) {
	if b, ok := bytes.CutPrefix(data, []byte("\xEF\xBB\xBF")); ok {
		data = b
	}
	if b, ok := bytes.CutPrefix(data, []byte("\xFF\xFE")); ok {
		return wide(b, binary.LittleEndian)
	}
	if b, ok := bytes.CutPrefix(data, []byte("\xFE\xFF")); ok {
		return wide(b, binary.BigEndian)
	}
	if order, name := guessWide(data); order != nil {
		f.add("encoding-guessed", 0, Info, "文件没有编码标记，按 "+name+" 读取；如有乱码，请另存为 UTF-8")
		return wide(data, order)
	}
	if i := bytes.IndexByte(data, 0); i >= 0 {
		return "", &ReadError{
			Code: "binary", Line: 1 + bytes.Count(data[:i], []byte("\n")),
			Text: "文件里有空字节（NUL），不是文字文件", Hint: "请在原来的软件中另存为 UTF-8 纯文本",
		}
	}
	if utf8.Valid(data) {
		return string(data), nil
	}
	text, err := simplifiedchinese.GB18030.NewDecoder().Bytes(data)
	if err != nil || bytes.ContainsRune(text, utf8.RuneError) || !mostlyHan(text) {
		return "", &ReadError{
			Code: "encoding", Line: 1 + bytes.Count(validPrefix(data), []byte("\n")),
			Text: "认不出文件的编码：既不是 UTF-8、UTF-16，也不是 GB18030", Hint: "请另存为 UTF-8 编码",
		}
	}
	f.add("encoding-guessed", 0, Info, "文件不是 UTF-8，按 GB18030（GBK、GB2312）读取；如有乱码，请另存为 UTF-8")
	return string(text), nil
}

// validPrefix is the part of data before the first byte that is not UTF-8.
func validPrefix(data []byte) []byte {
	for i := 0; i < len(data); {
		r, n := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && n <= 1 {
			return data[:i]
		}
		i += n
	}
	return data
}

// mostlyHan guards the GB18030 fallback: nearly any bytes decode to something,
// but only Chinese text gives common Han characters and Chinese punctuation.
func mostlyHan(text []byte) bool {
	han, other := 0, 0
	for _, r := range string(text) {
		switch {
		case r < 0x80:
		case r >= 0x4E00 && r <= 0x9FA5, r >= 0x3000 && r <= 0x301F, r >= 0xFF01 && r <= 0xFF5E,
			r >= 0x2010 && r <= 0x203B, r >= 0x2460 && r <= 0x2473, r >= 0x25A0 && r <= 0x2606, r == '·':
			han++
		default:
			other++
		}
	}
	return han > 4*other
}

func wide(data []byte, order binary.ByteOrder) (string, *ReadError) {
	bad := &ReadError{Code: "encoding", Text: "UTF-16 编码的文件已损坏", Hint: "请重新另存为 UTF-8 编码"}
	if len(data)%2 != 0 {
		return "", bad
	}
	units := make([]uint16, len(data)/2)
	for i := range units {
		units[i] = order.Uint16(data[2*i:])
		if units[i] == 0 {
			return "", &ReadError{Code: "binary", Text: "文件里有空字符（NUL），不是文字文件", Hint: "请在原来的软件中另存为 UTF-8 纯文本"}
		}
	}
	runes := utf16.Decode(units)
	for _, r := range runes {
		if r == utf8.RuneError {
			return "", bad
		}
	}
	return string(runes), nil
}

// guessWide recognises UTF-16 without a mark by its line ends and spaces, which
// no other encoding writes as a zero byte beside 0x0A or 0x20.
func guessWide(data []byte) (binary.ByteOrder, string) {
	if len(data)%2 != 0 || bytes.IndexByte(data, 0) < 0 {
		return nil, ""
	}
	var le, be int
	for i := 0; i+1 < len(data); i += 2 {
		switch {
		case data[i+1] == 0 && data[i] == 0:
			return nil, ""
		case data[i+1] == 0:
			if data[i] == '\n' || data[i] == ' ' {
				le++
			}
		case data[i] == 0:
			if data[i+1] == '\n' || data[i+1] == ' ' {
				be++
			}
		}
	}
	switch {
	case le >= 2 && be*10 <= le:
		return binary.LittleEndian, "UTF-16 LE"
	case be >= 2 && le*10 <= be:
		return binary.BigEndian, "UTF-16 BE"
	}
	return nil, ""
}

// clean takes out characters that no one can see and that change how text is
// read: controls, zero-width marks, direction overrides. Other white space than
// tab and line end becomes a space.
func clean(text string, f *findings) string {
	line, marked := 1, 0
	var last rune
	return strings.Map(func(r rune) rune {
		before := last
		last = r
		if r == '\n' {
			line++
			return r
		}
		out := shown(r, before)
		if out < 0 && marked != line {
			marked = line
			f.add("control-removed", line, Warning, fmt.Sprintf("这一行有看不见的控制字符（U+%04X），已去掉；请核对这一行的文字", r))
		}
		return out
	}, text)
}

// shown is what r becomes in a text, -1 when nobody can see it; before is the
// character in front of it.
func shown(r, before rune) rune {
	switch {
	case r == '\t':
		return r
	case r == '\v', r == '\f', r == 0x85, r == 0x2028, r == 0x2029, r == 0xA0:
		return ' '
	case r == 0x200D && (unicode.In(before, unicode.So, unicode.Sk) || before == 0xFE0F): // joins the parts of an emoji
		return r
	case unicode.IsControl(r), r >= 0x200B && r <= 0x200D, r == 0x2060, r == 0xFEFF, r == 0x200E, r == 0x200F, r == 0xAD,
		r >= 0x202A && r <= 0x202E, r >= 0x2066 && r <= 0x2069, r&0xFFFE == 0xFFFE, r >= 0xFDD0 && r <= 0xFDEF:
		return -1
	}
	return r
}
