package dispatch

import (
	"math"
	"time"
)

// State of a delivery.
type State string

// The states of a delivery. Due, Queued, Leased and Marked are open; the rest
// are ends that only a receipt or an operator's resend goes beyond.
const (
	StateDue         State = "due"         // may be sent once its time has come
	StateQueued      State = "queued"      // its id is in the queue
	StateLeased      State = "leased"      // a session works on it; the carrier certainly does not have it
	StateMarked      State = "marked"      // handed over; the carrier may have it
	StateSent        State = "sent"        // the carrier took responsibility
	StateFailed      State = "failed"      // refused for good, or retries used up
	StateSkipped     State = "skipped"     // not to be sent: the reason says why
	StateUnconfirmed State = "unconfirmed" // handed over, and nobody knows what became of it
)

// States lists all states in the order of a delivery's life.
func States() []State {
	return []State{
		StateDue, StateQueued, StateLeased, StateMarked,
		StateSent, StateFailed, StateSkipped, StateUnconfirmed,
	}
}

// Open reports whether something can still happen to the delivery by itself.
func (s State) Open() bool {
	switch s {
	case StateDue, StateQueued, StateLeased, StateMarked:
		return true
	}
	return false
}

// Reasons that the package itself gives; others come from channels and from
// subscribers.Blocked.
const (
	ReasonCrash     = "crash"      // unconfirmed: our process ended after the marker
	ReasonLostReply = "lost-reply" // the carrier's answer never came
	ReasonHeld      = "held"       // waits for an operator
	ReasonCancelled = "cancelled"
	ReasonPanic     = "panic"
	ReasonShutdown  = "shutdown"         // unconfirmed: we stopped and did not wait for the answer any longer
	ReasonRate      = "rate"             // our own limit for the recipient's domain
	ReasonWindow    = "window"           // the run's schedule is not sent at this time of the day
	ReasonAwaits    = "awaits-recipient" // until they do something: see [Failure.Await]
	ReasonNoSection = "no-section"       // skipped: the issue has none of the sections that the subscriber chose
)

// Never is the time at which a row is due that only an operator can free, or its
// recipient.
var Never = time.UnixMilli(math.MaxInt64 / 2)

// Progress is what the ledger knows of a delivery when something happens to it.
type Progress struct {
	State    State
	Attempts int
	Lost     int
	FirstAt  time.Time // first failure that counts against GiveUp; zero: none yet
}

// ended is the end of a delivery that is not to be sent again. One whose answer
// was lost before may be with its reader, and must not look as if it were not:
// a resend would double it.
func (p Progress) ended(s State, reason string) (State, string) {
	if p.Lost > 0 {
		return StateUnconfirmed, ReasonLostReply
	}
	return s, reason
}

// Happening is what can happen to a delivery.
type Happening int

// The happenings, each with the states it can meet.
const (
	Fed         Happening = iota // due: its id goes into the queue
	QueueLost                    // queued: the queue has forgotten it
	Claimed                      // queued: a session leases it
	GivenBack                    // leased: pause, drain, or never begun
	Blocked                      // leased, or due and waiting for the subscriber, who is not to be sent to
	Granted                      // leased: the marker is committed
	Unmarked                     // marked: by a commit that was never answered, so nothing was handed over
	Answered                     // leased, marked or unconfirmed: the channel's outcome
	SessionDied                  // leased, marked: the session is gone
	Cancelled                    // due, queued, leased: the run is cancelled
	Held                         // due, queued, leased: waits for an operator
	Expired                      // marked: the carrier does not know the hand-over by its key any longer
	Reported                     // sent: the carrier says later that it failed
	Heard                        // due: its recipient has done something that lets it through
)

// Event is one happening with what belongs to it.
type Event struct {
	Happening Happening
	Outcome   Outcome   // of Answered
	Hold      bool      // of Answered: a row that failed for good waits for an operator instead
	Single    bool      // of Answered: of a Single variant, which is never handed over again after a lost answer
	Spoken    bool      // of Answered: the recipient has done something since the marker
	Repeat    bool      // of Answered and SessionDied: the carrier knows the hand-over by its key
	Reason    string    // of Blocked, GivenBack and Reported
	At        time.Time // of GivenBack: due again no sooner
}

// Change is what an event does to a delivery.
type Change struct {
	To       State
	Reason   string
	DueAt    time.Time // when To is StateDue
	Attempts int
	Lost     int
	FirstAt  time.Time
	Suppress bool // the address is dead: never send to it again
}

// Next decides what an event does to a delivery; ok is false when the event
// cannot happen in that state and must change nothing. It is the one place
// where transitions are decided: the ledger's statements only carry them out,
// by compare-and-set on the state that Next was asked about.
func Next(p Progress, e Event, policy Policy, now time.Time) (c Change, ok bool) {
	c = Change{To: p.State, Attempts: p.Attempts, Lost: p.Lost, FirstAt: p.FirstAt}
	to := func(s State, reason string) (Change, bool) {
		c.To, c.Reason = s, reason
		if s == StateDue && c.DueAt.IsZero() {
			c.DueAt = now
		}
		return c, true
	}
	switch e.Happening {
	case Fed:
		if p.State == StateDue {
			return to(StateQueued, "")
		}
	case QueueLost:
		if p.State == StateQueued {
			return to(StateDue, "")
		}
	case Claimed:
		if p.State == StateQueued {
			return to(StateLeased, "")
		}
	case GivenBack:
		if p.State == StateLeased {
			c.DueAt = e.At
			return to(StateDue, e.Reason)
		}
	case Blocked:
		switch p.State {
		case StateDue, StateLeased:
			return to(p.ended(StateSkipped, e.Reason))
		}
	case Granted:
		if p.State == StateLeased {
			return to(StateMarked, "")
		}
	case Unmarked:
		if p.State == StateMarked {
			return to(StateLeased, "")
		}
	case SessionDied:
		switch p.State {
		case StateLeased:
			return to(StateDue, "")
		case StateMarked:
			if e.Repeat {
				return to(StateMarked, ReasonCrash)
			}
			c.Attempts++
			return to(StateUnconfirmed, ReasonCrash)
		}
	case Expired:
		if p.State == StateMarked {
			c.Attempts++
			return to(StateUnconfirmed, ReasonLostReply)
		}
	case Reported:
		if p.State == StateSent {
			return to(StateFailed, e.Reason)
		}
	case Cancelled:
		switch p.State {
		case StateDue, StateQueued, StateLeased:
			return to(p.ended(StateSkipped, ReasonCancelled))
		}
	case Held:
		switch p.State {
		case StateDue, StateQueued, StateLeased:
			c.DueAt = Never
			return to(StateDue, ReasonHeld)
		}
	case Heard:
		if p.State == StateDue {
			return to(StateDue, "")
		}
	case Answered:
		return answered(p, e, policy, now)
	}
	return Change{}, false
}

// answered decides what a channel's outcome does.
func answered(p Progress, e Event, policy Policy, now time.Time) (Change, bool) {
	o := e.Outcome
	c := Change{Attempts: p.Attempts, Lost: p.Lost, FirstAt: p.FirstAt}
	if e.Repeat && p.State == StateMarked && (o.Status == Lost || o.Status == Abandoned) {
		// The same call again will tell; until then nothing has happened.
		c.To, c.Reason = StateMarked, ReasonLostReply
		if o.Failure.Reason != "" {
			c.Reason = o.Failure.Reason
		}
		return c, true
	}
	switch o.Status {
	case Sent:
		// A late reply still counts: the carrier has said that it has it.
		if p.State == StateMarked || p.State == StateUnconfirmed {
			c.To = StateSent
			c.Attempts++
			return c, true
		}
	case Returned:
		if p.State == StateLeased {
			c.To, c.DueAt = StateDue, now
			return c, true
		}
	case Abandoned:
		// Our own end must never mail anybody twice.
		if p.State == StateMarked || p.State == StateLeased {
			c.Attempts++
			c.To, c.Reason = StateUnconfirmed, o.Failure.Reason
			return c, true
		}
	case Lost:
		if p.State == StateMarked {
			c.Lost++
			c.Attempts++
			if policy.AfterLostReply == RetryLost && p.Lost == 0 && !e.Single {
				c.To, c.Reason, c.DueAt = StateDue, ReasonLostReply, now.Add(policy.lostWait())
				return c, true
			}
			c.To, c.Reason = StateUnconfirmed, ReasonLostReply
			return c, true
		}
	case Refused:
		if p.State == StateLeased || p.State == StateMarked {
			c = policy.refused(p, o.Failure, now)
			switch {
			case c.To == StateFailed && p.Lost > 0:
				c.To, c.Reason, c.Suppress = StateUnconfirmed, ReasonLostReply, false
			case c.To == StateFailed && e.Hold:
				c.To, c.Reason, c.DueAt, c.Suppress = StateDue, ReasonHeld, Never, false
			case c.To == StateDue && o.Failure.Await && e.Spoken:
				c.Reason, c.DueAt = "", now
			}
			return c, true
		}
	}
	return Change{}, false
}
