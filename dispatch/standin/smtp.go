// Package standin has stand-ins for the services that deliveries go to: a local
// SMTP sink and the API of a WeChat official account. The demo and the tests
// send to them instead of to the world.
//
// They listen on this machine only, keep what they accept before they say so,
// and can be told to fail at any step.
package standin

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/mail"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// Options of a [Sink].
type Options struct {
	// Addr is host:port on this machine; empty: 127.0.0.1 and a free port.
	Addr string
	// Dir keeps what is accepted in a file as well, so that it outlives the
	// process; a sink that starts on the same folder has it again. Empty: memory
	// only.
	Dir string
	// MaxRaw is how many bytes are kept of each message; 0: all.
	MaxRaw int
	// Username and Password, when set, are wanted (AUTH PLAIN) before MAIL.
	Username, Password string
	// TLS offers STARTTLS, or is spoken from the first byte when Direct is set.
	TLS    *tls.Config
	Direct bool
	// Lockstep does not offer PIPELINING.
	Lockstep bool
	// UTF8 offers SMTPUTF8.
	UTF8 bool
	// MaxConnections are taken at a time; one more is greeted with 421 and closed.
	// 0: any number.
	MaxConnections int
	// Script says what goes wrong at a step: phase is "auth", "mail", "rcpt",
	// "data" or "dot", nth counts from 1 how often this phase was reached for
	// this recipient (for this sender before RCPT). It is called from many
	// goroutines. nil: nothing goes wrong.
	Script func(phase, from, to string, nth int) Fault
}

// Fault is what goes wrong at a step. The zero Fault lets the step succeed.
type Fault struct {
	// Wait delays everything below until it is closed or the sink stops.
	Wait <-chan struct{}
	// Code and Text are a reply that refuses the step, word for word. At "data"
	// it needs a connection without TLS.
	Code int
	Text string
	// Drop closes the connection instead of answering. At "data" it does so when
	// some of the message has come; nothing is kept.
	Drop bool
	// Lose, at "dot", keeps the message and closes the connection without the
	// reply.
	Lose bool
}

// Message is a message that the sink took.
type Message struct {
	From      string    `json:"from"` // envelope
	To        string    `json:"to"`   // envelope
	Raw       []byte    `json:"raw"`
	MessageID string    `json:"message_id"`
	At        time.Time `json:"at"`
}

// maxMessage is the largest message that the sink takes.
const maxMessage = 32 << 20

// Sink is an SMTP server that keeps what it is given and delivers nothing.
type Sink struct {
	options  Options
	listener net.Listener
	stopped  chan struct{}

	mu       sync.Mutex
	open     int // connections
	most     int // that were open at a time
	refused  int // that were one too many
	messages []Message
	file     *os.File
	seen     map[[3]string]int // phase, from, to
}

// New listens, and reads what an earlier sink kept in the same folder.
func New(o Options) (*Sink, error) {
	if o.Addr == "" {
		o.Addr = "127.0.0.1:0"
	}
	host, _, err := net.SplitHostPort(o.Addr)
	if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsLoopback() {
		return nil, fmt.Errorf("smtp sink: %q is not an address of this machine such as 127.0.0.1:2525", o.Addr)
	}
	s := &Sink{options: o, stopped: make(chan struct{}), seen: map[[3]string]int{}}
	if o.Dir != "" {
		if err := s.load(filepath.Join(o.Dir, "mails.jsonl")); err != nil {
			return nil, fmt.Errorf("smtp sink: %w", err)
		}
	}
	if s.listener, err = net.Listen("tcp", o.Addr); err != nil {
		return nil, fmt.Errorf("smtp sink: %w", errors.Join(err, s.closeFile()))
	}
	return s, nil
}

// load reads what is kept and goes on behind it. A line that a crash cut short
// was never acknowledged; it is dropped.
func (s *Sink) load(path string) error {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	dec, end := json.NewDecoder(file), int64(0)
	for {
		var m Message
		if err := dec.Decode(&m); err != nil {
			break
		}
		s.messages, end = append(s.messages, m), dec.InputOffset()
	}
	if err := file.Truncate(end); err != nil {
		return errors.Join(err, file.Close())
	}
	if _, err := file.Seek(end, io.SeekStart); err != nil {
		return errors.Join(err, file.Close())
	}
	s.file = file
	return nil
}

// Addr is where the sink listens.
func (s *Sink) Addr() string { return s.listener.Addr().String() }

// Run serves until ctx ends.
func (s *Sink) Run(ctx context.Context) error {
	server := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		return &session{sink: s, conn: c}, nil
	}))
	server.Domain = "localhost"
	server.ErrorLog = log.New(io.Discard, "", 0) // cut connections are what the sink is for
	server.MaxMessageBytes = maxMessage
	server.AllowInsecureAuth = true
	server.EnableSMTPUTF8 = s.options.UTF8
	var listener net.Listener = countListener{Listener: s.listener, sink: s}
	if s.options.Direct {
		listener = tls.NewListener(listener, s.options.TLS)
	} else {
		server.TLSConfig = s.options.TLS
		listener = wireListener{Listener: listener, sink: s}
	}
	stop := context.AfterFunc(ctx, func() {
		close(s.stopped)
		_ = server.Close()
		_ = s.listener.Close() // server does not know it when ctx ended before Serve began
	})
	defer stop()
	err := server.Serve(listener)
	if ctx.Err() != nil {
		err = nil
	}
	return errors.Join(err, s.closeFile())
}

func (s *Sink) closeFile() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.file == nil {
		return nil
	}
	err := s.file.Close()
	s.file = nil
	return err
}

// Connections tells how many were open at a time at most, and how many were
// refused because of [Options.MaxConnections].
func (s *Sink) Connections() (most, refused int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.most, s.refused
}

// Messages returns what was taken so far, in order.
func (s *Sink) Messages() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Message(nil), s.messages...)
}

// keep stores a message. It is called before the reply goes out: a message that
// was acknowledged is never missing.
func (s *Sink) keep(m Message) error {
	if msg, err := mail.ReadMessage(bytes.NewReader(m.Raw)); err == nil {
		m.MessageID = msg.Header.Get("Message-ID")
	}
	if s.options.MaxRaw > 0 && len(m.Raw) > s.options.MaxRaw {
		m.Raw = bytes.Clone(m.Raw[:s.options.MaxRaw])
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.options.Dir != "" {
		line, err := json.Marshal(m)
		if err != nil {
			return fmt.Errorf("keep message: %w", err)
		}
		if s.file == nil {
			return errors.New("keep message: the sink has stopped")
		}
		if _, err := s.file.Write(append(line, '\n')); err != nil {
			return fmt.Errorf("keep message: %w", err)
		}
	}
	s.messages = append(s.messages, m)
	return nil
}

// fault asks the script, and waits as long as it says.
func (s *Sink) fault(phase, from, to string) Fault {
	if s.options.Script == nil {
		return Fault{}
	}
	s.mu.Lock()
	key := [3]string{phase, from, to}
	s.seen[key]++
	nth := s.seen[key]
	s.mu.Unlock()
	f := s.options.Script(phase, from, to, nth)
	if f.Wait != nil {
		select {
		case <-f.Wait:
		case <-s.stopped:
		}
	}
	return f
}

// session is one connection's conversation.
type session struct {
	sink     *Sink
	conn     *smtp.Conn
	authed   bool
	from, to string
}

// errDropped answers a step on a connection that is closed already.
var errDropped = errors.New("connection dropped")

// refuse turns a fault into the answer to a step.
func (s *session) refuse(f Fault) error {
	switch {
	case f.Drop:
		_ = s.conn.Conn().Close()
		return errDropped
	case f.Code != 0:
		return &smtp.SMTPError{Code: f.Code, EnhancedCode: smtp.NoEnhancedCode, Message: f.Text}
	}
	return nil
}

// AuthMechanisms implements [smtp.AuthSession].
func (s *session) AuthMechanisms() []string {
	if s.sink.options.Username == "" {
		return nil
	}
	return []string{sasl.Plain}
}

// Auth implements [smtp.AuthSession].
func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, username, password string) error {
		if err := s.refuse(s.sink.fault("auth", username, "")); err != nil {
			return err
		}
		if username != s.sink.options.Username || password != s.sink.options.Password {
			return smtp.ErrAuthFailed
		}
		s.authed = true
		return nil
	}), nil
}

// Mail implements [smtp.Session].
func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	if s.sink.options.Username != "" && !s.authed {
		return &smtp.SMTPError{Code: 530, EnhancedCode: smtp.EnhancedCode{5, 7, 0}, Message: "Authentication required"}
	}
	s.from = from
	return s.refuse(s.sink.fault("mail", from, ""))
}

// Rcpt implements [smtp.Session].
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = to
	return s.refuse(s.sink.fault("rcpt", s.from, to))
}

// Data implements [smtp.Session].
func (s *session) Data(r io.Reader) error {
	var data Fault
	if w, ok := s.conn.Conn().(*wire); ok {
		data = w.data // asked when the command came
	} else {
		data = s.sink.fault("data", s.from, s.to)
	}
	if data.Drop {
		_, _ = io.CopyN(io.Discard, r, 512)
		return s.refuse(data)
	}
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	dot := s.sink.fault("dot", s.from, s.to)
	if err := s.refuse(dot); err != nil {
		return err
	}
	if err := s.sink.keep(Message{From: s.from, To: s.to, Raw: raw, At: time.Now()}); err != nil {
		return err
	}
	if dot.Lose {
		return s.refuse(Fault{Drop: true})
	}
	return nil
}

// Reset implements [smtp.Session].
func (s *session) Reset() { s.from, s.to = "", "" }

// Logout implements [smtp.Session].
func (s *session) Logout() error { return nil }
