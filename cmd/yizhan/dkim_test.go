package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/emersion/go-msgauth/dkim"

	"yizhan/dispatch/email"
)

// Keys that an office can sign with, as lines of its configuration.
const (
	rsaKey     = "      - {domain: example.org, selector: s1, key: file:rsa.pem}\n"
	ed25519Key = "      - {domain: example.org, selector: e1, key: file:ed.pem}\n"
)

// sign gives the office new keys.
func (o *office) sign(keys ...string) {
	o.t.Helper()
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		o.t.Fatal(err)
	}
	old, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		o.t.Fatal(err)
	}
	for name, key := range map[string]any{"rsa.pem": old, "ed.pem": ed} {
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			o.t.Fatal(err)
		}
		text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
		if err := os.WriteFile(filepath.Join(filepath.Dir(o.config), name), text, 0o600); err != nil {
			o.t.Fatal(err)
		}
	}
	o.edit("    smtp:", "    dkim:\n"+strings.Join(keys, "")+"    smtp:")
}

// checkDKIM runs check and returns what it says of the keys.
func (o *office) checkDKIM(args ...string) (records []keyRecord, code int) {
	o.t.Helper()
	stdout, stderr, code := o.try(append([]string{"check", "--json"}, args...)...)
	var got checked
	if err := json.Unmarshal([]byte(stdout), &got); err != nil {
		o.t.Fatalf("%v\n%s%s", err, stdout, stderr)
	}
	return got.DKIM, code
}

// TestSignedRun: whoever publishes what check prints has a run that receivers
// accept.
func TestSignedRun(t *testing.T) {
	sink := newSink(t, nil)
	o := newOffice(t, sink.Addr())
	o.sign(rsaKey, ed25519Key)
	records, _ := o.checkDKIM()
	if len(records) != 2 || records[0].State != "" {
		t.Fatalf("check says %+v", records)
	}
	if out := o.do("check"); !strings.Contains(out, "s1._domainkey.example.org\n") || !strings.Contains(out, "v=DKIM1; k=ed25519; p=") {
		t.Errorf("check does not print the records:\n%s", out)
	}
	dns := map[string][]string{}
	for _, r := range records {
		dns[r.Name] = []string{r.Value}
	}
	o.ready()
	o.subscribe("email", "chen@example.org", "lin@example.com", "wu@example.net")
	o.serve()
	o.do("send", "37", "--wait")
	mails := sink.Messages()
	if len(mails) != 3 {
		t.Fatalf("the sink has %d mails", len(mails))
	}
	for _, m := range mails {
		verified, err := dkim.VerifyWithOptions(bytes.NewReader(m.Raw), &dkim.VerifyOptions{
			LookupTXT: func(name string) ([]string, error) { return dns[name], nil },
		})
		if err != nil || len(verified) != 2 || verified[0].Err != nil || verified[1].Err != nil {
			t.Errorf("%s: %v\n%.1500s", m.To, err, m.Raw)
		}
	}
}

func TestCheckLooksForTheRecords(t *testing.T) {
	o := newOffice(t, newSink(t, nil).Addr())
	o.sign(rsaKey, ed25519Key)
	records, _ := o.checkDKIM()
	right := map[string][]string{}
	for _, r := range records {
		right[r.Name] = []string{r.Value}
	}
	for name, c := range map[string]struct {
		lookup func(name string) ([]string, error)
		state  email.Publication
		text   string
		fails  bool
	}{
		"published": {func(name string) ([]string, error) { return right[name], nil }, email.Published, "已经发布", false},
		"swapped": {func(name string) ([]string, error) {
			return map[string][]string{records[0].Name: right[records[1].Name], records[1].Name: right[records[0].Name]}[name], nil
		}, email.Different, "对不上", true},
		"missing": {func(name string) ([]string, error) {
			return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
		}, email.Missing, "还没有这条记录", true},
		"no answer": {func(name string) ([]string, error) {
			return nil, &net.DNSError{Err: "i/o timeout", Name: name, IsTimeout: true}
		}, email.Unanswered, "DNS 没有答复，没能核对（i/o timeout）", false},
		"no network": {func(string) ([]string, error) { return nil, errors.New("no network") }, email.Unanswered, "没有答复", false},
	} {
		t.Run(name, func(t *testing.T) {
			o.resolver = resolver(c.lookup)
			got, code := o.checkDKIM("--live")
			if (code != exitOK) != c.fails {
				t.Errorf("exit code %d", code)
			}
			for _, r := range got {
				if r.State != c.state || !strings.Contains(r.Text, c.text) {
					t.Errorf("%s: %s, %s", r.Name, r.State, r.Text)
				}
			}
			if _, stderr, _ := o.try("check", "--live", "--json"); strings.Contains(stderr, `"code":"dkim-not-published"`) != c.fails {
				t.Errorf("stderr: %s", stderr)
			}
		})
	}
}

// resolver answers for the DNS.
type resolver func(name string) ([]string, error)

func (r resolver) LookupTXT(_ context.Context, name string) ([]string, error) {
	return r(strings.TrimSuffix(name, "."))
}

func (r resolver) LookupNS(context.Context, string) ([]*net.NS, error) {
	return []*net.NS{{Host: "a0.org.afilias-nst.info."}}, nil
}
