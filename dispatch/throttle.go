package dispatch

import (
	"sync"
	"time"
)

// throttle knows the domain groups of a channel and which of them want to be left
// alone.
type throttle struct {
	group func(domain string) string

	mu        sync.Mutex
	suspended map[string]suspension
}

type suspension struct {
	until  time.Time
	reason string
}

func newThrottle(group func(domain string) string) *throttle {
	if group == nil {
		group = func(domain string) string { return domain }
	}
	return &throttle{group: group, suspended: map[string]suspension{}}
}

// of is the domain group of an address.
func (t *throttle) of(address string) string { return t.group(domainOf(address)) }

// closed tells until when and why nothing may go to an address; the reason is
// empty when it may.
func (t *throttle) closed(address string, now time.Time) (until time.Time, reason string) {
	g := t.of(address)
	t.mu.Lock()
	defer t.mu.Unlock()
	s, ok := t.suspended[g]
	if !ok {
		return time.Time{}, ""
	}
	if now.Before(s.until) {
		return s.until, s.reason
	}
	delete(t.suspended, g)
	return time.Time{}, ""
}

// suspend leaves an address's provider alone until a time.
func (t *throttle) suspend(address string, until time.Time, reason string) {
	g := t.of(address)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.suspended[g].until.Before(until) {
		t.suspended[g] = suspension{until, reason}
	}
}
