package issue

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestCorpus reads bulletins of many makes and compares them with what an
// editor reads in them, field by field. testdata/corpus/README.md tells the form
// of the expectations. With -v it prints the table: file, fields right/total.
func TestCorpus(t *testing.T) {
	files, err := filepath.Glob("testdata/corpus/*.json")
	if err != nil || len(files) < 25 {
		t.Fatal("testdata/corpus has too few expectations", len(files), err)
	}
	var table strings.Builder
	right, total := 0, 0
	for _, f := range files {
		base := strings.TrimSuffix(f, ".json")
		t.Run(filepath.Base(base), func(t *testing.T) {
			name, c := corpusFile(t, base)
			fmt.Fprintf(&table, "%-28s %4d/%d\n", filepath.Base(name), c.total-c.wrong, c.total)
			right, total = right+c.total-c.wrong, total+c.total
		})
	}
	t.Logf("file, fields right/total\n%s%-28s %4d/%d", table.String(), fmt.Sprintf("%d files", len(files)), right, total)
}

// corpusExtensions are what a file of the corpus can be.
var corpusExtensions = []string{".txt", ".md", ".docx", ".html", ".htm"}

func corpusFile(t *testing.T, base string) (string, *comparison) {
	var want map[string]any
	raw, err := os.ReadFile(base + ".json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &want); err != nil {
		t.Fatal(err)
	}
	name := ""
	for _, ext := range corpusExtensions {
		if _, err := os.Stat(base + ext); err == nil {
			name = base + ext
		}
	}
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	o := ReadOptions{Files: os.DirFS(filepath.Dir(base))}
	if opt, ok := want["_options"].(map[string]any); ok {
		b, _ := json.Marshal(opt)
		if err := json.Unmarshal(b, &o); err != nil {
			t.Fatal(err)
		}
	}
	res, err := Read(name, data, o)
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(res.Issue)
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	c := &comparison{t: t}
	c.compare("", want, got)
	for _, d := range res.Diagnostics {
		t.Logf("%d %s %s %s", d.Line, d.Severity, d.Code, d.Text)
	}
	back, _ := again(t, res.Issue)
	if back.Hash() != res.Issue.Hash() {
		t.Errorf("the model does not come back from its Markdown: %s", cmp.Diff(res.Issue, back))
	}
	return name, c
}

// comparison counts the fields that were compared.
type comparison struct {
	t            *testing.T
	total, wrong int
}

func (c *comparison) field(ok bool, format string, args ...any) {
	c.t.Helper()
	if c.total++; !ok {
		c.wrong++
		c.t.Errorf(format, args...)
	}
}

func (c *comparison) compare(at string, want, got any) {
	t := c.t
	t.Helper()
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok {
			c.field(false, "%s is %v, want an object", at, got)
			return
		}
		for k, v := range w {
			switch k {
			case "_options", "_comment", "_note", "_notes":
			case "paragraph_count":
				n := len(g["blocks"].([]any))
				c.field(float64(n) == v.(float64), "%s has %d blocks, want %v\n%v", at, n, v, strings.Join(blockTexts(g), "\n"))
			case "first", "last":
				s := squeeze(strings.Join(blockTexts(g), ""))
				f := squeeze(v.(string))
				c.field(k == "first" && (strings.HasPrefix(s, f) || strings.HasPrefix(s, "1."+f)) || k == "last" && strings.HasSuffix(s, f),
					"%s: the %s of the body is not %q but %.40q … %q", at, k, f, s, tail(s, 60))
			default:
				c.compare(at+"/"+k, v, g[k])
			}
		}
	case []any:
		g, _ := got.([]any)
		c.field(len(g) == len(w), "%s has %d entries, want %d: %v", at, len(g), len(w), outline(g))
		for i := range min(len(w), len(g)) {
			c.compare(at+"/"+string(rune('0'+i)), w[i], g[i])
		}
	case string:
		g, _ := got.(string)
		c.field(strings.Join(strings.Fields(g), " ") == strings.Join(strings.Fields(w), " "), "%s is %q, want %q", at, g, w)
	default:
		c.field(got == want, "%s is %v, want %v", at, got, want)
	}
}

func blockTexts(article map[string]any) []string {
	var out []string
	for _, b := range article["blocks"].([]any) {
		out = append(out, b.(map[string]any)["text"].(string))
	}
	return out
}

// outline is the names and titles of a list, for messages.
func outline(list []any) []any {
	var out []any
	for _, e := range list {
		m, ok := e.(map[string]any)
		if !ok {
			return list
		}
		for _, k := range []string{"title", "name", "text"} {
			if v, ok := m[k]; ok {
				out = append(out, v)
				break
			}
		}
	}
	return out
}
