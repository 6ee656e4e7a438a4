package dispatch

import (
	"math"
	"sync"
	"time"
)

// pace measures how many deliveries a second a channel gets through, so that a
// claim holds about a second of work: what was claimed and not begun has to be
// given back when the run is paused, and is nobody else's meanwhile.
type pace struct {
	lanes int     // deliveries in work at once
	most  int     // ids in one queue entry
	rate  float64 // of the configuration; 0: no limit
	ahead float64 // seconds of work in the queue
	whole bool    // batches have a least size: all that is due is divided at once

	mu     sync.Mutex
	since  time.Time // begin of the present measurement
	done   int       // deliveries since then
	second float64   // deliveries per second as last measured; 0: not yet
}

// maxWhole is how many ids a channel that needs them all together may queue.
const maxWhole = 1_000_000

const (
	measureFor = time.Second
	// measureFirst is for a run that has just begun: until then claims are small.
	measureFirst = 100 * time.Millisecond
	// A measurement this long says that the channel was idle, not slow.
	measureIdle = 5 * time.Second
)

func newPace(c Capacity) *pace {
	p := &pace{lanes: c.Lanes * c.Batch, most: max(maxChunk, c.Batch), rate: c.Rate, ahead: 10, whole: c.Least > 1}
	if len(c.Domains) > 0 {
		p.ahead = 3 // what comes back in time is not to wait long behind the others
	}
	return p
}

// did records that n deliveries were answered.
func (p *pace) did(n int, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	took := now.Sub(p.since)
	if took > measureIdle {
		p.since, p.done = now, n
		return
	}
	p.done += n
	if took >= measureFor || p.second == 0 && took >= measureFirst {
		p.second = float64(p.done) / took.Seconds()
		p.since, p.done = now, 0
	}
}

func (p *pace) perSecond() float64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.second
	if s == 0 {
		s = float64(2 * p.lanes) // nothing is known yet
	}
	if p.rate > 0 {
		s = min(s, p.rate)
	}
	return s
}

// chunk is how many ids go into one queue entry: a second of work, or a whole
// batch of a channel that takes many at a time.
func (p *pace) chunk() int {
	least := min(max(1, p.lanes), p.most)
	return max(least, min(p.most, int(math.Ceil(p.perSecond()))))
}

// window is how many ids may be in the queue: some seconds of work, far from
// queuedTooLong.
func (p *pace) window() int {
	if p.whole {
		return maxWhole
	}
	return max(2*p.chunk(), min(maxWindow, int(p.ahead*p.perSecond())))
}
