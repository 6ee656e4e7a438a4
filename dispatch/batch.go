package dispatch

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"
)

// insertBatch records a hand-over under its key before the carrier hears of it.
// The carrier knows the key until a time, zero for never. A key that is there
// already was refused before, or its members were given back.
func (l *Ledger) insertBatch(ctx context.Context, tx execer, run int64, channel, key string, size int, until, now time.Time) (id int64, err error) {
	err = tx.QueryRowContext(ctx, `INSERT INTO batches (run_id, channel, key, size, created_at, repeat_until) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (key) DO UPDATE SET size = excluded.size, repeat_until = excluded.repeat_until, repeat_at = 0, repeats = 0, claim = 0
		RETURNING id`,
		run, channel, key, size, millis(now), millis(until)).Scan(&id)
	return id, err
}

// nameJob records what the carrier calls a hand-over.
func (l *Ledger) nameJob(ctx context.Context, tx execer, key, job string) error {
	_, err := tx.ExecContext(ctx, `UPDATE batches SET job = $1 WHERE key = $2`, job, key)
	return err
}

// unanswered is a hand-over that nobody works on and whose answer is missing.
type unanswered struct {
	id        int64
	run       int64
	key       string
	until     time.Time
	repeats   int
	cancelled bool
}

// unanswered lists the hand-overs of a channel that are to be repeated now, or
// given up.
func (l *Ledger) unanswered(ctx context.Context, channel string, now time.Time) ([]unanswered, error) {
	rows, err := l.read.QueryContext(ctx, `SELECT b.id, b.run_id, b.key, b.repeat_until, b.repeats, CASE WHEN r.state = 'cancelled' THEN 1 ELSE 0 END
		FROM batches b JOIN runs r ON r.id = b.run_id
		WHERE b.id IN (SELECT d.batch_id FROM deliveries d WHERE d.channel = $1 AND d.state = 'marked' AND d.claim = 0)
			AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.batch_id = b.id AND d.state = 'marked' AND d.claim <> 0)
			AND b.channel = $1 AND (b.repeat_at <= $2 OR b.repeat_until <= $2)
			AND (b.claim = 0 OR b.claim IN (SELECT s.id FROM sessions s WHERE s.closed_at > 0))
		ORDER BY b.id LIMIT 100`, channel, millis(now))
	var out []unanswered
	err = each(rows, err, func(rows *sql.Rows) error {
		var b unanswered
		var until int64
		err := rows.Scan(&b.id, &b.run, &b.key, &until, &b.repeats, &b.cancelled)
		b.until = instant(until)
		out = append(out, b)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("looking for unanswered hand-overs: %w", err)
	}
	return out, nil
}

// waitingForAnswer counts the hand-overs of a channel that are repeated.
func (l *Ledger) waitingForAnswer(ctx context.Context, channel string) (n int, err error) {
	err = l.read.QueryRowContext(ctx, `SELECT COUNT(DISTINCT d.batch_id) FROM deliveries d
		WHERE d.channel = $1 AND d.state = 'marked' AND d.claim = 0`, channel).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("counting unanswered hand-overs: %w", err)
	}
	return n, nil
}

// claimBatch gives a hand-over to one session to repeat it, with its members in
// the order of the first time; none when another session has it.
func (l *Ledger) claimBatch(ctx context.Context, tx execer, b unanswered, session int64) (members []claimed, err error) {
	res, err := tx.ExecContext(ctx, `UPDATE batches SET claim = $1 WHERE id = $2
		AND (claim = 0 OR claim IN (SELECT s.id FROM sessions s WHERE s.closed_at > 0))
		AND EXISTS (SELECT 1 FROM sessions s WHERE s.id = $1 AND s.closed_at = 0)`, session, b.id)
	if err != nil {
		return nil, err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return nil, err
	}
	rows, err := tx.QueryContext(ctx, `SELECT d.id, d.variant, d.address, d.link_epoch, d.attempts, COALESCE(s.public_id, ''), r.salt
		FROM deliveries d JOIN runs r ON r.id = d.run_id LEFT JOIN subscribers s ON s.id = d.subscriber_id
		WHERE d.batch_id = $1 AND d.state = 'marked' AND d.claim = 0 ORDER BY d.id`, b.id)
	err = each(rows, err, func(rows *sql.Rows) error {
		c := claimed{run: b.run, progress: Progress{State: StateMarked}}
		var salt string
		err := rows.Scan(&c.id, &c.variant, &c.address, &c.epoch, &c.progress.Attempts, &c.subscriber, &salt)
		c.token = token(salt, c.id)
		members = append(members, c)
		return err
	})
	return members, err
}

// leaveOpen lets those members of a hand-over go to whom no answer came: all at
// once, since only all of them make the same call again.
func (l *Ledger) leaveOpen(ctx context.Context, tx execer, session int64, key string, c Change, o Outcome, again, now time.Time) error {
	if _, err := tx.ExecContext(ctx, `UPDATE batches SET repeat_at = $1 WHERE key = $2`, millis(again), key); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `UPDATE deliveries SET state = $1, reason = $2, claim = 0, code = $3, reply = $4, updated_at = $5
		WHERE state = 'marked' AND claim = $6 AND batch_id = (SELECT b.id FROM batches b WHERE b.key = $7)`,
		c.To, c.Reason, o.Code, o.Reply, millis(now), session, key)
	return err
}

// settleBatch carries a change out on all members of a repeated hand-over at
// once, and lets it go.
func (l *Ledger) settleBatch(ctx context.Context, tx execer, batch int64, c Change, o Outcome, now time.Time) error {
	// Answers to one call are alike, and so is what they do: attempts apart, which
	// Next has counted from 0.
	if _, err := tx.ExecContext(ctx, `UPDATE deliveries SET state = $1, reason = $2, attempts = attempts + $3, code = $4, reply = $5, updated_at = $6
		WHERE batch_id = $7 AND state = 'marked' AND claim = 0`,
		c.To, c.Reason, c.Attempts, o.Code, o.Reply, millis(now), batch); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `UPDATE batches SET claim = 0 WHERE id = $1`, batch)
	return err
}

// deferBatch lets a repeated hand-over go until it is repeated again.
func (l *Ledger) deferBatch(ctx context.Context, tx execer, batch int64, again time.Time) error {
	_, err := tx.ExecContext(ctx, `UPDATE batches SET claim = 0, repeats = repeats + 1, repeat_at = $1 WHERE id = $2`, millis(again), batch)
	return err
}

// The waits before a hand-over is repeated grow from the first to the most.
const (
	firstRepeat = 2 * time.Second
	mostRepeat  = 5 * time.Minute
)

// repeatWait is the wait before the next repeat, after n of them; a carrier may
// ask for more.
func repeatWait(n int, asked time.Duration) time.Duration {
	wait := firstRepeat << min(n, 10)
	return max(min(wait, mostRepeat), asked)
}

// repeatEvery is how often unanswered hand-overs are looked for.
const repeatEvery = time.Second

// tellRepeats is after how many repeats without an answer an operator hears of it.
const tellRepeats = 4

// repeat makes unanswered hand-overs again until ctx ends.
func (w *worker) repeat(ctx context.Context) {
	tick := time.NewTicker(repeatEvery)
	defer tick.Stop()
	told := true // perhaps, by an earlier process
	for {
		var err error
		if told, err = w.repeatAll(ctx, told, time.Now()); err != nil && ctx.Err() == nil {
			w.log.Error("repeating unanswered hand-overs; trying again", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// repeatAll goes through what is due once. told says whether an operator may
// have an alarm about it.
func (w *worker) repeatAll(ctx context.Context, told bool, now time.Time) (bool, error) {
	batches, err := w.ledger.unanswered(ctx, w.name, now)
	if err != nil {
		return told, err
	}
	for _, b := range batches {
		if ctx.Err() != nil {
			return told, nil
		}
		if b.cancelled || !now.Before(b.until) {
			if err := w.giveUp(b); err != nil {
				return told, err
			}
			continue
		}
		why, err := w.repeatOne(ctx, b)
		if err != nil {
			return told, err
		}
		if why != "" && b.repeats >= tellRepeats {
			if err := w.ledger.Raise(ctx, AlarmUnanswered, w.name, why, now); err != nil {
				return told, err
			}
			told = true
		}
	}
	if !told {
		return false, nil
	}
	n, err := w.ledger.waitingForAnswer(ctx, w.name)
	if err != nil || n > 0 {
		return true, err
	}
	return false, w.ledger.Clear(ctx, AlarmUnanswered, w.name, now)
}

// giveUp ends a hand-over that the carrier does not know any longer, or that is
// not wanted any more: nobody will learn what became of it.
func (w *worker) giveUp(b unanswered) error {
	return w.commit.do(func(ctx context.Context, tx grouped) error {
		now := time.Now()
		c, _ := Next(Progress{State: StateMarked}, Event{Happening: Expired}, w.policy, now)
		return w.ledger.settleBatch(ctx, tx, b.id, c, Outcome{}, now)
	})
}

// repeatOne makes one hand-over again. why is the reason when there is still no
// answer.
func (w *worker) repeatOne(ctx context.Context, b unanswered) (why string, err error) {
	if !w.runs.sending(ctx, w.ledger, b.run, time.Now()) {
		return "", nil
	}
	p, ok := w.gate.enter(time.Now())
	if !ok {
		return "", nil
	}
	outcome := Outcome{Status: Returned}
	defer func() { w.report(p, []Outcome{outcome}) }()
	var members []claimed
	err = w.commit.do(func(ctx context.Context, tx grouped) (err error) {
		members, err = w.ledger.claimBatch(ctx, tx, b, w.session)
		return err
	})
	if err != nil || len(members) == 0 {
		return "", err
	}
	v, err := w.variants.get(ctx, w.ledger, b.run, w.name, members[0].variant)
	if err != nil {
		return "", err
	}
	granted := make([]bool, len(members))
	for i := range granted {
		granted[i] = true
	}
	h := handing{worker: w, rows: members, key: b.key, again: granted}
	outcomes := h.over(ctx, v)
	outcome = outcomes[0]
	if i := slices.IndexFunc(outcomes, func(o Outcome) bool { return o.Status != Sent }); i >= 0 {
		outcome = outcomes[i]
	}
	outcome.Reply = cutReply(outcome.Reply)
	return w.settleRepeated(b, outcome)
}

// settleRepeated settles what came of a repeat. Only that the carrier has it is
// an answer: a refusal of the repeat says nothing about the first time.
func (w *worker) settleRepeated(b unanswered, o Outcome) (why string, err error) {
	err = w.commit.do(func(ctx context.Context, tx grouped) error {
		now := time.Now()
		c, ok := Next(Progress{State: StateMarked}, Event{Happening: Answered, Outcome: o}, w.policy, now)
		if o.Status != Sent || !ok {
			return w.ledger.deferBatch(ctx, tx, b.id, now.Add(repeatWait(b.repeats, o.Failure.Wait)))
		}
		if o.Job != "" {
			if err := w.ledger.nameJob(ctx, tx, b.key, o.Job); err != nil {
				return err
			}
		}
		return w.ledger.settleBatch(ctx, tx, b.id, c, o, now)
	})
	if err != nil || o.Status == Sent {
		return "", err
	}
	why = o.Failure.Reason
	if why == "" {
		why = ReasonLostReply
	}
	if o.Reply != "" {
		why += "：" + o.Reply
	}
	return why, nil
}
