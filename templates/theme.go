package templates

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Theme is what makes the digest, the web pages and the WeChat article look like
// one's own. What is empty has its default.
type Theme struct {
	// Ink of titles and links, Accent of sections and notes, Paper behind the text,
	// each as #rrggbb. The colours of dark mode follow from them.
	Ink, Accent, Paper string
	// Logo stands above the masthead; nil: none.
	Logo *Logo
	// Signature is a line or two under the colophon.
	Signature string
}

// Logo is a picture with a fixed place among the public pages.
type Logo struct {
	Path          string // below the public address: /theme/0123….png
	Width, Height int    // as shown, in pixels
}

// The built-in colours.
const (
	defaultInk    = "#1f3a5f"
	defaultAccent = "#9c2f24"
	defaultPaper  = "#fffefb"
)

// palette is every colour of the style sheets, by its token: theme(ink) in a
// template or a style sheet is one of them.
type palette map[string]string

// ContrastError is a colour of a [Theme] that cannot be read.
type ContrastError struct {
	Key           string // ink, accent or paper
	Front, Behind string // the colours that are too close
	Ratio         float64
	Dark          bool // in dark mode
}

// Error says what cannot be read.
func (e ContrastError) Error() string {
	return fmt.Sprintf("theme.%s: %s on %s has a contrast of %.2f:1, at least %.1f:1 can be read by everybody", e.Key, e.Front, e.Behind, e.Ratio, MinContrast)
}

// MinContrast is what WCAG 2.1, 1.4.3 (AA) wants between a text and what is behind it.
const MinContrast = 4.5

// colours derives the palette and holds it against WCAG 2.1, 1.4.3 (AA): 4.5:1
// for every text on what is behind it, in light and in dark. Its errors are
// [ContrastError]s.
func (t Theme) colours() (palette, []error) {
	ink, accent, paper := or(t.Ink, defaultInk), or(t.Accent, defaultAccent), or(t.Paper, defaultPaper)
	p := palette{
		"ink": ink, "accent": accent, "paper": paper, "text": "#2b2a27", "soft": "#645f55",
		"ground": "#efece5", "tint": "#f6f3ec", "rule": "#d9d3c5",
		"dark-paper": "#1c1f24", "dark-ground": "#14161a", "dark-tint": "#252930", "dark-rule": "#3a3f47",
		"dark-text": "#e3e0d9", "dark-soft": "#b3aea3",
		"dark-ink": "#9db8dc", "dark-accent": "#e79a8b",
	}
	if paper != defaultPaper {
		p["ground"], p["tint"], p["rule"] = mix(paper, p["text"], 0.07), mix(paper, p["text"], 0.03), mix(paper, p["text"], 0.17)
	}
	if ink != defaultInk {
		p["dark-ink"] = lighten(ink, p["dark-tint"])
	}
	if accent != defaultAccent {
		p["dark-accent"] = lighten(accent, p["dark-tint"])
	}
	var errs []error
	for _, c := range []struct{ key, front, behind string }{
		{"paper", "text", "paper"},
		{"paper", "soft", "paper"},
		{"paper", "soft", "ground"},
		{"paper", "soft", "tint"},
		{"ink", "ink", "paper"},
		{"ink", "ink", "tint"},
		{"ink", "paper", "ink"},
		{"accent", "accent", "paper"},
		{"accent", "accent", "tint"},
		{"ink", "dark-ink", "dark-paper"},
		{"ink", "dark-ink", "dark-tint"},
		{"accent", "dark-accent", "dark-paper"},
		{"accent", "dark-accent", "dark-tint"},
	} {
		front, behind := p[c.front], p[c.behind]
		same := func(e error) bool { return e.(ContrastError).Key == c.key }
		if ratio := contrast(front, behind); ratio < MinContrast && !slices.ContainsFunc(errs, same) {
			errs = append(errs, ContrastError{c.key, front, behind, ratio, strings.HasPrefix(c.behind, "dark-")})
		}
	}
	return p, errs
}

// themed puts the colours in place of theme(…).
func (p palette) themed(name, src string) (string, error) {
	var unknown error
	out := token.ReplaceAllStringFunc(src, func(s string) string {
		colour, ok := p[token.FindStringSubmatch(s)[1]]
		if !ok && unknown == nil {
			unknown = fmt.Errorf("template %s: there is no colour %s", name, s)
		}
		return colour
	})
	return out, unknown
}

var token = regexp.MustCompile(`theme\(([a-z-]+)\)`)

// lighten mixes a colour with white until it reads well on a dark ground.
func lighten(colour, ground string) string {
	for share := 0.3; share < 1; share += 0.05 {
		if c := mix(colour, "#ffffff", share); contrast(c, ground) >= 6.5 {
			return c
		}
	}
	return "#ffffff"
}

// mix is colour a with a share of b.
func mix(a, b string, share float64) string {
	var out strings.Builder
	out.WriteByte('#')
	x, y := channels(a), channels(b)
	for i := range x {
		fmt.Fprintf(&out, "%02x", int(math.Round(x[i]*(1-share)+y[i]*share)))
	}
	return out.String()
}

// contrast is the ratio of WCAG 2.1 for two colours.
func contrast(a, b string) float64 {
	x, y := luminance(a), luminance(b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

func luminance(colour string) float64 {
	linear := func(c float64) float64 {
		if c /= 255; c <= 0.03928 {
			return c / 12.92
		}
		return math.Pow((c+0.055)/1.055, 2.4)
	}
	c := channels(colour)
	return 0.2126*linear(c[0]) + 0.7152*linear(c[1]) + 0.0722*linear(c[2])
}

// channels are red, green and blue of #rrggbb, 0 to 255.
func channels(colour string) (out [3]float64) {
	n, err := strconv.ParseUint(strings.TrimPrefix(colour, "#"), 16, 24)
	if err != nil {
		return out
	}
	return [3]float64{float64(n >> 16), float64(n >> 8 & 0xff), float64(n & 0xff)}
}

// hexColour is a colour as a theme writes it.
var hexColour = regexp.MustCompile(`^#[0-9a-f]{6}$`)

// check refuses what is no theme.
func (t Theme) check() (palette, []error) {
	for key, colour := range map[string]string{"ink": t.Ink, "accent": t.Accent, "paper": t.Paper} {
		if colour != "" && !hexColour.MatchString(colour) {
			return nil, []error{fmt.Errorf("theme.%s: %q is not a colour such as %s", key, colour, defaultInk)}
		}
	}
	return t.colours()
}
