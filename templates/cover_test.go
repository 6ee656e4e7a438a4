package templates

import (
	"bytes"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"yizhan/issue"
)

func picture(t *testing.T, b []byte) image.Image {
	t.Helper()
	p, err := png.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// goldenPicture compares pixels, not bytes: the compression may differ between
// versions of Go, and an edge by a shade between processors.
func goldenPicture(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v: run with -update to write it", err)
	}
	if n := differing(picture(t, b), picture(t, got)); n > 20 {
		t.Errorf("%s: %d pixels differ; run with -update when that is meant", name, n)
	}
}

// differing counts the pixels that differ by more than a shade.
func differing(a, b image.Image) int {
	if a.Bounds() != b.Bounds() {
		return a.Bounds().Dx() * a.Bounds().Dy()
	}
	n := 0
	for y := range a.Bounds().Dy() {
		for x := range a.Bounds().Dx() {
			ar, ag, ab, _ := a.At(x, y).RGBA()
			br, bg, bb, _ := b.At(x, y).RGBA()
			const shade = 0x0800
			if ar-br+shade > 2*shade || ag-bg+shade > 2*shade || ab-bb+shade > 2*shade {
				n++
			}
		}
	}
	return n
}

func TestCover(t *testing.T) {
	s := set(t)
	for name, tc := range map[string]struct {
		change func(*issue.Issue)
		says   []string
	}{
		"masthead": {func(*issue.Issue) {}, nil},
		"long-title": {func(i *issue.Issue) {
			i.Title = "云溪市茶叶流通协会会员企业工作通讯 暨行业观察增刊"
		}, nil},
		"latin":              {func(i *issue.Issue) { i.Title, i.Publisher = "Yunxi Tea Letter", "Yunxi Tea Trade Association" }, nil},
		"endless":            {func(i *issue.Issue) { i.Title, i.Publisher = h(180), h(180) }, nil},
		"no-publisher-glyph": {func(i *issue.Issue) { i.Publisher = "茶㐂会" }, []string{"“茶㐂会”：字体里没有 㐂"}},
		"plain":              {func(i *issue.Issue) { i.Title = "𠮷𠮷茶🍵" }, []string{"字体里没有 𠮷、🍵"}},
		"nothing-printed":    {func(i *issue.Issue) { *i = issue.Issue{ID: "x"} }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			in := input("zh-CN")
			tc.change(&in.Issue)
			c, err := s.Cover(in)
			if err != nil {
				t.Fatal(err)
			}
			if size := picture(t, c.PNG).Bounds().Size(); size != (image.Point{X: 900, Y: 383}) {
				t.Errorf("%v", size)
			}
			if len(c.PNG) >= 1_000_000 {
				t.Errorf("%d bytes", len(c.PNG))
			}
			goldenPicture(t, "cover."+name+".png", c.PNG)
			if len(c.Diagnostics) != len(tc.says) {
				t.Fatalf("diagnostics %v, want %q", c.Diagnostics, tc.says)
			}
			for n, want := range tc.says {
				if !strings.Contains(c.Diagnostics[n].Text, want) {
					t.Errorf("diagnostic %q, want %q", c.Diagnostics[n].Text, want)
				}
			}
			again, err := s.Cover(in)
			if err != nil || !bytes.Equal(again.PNG, c.PNG) {
				t.Errorf("drawn again it differs (%v)", err)
			}
		})
	}
}

// TestCoverFontHasTheWords: what mastheads and our own labels are made of.
func TestCoverFontHasTheWords(t *testing.T) {
	f, err := coverFont()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{"上海市电子商务行业协会", "港城茗讯", "2015年3、4月合刊 第2期（总第142期）· 2015-04-10", "《“互联网＋”》特刊：增刊！", "Shanghai eCommerce Association, No. 2 & 3", "深圳东莞诸暨北碚闵行亳州衢州濮阳", "（无题）"} {
		var c Cover
		if c.drawable(f, s) == "" {
			t.Error(c.Diagnostics)
		}
	}
}

// TestAnyCover: whatever a masthead holds, there is a picture.
func TestAnyCover(t *testing.T) {
	s := set(t)
	word := rapid.OneOf(rapid.StringN(0, 250, -1), rapid.StringOfN(rapid.RuneFrom([]rune("茶讯 Wi.…")), 0, 250, -1))
	rapid.Check(t, func(t *rapid.T) {
		in := input("zh-CN")
		in.Issue.Title, in.Issue.Publisher, in.Issue.Date = word.Draw(t, "title"), word.Draw(t, "publisher"), word.Draw(t, "date")
		c, err := s.Cover(in)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := png.DecodeConfig(bytes.NewReader(c.PNG)); err != nil {
			t.Fatal(err)
		}
	})
}
