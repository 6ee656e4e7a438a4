package config

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestWriteSample(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "place")
	path, err := WriteSample(dir)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode is %v", info.Mode())
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = WriteSample(dir)
	var e Error
	if !errors.As(err, &e) || e.Code != "file-exists" {
		t.Errorf("second time: got %v", err)
	}
	after, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("the file was changed: %v", err)
	}
}

// The sample says what the defaults are, except for what has none and the two
// domains that it shows as an example.
func TestSampleIsTheDefault(t *testing.T) {
	c := load(t, string(Sample()))
	want := Default()
	want.File, want.PublicURL, want.Secret = c.File, "https://news.example.org", c.Secret
	want.DataDir = filepath.Join(filepath.Dir(c.File), "data")
	e := &want.Channels.Email
	e.From.Name, e.From.Address, e.EnvelopeFrom = "协会名称", "news@example.org", "news@example.org"
	e.Hello = "news.example.org"
	e.SMTP.Address, e.SMTP.ServerName = "mail.example.org:587", "mail.example.org"
	e.Domains = map[string]DomainLimit{"qq.com": {5, 2}, "163.com": {5, 2}}
	if got := show(c); got != show(want) {
		t.Errorf("got  %s\nwant %s", got, show(want))
	}
	if len(c.Secret.Reveal()) != 64 {
		t.Errorf("the secret has %d characters", len(c.Secret.Reveal()))
	}
	if c.Secret.Equal(load(t, string(Sample())).Secret) {
		t.Error("two samples have the same secret")
	}
}

// What a beginner must change is what Check then asks about.
func TestSampleFindings(t *testing.T) {
	var got []string
	for _, f := range load(t, string(Sample())).Check() {
		got = append(got, f.Key+" "+f.Code)
	}
	want := []string{
		"public_url example-value", "imprint no-imprint",
		"channels.email.from example-value", "channels.email.smtp.address example-value",
	}
	if len(got) != len(want) {
		t.Fatalf("got %v, want %v", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("got %v, want %v", got[i], want[i])
		}
	}
}
