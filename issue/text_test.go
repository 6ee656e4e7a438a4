package issue

import (
	"strings"
	"testing"
)

// TestUnwrapKeepsListedTitles joins wrapped lines, but neither entries of the
// contents nor the titles that they list.
func TestUnwrapKeepsListedTitles(t *testing.T) {
	full := strings.Repeat("河谷里的雾散得很慢，", 4)
	lines := []string{
		"目录",
		"　　河谷里的雾是怎样来的又怎样去的" + strings.Repeat("．", 20) + "（４）",
		"山里来信",
		"　　山里的路今年修到了最后一户人家" + strings.Repeat(".", 40) + "（7）",
		full, full, full, full, full, full, full, full,
		"河谷里的雾是怎样来的又怎样去的",
		full, full, "完。",
	}
	var got []string
	for _, l := range unwrap(splitLines(strings.Join(lines, "\n"))) {
		got = append(got, l.Text)
	}
	for _, want := range []string{"山里来信", "河谷里的雾是怎样来的又怎样去的"} {
		found := false
		for _, g := range got {
			found = found || g == want
		}
		if !found {
			t.Errorf("%q is no line of its own: %q", want, got)
		}
	}
	if len(got) >= len(lines) {
		t.Errorf("nothing was joined: %q", got)
	}
}
