package dispatch_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"yizhan/dispatch"
	"yizhan/dispatch/dispatchtest"
	"yizhan/issue"
)

func latest(t *testing.T, ch dispatch.Channel, who string, now time.Time) dispatch.Latest {
	t.Helper()
	is := sectioned("142", 3)
	return dispatch.Latest{Issue: is, Revision: issue.Revision{N: 1, Hash: is.Hash()}, Channel: ch, Subscriber: who, Now: now}
}

func runsOf(t *testing.T, f *dispatchtest.Fixture, id string) (scopes []string) {
	t.Helper()
	runs, err := f.Ledger.Status(t.Context(), id, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range runs {
		scopes = append(scopes, fmt.Sprintf("%s %d", r.Scope, r.Total().Total()))
	}
	return scopes
}

// TestPlanLatest: newcomers get the issue once, however often and from however
// many processes they ask, and in the sections that they chose.
func TestPlanLatest(t *testing.T) {
	f := dispatchtest.Open(t)
	g := f.Again(t)
	ch := &dispatchtest.Carrier{Choosy: true}
	old := f.SubscribeOne(t, "email", "old@example.org")
	now := time.Now()
	if sent, err := f.Ledger.SendLatest(t.Context(), latest(t, ch, old.PublicID, now)); err == nil {
		t.Errorf("before the issue's first run: sent %v", sent)
	}
	planSections(t, f, sectioned("142", 3), dispatch.SelectFirst, ch)
	late := f.SubscribeOne(t, "email", "late@example.org")
	later := f.SubscribeOne(t, "email", "later@example.org", "B")
	none := f.SubscribeOne(t, "email", "none@example.org", "Z")
	dead := f.SubscribeOne(t, "email", "dead@example.org")
	if err := f.Suppress(t.Context(), "email", "dead@example.org", "mailbox-unknown", "", now); err != nil {
		t.Fatal(err)
	}
	for who, want := range map[string]bool{old.PublicID: false, late.PublicID: true, later.PublicID: true, none.PublicID: false, dead.PublicID: false, "nobody": false} {
		got, err := f.Ledger.Wanted(t.Context(), latest(t, ch, who, now))
		if err != nil || got != want {
			t.Errorf("%s wants it: %v, %v", who, got, err)
		}
	}
	var sent atomic.Int64
	var asking sync.WaitGroup
	for range 4 {
		for _, l := range []*dispatch.Ledger{f.Ledger, g.Ledger} {
			asking.Go(func() {
				ok, err := l.SendLatest(t.Context(), latest(t, ch, late.PublicID, now))
				if err != nil {
					t.Error(err)
				}
				if ok {
					sent.Add(1)
				}
			})
		}
	}
	asking.Wait()
	if sent.Load() != 1 {
		t.Errorf("sent %d times", sent.Load())
	}
	if _, err := f.Ledger.SendLatest(t.Context(), latest(t, ch, later.PublicID, now.Add(time.Minute))); err != nil {
		t.Fatal(err)
	}
	hours := f.SubscribeOne(t, "email", "hours@example.org")
	if _, err := f.Ledger.SendLatest(t.Context(), latest(t, ch, hours.PublicID, now.Add(2*time.Hour))); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"hours 1 due", "late 1 due", "later 1 due  1+3", "old 1 due"}, rows(t, f, "142")); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"first 1", "latest 2", "latest 1"}, runsOf(t, f, "142")); diff != "" {
		t.Error(diff)
	}
}

// TestLatestAfterItsRunFinished: the run goes on when the next newcomer comes, and
// nobody is told of its end.
func TestLatestAfterItsRunFinished(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := dispatchtest.Open(t)
		ch := &dispatchtest.Carrier{Choosy: true}
		f.SubscribeOne(t, "email", "old@example.org")
		planSections(t, f, sectioned("142", 3), dispatch.SelectFirst, ch)
		for _, name := range []string{"one", "two"} {
			s := f.SubscribeOne(t, "email", name+"@example.org")
			if ok, err := f.Ledger.SendLatest(t.Context(), latest(t, ch, s.PublicID, time.Now())); !ok || err != nil {
				t.Fatalf("%s: %v, %v", name, ok, err)
			}
			run(t, f.Dispatcher(t, ch), 20*time.Second)
			if got := runState(t, f, "142"); got != "finished" {
				t.Errorf("after %s the run is %s", name, got)
			}
		}
		wantStates(t, f, "142", map[dispatch.State]int{dispatch.StateSent: 3})
		if diff := cmp.Diff([]string{"first 1", "latest 2"}, runsOf(t, f, "142")); diff != "" {
			t.Error(diff)
		}
		var told int
		if err := f.DB.Read.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM alerts WHERE event = 'run-finished'`).Scan(&told); err != nil || told != 1 {
			t.Errorf("%d ends of runs were told, %v; only that of the first", told, err)
		}
	})
}
