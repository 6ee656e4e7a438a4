package email

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"yizhan/dispatch"
	"yizhan/dispatch/standin"
)

// journal records what a channel does, in order: its writes, the mark, the end
// of the connection, deadlines when asked.
type journal struct {
	mu     sync.Mutex
	events []string
}

func (j *journal) add(format string, args ...any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.events = append(j.events, fmt.Sprintf(format, args...))
}

func (j *journal) all() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return append([]string(nil), j.events...)
}

// recorded is a connection that writes into a journal.
type recorded struct {
	net.Conn
	journal   *journal
	deadlines bool
	closing   sync.Once
}

func (r *recorded) Write(p []byte) (int, error) {
	switch s := string(p); {
	case len(p) > 1000:
		r.journal.add("body, ends with CRLF: %v", strings.HasSuffix(s, "\r\n"))
	default:
		r.journal.add("%s", strings.ReplaceAll(strings.TrimSuffix(s, "\r\n"), "\r\n", " | "))
	}
	return r.Conn.Write(p)
}

func (r *recorded) Close() error {
	r.closing.Do(func() { r.journal.add("closed") })
	return r.Conn.Close()
}

func (r *recorded) SetDeadline(t time.Time) error {
	if r.deadlines {
		r.journal.add("[%s]", time.Until(t))
	}
	return r.Conn.SetDeadline(t)
}

// scripted is a relay that follows a script: "S:" lines are sent, "C:" lines are
// expected to begin so, "M" stands for a mail up to its dot, "EOF" for nothing more,
// "FLOOD" for a reply without end.
func scripted(t *testing.T, conn net.Conn, script string) {
	defer conn.Close() //nolint:errcheck // the end of the script
	in := bufio.NewReader(conn)
	for step := range strings.SplitSeq(strings.TrimSpace(script), "\n") {
		kind, text, _ := strings.Cut(strings.TrimSpace(step), ": ")
		switch kind {
		case "S":
			if _, err := io.WriteString(conn, text+"\r\n"); err != nil {
				return
			}
		case "C":
			line, err := in.ReadString('\n')
			if err != nil || !strings.HasPrefix(line, text) {
				t.Errorf("relay: got %q (%v), want %q", line, err, text)
				return
			}
		case "M":
			for line := ""; line != ".\r\n"; {
				var err error
				if line, err = in.ReadString('\n'); err != nil {
					t.Errorf("relay: no dot: %v", err)
					return
				}
			}
		case "FLOOD":
			for {
				if _, err := io.WriteString(conn, "250-and on\r\n"); err != nil {
					return
				}
			}
		case "EOF":
			if rest, _ := io.ReadAll(in); len(rest) > 0 {
				t.Errorf("relay: got %q at the end", rest)
			}
		}
	}
}

const pipelinedHello = `
S: 220 relay
C: EHLO example.org
S: 250-relay
S: 250-PIPELINING
S: 250 8BITMIME
`

// converse delivers one mail to a scripted relay, over pipes and on fake time.
func converse(t *testing.T, deadlines bool, script string, mark dispatch.MarkFunc) (dispatch.Outcome, []string) {
	t.Helper()
	var o dispatch.Outcome
	j := &journal{}
	synctest.Test(t, func(t *testing.T) {
		done := make(chan struct{})
		ch, err := New(func() Options {
			opt := options("relay.example.org:25")
			opt.Dial = func(context.Context, string, string) (net.Conn, error) {
				client, server := net.Pipe()
				go func() { defer close(done); scripted(t, server, script) }()
				return &recorded{Conn: client, journal: j, deadlines: deadlines}, nil
			}
			return opt
		}())
		if err != nil {
			t.Fatal(err)
		}
		o = ch.Deliver(context.Background(), batch(t, ch, reader), func(ctx context.Context) ([]bool, error) {
			j.add("MARK")
			return mark(ctx)
		})[0]
		<-done
		_ = ch.Close()
	})
	return o, j.all()
}

const envelope = "MAIL FROM:<news@example.org> | RCPT TO:<reader@example.com> | DATA"

// The marker stands between the last line of the mail and the dot, and there is
// nothing else.
func TestMarkerOrder(t *testing.T) {
	o, got := converse(t, false, pipelinedHello+`
		C: MAIL FROM:<news@example.org>
		C: RCPT TO:<reader@example.com>
		C: DATA
		S: 250 ok
		S: 250 ok
		S: 354 go
		M
		S: 250 2.0.0 queued as 1
		C: QUIT`, grant)
	wantSent(t, o)
	if o.Reply != "2.0.0 queued as 1" {
		t.Errorf("reply %q", o.Reply)
	}
	want := []string{"EHLO example.org", envelope, "body, ends with CRLF: true", "MARK", ".", "QUIT", "closed"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestMarkerOrderInLockstep(t *testing.T) {
	o, got := converse(t, false, `
		S: 220 relay
		C: EHLO
		S: 250 relay
		C: MAIL
		S: 250 ok
		C: RCPT
		S: 250 ok
		C: DATA
		S: 354 go
		M
		S: 250 ok
		C: QUIT`, grant)
	wantSent(t, o)
	want := []string{
		"EHLO example.org", "MAIL FROM:<news@example.org>", "RCPT TO:<reader@example.com>", "DATA",
		"body, ends with CRLF: true", "MARK", ".", "QUIT", "closed",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// Without a mark the connection is cut: no dot, no QUIT, which would end the mail
// as well as a dot does.
func TestNoMarkNoDot(t *testing.T) {
	sink := startSink(t, standin.Options{})
	j := &journal{}
	ch := newChannel(t, sink.Addr(), func(o *Options) {
		o.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			var d net.Dialer
			c, err := d.DialContext(ctx, network, address)
			return &recorded{Conn: c, journal: j}, err
		}
	})
	o := ch.Deliver(context.Background(), batch(t, ch, reader), func(context.Context) ([]bool, error) {
		j.add("MARK")
		return []bool{false}, nil
	})[0]
	if o.Status != dispatch.Stopped {
		t.Errorf("got %+v", o)
	}
	want := []string{"EHLO example.org", envelope, "body, ends with CRLF: true", "MARK", "closed"}
	if diff := cmp.Diff(want, j.all()); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if n := len(sink.Messages()); n != 0 {
		t.Errorf("%d messages kept", n)
	}
}

// A relay that asks for the mail although it refused the recipient gets a lone
// dot; the connection stays in use.
func TestRecipientRefusedButDataAsked(t *testing.T) {
	noMark := func(context.Context) ([]bool, error) {
		t.Error("asked for the mark")
		return nil, nil
	}
	o, got := converse(t, false, pipelinedHello+`
		C: MAIL
		C: RCPT
		C: DATA
		S: 250 ok
		S: 550 5.1.1 nobody
		S: 354 go
		C: .
		S: 554 5.5.1 no valid recipients
		C: QUIT`, noMark)
	wantRefused(t, o, dispatch.ScopeRecipient, "mailbox-unknown")
	if !o.Failure.Suppress || o.Code != 550 {
		t.Errorf("got %+v", o)
	}
	if diff := cmp.Diff([]string{"EHLO example.org", envelope, ".", "QUIT", "closed"}, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}

	// The sender refused, the recipient not: a dot would send an empty mail.
	o, got = converse(t, false, pipelinedHello+`
		C: MAIL
		C: RCPT
		C: DATA
		S: 550 5.7.1 not you
		S: 250 ok
		S: 354 go
		EOF`, noMark)
	if o.Failure.Scope == dispatch.ScopeRecipient || o.Status != dispatch.Refused {
		t.Errorf("got %+v", o)
	}
	if diff := cmp.Diff([]string{"EHLO example.org", envelope, "closed"}, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// After a refused MAIL the answers to RCPT and DATA are 503. They are read, so
// that the next mail does not get them.
func TestRefusedPipelineStaysInStep(t *testing.T) {
	o, got := converse(t, false, pipelinedHello+`
		C: MAIL
		C: RCPT
		C: DATA
		S: 451 4.3.0 later
		S: 503 5.5.1 need MAIL
		S: 503 5.5.1 need RCPT
		C: QUIT`, grant)
	wantRefused(t, o, dispatch.ScopeAccount, "relay-refused")
	if diff := cmp.Diff([]string{"EHLO example.org", envelope, "QUIT", "closed"}, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// After a refusal the next mail begins with RSET; a relay that refuses even that
// is left for a fresh connection.
func TestResetAfterRefusal(t *testing.T) {
	for name, c := range map[string]struct {
		reset string
		want  []string
	}{
		"accepted": {"S: 250 ok\nC: MAIL\nC: RCPT\nC: DATA\nS: 250 ok\nS: 250 ok\nS: 354 go\nM\nS: 250 ok\nC: QUIT", []string{
			"EHLO example.org", envelope, "RSET", envelope, "body, ends with CRLF: true", ".", "QUIT", "closed",
		}},
		"refused": {"S: 502 what\nEOF", []string{"EHLO example.org", envelope, "RSET", "closed"}},
	} {
		synctest.Test(t, func(t *testing.T) {
			j := &journal{}
			done := make(chan struct{}, 2)
			scripts := []string{
				pipelinedHello + "C: MAIL\nC: RCPT\nC: DATA\nS: 250 ok\nS: 550 5.1.1 nobody\nS: 554 no\nC: RSET\n" + c.reset,
				pipelinedHello + "C: MAIL\nC: RCPT\nC: DATA\nS: 250 ok\nS: 250 ok\nS: 354 go\nM\nS: 250 ok\nC: QUIT",
			}
			dials := 0
			opt := options("relay.example.org:25")
			opt.Dial = func(context.Context, string, string) (net.Conn, error) {
				client, server := net.Pipe()
				script := scripts[dials]
				dials++
				go func() { scripted(t, server, script); done <- struct{}{} }()
				if dials > 1 {
					return client, nil
				}
				return &recorded{Conn: client, journal: j}, nil
			}
			ch, err := New(opt)
			if err != nil {
				t.Fatal(err)
			}
			b := batch(t, ch, reader)
			wantRefused(t, ch.Deliver(context.Background(), b, grant)[0], dispatch.ScopeRecipient, "mailbox-unknown")
			wantSent(t, ch.Deliver(context.Background(), b, grant)[0])
			for range dials {
				<-done
			}
			_ = ch.Close()
			synctest.Wait()
			if diff := cmp.Diff(c.want, j.all()); diff != "" {
				t.Errorf("%s: -want +got\n%s", name, diff)
			}
		})
	}
}

func TestHostileReplies(t *testing.T) {
	for name, c := range map[string]struct {
		script string
		status dispatch.Status
		reason string
	}{
		"garbage greeting": {"S: hello there", dispatch.Refused, "protocol"},
		"554 greeting":     {"S: 554 go away", dispatch.Refused, "relay-refused"},
		"nothing":          {"EOF", dispatch.Refused, "timeout"},
		"hello refused":    {"S: 220 hi\nC: EHLO\nS: 502 no\nC: HELO\nS: 502 no", dispatch.Refused, "relay-refused"},
		"endless reply":    {"S: 220 hi\nC: EHLO\nFLOOD", dispatch.Refused, "protocol"},
		"354 to MAIL":      {pipelinedHello + "C: MAIL\nC: RCPT\nC: DATA\nS: 354 go\nS: 354 go\nS: 354 go", dispatch.Refused, "protocol"},
		"250 to DATA":      {pipelinedHello + "C: MAIL\nC: RCPT\nC: DATA\nS: 250 ok\nS: 250 ok\nS: 250 ok", dispatch.Refused, "protocol"},
		"garbage at dot":   {pipelinedHello + "C: MAIL\nC: RCPT\nC: DATA\nS: 250 ok\nS: 250 ok\nS: 354 ok\nM\nS: ???", dispatch.Lost, "reply-lost"},
		"no answer to dot": {pipelinedHello + "C: MAIL\nC: RCPT\nC: DATA\nS: 250 ok\nS: 250 ok\nS: 354 ok\nM\nEOF", dispatch.Lost, "reply-lost"},
	} {
		t.Run(name, func(t *testing.T) {
			o, got := converse(t, false, c.script, grant)
			if o.Status != c.status || o.Failure.Reason != c.reason || o.Failure.Permanent {
				t.Errorf("got %+v", o)
			}
			for _, e := range got {
				if strings.HasPrefix(e, "QUIT") {
					t.Error("QUIT after an error")
				}
			}
		})
	}
}

// RFC 5321 section 4.5.3.2: MAIL 5 min, RCPT 5, DATA 2, block 3, dot 10.
func TestDeadlines(t *testing.T) {
	o, got := converse(t, true, pipelinedHello+`
		C: MAIL
		C: RCPT
		C: DATA
		S: 250 ok
		S: 250 ok
		S: 354 go
		M
		S: 250 ok
		C: QUIT`, grant)
	wantSent(t, o)
	want := []string{
		"[5m0s]", "[5m0s]", "EHLO example.org", "[5m0s]", envelope,
		"[5m0s]", "[5m0s]", "[2m0s]", "[3m0s]", "body, ends with CRLF: true", "MARK", "[10m0s]", ".",
		"[1s]", "QUIT", "closed",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// The final reply is awaited for ten minutes and no longer.
func TestFinalReplyTakesTime(t *testing.T) {
	for wait, want := range map[time.Duration]dispatch.Status{
		dotLimit - time.Second: dispatch.Sent, dotLimit + time.Second: dispatch.Lost,
	} {
		synctest.Test(t, func(t *testing.T) {
			done := make(chan struct{})
			opt := options("relay.example.org:25")
			opt.Dial = func(context.Context, string, string) (net.Conn, error) {
				client, server := net.Pipe()
				slow := &delayed{Conn: server, wait: wait}
				go func() {
					defer close(done)
					scripted(t, slow, pipelinedHello+"C: MAIL\nC: RCPT\nC: DATA\nS: 250 ok\nS: 250 ok\nS: 354 ok\nM\nS: 250 done")
				}()
				return client, nil
			}
			ch, err := New(opt)
			if err != nil {
				t.Fatal(err)
			}
			if o := ch.Deliver(context.Background(), batch(t, ch, reader), grant)[0]; o.Status != want {
				t.Errorf("after %s: got %+v", wait, o)
			}
			<-done
			_ = ch.Close()
		})
	}
}

// delayed lets time pass before a reply that says "done".
type delayed struct {
	net.Conn
	wait time.Duration
}

func (d *delayed) Write(p []byte) (int, error) {
	if strings.Contains(string(p), "done") {
		<-time.After(d.wait)
	}
	return d.Conn.Write(p)
}

// Idle connections are given up after ten seconds, all within a minute.
func TestIdleConnectionsAreDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &journal{}
		var p pool
		for range 3 {
			client, server := net.Pipe()
			go func() { _, _ = io.Copy(io.Discard, server) }()
			s := newIdleSession(&recorded{Conn: client, journal: j})
			p.put(s)
			<-time.After(4 * time.Second)
		}
		// 12 s after the first, 4 s after the last.
		synctest.Wait()
		if diff := cmp.Diff([]string{"QUIT", "closed"}, j.all()); diff != "" {
			t.Errorf("-want +got\n%s", diff)
		}
		<-time.After(time.Minute)
		if n := len(j.all()); n != 6 {
			t.Errorf("events: %q", j.all())
		}
		if s := p.take(time.Now()); s != nil {
			t.Error("an expired connection was given out")
		}
		p.close()
	})
}

func newIdleSession(conn net.Conn) *session {
	return &session{raw: &wire{Conn: conn}, text: textproto.NewConn(conn), born: time.Now()}
}
