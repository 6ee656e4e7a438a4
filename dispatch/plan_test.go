package dispatch_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"yizhan/dispatch"
	"yizhan/dispatch/dispatchtest"
)

// populate adds many subscribers quickly.
func populate(t testing.TB, f *dispatchtest.Fixture, n int) {
	t.Helper()
	tx, err := f.DB.Write.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	now := time.Now().UnixMilli()
	const together = 500
	for from := 0; from < n; from += together {
		var people, addresses []string
		for i := from; i < min(from+together, n); i++ {
			people = append(people, fmt.Sprintf("(%d, '%026d', 'active', %d, %d, %d)", i+1, i, now, now, now))
			addresses = append(addresses, fmt.Sprintf("(%d, 'email', 'reader%d@example.org', 'example.org', '%026d', 'active', %d)", i+1, i, i, now))
		}
		for _, text := range []string{
			`INSERT INTO subscribers (id, public_id, state, created_at, confirmed_at, updated_at) VALUES ` + strings.Join(people, ","),
			`INSERT INTO addresses (subscriber_id, channel, value, domain, hash, state, updated_at) VALUES ` + strings.Join(addresses, ","),
		} {
			if _, err := tx.Exec(text); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
}

func TestPlanInChunks(t *testing.T) {
	f := dispatchtest.Open(t)
	populate(t, f, 25_000)
	var shares []float64
	if _, err := f.Ledger.Plan(t.Context(), dispatchtest.Planning("142", dispatch.SelectFirst, &dispatchtest.Carrier{}), func(s float64) {
		shares = append(shares, s)
	}); err != nil {
		t.Fatal(err)
	}
	if len(shares) != 3 || shares[0] >= shares[1] || shares[2] != 1 {
		t.Errorf("progress %v", shares)
	}
	wantStates(t, f, "142", map[dispatch.State]int{dispatch.StateDue: 25_000})
}

func TestPlanTwice(t *testing.T) {
	f := dispatchtest.Open(t)
	f.Subscribe(t, "email", "example.org", 5)
	f.Plan(t, "142", &dispatchtest.Carrier{})
	_, err := f.Ledger.Plan(t.Context(), dispatchtest.Planning("142", dispatch.SelectFirst, &dispatchtest.Carrier{}), nil)
	if !errors.Is(err, dispatch.ErrPlanned) {
		t.Errorf("a second first run: %v", err)
	}
	wantStates(t, f, "142", map[dispatch.State]int{dispatch.StateDue: 5})
}

// TestPlanRace plans the same issue in two processes at once: one wins, and
// nobody is in the ledger twice.
func TestPlanRace(t *testing.T) {
	f := dispatchtest.Open(t)
	g := f.Again(t)
	populate(t, f, 12_000)
	var wait sync.WaitGroup
	errs := make([]error, 2)
	for i, l := range []*dispatch.Ledger{f.Ledger, g.Ledger} {
		wait.Go(func() {
			_, errs[i] = l.Plan(context.Background(), dispatchtest.Planning("142", dispatch.SelectFirst, &dispatchtest.Carrier{}), nil)
		})
	}
	wait.Wait()
	if (errs[0] == nil) == (errs[1] == nil) {
		t.Errorf("errors %v and %v, want exactly one", errs[0], errs[1])
	}
	wantStates(t, f, "142", map[dispatch.State]int{dispatch.StateDue: 12_000})
}

// TestPlanTakenUp ends the planning process between two chunks.
func TestPlanTakenUp(t *testing.T) {
	f := dispatchtest.Open(t)
	populate(t, f, 25_000)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := f.Ledger.Plan(ctx, dispatchtest.Planning("142", dispatch.SelectFirst, &dispatchtest.Carrier{}), func(float64) { cancel() })
	if err == nil {
		t.Fatal("the plan went on after its process had ended")
	}
	if got := runState(t, f, "142"); got != "planning" {
		t.Errorf("the run is %q", got)
	}
	n, err := f.Ledger.FinishPlans(t.Context(), time.Now().Add(time.Second), time.Now())
	if err != nil || n != 1 {
		t.Fatalf("took up %d plans, %v", n, err)
	}
	wantStates(t, f, "142", map[dispatch.State]int{dispatch.StateDue: 25_000})
}

// TestPlanFreezesTheAudience: who comes after the plan is not in the run, who is
// suppressed is in the ledger and is not sent to.
func TestPlanFreezesTheAudience(t *testing.T) {
	f := dispatchtest.Open(t)
	f.SubscribeOne(t, "email", "reader@example.org")
	dead := f.SubscribeOne(t, "email", "dead@example.org")
	if err := f.Suppress(t.Context(), "email", "dead@example.org", "mailbox-unknown", "", time.Now()); err != nil {
		t.Fatal(err)
	}
	f.Plan(t, "142", &dispatchtest.Carrier{})
	f.SubscribeOne(t, "email", "late@example.org")
	wantStates(t, f, "142", map[dispatch.State]int{dispatch.StateDue: 1, dispatch.StateSkipped: 1})
	for _, r := range f.Records(t, "142") {
		if r.Subscriber == dead.PublicID && r.Reason != "suppressed" {
			t.Errorf("the suppressed row = %+v", r)
		}
	}
}

type unprepared struct{ *dispatchtest.Carrier }

func (unprepared) Prepare(context.Context, dispatch.Content) ([]dispatch.Variant, error) {
	return nil, errors.New("the digest is too big")
}

func TestPlanChangesNothingWhenTheContentIsBad(t *testing.T) {
	f := dispatchtest.Open(t)
	f.SubscribeOne(t, "email", "reader@example.org")
	if _, err := f.Ledger.Plan(t.Context(), dispatchtest.Planning("142", dispatch.SelectFirst, unprepared{&dispatchtest.Carrier{}}), nil); err == nil {
		t.Fatal("planned")
	}
	if s, err := f.Ledger.Status(t.Context(), "142", time.Now()); err != nil || len(s) != 0 {
		t.Errorf("status = %+v, %v", s, err)
	}
}

// TestCancelWhilePlanning: a run that is not planned yet can be cancelled, and
// never begins; pausing it is refused, because it would begin all the same.
func TestCancelWhilePlanning(t *testing.T) {
	f := dispatchtest.Open(t)
	populate(t, f, 25_000)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := f.Ledger.Plan(ctx, dispatchtest.Planning("142", dispatch.SelectFirst, &dispatchtest.Carrier{}), func(float64) { cancel() })
	if err == nil {
		t.Fatal("the plan went on after its process had ended")
	}
	if _, err := f.Ledger.Pause(t.Context(), "142", time.Now()); !errors.Is(err, dispatch.ErrPlanning) {
		t.Errorf("pausing it: %v", err)
	}
	if runs, rows, err := f.Ledger.Cancel(t.Context(), "142", time.Now()); err != nil || runs != 1 || rows != 10_000 {
		t.Errorf("cancelled %d runs and %d rows, %v", runs, rows, err)
	}
	if _, err := f.Ledger.FinishPlans(t.Context(), time.Now().Add(time.Second), time.Now()); err != nil {
		t.Error(err)
	}
	wantStates(t, f, "142", map[dispatch.State]int{dispatch.StateSkipped: 10_000})
	if got := runState(t, f, "142"); got != "cancelled" {
		t.Errorf("the run is %q", got)
	}
}
