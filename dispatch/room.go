package dispatch

import (
	"context"
	"log/slog"
	"math"
	"sync"
	"time"
)

// room is where claimed rows of a domain group with limits of its own wait for
// their turn, about a second of work of them: no lane waits with them, and nobody
// else behind them. Who finds the room full is put off in the ledger.
type room struct {
	channel, group string
	limits         Limits
	slots          *slots // nil: no rate
	lanes          *lanes // nil: no limit
	pace           *pace

	mu      sync.Mutex
	rows    []claimed
	arrived chan struct{}
}

// lineLength is how far ahead rows are put off at most. A line that is longer than
// that goes round: some are looked at in vain, and none is forgotten for long when
// those before it are cancelled.
const lineLength = 5 * time.Minute

func newRoom(l Limits, channel, group, holder string, d DomainLimit, log *slog.Logger) *room {
	r := &room{
		channel: channel, group: group, limits: l, slots: newSlots(l, channel, "rate:"+group, d.Rate),
		pace:    newPace(Capacity{Lanes: max(1, d.Lanes), Batch: 1, Rate: d.Rate}),
		arrived: make(chan struct{}, 1),
	}
	if d.Lanes > 0 {
		r.lanes = newLanes(l, channel, "lanes:"+group, holder, d.Lanes, log)
	}
	return r
}

// perSecond is how many a second the group takes: its rate, or a little more than
// it took lately.
func (r *room) perSecond() float64 {
	if r.slots != nil {
		return r.slots.perSecond
	}
	return 1.25 * r.pace.perSecond()
}

// put lets rows in as far as there is room, and returns the others.
func (r *room) put(rows []claimed) (outside []claimed) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := max(1, int(math.Ceil(r.perSecond()))) - len(r.rows)
	n = max(0, min(n, len(rows)))
	r.rows = append(r.rows, rows[:n]...)
	if n > 0 {
		select {
		case r.arrived <- struct{}{}:
		default:
		}
	}
	return rows[n:]
}

// first waits for a row.
func (r *room) first(ctx context.Context) (c claimed, ok bool) {
	for ctx.Err() == nil {
		r.mu.Lock()
		if len(r.rows) > 0 {
			c, r.rows = r.rows[0], r.rows[1:]
			r.mu.Unlock()
			return c, true
		}
		r.mu.Unlock()
		select {
		case <-ctx.Done():
		case <-r.arrived:
		}
	}
	return c, false
}

// empty takes all rows out.
func (r *room) empty() (rows []claimed) {
	r.mu.Lock()
	defer r.mu.Unlock()
	rows, r.rows = r.rows, nil
	return rows
}

// leave says that a delivery of the group is over.
func (r *room) leave() {
	if r.lanes != nil {
		r.lanes.leave()
	}
}

// attend brings the rows of a room to the lanes, each when its turn comes, until
// ctx ends.
func (w *worker) attend(ctx context.Context, r *room, batches chan<- work) {
	for {
		row, ok := r.first(ctx)
		if !ok {
			break
		}
		w.usher(ctx, r, row, batches)
	}
	w.giveBack(r.empty(), time.Now(), "")
}

// usher waits for whatever a row needs. Whatever takes too long makes everybody
// in the room wait in the ledger instead.
func (w *worker) usher(ctx context.Context, r *room, row claimed, batches chan<- work) {
	limited, cancel := context.WithTimeout(ctx, holdClaim)
	defer cancel()
	if r.lanes != nil && r.lanes.enter(limited) != nil {
		w.clear(ctx, r, row)
		return
	}
	if r.slots != nil {
		at, ok, err := r.slots.take(ctx, 1, holdClaim)
		if err != nil || !ok {
			r.leave()
			if at.IsZero() || ctx.Err() != nil {
				w.clear(ctx, r, row)
			} else { // a slow rate: the slot is kept for whoever comes then
				w.giveBack([]claimed{row}, at, ReasonRate)
			}
			return
		}
	}
	patient, end := context.WithTimeout(ctx, holdClaim)
	defer end()
	if w.lanes.enter(patient) != nil {
		r.leave()
		w.clear(ctx, r, row)
		return
	}
	batches <- work{rows: []claimed{row}, room: r}
}

// clear sends a row and all behind it away.
func (w *worker) clear(ctx context.Context, r *room, row claimed) {
	rows := append([]claimed{row}, r.empty()...)
	if ctx.Err() != nil {
		w.giveBack(rows, time.Now(), "")
		return
	}
	w.putOff(ctx, r, rows)
}

// putOff makes rows due again when the rate comes to them. Those of one second
// come back together: they share the commits that it takes.
func (w *worker) putOff(ctx context.Context, r *room, rows []claimed) {
	if len(rows) == 0 {
		return
	}
	perSecond := r.perSecond()
	wait, err := r.limits.Defer(ctx, r.channel, "rate:"+r.group, perSecond, len(rows))
	if err != nil {
		wait = LineBegins
	}
	interval, now := SlotInterval(perSecond), time.Now()
	var due time.Time
	var together []claimed
	for i, row := range rows {
		at := now.Add((wait + time.Duration(i)*interval) % lineLength).Truncate(time.Second)
		if !at.Equal(due) {
			w.giveBack(together, due, ReasonRate)
			due, together = at, nil
		}
		together = append(together, row)
	}
	w.giveBack(together, due, ReasonRate)
}
