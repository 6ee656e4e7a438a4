package issue

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestVariantsOfTheRealIssue gives the real issue other shapes that the same
// text could have come in. What it holds must stay the same.
func TestVariantsOfTheRealIssue(t *testing.T) {
	data, _ := readSeed(t)
	real, err := Read("a.txt", data, ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	cut := strings.Index(text, "目录\n")
	end := cut + strings.Index(text[cut:], "\n\n【编辑寄语】")
	for name, v := range map[string]string{
		"no blank lines":        strings.ReplaceAll(strings.ReplaceAll(text, "\n\n", "\n"), "\n\n", "\n"),
		"two blank lines":       strings.ReplaceAll(text, "\n\n", "\n\n\n"),
		"indented paragraphs":   strings.ReplaceAll(text, "\n\n", "\n\n　　"),
		"spaces at line ends":   strings.ReplaceAll(text, "\n", "  \n"),
		"no contents":           text[:cut] + text[end:],
		"contents without head": strings.Replace(text, "目录\n", "\n", 1),
		"squares for sections":  strings.NewReplacer("【", "■ ", "】", "").Replace(text),
		"wrapped with indents":  wrapped(text, "　　"),
		"wrapped with blanks":   strings.ReplaceAll(wrapped(strings.ReplaceAll(text, "\n\n", "\n\x00\n"), ""), "\x00", ""),
		"leaders":               strings.ReplaceAll(text, "\t", "…………"),
	} {
		t.Run(name, func(t *testing.T) {
			res, err := Read("a.txt", []byte(v), ReadOptions{})
			if err != nil {
				t.Fatal(err)
			}
			want, got := real.Issue, res.Issue
			if name == "no contents" {
				got.Contents = want.Contents
			}
			if strings.HasPrefix(name, "wrapped") { // spaces at the ends of lines are gone
				want, got = squeezed(want), squeezed(got)
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("(-want +got):\n%s", clipLines(d, 40))
			}
		})
	}
}

// squeezed is an issue without any white space in its paragraphs.
func squeezed(i Issue) Issue {
	var out []Section
	for _, s := range i.Sections {
		t := Section{Name: s.Name}
		for _, a := range s.Articles {
			blocks := slices.Clone(a.Blocks)
			for k := range blocks {
				blocks[k].Text, blocks[k].Spans = squeeze(blocks[k].Text), nil
			}
			a.Blocks, a.Summary = blocks, squeeze(a.Summary)
			if a.Profile != nil {
				p := *a.Profile
				p.Scope = squeeze(p.Scope)
				a.Profile = &p
			}
			t.Articles = append(t.Articles, a)
		}
		out = append(out, t)
	}
	i.Sections = out
	return i
}

// wrapped breaks the lines of running text at 80 columns.
func wrapped(text, indent string) string {
	const width = 80
	var b strings.Builder
	for _, l := range strings.Split(text, "\n") {
		if l == "" {
			continue
		}
		if strings.HasSuffix(l, "。") || columns(l) > width {
			l = indent + l
		}
		w := 0
		for _, r := range l {
			c := columns(string(r))
			if w+c > width {
				b.WriteByte('\n')
				w = 0
			}
			w += c
			b.WriteRune(r)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func clipLines(s string, n int) string {
	lines := strings.SplitAfterN(s, "\n", n+1)
	if len(lines) > n {
		lines[n] = "…"
	}
	return strings.Join(lines, "")
}
