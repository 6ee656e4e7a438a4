package templates

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"mime"
	"net/mail"
	"net/textproto"
	"slices"
	"strings"
)

// span is where a field stands in a text.
type span struct{ from, to, field int }

// Freeze splits a message into what stays and what is patched. raw is a
// complete multipart message with base64 parts, as it goes over the wire. Each
// placeholder is a field; its values are given to [Message.Append] in the same
// order. A placeholder may stand in the header, in the parts, any number of
// times in both; one that stands in a part fixes the length of its values.
func Freeze(raw []byte, placeholders ...string) (*Message, error) {
	if err := checkPlaceholders(placeholders); err != nil {
		return nil, fmt.Errorf("freeze message: %w", err)
	}
	if err := checkWire(raw); err != nil {
		return nil, fmt.Errorf("freeze message: %w", err)
	}
	bodies, err := encodedBodies(raw)
	if err != nil {
		return nil, fmt.Errorf("freeze message: %w", err)
	}
	f := freezer{placeholders: placeholders, seen: make([]bool, len(placeholders))}
	f.m.fixed = make([]int, len(placeholders))
	at := 0
	for _, b := range bodies {
		if err := f.verbatim(raw[at:b.from]); err != nil {
			return nil, fmt.Errorf("freeze message: %w", err)
		}
		if err := f.body(raw[b.from:b.to]); err != nil {
			return nil, fmt.Errorf("freeze message: %w", err)
		}
		at = b.to
	}
	if err := f.verbatim(raw[at:]); err != nil {
		return nil, fmt.Errorf("freeze message: %w", err)
	}
	for i, seen := range f.seen {
		if !seen {
			return nil, fmt.Errorf("freeze message: placeholder %q does not occur in the message", placeholders[i])
		}
	}
	// The proof that nothing was lost: with the placeholders as values the
	// frozen message is the message.
	same, err := f.m.Append(nil, placeholders...)
	if err != nil {
		return nil, fmt.Errorf("freeze message: %w", err)
	}
	if !bytes.Equal(same, raw) {
		return nil, errors.New("freeze message: a part is not canonical base64 with lines of 76 characters")
	}
	return &f.m, nil
}

// freezer collects the pieces of a message.
type freezer struct {
	m            Message
	placeholders []string
	seen         []bool
}

// verbatim adds text that is not base64.
func (f *freezer) verbatim(text []byte) error {
	spans, err := findSpans(text, f.placeholders)
	if err != nil {
		return err
	}
	var segments []segment
	at := 0
	for _, s := range spans {
		segments = appendLiteral(segments, text[at:s.from])
		segments = append(segments, segment{field: s.field})
		f.seen[s.field] = true
		at = s.to
	}
	segments = appendLiteral(segments, text[at:])
	if n := len(f.m.pieces); n > 0 && !f.m.pieces[n-1].encoded {
		f.m.pieces[n-1].segments = append(f.m.pieces[n-1].segments, segments...)
		return nil
	}
	f.m.pieces = append(f.m.pieces, piece{segments: segments})
	return nil
}

// body adds a base64 body: what surrounds a field is widened to whole groups
// of four characters, the rest stays as it is.
func (f *freezer) body(text []byte) error {
	plain := make([]byte, base64.StdEncoding.DecodedLen(len(text)))
	n, err := base64.StdEncoding.Decode(plain, text) // ignores CR and LF
	if err != nil {
		return fmt.Errorf("decode part: %w", err)
	}
	plain = plain[:n]
	spans, err := findSpans(plain, f.placeholders)
	if err != nil {
		return err
	}
	at := 0 // in text
	for i := 0; i < len(spans); {
		from := spans[i].from / 3 * 3
		to := from
		p := piece{encoded: true, column: from / 3 % lineGroups * 4}
		cursor := from
		for ; i < len(spans) && (to == from || spans[i].from/3*3 <= to); i++ {
			s := spans[i]
			p.segments = appendLiteral(p.segments, plain[cursor:s.from])
			p.segments = append(p.segments, segment{field: s.field})
			f.seen[s.field] = true
			f.m.fixed[s.field] = s.to - s.from
			cursor = s.to
			to = min((s.to+2)/3*3, len(plain))
		}
		p.segments = appendLiteral(p.segments, plain[cursor:to])
		start, end := groupStart(from/3), groupStart((to+2)/3-1)+4
		if start < at || end > len(text) {
			return errors.New("a part is not canonical base64 with lines of 76 characters")
		}
		if err := f.verbatim(text[at:start]); err != nil {
			return err
		}
		f.m.pieces = append(f.m.pieces, p)
		at = end
	}
	return f.verbatim(text[at:])
}

// groupStart is where the n-th group of four characters stands in base64 with
// line breaks.
func groupStart(n int) int { return n*4 + n/lineGroups*2 }

func appendLiteral(segments []segment, text []byte) []segment {
	if len(text) == 0 {
		return segments
	}
	return append(segments, segment{field: -1, literal: slices.Clone(text)})
}

// findSpans finds all placeholders in text, in order.
func findSpans(text []byte, placeholders []string) ([]span, error) {
	var spans []span
	for field, p := range placeholders {
		for at := 0; ; {
			i := bytes.Index(text[at:], []byte(p))
			if i < 0 {
				break
			}
			spans = append(spans, span{at + i, at + i + len(p), field})
			at += i + len(p)
		}
	}
	slices.SortFunc(spans, func(a, b span) int { return a.from - b.from })
	for i := 1; i < len(spans); i++ {
		if spans[i].from < spans[i-1].to {
			return nil, fmt.Errorf("placeholders %q and %q overlap in the message",
				placeholders[spans[i-1].field], placeholders[spans[i].field])
		}
	}
	return spans, nil
}

// encodedBodies finds the bodies of the parts, which all must be base64.
func encodedBodies(raw []byte) ([]span, error) {
	header, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return nil, fmt.Errorf("read header: %w", err)
	}
	kind, params, err := mime.ParseMediaType(header.Header.Get("Content-Type"))
	if err != nil || !strings.HasPrefix(kind, "multipart/") || params["boundary"] == "" {
		return nil, errors.New("not a multipart message")
	}
	delimiter := []byte("\r\n--" + params["boundary"])
	var bodies []span
	for at := 0; ; {
		i := bytes.Index(raw[at:], delimiter)
		if i < 0 {
			return nil, errors.New("the last part is not closed")
		}
		at += i + len(delimiter)
		if bytes.HasPrefix(raw[at:], []byte("--\r\n")) {
			break
		}
		end := bytes.Index(raw[at:], []byte("\r\n\r\n"))
		next := bytes.Index(raw[at:], delimiter)
		if end < 0 || next < 0 || next < end {
			return nil, errors.New("a part has no header")
		}
		lines := strings.Split(string(raw[at:at+end]), "\r\n")
		if !slices.ContainsFunc(lines, isBase64Header) {
			return nil, errors.New("a part is not base64")
		}
		bodies = append(bodies, span{from: at + end + 4, to: at + next})
		at += next
	}
	return bodies, nil
}

func isBase64Header(line string) bool {
	name, value, _ := strings.Cut(line, ":")
	return textproto.CanonicalMIMEHeaderKey(name) == "Content-Transfer-Encoding" &&
		strings.EqualFold(strings.TrimSpace(value), "base64")
}

// checkWire makes sure that the message can go out as it is: 7 bit, CRLF only,
// and no line that dot-stuffing would have to change. A line of base64 cannot
// begin with a dot, neither can a header field.
func checkWire(raw []byte) error {
	if !bytes.HasSuffix(raw, []byte("\r\n")) {
		return errors.New("the message does not end with CRLF")
	}
	for line := range bytes.SplitSeq(bytes.TrimSuffix(raw, []byte("\r\n")), []byte("\r\n")) {
		if len(line) > 998 { // RFC 5322 section 2.1.1
			return errors.New("a line is longer than 998 bytes")
		}
		if bytes.HasPrefix(line, []byte(".")) {
			return errors.New("a line begins with a dot")
		}
		for _, c := range line {
			if c == '\r' || c == '\n' || c == 0 || c >= 0x80 {
				return fmt.Errorf("byte %#02x is not allowed in a message", c)
			}
		}
	}
	return nil
}

func checkPlaceholders(placeholders []string) error {
	if len(placeholders) > maxFields {
		return fmt.Errorf("%d placeholders, at most %d", len(placeholders), maxFields)
	}
	for _, p := range placeholders {
		if err := checkValue(p); err != nil {
			return fmt.Errorf("placeholder: %w", err)
		}
	}
	return nil
}
