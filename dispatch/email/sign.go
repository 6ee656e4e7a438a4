package email

import (
	"bytes"
	"crypto/sha256"
	"encoding"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"strings"
	"sync"

	"yizhan/templates"
)

// missingKey says that a run's mails were frozen with a key that the
// configuration no longer has. No mail goes out without the signature that the
// first ones have.
type missingKey struct{ frozenSignature }

func (e missingKey) Error() string {
	return fmt.Sprintf("这次发行签名用的私钥不在配置里：%s._domainkey.%s，%s，指纹 %s", e.Selector, e.Domain, e.Algorithm, e.Key)
}

// frozenMail is a run's frozen mail, ready to be filled for one reader after the other.
// What all have in common was hashed once: see [frozenMail.append]. It does not change
// and may be used by many goroutines at once.
type frozenMail struct {
	message    *templates.Message
	signatures []signature // none: the mails are not signed

	header []part // the signed fields in canonical form, but for the first text
	head   midway // has taken that text: what no reader's values are in
	body   midway // has taken the start of the body, up to its first place
	lead   int    // how many bytes these were
}

// signature is one DKIM-Signature field of a run.
type signature struct {
	signer *signer
	field  []byte // with holes for the body hash and the signature
	hash   span   // the hole of the body hash
	lines  []span // the holes of the signature, which is folded
	// What is hashed of the field itself: before and behind the body hash.
	before, behind []byte
}

type span struct{ from, to int }

// sumChars is how long a SHA-256 sum is in base64.
const sumChars = (sha256.Size + 2) / 3 * 4

// midway is the state of a SHA-256 that has taken a text already.
type midway []byte

func hashed(text []byte) (midway, error) {
	h := sha256.New()
	h.Write(text)
	return h.(encoding.BinaryMarshaler).MarshalBinary() // every hash of the standard library can
}

// resume gives a hash that goes on behind the text.
func (m midway) resume() (hash.Hash, error) {
	h := sha256.New()
	return h, h.(encoding.BinaryUnmarshaler).UnmarshalBinary(m)
}

// thaw makes a frozen variant ready.
func thaw(data []byte, signers []*signer) (*frozenMail, error) {
	form, data, err := cutForm(data)
	if err != nil {
		return nil, err
	}
	message, err := templates.ParseMessage(data)
	if err != nil {
		return nil, err
	}
	return newMail(message, form, signers)
}

// newMail makes a message ready that is to be signed as form says; nil: not at
// all. A signature whose key is not among signers is a missingKey.
func newMail(message *templates.Message, form *signedForm, signers []*signer) (*frozenMail, error) {
	m := &frozenMail{message: message}
	if form == nil {
		return m, nil
	}
	if err := form.check(message.Fields()); err != nil {
		return nil, err
	}
	for _, f := range form.Signatures {
		s := find(signers, f)
		if s == nil {
			return nil, missingKey{f}
		}
		one, err := newSignature(f.Field, s)
		if err != nil {
			return nil, err
		}
		m.signatures = append(m.signatures, one)
	}
	lead := message.Lead()
	m.lead, m.header = len(lead), form.Header[1:]
	var err error
	if m.head, err = hashed([]byte(form.Header[0].Text)); err != nil {
		return nil, err
	}
	m.body, err = hashed(lead)
	return m, err
}

// newSignature finds the holes in a field: the first is the body hash, all that
// follow are the signature. What is signed of the field is its canonical form
// with nothing in the second (RFC 6376 section 3.7).
func newSignature(field string, s *signer) (signature, error) {
	out := signature{signer: s, field: []byte(field)}
	var found []span
	size := 0
	for i := 0; i < len(field); i++ {
		if field[i] != hole {
			continue
		}
		from := i
		for i < len(field) && field[i] == hole {
			i++
		}
		found = append(found, span{from, i})
		size += i - from
	}
	want := sumChars + base64.StdEncoding.EncodedLen(s.size)
	if len(found) < 2 || size != want || found[0].to-found[0].from != sumChars {
		return out, errors.New("read signatures: the field has no room for the signature")
	}
	out.hash, out.lines = found[0], found[1:]
	canonical := strings.TrimSuffix(relaxed(field[:found[1].from]), "\r\n")
	before, behind, _ := strings.Cut(canonical, field[found[0].from:found[0].to])
	out.before, out.behind = []byte(before), []byte(behind)
	return out, nil
}

// append appends the mail with a reader's values in its places, the signatures
// first. Of each mail only the fields with a reader's value and what follows the
// body's first place are hashed; nothing is searched for what would have to be
// put into canonical form, because only the values can hold it.
func (m *frozenMail) append(dst []byte, values ...string) ([]byte, error) {
	start := len(dst)
	for i := range m.signatures {
		dst = append(dst, m.signatures[i].field...)
	}
	top := len(dst)
	dst, err := m.message.Append(dst, values...)
	if err != nil {
		return dst[:start], err
	}
	if len(m.signatures) == 0 {
		return dst, nil
	}
	if err := m.sign(dst[start:top], dst[top:], values); err != nil {
		return dst[:start], fmt.Errorf("sign mail: %w", err)
	}
	return dst, nil
}

// sign fills the holes of the fields of a filled message.
func (m *frozenMail) sign(fields, message []byte, values []string) error {
	end := bytes.Index(message, []byte("\r\n\r\n"))
	if end < 0 || len(message)-end-4 < m.lead {
		return errors.New("the message has no body")
	}
	body, err := m.body.resume()
	if err != nil {
		return err
	}
	body.Write(message[end+4+m.lead:])
	var bodyHash [sumChars]byte
	base64.StdEncoding.Encode(bodyHash[:], body.Sum(nil))

	var space [1 << 10]byte
	header := space[:0]
	for _, p := range m.header {
		if p.Place != nil {
			header = append(header, relaxedValue(values[*p.Place])...)
		} else {
			header = append(header, p.Text...)
		}
	}
	for i := range m.signatures {
		s := &m.signatures[i]
		h, err := m.head.resume()
		if err != nil {
			return err
		}
		h.Write(header)
		h.Write(s.before)
		h.Write(bodyHash[:])
		h.Write(s.behind)
		if err := s.fill(fields[:len(s.field)], bodyHash[:], h.Sum(nil)); err != nil {
			return err
		}
		fields = fields[len(s.field):]
	}
	return nil
}

// fill signs the sum and writes signature and body hash into their holes.
func (s *signature) fill(field, bodyHash, sum []byte) error {
	raw, err := s.signer.sign(sum)
	if err != nil {
		return fmt.Errorf("with %s: %w", s.signer, err)
	}
	copy(field[s.hash.from:s.hash.to], bodyHash)
	var space [1 << 10]byte // RSA-4096 has 684
	text := base64.StdEncoding.AppendEncode(space[:0], raw)
	for _, line := range s.lines {
		text = text[copy(field[line.from:line.to], text):]
	}
	return nil
}

// mails keeps the mails of the runs that are being sent, by where their frozen
// bytes lie: the ledger hands out the same ones for every delivery of a run, and
// they do not change. The zero value is ready.
type mails struct {
	mu   sync.Mutex
	kept map[frozenAt]*frozenMail
}

type frozenAt struct {
	first *byte
	size  int
}

// keptMails bounds them; few runs are sent at a time, each with at most 64 of them.
const keptMails = 128

func (m *mails) get(data []byte, signers []*signer) (*frozenMail, error) {
	if len(data) == 0 {
		return nil, errors.New("the frozen mail is empty")
	}
	at := frozenAt{&data[0], len(data)}
	m.mu.Lock()
	defer m.mu.Unlock()
	if got, ok := m.kept[at]; ok {
		return got, nil
	}
	got, err := thaw(data, signers)
	if err != nil {
		return nil, err
	}
	if m.kept == nil || len(m.kept) >= keptMails {
		m.kept = map[frozenAt]*frozenMail{}
	}
	m.kept[at] = got
	return got, nil
}
