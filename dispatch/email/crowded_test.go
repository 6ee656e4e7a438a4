package email

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"yizhan/dispatch"
	"yizhan/dispatch/dispatchtest"
	"yizhan/dispatch/standin"
)

// TestRelayTakesFewerConnections: eight are configured and the relay takes three.
// It is used with three, and the channel is not stopped for it.
func TestRelayTakesFewerConnections(t *testing.T) {
	const readers = 60
	// All eight try before any of the three is done.
	full := make(chan struct{})
	sink := startSink(t, standin.Options{MaxConnections: 3, Script: func(phase, _, _ string, _ int) standin.Fault {
		if phase == "mail" {
			return standin.Fault{Wait: full}
		}
		return standin.Fault{}
	}})
	open := sync.OnceFunc(func() { close(full) })
	defer open()
	c := newChannel(t, sink.Addr(), func(o *Options) { o.Connections = 8 })
	f := dispatchtest.Open(t)
	f.Subscribe(t, Name, "example.org", readers)
	d, err := dispatch.New(dispatch.Options{
		Ledger: f.Ledger, Queue: dispatch.NewMemory(), People: f, Process: dispatch.ThisProcess(),
		Routes: []dispatch.Route{{Channel: c, Policy: dispatchtest.Policy()}}, Logger: slog.New(slog.NewTextHandler(t.Output(), nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	f.Plan(t, "142", c)
	end := make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		defer close(end)
		if err := d.Run(ctx); err != nil {
			t.Error(err)
		}
	}()
	deadline := time.Now().Add(time.Minute)
	await := func(what string, done func() bool) {
		t.Helper()
		for !done() {
			if time.Now().After(deadline) {
				t.Fatalf("%s: not within a minute", what)
			}
			alarms, err := f.Ledger.Alarms(t.Context())
			if err != nil || len(alarms) > 0 {
				t.Fatalf("%s: alarms %+v, %v", what, alarms, err)
			}
			<-time.After(10 * time.Millisecond)
		}
	}
	await("five are refused", func() bool { _, refused := sink.Connections(); return refused >= 5 })
	open()
	await("all are sent", func() bool { return len(sink.Messages()) == readers })
	await("all are settled", func() bool { return f.Count(t, "142")[dispatch.StateSent] == readers })
	cancel()
	<-end
	most, refused := sink.Connections()
	if most != 3 || refused != 5 {
		t.Errorf("%d connections at a time and %d refused, want 3 and 5", most, refused)
	}
	for _, r := range f.Records(t, "142") {
		if r.Attempts != 1 {
			t.Errorf("%s: %d attempts", r.Address, r.Attempts)
		}
	}
	seen := map[string]int{}
	for _, m := range sink.Messages() {
		seen[m.To]++
	}
	for i := range readers {
		if a := fmt.Sprintf("reader%d@example.org", i+1); seen[a] != 1 {
			t.Errorf("%s got it %d times", a, seen[a])
		}
	}
}

// TestNoConnectionAtAll: what the relay says to the only connection is about the
// account, as before.
func TestNoConnectionAtAll(t *testing.T) {
	rules := builtin(t)
	for _, tt := range []struct {
		phase   Phase
		code    int
		text    string
		crowded bool
	}{
		{PhaseConnect, 421, "4.7.0 mx Error: too many connections from 203.0.113.1", true},
		{PhaseHello, 421, "Too many concurrent SMTP connections", true},
		{PhaseConnect, 421, "Service not available", true},
		{PhaseConnect, 554, "HL:IHU", false},
		{PhaseConnect, 421, "4.7.0 authentication failed", false},
		{PhaseMail, 421, "too many connections", false}, // it has been taken
		{PhaseRcpt, 421, "too many connections", false},
	} {
		f := rules.Classify(Reply{Phase: tt.phase, Code: tt.code, Text: tt.text}, "example.org", "relay.example.org")
		if f.Crowded != tt.crowded {
			t.Errorf("%s %d %s: %+v", tt.phase, tt.code, tt.text, f)
		}
		if f.Crowded && f.Scope != dispatch.ScopeAccount {
			t.Errorf("%s %d %s: crowded, and scope %s", tt.phase, tt.code, tt.text, f.Scope)
		}
	}
}
