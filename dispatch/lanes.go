package dispatch

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// lanes are the connections of a channel, or to a domain group over it, as far as
// they are this process's: its share of what all processes have together, and no
// more than the relay was found to take.
type lanes struct {
	limits                Limits
	channel, name, holder string
	most                  int
	always                bool            // wanted also while nothing is to be done
	resized               func(lanes int) // nil: nobody has to know
	log                   *slog.Logger

	mu      sync.Mutex
	granted int
	learned int // that the relay takes
	grow    time.Time
	busy    int
	waiting int
	changed chan struct{} // closed and renewed when one may have become free
	ask     chan struct{} // renew now
}

const (
	renewEvery = time.Second
	// laneLease is how long a process may be silent before its lanes are given to
	// others. It is longer than any trouble with Redis before the process takes it
	// for away.
	laneLease = 10 * time.Second
	// growEvery is how often one lane more is tried after the relay had refused one.
	growEvery = time.Minute
)

func newLanes(l Limits, channel, name, holder string, most int, log *slog.Logger) *lanes {
	return &lanes{
		limits: l, channel: channel, name: name, holder: holder, most: most, learned: most, log: log,
		changed: make(chan struct{}), ask: make(chan struct{}, 1),
	}
}

// allowed is how many may be in use. The caller holds the lock.
func (l *lanes) allowed() int { return min(l.granted, l.learned) }

// none reports whether there is not a single lane at present.
func (l *lanes) none() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.allowed() == 0
}

// whole is how many times this process's share all lanes are.
func (l *lanes) whole() float64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return float64(l.most) / float64(max(1, l.allowed()))
}

// some waits until there are lanes, be they in use or not.
func (l *lanes) some(ctx context.Context) error {
	return l.await(ctx, func() bool { return l.allowed() > 0 })
}

// enter waits for a lane; leave gives it back.
func (l *lanes) enter(ctx context.Context) error {
	return l.await(ctx, func() bool {
		if l.busy >= l.allowed() {
			return false
		}
		l.busy++
		return true
	})
}

func (l *lanes) await(ctx context.Context, done func() bool) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting++
	defer func() { l.waiting-- }()
	for !done() {
		if l.granted == 0 {
			select {
			case l.ask <- struct{}{}:
			default:
			}
		}
		changed := l.changed
		l.mu.Unlock()
		select {
		case <-ctx.Done():
		case <-changed:
		}
		l.mu.Lock()
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	return nil
}

func (l *lanes) leave() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.busy--
	l.signal()
}

// signal tells those who wait. The caller holds the lock.
func (l *lanes) signal() {
	close(l.changed)
	l.changed = make(chan struct{})
}

// crowded says that the relay refused a connection of a batch that is still in
// work. It reports whether that means one lane less: when no other is in work, the
// relay takes none at all.
func (l *lanes) crowded(now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.busy <= 1 {
		l.learned = l.most
		return false
	}
	l.learned = max(1, l.allowed()-1)
	l.grow = now.Add(growEvery)
	l.log.Info("the relay takes no more connections; one less is used", "lanes", l.learned, "of", l.most)
	return true
}

// renew asks for the share until the next time. When the limits are away it keeps
// what it has: they are asked again before the lease ends.
func (l *lanes) renew(ctx context.Context, now time.Time) {
	l.mu.Lock()
	if l.learned < l.most && l.busy >= l.allowed() && !now.Before(l.grow) {
		l.learned++
		l.grow = now.Add(growEvery)
	}
	d := Demand{Holder: l.holder, Total: l.most, Want: l.learned, Held: max(l.busy, l.allowed()), Lease: laneLease}
	if !l.always && l.busy+l.waiting == 0 {
		d.Want = 0
	}
	before := l.allowed()
	l.mu.Unlock()
	granted, err := l.limits.Share(ctx, l.channel, l.name, d)
	if err != nil {
		if ctx.Err() == nil {
			l.log.Warn("asking for the share of connections; trying again", "error", err)
		}
		return
	}
	l.mu.Lock()
	l.granted = granted
	after := l.allowed()
	l.signal()
	l.mu.Unlock()
	if after != before && l.resized != nil {
		l.resized(after)
	}
}

// run keeps the share until ctx ends; by then nothing is in work any more.
func (l *lanes) run(ctx context.Context) {
	tick := time.NewTicker(renewEvery)
	defer tick.Stop()
	for ctx.Err() == nil {
		l.renew(ctx, time.Now())
		select {
		case <-ctx.Done():
		case <-tick.C:
		case <-l.ask:
			pause(ctx, askShare)
		}
	}
	gone := Demand{Holder: l.holder, Total: l.most, Lease: laneLease}
	if _, err := l.limits.Share(context.WithoutCancel(ctx), l.channel, l.name, gone); err != nil {
		l.log.Debug("giving up the share of connections", "error", err) // the lease does it
	}
}

// askShare bounds how often the share is asked for when somebody waits for it.
const askShare = 20 * time.Millisecond
