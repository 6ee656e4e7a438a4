package config

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files")

const testSecret = "0123456789abcdef0123456789abcdef"

const minimal = `public_url: https://news.example.org
secret: 0123456789abcdef0123456789abcdef
channels:
  email:
    from: news@example.org
    smtp: {address: "mail.example.org:587"}
`

func noEnv(string) string { return "" }

// write puts text into a new directory as yizhan.yaml.
func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), FileName)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func load(t *testing.T, text string) *Config {
	t.Helper()
	c, err := Load(write(t, text), noEnv)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestLoadMinimal(t *testing.T) {
	path := write(t, minimal)
	got, err := Load(path, noEnv)
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.File = path
	want.PublicURL = "https://news.example.org"
	want.DataDir = filepath.Join(filepath.Dir(path), "data")
	want.Secret = NewSecret(testSecret)
	email := &want.Channels.Email
	email.From.Address = "news@example.org"
	email.EnvelopeFrom = "news@example.org"
	email.Hello = "news.example.org"
	email.SMTP.Address = "mail.example.org:587"
	email.SMTP.ServerName = "mail.example.org"
	if diff := cmp.Diff(show(want), show(got)); diff != "" {
		t.Error(diff)
	}
	if got.Secret.Reveal() != testSecret {
		t.Error("secret is not the one in the file")
	}
}

// show prints what somebody can see of c, but not where its lines are.
func show(c *Config) string {
	plain := *c
	plain.lines, plain.findings = nil, nil
	return fmt.Sprintf("%+v", plain)
}

const everything = `title: 电子商务资讯
public_url: https://News.example.org:8443/
timezone: UTC
data_dir: /srv/data
secret: ${KEY}
durability: full
http: {listen: "0.0.0.0:80", admin: "127.0.0.1:0"}
shutdown_grace: 5s
imprint: {address: 上海市, contact: "021-1", icp: 沪ICP备1号}
templates: own
database: ""
redis: ""
alerts: {to: [], webhook: ""}
schedules: []
channels:
  wechat: {}
  email:
    from: "上海市电子商务行业协会 <news@example.org>"
    reply_to: 编辑部 <editor@example.org>
    envelope_from: bounce@example.org
    hello: "[192.0.2.1]"
    unsubscribe_mailto: leave@example.org
    smtp: {address: "mail:25", username: u, password: "file:sub/password", tls: tls, server_name: relay.example.org}
    connections: 100
    rate: 90/m
    domains: {QQ.com: {rate: 5/s, connections: 2}, 163.com: {connections: 1}}
    retry: [1s, 2m]
    give_up: 1h
    after_lost_reply: hold
    dkim: {domain: "", selector: ""}
`

func TestLoadEverything(t *testing.T) {
	path := write(t, everything)
	dir := filepath.Dir(path)
	for _, sub := range []string{"own", "sub"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "sub", "password"), []byte("pass word\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(path, func(name string) string { return map[string]string{"KEY": testSecret}[name] })
	if err != nil {
		t.Fatal(err)
	}
	e := c.Channels.Email
	for _, one := range []struct{ name, got, want any }{
		{"title", c.Title, "电子商务资讯"},
		{"public_url", c.PublicURL, "https://news.example.org:8443"},
		{"timezone", c.Timezone.String(), "UTC"},
		{"data_dir", c.DataDir, "/srv/data"},
		{"secret", c.Secret.Reveal(), testSecret},
		{"durability", c.Durability, DurabilityFull},
		{"http", c.HTTP, HTTP{Listen: "0.0.0.0:80", Admin: "127.0.0.1:0"}},
		{"shutdown_grace", c.ShutdownGrace, 5 * time.Second},
		{"imprint", c.Imprint, Imprint{Address: "上海市", Contact: "021-1", ICP: "沪ICP备1号"}},
		{"templates", c.Templates, filepath.Join(dir, "own")},
		{"from", e.From.Name + "|" + e.From.Address, "上海市电子商务行业协会|news@example.org"},
		{"reply_to", e.ReplyTo.Name + "|" + e.ReplyTo.Address, "编辑部|editor@example.org"},
		{"envelope_from", e.EnvelopeFrom, "bounce@example.org"},
		{"hello", e.Hello, "[192.0.2.1]"},
		{"unsubscribe_mailto", e.UnsubscribeMailto, "leave@example.org"},
		{"address", e.SMTP.Address, "mail:25"},
		{"username", e.SMTP.Username, "u"},
		{"password", e.SMTP.Password.Reveal(), "pass word"},
		{"tls", e.SMTP.TLS, TLSDirect},
		{"server_name", e.SMTP.ServerName, "relay.example.org"},
		{"connections", e.Connections, 100},
		{"rate", e.Rate, Rate(1.5)},
		{"domains", e.Domains, map[string]DomainLimit{"qq.com": {Rate: 5, Connections: 2}, "163.com": {Connections: 1}}},
		{"retry", e.Retry, []time.Duration{time.Second, 2 * time.Minute}},
		{"give_up", e.GiveUp, time.Hour},
		{"after_lost_reply", e.AfterLostReply, LostReplyHold},
	} {
		if diff := cmp.Diff(one.want, one.got); diff != "" {
			t.Errorf("%s: %s", one.name, diff)
		}
	}
}

// Every file of testdata/bad breaks a rule; the errors it must give stand
// beside it. Run with -update to write them anew, and read what changed.
func TestLoadBad(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no bad files: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			_, err := Load(file, noEnv)
			errs, ok := err.(Errors)
			if !ok {
				t.Fatalf("got %v, want Errors", err)
			}
			var b strings.Builder
			for _, e := range errs {
				if strings.Trim(e.Code, "abcdefghijklmnopqrstuvwxyz-") != "" {
					t.Errorf("the code %q is not kebab-case", e.Code)
				}
				e.File = filepath.Base(e.File)
				// Where the checkout lies must not be in the golden files.
				here, _ := filepath.Abs("testdata/bad")
				fmt.Fprintf(&b, "[%s] %s\n", e.Code, strings.ReplaceAll(e.Error(), here, "DIR"))
			}
			golden := strings.TrimSuffix(file, ".yaml") + ".errors"
			if *update {
				if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), b.String()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestLoadFile(t *testing.T) {
	dir := t.TempDir()
	_, err := Load(filepath.Join(dir, "none.yaml"), noEnv)
	wantCode(t, err, "file-missing")
	_, err = Load(dir, noEnv)
	wantCode(t, err, "file-unreadable")
	_, err = Load(write(t, strings.Repeat("#", maxFile+1)), noEnv)
	wantCode(t, err, "file-too-large")
	_, err = Load(write(t, "title: \xc4\xe3\n"), noEnv)
	wantCode(t, err, "encoding")
	_, err = Load(write(t, strings.Replace(minimal, testSecret, "${KEY}", 1)), noEnv)
	wantCode(t, err, "variable-unset")
	_, err = Load(write(t, "\ufeff"+minimal), noEnv)
	if err != nil {
		t.Errorf("a byte order mark: %v", err)
	}
}

func wantCode(t *testing.T, err error, code string) {
	t.Helper()
	errs, ok := err.(Errors)
	if !ok || len(errs) != 1 || errs[0].Code != code {
		t.Errorf("got %v, want one error %s", err, code)
	}
}

// A person's secret is never in what the program says about their mistake.
func TestErrorsHideSecrets(t *testing.T) {
	const word = "hunter2hunter2"
	for _, text := range []string{
		"secret: " + word,
		"secret：" + word,
		"secret: *" + word,
		"secret: !" + word,
		"secret: !<" + word,
		"secret: &" + word,
		"secret: {" + word + ": 1}",
		"secret: [" + word + "]",
		"secret: \"" + word,
		"secret: @" + word,
		"secret: ${" + word,
		"secret: %" + word,
		"secret: \"\\q" + word + "\"",
		"channels: {email: {smtp: {password:" + word + "}}}",
		"channels: {email: {smtp: {password：" + word + "}}}",
		"public_url: https://me:" + word + "@example.org",
		"database: postgres://me:" + word + "@db/x",
		"secret:\n\t" + word,
		word,
	} {
		_, err := Load(write(t, text), noEnv)
		if err == nil {
			t.Errorf("%q: no error", text)
		} else if strings.Contains(err.Error(), word) {
			t.Errorf("%q: the error shows it: %v", text, err)
		}
	}
}

func FuzzLoad(f *testing.F) {
	f.Add(minimal)
	f.Add(everything)
	f.Add(string(Sample()))
	f.Add("a: &a {b: *a}\nredis: *a\nchannels: *a\n")
	bad, err := filepath.Glob("testdata/bad/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range bad {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	path := filepath.Join(f.TempDir(), FileName)
	f.Fuzz(func(t *testing.T, text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := Load(path, func(string) string { return testSecret })
		if err != nil {
			errs, ok := err.(Errors)
			if !ok || len(errs) == 0 {
				t.Fatalf("got %#v, want Errors", err)
			}
			lines := strings.Count(text, "\n") + 2
			for _, e := range errs {
				if e.Code == "" || e.Text == "" || e.File == "" || e.Line < 0 || e.Line > lines {
					t.Fatalf("bad error %#v", e)
				}
				if strings.Contains(e.Error(), testSecret) && !strings.Contains(text, testSecret) {
					t.Fatalf("the error shows the secret: %v", e)
				}
			}
			return
		}
		e := c.Channels.Email
		if c.PublicURL == "" || len(c.Secret.Reveal()) < minSecret || !isAddress(e.From.Address) || !isAddress(e.EnvelopeFrom) ||
			e.Hello == "" || e.SMTP.Address == "" || e.SMTP.ServerName == "" || len(e.Retry) == 0 || e.Connections < 1 || !filepath.IsAbs(c.DataDir) {
			t.Fatalf("accepted without what is needed: %+v", c)
		}
		c.Check()
	})
}
