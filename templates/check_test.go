package templates

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	s := set(t)
	good, err := s.Email(input("zh-CN"))
	if err != nil {
		t.Fatal(err)
	}
	if found := Check(good); len(found) != 0 {
		t.Fatalf("a good digest has findings: %v", found)
	}
	swap := func(part []byte, from, to string) []byte {
		if !bytes.Contains(part, []byte(from)) {
			t.Fatalf("there is no %q to break", from)
		}
		return bytes.ReplaceAll(part, []byte(from), []byte(to))
	}
	html := func(from, to string) func(*Digest) { return func(d *Digest) { d.HTML = swap(d.HTML, from, to) } }
	plain := func(from, to string) func(*Digest) { return func(d *Digest) { d.Text = swap(d.Text, from, to) } }
	body := func(add string) func(*Digest) { return html("</body>", add+"</body>") }
	for name, tc := range map[string]struct {
		rule string
		do   func(*Digest)
	}{
		"too large":              {"size", body(strings.Repeat("x", MaxHTML))},
		"style too large":        {"style", html("</style>", strings.Repeat(".a{color:red}", 1300)+"</style>")},
		"url()":                  {"style", body(`<p style="background:url(https://example.org/x.png)">x</p>`)},
		"position":               {"style", body(`<p style="position:absolute">x</p>`)},
		"var()":                  {"style", body(`<p style="color:var(--x)">x</p>`)},
		"flex":                   {"style", body(`<p style="display: flex">x</p>`)},
		"flex in the sheet":      {"style", html("</style>", ".a{display:grid}</style>")},
		"script":                 {"element", body(`<script>1</script>`)},
		"form":                   {"element", body(`<form></form>`)},
		"onclick":                {"attribute", body(`<p onclick="x()">x</p>`)},
		"background attribute":   {"attribute", body(`<table background="x"></table>`)},
		"image without size":     {"attribute", body(`<img src="https://example.org/x.png" alt="">`)},
		"image without alt":      {"attribute", body(`<img src="https://example.org/x.png" width="1" height="1">`)},
		"image over http":        {"link", body(`<img src="http://example.org/x.png" width="1" height="1" alt="">`)},
		"javascript link":        {"link", body(`<a href="javascript:alert(1)">x</a>`)},
		"relative link":          {"link", body(`<a href="/issues">x</a>`)},
		"jump to nowhere":        {"link", html(`<a name="a3">`, `<a id="a3">`)},
		"no unsubscribe link":    {"unsubscribe", html("?t=TOKEN", "?t=other")},
		"headline lost":          {"headline", html("协会召开六届二次理事会", "x")},
		"headline hidden":        {"headline", html("<h3 ", `<h3 hidden style="display:none" `)},
		"credit lost":            {"credit", html("协会秘书处", "x")},
		"no preheader":           {"preheader", func(d *Digest) { d.Preheader = "" }},
		"line break in subject":  {"subject", func(d *Digest) { d.Subject += "\r\nBcc: x@example.org" }},
		"headline lost in text":  {"text", plain("协会召开六届二次理事会", "x")},
		"source lost in text":    {"text", plain("协会秘书处", "x")},
		"address lost in text":   {"text", plain("/issues/58#a4", "/issues/58")},
		"address inside a line":  {"text", plain("https://news.example.org/issues/58#a4", "见 https://news.example.org/issues/58#a4。")},
		"tag in text":            {"text", plain("本期共", "<b>本期共</b>")},
		"asterisks in text":      {"text", plain("本期共", "**本期共**")},
		"filler in text":         {"text", plain("本期共", "\u034f\u200c\u00a0本期共")},
		"text not UTF-8":         {"text", plain("本期共", "\xff")},
		"headlines out of order": {"text", func(d *Digest) { slices.Reverse(d.Headlines) }},
	} {
		t.Run(name, func(t *testing.T) {
			d := good
			d.Headlines = slices.Clone(good.Headlines)
			tc.do(&d)
			found := Check(d)
			if !slices.ContainsFunc(found, func(f Finding) bool { return f.Rule == tc.rule }) {
				t.Errorf("findings %v, want one of rule %s", found, tc.rule)
			}
		})
	}
}
