package dispatch

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"
)

// FallbackOptions are what a [Fallback] needs. Shared is required.
type FallbackOptions struct {
	// Shared is the queue that processes have in common. Its Epoch must fail when
	// it cannot take a push, and its entries have ids.
	Shared Queue
	// After is how long the shared queue may fail before this process goes on by
	// itself. 0: 2 s.
	After  time.Duration
	Logger *slog.Logger // nil: silent
}

// Fallback is a shared queue that may go away. While it is away, the process
// hands its deliveries over in a queue of its own, with an epoch of its own:
// what it had in the shared one is then due again, and the other way round when
// that one answers again. A row that is in both is claimed once.
type Fallback struct {
	o     FallbackOptions
	local *Memory

	mu       sync.Mutex
	feeding  time.Time // since when epoch, push or count fails; zero: they work
	pulling  time.Time // since when pulls fail
	away     bool
	askAgain time.Time // while away: when to try the shared queue next
}

const (
	fallbackAfter = 2 * time.Second
	// askShared is how often a shared queue that is away is asked whether it is
	// back.
	askShared = time.Second
	// pullTurn bounds one look into either queue while there may be something in
	// the other.
	pullTurn = 500 * time.Millisecond
)

// NewFallback returns a fallback that believes in its shared queue.
func NewFallback(o FallbackOptions) (*Fallback, error) {
	if o.Shared == nil {
		return nil, errors.New("fallback queue: Shared is needed")
	}
	if o.After == 0 {
		o.After = fallbackAfter
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Fallback{o: o, local: NewMemory()}, nil
}

// Away reports whether the process goes on by itself at present.
func (f *Fallback) Away() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.away
}

// Epoch implements [Queue]. It is what notices that the shared queue is back.
func (f *Fallback) Epoch(ctx context.Context) (string, error) {
	began := time.Now()
	if !f.mayAsk(began) {
		return f.local.Epoch(ctx)
	}
	epoch, err := f.o.Shared.Epoch(ctx)
	switch {
	case err == nil:
		f.back()
		return epoch, nil
	case f.failed(ctx, &f.feeding, began, err):
		return f.local.Epoch(ctx)
	default:
		return "", err
	}
}

// mayAsk reports whether to ask the shared queue: always while it is not away,
// then one caller at a time.
func (f *Fallback) mayAsk(now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.away && now.Before(f.askAgain) {
		return false
	}
	f.askAgain = now.Add(askShared)
	return true
}

// back notes that the shared queue works.
func (f *Fallback) back() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.feeding = time.Time{}
	if f.away {
		f.away, f.pulling = false, time.Time{}
		f.o.Logger.Info("the shared queue answers again")
	}
}

// failed notes a failure of the shared queue that began at a time, and reports
// whether it is away now. side is what it failed at.
func (f *Fallback) failed(ctx context.Context, side *time.Time, began time.Time, err error) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.away || ctx.Err() != nil {
		return f.away
	}
	if side.IsZero() {
		*side = began
	}
	if time.Since(*side) < f.o.After {
		return false
	}
	f.away, f.askAgain = true, time.Now().Add(askShared)
	f.o.Logger.Warn("the shared queue is away; going on in this process", "error", err)
	return true
}

// Push implements [Queue]. What the shared queue does not take goes into this
// process's own at once: its rows are queued, and would wait for a minute.
func (f *Fallback) Push(ctx context.Context, channel string, deliveries []int64) error {
	if f.Away() {
		return f.local.Push(ctx, channel, deliveries)
	}
	began := time.Now()
	if err := f.o.Shared.Push(ctx, channel, deliveries); err != nil {
		f.failed(ctx, &f.feeding, began, err)
		return f.local.Push(ctx, channel, deliveries)
	}
	return nil
}

// errTurn says that nothing came in one look.
var errTurn = errors.New("nothing in this queue for now")

// Pull implements [Queue].
func (f *Fallback) Pull(ctx context.Context, channel string) (Entry, error) {
	for {
		e, err := f.turn(ctx, channel)
		switch {
		case err == nil:
			return e, nil
		case ctx.Err() != nil:
			return Entry{}, context.Cause(ctx)
		case !errors.Is(err, errTurn) && !f.Away():
			return Entry{}, err
		}
	}
}

// turn looks into this process's own queue when something is there or the shared
// one is away, else into the shared one.
func (f *Fallback) turn(ctx context.Context, channel string) (Entry, error) {
	turn, end := context.WithTimeoutCause(ctx, pullTurn, errTurn)
	defer end()
	if mine, err := f.local.Waiting(ctx, channel); err != nil || mine > 0 || f.Away() {
		return f.local.Pull(turn, channel)
	}
	began := time.Now()
	e, err := f.o.Shared.Pull(turn, channel)
	switch {
	case err == nil || errors.Is(err, errTurn):
		f.mu.Lock()
		f.pulling = time.Time{}
		f.mu.Unlock()
	default:
		f.failed(ctx, &f.pulling, began, err)
	}
	return e, err
}

// Ack implements [Queue]. While the shared queue is away its entries are left
// there: they come again and are refused.
func (f *Fallback) Ack(ctx context.Context, channel string, e Entry) error {
	if e.ID == "" || f.Away() {
		return nil
	}
	return f.o.Shared.Ack(ctx, channel, e)
}

// Waiting implements [Queue].
func (f *Fallback) Waiting(ctx context.Context, channel string) (int, error) {
	mine, err := f.local.Waiting(ctx, channel)
	if err != nil || f.Away() {
		return mine, err
	}
	began := time.Now()
	shared, err := f.o.Shared.Waiting(ctx, channel)
	if err != nil {
		f.failed(ctx, &f.feeding, began, err)
		return 0, err
	}
	return mine + shared, nil
}

var _ Queue = (*Fallback)(nil)
