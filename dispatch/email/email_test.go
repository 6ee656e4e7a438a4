package email

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"yizhan/dispatch"
	"yizhan/dispatch/standin"
	"yizhan/issue"
	"yizhan/templates"
)

// links makes links of one length, as the subscribers' tokens have.
type links struct{}

func (links) Placeholder() string {
	return "https://news.example.org/unsubscribe?t=" + strings.Repeat("P", linkID)
}

func (links) Unsubscribe(id string) string {
	return "https://news.example.org/unsubscribe?t=" + id + strings.Repeat("x", linkID-len(id))
}

func (links) Reader(d dispatch.Handover) string { return readerToken(d.Subscriber) }

func (links) ReaderPlaceholder() string { return readerToken("0") }

func readerToken(id string) string { return "v1.read." + id + strings.Repeat("y", linkID-len(id)) }

func (links) Letter(kind string, d dispatch.Handover, expires time.Time) string {
	return fmt.Sprintf("https://news.example.org/%s?t=%s.%d", kind, d.Subscriber+strings.Repeat("x", linkID-len(d.Subscriber)), expires.Unix())
}

func (links) LetterPlaceholder(kind string, planned time.Time) (string, time.Time) {
	if kind == "moved" {
		return "", time.Time{}
	}
	expires := planned.Add(72 * time.Hour)
	return fmt.Sprintf("https://news.example.org/%s?t=%s.%d", kind, strings.Repeat("P", linkID), expires.Unix()), expires
}

// linkID is how long the part of a link is that differs between readers.
const linkID = 26

// renderer stands in for the templates.
type renderer struct {
	digest func(templates.Input) templates.Digest
}

func (r renderer) Email(in templates.Input) (templates.Digest, error) {
	if r.digest != nil {
		return r.digest(in), nil
	}
	return templates.Digest{
		Subject: "电子商务资讯 2015年第2期（总第142期）：" + in.Issue.Title,
		Text:    []byte("摘要\r\n\r\n.\r\n退订：" + in.UnsubscribeURL + "\r\n"),
		HTML:    []byte("<p>摘要</p>" + strings.Repeat("<p>正文</p>", 500) + `<a href="` + in.UnsubscribeURL + `">退订</a>`),
	}, nil
}

func (r renderer) Letter(in templates.Letter) (templates.Digest, error) {
	return templates.Digest{Subject: "请确认订阅", Text: []byte("请确认\r\n" + in.Link), HTML: []byte(`<p>请确认</p><a href="` + in.Link + `">确认</a>`)}, nil
}

// confirmation is content of service mails.
func confirmation() dispatch.Content {
	c := content()
	return dispatch.Content{Kind: dispatch.KindService, Letters: []dispatch.Letter{{Kind: "confirm", Language: "zh-CN"}}, PlannedAt: c.PlannedAt}
}

func content() dispatch.Content {
	return dispatch.Content{
		Kind: dispatch.KindIssue, Issue: issue.Issue{ID: "142", Title: "电子商务资讯"},
		Revision:  issue.Revision{N: 1, Hash: "abc"},
		PlannedAt: time.Date(2026, 11, 23, 9, 0, 0, 0, time.FixedZone("CST", 8*3600)),
	}
}

func options(addr string) Options {
	return Options{
		From:      mail.Address{Name: "上海市电子商务行业协会", Address: "news@example.org"},
		PublicURL: "https://news.example.org/", SMTP: SMTP{Address: addr, TLS: NoTLS},
		Connections: 4, Digest: renderer{}, Links: links{},
	}
}

func newChannel(tb testing.TB, addr string, change ...func(*Options)) *Channel {
	tb.Helper()
	o := options(addr)
	for _, f := range change {
		f(&o)
	}
	c, err := New(o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := c.Close(); err != nil {
			tb.Error(err)
		}
	})
	return c
}

func startSink(tb testing.TB, o standin.Options) *standin.Sink {
	tb.Helper()
	s, err := standin.New(o)
	if err != nil {
		tb.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	tb.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			tb.Error(err)
		}
	})
	return s
}

func grant(context.Context) ([]bool, error) { return []bool{true}, nil }

// batch is one delivery of the run that prepare makes.
func batch(tb testing.TB, c *Channel, to string) dispatch.Batch {
	tb.Helper()
	v, err := c.Prepare(context.Background(), content())
	if err != nil {
		tb.Fatal(err)
	}
	return dispatch.Batch{Run: 1, Variant: v[0], Deliveries: []dispatch.Handover{{
		Delivery: 7, Subscriber: "sub1", Address: to, MessageID: strings.Replace(v[0].MessageID, "%s", "tok1", 1), Attempt: 1,
	}}}
}

func deliver(tb testing.TB, c *Channel, to string) dispatch.Outcome {
	tb.Helper()
	out := c.Deliver(context.Background(), batch(tb, c, to), grant)
	if len(out) != 1 {
		tb.Fatalf("%d outcomes", len(out))
	}
	return out[0]
}

func wantSent(t *testing.T, o dispatch.Outcome) {
	t.Helper()
	if o.Status != dispatch.Sent || o.Code != 250 {
		t.Errorf("got %+v, want sent", o)
	}
}

func wantRefused(t *testing.T, o dispatch.Outcome, scope dispatch.Scope, reason string) {
	t.Helper()
	if o.Status != dispatch.Refused || o.Failure.Scope != scope || o.Failure.Reason != reason {
		t.Errorf("got %+v, want refused, %s, %s", o, scope, reason)
	}
}

const reader = "reader@example.com"

// TestFaults: every fault at every step, pipelined and in lockstep. The fault
// happens once; the next delivery on the same channel has to succeed, with the
// very bytes of the first.
func TestFaults(t *testing.T) {
	reply := func(code int, text string) standin.Fault { return standin.Fault{Code: code, Text: text} }
	drop := standin.Fault{Drop: true}
	for name, c := range map[string]struct {
		phase  string
		fault  standin.Fault
		status dispatch.Status
		scope  dispatch.Scope
		reason string
		code   int
		kept   int
		sent   bool // the channel mends it by itself
	}{
		"mail 451":           {phase: "mail", fault: reply(451, "4.3.0 later"), status: dispatch.Refused, scope: dispatch.ScopeAccount, reason: "relay-refused", code: 451},
		"mail 550":           {phase: "mail", fault: reply(550, "no"), status: dispatch.Refused, scope: dispatch.ScopeAccount, reason: "relay-refused", code: 550},
		"mail 421":           {phase: "mail", fault: reply(421, "bye"), status: dispatch.Refused, scope: dispatch.ScopeConnection, reason: "service-closing", code: 421},
		"mail dropped":       {phase: "mail", fault: drop, status: dispatch.Refused, scope: dispatch.ScopeConnection, reason: "connection-lost"},
		"rcpt 450":           {phase: "rcpt", fault: reply(450, "4.2.0 Greylisted"), status: dispatch.Refused, scope: dispatch.ScopeRecipient, reason: "greylisting", code: 450},
		"rcpt unknown":       {phase: "rcpt", fault: reply(550, "5.1.1 nobody"), status: dispatch.Refused, scope: dispatch.ScopeRecipient, reason: "mailbox-unknown", code: 550},
		"rcpt rate":          {phase: "rcpt", fault: reply(550, "Ip frequency limited"), status: dispatch.Refused, scope: dispatch.ScopeDomain, reason: "rate-limited", code: 550},
		"rcpt 421":           {phase: "rcpt", fault: reply(421, "bye"), status: dispatch.Refused, scope: dispatch.ScopeConnection, reason: "service-closing", code: 421},
		"rcpt 503":           {phase: "rcpt", fault: reply(503, "bad sequence"), status: dispatch.Refused, scope: dispatch.ScopeConnection, reason: "bad-sequence", code: 503},
		"rcpt dropped":       {phase: "rcpt", fault: drop, status: dispatch.Refused, scope: dispatch.ScopeConnection, reason: "connection-lost"},
		"data 451":           {phase: "data", fault: reply(451, "4.3.0 later"), status: dispatch.Refused, scope: dispatch.ScopeRecipient, reason: "temporary", code: 451},
		"data 554":           {phase: "data", fault: reply(554, "no"), status: dispatch.Refused, scope: dispatch.ScopeContent, reason: "refused", code: 554},
		"dot 451":            {phase: "dot", fault: reply(451, "DT:SPM"), status: dispatch.Refused, scope: dispatch.ScopeContent, reason: "content-deferred", code: 451},
		"dot spam":           {phase: "dot", fault: reply(550, "Mail content denied"), status: dispatch.Refused, scope: dispatch.ScopeContent, reason: "content-refused", code: 550},
		"dot 421":            {phase: "dot", fault: reply(421, "closing"), status: dispatch.Refused, scope: dispatch.ScopeConnection, reason: "service-closing", code: 421},
		"dot dropped":        {phase: "dot", fault: drop, status: dispatch.Lost, scope: dispatch.ScopeConnection, reason: "reply-lost"},
		"dot reply lost":     {phase: "dot", fault: standin.Fault{Lose: true}, status: dispatch.Lost, scope: dispatch.ScopeConnection, reason: "reply-lost", kept: 1},
		"dot 354":            {phase: "dot", fault: reply(354, "what"), status: dispatch.Lost, scope: dispatch.ScopeConnection, reason: "reply-lost", code: 354},
		"dot, several lines": {phase: "dot", fault: reply(550, "first\nsecond\x1b[31m\nthird"), status: dispatch.Refused, scope: dispatch.ScopeContent, reason: "refused", code: 550},
	} {
		for _, lockstep := range []bool{false, true} {
			mode := map[bool]string{false: "pipelined", true: "lockstep"}[lockstep]
			t.Run(name+"/"+mode, func(t *testing.T) {
				var done atomic.Bool
				sink := startSink(t, standin.Options{Lockstep: lockstep, Script: func(phase, _, to string, _ int) standin.Fault {
					if phase == c.phase && (to == reader || phase == "mail") && done.CompareAndSwap(false, true) {
						return c.fault
					}
					return standin.Fault{}
				}})
				ch := newChannel(t, sink.Addr())
				o := deliver(t, ch, reader)
				if o.Status != c.status || o.Failure.Scope != c.scope || o.Failure.Reason != c.reason || o.Code != c.code {
					t.Errorf("got %+v", o)
				}
				if strings.ContainsAny(o.Reply, "\n\x1b") {
					t.Errorf("reply %q", o.Reply)
				}
				if n := len(sink.Messages()); n != c.kept {
					t.Fatalf("%d messages kept, want %d", n, c.kept)
				}
				wantSent(t, deliver(t, ch, reader))
				got := sink.Messages()
				if len(got) != c.kept+1 || got[c.kept].To != reader || got[c.kept].From != "news@example.org" {
					t.Fatalf("kept %d messages", len(got))
				}
				if c.kept == 1 && string(got[0].Raw) != string(got[1].Raw) {
					t.Error("the second attempt differs from the first")
				}
				wantSent(t, deliver(t, ch, "other@example.com"))
			})
		}
	}
}

// A connection that the relay dropped in DATA is never answered; with the mark
// not asked for, it is certain that nothing was delivered.
func TestDroppedInData(t *testing.T) {
	for _, lockstep := range []bool{false, true} {
		sink := startSink(t, standin.Options{Lockstep: lockstep, Script: func(phase, _, _ string, nth int) standin.Fault {
			return standin.Fault{Drop: phase == "data" && nth == 1}
		}})
		ch := newChannel(t, sink.Addr())
		o := deliver(t, ch, reader)
		// The body may have gone into the connection's buffers before it broke.
		if o.Status == dispatch.Sent || o.Failure.Scope != dispatch.ScopeConnection {
			t.Errorf("got %+v", o)
		}
		wantSent(t, deliver(t, ch, reader))
		if n := len(sink.Messages()); n != 1 {
			t.Errorf("%d messages kept", n)
		}
	}
}

// The relay closes a connection while it is idle: the next delivery takes
// another and nobody is told.
func TestStaleConnection(t *testing.T) {
	for _, fault := range []standin.Fault{{Drop: true}, {Code: 421, Text: "idle too long"}} {
		for _, lockstep := range []bool{false, true} {
			sink := startSink(t, standin.Options{Lockstep: lockstep, Script: func(phase, _, _ string, nth int) standin.Fault {
				if phase == "mail" && nth == 2 {
					return fault
				}
				return standin.Fault{}
			}})
			var dials atomic.Int32
			ch := newChannel(t, sink.Addr(), countDials(&dials))
			wantSent(t, deliver(t, ch, reader))
			wantSent(t, deliver(t, ch, reader))
			wantSent(t, deliver(t, ch, reader))
			if n := dials.Load(); n != 2 {
				t.Errorf("%d connections, want 2", n)
			}
		}
	}
}

func countDials(n *atomic.Int32) func(*Options) {
	return func(o *Options) {
		o.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			n.Add(1)
			var d net.Dialer
			return d.DialContext(ctx, network, address)
		}
	}
}

func TestConnectionsAreReused(t *testing.T) {
	var dials atomic.Int32
	sink := startSink(t, standin.Options{Script: func(phase, _, to string, _ int) standin.Fault {
		if phase == "rcpt" && strings.HasPrefix(to, "nobody") {
			return standin.Fault{Code: 550, Text: "5.1.1 nobody"}
		}
		return standin.Fault{}
	}})
	ch := newChannel(t, sink.Addr(), countDials(&dials))
	b, nobody := batch(t, ch, reader), batch(t, ch, "nobody@example.com")
	for range maxServed / 2 {
		wantSent(t, ch.Deliver(context.Background(), b, grant)[0])
		wantRefused(t, ch.Deliver(context.Background(), nobody, grant)[0], dispatch.ScopeRecipient, "mailbox-unknown")
	}
	if n := dials.Load(); n != 1 {
		t.Errorf("%d connections for %d mails, want 1", n, maxServed)
	}
	wantSent(t, ch.Deliver(context.Background(), b, grant)[0])
	if n := dials.Load(); n != 2 {
		t.Errorf("%d connections after %d mails, want 2", n, maxServed+1)
	}
}

func TestMarkNotGranted(t *testing.T) {
	sink := startSink(t, standin.Options{})
	ch := newChannel(t, sink.Addr())
	for name, c := range map[string]struct {
		mark dispatch.MarkFunc
		want dispatch.Status
	}{
		"not granted": {func(context.Context) ([]bool, error) { return []bool{false}, nil }, dispatch.Stopped},
		"error":       {func(context.Context) ([]bool, error) { return []bool{true}, errors.New("database is gone") }, dispatch.Returned},
		"no answer":   {func(context.Context) ([]bool, error) { return nil, nil }, dispatch.Stopped},
	} {
		if o := ch.Deliver(context.Background(), batch(t, ch, reader), c.mark)[0]; o.Status != c.want {
			t.Errorf("%s: got %+v", name, o)
		}
	}
	wantSent(t, deliver(t, ch, reader))
	if n := len(sink.Messages()); n != 1 {
		t.Errorf("%d messages kept, want the granted one", n)
	}
}

func TestPanicInMark(t *testing.T) {
	sink := startSink(t, standin.Options{})
	ch := newChannel(t, sink.Addr())
	o := ch.Deliver(context.Background(), batch(t, ch, reader), func(context.Context) ([]bool, error) { panic("boom") })[0]
	wantRefused(t, o, dispatch.ScopeContent, "panic")
	wantSent(t, deliver(t, ch, reader))
	if n := len(sink.Messages()); n != 1 {
		t.Errorf("%d messages kept", n)
	}
}

// The context ends before the marker: cut at once, due again.
func TestCancelBeforeMark(t *testing.T) {
	for _, phase := range []string{"mail", "rcpt", "data"} {
		never, reached := make(chan struct{}), make(chan struct{})
		var once atomic.Bool
		sink := startSink(t, standin.Options{Script: func(p, _, _ string, _ int) standin.Fault {
			if p == phase && once.CompareAndSwap(false, true) {
				close(reached)
				return standin.Fault{Wait: never}
			}
			return standin.Fault{}
		}})
		ch := newChannel(t, sink.Addr())
		ctx, cancel := context.WithCancel(context.Background())
		go func() { <-reached; cancel() }()
		o := ch.Deliver(ctx, batch(t, ch, reader), func(context.Context) ([]bool, error) {
			t.Error("asked for the mark")
			return nil, nil
		})[0]
		if o.Status != dispatch.Returned {
			t.Errorf("%s: got %+v", phase, o)
		}
		close(never)
		wantSent(t, deliver(t, ch, reader))
		if n := len(sink.Messages()); n != 1 {
			t.Errorf("%s: %d messages kept", phase, n)
		}
	}
}

// It ends before anything began, and while dialling.
func TestCancelBeforeConnection(t *testing.T) {
	dialling := make(chan struct{})
	ch := newChannel(t, "127.0.0.1:1", func(o *Options) {
		o.Dial = func(ctx context.Context, _, _ string) (net.Conn, error) {
			close(dialling)
			<-ctx.Done()
			return nil, ctx.Err()
		}
	})
	ctx, cancel := context.WithCancel(context.Background())
	go func() { <-dialling; cancel() }()
	if o := ch.Deliver(ctx, batch(t, ch, reader), grant)[0]; o.Status != dispatch.Returned {
		t.Errorf("got %+v", o)
	}
}

// It ends after the marker: the reply is awaited, for the grace at most.
func TestCancelAfterMark(t *testing.T) {
	for name, grace := range map[string]time.Duration{"answered": time.Hour, "silent": time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			answer, reached := make(chan struct{}), make(chan struct{})
			sink := startSink(t, standin.Options{Script: func(phase, _, _ string, _ int) standin.Fault {
				if phase != "dot" {
					return standin.Fault{}
				}
				close(reached)
				return standin.Fault{Wait: answer}
			}})
			ch := newChannel(t, sink.Addr(), func(o *Options) { o.Grace = grace })
			ctx, cancel := context.WithCancel(context.Background())
			go func() {
				<-reached
				cancel()
				if name == "answered" {
					close(answer)
				}
			}()
			o := ch.Deliver(ctx, batch(t, ch, reader), grant)[0]
			if name == "answered" {
				wantSent(t, o)
				return
			}
			if o.Status != dispatch.Abandoned || o.Failure.Reason != dispatch.ReasonShutdown {
				t.Errorf("got %+v", o)
			}
			close(answer)
		})
	}
}

func TestTLS(t *testing.T) {
	cert, pem, err := standin.SelfSigned("127.0.0.1", "relay.example.org")
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		t.Fatal("certificate not readable")
	}
	server := &tls.Config{Certificates: []tls.Certificate{cert}}
	old := &tls.Config{Certificates: []tls.Certificate{cert}, MaxVersion: tls.VersionTLS11} //nolint:gosec // the point of the case
	for name, c := range map[string]struct {
		sink   standin.Options
		smtp   SMTP
		scope  dispatch.Scope
		reason string
	}{
		"starttls":             {sink: standin.Options{TLS: server}, smtp: SMTP{TLS: StartTLS, Roots: roots}},
		"starttls, other name": {sink: standin.Options{TLS: server}, smtp: SMTP{TLS: StartTLS, Roots: roots, ServerName: "relay.example.org"}},
		"direct":               {sink: standin.Options{TLS: server, Direct: true}, smtp: SMTP{TLS: DirectTLS, Roots: roots}},
		"not offered":          {sink: standin.Options{}, smtp: SMTP{TLS: StartTLS}, scope: dispatch.ScopeAccount, reason: "starttls-missing"},
		"unknown authority":    {sink: standin.Options{TLS: server}, smtp: SMTP{TLS: StartTLS}, scope: dispatch.ScopeAccount, reason: "tls-certificate"},
		"direct, unknown":      {sink: standin.Options{TLS: server, Direct: true}, smtp: SMTP{TLS: DirectTLS}, scope: dispatch.ScopeAccount, reason: "tls-certificate"},
		"wrong name":           {sink: standin.Options{TLS: server}, smtp: SMTP{TLS: StartTLS, Roots: roots, ServerName: "other.example"}, scope: dispatch.ScopeAccount, reason: "tls-certificate"},
		"plain port":           {sink: standin.Options{}, smtp: SMTP{TLS: DirectTLS, Roots: roots}, scope: dispatch.ScopeAccount, reason: "tls-failed"},
		"too old":              {sink: standin.Options{TLS: old}, smtp: SMTP{TLS: StartTLS, Roots: roots}, scope: dispatch.ScopeAccount, reason: "tls-failed"},
	} {
		t.Run(name, func(t *testing.T) {
			sink := startSink(t, c.sink)
			c.smtp.Address = sink.Addr()
			ch := newChannel(t, sink.Addr(), func(o *Options) { o.SMTP = c.smtp })
			for range 2 {
				if o := deliver(t, ch, reader); c.scope == "" {
					wantSent(t, o)
				} else {
					wantRefused(t, o, c.scope, c.reason)
				}
			}
		})
	}
}

func TestAuth(t *testing.T) {
	sink := startSink(t, standin.Options{Username: "news", Password: "secret"})
	with := func(user, password string) *Channel {
		return newChannel(t, sink.Addr(), func(o *Options) { o.SMTP.Username, o.SMTP.Password = user, password })
	}
	wantSent(t, deliver(t, with("news", "secret"), reader))
	wantRefused(t, deliver(t, with("news", "wrong"), reader), dispatch.ScopeAccount, "auth-failed")
	wantRefused(t, deliver(t, with("", ""), reader), dispatch.ScopeAccount, "auth-failed")
	wantRefused(t, deliver(t, newChannel(t, startSink(t, standin.Options{}).Addr(), func(o *Options) {
		o.SMTP.Username, o.SMTP.Password = "news", "secret"
	}), reader), dispatch.ScopeAccount, "auth-missing")
	if n := len(sink.Messages()); n != 1 {
		t.Errorf("%d messages kept", n)
	}
}

func TestChooseAuth(t *testing.T) {
	for _, c := range []struct {
		offered          string
		secured, private bool
		want             string
	}{
		{"LOGIN PLAIN CRAM-MD5 SCRAM-SHA-1 SCRAM-SHA-256 SCRAM-SHA-256-PLUS", true, true, "SCRAM-SHA-256-PLUS"},
		{"LOGIN PLAIN SCRAM-SHA-256 SCRAM-SHA-256-PLUS", false, true, "SCRAM-SHA-256"},
		{"SCRAM-SHA-1 CRAM-MD5", true, true, "SCRAM-SHA-1"},
		{"LOGIN PLAIN CRAM-MD5", true, true, "CRAM-MD5"},
		{"LOGIN PLAIN", true, true, "PLAIN"},
		{"login", true, true, "LOGIN"},
		{"LOGIN PLAIN", false, true, "PLAIN"},
		{"LOGIN PLAIN", false, false, ""},
		{"LOGIN PLAIN CRAM-MD5", false, false, "CRAM-MD5"},
		{"XOAUTH2 NTLM", true, true, ""},
		{"", true, true, ""},
	} {
		if got := chooseAuth(strings.Fields(c.offered), c.secured, c.private); got != c.want {
			t.Errorf("%q, secured %v, private %v: %q, want %q", c.offered, c.secured, c.private, got, c.want)
		}
	}
}

func TestAddressesThatNeedUTF8(t *testing.T) {
	plain, able := startSink(t, standin.Options{}), startSink(t, standin.Options{UTF8: true})
	o := deliver(t, newChannel(t, plain.Addr()), "读者@example.com")
	wantRefused(t, o, dispatch.ScopeRecipient, "address-needs-smtputf8")
	if !o.Failure.Permanent || o.Failure.Suppress {
		t.Errorf("got %+v", o.Failure)
	}
	wantSent(t, deliver(t, newChannel(t, able.Addr()), "读者@例子.中国"))
	if got := able.Messages(); len(got) != 1 || got[0].To != "读者@xn--fsqu00a.xn--fiqs8s" {
		t.Errorf("kept %+v", got)
	}
	wantSent(t, deliver(t, newChannel(t, plain.Addr()), "reader@例子.中国"))
}

func TestUnusableInput(t *testing.T) {
	sink := startSink(t, standin.Options{})
	ch := newChannel(t, sink.Addr())
	for _, to := range []string{"", "x", "a@b@c", "a@example.com\r\nRCPT TO:<evil@example.com>", "A <a@example.com>", "a b@example.com", "a@exa mple.com", "a@" + strings.Repeat("x", 300) + ".com"} {
		o := deliver(t, ch, to)
		wantRefused(t, o, dispatch.ScopeRecipient, "address-malformed")
		if !o.Failure.Permanent || o.Failure.Suppress {
			t.Errorf("%q: %+v", to, o.Failure)
		}
	}
	wantSent(t, deliver(t, ch, `"a b"@example.com`))
	if got := sink.Messages(); len(got) != 1 || !strings.Contains(string(got[0].Raw), `To: <"a b"@example.com>`) {
		t.Errorf("kept %+v", got)
	}

	// What every delivery of a run would meet is about this mail, not the reader.
	b := batch(t, ch, reader)
	b.Variant.Data = b.Variant.Data[:len(b.Variant.Data)/2]
	wantRefused(t, ch.Deliver(context.Background(), b, grant)[0], dispatch.ScopeContent, "mail-unusable")
	b = batch(t, ch, reader)
	b.Deliveries = append(b.Deliveries, b.Deliveries[0])
	if out := ch.Deliver(context.Background(), b, grant); len(out) != 2 {
		t.Errorf("%d outcomes", len(out))
	} else {
		wantRefused(t, out[1], dispatch.ScopeAccount, "batch-too-large")
	}
}

func TestNewRefuses(t *testing.T) {
	for name, change := range map[string]func(*Options){
		"address":       func(o *Options) { o.SMTP.Address = "mail.example.org" },
		"connections":   func(o *Options) { o.Connections = 0 },
		"digest":        func(o *Options) { o.Digest = nil },
		"links":         func(o *Options) { o.Links = nil },
		"tls":           func(o *Options) { o.SMTP.TLS = "maybe" },
		"public url":    func(o *Options) { o.PublicURL = "news" },
		"from":          func(o *Options) { o.From.Address = "" },
		"from in utf8":  func(o *Options) { o.From.Address = "新闻@example.org" },
		"mailto":        func(o *Options) { o.UnsubscribeMailto = "a@example.org>\r\nBcc: <b@example.org" },
		"envelope from": func(o *Options) { o.EnvelopeFrom = "x" },
	} {
		o := options("127.0.0.1:25")
		change(&o)
		if _, err := New(o); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestCapacity(t *testing.T) {
	got := newChannel(t, "127.0.0.1:25", func(o *Options) {
		o.Rate = 20
		o.Domains = map[string]dispatch.DomainLimit{"QQ.com": {Rate: 5, Lanes: 2}, "vip.163.com": {Lanes: 1}}
	}).Capacity()
	if got.Lanes != 4 || got.Batch != 1 || got.Rate != 20 || got.Domains["qq.com"].Lanes != 2 {
		t.Errorf("got %+v", got)
	}
	for domain, want := range map[string]string{"Foxmail.com": "qq.com", "vip.163.com": "vip.163.com", "126.com": "163.com", "x.example": "x.example"} {
		if g := got.Group(domain); g != want {
			t.Errorf("Group(%s) = %s, want %s", domain, g, want)
		}
	}
}

func BenchmarkDeliver(b *testing.B) {
	sink := startSink(b, standin.Options{MaxRaw: 1})
	ch := newChannel(b, sink.Addr())
	bt := batch(b, ch, reader)
	b.ReportAllocs()
	for b.Loop() {
		if o := ch.Deliver(context.Background(), bt, grant)[0]; o.Status != dispatch.Sent {
			b.Fatalf("%+v", o)
		}
	}
}
