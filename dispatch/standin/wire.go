package standin

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"strings"
)

// wireListener puts a [wire] below each connection.
type wireListener struct {
	net.Listener
	sink *Sink
}

func (l wireListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &wire{Conn: c, sink: l.sink, in: bufio.NewReader(c)}, nil
}

// wire does what the SMTP library has no way to do: it takes PIPELINING out of
// the greeting and refuses the DATA command itself. It hands the library one
// line of commands at a time, so that it knows which reply belongs to which; a
// refused DATA becomes a NOOP whose reply is exchanged.
//
// STARTTLS goes over it; from then on it sees no commands and does nothing.
type wire struct {
	net.Conn
	sink     *Sink
	in       *bufio.Reader
	line     []byte // rest of the line that is being handed over
	from, to string
	inData   bool
	opaque   bool   // TLS
	exchange string // the reply to send instead of the next one
	last     string // the command that the next reply belongs to
	data     Fault
}

// Read gives at most one line while commands are expected.
func (w *wire) Read(p []byte) (int, error) {
	if w.opaque || w.inData {
		return w.in.Read(p)
	}
	if len(w.line) == 0 {
		line, err := w.in.ReadSlice('\n')
		if err != nil && len(line) == 0 {
			return 0, err
		}
		w.line = bytes.Clone(line)
		w.command(strings.TrimSpace(string(line)))
	}
	n := copy(p, w.line)
	w.line = w.line[n:]
	return n, nil
}

func (w *wire) command(line string) {
	verb, rest, _ := strings.Cut(line, " ")
	w.last = strings.ToUpper(verb)
	switch w.last {
	case "MAIL":
		w.from, w.to = path(rest), ""
	case "RCPT":
		w.to = path(rest)
	case "DATA":
		if w.to == "" {
			return
		}
		w.data = w.sink.fault("data", w.from, w.to)
		if w.data.Code != 0 {
			w.exchange = fmt.Sprintf("%d %s\r\n", w.data.Code, w.data.Text)
			w.line = []byte("NOOP\r\n")
		}
	}
}

// Write sees the library's replies.
func (w *wire) Write(p []byte) (int, error) {
	if w.opaque {
		return w.Conn.Write(p)
	}
	out := p
	switch {
	case w.exchange != "":
		out, w.exchange = []byte(w.exchange), ""
	case w.last == "EHLO" && w.sink.options.Lockstep:
		out = bytes.Replace(p, []byte("250-PIPELINING\r\n"), nil, 1)
	case w.last == "RCPT" && !bytes.HasPrefix(p, []byte("2")):
		w.to = "" // DATA will be refused by the library
	case w.last == "DATA":
		w.inData = bytes.HasPrefix(p, []byte("354"))
	case w.last == "STARTTLS":
		w.opaque = bytes.HasPrefix(p, []byte("220"))
	}
	if _, err := w.Conn.Write(out); err != nil {
		return 0, err
	}
	return len(p), nil
}

// path is the address in "FROM:<a@b> SIZE=1".
func path(s string) string {
	_, s, _ = strings.Cut(s, "<")
	s, _, _ = strings.Cut(s, ">")
	return s
}
