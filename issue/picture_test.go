package issue

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"strings"
	"testing"
)

// TestPicturesKeepTheirName encodes what came out again: the name must not
// change, or a converted file would not find its pictures.
func TestPicturesKeepTheirName(t *testing.T) {
	var moving bytes.Buffer
	frame := image.NewPaletted(image.Rect(0, 0, 20, 10), color.Palette{color.Black, color.White})
	if err := gif.EncodeAll(&moving, &gif.GIF{Image: []*image.Paletted{frame, frame}, Delay: []int{1, 1}}); err != nil {
		t.Fatal(err)
	}
	grey := image.NewGray(image.Rect(0, 0, 50, 50))
	clear := image.NewNRGBA(image.Rect(0, 0, 30, 30))
	clear.Set(3, 3, color.NRGBA{200, 10, 10, 128})
	for name, c := range map[string]struct {
		data []byte
		ext  string
		w, h int
	}{
		"png":         {pngOf(t, photo(80, 60)), ".png", 80, 60},
		"transparent": {pngOf(t, clear), ".png", 30, 30},
		"16 bit":      {pngOf(t, image.NewRGBA64(image.Rect(0, 0, 9, 9))), ".png", 9, 9},
		"jpeg":        {jpegOf(t, photo(80, 60), 95), ".jpg", 80, 60},
		"grey jpeg":   {jpegOf(t, grey, 70), ".jpg", 50, 50},
		"wide":        {jpegOf(t, photo(3200, 100), 80), ".jpg", 1600, 50},
		"high":        {pngOf(t, photo(10, 4000)), ".png", 8, 3200},
		"gif":         {moving.Bytes(), ".png", 20, 10},
		"junk behind": {append(jpegOf(t, photo(20, 20), 85), "<script>alert(1)</script>"...), ".jpg", 20, 20},
		"turned":      {exif(jpegOf(t, photo(40, 20), 85), 6), ".jpg", 20, 40},
	} {
		t.Run(name, func(t *testing.T) {
			once, reason := encodePicture(c.data)
			if reason != "" {
				t.Fatal(reason)
			}
			if once.Width != c.w || once.Height != c.h || !strings.HasSuffix(once.Name, c.ext) {
				t.Errorf("got %+v, want %dx%d %s", once.Image, c.w, c.h, c.ext)
			}
			if bytes.Contains(once.Data, []byte("script")) || bytes.Contains(once.Data, []byte("Exif")) {
				t.Error("more than pixels came through")
			}
			twice, reason := encodePicture(once.Data)
			if reason != "" || twice.Name != once.Name || !bytes.Equal(twice.Data, once.Data) {
				t.Errorf("the second time it is %s (%s), the first time %s", twice.Name, reason, once.Name)
			}
		})
	}
}

// exif writes an orientation into a JPEG, as a camera does.
func exif(data []byte, orientation byte) []byte {
	seg := append([]byte("Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00"), orientation, 0, 0, 0, 0, 0, 0)
	head := append([]byte{0xFF, 0xD8, 0xFF, 0xE1}, byte((len(seg)+2)>>8), byte(len(seg)+2))
	return append(append(head, seg...), data[2:]...)
}

// TestTurnedPicture looks at the pixels: what was left is at the top when the
// camera was held at 90°.
func TestTurnedPicture(t *testing.T) {
	src := image.NewRGBA(image.Rect(0, 0, 2, 1))
	src.Set(0, 0, color.RGBA{255, 0, 0, 255})
	src.Set(1, 0, color.RGBA{0, 0, 255, 255})
	at := func(m image.Image, x, y int) string {
		if r, _, _, _ := m.At(x, y).RGBA(); r > 0x8000 {
			return "red"
		}
		return "blue"
	}
	for o, want := range map[int][2]string{6: {"red", "blue"}, 8: {"blue", "red"}, 5: {"red", "blue"}, 7: {"blue", "red"}} {
		m := upright(src, o)
		if m.Bounds().Dx() != 1 || m.Bounds().Dy() != 2 {
			t.Fatalf("%d: %v", o, m.Bounds())
		}
		if got := [2]string{at(m, 0, 0), at(m, 0, 1)}; got != want {
			t.Errorf("%d: from the top %v, want %v", o, got, want)
		}
	}
	for o, want := range map[int]string{1: "red", 2: "blue", 3: "blue", 4: "red"} {
		if got := at(upright(src, o), 0, 0); got != want {
			t.Errorf("%d: %s, want %s", o, got, want)
		}
	}
}

// TestPictureBombs refuses what would not fit into memory before it is decoded.
func TestPictureBombs(t *testing.T) {
	huge := pngOf(t, photo(4, 4))
	binary.BigEndian.PutUint32(huge[16:], 60_000)
	binary.BigEndian.PutUint32(huge[20:], 60_000)
	binary.BigEndian.PutUint32(huge[29:], crc32.ChecksumIEEE(huge[12:29]))
	for name, data := range map[string][]byte{"huge": huge, "cut off": jpegOf(t, photo(300, 300), 90)[:2000], "text": []byte("文字"), "empty": nil} {
		a := &album{}
		if img, reason := a.add(data); img != nil || reason == "" {
			t.Errorf("%s: %v, %q", name, img, reason)
		}
	}
	a := &album{}
	data := pngOf(t, photo(3, 3))
	for k := range maxPictures + 1 {
		more := append(bytes.Clone(data), byte(k), byte(k>>8)) // another file with the same picture
		if img, reason := a.add(more); img == nil {
			t.Fatal(reason)
		}
	}
	if len(a.list) != 1 {
		t.Errorf("%d pictures, want 1: they are all the same", len(a.list))
	}
}
