package templates

import (
	"slices"

	"yizhan/issue"
)

// Figure is the picture of an entry of a WeChat article.
type Figure struct{ Src, Text string }

// Illustration is a picture that a WeChat article shows.
type Illustration struct {
	Name    string // of the [issue.Image]
	Article string // whose picture it is
}

// Illustrations are the pictures that an issue's WeChat article shows, if it is
// told where they are: like a lead, the first of each article that is for all
// readers. The others are on the web page.
func Illustrations(in Input) []Illustration {
	var out []Illustration
	for at, s := range in.Issue.Sections {
		for _, a := range s.Articles {
			if b := firstPicture(a); b != nil && !slices.Contains(in.Locked, at) {
				out = append(out, Illustration{Name: b.Image.Name, Article: or(line(a.Title), line(s.Name))})
			}
		}
	}
	return out
}

func firstPicture(a issue.Article) *issue.Block {
	i := slices.IndexFunc(a.Blocks, func(b issue.Block) bool { return b.Image != nil })
	if i < 0 {
		return nil
	}
	return &a.Blocks[i]
}

// altMax is how many characters of a picture's text stand for it.
const altMax = 60

// figures are the illustrations with an address, by the place of their article.
func figures(in Input) map[int]Figure {
	out := map[int]Figure{}
	n := 0
	for at, s := range in.Issue.Sections {
		for _, a := range s.Articles {
			n++
			b := firstPicture(a)
			if b == nil || slices.Contains(in.Locked, at) || in.Pictures[b.Image.Name] == "" {
				continue
			}
			out[n] = Figure{Src: in.Pictures[b.Image.Name], Text: within(line(b.Text), altMax)}
		}
	}
	return out
}

// illustrate gives the entries their figures.
func (v *View) illustrate(all map[int]Figure) {
	each := func(e *Entry) {
		if f, ok := all[e.N]; ok {
			e.Figure = &f
		}
	}
	for i := range v.Notes {
		each(&v.Notes[i])
	}
	for i := range v.Sections {
		for j := range v.Sections[i].Entries {
			each(&v.Sections[i].Entries[j])
		}
	}
}
