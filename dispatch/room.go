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
	begun          time.Time // when the last row got its lane

	mu      sync.Mutex
	rows    []claimed
	entered []time.Time // when each of rows came in
	arrived chan struct{}
}

// lineLength is how far ahead rows are put off at most. A line that is longer than
// that goes round: some are looked at in vain, and none is forgotten for long when
// those before it are cancelled.
const lineLength = 5 * time.Minute

// roomPatience is how long a row stays in a room at most.
const roomPatience = 5 * holdClaim

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

// work is how many deliveries a second this process brings to the group.
func (r *room) work() float64 {
	if r.slots != nil {
		return r.slots.perSecond
	}
	return r.pace.perSecond()
}

// ahead is how many a second are to come back out of the line: some more than go
// through, so that the room does not run empty; what a group without a rate takes
// is only found out that way.
func (r *room) ahead() float64 {
	if r.slots != nil {
		return 1.1 * r.slots.perSecond
	}
	return 2 * r.pace.perSecond() * r.lanes.whole()
}

// put lets rows in as far as there is room, and returns the others.
func (r *room) put(rows []claimed) (outside []claimed) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := max(1, int(math.Ceil(r.work()*holdClaim.Seconds()))) - len(r.rows)
	n = max(0, min(n, len(rows)))
	for _, row := range rows[:n] {
		r.rows, r.entered = append(r.rows, row), append(r.entered, time.Now())
	}
	if n > 0 {
		select {
		case r.arrived <- struct{}{}:
		default:
		}
	}
	return rows[n:]
}

// first waits for a row. since is when it came in.
func (r *room) first(ctx context.Context) (c claimed, since time.Time, ok bool) {
	for ctx.Err() == nil {
		r.mu.Lock()
		if len(r.rows) > 0 {
			c, since = r.rows[0], r.entered[0]
			r.rows, r.entered = r.rows[1:], r.entered[1:]
			r.mu.Unlock()
			return c, since, true
		}
		r.mu.Unlock()
		select {
		case <-ctx.Done():
		case <-r.arrived:
		}
	}
	return c, since, false
}

// empty takes all rows out.
func (r *room) empty() (rows []claimed) {
	r.mu.Lock()
	defer r.mu.Unlock()
	rows, r.rows, r.entered = r.rows, nil, nil
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
		row, since, ok := r.first(ctx)
		switch {
		case !ok:
			w.giveBack(r.empty(), time.Now(), "")
			return
		case time.Since(since) > roomPatience: // other processes take most of the rate
			w.putOff(ctx, r, []claimed{row})
		default:
			w.usher(ctx, r, row, batches)
		}
	}
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
	if at, reason := w.slot(ctx, 1); reason != "" {
		r.leave()
		w.giveBack([]claimed{row}, at, reason)
		return
	}
	patient, end := context.WithTimeout(ctx, holdClaim)
	defer end()
	if w.lanes.enter(patient) != nil {
		r.leave()
		w.clear(ctx, r, row)
		return
	}
	r.space(ctx)
	batches <- work{rows: []claimed{row}, room: r}
}

// space keeps the rate's distance from the row before, which may have begun long
// after its slot because all lanes were at work.
func (r *room) space(ctx context.Context) {
	if r.slots == nil {
		return
	}
	pause(ctx, SlotInterval(r.slots.perSecond)-CatchUp-time.Since(r.begun))
	r.begun = time.Now()
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
	perSecond := r.ahead()
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

// line remembers up to when the feeder has put all rows that came back into the
// queue. They go before the rest of their run, which became due long before them:
// behind it, nothing would go to their group until the others have all been sent.
type line struct{ done time.Time }

const (
	// A row may be committed a little after the time at which it is due.
	lineOverlap = 2 * time.Second
	// lineLate is how long a row that came back has this right.
	lineLate = 5 * time.Second
)

// since is when the rows that go first became due.
func (l *line) since(now time.Time) time.Time { return later(l.done, now.Add(-lineLate)) }

// fed says that there was room for all of them.
func (l *line) fed(now time.Time) { l.done = now.Add(-lineOverlap) }
