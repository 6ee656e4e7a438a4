package dispatch

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

var (
	took       = Outcome{Status: Sent}
	dropped    = Outcome{Status: Refused, Failure: Failure{Scope: ScopeConnection}}
	badLogin   = Outcome{Status: Refused, Failure: Failure{Scope: ScopeAccount, Wait: 30 * time.Second}}
	unreached  = Outcome{Status: Refused, Failure: Failure{Scope: ScopeAccount}}
	noMailbox  = Outcome{Status: Refused, Failure: Failure{Scope: ScopeRecipient, Permanent: true}}
	nothing    = Outcome{Status: Returned}
	replyGone  = Outcome{Status: Lost}
	gateMaxAge = 8 * time.Hour
)

func TestGateStopsAtOnceForTheAccount(t *testing.T) {
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	g := newGate(gateMaxAge, 8)
	if got := g.report(badLogin, now); got != gateStopped {
		t.Fatalf("a refused login: verdict %v", got)
	}
	if g.enter(now.Add(29 * time.Second)) {
		t.Error("let somebody through before the wait was over")
	}
	probe := now.Add(30 * time.Second)
	if !g.enter(probe) {
		t.Fatal("no probe after the wait")
	}
	if g.enter(probe) || !g.shut(probe) {
		t.Error("two probes at a time")
	}
	if got := g.report(badLogin, probe); got != gateSame {
		t.Errorf("a failed probe: verdict %v, want no second alarm", got)
	}
	if g.enter(probe.Add(59*time.Second)) || !g.enter(probe.Add(60*time.Second)) {
		t.Error("the second wait is not twice the first")
	}
	if got := g.report(took, probe.Add(61*time.Second)); got != gateMended {
		t.Errorf("a probe that went through: verdict %v", got)
	}
	if !g.enter(probe.Add(61*time.Second)) || !g.enter(probe.Add(61*time.Second)) {
		t.Error("still shut after it was mended")
	}
}

func TestGateWaits(t *testing.T) {
	tests := []struct {
		name    string
		longest time.Duration
		o       Outcome
		want    []time.Duration
	}{
		{"relay", gateMaxAge, unreached, []time.Duration{1, 2, 4, 8, 16, 32, 60, 60}},
		{"account", gateMaxAge, badLogin, []time.Duration{30, 60, 120, 240, 480, 900, 900}},
		{"short retries", 2 * time.Second, badLogin, []time.Duration{2, 2, 2}},
	}
	for _, tt := range tests {
		now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
		g := newGate(tt.longest, 8)
		for i, want := range tt.want {
			g.report(tt.o, now)
			if got := g.until.Sub(now); got != want*time.Second {
				t.Errorf("%s: wait %d is %s, want %s", tt.name, i+1, got, want*time.Second)
			}
			now = g.until
			if !g.enter(now) {
				t.Fatalf("%s: no probe after wait %d", tt.name, i+1)
			}
		}
	}
}

func TestGateConnections(t *testing.T) {
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	g := newGate(gateMaxAge, 1)
	for i := range brokenInARow - 1 {
		if got := g.report([]Outcome{dropped, replyGone}[i%2], now); got != gateSame {
			t.Fatalf("stopped after %d broken connections", i+1)
		}
	}
	g.report(noMailbox, now) // an answer, whatever it says, is a connection that works
	for range brokenInARow - 1 {
		g.report(dropped, now)
	}
	if got := g.report(dropped, now); got != gateStopped {
		t.Errorf("%d broken connections in a row: verdict %v", brokenInARow, got)
	}
	now = g.until
	if !g.enter(now) {
		t.Fatal("no probe")
	}
	g.report(nothing, now) // the probe was given back
	if !g.enter(now) {
		t.Error("a probe that was given back is not repeated")
	}
}

func TestGateReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(gateMaxAge, 1)
		g.report(unreached, time.Now())
		begin := time.Now()
		if err := g.ready(t.Context()); err != nil {
			t.Fatal(err)
		}
		if waited := time.Since(begin); waited != time.Second {
			t.Errorf("ready after %s", waited)
		}
		g.enter(time.Now())
		time.AfterFunc(time.Minute, func() { g.report(took, time.Now()) })
		begin = time.Now()
		if err := g.ready(t.Context()); err != nil || time.Since(begin) != time.Minute {
			t.Errorf("while a probe is under way: %v after %s", err, time.Since(begin))
		}
		g.report(unreached, time.Now())
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if g.ready(ctx) == nil {
			t.Error("ready although the context has ended")
		}
	})
}
