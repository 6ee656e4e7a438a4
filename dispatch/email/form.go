package email

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// signedForm is what is frozen of a run's signatures: everything but the private
// keys. The ledger keeps it in front of the message, so that a later version
// signs the mails of the run as this one did.
type signedForm struct {
	// Header is the signed fields in their canonical form and in the order of
	// h=. It begins with text.
	Header     []part            `json:"header"`
	Signatures []frozenSignature `json:"signatures"`
}

// part is a text, or the place of a reader's value.
type part struct {
	Text  string `json:"text,omitempty"`
	Place *int   `json:"place,omitempty"`
}

// frozenSignature is a DKIM-Signature field, and which key it wants.
type frozenSignature struct {
	Domain    string `json:"domain"`
	Selector  string `json:"selector"`
	Algorithm string `json:"algorithm"`
	Key       string `json:"key"` // fingerprint of the public key
	// Field is folded and ends with CRLF. Body hash and signature are holes.
	Field string `json:"field"`
}

// hole stands in a field wherever a character of base64 is to come.
const hole = '?'

// signedVersion is the first byte of a signed variant. Unsigned ones are a
// marshalled message, which begins with its version: a small number.
const signedVersion = 0x81

// signedFields are the fields that a signature covers where a mail has them:
// those that a reader or their mail program acts on (RFC 6376 section 5.4.1);
// RFC 8058 section 4 wants both List-Unsubscribe fields, Gmail the Feedback-ID
// (support.google.com/a/answer/6254652, read 2026-11).
func signedFields() []string {
	return []string{
		"From", "Reply-To", "Subject", "Date", "MIME-Version", "Content-Type", "List-Id", "List-Unsubscribe-Post",
		"Feedback-ID", "To", "Message-ID", "List-Unsubscribe",
	}
}

// formOf makes the form of a composed mail that has holders in its places.
func formOf(raw []byte, holders []string, signers []*signer, date time.Time) (*signedForm, error) {
	header, body, found := bytes.Cut(raw, []byte("\r\n\r\n"))
	if !found || !isCanonical(body) {
		return nil, errors.New("dkim: the body has spaces or lines that a relay may change")
	}
	names, text, err := pickFields(string(header)+"\r\n", holders)
	if err != nil {
		return nil, err
	}
	f := &signedForm{Header: cutPlaces(text, holders)}
	for _, s := range signers {
		f.Signatures = append(f.Signatures, frozenSignature{
			Domain: s.Domain, Selector: s.Selector, Algorithm: s.algorithm, Key: s.print, Field: s.field(names, date),
		})
	}
	return f, nil
}

// isCanonical reports whether the body is already in the form that "relaxed" of
// RFC 6376 section 3.4.4 gives it: then it is hashed as it is. Parts in base64
// always are.
func isCanonical(body []byte) bool {
	return bytes.HasSuffix(body, []byte("\r\n")) && !bytes.HasSuffix(body, []byte("\r\n\r\n")) &&
		!bytes.Contains(body, []byte("\t")) && !bytes.Contains(body, []byte("  ")) && !bytes.Contains(body, []byte(" \r\n"))
}

// pickFields finds the fields to sign. Those without a place come first, so that
// they are hashed once for all readers.
func pickFields(header string, holders []string) (names []string, text string, err error) {
	fields := map[string][]string{}
	for field := range splitFields(header) {
		name, _, _ := strings.Cut(field, ":")
		name = strings.ToLower(name)
		fields[name] = append(fields[name], relaxed(field))
	}
	var later strings.Builder
	var laterNames []string
	for _, name := range signedFields() {
		got := fields[strings.ToLower(name)]
		switch {
		case len(got) > 1:
			return nil, "", fmt.Errorf("dkim: the header has %d fields %s", len(got), name)
		case len(got) == 0:
		case slices.ContainsFunc(holders, func(h string) bool { return strings.Contains(got[0], h) }):
			later.WriteString(got[0])
			laterNames = append(laterNames, name)
		default:
			text += got[0]
			names = append(names, name)
		}
	}
	if len(names) == 0 || names[0] != "From" {
		return nil, "", errors.New("dkim: the header has no From to sign")
	}
	// Named once more than it is there: a second From, put in front on the way,
	// breaks the signature (RFC 6376 section 8.15).
	names = append([]string{"From"}, names...)
	return append(names, laterNames...), text + later.String(), nil
}

// splitFields gives the fields of a header, folded as they are.
func splitFields(header string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		start := 0
		for i := 0; i < len(header); {
			next := i + strings.Index(header[i:], "\r\n") + 2
			if next == len(header) || header[next] != ' ' && header[next] != '\t' {
				if !yield(header[start:next]) {
					return
				}
				start = next
			}
			i = next
		}
	}
}

// relaxed is a field in the canonical form of RFC 6376 section 3.4.2.
func relaxed(field string) string {
	name, value, _ := strings.Cut(field, ":")
	return strings.ToLower(strings.TrimRight(name, " \t")) + ":" + strings.Join(strings.FieldsFunc(value, isSpace), " ") + "\r\n"
}

func isSpace(r rune) bool { return r == ' ' || r == '\t' || r == '\r' || r == '\n' }

// relaxedValue is what a value in the middle of a field comes to: a quoted
// address may have several spaces in a row.
func relaxedValue(v string) string {
	for strings.Contains(v, "  ") {
		v = strings.ReplaceAll(v, "  ", " ")
	}
	return v
}

// cutPlaces divides a text at the holders.
func cutPlaces(text string, holders []string) []part {
	var parts []part
	for text != "" {
		at, place := len(text), -1
		for i, h := range holders {
			if j := strings.Index(text, h); j >= 0 && j < at {
				at, place = j, i
			}
		}
		if at > 0 {
			parts = append(parts, part{Text: text[:at]})
		}
		if place < 0 {
			break
		}
		parts = append(parts, part{Place: &place})
		text = text[at+len(holders[place]):]
	}
	return parts
}

// lineLimit is how long the lines of a signature are (RFC 5322 section 2.1.1
// recommends 78).
const lineLimit = 76

// field gives the signature's field with holes. Neither x= nor l=: a mail may be
// read years later, and a body that may grow is not signed.
func (s *signer) field(names []string, date time.Time) string {
	words := []string{
		"DKIM-Signature:", " v=1;", " a=" + s.algorithm + ";", " c=relaxed/relaxed;", " d=" + s.Domain + ";", " s=" + s.Selector + ";",
		" t=" + strconv.FormatInt(date.Unix(), 10) + ";",
	}
	for i, name := range names {
		name += ":"
		if i == 0 {
			name = " h=" + name
		}
		if i == len(names)-1 {
			name = name[:len(name)-1] + ";"
		}
		words = append(words, name)
	}
	words = append(words, " bh="+strings.Repeat(string(hole), sumChars)+";")
	var b strings.Builder
	column := 0
	for _, w := range words {
		if column+len(w) > lineLimit {
			b.WriteString("\r\n ")
			w = strings.TrimPrefix(w, " ")
			column = 1
		}
		b.WriteString(w)
		column += len(w)
	}
	b.WriteString("\r\n b=")
	column = len(" b=")
	for range base64.StdEncoding.EncodedLen(s.size) {
		if column == lineLimit {
			b.WriteString("\r\n ")
			column = 1
		}
		b.WriteByte(hole)
		column++
	}
	b.WriteString("\r\n")
	return b.String()
}

// prepend puts the form in front of a marshalled message.
func (f *signedForm) prepend(message []byte) ([]byte, error) {
	form, err := json.Marshal(f)
	if err != nil {
		return nil, fmt.Errorf("freeze signatures: %w", err)
	}
	out := binary.AppendUvarint([]byte{signedVersion}, uint64(len(form)))
	return append(append(out, form...), message...), nil
}

// cutForm divides a variant into its form, nil when it is not signed, and its
// message.
func cutForm(data []byte) (*signedForm, []byte, error) {
	if len(data) == 0 || data[0] != signedVersion {
		return nil, data, nil
	}
	size, n := binary.Uvarint(data[1:])
	if n <= 0 || size > uint64(len(data)-1-n) {
		return nil, nil, errors.New("read signatures: damaged")
	}
	data = data[1+n:]
	f := &signedForm{}
	if err := json.Unmarshal(data[:size], f); err != nil {
		return nil, nil, fmt.Errorf("read signatures: %w", err)
	}
	return f, data[size:], nil
}

// check refuses a damaged form, which must not come to a panic.
func (f *signedForm) check(places int) error {
	if len(f.Header) == 0 || f.Header[0].Place != nil || len(f.Signatures) == 0 {
		return errors.New("read signatures: damaged")
	}
	for _, p := range f.Header {
		if p.Place != nil && (*p.Place < 0 || *p.Place >= places) {
			return fmt.Errorf("read signatures: the message has no place %d", *p.Place)
		}
	}
	return nil
}
