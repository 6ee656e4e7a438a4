package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const sound = `public_url: https://news.xiehui.cn
secret: 0123456789abcdef0123456789abcdef
http: {listen: "127.0.0.1:8080"}
imprint: {contact: "021-1"}
channels:
  email:
    from: news@xiehui.cn
    smtp: {address: "mail.xiehui.cn:587", tls: starttls}
`

// Each row changes one thing in a sound file.
func TestCheck(t *testing.T) {
	for _, one := range []struct {
		name, old, now string
		want           []string
	}{
		{"sound", "", "", nil},
		{"http", "https://", "http://", []string{"not-https"}},
		{"http on this machine", "https://news.xiehui.cn", "http://127.0.0.1:8080", nil},
		{"example url", "news.xiehui.cn", "news.example.org", []string{"example-value"}},
		{"example sender", "news@xiehui.cn", "news@example.com", []string{"example-value"}},
		{"example relay", "mail.xiehui.cn", "mail.example.net", []string{"example-value"}},
		{"open listener", "127.0.0.1:8080", ":8080", []string{"listener-open"}},
		{"open admin", `listen: "127.0.0.1:8080"`, `admin: "0.0.0.0:1"`, []string{"admin-open"}},
		{"no imprint", `contact: "021-1"`, "", []string{"no-imprint"}},
		{"other envelope", "smtp:", "envelope_from: a@other.cn\n    smtp:", []string{"envelope-differs"}},
		{"envelope in a subdomain", "smtp:", "envelope_from: a@bounce.xiehui.cn\n    smtp:", nil},
		{"plain relay", "tls: starttls", "tls: none", []string{"plain-relay"}},
		{"plain relay here", `"mail.xiehui.cn:587", tls: starttls`, `"localhost:25", tls: none`, nil},
		{"tls port", ":587", ":465", []string{"tls-port"}},
		{"starttls port", "tls: starttls", "tls: tls", []string{"tls-port"}},
		{"idle limit", "smtp:", "domains: {qq.com: {rate: 21/s, connections: 9}}\n    smtp:", []string{"limit-idle", "limit-idle"}},
		{"no retry", "smtp:", "give_up: 1m\n    smtp:", []string{"no-retry"}},
	} {
		t.Run(one.name, func(t *testing.T) {
			var got []string
			for _, f := range load(t, strings.Replace(sound, one.old, one.now, 1)).Check() {
				got = append(got, f.Code)
				if f.Text == "" || f.Hint == "" || f.Line == 0 || f.File == "" {
					t.Errorf("finding without words: %#v", f)
				}
			}
			if diff := cmp.Diff(one.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestCheckExposed(t *testing.T) {
	path := write(t, strings.Replace(sound, testSecret, "file:key", 1))
	key := filepath.Join(filepath.Dir(path), "key")
	if err := os.WriteFile(key, []byte(testSecret), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, one := range []struct {
		name              string
		fileMode, keyMode os.FileMode
		want              string
	}{
		{"both private", 0o600, 0o600, ""},
		{"for a group", 0o640, 0o640, ""},
		{"open file without a literal secret", 0o644, 0o600, ""},
		{"open key", 0o600, 0o644, "key"},
	} {
		if err := os.Chmod(path, one.fileMode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(key, one.keyMode); err != nil {
			t.Fatal(err)
		}
		c, err := Load(path, noEnv)
		if err != nil {
			t.Fatal(err)
		}
		got := c.Check()
		if (one.want != "") != (len(got) == 1 && got[0].Code == "file-exposed") {
			t.Errorf("%s: got %v", one.name, got)
		}
	}
	path = write(t, sound)
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	c, err := Load(path, noEnv)
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Check(); len(got) != 1 || got[0].Code != "file-exposed" {
		t.Errorf("open file with a literal secret: got %v", got)
	}
}
