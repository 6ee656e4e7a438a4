package config

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// keyPEM writes a new key: "ed25519", "rsa2048" or "rsa1024" in PKCS #8, or
// "pkcs1".
func keyPEM(t *testing.T, kind string) string {
	t.Helper()
	var key any
	var err error
	bits := 2048
	switch kind {
	case "ed25519":
		_, key, err = ed25519.GenerateKey(rand.Reader)
	case "rsa1024":
		bits = 1024
		fallthrough
	default:
		key, err = rsa.GenerateKey(rand.Reader, bits)
	}
	if err != nil {
		t.Fatal(err)
	}
	if kind == "pkcs1" {
		der := x509.MarshalPKCS1PrivateKey(key.(*rsa.PrivateKey))
		return string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: der}))
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// withDKIM is a sound file with keys beside it.
func withDKIM(t *testing.T, dkim string, keys map[string]string) string {
	t.Helper()
	path := write(t, sound+"    dkim: "+dkim+"\n")
	for name, text := range keys {
		if err := os.WriteFile(filepath.Join(filepath.Dir(path), name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

func TestDKIM(t *testing.T) {
	rsaPEM, edPEM := keyPEM(t, "rsa2048"), keyPEM(t, "ed25519")
	indented := strings.ReplaceAll("|\n"+strings.TrimSpace(edPEM), "\n", "\n          ")
	for _, one := range []struct {
		name, dkim string
		want       []string
	}{
		{"one", "{domain: xiehui.cn, selector: s1, key: file:dkim.pem}", []string{"s1 xiehui.cn *rsa.PrivateKey"}},
		{
			"a list of two", "\n      - {domain: Xiehui.CN, selector: s1, key: file:dkim.pem}\n      - {domain: xiehui.cn, selector: e1, key: 'file:ed.pem'}",
			[]string{"s1 xiehui.cn *rsa.PrivateKey", "e1 xiehui.cn ed25519.PrivateKey"},
		},
		{"a variable", "[{domain: xiehui.cn, selector: s1, key: '${PEM}'}]", []string{"s1 xiehui.cn *rsa.PrivateKey"}},
		{"PKCS #1", "{domain: xiehui.cn, selector: 2026.a, key: file:old.pem}", []string{"2026.a xiehui.cn *rsa.PrivateKey"}},
		{
			"written out", "[{domain: xiehui.cn, selector: s1, key: file:dkim.pem}, {domain: xiehui.cn, selector: e1, key: " + fmt.Sprintf("%q", edPEM) + "}]",
			[]string{"s1 xiehui.cn *rsa.PrivateKey", "e1 xiehui.cn ed25519.PrivateKey"},
		},
		{
			"written out in lines", "\n      - {domain: xiehui.cn, selector: s1, key: file:dkim.pem}\n      - domain: xiehui.cn\n        selector: e1\n        key: " + indented,
			[]string{"s1 xiehui.cn *rsa.PrivateKey", "e1 xiehui.cn ed25519.PrivateKey"},
		},
		{"left empty", `{domain: "", selector: "", key: ""}`, nil},
		{"an empty list", "[]", nil},
	} {
		t.Run(one.name, func(t *testing.T) {
			path := withDKIM(t, one.dkim, map[string]string{"dkim.pem": "a comment\n" + rsaPEM, "ed.pem": edPEM, "old.pem": keyPEM(t, "pkcs1")})
			c, err := Load(path, func(string) string { return rsaPEM })
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, k := range c.Channels.Email.DKIM {
				signer, err := k.Signer()
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, fmt.Sprintf("%s %s %T", k.Selector, k.Domain, signer))
			}
			if diff := cmp.Diff(one.want, got); diff != "" {
				t.Error(diff)
			}
			if shown := show(c); strings.Contains(shown, "PRIVATE") {
				t.Errorf("the key is shown: %s", shown)
			}
			if f := c.Check(); len(f) > 0 {
				t.Errorf("found %v", f)
			}
		})
	}
}

func TestDKIMFindings(t *testing.T) {
	keys := map[string]string{"rsa.pem": keyPEM(t, "rsa2048"), "weak.pem": keyPEM(t, "rsa1024"), "ed.pem": keyPEM(t, "ed25519")}
	for _, one := range []struct {
		name, dkim string
		want       []string
	}{
		{"weak", "{domain: xiehui.cn, selector: s1, key: file:weak.pem}", []string{"weak-key"}},
		{"one of two is weak", "[{domain: xiehui.cn, selector: a, key: file:rsa.pem}, {domain: xiehui.cn, selector: b, key: file:weak.pem}]", []string{"weak-key"}},
		{"Ed25519 alone", "{domain: xiehui.cn, selector: s1, key: file:ed.pem}", []string{"ed25519-only"}},
		{"both", "[{domain: xiehui.cn, selector: a, key: file:rsa.pem}, {domain: xiehui.cn, selector: b, key: file:ed.pem}]", nil},
		{"another domain", "{domain: other.cn, selector: s1, key: file:rsa.pem}", []string{"dkim-differs"}},
		{"the domain above", "{domain: news.xiehui.cn, selector: s1, key: file:rsa.pem}", nil},
	} {
		c, err := Load(withDKIM(t, one.dkim, keys), noEnv)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, f := range c.Check() {
			got = append(got, f.Code)
			if f.Text == "" || f.Hint == "" || f.Line == 0 {
				t.Errorf("%s: finding without words: %#v", one.name, f)
			}
		}
		if diff := cmp.Diff(one.want, got); diff != "" {
			t.Errorf("%s: %s", one.name, diff)
		}
	}
}

// A key that is written out makes a secret of the file.
func TestWrittenKeyIsExposed(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte(testSecret), 0o600); err != nil {
		t.Fatal(err)
	}
	path := withDKIM(t, fmt.Sprintf("{domain: xiehui.cn, selector: s1, key: %q}", keyPEM(t, "rsa2048")), nil)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text = []byte(strings.Replace(string(text), testSecret, "file:"+secret, 1))
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	c, err := Load(path, noEnv)
	if err != nil {
		t.Fatal(err)
	}
	if f := c.Check(); len(f) != 1 || f[0].Code != "file-exposed" {
		t.Errorf("found %v", f)
	}
}

// What is wrong with a key is said without showing it.
func TestDKIMErrorsHideKeys(t *testing.T) {
	text := strings.Replace(keyPEM(t, "ed25519"), "PRIVATE KEY-----\n", "PRIVATE KEY-----\nhunter2", 1)
	_, err := Load(withDKIM(t, "{domain: xiehui.cn, selector: s1, key: "+fmt.Sprintf("%q", text)+"}", nil), noEnv)
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %v", err)
	}
}
