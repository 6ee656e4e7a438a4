package issue

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCorpus reads bulletins of many makes and compares them with what an
// editor reads in them. testdata/corpus/README.md tells the form of the
// expectations.
func TestCorpus(t *testing.T) {
	files, err := filepath.Glob("testdata/corpus/*.json")
	if err != nil || len(files) == 0 {
		t.Fatal("testdata/corpus has no expectations", err)
	}
	for _, f := range files {
		base := strings.TrimSuffix(f, ".json")
		t.Run(filepath.Base(base), func(t *testing.T) { corpusFile(t, base) })
	}
}

func corpusFile(t *testing.T, base string) {
	var want map[string]any
	raw, err := os.ReadFile(base + ".json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &want); err != nil {
		t.Fatal(err)
	}
	name := base + ".txt"
	data, err := os.ReadFile(name)
	if err != nil {
		name = base + ".md"
		if data, err = os.ReadFile(name); err != nil {
			t.Fatal(err)
		}
	}
	var o ReadOptions
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
	corpusCompare(t, "", want, got)
	for _, d := range res.Diagnostics {
		t.Logf("%d %s %s %s", d.Line, d.Severity, d.Code, d.Text)
	}
	back, _ := again(t, res.Issue)
	if back.Hash() != res.Issue.Hash() {
		t.Error("the model does not come back from its Markdown")
	}
}

func corpusCompare(t *testing.T, at string, want, got any) {
	t.Helper()
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok {
			t.Errorf("%s is %v, want an object", at, got)
			return
		}
		for k, v := range w {
			switch k {
			case "_options", "_comment", "_note", "_notes":
			case "paragraph_count":
				if n := len(g["blocks"].([]any)); float64(n) != v.(float64) {
					t.Errorf("%s has %d blocks, want %v\n%v", at, n, v, strings.Join(blockTexts(g), "\n"))
				}
			case "first", "last":
				s := squeeze(strings.Join(blockTexts(g), ""))
				f := squeeze(v.(string))
				if k == "first" && !strings.HasPrefix(s, f) && !strings.HasPrefix(s, "1."+f) || k == "last" && !strings.HasSuffix(s, f) {
					t.Errorf("%s: the %s of the body is not %q but %.40q … %q", at, k, f, s, tail(s, 60))
				}
			default:
				corpusCompare(t, at+"/"+k, v, g[k])
			}
		}
	case []any:
		g, _ := got.([]any)
		if len(g) != len(w) {
			t.Errorf("%s has %d entries, want %d: %v", at, len(g), len(w), outline(g))
		}
		for i := range min(len(w), len(g)) {
			corpusCompare(t, at+"/"+string(rune('0'+i)), w[i], g[i])
		}
	case string:
		g, _ := got.(string)
		if strings.Join(strings.Fields(g), " ") != strings.Join(strings.Fields(w), " ") {
			t.Errorf("%s is %q, want %q", at, g, w)
		}
	default:
		if got != want {
			t.Errorf("%s is %v, want %v", at, got, want)
		}
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
