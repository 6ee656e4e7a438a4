package dispatch

import (
	"context"
	"math"
	"time"
)

// slots takes slots of one rate for the lanes of a process, one lane after the
// other.
type slots struct {
	limits        Limits
	channel, name string
	perSecond     float64

	turn chan struct{} // whose it is
	at   time.Time     // the first of those that are taken and not used
	left int
}

// asksPerSecond bounds how often a process asks for slots: it takes as many at a
// time as that needs, which come at once when it was late.
const asksPerSecond = 50

// newSlots returns nil for no limit: then nothing is ever asked.
func newSlots(l Limits, channel, name string, perSecond float64) *slots {
	if perSecond <= 0 {
		return nil
	}
	return &slots{limits: l, channel: channel, name: name, perSecond: perSecond, turn: make(chan struct{}, 1)}
}

// take waits for n slots, unless the last is more than patience away: then it
// tells when that is, and the slots are there for whoever asks next. A patience
// below zero has no end.
func (s *slots) take(ctx context.Context, n int, patience time.Duration) (at time.Time, ok bool, err error) {
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return at, false, context.Cause(ctx)
	}
	defer func() { <-s.turn }()
	interval := SlotInterval(s.perSecond)
	s.drop(time.Now(), interval)
	for s.left < n {
		more := max(n-s.left, int(math.Ceil(s.perSecond/asksPerSecond)))
		wait, err := s.limits.Reserve(ctx, s.channel, s.name, s.perSecond, more)
		if err != nil {
			return at, false, err
		}
		if s.left == 0 {
			s.at = time.Now().Add(wait)
		}
		s.left += more
	}
	at = s.at.Add(time.Duration(n-1) * interval)
	wait := time.Until(at)
	if patience >= 0 && wait > patience {
		return at, false, nil
	}
	s.at, s.left = at.Add(interval), s.left-n
	pause(ctx, wait)
	return at, ctx.Err() == nil, context.Cause(ctx)
}

// drop gives up slots whose time was long ago: they would be used at once.
func (s *slots) drop(now time.Time, interval time.Duration) {
	late := max(CatchUp, min(interval/2, time.Second))
	if behind := now.Sub(s.at) - late; behind > 0 && s.left > 0 {
		interval = max(interval, 1)
		n := int(min((behind+interval-1)/interval, time.Duration(s.left)))
		s.at, s.left = s.at.Add(time.Duration(n)*interval), s.left-n
	}
}
