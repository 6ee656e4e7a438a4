package main

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"yizhan/config"
	"yizhan/templates"
)

// logoPath is where the pages have the logo.
const logoPath = "/theme/"

// maxLogoWidth is the most that a logo takes of a telephone's width, in pixels.
const maxLogoWidth = 280

// theme is the configured look for the templates. A logo is shown at half its size,
// so that it is sharp on fine screens.
func theme(c config.Theme) templates.Theme {
	out := templates.Theme{Ink: c.Ink, Accent: c.Accent, Paper: c.Paper, Signature: c.Signature}
	if c.Logo.Name == "" {
		return out
	}
	width := min(max(c.Logo.Width/2, 1), maxLogoWidth)
	out.Logo = &templates.Logo{Path: logoPath + c.Logo.Name, Width: width, Height: max(c.Logo.Height*width/c.Logo.Width, 1)}
	return out
}

// illegible tells which colours of the theme cannot be read, each with its line.
func illegible(c *config.Config, err error) config.Errors {
	var out config.Errors
	for _, one := range flatten(err) {
		e, ok := one.(templates.ContrastError)
		if !ok {
			continue
		}
		where := ""
		if e.Dark {
			where = "深色模式里，"
		}
		out = append(out, c.Fault("theme."+e.Key, "low-contrast",
			fmt.Sprintf("%s%s 在 %s 上看不清，对比度只有 %.2f:1", where, e.Front, e.Behind, e.Ratio),
			fmt.Sprintf("字要再深些，纸要再浅些，对比度至少 %.1f:1", templates.MinContrast)))
	}
	return out
}

// flatten lists the errors that were joined.
func flatten(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	return []error{err}
}

// keepLogo keeps the configured logo with the data: a mail that was sent with it
// still finds it when there is another.
func (i *instance) keepLogo() error {
	l := i.config.Theme.Logo
	if l.Name == "" {
		return nil
	}
	dir := filepath.Join(i.config.DataDir, "theme")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("keeping the logo: %w", err)
	}
	path := filepath.Join(dir, l.Name)
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	if err := os.WriteFile(path, l.Data, 0o644); err != nil {
		return fmt.Errorf("keeping the logo: %w", err)
	}
	return nil
}

var logoName = regexp.MustCompile(`^[0-9a-f]{16}\.(png|jpeg)$`)

// logo answers with a logo of today or of earlier. Its name is made from its bytes,
// so it may be kept.
func (i *instance) logo(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	if !logoName.MatchString(name) {
		http.NotFound(w, r)
		return
	}
	data, err := os.ReadFile(filepath.Join(i.config.DataDir, "theme", name))
	if err != nil {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "image/"+strings.TrimPrefix(filepath.Ext(name), "."))
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	_, _ = w.Write(data)
}

// withLogo puts the logo beside the forms of a preview: its address need not be
// there yet.
func (i *instance) withLogo(forms []form) []form {
	l := i.config.Theme.Logo
	if l.Name == "" {
		return forms
	}
	for n := range forms {
		for _, address := range []string{i.config.PublicURL + logoPath + l.Name, logoPath + l.Name} {
			forms[n].data = bytes.ReplaceAll(forms[n].data, []byte(`src="`+address+`"`), []byte(`src="`+l.Name+`"`))
		}
	}
	return append(forms, form{Channel: "logo", Path: l.Name, data: l.Data})
}
