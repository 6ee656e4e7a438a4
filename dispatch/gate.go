package dispatch

import (
	"context"
	"sync"
	"time"
)

// A gate stops a channel while its account or relay refuses, and lets one batch
// through at a time to find out whether it has been mended. No row is failed or
// counted meanwhile.
type gate struct {
	// longest bounds the wait between two probes.
	longest time.Duration
	// lanes is how many connections may break at once without meaning anything.
	lanes int

	mu      sync.Mutex
	changed chan struct{} // closed and renewed when something changes
	open    bool          // stopped
	probing bool
	until   time.Time // no probe before
	wait    time.Duration
	broken  int    // connection failures in a row
	stops   int    // how often it was stopped
	why     string // it is stopped
}

// pass is the permission to deliver one batch. What began before the channel was
// stopped says nothing about whether it has been mended.
type pass struct{ stops int }

const (
	// A relay that is away is asked every second at first, every minute later.
	relayProbe, relayProbeMax = time.Second, time.Minute
	// Credentials and policies are asked less often: NetEase counts failed logins
	// and locks the account (reply «451 too much fail authentication», its list
	// of SMTP codes, read 2026-11).
	accountProbeMax = 15 * time.Minute
	// brokenInARow connection failures and no success stop the channel, or twice
	// the lanes where that is more: all lanes lose a relay at the same time.
	brokenInARow = 5
)

func newGate(longest time.Duration, lanes int) *gate {
	return &gate{longest: longest, lanes: lanes, changed: make(chan struct{})}
}

// restore stops a gate for a reason of an earlier process. It begins with a
// probe.
func (g *gate) restore(why string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open, g.why = why != "", why
}

// enter asks for passage of one batch.
func (g *gate) enter(now time.Time) (p pass, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.open {
		return pass{g.stops}, true
	}
	if g.probing || now.Before(g.until) {
		return pass{}, false
	}
	g.probing = true
	return pass{g.stops}, true
}

// stopped tells why the channel is stopped; "" when it is not.
func (g *gate) stopped() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.open {
		return ""
	}
	return g.why
}

// shut reports whether nothing would be let through.
func (g *gate) shut(now time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.open && (g.probing || now.Before(g.until))
}

// ready waits until something would be let through.
func (g *gate) ready(ctx context.Context) error {
	for {
		g.mu.Lock()
		changed, wait := g.changed, time.Duration(0)
		if g.open {
			wait = time.Until(g.until)
			if g.probing {
				wait = time.Hour // until changed
			}
		}
		g.mu.Unlock()
		if wait <= 0 {
			return ctx.Err()
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-changed:
		case <-timer.C:
		}
		timer.Stop()
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
}

// verdict is what a report did to the gate.
type verdict int

const (
	gateSame verdict = iota
	gateStopped
	gateMended
)

// report tells the gate how a batch that entered went.
func (g *gate) report(p pass, o Outcome, now time.Time) verdict {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.open && p.stops != g.stops {
		return gateSame // it began before the channel was stopped
	}
	wasProbe := g.probing
	g.probing = false
	if g.open {
		defer g.signal()
	}
	switch {
	case o.Status == Stopped, o.Status == Returned, o.Status == Abandoned:
		return gateSame // nothing was learned
	case o.Status == Refused && o.Failure.Scope == ScopeAccount:
		return g.stop(o, now)
	case o.Status == Lost, o.Status == Refused && o.Failure.Scope == ScopeConnection:
		g.broken++
		if wasProbe && g.open || g.broken >= max(brokenInARow, 2*g.lanes) {
			return g.stop(o, now)
		}
		return gateSame
	}
	g.broken, g.wait = 0, 0
	if g.open {
		g.open = false
		return gateMended
	}
	return gateSame
}

// stop shuts the gate, each time for twice as long, at least for what the
// carrier asked for.
func (g *gate) stop(o Outcome, now time.Time) verdict {
	first, most := relayProbe, relayProbeMax
	if asked := o.Failure.Wait; asked > 0 {
		first, most = asked, max(asked, accountProbeMax)
	}
	g.why = o.Failure.Reason
	if o.Reply != "" {
		g.why += "：" + cutReply(o.Reply)
	}
	g.wait = min(max(2*g.wait, first), most, g.longest)
	g.until = now.Add(g.wait)
	if g.open {
		return gateSame
	}
	g.open = true
	g.stops++
	return gateStopped
}

func (g *gate) signal() {
	close(g.changed)
	g.changed = make(chan struct{})
}
