package main

import (
	"bytes"
	"image"
	"image/png"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// pageWithPicture writes a web page with a picture beside it and returns the
// page's path.
func pageWithPicture(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 40, 30))); err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string]string{
		"pier.png":  b.String(),
		"issue.htm": "<html><meta charset=utf-8><h1>港城茗讯</h1><p>2026年第6期 总第38期</p><h2>要闻</h2><h3>新茶到港</h3><p>第一批新茶今天到港，码头上一片忙碌。</p><img src=pier.png alt=码头></html>",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "issue.htm")
}

// TestPictureOfAnIssue follows a picture from the file to the reader.
func TestPictureOfAnIssue(t *testing.T) {
	o := newOffice(t, newSink(t, nil).Addr())
	file := pageWithPicture(t)
	if out := o.do("issue", "import", file); !strings.Contains(out, "其中图片 1 张") {
		t.Errorf("the import says\n%s", out)
	}
	o.do("issue", "approve", "38")
	o.subscribe("email", "chen@example.org")
	s := o.serve()
	src := regexp.MustCompile(`<img src="38/img/([0-9a-f]{32}\.png)" alt="码头" width="40" height="30"`)

	out := t.TempDir()
	o.do("issue", "preview", "38", "-o", out)
	page, err := os.ReadFile(filepath.Join(out, "web.html"))
	if err != nil {
		t.Fatal(err)
	}
	m := src.FindSubmatch(page)
	if m == nil {
		t.Fatalf("the page shows no picture:\n%s", page)
	}
	if _, err := os.Stat(filepath.Join(out, "38", "img", string(m[1]))); err != nil {
		t.Error(err)
	}

	at := s.public + "/issues/38/img/" + string(m[1])
	if r, _ := fetch(t, http.MethodGet, at, ""); r.StatusCode != http.StatusNotFound {
		t.Errorf("before the issue was sent: %s", r.Status)
	}
	o.do("send", "38", "--wait")
	r, data := fetch(t, http.MethodGet, at, "")
	if r.StatusCode != http.StatusOK || r.Header.Get("Content-Type") != "image/png" || !strings.Contains(r.Header.Get("Cache-Control"), "immutable") || !strings.HasPrefix(data, "\x89PNG") {
		t.Errorf("%s %v", r.Status, r.Header)
	}
	for _, bad := range []string{"/issues/38/img/0123456789abcdef0123456789abcdef.png", "/issues/39/img/" + string(m[1]), "/issues/38/img/..%2f..%2fetc"} {
		if r, _ := fetch(t, http.MethodGet, s.public+bad, ""); r.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %s", bad, r.Status)
		}
	}
}

// TestConvertedPictures: what convert writes is what import had, with the pictures
// beside it and without.
func TestConvertedPictures(t *testing.T) {
	o := newOffice(t, "127.0.0.1:1")
	file := pageWithPicture(t)
	dir := t.TempDir()
	plain, stderr, _ := o.try("issue", "convert", file)
	if !strings.Contains(stderr, "--images") {
		t.Errorf("nothing is said about the picture: %s", stderr)
	}
	markdown := o.do("issue", "convert", file, "--images", filepath.Join(dir, "images"))
	if plain != markdown {
		t.Error("the Markdown depends on --images")
	}
	if err := os.WriteFile(filepath.Join(dir, "38.md"), []byte(markdown), 0o600); err != nil {
		t.Fatal(err)
	}
	alone := filepath.Join(t.TempDir(), "38.md")
	if err := os.WriteFile(alone, []byte(markdown), 0o600); err != nil {
		t.Fatal(err)
	}
	if out := o.do("issue", "import", alone); !strings.Contains(out, "image-missing") {
		t.Errorf("a picture that nobody handed in is not missed:\n%s", out)
	}
	if out := o.do("issue", "import", filepath.Join(dir, "38.md")); strings.Contains(out, "image-missing") || !strings.Contains(out, "没有变化") {
		t.Errorf("with the picture beside it:\n%s", out)
	}
	if out := o.do("issue", "import", file); !strings.Contains(out, "没有变化") {
		t.Errorf("the file itself is another issue:\n%s", out)
	}
	if out := o.do("issue", "import", alone); strings.Contains(out, "image-missing") {
		t.Errorf("the picture was imported before and is missed:\n%s", out)
	}
}
