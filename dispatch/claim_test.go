package dispatch

import (
	"context"
	"testing"
	"time"
)

// TestOfNobody: a list of no ids is a list.
func TestOfNobody(t *testing.T) {
	w := newWorld(t, home(t))
	defer w.db.Close()
	p := w.procs[0]
	defer p.stop()
	must(t, p.w.commit.do(func(ctx context.Context, tx grouped) error {
		rows, err := w.ledger.claim(ctx, tx, p.s.ID, nil, w.clock)
		if len(rows) > 0 {
			t.Errorf("claimed %v", rows)
		}
		return err
	}))
	must(t, p.w.commit.do(func(ctx context.Context, tx grouped) error {
		return w.ledger.giveBack(ctx, tx, p.s.ID, nil, time.Now(), "", w.clock)
	}))
	must(t, p.w.commit.do(func(ctx context.Context, tx grouped) error {
		return w.ledger.release(ctx, tx, p.s.ID, nil, w.clock)
	}))
}
