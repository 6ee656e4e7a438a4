package dispatch

import (
	"context"
	"testing"

	"pgregory.net/rapid"
)

// TestFencedProcessIsNotHeard lets a process that was taken for dead go on, ask
// for the mark and answer for rows that another one has by now: it is refused,
// and nothing changes.
func TestFencedProcessIsNotHeard(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(rt, home(t))
		defer w.db.Close()
		fenced := w.procs[0]
		fenced.frozen = true
		lost := w.claimAll(fenced)
		w.silence(fenced)
		w.start()
		owner := w.procs[1]
		for _, r := range w.claimAll(owner) {
			how := rapid.SampledFrom([]State{StateLeased, StateMarked, StateSent, StateFailed}).Draw(rt, "what the owner has done")
			if how != StateLeased {
				_, err := (&handing{worker: owner.w, rows: []claimed{r}}).mark(context.Background(), "")
				must(rt, err)
			}
			switch how {
			case StateSent:
				owner.w.settle(context.Background(), r, true, Outcome{Status: Sent})
			case StateFailed:
				owner.w.settle(context.Background(), r, true, Outcome{Status: Refused, Failure: Failure{Scope: ScopeContent, Permanent: true}})
			}
		}
		owner.settled()
		before := w.rows()
		for _, r := range lost {
			granted, err := (&handing{worker: fenced.w, rows: []claimed{r}}).mark(context.Background(), "")
			must(rt, err)
			if granted[0] {
				rt.Errorf("delivery %d was marked by a process that had lost it", r.id)
			}
			fenced.w.settle(context.Background(), r, false, Outcome{
				Status:  rapid.SampledFrom([]Status{Refused, Returned, Stopped, Lost}).Draw(rt, "what the other says"),
				Failure: Failure{Scope: ScopeRecipient, Permanent: rapid.Bool().Draw(rt, "for good")},
			})
		}
		fenced.settled()
		for i, r := range w.rows() {
			if r != before[i] {
				rt.Errorf("delivery %d was %s and is %s", r.id, before[i].state, r.state)
			}
		}
		fenced.stop()
		owner.stop()
	})
}

// claimAll gives every row that is due to one process.
func (w *world) claimAll(p *proc) (rows []claimed) {
	must(w.tb, p.w.commit.do(func(ctx context.Context, tx grouped) error {
		fed, err := w.ledger.feed(ctx, tx, w.run, "email", "0", readers, w.clock)
		if err == nil {
			rows, err = w.ledger.claim(ctx, tx, p.s.ID, fed, w.clock)
		}
		return err
	}))
	if len(rows) != readers {
		w.tb.Fatalf("%d of %d rows were claimed", len(rows), readers)
	}
	return rows
}
