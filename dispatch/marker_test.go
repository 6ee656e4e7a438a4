package dispatch

import (
	"context"
	"testing"
	"time"

	"yizhan/config"
	"yizhan/config/configtest"
	"yizhan/subscribers"
)

// TestMarkerAndTheRestInOneOrder holds a marker open between its statement and
// its commit, and begins what must not come in between: it has to wait. Then the
// other way round: the marker waits, and sees what it waited for.
func TestMarkerAndTheRestInOneOrder(t *testing.T) {
	ctx := t.Context()
	for name, act := range map[string]func(w *world, r claimed) error{
		"unsubscribe": func(w *world, r claimed) error {
			_, err := w.people.Unsubscribe(ctx, r.subscriber, "email", "one-click", w.clock)
			return err
		},
		"remove": func(w *world, r claimed) error { _, err := w.people.Remove(ctx, r.subscriber, w.clock); return err },
		"suppress": func(w *world, r claimed) error {
			a, err := subscribers.ParseEmail(r.address)
			if err == nil {
				_, err = w.people.Suppress(ctx, a, "bounced", "", w.clock)
			}
			return err
		},
		"pause":  func(w *world, _ claimed) error { _, err := w.ledger.Pause(ctx, "142", w.clock); return err },
		"cancel": func(w *world, _ claimed) error { _, _, err := w.ledger.Cancel(ctx, "142", w.clock); return err },
	} {
		t.Run(name, func(t *testing.T) {
			c := config.Default()
			c.Database = config.NewSecret(configtest.URL(t))
			w := newWorld(t, c)
			defer w.db.Close()
			p := w.procs[0]
			defer p.stop()
			rows := w.claimAll(p)

			tx, err := w.db.Mark.BeginTx(ctx, nil)
			must(t, err)
			if granted, err := w.ledger.commitMark(ctx, tx, p.s.ID, rows[0].id, 0, w.clock); err != nil || !granted {
				t.Fatalf("marked: %v, %v", granted, err)
			}
			acted := make(chan error, 1)
			go func() { acted <- act(w, rows[0]) }()
			w.someoneWaits(acted)
			must(t, tx.Commit())
			must(t, <-acted)

			// Now the other is in the middle: as far as its own statements go it is
			// done, and a marker that began before its end must not be granted.
			tx, err = w.db.Write.BeginTx(ctx, nil)
			must(t, err)
			_, err = tx.ExecContext(ctx, `UPDATE addresses SET state = 'unsubscribed' WHERE subscriber_id = (SELECT id FROM subscribers WHERE public_id = $1)`, rows[1].subscriber)
			must(t, err)
			h := &handing{worker: p.w, rows: rows[1:2]}
			marked := make(chan error, 1)
			go func() {
				_, err := h.mark(context.WithoutCancel(ctx), "")
				marked <- err
			}()
			w.someoneWaits(marked)
			must(t, tx.Commit())
			must(t, <-marked)
			if h.granted[0] {
				t.Error("the marker did not see what it waited for")
			}
		})
	}
}

// someoneWaits returns when a transaction waits for another, and fails when the
// one that should has come to its end instead.
func (w *world) someoneWaits(ended chan error) {
	for waiting := 0; waiting == 0; {
		must(w.tb, w.db.Read.QueryRow(`SELECT COUNT(*) FROM pg_locks WHERE NOT granted`).Scan(&waiting))
		select {
		case err := <-ended:
			w.tb.Fatalf("it did not wait: %v", err)
		case <-time.After(time.Millisecond):
		}
	}
}
