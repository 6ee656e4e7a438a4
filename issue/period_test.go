package issue

import (
	"errors"
	"strings"
	"testing"
)

// TestSupplement reads numbers outside the regular count: what is printed never
// names one, because a regular issue can have the same number.
func TestSupplement(t *testing.T) {
	const body = "\n河口渔讯编辑部主办\n\n【专题】\n\n渔网怎么补\n\n补网先理线，再对眼，最后收口，一步也不能省。\n（来源：渔业站）\n"
	for _, c := range []struct {
		line string
		o    ReadOptions
		id   string // "" when the importer has to tell
		word string
	}{
		{"2024年增刊（总第70期）", ReadOptions{}, "", "增刊"},
		{"2024年增刊（总第70期）", ReadOptions{Number: 1070}, "1070", "增刊"},
		{"2024年增刊（总第70期）", ReadOptions{Total: 70}, "", "增刊"},
		{"2024年增刊（总第70期）", ReadOptions{ID: "s1", Number: 1070}, "s1", "增刊"},
		{"2024年第2期增刊", ReadOptions{Number: 9}, "9", "增刊"},
		{"2024年春节特刊 总第70期", ReadOptions{}, "", "特刊"},
		{"2024年7月1日号外", ReadOptions{}, "", "号外"},
		{"2024年第3期（安全专刊） 总第70期", ReadOptions{}, "70", ""},
		{"2024年第3期 总第70期", ReadOptions{Number: 4}, "70", ""},
		{"2024年第3期", ReadOptions{Number: 4}, "2024-4", ""},
		{"2024年第3期", ReadOptions{Total: 71}, "71", ""},
	} {
		res, err := Read("a.txt", []byte("河口渔讯\n"+c.line+body), c.o)
		if c.id == "" {
			var e *ReadError
			if !errors.As(err, &e) || e.Code != "no-number" || !strings.Contains(e.Hint, "--number") {
				t.Errorf("%s %+v: id %q, error %v", c.line, c.o, res.Issue.ID, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s %+v: %v", c.line, c.o, err)
			continue
		}
		if res.Issue.ID != c.id || res.Issue.Supplement != c.word || hasCode(res, "supplement") != (c.word != "") {
			t.Errorf("%s %+v: id %q, supplement %q, %+v", c.line, c.o, res.Issue.ID, res.Issue.Supplement, res.Diagnostics)
		}
		if back, _ := again(t, res.Issue); back.Hash() != res.Issue.Hash() {
			t.Errorf("%s: the model does not come back from its Markdown", c.line)
		}
	}
}
