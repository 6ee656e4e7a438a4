package dispatch

import (
	"errors"
	"fmt"
	"time"
)

// What to do when the carrier's answer to a hand-over was lost.
const (
	RetryLost = "retry" // once more, later, byte for byte the same
	HoldLost  = "hold"  // leave it unconfirmed
)

// lostReplyWait is how long the carrier gets to finish what it may have taken
// before the same message is offered again. RFC 5321 4.5.3.2.6 lets a server
// work on the final dot for 10 minutes (read 2026-11).
const lostReplyWait = 15 * time.Minute

// Policy says how a channel retries.
type Policy struct {
	// Retry are the waits after the first, second, … counted attempt; the last
	// repeats until GiveUp has passed since the first failure that counted.
	Retry  []time.Duration
	GiveUp time.Duration
	// Longest is the longest wait that a carrier may ask for; 0: the longest of
	// Retry.
	Longest time.Duration
	// AfterLostReply is RetryLost or HoldLost.
	AfterLostReply string
}

// Validate reports what is wrong with a policy.
func (p Policy) Validate() error {
	if len(p.Retry) == 0 {
		return errors.New("retry: at least one wait is needed")
	}
	for _, d := range p.Retry {
		if d <= 0 {
			return fmt.Errorf("retry: %s is not a wait; use a positive duration such as 5m", d)
		}
	}
	if p.GiveUp <= 0 {
		return fmt.Errorf("give_up: %s is not a duration such as 48h", p.GiveUp)
	}
	if p.AfterLostReply != RetryLost && p.AfterLostReply != HoldLost {
		return fmt.Errorf("after_lost_reply: %q is neither %s nor %s", p.AfterLostReply, RetryLost, HoldLost)
	}
	return nil
}

// refused is the retry policy: a pure function of now, the attempts so far and
// the failure.
//
//   - The account or the relay: the row is due again at once and nothing is
//     counted; the channel's gate keeps it from going out too soon.
//   - The recipient has to do something first: the row waits for that, as long as
//     it takes, and nothing is counted.
//   - The provider's limit, or a wait that the carrier named: due when the wait
//     is over, no attempt counted, given up with GiveUp.
//   - Permanent: failed.
//   - The rest: a counted attempt, due after the next wait, given up when the
//     next try would be later than GiveUp after the first failure.
func (p Policy) refused(d Progress, f Failure, now time.Time) Change {
	c := Change{To: StateDue, Reason: f.Reason, DueAt: now, Attempts: d.Attempts, Lost: d.Lost, FirstAt: d.FirstAt}
	if f.Scope == ScopeAccount {
		return c
	}
	if f.Await && f.Scope == ScopeRecipient {
		c.Reason, c.DueAt = ReasonAwaits, Never
		return c
	}
	if c.FirstAt.IsZero() {
		c.FirstAt = now
	}
	if f.Permanent {
		c.To, c.DueAt = StateFailed, time.Time{}
		c.Attempts++
		c.Suppress = f.Suppress && f.Scope == ScopeRecipient
		return c
	}
	if f.Scope == ScopeDomain || f.Wait > 0 {
		c.DueAt = now.Add(p.wait(f, d.Attempts))
	} else {
		c.Attempts++
		c.DueAt = now.Add(p.step(c.Attempts))
	}
	if c.DueAt.After(c.FirstAt.Add(p.GiveUp)) {
		c.To, c.DueAt = StateFailed, time.Time{}
	}
	return c
}

// step is the wait after the n-th counted attempt.
func (p Policy) step(n int) time.Duration {
	return p.Retry[min(max(n, 1), len(p.Retry))-1]
}

// wait is how long a provider is left alone. No wait is longer than Longest or
// the longest of Retry: who configures short retries means it.
func (p Policy) wait(f Failure, attempts int) time.Duration {
	if f.Wait <= 0 {
		return p.step(attempts + 1)
	}
	return min(f.Wait, p.longest())
}

func (p Policy) lostWait() time.Duration { return min(lostReplyWait, p.longest()) }

func (p Policy) longest() time.Duration {
	d := p.Longest
	for _, r := range p.Retry {
		d = max(d, r)
	}
	return d
}
