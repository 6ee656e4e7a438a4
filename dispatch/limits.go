package dispatch

import (
	"context"
	"math"
	"sync"
	"time"
)

// Limits are kept by all processes of an instance together. There are two kinds,
// each named by a channel and a word of ours or the name of a domain group; no
// address ever comes here.
//
// A rate is a row of slots, one every 1/perSecond. Whoever takes one waits for it,
// so there is nothing saved up that could be spent at once. One that nobody
// remembers begins with its first slot an interval away: what ends and begins
// again, be it by kill -9, gains nothing by it, and nothing has to be written down
// for that. See dispatchtest.ExerciseLimits for what each implementation keeps to.
type Limits interface {
	// Reserve takes the next n slots of a rate. wait is how far the first is off;
	// the others follow at its interval.
	Reserve(ctx context.Context, channel, name string, perSecond float64, n int) (wait time.Duration, err error)

	// Defer takes n places in the line of those who found no slot near enough:
	// wait is when the first had better ask again, the others at the rate's
	// interval. The line is only good manners. Once nobody has taken a slot for
	// some seconds it begins anew.
	Defer(ctx context.Context, channel, name string, perSecond float64, n int) (wait time.Duration, err error)

	// Share says how many of the connections that a number of holders have in
	// common one of them may use until it asks again. All together never hold more
	// than there are: a newcomer gets its share once the others have given it up.
	Share(ctx context.Context, channel, name string, d Demand) (granted int, err error)
}

// Demand is what one holder tells about its connections.
type Demand struct {
	Holder string
	Total  int // that there are for all holders
	Want   int // that it has use for; 0 and none held: it is gone
	Held   int // that it has now, used or not
	// Lease is how long it may be silent before the others get what it held.
	Lease time.Duration
}

// What all implementations of [Limits] have in common.
const (
	// CatchUp is how much later than its slot something may begin without the
	// later slots being moved: a busy machine's delays do not lower the rate. A
	// second has at most as many more as fit into it.
	CatchUp = 20 * time.Millisecond
	// LineBegins is how far off the first place in a new line is.
	LineBegins = time.Second
	// LineOver is after how long without a slot taken there is no line any more.
	LineOver = 5 * time.Second
	// ShareTurn is how long some holders go without when there are more of them
	// than connections.
	ShareTurn = 10 * time.Second
)

// slowest is the interval of the lowest rate.
const slowest = 30 * 24 * time.Hour

// SlotInterval is the time between two slots of a rate.
func SlotInterval(perSecond float64) time.Duration {
	return time.Duration(math.Min(float64(time.Second)/perSecond, float64(slowest)))
}

// MemoryLimits are the limits of one process. Several dispatchers may have them
// in common.
type MemoryLimits struct {
	mu     sync.Mutex
	rates  map[[2]string]*bucket
	shares map[[2]string]map[string]holding
}

// bucket is what is remembered of a rate.
type bucket struct {
	next time.Time // the first slot that is free
	line time.Time // the first place in the line that is free
}

// NewMemoryLimits returns limits that have just begun.
func NewMemoryLimits() *MemoryLimits {
	return &MemoryLimits{rates: map[[2]string]*bucket{}, shares: map[[2]string]map[string]holding{}}
}

func (m *MemoryLimits) bucket(channel, name string, interval time.Duration, now time.Time) *bucket {
	k := [2]string{channel, name}
	b := m.rates[k]
	if b == nil {
		b = &bucket{next: now.Add(interval)}
		m.rates[k] = b
	}
	return b
}

// Reserve implements [Limits].
func (m *MemoryLimits) Reserve(_ context.Context, channel, name string, perSecond float64, n int) (time.Duration, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now, interval := time.Now(), SlotInterval(perSecond)
	b := m.bucket(channel, name, interval, now)
	first := later(b.next, now.Add(-CatchUp))
	b.next = first.Add(time.Duration(n) * interval)
	return max(0, first.Sub(now)), nil
}

// Defer implements [Limits].
func (m *MemoryLimits) Defer(_ context.Context, channel, name string, perSecond float64, n int) (time.Duration, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now, interval := time.Now(), SlotInterval(perSecond)
	b := m.bucket(channel, name, interval, now)
	first := later(b.line, now.Add(LineBegins))
	if now.Sub(b.next) > LineOver {
		first = now.Add(LineBegins)
	}
	b.line = first.Add(time.Duration(n) * interval)
	return first.Sub(now), nil
}

// Share implements [Limits].
func (m *MemoryLimits) Share(_ context.Context, channel, name string, d Demand) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	k, now := [2]string{channel, name}, time.Now()
	holders := m.shares[k]
	if holders == nil {
		holders = map[string]holding{}
		m.shares[k] = holders
	}
	others, wants := 0, map[string]int{}
	for holder, h := range holders {
		switch {
		case !now.Before(h.until):
			delete(holders, holder)
		case holder != d.Holder:
			others += h.held
			wants[holder] = h.want
		}
	}
	wants[d.Holder] = d.Want
	granted := max(0, min(part(d.Holder, d.Total, wants, now), d.Total-others))
	delete(holders, d.Holder)
	if d.Want > 0 || d.Held > 0 {
		holders[d.Holder] = holding{held: max(granted, d.Held), want: d.Want, until: now.Add(d.Lease)}
	}
	return granted, nil
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

var _ Limits = (*MemoryLimits)(nil)
