package dispatch

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// limits keeps a channel within what it and the recipients' providers take.
type limits struct {
	all    *rate.Limiter // nil: no limit
	group  func(domain string) string
	narrow map[string]DomainLimit

	mu        sync.Mutex
	domains   map[string]*domainPace
	suspended map[string]suspension
}

type domainPace struct {
	next     time.Time // the first slot that is free
	deferred time.Time // the last slot that was promised to a row given back
	busy     int
}

type suspension struct {
	until  time.Time
	reason string
}

// shortWait is how long a lane waits itself for a domain's next slot; for
// longer it gives the row back and takes another.
const shortWait = 50 * time.Millisecond

func newLimits(c Capacity) *limits {
	l := &limits{group: c.Group, narrow: c.Domains, domains: map[string]*domainPace{}, suspended: map[string]suspension{}}
	if l.group == nil {
		l.group = func(domain string) string { return domain }
	}
	if c.Rate > 0 {
		l.all = rate.NewLimiter(rate.Limit(c.Rate), 1)
	}
	return l
}

// wait waits for the channel's own rate.
func (l *limits) wait(ctx context.Context, n int) error {
	if l.all == nil {
		return ctx.Err()
	}
	for range n {
		if err := l.all.Wait(ctx); err != nil {
			return err
		}
	}
	return nil
}

// admit asks whether a delivery to an address may begin. at is when: now or
// before, then leave must follow; later: give the row back until then, because
// of reason. A time within shortWait is to be waited for.
func (l *limits) admit(address string, now time.Time) (at time.Time, reason string) {
	g := l.group(domainOf(address))
	l.mu.Lock()
	defer l.mu.Unlock()
	if s, ok := l.suspended[g]; ok {
		if now.Before(s.until) {
			return s.until, s.reason
		}
		delete(l.suspended, g)
	}
	limit, ok := l.narrow[g]
	if !ok {
		return now, ""
	}
	p := l.domains[g]
	if p == nil {
		p = &domainPace{}
		l.domains[g] = p
	}
	if limit.Lanes > 0 && p.busy >= limit.Lanes {
		return now.Add(time.Second), ReasonRate
	}
	at = now
	if limit.Rate > 0 {
		interval := time.Duration(float64(time.Second) / limit.Rate)
		if p.next.After(at) {
			at = p.next
		}
		if at.Sub(now) > shortWait {
			if p.deferred.Before(at) {
				p.deferred = at
			}
			at = p.deferred
			p.deferred = p.deferred.Add(interval)
			return at, ReasonRate
		}
		p.next = at.Add(interval)
	}
	p.busy++
	return at, ""
}

// leave says that a delivery that was admitted is over.
func (l *limits) leave(address string) {
	g := l.group(domainOf(address))
	l.mu.Lock()
	defer l.mu.Unlock()
	if p := l.domains[g]; p != nil && p.busy > 0 {
		p.busy--
	}
}

// suspend leaves an address's provider alone until a time.
func (l *limits) suspend(address string, until time.Time, reason string) {
	g := l.group(domainOf(address))
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.suspended[g].until.Before(until) {
		l.suspended[g] = suspension{until, reason}
	}
}
