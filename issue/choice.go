package issue

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/width"
)

// Outline is the sections of an issue, in printed order, as far as a subscriber
// chooses among them.
type Outline []OutlineSection

// OutlineSection is one section of an [Outline].
type OutlineSection struct {
	Name string `json:"name,omitempty"`
	// Everybody gets it, whatever they chose: an editorial, or what was printed
	// in no section.
	Everybody bool `json:"everybody,omitempty"`
}

// Outline returns the sections that subscribers choose among.
func (i Issue) Outline() Outline {
	out := make(Outline, len(i.Sections))
	for n, s := range i.Sections {
		out[n].Name = s.Name
		out[n].Everybody = SectionKey(s.Name) == "" || len(s.Articles) > 0 &&
			!slices.ContainsFunc(s.Articles, func(a Article) bool { return a.Kind != KindEditorial })
	}
	return out
}

// Choice is the sections of an issue that somebody gets: their places in the
// [Outline], ascending. Nil is the whole issue.
type Choice []int

// Choose gives the sections that have one of these names, with those that go to
// everybody. It is the whole issue when no name was chosen, and when the issue has
// no section to choose. ok is false when it has none of the chosen ones.
func (o Outline) Choose(names []string) (c Choice, ok bool) {
	if len(names) == 0 || !slices.ContainsFunc(o, func(s OutlineSection) bool { return !s.Everybody }) {
		return nil, true
	}
	wanted := map[string]bool{}
	for _, name := range names {
		wanted[SectionKey(name)] = true
	}
	delete(wanted, "")
	for n, s := range o {
		chosen := wanted[SectionKey(s.Name)]
		ok = ok || chosen
		if chosen || s.Everybody {
			c = append(c, n)
		}
	}
	switch {
	case !ok:
		return nil, false
	case len(c) == len(o):
		return nil, true
	}
	return c, true
}

// Names are the names of the chosen sections, as printed.
func (o Outline) Names(c Choice) []string {
	var out []string
	for n, s := range o {
		if c.Has(n) && s.Name != "" {
			out = append(out, s.Name)
		}
	}
	return out
}

// Has reports whether the choice has the section at a place.
func (c Choice) Has(place int) bool { return c == nil || slices.Contains(c, place) }

// Covers reports whether the choice has every section of another.
func (c Choice) Covers(other Choice) bool {
	if c == nil || other == nil {
		return c == nil
	}
	return !slices.ContainsFunc(other, func(place int) bool { return !c.Has(place) })
}

// String is the choice as it is kept: "1+3", counted from 1; "" is the whole issue.
func (c Choice) String() string {
	parts := make([]string, len(c))
	for n, place := range c {
		parts[n] = strconv.Itoa(place + 1)
	}
	return strings.Join(parts, "+")
}

// ParseChoice reads what String has written.
func ParseChoice(text string) (Choice, error) {
	if text == "" {
		return nil, nil
	}
	var c Choice
	for part := range strings.SplitSeq(text, "+") {
		n, err := strconv.Atoi(part)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("%q is no choice of sections", text)
		}
		c = append(c, n-1)
	}
	return c, nil
}

// SectionKey is what two spellings of a section's name have in common: width,
// case, spaces and punctuation do not tell sections apart.
func SectionKey(name string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsLetter(r) && !unicode.IsNumber(r) && !unicode.IsMark(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, width.Fold.String(name))
}
