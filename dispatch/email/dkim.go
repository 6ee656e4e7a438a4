package email

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-msgauth/dkim"

	"yizhan/dispatch"
	"yizhan/templates"
)

// Key is a key that signs every mail (DKIM, RFC 6376). With several, each mail
// gets a signature of each: Ed25519 for receivers that know it, RSA for the
// others (RFC 8463).
type Key struct {
	Domain   string // signs for it (d=); that of From, or one that it lies in, for DMARC
	Selector string // names the key within the domain (s=)
	// Private is a *rsa.PrivateKey or an ed25519.PrivateKey.
	Private crypto.Signer
}

// String names the key. Without it, fmt would print the private key.
func (k Key) String() string { return k.Selector + "._domainkey." + k.Domain }

// minRSA is the shortest key that receivers may accept (RFC 8301 section 3.2,
// 2018).
const minRSA = 1024 // bits

// The algorithms as they are called in a signature.
const (
	algorithmRSA     = "rsa-sha256"
	algorithmEd25519 = "ed25519-sha256" // RFC 8463 section 3
)

// signer is a key that was checked.
type signer struct {
	Key
	algorithm string
	size      int         // of a signature, in bytes
	options   crypto.Hash // what Sign is told
	print     string      // tells the key from another under the same name
}

// newSigners checks all keys. Each needs a name of its own: there is but one
// record to a name.
func newSigners(keys []Key) ([]*signer, error) {
	var out []*signer
	for _, k := range keys {
		if slices.ContainsFunc(out, func(s *signer) bool { return strings.EqualFold(s.String(), k.String()) }) {
			return nil, fmt.Errorf("dkim: two keys are called %s", k)
		}
		s, err := newSigner(k)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

func newSigner(k Key) (*signer, error) {
	if !isDotAtom(k.Domain) || !isDotAtom(k.Selector) || strings.ContainsRune(k.Domain+k.Selector, hole) {
		return nil, fmt.Errorf("dkim: %q is not a name in the DNS", k.String())
	}
	s := &signer{Key: k}
	switch private := k.Private.(type) {
	case *rsa.PrivateKey:
		if bits := private.N.BitLen(); bits < minRSA {
			return nil, fmt.Errorf("dkim: the key %s has %d bits; receivers refuse fewer than %d", k, bits, minRSA)
		}
		s.algorithm, s.size, s.options = algorithmRSA, private.Size(), crypto.SHA256
	case ed25519.PrivateKey:
		// The hash is signed as if it were the message (RFC 8463 section 3).
		s.algorithm, s.size, s.options = algorithmEd25519, ed25519.SignatureSize, 0
	default:
		return nil, fmt.Errorf("dkim: the key %s is neither RSA nor Ed25519", k)
	}
	der, err := x509.MarshalPKIXPublicKey(k.Private.Public())
	if err != nil {
		return nil, fmt.Errorf("dkim: the key %s: %w", k, err)
	}
	sum := sha256.Sum256(der)
	s.print = hex.EncodeToString(sum[:16])
	return s, nil
}

// sign signs a SHA-256 sum. Both algorithms are deterministic: the same sum gets
// the same signature in every attempt.
func (s *signer) sign(sum []byte) ([]byte, error) { return s.Private.Sign(nil, sum, s.options) }

// Record is what the DNS has to have, as TXT, so that receivers can verify a
// key's signatures.
type Record struct {
	Domain    string `json:"domain"`
	Selector  string `json:"selector"`
	Algorithm string `json:"algorithm"` // rsa-sha256 or ed25519-sha256
	Name      string `json:"name"`
	Value     string `json:"value"`
}

// Records lists the record of each key.
func (c *Channel) Records() []Record {
	out := make([]Record, len(c.signers))
	for i, s := range c.signers {
		out[i] = s.record()
	}
	return out
}

// record is in the form of RFC 6376 section 3.6.1, and RFC 8463 section 4.2 for
// Ed25519, whose key stands there without a wrapping.
func (s *signer) record() Record {
	kind, public := "ed25519", []byte(nil)
	switch key := s.Private.Public().(type) {
	case ed25519.PublicKey:
		public = key
	default:
		kind = "rsa"
		public, _ = x509.MarshalPKIXPublicKey(key) // newSigner has tried
	}
	return Record{
		Domain: s.Domain, Selector: s.Selector, Algorithm: s.algorithm, Name: s.String(),
		Value: "v=DKIM1; k=" + kind + "; p=" + base64.StdEncoding.EncodeToString(public),
	}
}

// Publication says what the DNS has for a key.
type Publication string

// What can be found. Only Unanswered says nothing about the record.
const (
	Published  Publication = "published"  // a receiver verifies what the key signs
	Missing    Publication = "missing"    // there is no such name
	Several    Publication = "several"    // more than one record: receivers refuse that
	Different  Publication = "different"  // of another key, revoked, or not in order
	Unanswered Publication = "unanswered" // the DNS did not answer
)

// Resolver asks the DNS; [net.Resolver] is one.
type Resolver interface {
	LookupTXT(ctx context.Context, name string) ([]string, error)
	LookupNS(ctx context.Context, name string) ([]*net.NS, error)
}

// Publications looks for the record of each key, in the order of
// [Channel.Records], and lets go-msgauth verify a mail with it as a receiver
// would. An error says more about what is not Published.
func (c *Channel) Publications(ctx context.Context, r Resolver) ([]Publication, []error) {
	found, why := make([]Publication, len(c.signers)), make([]error, len(c.signers))
	for i, s := range c.signers {
		found[i], why[i] = c.publication(ctx, s, r)
	}
	return found, why
}

func (c *Channel) publication(ctx context.Context, s *signer, r Resolver) (Publication, error) {
	// With the dot at its end no search list is tried.
	texts, err := r.LookupTXT(ctx, s.String()+".")
	switch {
	case notFound(err), err == nil && len(texts) == 0:
		top := s.Domain[strings.LastIndexByte(s.Domain, '.')+1:]
		if _, err := r.LookupNS(ctx, top+"."); notFound(err) {
			// It says no to everything: an island, as in closed networks.
			return Unanswered, fmt.Errorf("%w %s", errNoPublicDNS, top)
		}
		return Missing, err
	case err != nil:
		return Unanswered, err
	case len(texts) > 1:
		return Several, fmt.Errorf("%d records for %s", len(texts), s)
	}
	raw, err := c.trial(s)
	if err == nil {
		err = verify(raw, 1, func(string) ([]string, error) { return texts, nil })
	}
	if err != nil {
		return Different, err
	}
	return Published, nil
}

// errNoPublicDNS says that a resolver does not know a top-level domain.
var errNoPublicDNS = errors.New("这里的 DNS 不通公网，查不到")

func notFound(err error) bool {
	var dns *net.DNSError
	return errors.As(err, &dns) && dns.IsNotFound
}

// verify does what a receiver does with the n signatures of a mail.
func verify(raw []byte, n int, lookup func(name string) ([]string, error)) error {
	verified, err := dkim.VerifyWithOptions(bytes.NewReader(raw), &dkim.VerifyOptions{LookupTXT: lookup})
	if err != nil {
		return err
	}
	if len(verified) != n {
		return fmt.Errorf("dkim: %d signatures, want %d", len(verified), n)
	}
	for _, v := range verified {
		if v.Err != nil {
			return v.Err
		}
	}
	return nil
}

// ownRecords answers like the DNS when everything is published.
func (c *Channel) ownRecords(name string) ([]string, error) {
	var texts []string
	for _, s := range c.signers {
		if s.String() == name {
			texts = append(texts, s.record().Value)
		}
	}
	return texts, nil
}

// trial is a mail to nobody, signed by one key as a run's mails are.
func (c *Channel) trial(s *signer) ([]byte, error) {
	content := dispatch.Content{Kind: dispatch.KindService, PlannedAt: time.Unix(0, 0).UTC()}
	content.Issue.ID = "trial"
	digest := templates.Digest{Subject: "trial", Text: []byte("trial"), HTML: []byte("<p>trial</p>")}
	p := c.places(content, digest, "")
	raw, err := c.compose(content, digest, p)
	if err != nil {
		return nil, err
	}
	holders := []string{p.to, p.id}
	m, err := templates.Freeze(raw, holders...)
	if err != nil {
		return nil, err
	}
	one := []*signer{s}
	form, err := formOf(raw, holders, one, content.PlannedAt)
	if err != nil {
		return nil, err
	}
	signed, err := newMail(m, form, one)
	if err != nil {
		return nil, err
	}
	return signed.append(nil, holders...)
}

// find gives the key that a signature was frozen with.
func find(signers []*signer, f frozenSignature) *signer {
	i := slices.IndexFunc(signers, func(s *signer) bool {
		return s.Domain == f.Domain && s.Selector == f.Selector && s.algorithm == f.Algorithm && s.print == f.Key
	})
	if i < 0 {
		return nil
	}
	return signers[i]
}
