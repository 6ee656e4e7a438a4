package email

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"net"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestKeysThatCannotSign(t *testing.T) {
	t.Setenv("GODEBUG", "rsa1024min=0") // else no short key can be made
	short, err := rsa.GenerateKey(rand.Reader, 768)
	if err != nil {
		t.Fatal(err)
	}
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	good := edKey()
	upper := rsaKey(t)
	upper.Selector = strings.ToUpper(good.Selector)
	for name, keys := range map[string][]Key{
		"short RSA":     {{Domain: "example.org", Selector: "s", Private: short}},
		"ECDSA":         {{Domain: "example.org", Selector: "s", Private: curve}},
		"no key":        {{Domain: "example.org", Selector: "s"}},
		"no selector":   {{Domain: "example.org", Private: good.Private}},
		"no domain":     {{Selector: "s", Private: good.Private}},
		"a tag":         {{Domain: "example.org; l=1", Selector: "s", Private: good.Private}},
		"a line":        {{Domain: "example.org", Selector: "s\r\nBcc: x", Private: good.Private}},
		"a hole":        {{Domain: "example.org", Selector: "s?", Private: good.Private}},
		"twice":         {good, good},
		"the same name": {good, upper},
	} {
		o := options("127.0.0.1:25")
		o.DKIM = keys
		if _, err := New(o); err == nil {
			t.Errorf("%s: accepted", name)
		} else if !strings.Contains(err.Error(), "dkim: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The record of the key of RFC 8463 appendix A.2.
func TestRecords(t *testing.T) {
	got := newChannel(t, "127.0.0.1:25", signed(edKey(), rsaKey(t))).Records()
	want := Record{
		Domain: "example.org", Selector: "brisbane", Algorithm: "ed25519-sha256",
		Name: "brisbane._domainkey.example.org", Value: "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
	}
	if diff := cmp.Diff(want, got[0]); diff != "" {
		t.Error(diff)
	}
	p, found := strings.CutPrefix(got[1].Value, "v=DKIM1; k=rsa; p=")
	der, err := base64.StdEncoding.DecodeString(p)
	if err != nil || !found {
		t.Fatalf("record %+v: %v", got[1], err)
	}
	public, err := x509.ParsePKIXPublicKey(der)
	if err != nil || !rsaKey(t).Private.Public().(*rsa.PublicKey).Equal(public) {
		t.Errorf("the record has another key: %v", err)
	}
}

func TestPublications(t *testing.T) {
	ed, rs := edKey(), rsaKey(t)
	ch := newChannel(t, "127.0.0.1:25", signed(ed, rs))
	records := ch.Records()
	otherPublic, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	pkcs1 := base64.StdEncoding.EncodeToString(x509.MarshalPKCS1PublicKey(rs.Private.Public().(*rsa.PublicKey)))
	missing := &net.DNSError{Err: "no such host", IsNotFound: true}
	for name, c := range map[string]struct {
		texts []string
		err   error
		ed    Publication
		rsa   Publication

		island bool
	}{
		"both":           {ed: Published, rsa: Published}, // the channel's own records
		"not there":      {err: missing, ed: Missing, rsa: Missing},
		"empty":          {texts: []string{}, ed: Missing, rsa: Missing},
		"an island":      {err: missing, ed: Unanswered, rsa: Unanswered, island: true},
		"timeout":        {err: &net.DNSError{Err: "i/o timeout", IsTimeout: true}, ed: Unanswered, rsa: Unanswered},
		"servfail":       {err: &net.DNSError{Err: "server misbehaving", IsTemporary: true}, ed: Unanswered, rsa: Unanswered},
		"no resolver":    {err: &net.OpError{Op: "dial", Err: errors.New("refused")}, ed: Unanswered, rsa: Unanswered},
		"two records":    {texts: []string{records[0].Value, records[0].Value}, ed: Several, rsa: Several},
		"another key":    {texts: []string{"v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(otherPublic)}, ed: Different, rsa: Different},
		"revoked":        {texts: []string{"v=DKIM1; p="}, ed: Different, rsa: Different},
		"something else": {texts: []string{"v=spf1 -all"}, ed: Different, rsa: Different},
		"with spaces":    {texts: []string{strings.ReplaceAll(records[0].Value, "p=11", "p= 11 ")}, ed: Published, rsa: Different},
		"PKCS#1":         {texts: []string{"p=" + pkcs1}, ed: Different, rsa: Published},
		"for sha1 only":  {texts: []string{"h=sha1; p=" + pkcs1}, ed: Different, rsa: Different},
	} {
		t.Run(name, func(t *testing.T) {
			found, why := ch.Publications(t.Context(), resolver{island: c.island, txt: func(asked string) ([]string, error) {
				if name == "both" {
					return ch.ownRecords(asked)
				}
				return c.texts, c.err
			}})
			if diff := cmp.Diff([]Publication{c.ed, c.rsa}, found); diff != "" {
				t.Errorf("%s %v", diff, why)
			}
			for i := range found {
				if (found[i] == Published) != (why[i] == nil) && found[i] != Missing {
					t.Errorf("%s, because of %v", found[i], why[i])
				}
			}
		})
	}
}

// resolver answers for the DNS. On an island it knows no domain at all.
type resolver struct {
	txt    func(name string) ([]string, error)
	island bool
}

func (r resolver) LookupTXT(_ context.Context, name string) ([]string, error) {
	return r.txt(strings.TrimSuffix(name, "."))
}

func (r resolver) LookupNS(_ context.Context, name string) ([]*net.NS, error) {
	if r.island || name != "org." {
		return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
	}
	return []*net.NS{{Host: "a0.org.afilias-nst.info."}}, nil
}
