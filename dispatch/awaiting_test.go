package dispatch_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"yizhan/dispatch"
	"yizhan/dispatch/dispatchtest"
	"yizhan/issue"
	"yizhan/subscribers"
)

// chatty is a channel that sends to many at once under a key, and to one only after
// they have spoken.
func chatty(spoken func() bool) *dispatchtest.Carrier {
	return &dispatchtest.Carrier{
		Single: true, Limits: dispatch.Capacity{Batch: 100, Least: 2, Repeat: 23 * time.Hour},
		Script: func(string, int) dispatchtest.Answer {
			if spoken() {
				return dispatchtest.Answer{}
			}
			return dispatchtest.Answer{Outcome: awaits}
		},
	}
}

// planOne plans a resend to one subscriber.
func planOne(t *testing.T, f *dispatchtest.Fixture, who string, ch dispatch.Channel) int64 {
	t.Helper()
	is := dispatchtest.Issue("142")
	run, err := f.Ledger.Plan(t.Context(), dispatch.Planning{
		Kind: dispatch.KindIssue, Issue: is, Revision: issue.Revision{N: 1, Hash: is.Hash()}, Selection: dispatch.SelectOne, Target: who,
		Channels: []dispatch.Channel{ch}, Now: time.Now(),
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return run
}

// last is the newest delivery of a subscriber.
func last(t *testing.T, f *dispatchtest.Fixture, who string) dispatch.Record {
	t.Helper()
	records := slices.DeleteFunc(f.Records(t, "142"), func(r dispatch.Record) bool { return r.Subscriber != who })
	if len(records) == 0 {
		t.Fatal("no delivery")
	}
	return records[len(records)-1]
}

// TestAwaiting: what only its recipient can let through waits for them, however long,
// counts no attempt, and goes when they speak; another's word frees nothing.
func TestAwaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := dispatchtest.Open(t)
		one, other := f.SubscribeOne(t, "email", "one@example.org"), f.SubscribeOne(t, "email", "other@example.org")
		spoken := true
		c := chatty(func() bool { return spoken })
		f.Plan(t, "142", c)
		run(t, f.Dispatcher(t, c), 3*time.Second)
		spoken = false
		planOne(t, f, one.PublicID, c)
		run(t, f.Dispatcher(t, c), 3*time.Second)
		waits := func(when string) {
			t.Helper()
			if r := last(t, f, one.PublicID); r.State != dispatch.StateDue || r.Reason != dispatch.ReasonAwaits || r.Attempts != 0 || r.DueAt != nil {
				t.Errorf("%s: %+v", when, r)
			}
		}
		waits("at first")
		status, err := f.Ledger.Status(t.Context(), "142", time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if s := status[len(status)-1]; s.State != "partial" || len(s.Waiting) != 1 || s.Waiting[0].Reason != dispatch.ReasonAwaits || s.Waiting[0].Until != nil {
			t.Errorf("status %+v", s)
		}
		if _, freed, err := f.Ledger.Resume(t.Context(), "142", time.Now()); err != nil || freed != 0 {
			t.Errorf("resume freed %d, %v", freed, err)
		}
		time.Sleep(200 * time.Hour) // of the bubble: longer than anybody would go on trying
		if err := f.Ledger.Heard(t.Context(), "email", other.ID, time.Now().Add(time.Hour), time.Now()); err != nil {
			t.Fatal(err)
		}
		run(t, f.Dispatcher(t, c), 3*time.Second)
		waits("after another's word")
		spoken = true
		for range 2 { // the platform tells things twice
			if err := f.Ledger.Heard(t.Context(), "email", one.ID, time.Now().Add(time.Hour), time.Now()); err != nil {
				t.Fatal(err)
			}
		}
		run(t, f.Dispatcher(t, c), 3*time.Second)
		if r := last(t, f, one.PublicID); r.State != dispatch.StateSent || r.Attempts != 1 || r.Round != 2 {
			t.Errorf("after their word: %+v", r)
		}
		if got := c.Taken()["one@example.org"]; got != 2 {
			t.Errorf("they got it %d times, want it once of each run", got)
		}
	})
}

// TestNobodyIsAwaitedInVain: who unsubscribes without a word, or is removed, is not
// waited for; who pauses is. One run can be cancelled and the others go on.
func TestNobodyIsAwaitedInVain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := dispatchtest.Open(t)
		people := f.Subscribe(t, "email", "example.org", 4)
		spoken := true
		c := chatty(func() bool { return spoken })
		f.Plan(t, "142", c)
		run(t, f.Dispatcher(t, c), 3*time.Second)
		spoken = false
		var runs []int64
		for _, one := range people {
			runs = append(runs, planOne(t, f, one.PublicID, c))
		}
		run(t, f.Dispatcher(t, c), 3*time.Second)
		if _, err := f.People.Unsubscribe(t.Context(), people[0].PublicID, "", "administrator", time.Now()); err != nil {
			t.Fatal(err)
		}
		if err := f.People.SetState(t.Context(), people[1].PublicID, subscribers.Paused, time.Now()); err != nil {
			t.Fatal(err)
		}
		if n, rows, err := f.Ledger.CancelRun(t.Context(), "142", runs[2], time.Now()); err != nil || n != 1 || rows != 1 {
			t.Errorf("cancelled %d runs, %d rows, %v", n, rows, err)
		}
		run(t, f.Dispatcher(t, c), 30*time.Second)
		for i, want := range []string{"skipped unsubscribed", "due awaits-recipient", "skipped cancelled", "due awaits-recipient"} {
			if r := last(t, f, people[i].PublicID); string(r.State)+" "+r.Reason != want {
				t.Errorf("reader %d: %s %s, want %s", i, r.State, r.Reason, want)
			}
		}
	})
}

// TestSpokenMeanwhile: a word that comes while the carrier refuses for want of one is
// not missed.
func TestSpokenMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := dispatchtest.Open(t)
		one := f.SubscribeOne(t, "email", "one@example.org")
		f.SubscribeOne(t, "email", "other@example.org")
		var refuse bool
		c := chatty(func() bool { return true })
		c.Script = func(address string, _ int) dispatchtest.Answer {
			if !refuse {
				return dispatchtest.Answer{}
			}
			refuse = false
			go func() { // while the answer is on its way
				time.Sleep(time.Millisecond)
				if err := f.Ledger.Heard(t.Context(), "email", one.ID, time.Now().Add(time.Hour), time.Now()); err != nil {
					t.Error(err)
				}
			}()
			return dispatchtest.Answer{Outcome: awaits, Late: 10 * time.Millisecond}
		}
		f.Plan(t, "142", c)
		run(t, f.Dispatcher(t, c), 3*time.Second)
		refuse = true
		planOne(t, f, one.PublicID, c)
		run(t, f.Dispatcher(t, c), 3*time.Second)
		if r := last(t, f, one.PublicID); r.State != dispatch.StateSent {
			t.Errorf("%+v", r)
		}
	})
}

// TestConversation: a window is what the last word opens, the longest of several, until
// it is over or the carrier says so; it goes with the person.
func TestConversation(t *testing.T) {
	f := dispatchtest.Open(t)
	one, two := f.SubscribeOne(t, "email", "one@example.org"), f.SubscribeOne(t, "email", "two@example.org")
	now := time.Now().UTC().Truncate(time.Millisecond)
	heard := func(who int64, until time.Duration, at time.Duration) {
		t.Helper()
		if err := f.Ledger.Heard(t.Context(), "email", who, now.Add(until), now.Add(at)); err != nil {
			t.Fatal(err)
		}
	}
	open := func(who int64, at, want time.Duration) {
		t.Helper()
		until, err := f.Ledger.Conversation(t.Context(), "email", who, now.Add(at))
		if err != nil || want == 0 && !until.IsZero() || want != 0 && !until.Equal(now.Add(want)) {
			t.Errorf("at %v until %v, %v; want %v", at, until, err, want)
		}
	}
	open(one.ID, 0, 0)
	heard(one.ID, 48*time.Hour, 0)
	heard(one.ID, time.Hour, time.Second) // a button's minute does not end a message's days
	open(one.ID, time.Minute, 48*time.Hour)
	open(one.ID, 48*time.Hour, 0)
	open(two.ID, 0, 0)
	heard(two.ID, -time.Hour, 0) // told too late
	open(two.ID, 0, 0)
	heard(two.ID, time.Hour, 0)
	tx, err := f.DB.Write.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Ledger.Adopt(t.Context(), tx, two.ID, one.ID, "email"); err != nil {
		t.Fatal(err)
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	open(one.ID, 0, time.Hour) // of the address that is theirs now
	open(two.ID, 0, 0)
	if err := f.Ledger.Depart(t.Context(), one.ID, "email", now); err != nil {
		t.Fatal(err)
	}
	open(one.ID, 0, 0)
	heard(one.ID, time.Hour, 0)
	if err := f.Ledger.Scrub(t.Context(), one.ID, now); err != nil {
		t.Fatal(err)
	}
	open(one.ID, 0, 0)
}

// TestSingleIsNeverRepeated: what goes to one person under no key stays unconfirmed
// after a crash or a lost answer, although the channel repeats its other hand-overs.
func TestSingleIsNeverRepeated(t *testing.T) {
	for name, answer := range map[string]dispatchtest.Answer{
		"lost":      {Outcome: dispatch.Outcome{Status: dispatch.Lost}, Takes: true},
		"abandoned": {Outcome: dispatch.Outcome{Status: dispatch.Abandoned, Failure: dispatch.Failure{Reason: dispatch.ReasonLostReply}}, Takes: true},
		"panic":     {Panic: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := dispatchtest.Open(t)
				one := f.SubscribeOne(t, "email", "one@example.org")
				f.SubscribeOne(t, "email", "other@example.org")
				bad := false
				c := chatty(func() bool { return true })
				c.Script = func(string, int) dispatchtest.Answer {
					if bad {
						return answer
					}
					return dispatchtest.Answer{}
				}
				f.Plan(t, "142", c)
				run(t, f.Dispatcher(t, c), 3*time.Second)
				bad = true
				planOne(t, f, one.PublicID, c)
				run(t, f.Dispatcher(t, c), time.Minute)
				if r := last(t, f, one.PublicID); r.State != dispatch.StateUnconfirmed {
					t.Errorf("%+v", r)
				}
				if got := c.Begun()["one@example.org"]; got != 2 {
					t.Errorf("it was begun %d times, want once of each run", got)
				}
			})
		})
	}
}
