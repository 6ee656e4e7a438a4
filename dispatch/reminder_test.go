package dispatch_test

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"yizhan/dispatch"
	"yizhan/dispatch/dispatchtest"
	"yizhan/issue"
	"yizhan/subscribers"
)

// edition is issue 143, for reminders.
func edition() dispatch.Edition {
	is := dispatchtest.Issue("143")
	return dispatch.Edition{Issue: is, Revision: issue.Revision{N: 1, Hash: is.Hash()}, Number: 143}
}

func remind(t *testing.T, f *dispatchtest.Fixture, address string, scene int) {
	t.Helper()
	if _, err := f.People.Remind(t.Context(), emailAddress(t, address), scene, "zh-CN", time.Now()); err != nil {
		t.Fatal(err)
	}
}

func planReminders(t *testing.T, l *dispatch.Ledger, ch dispatch.Channel) int64 {
	t.Helper()
	run, err := l.PlanReminders(t.Context(), ch, edition(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return run
}

// reminded lists the deliveries of reminders of 143 as "address variant state reason".
func reminded(t *testing.T, f *dispatchtest.Fixture) (out []string) {
	t.Helper()
	for _, r := range f.Records(t, "143") {
		if r.Variant != "" {
			out = append(out, r.Address+" "+r.Variant+" "+string(r.State)+" "+r.Reason)
		}
	}
	slices.Sort(out)
	return out
}

// TestPlanReminders: who asked is in one run when the issue is out, once, whoever plans
// it and however often; who asked for a later one waits; strangers are reminded like
// subscribers, and those get the issue beside.
func TestPlanReminders(t *testing.T) {
	f := dispatchtest.Open(t)
	g := f.Again(t)
	c := &dispatchtest.Carrier{Single: true, Remind: true}
	f.SubscribeOne(t, "email", "reader@example.org")
	for _, who := range []string{"reader@example.org", "stranger@example.org", "other@example.org"} {
		remind(t, f, who, 143)
	}
	remind(t, f, "stranger@example.org", 143) // again: still one
	remind(t, f, "early@example.org", 142)    // there was no such issue
	remind(t, f, "later@example.org", 144)
	if run := planReminders(t, f.Ledger, c); run != 0 {
		t.Error("reminded of an issue that is not out")
	}
	f.Plan(t, "143", c)
	if _, err := f.Ledger.Pause(t.Context(), "143", time.Now()); err != nil {
		t.Fatal(err)
	}
	if run := planReminders(t, f.Ledger, c); run != 0 {
		t.Error("reminded of an issue that is paused")
	}
	if _, _, err := f.Ledger.Resume(t.Context(), "143", time.Now()); err != nil {
		t.Fatal(err)
	}
	var planned atomic.Int64
	var planning sync.WaitGroup
	for range 4 {
		for _, l := range []*dispatch.Ledger{f.Ledger, g.Ledger} {
			planning.Go(func() {
				run, err := l.PlanReminders(context.WithoutCancel(t.Context()), c, edition(), time.Now())
				if err != nil {
					t.Error(err)
				}
				if run > 0 {
					planned.Add(1)
				}
			})
		}
	}
	planning.Wait()
	if planned.Load() != 1 {
		t.Errorf("planned %d times", planned.Load())
	}
	want := []string{"early@example.org 142/zh-CN due ", "other@example.org 143/zh-CN due ", "reader@example.org 143/zh-CN due ", "stranger@example.org 143/zh-CN due "}
	if diff := cmp.Diff(want, reminded(t, f)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if n := f.Count(t, "143")[dispatch.StateDue]; n != 5 {
		t.Errorf("%d deliveries of the issue, want that of the subscriber and four reminders", n)
	}
}

// TestEachIsRemindedOnce: each comes once, in its own hand-over; who took it back in between gets
// nothing, and neither does who left or complained; a lost answer is not tried again.
func TestEachIsRemindedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := dispatchtest.Open(t)
		d := desk(t, f)
		c := &dispatchtest.Carrier{
			Single: true, Remind: true, Limits: dispatch.Capacity{Batch: 100, Least: 2, Repeat: time.Hour},
			Script: func(address string, _ int) dispatchtest.Answer {
				if address == "lost@example.org" {
					return dispatchtest.Answer{Takes: true, Outcome: dispatch.Outcome{Status: dispatch.Lost}}
				}
				return dispatchtest.Answer{}
			},
		}
		leaver := f.SubscribeOne(t, "email", "leaves@example.org")
		f.SubscribeOne(t, "email", "reader@example.org")
		f.Plan(t, "143", c)
		run(t, f.Dispatcher(t, c), 3*time.Second)
		for _, who := range []string{"reader@example.org", "stranger@example.org", "lost@example.org", "leaves@example.org", "thinks-again@example.org", "complains@example.org"} {
			remind(t, f, who, 143)
		}
		if planReminders(t, f.Ledger, c) == 0 {
			t.Fatal("no run")
		}
		// All of this after the plan, before the marker.
		if _, err := d.Do(t.Context(), subscribers.Caller{ID: leaver.PublicID, Channel: "email"}, subscribers.Unsubscribe{}, time.Now()); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Unremind(t.Context(), emailAddress(t, "thinks-again@example.org")); err != nil {
			t.Fatal(err)
		}
		if err := f.Suppress(t.Context(), "email", "complains@example.org", "complaint", "", time.Now()); err != nil {
			t.Fatal(err)
		}
		run(t, f.Dispatcher(t, c), time.Minute)
		want := []string{
			"complains@example.org 143/zh-CN skipped suppressed", "leaves@example.org 143/zh-CN skipped withdrawn", "lost@example.org 143/zh-CN unconfirmed lost-reply",
			"reader@example.org 143/zh-CN sent ", "stranger@example.org 143/zh-CN sent ", "thinks-again@example.org 143/zh-CN skipped withdrawn",
		}
		if diff := cmp.Diff(want, reminded(t, f)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		for who, n := range map[string]int{"reader@example.org": 2, "stranger@example.org": 1, "lost@example.org": 1} {
			if got := c.Begun()[who]; got != n {
				t.Errorf("%s: %d hand-overs, want %d", who, got, n)
			}
		}
		remind(t, f, "reader@example.org", 143) // used is used
		if planReminders(t, f.Ledger, c) != 0 {
			t.Error("reminded twice")
		}
		if runs := runsOf(t, f, "143"); !slices.Equal(runs, []string{"first 2", "asked 6"}) {
			t.Errorf("runs %v", runs)
		}
		if err := f.Ledger.ForgetLetters(t.Context(), time.Now().Add(31*24*time.Hour)); err != nil || len(reminded(t, f)) != 0 {
			t.Errorf("still there: %v", err)
		}
	})
}

// newestOf is where the postman learns of the newest issue.
type newestOf struct{ out atomic.Bool }

func (n *newestOf) Newest(context.Context) (dispatch.Edition, bool, error) {
	return edition(), n.out.Load(), nil
}

// TestPostmanReminds: reminders go when the issue is out, without being asked for.
func TestPostmanReminds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := dispatchtest.Open(t)
		c := &dispatchtest.Carrier{Single: true, Remind: true}
		mute := &dispatchtest.Carrier{ChannelName: "toy"}
		remind(t, f, "stranger@example.org", 143)
		news := &newestOf{}
		p, err := dispatch.NewPostman(dispatch.PostmanOptions{Ledger: f.Ledger, Inbox: desk(t, f), Channels: []dispatch.Channel{mute, c}, Editions: news})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- p.Run(ctx) }()
		time.Sleep(time.Minute)
		if got := reminded(t, f); len(got) != 0 {
			t.Errorf("too soon: %v", got)
		}
		f.Plan(t, "143", c)
		news.out.Store(true)
		time.Sleep(10 * time.Second)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff([]string{"stranger@example.org 143/zh-CN due "}, reminded(t, f)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// TestRemindersAreForgotten: of a person in the list and of a stranger alike nothing is
// left when they are erased or leave, although no service mail was ever sent.
func TestRemindersAreForgotten(t *testing.T) {
	f := dispatchtest.Open(t)
	c := &dispatchtest.Carrier{Single: true, Remind: true}
	sub := f.SubscribeOne(t, "email", "reader@example.org")
	leaver := f.SubscribeOne(t, "email", "leaver@example.org")
	f.Plan(t, "143", c)
	for _, who := range []string{"reader@example.org", "leaver@example.org", "stranger@example.org"} {
		remind(t, f, who, 143)
	}
	planReminders(t, f.Ledger, c)
	if got := history(t, f, sub.ID); len(got) != 2 {
		t.Errorf("the reader's deliveries: %v", got)
	}
	now := time.Now()
	for range 2 {
		if err := f.Ledger.Scrub(t.Context(), sub.ID, now); err != nil {
			t.Fatal(err)
		}
		if err := f.Ledger.Depart(t.Context(), leaver.ID, "email", now); err != nil {
			t.Fatal(err)
		}
		if err := f.Ledger.Forget(t.Context(), "email", f.People.Hash(emailAddress(t, "stranger@example.org")), now); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]string{" 143/zh-CN skipped removed", " 143/zh-CN skipped removed", " 143/zh-CN skipped unsubscribed"}, reminded(t, f)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	// What was cancelled ends some day, too.
	remind(t, f, "later@example.org", 143)
	planReminders(t, f.Ledger, c)
	if _, _, err := f.Ledger.Cancel(t.Context(), "143", now); err != nil {
		t.Fatal(err)
	}
	if err := f.Ledger.ForgetLetters(t.Context(), now.Add(31*24*time.Hour)); err != nil || len(reminded(t, f)) != 0 {
		t.Errorf("left: %v, %v", reminded(t, f), err)
	}
}

// TestNotOut: an issue that only one person was sent again, or a newcomer, is not out.
func TestNotOut(t *testing.T) {
	f := dispatchtest.Open(t)
	c := &dispatchtest.Carrier{Single: true, Remind: true}
	one := f.SubscribeOne(t, "email", "one@example.org")
	remind(t, f, "stranger@example.org", 143)
	f.Plan(t, "143", c)
	if _, _, err := f.Ledger.Cancel(t.Context(), "143", time.Now()); err != nil {
		t.Fatal(err)
	}
	e := edition()
	if _, err := f.Ledger.Plan(t.Context(), dispatch.Planning{
		Kind: dispatch.KindIssue, Issue: e.Issue, Revision: e.Revision, Selection: dispatch.SelectOne, Target: one.PublicID, Channels: []dispatch.Channel{c}, Now: time.Now(),
	}, nil); err != nil {
		t.Fatal(err)
	}
	if planReminders(t, f.Ledger, c) != 0 {
		t.Error("one person's copy reminds everybody")
	}
}
