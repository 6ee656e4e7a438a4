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
	unreached  = Outcome{Status: Refused, Failure: Failure{Scope: ScopeAccount, Reason: "dial-failed"}}
	noMailbox  = Outcome{Status: Refused, Failure: Failure{Scope: ScopeRecipient, Permanent: true}}
	nothing    = Outcome{Status: Returned}
	replyGone  = Outcome{Status: Lost}
	gateMaxAge = 8 * time.Hour
)

// enter and report are those of a batch that began just now.
func enter(g *gate, now time.Time) bool {
	_, ok := g.enter(now)
	return ok
}

func report(g *gate, o Outcome, now time.Time) verdict { return g.report(pass{g.stops}, o, now) }

// TestGateIgnoresWhatBeganBefore: eight lanes are at work when the relay begins to
// refuse; that one of them still gets through does not mean that it is mended.
func TestGateIgnoresWhatBeganBefore(t *testing.T) {
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	g := newGate(gateMaxAge, 8)
	before, _ := g.enter(now)
	report(g, unreached, now)
	if got := g.report(before, took, now); got != gateSame || g.stopped() == "" {
		t.Errorf("a batch from before the stop reopened the channel: %v, %q", got, g.stopped())
	}
	probe, ok := g.enter(g.until)
	if !ok {
		t.Fatal("no probe")
	}
	if got := g.report(probe, took, g.until); got != gateMended || g.stopped() != "" {
		t.Errorf("the probe did not reopen the channel: %v, %q", got, g.stopped())
	}
}

func TestGateStopsAtOnceForTheAccount(t *testing.T) {
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	g := newGate(gateMaxAge, 8)
	if got := report(g, badLogin, now); got != gateStopped {
		t.Fatalf("a refused login: verdict %v", got)
	}
	if enter(g, now.Add(29*time.Second)) {
		t.Error("let somebody through before the wait was over")
	}
	probe := now.Add(30 * time.Second)
	if !enter(g, probe) {
		t.Fatal("no probe after the wait")
	}
	if enter(g, probe) || !g.shut(probe) {
		t.Error("two probes at a time")
	}
	if got := report(g, badLogin, probe); got != gateSame {
		t.Errorf("a failed probe: verdict %v, want no second alarm", got)
	}
	if enter(g, probe.Add(59*time.Second)) || !enter(g, probe.Add(60*time.Second)) {
		t.Error("the second wait is not twice the first")
	}
	if got := report(g, took, probe.Add(61*time.Second)); got != gateMended {
		t.Errorf("a probe that went through: verdict %v", got)
	}
	for range 2 {
		if !enter(g, probe.Add(61*time.Second)) {
			t.Error("still shut after it was mended")
		}
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
			report(g, tt.o, now)
			if got := g.until.Sub(now); got != want*time.Second {
				t.Errorf("%s: wait %d is %s, want %s", tt.name, i+1, got, want*time.Second)
			}
			now = g.until
			if !enter(g, now) {
				t.Fatalf("%s: no probe after wait %d", tt.name, i+1)
			}
		}
	}
}

func TestGateConnections(t *testing.T) {
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	g := newGate(gateMaxAge, 1)
	for i := range brokenInARow - 1 {
		if got := report(g, []Outcome{dropped, replyGone}[i%2], now); got != gateSame {
			t.Fatalf("stopped after %d broken connections", i+1)
		}
	}
	report(g, noMailbox, now) // an answer, whatever it says, is a connection that works
	for range brokenInARow - 1 {
		report(g, dropped, now)
	}
	if got := report(g, dropped, now); got != gateStopped {
		t.Errorf("%d broken connections in a row: verdict %v", brokenInARow, got)
	}
	now = g.until
	if !enter(g, now) {
		t.Fatal("no probe")
	}
	report(g, nothing, now) // the probe was given back
	if !enter(g, now) {
		t.Error("a probe that was given back is not repeated")
	}
}

func TestGateReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(gateMaxAge, 1)
		report(g, unreached, time.Now())
		begin := time.Now()
		if err := g.ready(t.Context()); err != nil {
			t.Fatal(err)
		}
		if waited := time.Since(begin); waited != time.Second {
			t.Errorf("ready after %s", waited)
		}
		enter(g, time.Now())
		time.AfterFunc(time.Minute, func() { report(g, took, time.Now()) })
		begin = time.Now()
		if err := g.ready(t.Context()); err != nil || time.Since(begin) != time.Minute {
			t.Errorf("while a probe is under way: %v after %s", err, time.Since(begin))
		}
		report(g, unreached, time.Now())
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if g.ready(ctx) == nil {
			t.Error("ready although the context has ended")
		}
	})
}
