package standin

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/smtp"
	"net/textproto"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func start(t *testing.T, o Options) *Sink {
	t.Helper()
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return s
}

const mailText = "Message-ID: <1.142@example.org>\r\nSubject: x\r\n\r\nhello\r\n"

func send(s *Sink, to string) error {
	return smtp.SendMail(s.Addr(), nil, "news@example.org", []string{to}, []byte(mailText))
}

func TestKeepsWhatItTakes(t *testing.T) {
	for _, lockstep := range []bool{false, true} {
		s := start(t, Options{Lockstep: lockstep})
		if err := send(s, "a@reader.example"); err != nil {
			t.Fatal(err)
		}
		got := s.Messages()
		if len(got) != 1 || got[0].To != "a@reader.example" || got[0].From != "news@example.org" ||
			string(got[0].Raw) != mailText || got[0].MessageID != "<1.142@example.org>" || got[0].At.IsZero() {
			t.Errorf("kept %+v", got)
		}
	}
}

func TestOutlivesTheProcess(t *testing.T) {
	dir := t.TempDir()
	first, err := New(Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- first.Run(ctx) }()
	if err := send(first, "a@reader.example"); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	// A crash in the middle of a line.
	path := filepath.Join(dir, "mails.jsonl")
	file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.WriteString(`{"from":"x","to`); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	second := start(t, Options{Dir: dir})
	if err := send(second, "b@reader.example"); err != nil {
		t.Fatal(err)
	}
	got := second.Messages()
	if len(got) != 2 || got[0].To != "a@reader.example" || got[1].To != "b@reader.example" {
		t.Errorf("kept %+v", got)
	}
	third := start(t, Options{Dir: dir})
	if n := len(third.Messages()); n != 2 {
		t.Errorf("%d messages after another restart", n)
	}
}

func TestScript(t *testing.T) {
	for name, c := range map[string]struct {
		phase string
		fault Fault
		code  int // of the error; 0: the connection broke
		kept  int
	}{
		"mail": {"mail", Fault{Code: 451, Text: "4.3.0 later"}, 451, 0},
		"rcpt": {"rcpt", Fault{Code: 550, Text: "5.1.1 nobody"}, 550, 0},
		"data": {"data", Fault{Code: 451, Text: "later"}, 451, 0},
		"dot":  {"dot", Fault{Code: 554, Text: "no"}, 554, 0},
		"drop": {"data", Fault{Drop: true}, 0, 0},
		"lose": {"dot", Fault{Lose: true}, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, Options{Script: func(phase, from, to string, nth int) Fault {
				if phase == c.phase && nth == 1 {
					return c.fault
				}
				return Fault{}
			}})
			err := send(s, "a@reader.example")
			if err == nil {
				t.Fatal("no error")
			}
			refusal, ok := err.(*textproto.Error)
			if ok != (c.code != 0) || ok && (refusal.Code != c.code || refusal.Msg != c.fault.Text) {
				t.Errorf("got %v", err)
			}
			if n := len(s.Messages()); n != c.kept {
				t.Errorf("%d messages kept, want %d", n, c.kept)
			}
			if err := send(s, "a@reader.example"); err != nil {
				t.Errorf("second try: %v", err)
			}
		})
	}
}

func TestWaitEndsWithTheSink(t *testing.T) {
	never := make(chan struct{})
	reached := make(chan struct{})
	s, err := New(Options{Script: func(phase, _, _ string, _ int) Fault {
		if phase == "dot" {
			close(reached)
			return Fault{Wait: never}
		}
		return Fault{}
	}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	sent := make(chan error, 1)
	go func() { sent <- send(s, "a@reader.example") }()
	<-reached
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if err := <-sent; err == nil {
		t.Error("the mail was acknowledged by a sink that had stopped")
	}
}

func TestPipeliningIsOffered(t *testing.T) {
	for _, lockstep := range []bool{false, true} {
		s := start(t, Options{Lockstep: lockstep})
		c, err := smtp.Dial(s.Addr())
		if err != nil {
			t.Fatal(err)
		}
		if ok, _ := c.Extension("PIPELINING"); ok == lockstep {
			t.Errorf("lockstep %v: PIPELINING offered: %v", lockstep, ok)
		}
		_ = c.Close()
	}
}

func TestStartTLSAndAuth(t *testing.T) {
	cert, pem, err := SelfSigned("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		t.Fatal("PEM not readable")
	}
	s := start(t, Options{TLS: &tls.Config{Certificates: []tls.Certificate{cert}}, Username: "u", Password: "p"})
	for _, password := range []string{"p", "wrong"} {
		c, err := smtp.Dial(s.Addr())
		if err != nil {
			t.Fatal(err)
		}
		if err := c.StartTLS(&tls.Config{RootCAs: roots, ServerName: "127.0.0.1"}); err != nil {
			t.Fatal(err)
		}
		if err := c.Auth(smtp.PlainAuth("", "u", password, "127.0.0.1")); (err == nil) != (password == "p") {
			t.Errorf("password %s: %v", password, err)
		}
		_ = c.Close()
	}
	if err := send(s, "a@reader.example"); err == nil || !strings.Contains(err.Error(), "authority") {
		t.Errorf("net/smtp trusted a foreign certificate: %v", err)
	}
}

func TestOnlyOnThisMachine(t *testing.T) {
	for _, addr := range []string{"0.0.0.0:0", ":0", "192.0.2.1:25", "localhost:0", "nonsense"} {
		if s, err := New(Options{Addr: addr}); err == nil {
			t.Errorf("%s: listens on %s", addr, s.Addr())
		}
	}
	if host, _, _ := net.SplitHostPort(start(t, Options{}).Addr()); host != "127.0.0.1" {
		t.Errorf("listens on %s", host)
	}
}
