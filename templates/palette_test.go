package templates

import (
	"math"
	"regexp"
	"strings"
	"testing"
)

// TestContrast holds the colours of the style sheets against WCAG 2.1, 1.4.3: at
// least 4.5:1 between a text and what is behind it, in light and in dark.
func TestContrast(t *testing.T) {
	s := set(t)
	light, dark, _ := strings.Cut(string(s.css["email-head.css"]), "[data-ogsb]")
	outlook := "[data-ogsb]" + dark
	dark = light[strings.Index(light, "prefers-color-scheme"):]
	web := string(s.css["web.css"])
	webLight, webDark, ok := strings.Cut(web, "@media (prefers-color-scheme: dark)")
	if !ok {
		t.Fatal("web.css has no dark colours")
	}
	webDark, _, _ = strings.Cut(webDark, "* {")
	// behind says on which class's ground a class of the mail stands.
	behind := map[string]string{"note-text": "note", "note-link": "note", "scope": "member", "membership": "member"}
	for sheet, css := range map[string]string{"email.css": string(s.css["email.css"]), "dark": dark, "outlook dark": outlook} {
		ground := map[string]string{}
		for class, color := range declared(css, "background-color") {
			ground[class] = color
		}
		texts := declared(css, "color")
		if len(texts) < 10 {
			t.Fatalf("%s: only %d coloured texts found", sheet, len(texts))
		}
		for class, color := range texts {
			on := behind[class]
			if on == "" {
				on = "sheet"
			}
			if ratio := contrast(color, ground[on]); ratio < 4.5 {
				t.Errorf("%s: .%s %s on .%s %s has %.2f:1", sheet, class, color, on, ground[on], ratio)
			}
		}
		for class := range declared(string(s.css["email.css"]), "color") {
			if class != "preheader" && texts[class] == "" {
				t.Errorf("%s has no colour for .%s", sheet, class)
			}
		}
	}
	for name, css := range map[string]string{"web light": webLight, "web dark": webDark} {
		c := map[string]string{}
		for _, m := range regexp.MustCompile(`--(\w+): (#\w+)`).FindAllStringSubmatch(css, -1) {
			c[m[1]] = m[2]
		}
		for _, pair := range [][2]string{{"text", "paper"}, {"soft", "paper"}, {"ink", "paper"}, {"accent", "paper"}, {"text", "tint"}, {"accent", "tint"}, {"ink", "tint"}, {"paper", "ink"}} {
			if ratio := contrast(c[pair[0]], c[pair[1]]); ratio < 4.5 {
				t.Errorf("%s: %s %s on %s %s has %.2f:1", name, pair[0], c[pair[0]], pair[1], c[pair[1]], ratio)
			}
		}
	}
}

var rule = regexp.MustCompile(`([^{}]+)\{([^{}]*)\}`)

// declared returns the hex colour that each class has for a property.
func declared(css, property string) map[string]string {
	out := map[string]string{}
	value := regexp.MustCompile(`(?:^|[;\s])` + property + `:\s*(#[0-9a-f]{6})`)
	for _, m := range rule.FindAllStringSubmatch(css, -1) {
		v := value.FindStringSubmatch(m[2])
		if v == nil {
			continue
		}
		for sel := range strings.SplitSeq(m[1], ",") {
			if i := strings.LastIndex(sel, "."); i >= 0 {
				out[strings.TrimSpace(sel[i+1:])] = v[1]
			}
		}
	}
	return out
}

func TestContrastFormula(t *testing.T) {
	for _, tc := range []struct {
		a, b string
		want float64
	}{{"#000000", "#ffffff", 21}, {"#767676", "#ffffff", 4.54}, {"#07c160", "#ffffff", 2.38}} {
		if got := contrast(tc.a, tc.b); math.Abs(got-tc.want) > 0.01 {
			t.Errorf("%s on %s: %.2f, want %.2f", tc.a, tc.b, got, tc.want)
		}
	}
}
