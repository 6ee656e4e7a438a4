package dispatch_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"yizhan/dispatch"
	"yizhan/dispatch/dispatchtest"
	"yizhan/subscribers"
)

// story is an issue of which every kind of outcome exists.
type story struct {
	*dispatchtest.Fixture
	deliver func(t *testing.T, s story) // until nothing is open
	carrier *dispatchtest.Carrier
	people  map[string]subscribers.Subscriber
}

func tell(t *testing.T) story {
	t.Helper()
	return tellOn(t, dispatchtest.Open(t), func(t *testing.T, s story) { run(t, s.Dispatcher(t, s.carrier), 2*time.Minute) })
}

func tellOn(t *testing.T, f *dispatchtest.Fixture, deliver func(*testing.T, story)) story {
	t.Helper()
	s := story{Fixture: f, deliver: deliver, people: map[string]subscribers.Subscriber{}}
	for _, name := range []string{"sent", "failed", "dead", "lost", "left", "back"} {
		s.people[name] = s.SubscribeOne(t, "email", name+"@example.org")
	}
	s.carrier = &dispatchtest.Carrier{Script: func(a string, n int) dispatchtest.Answer {
		switch {
		case n > 2:
			return dispatchtest.Answer{}
		case a == "failed@example.org":
			return dispatchtest.Answer{Outcome: dispatchtest.Refuse(dispatch.ScopeContent, true, 554, "refused"), Early: true}
		case a == "dead@example.org":
			return dispatchtest.Answer{Outcome: dispatchtest.Refuse(dispatch.ScopeRecipient, true, 550, "5.1.1"), Early: true}
		case a == "lost@example.org":
			return dispatchtest.Answer{Outcome: dispatch.Outcome{Status: dispatch.Lost}}
		}
		return dispatchtest.Answer{}
	}}
	s.Plan(t, "142", s.carrier)
	for _, name := range []string{"left", "back"} {
		if _, err := s.People.Unsubscribe(t.Context(), s.people[name].PublicID, "email", "page", time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	s.deliver(t, s)
	if _, err := s.People.Resubscribe(t.Context(), s.people["back"].PublicID, "email", time.Now()); err != nil {
		t.Fatal(err)
	}
	s.SubscribeOne(t, "email", "new@example.org")
	return s
}

func (s story) selects(t *testing.T, r dispatch.Resend) []string {
	t.Helper()
	r.Issue = "142"
	got, err := s.Ledger.Select(context.Background(), r, "email", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	out := []string{}
	for _, g := range got {
		name := g.Address[:len(g.Address)-len("@example.org")]
		if g.Blocked != "" {
			name += " (" + g.Blocked + ")"
		}
		out = append(out, name)
	}
	return out
}

// resending is whom one scope selects in that story.
type resending struct {
	scope dispatch.Selection
	want  []string
	sent  int // of them
}

func resendings() []resending {
	return []resending{
		{dispatch.SelectFailed, []string{"failed", "dead (suppressed)"}, 0},
		{dispatch.SelectUnsent, []string{"failed", "back"}, 1},
		{dispatch.SelectUnconfirmed, []string{"lost"}, 1},
		{dispatch.SelectNew, []string{"new"}, 1},
		{dispatch.SelectOutdated, []string{"sent"}, 1},
	}
}

func TestResendScopes(t *testing.T) {
	for _, tt := range resendings() {
		t.Run(string(tt.scope), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { tt.check(t, tell(t)) })
		})
	}
}

func (tt resending) check(t *testing.T, s story) {
	t.Helper()
	r := dispatch.Resend{Selection: tt.scope, Revision: 2}
	if diff := cmp.Diff(tt.want, s.selects(t, r)); diff != "" {
		t.Errorf("selected (-want +got):\n%s", diff)
	}
	before := len(s.carrier.Taken())
	p := dispatchtest.Planning("142", tt.scope, s.carrier)
	p.Revision.N = 2
	if _, err := s.Ledger.Plan(t.Context(), p, nil); err != nil {
		t.Fatal(err)
	}
	if again := s.selects(t, r); len(again) != 0 {
		t.Errorf("while that resend is open it selects %v", again)
	}
	s.deliver(t, s)
	if tt.scope != dispatch.SelectFailed && tt.scope != dispatch.SelectUnsent {
		if again := s.selects(t, r); len(again) != 0 {
			t.Errorf("the second time it selects %v", again)
		}
	}
	if tt.scope == dispatch.SelectOutdated {
		if n := s.carrier.Taken()["sent@example.org"]; n != 2 {
			t.Errorf("the reader of the old revision has %d", n)
		}
	} else if got := len(s.carrier.Taken()) - before; got != tt.sent {
		t.Errorf("%d more got it, want %d", got, tt.sent)
	}
}

// TestNewMissesNobody: somebody whom an import adds that began before the first
// run was planned, and committed after it.
func TestNewMissesNobody(t *testing.T) {
	f := dispatchtest.Open(t)
	f.SubscribeOne(t, "email", "first@example.org")
	f.Plan(t, "142", &dispatchtest.Carrier{})
	a, err := subscribers.ParseEmail("between@example.org")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.People.Add(t.Context(), subscribers.Entry{Addresses: []subscribers.Address{a}}, time.Now().Add(-time.Minute)); err != nil {
		t.Fatal(err)
	}
	got, err := f.Ledger.Select(t.Context(), dispatch.Resend{Issue: "142", Selection: dispatch.SelectNew}, "email", time.Now())
	if err != nil || len(got) != 1 || got[0].Address != "between@example.org" {
		t.Errorf("new are %+v, %v", got, err)
	}
}

func TestResendOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := tell(t)
		for name, want := range map[string][]string{
			"sent": {"sent"}, "failed": {"failed"}, "dead": {"dead (suppressed)"}, "left": {}, "lost": {"lost"},
		} {
			r := dispatch.Resend{Selection: dispatch.SelectOne, Target: s.people[name].PublicID}
			if diff := cmp.Diff(want, s.selects(t, r)); diff != "" {
				t.Errorf("one %s (-want +got):\n%s", name, diff)
			}
		}
		p := dispatchtest.Planning("142", dispatch.SelectOne, s.carrier)
		p.Target = s.people["sent"].PublicID
		if _, err := s.Ledger.Plan(t.Context(), p, nil); err != nil {
			t.Fatal(err)
		}
		run(t, s.Dispatcher(t, s.carrier), time.Minute)
		if n := s.carrier.Taken()["sent@example.org"]; n != 2 {
			t.Errorf("after a resend to one who had it: %d", n)
		}
		var rounds []int
		for _, r := range s.Records(t, "142") {
			if r.Address == "sent@example.org" {
				rounds = append(rounds, r.Round)
			}
		}
		if diff := cmp.Diff([]int{1, 2}, rounds); diff != "" {
			t.Errorf("rounds (-want +got):\n%s", diff)
		}
	})
}

func TestResendNeedsAFirstRun(t *testing.T) {
	f := dispatchtest.Open(t)
	f.SubscribeOne(t, "email", "reader@example.org")
	if _, err := f.Ledger.Select(t.Context(), dispatch.Resend{Issue: "142", Selection: dispatch.SelectUnsent}, "email", time.Now()); !errors.Is(err, dispatch.ErrNoRun) {
		t.Errorf("error %v", err)
	}
	if _, err := f.Ledger.Plan(t.Context(), dispatchtest.Planning("142", dispatch.SelectNew, &dispatchtest.Carrier{}), nil); !errors.Is(err, dispatch.ErrNoRun) {
		t.Errorf("error %v", err)
	}
}

// TestOutdatedSparesWhoMayHaveTheNewOne: the resend of revision 2 is in doubt for
// somebody; resending it again would double it.
func TestOutdatedSparesWhoMayHaveTheNewOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := dispatchtest.Open(t)
		f.SubscribeOne(t, "email", "reader@example.org")
		c := &dispatchtest.Carrier{Script: func(_ string, n int) dispatchtest.Answer {
			if n > 1 {
				return dispatchtest.Answer{Takes: true, Outcome: dispatch.Outcome{Status: dispatch.Abandoned}}
			}
			return dispatchtest.Answer{}
		}}
		f.Plan(t, "142", c)
		run(t, f.Dispatcher(t, c), time.Second)
		p := dispatchtest.Planning("142", dispatch.SelectOutdated, c)
		p.Revision.N = 2
		if _, err := f.Ledger.Plan(t.Context(), p, nil); err != nil {
			t.Fatal(err)
		}
		run(t, f.Dispatcher(t, c), time.Second)
		wantStates(t, f, "142", map[dispatch.State]int{dispatch.StateSent: 1, dispatch.StateUnconfirmed: 1})
		if got, err := f.Ledger.Select(t.Context(), dispatch.Resend{Issue: "142", Revision: 2, Selection: dispatch.SelectOutdated}, "email", time.Now()); err != nil || len(got) != 0 {
			t.Errorf("outdated selects %v, %v", got, err)
		}
	})
}
