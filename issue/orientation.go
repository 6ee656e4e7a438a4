package issue

import (
	"bytes"
	"encoding/binary"
	"image"

	"golang.org/x/image/draw"
	"golang.org/x/image/math/f64"
)

// orientation is how a camera says that a JPEG is to be turned (Exif 2.32, tag
// 0x0112): 1 to 8, 1 when it says nothing.
func orientation(data []byte) int {
	const tag, short = 0x0112, 3
	if !bytes.HasPrefix(data, []byte{0xFF, 0xD8}) {
		return 1
	}
	for at := 2; at+4 <= len(data) && data[at] == 0xFF; {
		kind, size := data[at+1], int(binary.BigEndian.Uint16(data[at+2:]))
		if kind == 0xDA || size < 2 || at+2+size > len(data) {
			return 1
		}
		exif, ok := bytes.CutPrefix(data[at+4:at+2+size], []byte("Exif\x00\x00"))
		at += 2 + size
		if kind != 0xE1 || !ok || len(exif) < 8 {
			continue
		}
		var order binary.ByteOrder = binary.LittleEndian
		if bytes.HasPrefix(exif, []byte("MM")) {
			order = binary.BigEndian
		}
		first := int(order.Uint32(exif[4:]))
		if first < 8 || first+2 > len(exif) {
			return 1
		}
		for n, k := int(order.Uint16(exif[first:])), 0; k < n; k++ {
			e := first + 2 + 12*k
			if e+12 > len(exif) {
				return 1
			}
			if order.Uint16(exif[e:]) == tag && order.Uint16(exif[e+2:]) == short {
				if v := int(order.Uint16(exif[e+8:])); v >= 1 && v <= 8 {
					return v
				}
			}
		}
	}
	return 1
}

// upright turns a picture as its orientation says.
func upright(src image.Image, orientation int) image.Image {
	if orientation == 1 {
		return src
	}
	w, h := float64(src.Bounds().Dx()), float64(src.Bounds().Dy())
	m := map[int]f64.Aff3{
		2: {-1, 0, w, 0, 1, 0},
		3: {-1, 0, w, 0, -1, h},
		4: {1, 0, 0, 0, -1, h},
		5: {0, 1, 0, 1, 0, 0},
		6: {0, -1, h, 1, 0, 0},
		7: {0, -1, h, -1, 0, w},
		8: {0, 1, 0, -1, 0, w},
	}[orientation]
	size := image.Rect(0, 0, int(w), int(h))
	if orientation >= 5 {
		size = image.Rect(0, 0, int(h), int(w))
	}
	dst := image.NewNRGBA(size)
	min := src.Bounds().Min
	m[2] -= m[0]*float64(min.X) + m[1]*float64(min.Y)
	m[5] -= m[3]*float64(min.X) + m[4]*float64(min.Y)
	draw.NearestNeighbor.Transform(dst, m, src, src.Bounds(), draw.Src, nil)
	return dst
}
