package dispatch

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"time"
)

// FallbackLimitsOptions are what [FallbackLimits] need; all but After and Logger
// are required.
type FallbackLimitsOptions struct {
	// Shared are the limits that processes have in common.
	Shared Limits
	// Ledger tells how many processes there are, seen from Process.
	Ledger  *Ledger
	Process Process
	// After is how long the shared limits may fail before this process goes on by
	// itself. 0: 2 s.
	After  time.Duration
	Logger *slog.Logger // nil: silent
}

// FallbackLimits are shared limits that may go away. Meanwhile each process has
// the part of every limit that falls to it when it is divided by the sessions
// that live, whether they have anything to send or not; so all together stay
// within it. Where only some processes lose sight of the shared limits, the others
// do not know: then up to twice as much goes out, until they have found each other
// again.
type FallbackLimits struct {
	o     FallbackLimitsOptions
	local *MemoryLimits

	mu       sync.Mutex
	failing  time.Time // since when the shared ones fail; zero: they work
	away     bool
	askAgain time.Time // while away: when to try them next
	counted  time.Time // when the sessions were
	sessions []int64
}

// NewFallbackLimits returns limits that believe in their shared ones.
func NewFallbackLimits(o FallbackLimitsOptions) (*FallbackLimits, error) {
	if o.Shared == nil || o.Ledger == nil {
		return nil, errors.New("fallback limits: Shared and Ledger are needed")
	}
	if o.After == 0 {
		o.After = fallbackAfter
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &FallbackLimits{o: o, local: NewMemoryLimits()}, nil
}

// Reserve implements [Limits]. Until it is clear that the shared limits are away
// it waits: they may have given the slots to somebody else.
func (f *FallbackLimits) Reserve(ctx context.Context, channel, name string, perSecond float64, n int) (time.Duration, error) {
	return f.slot(ctx, func(l Limits, among int) (time.Duration, error) {
		return l.Reserve(ctx, channel, name, perSecond/float64(among), n)
	})
}

// Defer implements [Limits].
func (f *FallbackLimits) Defer(ctx context.Context, channel, name string, perSecond float64, n int) (time.Duration, error) {
	return f.slot(ctx, func(l Limits, among int) (time.Duration, error) {
		return l.Defer(ctx, channel, name, perSecond/float64(among), n)
	})
}

// slot asks the shared limits, or this process's own for its part.
func (f *FallbackLimits) slot(ctx context.Context, ask func(l Limits, among int) (time.Duration, error)) (time.Duration, error) {
	for ctx.Err() == nil {
		began := time.Now()
		if !f.mayAsk(began) {
			return ask(f.local, len(f.live(ctx, began)))
		}
		wait, err := ask(f.o.Shared, 1)
		if err == nil {
			f.back()
			return wait, nil
		}
		if !f.failed(ctx, began, err) {
			pause(ctx, askShare)
		}
	}
	return 0, context.Cause(ctx)
}

// Share implements [Limits]. An error means that a holder keeps what it has.
func (f *FallbackLimits) Share(ctx context.Context, channel, name string, d Demand) (int, error) {
	began := time.Now()
	if f.mayAsk(began) {
		granted, err := f.o.Shared.Share(ctx, channel, name, d)
		if err == nil {
			f.back()
			return granted, nil
		}
		if !f.failed(ctx, began, err) {
			return 0, err
		}
	}
	live := f.live(ctx, began)
	wants := map[string]int{}
	for _, s := range live {
		wants[strconv.FormatInt(s, 10)] = d.Total
	}
	return min(d.Want, part(d.Holder, d.Total, wants, began)), nil
}

// mayAsk reports whether to ask the shared limits: always while they are not away,
// then one caller at a time.
func (f *FallbackLimits) mayAsk(now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.away && now.Before(f.askAgain) {
		return false
	}
	f.askAgain = now.Add(askShared)
	return true
}

func (f *FallbackLimits) back() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.failing = time.Time{}
	if f.away {
		f.away = false
		f.o.Logger.Info("the shared limits answer again")
	}
}

// failed notes a failure that began at a time, and reports whether the shared
// limits are away now.
func (f *FallbackLimits) failed(ctx context.Context, began time.Time, err error) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.away || ctx.Err() != nil {
		return f.away
	}
	if f.failing.IsZero() {
		f.failing = began
	}
	if time.Since(f.failing) < f.o.After {
		return false
	}
	f.away, f.askAgain = true, time.Now().Add(askShared)
	f.o.Logger.Warn("the shared limits are away; going on with this process's part of them", "error", err)
	return true
}

// live lists the sessions that share the limits, counted anew every second. While
// the ledger is away, too, nothing is sent.
func (f *FallbackLimits) live(ctx context.Context, now time.Time) []int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	if now.Sub(f.counted) < askShared && len(f.sessions) > 0 {
		return f.sessions
	}
	sessions, err := f.o.Ledger.Sessions(ctx, f.o.Process, now)
	if err == nil && len(sessions) > 0 {
		f.sessions = f.sessions[:0:0]
		for _, s := range sessions {
			f.sessions = append(f.sessions, s.ID)
		}
		slices.Sort(f.sessions)
		f.counted = now
	}
	if len(f.sessions) == 0 {
		return []int64{0}
	}
	return f.sessions
}

var _ Limits = (*FallbackLimits)(nil)
