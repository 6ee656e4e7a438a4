package config

import (
	"bytes"
	"errors"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestLogo: a logo is a bounded PNG or JPEG, and its name follows from its bytes.
func TestLogo(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, data []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	picture := func(width int) []byte {
		var out bytes.Buffer
		if err := png.Encode(&out, image.NewGray(image.Rect(0, 0, width, 8))); err != nil {
			t.Fatal(err)
		}
		return out.Bytes()
	}
	write("good.png", picture(90))
	write("wide.png", picture(maxLogoSide+1))
	write("text.png", []byte("not a picture"))
	write("heavy.png", append(picture(90), make([]byte, maxLogoFile)...))
	load := func(theme string) (*Config, Errors) {
		t.Helper()
		file := filepath.Join(dir, FileName)
		text := "public_url: https://news.example.org\nsecret: 0123456789abcdef0123456789abcdef\nchannels: {email: {from: news@example.org, smtp: {address: \"127.0.0.1:25\", tls: none}}}\ntheme: " + theme + "\n"
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := Load(file, noEnv)
		var errs Errors
		if err != nil && !errors.As(err, &errs) {
			t.Fatal(err)
		}
		return c, errs
	}
	c, errs := load(`{logo: good.png, ink: "#14532D"}`)
	if len(errs) > 0 || c.Theme.Logo.Width != 90 || c.Theme.Logo.Height != 8 || !strings.HasSuffix(c.Theme.Logo.Name, ".png") || c.Theme.Ink != "#14532d" {
		t.Fatalf("%v: %+v", errs, c)
	}
	for theme, code := range map[string]string{
		"{logo: wide.png}": "too-large", "{logo: text.png}": "not-a-picture", "{logo: heavy.png}": "file-unreadable", "{logo: none.png}": "file-unreadable",
		"{ink: navy}": "bad-value", `{paper: "#fff"}`: "bad-value", "{font: x}": "unknown-key",
	} {
		if _, errs := load(theme); len(errs) != 1 || errs[0].Code != code || errs[0].Line != 4 {
			t.Errorf("%s: %v, want one %s in line 4", theme, errs, code)
		}
	}
}
