package dispatch_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"yizhan/dispatch"
	"yizhan/dispatch/dispatchtest"
)

func TestScrub(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := dispatchtest.Open(t)
		gone := f.SubscribeOne(t, "email", "gone@example.org")
		f.SubscribeOne(t, "email", "stays@example.org")
		c := &dispatchtest.Carrier{Script: func(a string, n int) dispatchtest.Answer {
			return dispatchtest.Answer{Outcome: dispatchtest.Refuse(dispatch.ScopeRecipient, false, 451, "no room for "+a), Early: true}
		}}
		f.Plan(t, "142", c)
		run(t, f.Dispatcher(t, c), 2*time.Second)
		if err := f.Ledger.Scrub(t.Context(), gone.ID, time.Now()); err != nil {
			t.Fatal(err)
		}
		for _, r := range f.Records(t, "142") {
			if r.Subscriber == gone.PublicID {
				if r.State != dispatch.StateSkipped || r.Reason != "removed" || r.Address != "" || r.Reply != "" {
					t.Errorf("the scrubbed row = %+v", r)
				}
			} else if r.State != dispatch.StateDue || r.Address == "" || r.Reply == "" {
				t.Errorf("the other row = %+v", r)
			}
		}
		rows, err := f.DB.Read.Query(`SELECT reply FROM attempts`)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			var reply string
			if err := rows.Scan(&reply); err != nil || strings.Contains(reply, "gone@") {
				t.Errorf("an attempt still says %q, %v", reply, err)
			}
		}
	})
}
