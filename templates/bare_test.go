package templates

import (
	"bytes"
	"testing"
)

// TestBare: what is left of a mail without style sheets still keeps its rules, and
// looks like something: every text has its size and colour inline.
func TestBare(t *testing.T) {
	d, err := set(t).Email(input("zh-CN"))
	if err != nil {
		t.Fatal(err)
	}
	if d.HTML, err = Bare(d.HTML); err != nil {
		t.Fatal(err)
	}
	for _, never := range []string{"</style></head", " class=", " id="} {
		if bytes.Contains(d.HTML, []byte(never)) {
			t.Errorf("%q is left", never)
		}
	}
	if found := Check(d); len(found) > 0 {
		t.Errorf("without style sheets it breaks its rules: %v", found)
	}
	for _, name := range []string{"h1", "h2", "h3", "p"} {
		for _, n := range nodes(t, d.HTML, name) {
			if style := attr(n, "style"); !bytes.Contains([]byte(style), []byte("font-size")) && name != "p" {
				t.Errorf("<%s> %s has no size: %q", name, content(n), style)
			}
		}
	}
}
