package templates

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// Limits of a stored message. They keep a damaged ledger from asking for
// gigabytes; a digest is below 200 kB.
const (
	maxMessage  = 16 << 20 // bytes of a marshalled message
	maxFields   = 16       // different placeholders
	maxValue    = 4096     // bytes of a value
	maxSegments = 1 << 14  // pieces and segments together
)

// Base64 of a MIME body as RFC 2045 wants it: 76 characters a line.
const (
	lineChars  = 76
	lineBytes  = lineChars / 4 * 3
	lineGroups = lineChars / 4
)

const messageVersion = 1

// Message is a complete MIME message that was encoded once and has places to
// patch: the receiver's address, the Message-ID, the unsubscribe link. Filling
// it copies bytes and encodes base64 only around the places; everything else
// goes out as it was frozen.
//
// What [Message.Append] writes needs no dot-stuffing (RFC 5321 section 4.5.2)
// and ends with CRLF: the final dot can follow. A Message does not change and
// may be used by many goroutines at once.
type Message struct {
	fixed  []int // per field the only length its values may have; 0: any
	pieces []piece
}

// piece is a run of segments that go out as they are, or through base64
// beginning at a column of a line.
type piece struct {
	encoded  bool
	column   int
	segments []segment
}

// segment is literal text, or the place of a field when field is not negative.
type segment struct {
	field   int
	literal []byte
}

// Fields returns how many values [Message.Append] wants.
func (m *Message) Fields() int { return len(m.fixed) }

// Append appends the message with values in its places, in the order of the
// placeholders that it was frozen with. It refuses values with control
// characters, empty ones, and ones of another length where the length is
// fixed; dst is returned unchanged then.
func (m *Message) Append(dst []byte, values ...string) ([]byte, error) {
	if len(values) != len(m.fixed) {
		return dst, fmt.Errorf("fill message: got %d values, want %d", len(values), len(m.fixed))
	}
	for i, v := range values {
		if err := checkValue(v); err != nil {
			return dst, fmt.Errorf("fill message: value %d: %w", i, err)
		}
		if want := m.fixed[i]; want != 0 && len(v) != want {
			return dst, fmt.Errorf("fill message: value %d has %d bytes, its place has %d", i, len(v), want)
		}
	}
	dst = slices.Grow(dst, m.size(values))
	for _, p := range m.pieces {
		if p.encoded {
			dst = p.appendEncoded(dst, values)
			continue
		}
		for _, s := range p.segments {
			if s.field >= 0 {
				dst = append(dst, values[s.field]...)
			} else {
				dst = append(dst, s.literal...)
			}
		}
	}
	return dst, nil
}

// size is the length of the filled message.
func (m *Message) size(values []string) int {
	total := 0
	for _, p := range m.pieces {
		n := 0
		for _, s := range p.segments {
			if s.field >= 0 {
				n += len(values[s.field])
			} else {
				n += len(s.literal)
			}
		}
		if p.encoded && n > 0 {
			groups := (n + 2) / 3
			n = groups*4 + (p.column/4+groups-1)/lineGroups*2
		}
		total += n
	}
	return total
}

// appendEncoded encodes the piece line by line. A line break is written only
// when something follows it here: the one behind a full last line belongs to
// the next piece.
func (p piece) appendEncoded(dst []byte, values []string) []byte {
	var line [lineBytes]byte
	used, room := 0, lineBytes-p.column/4*3
	for _, s := range p.segments {
		if s.field >= 0 {
			dst, used, room = encodeInto(dst, &line, used, room, values[s.field])
		} else {
			dst, used, room = encodeInto(dst, &line, used, room, s.literal)
		}
	}
	return base64.StdEncoding.AppendEncode(dst, line[:used])
}

func encodeInto[T string | []byte](dst []byte, line *[lineBytes]byte, used, room int, src T) ([]byte, int, int) {
	for len(src) > 0 {
		if used == room {
			dst = base64.StdEncoding.AppendEncode(dst, line[:used])
			dst = append(dst, '\r', '\n')
			used, room = 0, lineBytes
		}
		n := copy(line[used:room], src)
		used += n
		src = src[n:]
	}
	return dst, used, room
}

// Lead returns the start of the body, up to its first place: what every filled
// message has behind its header. A body without a place is in it whole.
func (m *Message) Lead() []byte {
	var lead []byte
	inBody := false
	for _, p := range m.pieces {
		if p.encoded {
			return lead
		}
		for _, s := range p.segments {
			switch {
			case s.field >= 0 && inBody:
				return lead
			case s.field >= 0:
			case inBody:
				lead = append(lead, s.literal...)
			default:
				_, body, found := bytes.Cut(s.literal, []byte("\r\n\r\n"))
				inBody, lead = found, append(lead, body...)
			}
		}
	}
	return lead
}

// Marshal returns the message in the form that [ParseMessage] reads. It is
// versioned: a ledger outlives the program that wrote it.
func (m *Message) Marshal() []byte {
	out := []byte{messageVersion}
	out = binary.AppendUvarint(out, uint64(len(m.fixed)))
	for _, n := range m.fixed {
		out = binary.AppendUvarint(out, uint64(n))
	}
	out = binary.AppendUvarint(out, uint64(len(m.pieces)))
	for _, p := range m.pieces {
		kind := uint64(0) // 0: as it is; else 1 + the column where base64 begins
		if p.encoded {
			kind = 1 + uint64(p.column)
		}
		out = binary.AppendUvarint(out, kind)
		out = binary.AppendUvarint(out, uint64(len(p.segments)))
		for _, s := range p.segments {
			out = binary.AppendUvarint(out, uint64(s.field+1))
			if s.field < 0 {
				out = binary.AppendUvarint(out, uint64(len(s.literal)))
				out = append(out, s.literal...)
			}
		}
	}
	return out
}

// ParseMessage reads what [Message.Marshal] wrote. The message keeps data,
// which must not change afterwards: a run's message is parsed for each
// delivery, and its bytes are copied once only, into the filled message.
func ParseMessage(data []byte) (*Message, error) {
	if len(data) > maxMessage {
		return nil, fmt.Errorf("parse message: %d bytes are more than a message can have", len(data))
	}
	if len(data) == 0 || data[0] != messageVersion {
		return nil, errors.New("parse message: stored by another version of yizhan, or damaged")
	}
	r := messageReader{data: data[1:]}
	m := &Message{}
	m.fixed = make([]int, r.number(maxFields))
	for i := range m.fixed {
		m.fixed[i] = r.number(maxValue)
	}
	m.pieces = make([]piece, r.number(maxSegments))
	budget := maxSegments
	for i := range m.pieces {
		kind := r.number(lineChars - 3)
		p := piece{encoded: kind > 0, column: max(kind-1, 0)}
		if p.column%4 != 0 {
			r.failed = true
		}
		n := r.number(budget)
		budget -= n
		p.segments = make([]segment, n)
		for j := range p.segments {
			p.segments[j].field = r.number(len(m.fixed)) - 1
			if p.segments[j].field < 0 {
				p.segments[j].literal = r.bytes()
			}
		}
		m.pieces[i] = p
	}
	if r.failed || len(r.data) > 0 {
		return nil, errors.New("parse message: damaged")
	}
	return m, nil
}

// messageReader reads numbers and bytes; after the first failure it answers
// zero, so that loops end.
type messageReader struct {
	data   []byte
	failed bool
}

func (r *messageReader) number(limit int) int {
	v, n := binary.Uvarint(r.data)
	if r.failed || n <= 0 || v > uint64(limit) || v > uint64(maxMessage) {
		r.failed = true
		return 0
	}
	r.data = r.data[n:]
	return int(v)
}

func (r *messageReader) bytes() []byte {
	n := r.number(len(r.data))
	if r.failed || n > len(r.data) {
		r.failed = true
		return nil
	}
	out := r.data[:n:n]
	r.data = r.data[n:]
	return out
}

// checkValue refuses what could begin a header field of its own.
func checkValue(v string) error {
	if v == "" || len(v) > maxValue {
		return fmt.Errorf("%d bytes, want 1 to %d", len(v), maxValue)
	}
	for i := range len(v) {
		if v[i] < ' ' || v[i] == 0x7f {
			return fmt.Errorf("control character %#02x is not allowed", v[i])
		}
	}
	return nil
}
