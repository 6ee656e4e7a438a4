package issue

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
)

// The bounds of a Word file. What is bigger is no bulletin, and what unpacks to
// far more than it weighs is a trap.
const (
	MaxArchive    = 64 << 20 // the file itself, pictures included
	maxParts      = 4_000    // files in the archive
	maxXML        = 32 << 20 // one XML part, unpacked
	maxAllXML     = 64 << 20 // all parts that are read
	maxInflation  = 200      // unpacked to packed, of what is larger than inflationFrom
	inflationFrom = 1 << 20
	maxDepth      = 256 // elements inside each other
)

// archive is the zip file that a Word file is.
type archive struct {
	by   map[string]*zip.File
	left int64 // bytes of XML that may still be read
}

func bomb(text string) *ReadError {
	return &ReadError{Code: "bomb", Text: text, Hint: "这不是正常的 Word 文件，没有读取；请向提供文件的人核实，或在 Word 中另存一份"}
}

func openArchive(data []byte) (*archive, *ReadError) {
	if len(data) > MaxArchive {
		return nil, &ReadError{
			Code: "too-large", Text: fmt.Sprintf("文件有 %.1f MiB，超过上限 %d MiB", float64(len(data))/(1<<20), MaxArchive>>20),
			Hint: "请在 Word 中压缩图片（图片工具 → 压缩图片）后再保存",
		}
	}
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, &ReadError{Code: "broken", Text: "文件已损坏，打不开：" + clip(err.Error()), Hint: "请在 Word 中打开并另存一份；打不开的话请重新获取文件"}
	}
	if len(z.File) > maxParts {
		return nil, bomb(fmt.Sprintf("压缩包里有 %d 个文件，超过上限 %d", len(z.File), maxParts))
	}
	a := &archive{by: make(map[string]*zip.File, len(z.File)), left: maxAllXML}
	for _, f := range z.File {
		if e := inflated(f); e != nil {
			return nil, e
		}
		a.by[strings.ToLower(strings.TrimPrefix(f.Name, "/"))] = f
	}
	return a, nil
}

// inflated refuses a part that says itself that it unpacks to far too much.
func inflated(f *zip.File) *ReadError {
	size := f.UncompressedSize64
	switch {
	case size > MaxArchive:
		return bomb(fmt.Sprintf("压缩包里的“%s”展开后有 %d MiB", clip(f.Name), size>>20))
	case size > inflationFrom && size > maxInflation*max(f.CompressedSize64, 1):
		return bomb(fmt.Sprintf("压缩包里的“%s”展开后是原来的 %d 倍", clip(f.Name), size/max(f.CompressedSize64, 1)))
	}
	return nil
}

func (a *archive) has(name string) bool { return a.by[strings.ToLower(name)] != nil }

var errNoPart = errors.New("no such part")

// read unpacks a part of at most so many bytes, whatever its header says.
func (a *archive) read(name string, most int64) ([]byte, error) {
	f := a.by[strings.ToLower(name)]
	if f == nil {
		return nil, errNoPart
	}
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	data, err := io.ReadAll(io.LimitReader(r, most+1))
	if err == nil && int64(len(data)) > most {
		err = fmt.Errorf("%s unpacks to more than %d bytes", name, most)
	}
	return data, err
}

// xml unpacks an XML part; nil when there is none.
func (a *archive) xml(name string) ([]byte, *ReadError) {
	data, err := a.read(name, min(maxXML, a.left))
	switch {
	case errors.Is(err, errNoPart):
		return nil, nil
	case err != nil && int64(len(data)) > min(maxXML, a.left):
		return nil, bomb("压缩包里的“" + clip(name) + "”展开后超过上限")
	case err != nil:
		return nil, &ReadError{Code: "broken", Text: "文件已损坏，读不出“" + clip(name) + "”", Hint: "请在 Word 中打开并另存一份"}
	}
	a.left -= int64(len(data))
	return data, nil
}

// beside is the name of a part that another one refers to.
func beside(part, target string) string {
	if strings.HasPrefix(target, "/") {
		return strings.TrimPrefix(path.Clean(target), "/")
	}
	return path.Join(path.Dir(part), target)
}
