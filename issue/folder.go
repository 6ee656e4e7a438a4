package issue

import (
	"io"
	"io/fs"
	"net/url"
	"path"
	"strings"
)

// folder is where the pictures are that a Markdown file or a web page only names.
// Nothing outside it is opened, and nothing on the web.
type folder struct {
	files    fs.FS
	pictures *album
}

// picture takes the picture at a relative address into the album; nil and why
// not when it cannot.
func (f folder) picture(ref string) (*Image, string) {
	if f.files == nil {
		return nil, "不在文件里"
	}
	ref, _, _ = strings.Cut(ref, "?")
	ref, _, _ = strings.Cut(ref, "#")
	if s, err := url.PathUnescape(ref); err == nil {
		ref = s
	}
	name := path.Clean(strings.ReplaceAll(ref, `\`, "/"))
	if !fs.ValidPath(name) || name == "." {
		return nil, "不在文件所在的文件夹里"
	}
	file, err := f.files.Open(name)
	if err != nil {
		return nil, "找不到（应与文件放在一起）"
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return nil, "不是普通文件"
	}
	data, err := io.ReadAll(io.LimitReader(file, maxPictureFile+1))
	if err != nil {
		return nil, "读不出来"
	}
	return f.pictures.add(data)
}

// onWeb tells whether a picture's address is not in the folder.
func onWeb(src string) bool {
	return strings.Contains(src, "://") || strings.HasPrefix(src, "//")
}
