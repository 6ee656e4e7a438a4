package dispatch_test

import (
	"testing"
	"testing/synctest"
	"time"

	"yizhan/dispatch"
	"yizhan/dispatch/dispatchtest"
)

// TestDepart: who leaves a channel in mid-run gets nothing more there, and their
// address is forgotten.
func TestDepart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := dispatchtest.Open(t)
		gone := f.SubscribeOne(t, "email", "gone@example.org")
		f.SubscribeOne(t, "email", "stays@example.org")
		c := &dispatchtest.Carrier{}
		f.Plan(t, "142", c)
		for range 2 {
			if err := f.Ledger.Depart(t.Context(), gone.ID, "email", time.Now()); err != nil {
				t.Fatal(err)
			}
		}
		run(t, f.Dispatcher(t, c), 2*time.Second)
		for _, r := range f.Records(t, "142") {
			if r.Subscriber == gone.PublicID {
				if r.State != dispatch.StateSkipped || r.Reason != "unsubscribed" || r.Address != "" {
					t.Errorf("of who has left: %+v", r)
				}
			} else if r.State != dispatch.StateSent || r.Address == "" {
				t.Errorf("of who stays: %+v", r)
			}
		}
	})
}

// TestAdopt: deliveries go along when two records become one, in front of nothing
// that was there.
func TestAdopt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := dispatchtest.Open(t)
		from := f.SubscribeOne(t, "email", "from@example.org")
		to := f.SubscribeOne(t, "email", "to@example.org")
		c := &dispatchtest.Carrier{}
		f.Plan(t, "142", c)
		run(t, f.Dispatcher(t, c), 2*time.Second)
		adopt := func(from, to int64, channel string) {
			t.Helper()
			tx, err := f.DB.Write.BeginTx(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			if err := f.Ledger.Adopt(t.Context(), tx, from, to, channel); err != nil {
				t.Fatal(err)
			}
			if err := tx.Commit(); err != nil {
				t.Fatal(err)
			}
		}
		adopt(from.ID, to.ID, "wechat") // nothing there
		adopt(from.ID, to.ID, "email")
		rounds := map[int]string{}
		for _, r := range f.Records(t, "142") {
			if r.Subscriber != to.PublicID || r.State != dispatch.StateSent {
				t.Errorf("%+v", r)
			}
			rounds[r.Round] = r.Address
		}
		if len(rounds) != 2 || rounds[1] != "to@example.org" || rounds[2] != "from@example.org" {
			t.Errorf("rounds %v", rounds)
		}
	})
}
