package main

import (
	"bytes"
	"image"
	"image/png"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestThemeOfTheInstance: colours that cannot be read are refused with their line;
// the logo is beside the preview, on the public pages, and stays there when there is
// another.
func TestThemeOfTheInstance(t *testing.T) {
	o := newOffice(t, newSink(t, nil).Addr())
	o.edit("imprint:", "theme: {ink: \"#9ab8d8\", accent: \"#07c160\"}\nimprint:")
	_, stderr, code := o.try("check")
	if code != exitFailed || strings.Count(stderr, "看不清") != 2 || !strings.Contains(stderr, "yizhan.yaml:6") || !strings.Contains(stderr, "theme.ink") {
		t.Errorf("%d: %s", code, stderr)
	}
	dir := filepath.Dir(o.config)
	picture := func(width int) {
		var out bytes.Buffer
		if err := png.Encode(&out, image.NewGray(image.Rect(0, 0, width, 60))); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "logo.png"), out.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	picture(300)
	o.edit(`{ink: "#9ab8d8", accent: "#07c160"}`, `{ink: "#14532d", logo: logo.png, signature: "每一封信都有人签字"}`)
	o.ready()
	preview := t.TempDir()
	o.do("issue", "preview", "37", "-o", preview)
	mail, err := os.ReadFile(filepath.Join(preview, "email.html"))
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(mail), `<img class="mark" src="`)
	name, _, _ := strings.Cut(after, `"`)
	if !logoName.MatchString(name) || !strings.Contains(after, `width="150" height="30"`) || !strings.Contains(after, "每一封信都有人签字") {
		t.Fatalf("the mail has the logo %q in %.200s", name, after)
	}
	if _, err := os.Stat(filepath.Join(preview, name)); err != nil {
		t.Error(err)
	}
	s := o.serve()
	if r, body := fetch(t, http.MethodGet, s.public+"/theme/"+name, ""); r.StatusCode != http.StatusOK || r.Header.Get("Content-Type") != "image/png" || len(body) == 0 {
		t.Errorf("the logo: %d %s", r.StatusCode, r.Header.Get("Content-Type"))
	}
	for _, other := range []string{"0000000000000000.png", "..%2Fyizhan.yaml", "x"} {
		if r, _ := fetch(t, http.MethodGet, s.public+"/theme/"+other, ""); r.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %d", other, r.StatusCode)
		}
	}
	s.stop()
	picture(200)
	if r, _ := fetch(t, http.MethodGet, o.serve().public+"/theme/"+name, ""); r.StatusCode != http.StatusOK {
		t.Errorf("the logo of earlier mails: %d", r.StatusCode)
	}
}
