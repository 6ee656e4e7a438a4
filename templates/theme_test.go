package templates

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

func TestThemeColoursMustBeReadable(t *testing.T) {
	for name, tc := range map[string]struct {
		theme Theme
		keys  string // of the errors
	}{
		"built in":     {Theme{}, ""},
		"green":        {Theme{Ink: "#14532d", Accent: "#7c2d12"}, ""},
		"warm paper":   {Theme{Paper: "#fdf6e3"}, ""},
		"pale ink":     {Theme{Ink: "#9ab8d8"}, "ink"},
		"WeChat green": {Theme{Accent: "#07c160"}, "accent"},
		"dark paper":   {Theme{Paper: "#202020"}, "paper ink accent"},
		"grey paper":   {Theme{Paper: "#c8c8c8"}, "paper accent"},
	} {
		t.Run(name, func(t *testing.T) {
			_, errs := tc.theme.check()
			var keys []string
			for _, err := range errs {
				var c ContrastError
				if !errors.As(err, &c) {
					t.Fatal(err)
				}
				keys = append(keys, c.Key)
			}
			if got := strings.Join(keys, " "); got != tc.keys {
				t.Errorf("errors at %q, want %q: %v", got, tc.keys, errs)
			}
		})
	}
}

func TestThemeTakesColoursOnly(t *testing.T) {
	for _, bad := range []string{"navy", "#000000;}", "#FFF", "#1F3A5F"} {
		if _, err := New(Options{Theme: Theme{Accent: bad}}); err == nil || !strings.Contains(err.Error(), "theme.accent") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// TestTheme: the colours, the logo and the signature are in every form.
func TestTheme(t *testing.T) {
	theme := Theme{
		Ink: "#14532d", Accent: "#7c2d12", Paper: "#fdf6e3", Signature: "云溪市茶叶流通协会\n让每一片叶子说清来路",
		Logo: &Logo{Path: "/theme/abc.png", Width: 120, Height: 40},
	}
	s, err := New(Options{Theme: theme})
	if err != nil {
		t.Fatal(err)
	}
	d, err := s.Email(input("zh-CN"))
	if err != nil {
		t.Fatal(err)
	}
	page, err := s.Web(input("zh-CN"))
	if err != nil {
		t.Fatal(err)
	}
	a, err := s.Article(input("zh-CN"))
	if err != nil {
		t.Fatal(err)
	}
	for name, part := range map[string][]byte{"mail": d.HTML, "page": page, "article": []byte(a.Content)} {
		if bytes.Contains(part, []byte("theme(")) || bytes.Contains(part, []byte(defaultInk)) || bytes.Contains(part, []byte(defaultAccent)) {
			t.Errorf("the %s has colours of its own", name)
		}
		if !bytes.Contains(part, []byte("#14532d")) || !bytes.Contains(part, []byte("#7c2d12")) {
			t.Errorf("the %s lacks the theme's colours", name)
		}
	}
	for name, part := range map[string][]byte{"mail": d.HTML, "text": d.Text, "page": page} {
		if !bytes.Contains(part, []byte("让每一片叶子说清来路")) {
			t.Errorf("the %s lacks the signature", name)
		}
	}
	if !bytes.Contains(d.HTML, []byte(`src="https://news.example.org/theme/abc.png" alt="" width="120" height="40"`)) {
		t.Error("the mail lacks the logo")
	}
	if !bytes.Contains(page, []byte(`src="/theme/abc.png" alt="" width="120" height="40"`)) {
		t.Error("the page lacks the logo")
	}
	in := input("zh-CN")
	in.PublicURL = "http://127.0.0.1:8080"
	if d, err = s.Email(in); err != nil || bytes.Contains(d.HTML, []byte("<img")) {
		t.Errorf("a logo without https: %v", err)
	}
	plain, err := set(t).Cover(input("zh-CN"))
	if err != nil {
		t.Fatal(err)
	}
	if c, err := s.Cover(input("zh-CN")); err != nil || bytes.Equal(c.PNG, plain.PNG) {
		t.Errorf("the cover has the built-in colours: %v", err)
	}
}
