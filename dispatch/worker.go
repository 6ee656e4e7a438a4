package dispatch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// holdClaim is how long claimed rows may wait for a lane before they are given
// back.
const holdClaim = 2 * time.Second

// Suppressor takes addresses that must never be sent to again.
type Suppressor interface {
	Suppress(ctx context.Context, channel, address, reason, detail string, now time.Time) error
}

// worker brings one channel's queue entries to its lanes and settles what
// became of them.
type worker struct {
	name    string
	channel Channel
	policy  Policy
	cap     Capacity

	ledger  *Ledger
	commit  *committer
	queue   Queue
	people  Suppressor
	valve   *valve
	log     *slog.Logger
	session int64
	wake    chan<- struct{}
	// observer may be nil.
	observer Observer

	gate     *gate
	slots    *slots // nil: no rate
	lanes    *lanes
	rooms    map[string]*room // by domain group, those with limits of their own
	line     line             // of the rooms' rows in the ledger
	throttle *throttle
	pace     *pace
	variants variants
	runs     runStates
	alarmed  string // why an operator was told that the channel is stopped; "" when not
}

// work is a batch that has a lane.
type work struct {
	rows []claimed
	room *room // that it comes out of; nil: none
}

// run pulls, claims and delivers until ctx ends; then it gives back what was not
// begun and waits for what was.
func (w *worker) run(ctx context.Context) {
	// Lanes are held as long as something is in work.
	holding, free := context.WithCancel(context.WithoutCancel(ctx))
	var held, rooms, lanes sync.WaitGroup
	held.Go(func() { w.lanes.run(holding) })
	batches := make(chan work)
	for _, r := range w.rooms {
		if r.lanes != nil {
			held.Go(func() { r.lanes.run(holding) })
		}
		rooms.Go(func() { w.attend(ctx, r, batches) })
	}
	for range w.cap.Lanes {
		lanes.Go(func() {
			for b := range batches {
				w.deliver(ctx, b)
			}
		})
	}
	w.intake(ctx, batches)
	rooms.Wait()
	close(batches)
	lanes.Wait()
	free()
	held.Wait()
}

// pause waits, or less when ctx ends.
func pause(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// intake brings entry after entry to the lanes until ctx ends. The next one is
// claimed while the last batches of the one before still wait for a lane: lanes
// stood idle for a tenth of the time when they had to wait for the claim.
func (w *worker) intake(ctx context.Context, batches chan<- work) {
	var handing sync.WaitGroup
	defer handing.Wait()
	for ctx.Err() == nil {
		todo, err := w.next(ctx)
		if err != nil {
			if ctx.Err() == nil {
				w.log.Error("the queue or the ledger is away; trying again", "error", err)
				pause(ctx, time.Second)
			}
			continue
		}
		handing.Wait()
		soon := make(chan struct{})
		handing.Go(func() { w.hand(ctx, batches, todo, sync.OnceFunc(func() { close(soon) })) })
		<-soon
	}
}

// claimPart is how many rows are claimed in one step of the group commit: the
// markers that wait for the same commit wait for all of it.
const claimPart = 25

// next takes one entry from the queue, and gives what of it has to be delivered.
func (w *worker) next(ctx context.Context) (batches [][]claimed, err error) {
	if err := w.gate.ready(ctx); err != nil {
		return nil, err
	}
	if err := w.lanes.some(ctx); err != nil {
		return nil, err
	}
	entry, err := w.queue.Pull(ctx, w.name)
	if err != nil {
		return nil, err
	}
	rows, err := w.claim(entry.Deliveries)
	if err != nil {
		w.commit.post(func(ctx context.Context, tx grouped) error {
			return w.ledger.release(ctx, tx, w.session, entry.Deliveries, time.Now())
		})
		return nil, fmt.Errorf("claiming: %w", err)
	}
	if err := w.queue.Ack(ctx, w.name, entry); err != nil {
		w.log.Warn("acknowledging a queue entry", "error", err) // it will be refused when it comes again
	}
	select {
	case w.wake <- struct{}{}:
	default:
	}
	return w.sort(ctx, w.admit(ctx, rows)), nil
}

// claim leases an entry's rows. Of a channel that takes one at a time they are
// claimed in parts; others' rows belong together.
func (w *worker) claim(deliveries []int64) (rows []claimed, err error) {
	part := claimPart
	if w.cap.Batch > 1 {
		part = len(deliveries)
	}
	for ids := range slices.Chunk(deliveries, max(1, part)) {
		var leased []claimed
		err := w.commit.do(func(ctx context.Context, tx grouped) (err error) {
			leased, err = w.ledger.claim(ctx, tx, w.session, ids, time.Now())
			return err
		})
		if err != nil {
			return nil, err
		}
		rows = append(rows, leased...)
	}
	return rows, nil
}

// sort settles the rows that must not be sent and groups the others into
// batches of one run and variant.
func (w *worker) sort(ctx context.Context, rows []claimed) (batches [][]claimed) {
	// In one order, whatever the database gives: the key of a batch is of its order.
	slices.SortFunc(rows, func(a, b claimed) int {
		return cmp.Or(cmp.Compare(a.run, b.run), cmp.Compare(a.variant, b.variant), cmp.Compare(a.id, b.id))
	})
	var alike []claimed
	for _, r := range rows {
		if r.blocked != "" {
			w.skip(r, r.blocked)
			continue
		}
		if len(alike) > 0 && (alike[0].run != r.run || alike[0].variant != r.variant) {
			batches = append(batches, w.split(ctx, alike)...)
			alike = nil
		}
		alike = append(alike, r)
	}
	return append(batches, w.split(ctx, alike)...)
}

// split divides rows of one run and variant into hand-overs.
func (w *worker) split(ctx context.Context, alike []claimed) [][]claimed {
	most, least := w.cap.Batch, w.cap.Least
	if most > 1 && len(alike) > 1 {
		v, err := w.variants.get(ctx, w.ledger, alike[0].run, w.name, alike[0].variant)
		if err != nil {
			w.unreadable(alike, err)
			return nil
		}
		if v.Single {
			most, least = 1, 0
		}
	}
	return divide(alike, most, least)
}

// unreadable gives rows back whose frozen content cannot be had at present.
func (w *worker) unreadable(rows []claimed, err error) {
	w.log.Error("the frozen content is not readable; trying again", "run", rows[0].run, "error", err)
	w.giveBack(rows, time.Now().Add(time.Minute), "content-unreadable")
}

// hand gives batches to lanes as these become free, each when the channel's rate
// comes to it, and gives back what no lane has taken within holdClaim, when they are all
// of one: others' rows would come again in other batches. soon is
// called when so few are left that the next entry is wanted.
func (w *worker) hand(ctx context.Context, batches chan<- work, todo [][]claimed, soon func()) {
	defer soon()
	limited, cancel := context.WithCancel(ctx)
	if !slices.ContainsFunc(todo, func(b []claimed) bool { return len(b) > 1 }) {
		limited, cancel = context.WithTimeout(ctx, holdClaim)
	}
	defer cancel()
	for i, b := range todo {
		if w.cap.Batch == 1 && i > 0 && len(todo)-i == w.cap.Lanes {
			soon()
		}
		at, reason := w.slot(ctx, len(b))
		if reason == "" && limited.Err() == nil && w.lanes.enter(limited) == nil {
			batches <- work{rows: b}
			continue
		}
		for _, rest := range todo[i:] {
			w.giveBack(rest, at, reason)
		}
		return
	}
}

// slot waits for n slots of the channel's rate. With a reason, one row has to come
// again at a time: the rate is so slow that it is not to be kept until then.
func (w *worker) slot(ctx context.Context, n int) (at time.Time, reason string) {
	if w.slots == nil {
		return time.Now(), ""
	}
	patience := holdClaim
	if n > 1 {
		patience = -1
	}
	at, ok, err := w.slots.take(ctx, n, patience)
	if err == nil && !ok {
		return at, ReasonRate
	}
	return time.Now(), ""
}

// giveBack makes leased rows due again, at a time and for a reason.
func (w *worker) giveBack(rows []claimed, at time.Time, reason string) {
	if len(rows) == 0 {
		return
	}
	deliveries := make([]int64, len(rows))
	for i, r := range rows {
		deliveries[i] = r.id
	}
	for part := range slices.Chunk(deliveries, maxList) {
		w.commit.post(func(ctx context.Context, tx grouped) error {
			return w.ledger.giveBack(ctx, tx, w.session, part, at, reason, time.Now())
		})
	}
}

// skip settles a leased row that must not be sent.
func (w *worker) skip(r claimed, reason string) {
	now := time.Now()
	c, ok := Next(r.progress, Event{Happening: Blocked, Reason: reason}, w.policy, now)
	if !ok {
		return
	}
	w.commit.post(func(ctx context.Context, tx grouped) error {
		_, err := w.ledger.settle(ctx, tx, w.session, r.id, StateLeased, c, Outcome{}, now)
		return err
	})
}

// admit lets through what no domain's limit concerns. Other rows wait in a room,
// or are given back until their time comes.
func (w *worker) admit(ctx context.Context, rows []claimed) (free []claimed) {
	limited := map[*room][]claimed{}
	for _, r := range rows {
		room := w.rooms[w.throttle.of(r.address)]
		switch until, reason := w.throttle.closed(r.address, time.Now()); {
		case r.blocked != "":
			free = append(free, r)
		case reason != "":
			w.giveBack([]claimed{r}, until, reason)
		case room != nil:
			limited[room] = append(limited[room], r)
		default:
			free = append(free, r)
		}
	}
	for room, rows := range limited {
		w.putOff(ctx, room, room.put(rows))
	}
	return free
}

// enter asks whether a batch may go now that it has a lane. What may not is given
// back.
func (w *worker) enter(ctx context.Context, b []claimed) (p pass, entered []claimed) {
	var ok bool
	if ctx.Err() == nil && w.runs.sending(ctx, w.ledger, b[0].run, time.Now()) {
		p, ok = w.gate.enter(time.Now())
	}
	if !ok {
		w.giveBack(b, time.Now(), "")
		return p, nil
	}
	for _, r := range b {
		if until, reason := w.throttle.closed(r.address, time.Now()); reason != "" {
			w.giveBack([]claimed{r}, until, reason)
			continue
		}
		entered = append(entered, r)
	}
	if len(entered) == 0 {
		w.gate.report(p, Outcome{Status: Returned}, time.Now())
	}
	return p, entered
}

// deliver brings one batch through: limits, hand-over, settling.
func (w *worker) deliver(ctx context.Context, job work) {
	defer w.lanes.leave()
	if job.room != nil {
		defer job.room.leave()
	}
	p, b := w.enter(ctx, job.rows)
	if len(b) == 0 {
		return
	}
	v, err := w.variants.get(ctx, w.ledger, b[0].run, w.name, b[0].variant)
	if err != nil {
		w.unreadable(b, err)
		w.gate.report(p, Outcome{Status: Returned}, time.Now())
		return
	}
	for i := range b {
		b[i].single = v.Single
	}
	h := handing{worker: w, rows: b}
	outcomes := h.over(ctx, v)
	if w.observer != nil {
		for i, o := range outcomes {
			w.observer.Answered(w.name, w.throttle.of(b[i].address), o)
		}
	}
	sent := func(o Outcome) bool { return o.Status == Sent }
	switch {
	case !h.unsure.IsZero() && !slices.ContainsFunc(outcomes, sent):
		for _, r := range b {
			w.settleStopped(r, h.unsure) // whatever the channel makes of it: nothing was handed over
		}
	case h.key == "":
		w.settle(ctx, b[0], h.granted != nil && h.granted[0], outcomes[0])
	default:
		w.settleAll(ctx, b, h, outcomes)
	}
	w.pace.did(len(outcomes), time.Now())
	if job.room != nil {
		job.room.pace.did(len(outcomes), time.Now())
	}
	w.report(p, outcomes)
}

// handing is one batch on its way through the channel.
type handing struct {
	worker  *worker
	rows    []claimed
	key     string // of the batch; "" for channels without
	granted []bool // nil before the marker
	// unsure is the time of a marker of which nobody knows whether it was
	// committed; zero: there is none.
	unsure time.Time
	again  []bool // of a hand-over that is repeated: what was granted the first time
}

// over calls the channel. A panic in it ends this batch, not the process.
func (h *handing) over(ctx context.Context, v Variant) (outcomes []Outcome) {
	b := Batch{Run: h.rows[0].run, Variant: v}
	if c := h.worker.cap; !v.Single && (c.Batch > 1 || c.Repeat > 0) {
		if h.key == "" {
			h.key = batchKey(h.rows)
		}
		b.Key = h.key
	}
	for _, r := range h.rows {
		b.Deliveries = append(b.Deliveries, Handover{
			Delivery: r.id, Subscriber: r.subscriber, LinkEpoch: r.epoch, Address: r.address,
			MessageID: messageID(v.MessageID, r.token), Attempt: r.progress.Attempts + 1,
		})
	}
	defer func() {
		if p := recover(); p != nil {
			h.worker.log.Error("a channel panicked; its batch is set aside", "run", b.Run, "delivery", h.rows[0].id, "panic", fmt.Sprint(p))
			outcomes = h.panicked()
		}
	}()
	outcomes = h.worker.channel.Deliver(ctx, b, func(ctx context.Context) ([]bool, error) { return h.mark(ctx, b.Key) })
	if len(outcomes) != len(h.rows) {
		panic(fmt.Sprintf("%d outcomes for %d deliveries", len(outcomes), len(h.rows)))
	}
	return outcomes
}

// panicked answers for a batch whose channel did not.
func (h *handing) panicked() []Outcome {
	out := make([]Outcome, len(h.rows))
	for i := range out {
		out[i] = Outcome{Status: Refused, Failure: Failure{Scope: ScopeContent, Permanent: true, Reason: ReasonPanic}}
		if h.granted != nil && h.granted[i] {
			out[i] = Outcome{Status: Abandoned, Failure: Failure{Scope: ScopeContent, Reason: ReasonPanic}}
		}
	}
	return out
}

// mark is the channel's MarkFunc. It always learns whether the marker was
// committed, also when ctx ends meanwhile: a row that is marked and not handed
// over would be unconfirmed for nothing.
func (h *handing) mark(ctx context.Context, key string) ([]bool, error) {
	if h.granted != nil {
		return nil, errors.New("a batch is marked once")
	}
	if h.again != nil {
		h.granted = h.again
		return h.granted, nil // the marker is in the ledger
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	w := h.worker
	granted := make([]bool, len(h.rows))
	now := time.Now()
	err := w.commit.do(func(ctx context.Context, tx grouped) error {
		var batch int64
		if key != "" {
			var until time.Time
			if w.cap.Repeat > 0 {
				until = now.Add(w.cap.Repeat)
			}
			id, err := w.ledger.insertBatch(ctx, tx, h.rows[0].run, w.name, key, len(h.rows), until, now)
			if err != nil {
				return err
			}
			batch = id
		}
		for i, r := range h.rows {
			ok, err := w.ledger.commitMark(ctx, tx, w.session, r.id, batch, now)
			if err != nil {
				return err
			}
			granted[i] = ok
		}
		return nil
	})
	if err != nil {
		h.unsure = now
		return nil, fmt.Errorf("committing the marker: %w", err)
	}
	h.granted = granted
	return granted, nil
}
