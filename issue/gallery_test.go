package issue

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSavePictures(t *testing.T) {
	s := newStore(t)
	a := &album{}
	one, _ := a.add(pngOf(t, photo(9, 5)))
	two, _ := a.add(jpegOf(t, photo(7, 6), 90))
	i := sampleIssue("甲")
	i.Sections[0].Articles[0].Blocks = []Block{{Kind: BlockImage, Text: "一", Image: one}, {Kind: BlockImage, Image: two}, {Kind: BlockImage, Image: one}}
	mustSave(t, s, i, nil, at(9))
	if err := s.KeepPictures(t.Context(), i.ID, a.of(i)[:1]); err != nil {
		t.Fatal(err)
	}
	if lacking, err := s.Lacking(t.Context(), i); err != nil || !slices.Equal(lacking, []string{two.Name}) {
		t.Errorf("lacking %q, %v; want %s", lacking, err, two.Name)
	}
	for range 2 { // again changes nothing
		if err := s.KeepPictures(t.Context(), i.ID, a.of(i)); err != nil {
			t.Fatal(err)
		}
	}
	got, err := s.Picture(t.Context(), i.ID, two.Name)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(a.list[1], got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if lacking, err := s.Lacking(t.Context(), i); err != nil || len(lacking) != 0 {
		t.Errorf("lacking %q, %v", lacking, err)
	}
	for _, c := range [][2]string{{i.ID, "nosuch.png"}, {"8", one.Name}} {
		if _, err := s.Picture(t.Context(), c[0], c[1]); !errors.Is(err, ErrNotFound) {
			t.Errorf("%s: %v", c, err)
		}
	}
}
