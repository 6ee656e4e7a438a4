package dispatch_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"yizhan/dispatch"
	"yizhan/dispatch/dispatchtest"
)

// run lets a dispatcher work for some of the bubble's time and drains it.
func run(t *testing.T, d *dispatch.Dispatcher, span time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), span)
	defer cancel()
	if err := d.Run(ctx); err != nil {
		t.Fatal(err)
	}
}

// begin runs a dispatcher in the background; the function ends it and waits.
func begin(t *testing.T, d *dispatch.Dispatcher) (end func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// pass lets some of the bubble's time go by.
func pass(d time.Duration) { <-time.After(d) }

func wantStates(t *testing.T, f *dispatchtest.Fixture, id string, want map[dispatch.State]int) {
	t.Helper()
	if diff := cmp.Diff(want, f.Count(t, id)); diff != "" {
		t.Errorf("states of issue %s (-want +got):\n%s", id, diff)
	}
}

func runState(t *testing.T, f *dispatchtest.Fixture, id string) string {
	t.Helper()
	s, err := f.Ledger.Status(t.Context(), id, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return s[len(s)-1].State
}

func wantOnce(t *testing.T, c *dispatchtest.Carrier, n int) {
	t.Helper()
	taken := c.Taken()
	if len(taken) != n {
		t.Errorf("%d subscribers got it, want %d", len(taken), n)
	}
	for a, k := range taken {
		if k != 1 {
			t.Errorf("%s got it %d times", a, k)
		}
	}
}

func TestEverybodyGetsItOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := dispatchtest.Open(t)
		f.Subscribe(t, "email", "example.org", 250)
		c := &dispatchtest.Carrier{Limits: dispatch.Capacity{Lanes: 8}}
		f.Plan(t, "142", c)
		if got := runState(t, f, "142"); got != "sending" {
			t.Errorf("planned run is %q", got)
		}
		run(t, f.Dispatcher(t, c), 5*time.Second)
		wantStates(t, f, "142", map[dispatch.State]int{dispatch.StateSent: 250})
		wantOnce(t, c, 250)
		status, err := f.Ledger.Status(t.Context(), "142", time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if len(status) != 1 || status[0].State != "finished" || status[0].FinishedAt == nil {
			t.Errorf("status = %+v", status)
		}
	})
}

// TestRetries plays a relay that refuses some for a while and some for good,
// until the last retry.
func TestRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := dispatchtest.Open(t)
		f.Subscribe(t, "email", "example.org", 40)
		c := &dispatchtest.Carrier{Limits: dispatch.Capacity{Lanes: 4}, Script: func(a string, n int) dispatchtest.Answer {
			switch {
			case a == "reader1@example.org":
				return dispatchtest.Answer{Outcome: dispatchtest.Refuse(dispatch.ScopeRecipient, true, 550, "5.1.1 no such user"), Early: true}
			case a == "reader2@example.org":
				return dispatchtest.Answer{Outcome: dispatchtest.Refuse(dispatch.ScopeRecipient, false, 452, "mailbox full"), Early: true}
			case n <= 2:
				return dispatchtest.Answer{Outcome: dispatchtest.Refuse(dispatch.ScopeRecipient, false, 451, "later")}
			case n == 3:
				return dispatchtest.Answer{Outcome: dispatch.Outcome{Status: dispatch.Lost}}
			}
			return dispatchtest.Answer{}
		}}
		f.Plan(t, "142", c)
		d := f.Dispatcher(t, c)
		run(t, d, 4*time.Second)
		if got := runState(t, f, "142"); got != "partial" {
			t.Errorf("while all wait for their retry the run is %q", got)
		}
		run(t, d, 20*time.Minute)
		wantStates(t, f, "142", map[dispatch.State]int{dispatch.StateSent: 38, dispatch.StateFailed: 2})
		wantOnce(t, c, 38)
		bodies := c.Bodies("reader3@example.org")
		if !strings.Contains(bodies[0], "issue 142 revision 1 <") {
			t.Errorf("body %q", bodies)
		}
		for _, r := range f.Records(t, "142") {
			if r.Address == "reader1@example.org" && (r.Code != 550 || r.Reply != "5.1.1 no such user" || r.Attempts != 1) {
				t.Errorf("failed row = %+v", r)
			}
		}
		suppressed, err := f.Ledger.Select(t.Context(), dispatch.Resend{Issue: "142", Selection: dispatch.SelectFailed}, "email", time.Now())
		if err != nil || len(suppressed) != 2 || suppressed[0].Blocked != "suppressed" || suppressed[1].Blocked != "" {
			t.Errorf("failed = %+v, %v: only the dead mailbox is suppressed", suppressed, err)
		}
	})
}

// TestFrozen changes nothing between attempts: what is sent after a crash and a
// restart is what was planned.
func TestFrozen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := dispatchtest.Open(t)
		f.SubscribeOne(t, "email", "reader@example.org")
		c := &dispatchtest.Carrier{Script: func(_ string, n int) dispatchtest.Answer {
			if n == 1 {
				return dispatchtest.Answer{Outcome: dispatch.Outcome{Status: dispatch.Lost}, Takes: true}
			}
			return dispatchtest.Answer{}
		}}
		f.Plan(t, "142", c)
		run(t, f.Dispatcher(t, c), 10*time.Second)
		run(t, f.Dispatcher(t, c), 2*time.Minute)
		bodies := c.Bodies("reader@example.org")
		if len(bodies) != 2 || bodies[0] != bodies[1] {
			t.Errorf("the two attempts differ: %q", bodies)
		}
	})
}

func TestAccountFailureStopsTheChannelOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := dispatchtest.Open(t)
		f.Subscribe(t, "email", "example.org", 100)
		var mended atomic.Bool
		c := &dispatchtest.Carrier{Limits: dispatch.Capacity{Lanes: 8}, Script: func(string, int) dispatchtest.Answer {
			if !mended.Load() {
				return dispatchtest.Answer{Outcome: dispatchtest.Refuse(dispatch.ScopeAccount, true, 535, "authentication failed"), Early: true}
			}
			return dispatchtest.Answer{}
		}}
		f.Plan(t, "142", c)
		end := begin(t, f.Dispatcher(t, c))
		pass(30 * time.Minute)
		n := f.Count(t, "142") // a probe may be under way
		if open := n[dispatch.StateDue] + n[dispatch.StateQueued] + n[dispatch.StateLeased]; open != 100 {
			t.Errorf("states %v: a row was failed or sent", n)
		}
		alarms, err := f.Ledger.Alarms(t.Context())
		if err != nil || len(alarms) != 1 || alarms[0].Code != dispatch.AlarmChannelStopped || !strings.Contains(alarms[0].Text, "authentication failed") {
			t.Errorf("alarms = %+v, %v", alarms, err)
		}
		for _, r := range f.Records(t, "142") {
			if r.Attempts != 0 {
				t.Fatalf("an attempt was counted against %+v", r)
			}
		}
		begun := 0
		for _, n := range c.Begun() {
			begun += n
		}
		if most := 8 + 6 + 30; begun > most {
			t.Errorf("%d attempts while the relay was away, want at most one a minute", begun)
		}
		mended.Store(true)
		pass(2 * time.Minute)
		end()
		wantStates(t, f, "142", map[dispatch.State]int{dispatch.StateSent: 100})
		if alarms, _ := f.Ledger.Alarms(t.Context()); len(alarms) != 0 {
			t.Errorf("alarms after it was mended: %+v", alarms)
		}
	})
}

func TestDomainIsLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := dispatchtest.Open(t)
		f.Subscribe(t, "email", "qq.example", 50)
		f.Subscribe(t, "email", "example.org", 50)
		c := &dispatchtest.Carrier{Limits: dispatch.Capacity{Lanes: 2}, Script: func(a string, n int) dispatchtest.Answer {
			if a == "reader1@qq.example" && n == 1 {
				o := dispatchtest.Refuse(dispatch.ScopeDomain, false, 550, "frequency limited")
				o.Failure.Wait = 15 * time.Minute
				return dispatchtest.Answer{Outcome: o, Early: true}
			}
			return dispatchtest.Answer{Slow: 10 * time.Millisecond}
		}}
		f.Plan(t, "142", c)
		d := f.Dispatcher(t, c)
		end := begin(t, d)
		pass(50 * time.Second)
		taken := c.Taken()
		n := 0
		for a := range taken {
			if strings.HasSuffix(a, "@example.org") {
				n++
			}
		}
		if n != 50 || len(taken) > 52 {
			t.Errorf("while one domain wants to be left alone: %d of the other and %d of all were sent", n, len(taken))
		}
		pass(time.Minute)
		end()
		wantOnce(t, c, 100)
	})
}

// TestHeldDomain: a relay that takes every mailbox of a domain for dead must not
// cost the association its list.
func TestHeldDomain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := dispatchtest.Open(t)
		f.Subscribe(t, "email", "example.com", 400)
		f.Subscribe(t, "email", "example.org", 100)
		var revived atomic.Bool
		c := &dispatchtest.Carrier{Limits: dispatch.Capacity{Lanes: 4}, Script: func(a string, _ int) dispatchtest.Answer {
			if !revived.Load() && strings.HasSuffix(a, "@example.com") {
				return dispatchtest.Answer{Outcome: dispatchtest.Refuse(dispatch.ScopeRecipient, true, 550, "5.1.1 unknown"), Early: true}
			}
			return dispatchtest.Answer{}
		}}
		f.Plan(t, "142", c)
		end := begin(t, f.Dispatcher(t, c))
		pass(10 * time.Minute)
		wantStates(t, f, "142", map[dispatch.State]int{dispatch.StateSent: 100, dispatch.StateFailed: 19, dispatch.StateDue: 381})
		if got := runState(t, f, "142"); got != "held" {
			t.Errorf("the run is %q", got)
		}
		if alarms, _ := f.Ledger.Alarms(t.Context()); len(alarms) != 1 || alarms[0].Code != dispatch.AlarmHeld {
			t.Errorf("alarms = %+v", alarms)
		}
		revived.Store(true)
		if _, freed, err := f.Ledger.Resume(t.Context(), "142", time.Now()); err != nil || freed != 381 {
			t.Errorf("resume freed %d rows, %v", freed, err)
		}
		pass(time.Minute)
		end()
		wantStates(t, f, "142", map[dispatch.State]int{dispatch.StateSent: 481, dispatch.StateFailed: 19})
	})
}

// TestEverybodyUnknown: a relay that knows nobody, at a hundred companies' domains.
func TestEverybodyUnknown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := dispatchtest.Open(t)
		for i := range 100 {
			f.SubscribeOne(t, "email", fmt.Sprintf("info@company%d.example", i))
		}
		c := &dispatchtest.Carrier{Script: func(string, int) dispatchtest.Answer {
			return dispatchtest.Answer{Outcome: dispatchtest.Refuse(dispatch.ScopeRecipient, true, 550, "5.1.1 unknown"), Early: true}
		}}
		f.Plan(t, "142", c)
		run(t, f.Dispatcher(t, c), time.Minute)
		wantStates(t, f, "142", map[dispatch.State]int{dispatch.StateFailed: 19, dispatch.StateDue: 81})
		if got := runState(t, f, "142"); got != "held" {
			t.Errorf("the run is %q", got)
		}
	})
}

// TestOwnEndDoublesNobody ends the process while the carrier still works on what
// it has taken, for longer than anybody waits.
func TestOwnEndDoublesNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := dispatchtest.Open(t)
		f.Subscribe(t, "email", "example.org", 10)
		c := &dispatchtest.Carrier{Limits: dispatch.Capacity{Lanes: 4}, Script: func(_ string, n int) dispatchtest.Answer {
			if n == 1 {
				return dispatchtest.Answer{Takes: true, Outcome: dispatch.Outcome{Status: dispatch.Abandoned, Failure: dispatch.Failure{Reason: dispatch.ReasonShutdown}}}
			}
			return dispatchtest.Answer{}
		}}
		f.Plan(t, "142", c)
		run(t, f.Dispatcher(t, c), time.Second)
		run(t, f.Dispatcher(t, c), 20*time.Minute)
		wantStates(t, f, "142", map[dispatch.State]int{dispatch.StateUnconfirmed: 10})
		wantOnce(t, c, 10)
	})
}

// TestLostThenCancelled: what may have arrived is not sent again by a resend of
// what was not sent.
func TestLostThenCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := dispatchtest.Open(t)
		f.SubscribeOne(t, "email", "reader@example.org")
		c := &dispatchtest.Carrier{Script: func(string, int) dispatchtest.Answer {
			return dispatchtest.Answer{Takes: true, Outcome: dispatch.Outcome{Status: dispatch.Lost}}
		}}
		f.Plan(t, "142", c)
		run(t, f.Dispatcher(t, c), 2*time.Second)
		if _, _, err := f.Ledger.Cancel(t.Context(), "142", time.Now()); err != nil {
			t.Fatal(err)
		}
		wantStates(t, f, "142", map[dispatch.State]int{dispatch.StateUnconfirmed: 1})
		if got, err := f.Ledger.Select(t.Context(), dispatch.Resend{Issue: "142", Selection: dispatch.SelectUnsent}, "email", time.Now()); err != nil || len(got) != 0 {
			t.Errorf("unsent selects %v, %v", got, err)
		}
	})
}

func TestPauseResumeCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := dispatchtest.Open(t)
		f.Subscribe(t, "email", "example.org", 100)
		c := &dispatchtest.Carrier{Limits: dispatch.Capacity{Lanes: 2}, Script: func(string, int) dispatchtest.Answer {
			return dispatchtest.Answer{Slow: 100 * time.Millisecond}
		}}
		f.Plan(t, "142", c)
		end := begin(t, f.Dispatcher(t, c))
		pass(time.Second)
		if runs, err := f.Ledger.Pause(t.Context(), "142", time.Now()); err != nil || runs != 1 {
			t.Fatalf("paused %d runs, %v", runs, err)
		}
		pass(time.Second)
		paused := len(c.Taken())
		pass(10 * time.Minute)
		if got := len(c.Taken()); got != paused || got == 0 || got == 100 {
			t.Errorf("%d were sent when paused, %d ten minutes later", paused, got)
		}
		if got := f.Count(t, "142"); got[dispatch.StateDue] != 100-paused || got[dispatch.StateSent] != paused {
			t.Errorf("paused: %v", got)
		}
		if got := runState(t, f, "142"); got != "paused" {
			t.Errorf("the run is %q", got)
		}
		if runs, _, err := f.Ledger.Resume(t.Context(), "142", time.Now()); err != nil || runs != 1 {
			t.Fatalf("resumed %d runs, %v", runs, err)
		}
		pass(time.Second)
		if _, _, err := f.Ledger.Cancel(t.Context(), "142", time.Now()); err != nil {
			t.Fatal(err)
		}
		pass(time.Minute)
		end()
		sent := len(c.Taken())
		if sent <= paused || sent == 100 {
			t.Errorf("%d were sent in all, %d before the pause", sent, paused)
		}
		wantStates(t, f, "142", map[dispatch.State]int{dispatch.StateSent: sent, dispatch.StateSkipped: 100 - sent})
		if got := runState(t, f, "142"); got != "cancelled" {
			t.Errorf("the run is %q", got)
		}
	})
}

// TestUnsubscribeWins lets people unsubscribe while their delivery is under way,
// up to the marker.
func TestUnsubscribeWins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := dispatchtest.Open(t)
		people := f.Subscribe(t, "email", "example.org", 20)
		c := &dispatchtest.Carrier{Limits: dispatch.Capacity{Lanes: 20}, Script: func(a string, _ int) dispatchtest.Answer {
			if a == "reader7@example.org" {
				if _, err := f.People.Unsubscribe(context.Background(), people[6].PublicID, "email", "one-click", time.Now()); err != nil {
					t.Error(err)
				}
			}
			return dispatchtest.Answer{}
		}}
		f.Plan(t, "142", c)
		if _, err := f.People.Unsubscribe(t.Context(), people[2].PublicID, "email", "page", time.Now()); err != nil {
			t.Fatal(err)
		}
		run(t, f.Dispatcher(t, c), time.Minute)
		wantOnce(t, c, 18)
		wantStates(t, f, "142", map[dispatch.State]int{dispatch.StateSent: 18, dispatch.StateSkipped: 2})
		for _, r := range f.Records(t, "142") {
			if r.State == dispatch.StateSkipped && r.Reason != "unsubscribed" {
				t.Errorf("skipped for %q", r.Reason)
			}
		}
	})
}

// TestDrain ends dispatchers in mid-run again and again: nothing is unconfirmed,
// nothing is lost, nothing doubled.
func TestDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := dispatchtest.Open(t)
		f.Subscribe(t, "email", "example.org", 200)
		c := &dispatchtest.Carrier{Limits: dispatch.Capacity{Lanes: 8}, Script: func(string, int) dispatchtest.Answer {
			return dispatchtest.Answer{Slow: 30 * time.Millisecond}
		}}
		f.Plan(t, "142", c)
		for range 10 {
			run(t, f.Dispatcher(t, c), 47*time.Millisecond)
			if n := f.Count(t, "142"); n[dispatch.StateLeased]+n[dispatch.StateMarked]+n[dispatch.StateUnconfirmed] != 0 {
				t.Fatalf("after a drain: %v", n)
			}
		}
		run(t, f.Dispatcher(t, c), time.Minute)
		wantStates(t, f, "142", map[dispatch.State]int{dispatch.StateSent: 200})
		wantOnce(t, c, 200)
	})
}

func TestPanicSetsOneMessageAside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := dispatchtest.Open(t)
		f.Subscribe(t, "email", "example.org", 20)
		c := &dispatchtest.Carrier{Script: func(a string, n int) dispatchtest.Answer {
			return dispatchtest.Answer{
				Panic: n == 1 && (a == "reader5@example.org" || a == "reader6@example.org"), Early: a == "reader5@example.org",
			}
		}}
		f.Plan(t, "142", c)
		run(t, f.Dispatcher(t, c), 20*time.Minute)
		wantStates(t, f, "142", map[dispatch.State]int{dispatch.StateSent: 18, dispatch.StateFailed: 1, dispatch.StateUnconfirmed: 1})
		wantOnce(t, c, 18)
	})
}

// TestToyChannel is a second channel that takes batches: one type, one route.
func TestToyChannel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := dispatchtest.Open(t)
		f.Subscribe(t, "email", "example.org", 30)
		f.Subscribe(t, "toy", "toys.example", 95)
		email := &dispatchtest.Carrier{}
		toy := &dispatchtest.Carrier{ChannelName: "toy", Limits: dispatch.Capacity{Lanes: 2, Batch: 10}, Script: func(a string, n int) dispatchtest.Answer {
			if a == "reader9@toys.example" {
				return dispatchtest.Answer{Outcome: dispatchtest.Refuse(dispatch.ScopeRecipient, true, 43004, "not a follower")}
			}
			return dispatchtest.Answer{}
		}}
		f.Plan(t, "142", email, toy)
		run(t, f.Dispatcher(t, email, toy), time.Minute)
		wantStates(t, f, "142", map[dispatch.State]int{dispatch.StateSent: 30 + 94, dispatch.StateFailed: 1})
		wantOnce(t, email, 30)
		wantOnce(t, toy, 94)
		if got := slices.Max(toy.Batches()); got != 10 {
			t.Errorf("batches %v, want some of 10", toy.Batches())
		}
		var members int
		if err := f.DB.Read.QueryRow(`SELECT COUNT(*) FROM deliveries d JOIN batches b ON b.id = d.batch_id WHERE d.channel = 'toy'`).Scan(&members); err != nil || members != 95 {
			t.Errorf("%d members of batches are in the ledger, %v", members, err)
		}
	})
}

func TestOwnLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := dispatchtest.Open(t)
		f.Subscribe(t, "email", "qq.example", 60)
		f.Subscribe(t, "email", "foxmail.example", 60)
		f.Subscribe(t, "email", "example.org", 300)
		c := &dispatchtest.Carrier{Limits: dispatch.Capacity{
			Lanes: 8, Rate: 50, Domains: map[string]dispatch.DomainLimit{"qq.example": {Rate: 5, Lanes: 2}},
			Group: func(domain string) string {
				if domain == "foxmail.example" {
					return "qq.example"
				}
				return domain
			},
		}}
		f.Plan(t, "142", c)
		end := begin(t, f.Dispatcher(t, c))
		for s := 1; s <= 10; s++ {
			pass(time.Second)
			group, all := 0, 0
			for a, n := range c.Taken() {
				all += n
				if !strings.HasSuffix(a, "@example.org") {
					group += n
				}
			}
			if all > 50*s+1 || group > 5*s+1 {
				t.Fatalf("after %d s: %d in all, %d in the limited group", s, all, group)
			}
		}
		pass(time.Minute)
		end()
		wantOnce(t, c, 420)
	})
}

func TestLaterRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := dispatchtest.Open(t)
		f.Subscribe(t, "email", "example.org", 3)
		c := &dispatchtest.Carrier{}
		p := dispatchtest.Planning("142", dispatch.SelectFirst, c)
		p.NotBefore = time.Now().Add(10 * time.Minute)
		if _, err := f.Ledger.Plan(t.Context(), p, nil); err != nil {
			t.Fatal(err)
		}
		end := begin(t, f.Dispatcher(t, c))
		pass(9 * time.Minute)
		if got := runState(t, f, "142"); got != "planned" || len(c.Taken()) != 0 {
			t.Errorf("before its time the run is %q with %d sent", got, len(c.Taken()))
		}
		pass(2 * time.Minute)
		end()
		wantOnce(t, c, 3)
	})
}

func TestNewRefuses(t *testing.T) {
	f := dispatchtest.Open(t)
	good := dispatch.Options{Ledger: f.Ledger, Queue: dispatch.NewMemory(), People: f, Routes: []dispatch.Route{{Channel: &dispatchtest.Carrier{}, Policy: dispatchtest.Policy()}}}
	if _, err := dispatch.New(good); err != nil {
		t.Fatal(err)
	}
	for i, o := range []dispatch.Options{
		{},
		{Queue: good.Queue, People: f, Routes: good.Routes},
		{Ledger: f.Ledger, People: f, Routes: good.Routes},
		{Ledger: f.Ledger, Queue: good.Queue, Routes: good.Routes},
		{Ledger: f.Ledger, Queue: good.Queue, People: f},
		{Ledger: f.Ledger, Queue: good.Queue, People: f, Routes: []dispatch.Route{{Channel: &dispatchtest.Carrier{}}}},
	} {
		if _, err := dispatch.New(o); err == nil {
			t.Errorf("options %d were accepted: %s", i, fmt.Sprintf("%+v", o))
		}
	}
}
