package templates

import (
	"bytes"
	"compress/gzip"
	"embed"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"io"
	"strings"

	"golang.org/x/image/font"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"

	"yizhan/issue"
)

// letters holds the font of the cover, Noto Sans SC Bold, with the 4,143
// characters that mastheads are made of; subset.mjs beside it made it. The
// licence asks to be wherever the font is.
//
//go:embed font/noto-sans-sc-bold.ttf.gz font/OFL.txt
var letters embed.FS

// The cover's size: 2.35:1, as WeChat shows it above a single article.
const (
	coverWidth, coverHeight = 900, 383
	coverMargin             = 60
	coverText               = coverWidth - 2*coverMargin
)

// Cover draws the picture above the article from the masthead: publisher,
// title, issue line and date. A line with a character that the font lacks is
// left out; when it is the title the picture stays plain. Either is said in a
// diagnostic. The same issue gives the same bytes.
func (s *Set) Cover(in Input) (Cover, error) {
	v := s.view(in, fit{})
	f, err := coverFont()
	if err != nil {
		return Cover{}, fmt.Errorf("draw cover: %w", err)
	}
	below := v.IssueLine
	if v.Date != "" {
		below = strings.TrimSpace(below + " · " + v.Date)
	}
	var c Cover
	publisher, title, below := c.drawable(f, v.Publisher), c.drawable(f, v.Title), c.drawable(f, below)
	look := s.colours.cover()
	p := pen{font: f, dst: plainCover(look), c: look}
	if title != "" {
		err = p.masthead(publisher, title, below)
	}
	if err != nil {
		return Cover{}, fmt.Errorf("draw cover: %w", err)
	}
	var out bytes.Buffer
	if err := png.Encode(&out, p.dst); err != nil {
		return Cover{}, fmt.Errorf("draw cover: %w", err)
	}
	c.PNG = out.Bytes()
	return c, nil
}

// drawable returns a line if the font has all of it, else "" with a diagnostic.
func (c *Cover) drawable(f *sfnt.Font, s string) string {
	var buf sfnt.Buffer
	var lacking []string
	for _, r := range s {
		if g, err := f.GlyphIndex(&buf, r); (err != nil || g == 0) && !strings.Contains(strings.Join(lacking, ""), string(r)) {
			lacking = append(lacking, string(r))
		}
	}
	if len(lacking) == 0 {
		return s
	}
	c.Diagnostics = append(c.Diagnostics, issue.Diagnostic{
		Code: "wechat-cover", Severity: issue.Warning,
		Text: fmt.Sprintf("封面上画不出“%s”：字体里没有 %s", head(s, 40), head(strings.Join(lacking, "、"), 20)),
	})
	return ""
}

func coverFont() (*sfnt.Font, error) {
	packed, err := letters.Open("font/noto-sans-sc-bold.ttf.gz")
	if err != nil {
		return nil, fmt.Errorf("open font: %w", err)
	}
	defer packed.Close()
	unpacked, err := gzip.NewReader(packed)
	if err != nil {
		return nil, fmt.Errorf("unpack font: %w", err)
	}
	b, err := io.ReadAll(unpacked)
	if err != nil {
		return nil, fmt.Errorf("unpack font: %w", err)
	}
	f, err := opentype.Parse(b)
	if err != nil {
		return nil, fmt.Errorf("parse font: %w", err)
	}
	return f, nil
}

// coverColours are those of the mail's masthead, the other way round: light type
// on ink.
type coverColours struct{ paper, ink, seal, soft color.Color }

func (p palette) cover() coverColours {
	rgba := func(token string) color.Color {
		c := channels(p[token])
		return color.RGBA{uint8(c[0]), uint8(c[1]), uint8(c[2]), 0xff}
	}
	return coverColours{rgba("paper"), rgba("ink"), rgba("accent"), rgba("rule")}
}

// plainCover is the cover without any text.
func plainCover(c coverColours) *image.RGBA {
	dst := image.NewRGBA(image.Rect(0, 0, coverWidth, coverHeight))
	fill := func(r image.Rectangle, c color.Color) {
		draw.Draw(dst, r, image.NewUniform(c), image.Point{}, draw.Src)
	}
	fill(dst.Bounds(), c.ink)
	fill(image.Rect(0, coverHeight-10, coverWidth, coverHeight), c.seal)
	fill(image.Rect(coverMargin, 264, coverWidth-coverMargin, 266), c.soft)
	return dst
}

// pen writes lines of text, each in the middle of the picture: a square cut out
// of it, as forwarded messages show it, has the middle.
type pen struct {
	font *sfnt.Font
	dst  *image.RGBA
	c    coverColours
}

// masthead writes the lines; only title is never empty.
func (p pen) masthead(publisher, title, below string) error {
	if err := p.line(publisher, 28, 20, 72, p.c.soft); err != nil {
		return err
	}
	if err := p.title(title); err != nil {
		return err
	}
	return p.line(below, 30, 20, 322, p.c.paper)
}

// title writes the title as large as it fits, in two lines when it is long.
func (p pen) title(s string) error {
	const largest, least, baseline = 104, 56, 210
	size, err := p.size(s, largest, least)
	if err != nil {
		return err
	}
	if size >= least {
		return p.at(s, size, baseline-(largest-size)/4, p.c.paper)
	}
	lines, size, err := p.halves(s, least)
	for i, half := range lines {
		if err == nil {
			err = p.at(half, size, 156+74*float64(i), p.c.paper)
		}
	}
	return err
}

// halves parts a long title in two lines of the same size. One that is too long
// even for that loses its end.
func (p pen) halves(s string, largest float64) (lines [2]string, size float64, err error) {
	const least = 32
	for r := []rune(s); ; {
		first, second := halves(s)
		upper, err := p.size(first, largest, least)
		if err != nil {
			return lines, 0, err
		}
		lower, err := p.size(second, largest, least)
		if size = min(upper, lower); err != nil || size >= least || len(r) < 2 {
			return [2]string{first, second}, max(size, least), err
		}
		r = r[:len(r)-1]
		s = strings.TrimSpace(string(r)) + "…"
	}
}

// halves parts a long title near its middle, at a space when there is one close
// by.
func halves(s string) (first, second string) {
	r := []rune(s)
	middle := (len(r) + 1) / 2
	for d := range len(r) / 6 {
		for _, i := range []int{middle - d, middle + d} {
			if r[i] == ' ' {
				return string(r[:i]), string(r[i+1:])
			}
		}
	}
	return string(r[:middle]), string(r[middle:])
}

// line writes s with its baseline at y, as large as it fits between two sizes in
// pixels; when it is too long for the smaller one it ends in an ellipsis.
func (p pen) line(s string, largest, least, y float64, c color.Color) error {
	size, err := p.size(s, largest, least)
	for r := []rune(s); err == nil && size < least && len(r) > 1; {
		r = r[:len(r)-1]
		s = strings.TrimSpace(string(r)) + "…"
		size, err = p.size(s, largest, least)
	}
	if err != nil {
		return err
	}
	return p.at(s, size, y, c)
}

// size returns the size up to largest at which s is as wide as the text may be;
// 0 when that is below least.
func (p pen) size(s string, largest, least float64) (float64, error) {
	face, err := opentype.NewFace(p.font, &opentype.FaceOptions{Size: largest, DPI: 72})
	if err != nil {
		return 0, fmt.Errorf("set size: %w", err)
	}
	defer face.Close()
	width := float64(font.MeasureString(face, s)) / 64
	if width <= coverText {
		return largest, nil
	}
	if size := float64(int(largest * coverText / width)); size >= least {
		return size, nil
	}
	return 0, nil
}

// at writes s with its baseline at y.
func (p pen) at(s string, size, y float64, c color.Color) error {
	face, err := opentype.NewFace(p.font, &opentype.FaceOptions{Size: size, DPI: 72})
	if err != nil {
		return fmt.Errorf("set size: %w", err)
	}
	defer face.Close()
	d := font.Drawer{Dst: p.dst, Src: image.NewUniform(c), Face: face}
	d.Dot = fixed.Point26_6{X: (fixed.I(coverWidth) - d.MeasureString(s)) / 2, Y: fixed.I(int(y))}
	d.DrawString(s)
	return nil
}
