package dispatch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"
)

// Route is a channel with its retry policy.
type Route struct {
	Channel Channel
	Policy  Policy
}

// Options are what a [Dispatcher] needs; Ledger, Queue, Routes, People
// and Process are required.
type Options struct {
	Ledger  *Ledger
	Queue   Queue
	Routes  []Route
	People  Suppressor
	Process Process
	Logger  *slog.Logger // nil: silent
	// Forgotten is how long a row may be queued without being claimed before the
	// queue is taken to have forgotten it. 0: a minute.
	Forgotten time.Duration
	// Limits are kept together with the other processes; nil: by this one alone.
	Limits Limits
	// Observer is told what became of each hand-over; nil: nobody.
	Observer Observer
}

// Observer is told what a dispatcher does, for metrics. It is called from many
// goroutines and must not wait for anything.
type Observer interface {
	// Answered tells what became of one hand-over on a channel to a domain group.
	Answered(channel, group string, o Outcome)
}

// Dispatcher sends what the ledger holds. Any number of them may work on one
// ledger and queue.
type Dispatcher struct {
	o Options
}

// New returns a dispatcher, or what is wrong with its options.
func New(o Options) (*Dispatcher, error) {
	if o.Ledger == nil || o.Queue == nil || o.People == nil || len(o.Routes) == 0 {
		return nil, errors.New("dispatcher: Ledger, Queue, People and at least one route are needed")
	}
	for _, r := range o.Routes {
		if err := r.Policy.Validate(); err != nil {
			return nil, fmt.Errorf("channel %s: %w", r.Channel.Name(), err)
		}
		if c := r.Channel.Capacity(); c.Lanes < 1 || c.Batch < 1 {
			return nil, fmt.Errorf("channel %s: a capacity of %d lanes of %d cannot deliver anything", r.Channel.Name(), c.Lanes, c.Batch)
		}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Limits == nil {
		o.Limits = NewMemoryLimits()
	}
	if o.Forgotten == 0 {
		o.Forgotten = queuedTooLong
	}
	return &Dispatcher{o: o}, nil
}

// housekeepEvery is how often dead sessions, lost queue entries and finished
// runs are looked for.
const housekeepEvery = time.Second

// abandonedPlan is how long a plan may stand still before it is taken up.
const abandonedPlan = 10 * time.Second

// Run sends until ctx ends, then lets what was handed over be answered, gives
// back the rest and returns nil. It returns an error only when it cannot begin.
func (d *Dispatcher) Run(ctx context.Context) error {
	err := d.live(ctx)
	if err == nil || !errors.Is(err, ErrSessionLost) {
		return err
	}
	for ctx.Err() == nil && err != nil {
		d.o.Logger.Error("beginning again", "error", err)
		pause(ctx, time.Second) // the database may be away, too
		err = d.live(ctx)
	}
	return err
}

// live is the life of one session.
func (d *Dispatcher) live(ctx context.Context) error {
	stopped := map[string]string{}
	for _, r := range d.o.Routes {
		var err error
		if stopped[r.Channel.Name()], err = d.o.Ledger.stillStopped(ctx, r.Channel.Name()); err != nil {
			return err
		}
	}
	// A session that is opened has to be closed, however soon ctx ends.
	whole := context.WithoutCancel(ctx)
	session, err := d.o.Ledger.OpenSession(whole, d.o.Process, time.Now())
	if err != nil {
		return err
	}
	// Bookkeeping goes on after ctx has ended, until the last answer is settled.
	books, closeBooks := context.WithCancel(whole)
	defer closeBooks()
	intake, stop := context.WithCancelCause(ctx)
	defer stop(nil)

	commit := newCommitter(d.o.Ledger.mark, d.o.Logger)
	f := &feeder{
		ledger: d.o.Ledger, commit: commit, queue: d.o.Queue, wake: make(chan struct{}, 1), session: session.ID, forgotten: d.o.Forgotten,
	}
	v := newValve()
	for _, r := range d.o.Routes {
		w := d.worker(r, session, commit, v, f.wake)
		w.alarmed = stopped[w.name]
		w.gate.restore(w.alarmed)
		f.workers = append(f.workers, w)
	}

	var written, beating, working sync.WaitGroup
	// It ends when its input does. A context that may end would cost each of its
	// statements a goroutine.
	written.Go(func() { commit.run(whole) })
	beating.Go(func() { d.beat(books, session, commit, stop) })
	working.Go(func() { d.feed(intake, f) })
	working.Go(func() { d.housekeep(intake, f, commit) })
	for _, w := range f.workers {
		working.Go(func() { w.run(intake) })
		if w.cap.Repeat > 0 {
			working.Go(func() { w.repeat(intake) })
		}
	}
	working.Wait()
	close(commit.in)
	written.Wait()
	closeBooks()
	beating.Wait()
	if cause := context.Cause(intake); errors.Is(cause, ErrSessionLost) {
		return cause
	}
	return d.o.Ledger.CloseSession(whole, session, time.Now())
}

func (d *Dispatcher) worker(r Route, s Session, commit *committer, v *valve, wake chan<- struct{}) *worker {
	c, name, holder := r.Channel.Capacity(), r.Channel.Name(), strconv.FormatInt(s.ID, 10)
	w := &worker{
		name: name, channel: r.Channel, policy: r.Policy, cap: c,
		ledger: d.o.Ledger, commit: commit, queue: d.o.Queue, people: d.o.People, valve: v, observer: d.o.Observer,
		log: d.o.Logger.With("channel", name), session: s.ID, wake: wake,
		gate: newGate(r.Policy.longest(), c.Lanes), throttle: newThrottle(c.Group), pace: newPace(c),
		slots: newSlots(d.o.Limits, name, "rate", c.Rate), rooms: map[string]*room{},
	}
	w.lanes = newLanes(d.o.Limits, name, "lanes", holder, c.Lanes, w.log)
	w.lanes.always = true
	if ch, ok := r.Channel.(Resizable); ok {
		w.lanes.resized = ch.Resize
	}
	for group, limit := range c.Domains {
		if limit.Rate > 0 || limit.Lanes > 0 {
			w.rooms[group] = newRoom(d.o.Limits, name, group, holder, limit, w.log.With("domain", group))
		}
	}
	return w
}

// beat keeps the session alive, and makes durable what was committed on the mark
// handle: each beat is a commit on the durable one.
func (d *Dispatcher) beat(ctx context.Context, s Session, commit *committer, stop context.CancelCauseFunc) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	last := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			if !commit.dirty.Swap(false) && now.Sub(last) < heartbeatEvery {
				continue
			}
			last = now
			err := d.o.Ledger.Beat(ctx, s, now)
			if errors.Is(err, ErrSessionLost) {
				stop(err)
				return
			}
			if err != nil && ctx.Err() == nil {
				d.o.Logger.Error("session heartbeat", "error", err)
			}
		}
	}
}

// feed fills the queue whenever there is room or something may be due.
func (d *Dispatcher) feed(ctx context.Context, f *feeder) {
	tick := time.NewTicker(feedEvery)
	defer tick.Stop()
	for {
		if err := f.feed(ctx, time.Now()); err != nil && ctx.Err() == nil {
			d.o.Logger.Error("feeding the queue; trying again", "error", err)
			pause(ctx, time.Second)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-f.wake:
		}
	}
}

// housekeep repairs what others left behind and closes what is done.
func (d *Dispatcher) housekeep(ctx context.Context, f *feeder, commit *committer) {
	tick := time.NewTicker(housekeepEvery)
	defer tick.Stop()
	for {
		if err := d.keepHouse(ctx, f, commit, time.Now()); err != nil && ctx.Err() == nil {
			d.o.Logger.Error("housekeeping; trying again", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (d *Dispatcher) keepHouse(ctx context.Context, f *feeder, commit *committer, now time.Time) error {
	l := d.o.Ledger
	leased, marked, err := l.Reap(ctx, d.o.Process, now)
	if err != nil {
		return err
	}
	if leased+marked > 0 {
		d.o.Logger.Warn("took over from a process that ended", "due_again", leased, "unconfirmed", marked)
	}
	if err := f.repair(ctx, now); err != nil {
		return err
	}
	err = commit.do(func(ctx context.Context, tx grouped) error {
		_, err := l.skipCancelled(ctx, tx, now)
		return errors.Join(err, l.skipAwaiting(ctx, tx, now))
	})
	if err != nil {
		return err
	}
	if _, err := l.FinishPlans(ctx, now.Add(-abandonedPlan), now); err != nil {
		return err
	}
	for _, w := range f.workers {
		if err := w.tell(ctx, now); err != nil {
			return err
		}
	}
	finished, err := l.finishRuns(ctx, now)
	for _, run := range finished {
		d.o.Logger.Info("run finished", "run", run)
	}
	return err
}
