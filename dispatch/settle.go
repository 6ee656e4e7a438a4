package dispatch

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"
)

// settleAll carries out the outcomes of one hand-over that has a key.
func (w *worker) settleAll(ctx context.Context, rows []claimed, h handing, outcomes []Outcome) {
	if i := slices.IndexFunc(outcomes, func(o Outcome) bool { return o.Status == Sent && o.Job != "" }); i >= 0 && h.key != "" {
		w.commit.post(func(ctx context.Context, tx grouped) error {
			return w.ledger.nameJob(ctx, tx, h.key, outcomes[i].Job)
		})
	}
	var refused []refusal
	open := -1
	for i, o := range outcomes {
		marked := h.granted != nil && h.granted[i]
		if marked && w.cap.Repeat > 0 && (o.Status == Lost || o.Status == Abandoned) {
			open = i
			continue
		}
		if r, rest := w.settleSoon(rows[i], marked, o); rest {
			refused = append(refused, r)
		}
	}
	for part := range slices.Chunk(refused, maxGroup) {
		w.settleRefused(ctx, part)
	}
	if open >= 0 {
		w.settleOpen(h.key, outcomes[open])
	}
}

// settleOpen leaves a hand-over without an answer to be made again.
func (w *worker) settleOpen(key string, o Outcome) {
	now := time.Now()
	o.Reply = cutReply(o.Reply)
	c, ok := Next(Progress{State: StateMarked}, Event{Happening: Answered, Outcome: o, Repeat: true}, w.policy, now)
	if !ok {
		return
	}
	w.commit.post(func(ctx context.Context, tx grouped) error {
		return w.ledger.leaveOpen(ctx, tx, w.session, key, c, o, now.Add(repeatWait(0, o.Failure.Wait)), now)
	})
}

// refusal is an outcome other than sent on its row.
type refusal struct {
	row claimed
	Outcome
}

// settle carries an outcome out on a row.
func (w *worker) settle(ctx context.Context, r claimed, marked bool, o Outcome) {
	if rest, ok := w.settleSoon(r, marked, o); ok {
		w.settleRefused(ctx, []refusal{rest})
	}
}

// settleSoon carries out what nobody has to wait for. Sent rows ride along with whatever is
// committed next, in the order of the lane: its next marker is never committed
// before. The rest is rare and is waited for: rest is true for it.
func (w *worker) settleSoon(r claimed, marked bool, o Outcome) (_ refusal, rest bool) {
	if marked {
		r.progress.State = StateMarked
	}
	o.Reply = cutReply(o.Reply)
	switch {
	case o.Status == Stopped && !marked:
		w.settleStopped(r, time.Time{})
	case o.Status == Returned && !marked:
		w.giveBack([]claimed{r}, time.Now(), "")
	case o.Status == Sent && marked:
		w.commit.post(func(ctx context.Context, tx grouped) error { return w.settleSent(ctx, tx, r, o) })
	default:
		// What a channel must not answer is taken for the nearest that is safe.
		switch {
		case o.Status == Returned, o.Status == Stopped, o.Status == Sent:
			w.log.Error("a channel gave an answer that cannot be", "run", r.run, "delivery", r.id, "status", int(o.Status), "marked", marked)
			o.Status, o.Failure = Abandoned, Failure{Scope: ScopeContent, Reason: ReasonPanic}
		case o.Status == Lost && !marked:
			o.Status, o.Failure.Scope = Refused, ScopeConnection
		}
		return refusal{r, o}, true
	}
	return refusal{}, false
}

// cutReply keeps a carrier's hostile text to one line of MaxReply bytes.
func cutReply(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
	if len(s) > MaxReply {
		s = strings.ToValidUTF8(s[:MaxReply], "")
	}
	return s
}

func (w *worker) settleSent(ctx context.Context, tx grouped, r claimed, o Outcome) error {
	now := time.Now()
	if _, _, err := w.valve.count(ctx, tx, r.run, w.name, r.address, false, now); err != nil {
		return err
	}
	// The session may have been taken for dead between marker and answer: what
	// the carrier said is true all the same.
	for _, from := range []State{r.progress.State, StateUnconfirmed} {
		p := r.progress
		p.State = from
		c, ok := Next(p, Event{Happening: Answered, Outcome: o}, w.policy, now)
		if !ok {
			continue
		}
		if settled, err := w.ledger.settle(ctx, tx, w.session, r.id, from, c, o, now); err != nil || settled {
			return err
		}
	}
	w.log.Warn("the carrier took a delivery that is not ours any more", "run", r.run, "delivery", r.id)
	return nil
}

// settleStopped finds out why a row was not granted its mark. When that is not
// known, because the database went away while it was asked, unsure is the time
// of the marker: the row was certainly not handed over, and is not to stay marked.
func (w *worker) settleStopped(r claimed, unsure time.Time) {
	w.commit.post(func(ctx context.Context, tx grouped) error {
		now := time.Now()
		if !unsure.IsZero() {
			if err := w.ledger.unmark(ctx, tx, w.session, r.id, unsure, now); err != nil {
				return err
			}
		}
		s, err := w.ledger.standing(ctx, tx, w.session, r.id, now)
		if err != nil || !s.mine {
			return err
		}
		e := Event{Happening: GivenBack, At: now}
		switch {
		case s.run == string(RunCancelled):
			e = Event{Happening: Cancelled}
		case s.blocked != "":
			e = Event{Happening: Blocked, Reason: s.blocked}
		}
		c, ok := Next(r.progress, e, w.policy, now)
		if !ok {
			return nil
		}
		ok, err = w.ledger.settle(ctx, tx, w.session, r.id, StateLeased, c, Outcome{}, now)
		if err == nil && !ok && !unsure.IsZero() {
			return errStillCommitting
		}
		return err
	})
}

// errStillCommitting says that a transaction which we have lost sight of was
// committed only now.
var errStillCommitting = errors.New("the marker was committed after all")

// settleRefused settles several of one hand-over in one commit.
func (w *worker) settleRefused(ctx context.Context, all []refusal) {
	changes := make([]Change, len(all))
	tripped := make([]string, len(all))
	refuse := func(ctx context.Context, tx grouped) (err error) {
		for i, r := range all {
			if changes[i], tripped[i], err = w.refuse(ctx, tx, r.row, r.Outcome); err != nil {
				return err
			}
		}
		return nil
	}
	if err := w.commit.do(refuse); err != nil {
		w.log.Error("settling refused deliveries; trying again", "run", all[0].row.run, "delivery", all[0].row.id, "error", err)
		w.commit.post(refuse)
		return
	}
	now := time.Now()
	for i, r := range all {
		if r.Failure.Scope == ScopeDomain && changes[i].To == StateDue {
			w.throttle.suspend(r.row.address, changes[i].DueAt, r.Failure.Reason)
		}
		if tripped[i] != "" {
			w.log.Warn("too many recipients failed for good; the others wait for an operator", "run", r.row.run, "domain", tripped[i])
		}
		if changes[i].Suppress {
			// A crash before this only costs one more refusal with the next issue.
			if err := w.people.Suppress(context.WithoutCancel(ctx), w.name, r.row.address, r.Failure.Reason, r.Reply, now); err != nil {
				w.log.Error("suppressing a dead address", "run", r.row.run, "delivery", r.row.id, "error", err)
			}
		}
	}
}

// refuse settles an outcome other than sent. Only the failures of recipients
// count towards holding their domain.
func (w *worker) refuse(ctx context.Context, tx grouped, r claimed, o Outcome) (c Change, tripped string, err error) {
	now := time.Now()
	e := Event{Happening: Answered, Outcome: o, Single: r.single}
	if o.Failure.Await {
		if e.Spoken, err = w.ledger.shut(ctx, tx, r.id); err != nil {
			return c, "", err
		}
	}
	c, ok := Next(r.progress, e, w.policy, now)
	if !ok {
		return c, "", nil
	}
	if c.To == StateFailed && o.Failure.Permanent && o.Failure.Scope == ScopeRecipient {
		e.Hold, tripped, err = w.valve.count(ctx, tx, r.run, w.name, r.address, true, now)
		if err != nil {
			return c, "", err
		}
		c, _ = Next(r.progress, e, w.policy, now)
	}
	_, err = w.ledger.settle(ctx, tx, w.session, r.id, r.progress.State, c, o, now)
	return c, tripped, err
}

// report tells the gate how a batch went. What an operator has to know of it is
// told by the dispatcher's housekeeping, from one place and in one order.
func (w *worker) report(pass pass, outcomes []Outcome) {
	now := time.Now()
	for i, o := range outcomes {
		if i > 0 && o.Status == outcomes[i-1].Status && o.Failure == outcomes[i-1].Failure {
			continue // one call, one answer: it must not stop the channel for twice as long
		}
		if o.Failure.Crowded && w.gate.stopped() == "" && w.lanes.crowded(now) {
			o = Outcome{Status: Returned} // the others are at work
		}
		switch w.gate.report(pass, o, now) {
		case gateStopped:
			w.log.Warn("the channel is stopped until the carrier takes mail again", "reason", o.Failure.Reason, "code", o.Code)
		case gateMended:
			w.log.Info("the carrier takes mail again")
		}
	}
}
