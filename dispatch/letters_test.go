package dispatch_test

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"yizhan/dispatch"
	"yizhan/dispatch/dispatchtest"
	"yizhan/subscribers"
)

// desk is a desk on the fixture's people, with the ledger as its books.
func desk(t *testing.T, f *dispatchtest.Fixture) *subscribers.Desk {
	t.Helper()
	d, err := subscribers.NewDesk(subscribers.DeskOptions{Store: f.People, Books: f.Ledger, Log: slog.New(slog.NewTextHandler(t.Output(), nil))})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func askFor(t *testing.T, d *subscribers.Desk, c subscribers.Command, who subscribers.Caller) {
	t.Helper()
	if _, err := d.Do(t.Context(), who, c, time.Now()); err != nil {
		t.Fatal(err)
	}
	if err := d.Attend(t.Context(), time.Now()); err != nil {
		t.Fatal(err)
	}
}

func emailAddress(t *testing.T, text string) subscribers.Address {
	t.Helper()
	a, err := subscribers.ParseEmail(text)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// history lists somebody's deliveries as "issue variant address state reason".
func history(t *testing.T, f *dispatchtest.Fixture, id int64) (out []string) {
	t.Helper()
	all, err := f.Ledger.History(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all.([]dispatch.Personal) {
		out = append(out, p.Issue+" "+p.Variant+" "+p.Address+" "+string(p.State)+" "+p.Reason)
	}
	return out
}

// TestLetters: a postman brings letters to people who are pending, unsubscribed or
// have another address, each with the variant of its kind; nothing is planned
// twice, and a dead mailbox gets nothing.
func TestLetters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := dispatchtest.Open(t)
		d := desk(t, f)
		c := &dispatchtest.Carrier{}
		askFor(t, d, subscribers.Subscribe{Address: emailAddress(t, "new@example.org"), Language: "en"}, subscribers.Caller{Network: "1"})
		askFor(t, d, subscribers.Subscribe{Address: emailAddress(t, "dead@example.org"), Language: "en"}, subscribers.Caller{Network: "2"})
		known := f.SubscribeOne(t, "email", "old@example.org")
		askFor(t, d, subscribers.Move{To: emailAddress(t, "other@example.org")}, subscribers.Caller{ID: known.PublicID, Channel: "email", Network: "3"})
		if err := f.Suppress(t.Context(), "email", "dead@example.org", "bounced", "", time.Now()); err != nil {
			t.Fatal(err)
		}
		run1, err := f.Ledger.PlanLetters(t.Context(), []dispatch.Channel{c}, time.Now())
		if err != nil || run1 == 0 {
			t.Fatalf("PlanLetters = %d, %v", run1, err)
		}
		if again, err := f.Ledger.PlanLetters(t.Context(), []dispatch.Channel{c}, time.Now()); again != 0 || err != nil {
			t.Errorf("planned again: %d, %v", again, err)
		}
		run(t, f.Dispatcher(t, c), 3*time.Second)
		pending, err := f.People.Get(t.Context(), "new@example.org")
		if err != nil {
			t.Fatal(err)
		}
		dead, err := f.People.Get(t.Context(), "dead@example.org")
		if err != nil {
			t.Fatal(err)
		}
		for id, want := range map[int64][]string{
			pending.ID: {" confirm/en new@example.org sent "},
			dead.ID:    {" confirm/en dead@example.org skipped suppressed"},
			known.ID:   {" move/zh-CN other@example.org sent ", " moving/zh-CN old@example.org sent "},
		} {
			if diff := cmp.Diff(want, history(t, f, id)); diff != "" {
				t.Errorf("subscriber %d (-want +got):\n%s", id, diff)
			}
		}
		status, err := f.Ledger.Status(t.Context(), "", time.Now())
		if err != nil || len(status) != 0 {
			t.Errorf("a finished service run is in the status: %+v, %v", status, err)
		}
		if err := f.Ledger.ForgetLetters(t.Context(), time.Now().Add(29*24*time.Hour)); err != nil || len(history(t, f, known.ID)) != 2 {
			t.Errorf("forgotten too soon: %v", err)
		}
		if err := f.Ledger.ForgetLetters(t.Context(), time.Now().Add(31*24*time.Hour)); err != nil || len(history(t, f, known.ID)) != 0 {
			t.Errorf("still there: %v", err)
		}
	})
}

// What waits for somebody who is erased meanwhile is not sent.
func TestLettersOfAnErasedPersonAreSkipped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := dispatchtest.Open(t)
		d := desk(t, f)
		c := &dispatchtest.Carrier{}
		sub := f.SubscribeOne(t, "email", "li@example.org")
		askFor(t, d, subscribers.SendLink{Address: emailAddress(t, "li@example.org")}, subscribers.Caller{Network: "1"})
		if _, err := f.Ledger.PlanLetters(t.Context(), []dispatch.Channel{c}, time.Now()); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Erase(t.Context(), sub.PublicID, time.Now()); err != nil {
			t.Fatal(err)
		}
		run(t, f.Dispatcher(t, c), 3*time.Second)
		if diff := cmp.Diff([]string{" manage/zh-CN  skipped removed"}, history(t, f, sub.ID)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// TestPausedUntil: a plan leaves out who is paused and takes who is not any more;
// nobody has to wake them.
func TestPausedUntil(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := dispatchtest.Open(t)
		d := desk(t, f)
		c := &dispatchtest.Carrier{}
		sub := f.SubscribeOne(t, "email", "li@example.org")
		pause := func(until time.Time) {
			t.Helper()
			if _, err := d.Do(t.Context(), subscribers.Caller{ID: sub.PublicID, Channel: "email"}, subscribers.Pause{Until: until}, time.Now()); err != nil {
				t.Fatal(err)
			}
		}
		pause(time.Now().Add(24 * time.Hour))
		f.Plan(t, "142", c)
		time.Sleep(24 * time.Hour)
		f.Plan(t, "143", c)
		run(t, f.Dispatcher(t, c), 3*time.Second)
		if diff := cmp.Diff([]string{"143  li@example.org sent "}, history(t, f, sub.ID)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		// Paused between plan and marker.
		f.Plan(t, "144", c)
		pause(time.Now().Add(time.Hour))
		run(t, f.Dispatcher(t, c), 3*time.Second)
		if got := history(t, f, sub.ID); len(got) != 2 || got[1] != "144  li@example.org skipped paused" {
			t.Errorf("got %v", got)
		}
	})
}

// TestPostman: what is asked while it runs is brought within a second.
func TestPostman(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := dispatchtest.Open(t)
		d := desk(t, f)
		c := &dispatchtest.Carrier{}
		p, err := dispatch.NewPostman(dispatch.PostmanOptions{Ledger: f.Ledger, Inbox: d, Channels: []dispatch.Channel{c}})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- p.Run(ctx) }()
		time.Sleep(time.Minute)
		if _, err := d.Do(t.Context(), subscribers.Caller{Network: "1"}, subscribers.Subscribe{Address: emailAddress(t, "new@example.org")}, time.Now()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		sub, err := f.People.Get(t.Context(), "new@example.org")
		if err != nil {
			t.Fatal(err)
		}
		if got := history(t, f, sub.ID); len(got) != 1 {
			t.Errorf("got %v", got)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
