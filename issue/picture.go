package issue

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"image"
	"image/color"
	_ "image/gif" // a format that is read
	"image/jpeg"
	"image/png"

	_ "golang.org/x/image/bmp" // another
	"golang.org/x/image/draw"
	_ "golang.org/x/image/webp" // and another
)

// Picture is the content of an [Image].
type Picture struct {
	Image
	Data []byte
}

// The bounds of pictures. A picture is read whole, so what it can become in
// memory is bounded before; what goes out fits a wide screen and WeChat's limit of
// 1 MB a picture (media/uploadimg, seen 2026-02).
const (
	maxPictureFile  = 20 << 20 // bytes of one, as it comes
	maxPixels       = 24 << 20
	maxWide         = 1600 // pixels of one, as it goes out
	maxHigh         = 3200
	maxPictureBytes = 1_000_000
	maxPictures     = 200
	maxAlbum        = 48 << 20 // bytes of all
)

// album collects the pictures of a file. Each is encoded anew, so that nothing
// but pixels goes to a reader: no place and time of taking it, no thumbnail, no
// second file behind it.
type album struct {
	list  []Picture
	known map[[32]byte]*Image // by the bytes as they came
	bytes int
}

// add takes a picture in, and returns nil and why not when it cannot be.
func (a *album) add(data []byte) (*Image, string) {
	sum := sha256.Sum256(data)
	if img := a.known[sum]; img != nil {
		return img, ""
	}
	switch {
	case len(a.list) >= maxPictures:
		return nil, fmt.Sprintf("超过一期 %d 张的上限", maxPictures)
	case a.bytes > maxAlbum:
		return nil, fmt.Sprintf("使一期的图片超过 %d MiB", maxAlbum>>20)
	case len(data) > maxPictureFile:
		return nil, fmt.Sprintf("超过 %d MiB", maxPictureFile>>20)
	}
	p, reason := encodePicture(data)
	if reason != "" {
		return nil, reason
	}
	if a.known == nil {
		a.known = map[[32]byte]*Image{}
	}
	a.known[sum] = &p.Image
	for _, have := range a.list {
		if have.Name == p.Name {
			return &p.Image, ""
		}
	}
	a.list = append(a.list, p)
	a.bytes += len(p.Data)
	return &p.Image, ""
}

// of returns the pictures that an issue refers to.
func (a *album) of(i Issue) []Picture {
	wanted := map[string]bool{}
	for _, name := range i.Images() {
		wanted[name] = true
	}
	var out []Picture
	for _, p := range a.list {
		if wanted[p.Name] {
			out = append(out, p)
		}
	}
	return out
}

// encodePicture brings a picture into the form in which it is kept. What is in
// that form already stays as it is, byte for byte.
func encodePicture(data []byte) (Picture, string) {
	c, format, err := image.DecodeConfig(bytes.NewReader(data))
	switch {
	case err != nil:
		return Picture{}, "的格式不认识（能用的是 JPEG、PNG、GIF、BMP、WebP）"
	case c.Width <= 0 || c.Height <= 0 || c.Width > maxPixels/c.Height:
		return Picture{}, fmt.Sprintf("有 %d×%d 像素，太大", c.Width, c.Height)
	}
	src, _, err := image.Decode(bytes.NewReader(data))
	if err != nil {
		return Picture{}, "已损坏"
	}
	if format == "jpeg" && len(data) <= maxPictureBytes && c.Width <= maxWide && c.Height <= maxHigh && ownJPEG(data, src) {
		return named(data, ".jpg", src.Bounds()), ""
	}
	src = upright(fitted(src), orientation(data))
	if format != "jpeg" {
		var b bytes.Buffer
		if err := png.Encode(&b, eightBit(src)); err != nil {
			return Picture{}, "不能转换"
		}
		if b.Len() <= maxPictureBytes {
			return named(b.Bytes(), ".png", src.Bounds()), ""
		}
		src = onWhite(src)
	}
	return asJPEG(src)
}

// qualities are what JPEGs are written with: the second when the first is too big.
var qualities = []int{85, 60}

func asJPEG(src image.Image) (Picture, string) {
	for {
		for _, q := range qualities {
			var b bytes.Buffer
			if err := jpeg.Encode(&b, src, &jpeg.Options{Quality: q}); err != nil {
				return Picture{}, "不能转换"
			}
			if b.Len() <= maxPictureBytes {
				return named(b.Bytes(), ".jpg", src.Bounds()), ""
			}
		}
		src = scaled(src, src.Bounds().Dx()*2/3, src.Bounds().Dy()*2/3)
	}
}

func named(data []byte, ext string, r image.Rectangle) Picture {
	sum := sha256.Sum256(data)
	return Picture{Image: Image{Name: hex.EncodeToString(sum[:16]) + ext, Width: r.Dx(), Height: r.Dy()}, Data: data}
}

// ownJPEG tells a JPEG that asJPEG wrote: writing it again would only make it
// worse. Everything before the pixels is then known but for the size.
func ownJPEG(data []byte, src image.Image) bool {
	var small image.Image = image.NewYCbCr(image.Rect(0, 0, 8, 8), image.YCbCrSubsampleRatio420)
	if _, grey := src.(*image.Gray); grey {
		small = image.NewGray(image.Rect(0, 0, 8, 8))
	}
	for _, q := range qualities {
		var b bytes.Buffer
		if err := jpeg.Encode(&b, small, &jpeg.Options{Quality: q}); err != nil {
			return false
		}
		head := b.Bytes()
		frame := bytes.Index(head, []byte{0xFF, 0xC0}) // then length and precision, height and width
		scan := bytes.Index(head, []byte{0xFF, 0xDA})
		if frame < 0 || scan < 0 || len(data) < scan+16 {
			continue
		}
		head = bytes.Clone(head[:scan+8])
		copy(head[frame+5:frame+9], data[frame+5:frame+9])
		end := bytes.Index(data[scan:], []byte{0xFF, 0xD9})
		if bytes.HasPrefix(data, head) && scan+end+2 == len(data) {
			return true
		}
	}
	return false
}

// fitted makes a picture smaller that is larger than anybody shows it.
func fitted(src image.Image) image.Image {
	w, h := src.Bounds().Dx(), src.Bounds().Dy()
	if w <= maxWide && h <= maxHigh {
		return src
	}
	if by := float64(maxWide) / float64(w); float64(h)*by <= maxHigh {
		return scaled(src, maxWide, int(float64(h)*by))
	}
	return scaled(src, int(float64(w)*maxHigh/float64(h)), maxHigh)
}

func scaled(src image.Image, w, h int) image.Image {
	dst := image.NewNRGBA(image.Rect(0, 0, max(w, 1), max(h, 1)))
	draw.ApproxBiLinear.Scale(dst, dst.Bounds(), src, src.Bounds(), draw.Src, nil)
	return dst
}

// eightBit brings the kinds of images that PNG would write larger than anybody
// sees to eight bits a colour.
func eightBit(src image.Image) image.Image {
	switch src.(type) {
	case *image.Paletted, *image.Gray, *image.RGBA, *image.NRGBA:
		return src
	}
	dst := image.NewNRGBA(src.Bounds())
	draw.Draw(dst, dst.Bounds(), src, src.Bounds().Min, draw.Src)
	return dst
}

func onWhite(src image.Image) image.Image {
	dst := image.NewRGBA(image.Rect(0, 0, src.Bounds().Dx(), src.Bounds().Dy()))
	draw.Draw(dst, dst.Bounds(), image.NewUniform(color.White), image.Point{}, draw.Src)
	draw.Draw(dst, dst.Bounds(), src, src.Bounds().Min, draw.Over)
	return dst
}
