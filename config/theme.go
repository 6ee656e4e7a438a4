package config

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"image"
	_ "image/jpeg" // the formats of a logo
	_ "image/png"
	"regexp"
	"strings"
)

// Theme is how the digest and the web pages look; what is empty has its default.
type Theme struct {
	Ink       string // of titles and links, as #rrggbb
	Accent    string // of sections and notes
	Paper     string // behind the text
	Logo      Logo   // PNG or JPEG above the masthead
	Signature string // under the colophon; may have several lines
}

// Logo is a picture that was read from its file; its name is made from its bytes, so
// that another picture never has the same address.
type Logo struct {
	Name          string // 0123456789abcdef.png; "" for none
	Data          []byte
	Width, Height int // in pixels
}

// The limits of a logo. A mail's reader waits for it on a telephone, and it is shown
// at half its size at most 280 pixels wide.
const (
	maxLogoFile = 200 << 10
	maxLogoSide = 1600
)

// theme reads the table theme.
func (t *table) theme(c *Theme) {
	t.colour("ink", &c.Ink)
	t.colour("accent", &c.Accent)
	t.colour("paper", &c.Paper)
	t.logo("logo", &c.Logo)
	t.text("signature", &c.Signature)
	t.done()
}

var colourForm = regexp.MustCompile(`^#[0-9a-f]{6}$`)

// colour reads #rrggbb. Whether it can be read on the others is found by whoever
// makes the palette, see Fault.
func (t *table) colour(key string, to *string) {
	value := ""
	if t.text(key, &value); value == "" {
		return
	}
	if value = strings.ToLower(value); !colourForm.MatchString(value) {
		t.wrong(key, value, `"#1f3a5f"，井号后面六位十六进制数，要加引号`)
		return
	}
	*to = value
}

// logo reads a picture file.
func (t *table) logo(key string, to *Logo) {
	path := ""
	if t.filePath(key, &path); path == "" {
		return
	}
	data, _, err := readBounded(path, maxLogoFile)
	if err != nil {
		t.fail(key, "file-unreadable", "读不了 "+path+"："+Reason(err), fmt.Sprintf("路径从配置文件所在的目录算起；文件不超过 %d kB", maxLogoFile>>10))
		return
	}
	size, format, err := image.DecodeConfig(bytes.NewReader(data))
	switch {
	case err != nil || format != "png" && format != "jpeg":
		t.fail(key, "not-a-picture", path+" 不是 PNG 或 JPEG 图片", "另存为 PNG")
		return
	case size.Width > maxLogoSide || size.Height > maxLogoSide:
		t.fail(key, "too-large", fmt.Sprintf("%s 有 %d×%d 像素", path, size.Width, size.Height), fmt.Sprintf("缩小到 %d 像素以内；邮件里按一半大小显示，高分屏上才清楚", maxLogoSide))
		return
	}
	sum := sha256.Sum256(data)
	*to = Logo{Name: hex.EncodeToString(sum[:8]) + "." + format, Data: data, Width: size.Width, Height: size.Height}
}
