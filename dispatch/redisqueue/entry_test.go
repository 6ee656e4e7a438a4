package redisqueue

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestEncode(t *testing.T) {
	for _, c := range []struct {
		ids  []int64
		text string
	}{
		{[]int64{0}, "0"},
		{[]int64{35, 36, 37}, "z 1 1"},
		{[]int64{5, 3}, "5 -2"},
		{[]int64{9_000_000_000}, "44ud8g0"},
	} {
		if got := encode(c.ids); got != c.text {
			t.Errorf("encode(%v) = %q, want %q", c.ids, got, c.text)
		}
	}
}

func TestEncodeDecode(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ids := rapid.SliceOfN(rapid.Int64Range(math.MinInt64/2, math.MaxInt64/2), 1, 200).Draw(t, "ids")
		text := encode(ids)
		got, err := decode(text)
		if err != nil || !slices.Equal(got, ids) {
			t.Fatalf("%v became %q and then %v, %v", ids, text, got, err)
		}
		if n := count(text); n != len(ids) {
			t.Fatalf("%q has %d ids, counted %d", text, len(ids), n)
		}
	})
}

func TestDecodeRefuses(t *testing.T) {
	for _, text := range []string{"", " ", "1  2", "1,2", "reader@example.org", "zzzzzzzzzzzzzzz", strings.Repeat("1 ", maxEntry) + "1"} {
		if ids, err := decode(text); !errors.Is(err, errForeign) {
			t.Errorf("decode(%.20q) = %d ids, %v", text, len(ids), err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add("z 1 1")
	f.Add("5 -2")
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		ids, err := decode(text)
		if err != nil {
			return
		}
		again, err := decode(encode(ids))
		if err != nil || !slices.Equal(again, ids) {
			t.Fatalf("%q: %v, then %v, %v", text, ids, again, err)
		}
	})
}
