package dispatch

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Inbound is something that a carrier has told us.
type Inbound struct {
	Key      string // the same thing has the same key
	Content  string // the channel's own form
	Received time.Time
	// Due is when it is to be worked on; zero: at once. Whoever answers it before
	// then has the first try.
	Due time.Time
	// Answered tells that an answer was given; Kept says so.
	Answered bool
}

// Keep writes down what a carrier tells before it is answered. fresh is false for
// what is there already: carriers tell things more than once.
func (l *Ledger) Keep(ctx context.Context, channel string, in Inbound) (fresh bool, err error) {
	due := in.Due
	if due.IsZero() {
		due = in.Received
	}
	err = l.transact(ctx, "keeping an event", func(tx execer) error {
		res, err := tx.ExecContext(ctx, `INSERT INTO inbound (channel, key, content, received_at, due_at) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (channel, key) DO NOTHING`, channel, in.Key, in.Content, millis(in.Received), millis(due))
		if err != nil {
			return err
		}
		n, err := res.RowsAffected()
		fresh = n == 1
		return err
	})
	return fresh, err
}

// Kept lists what is to be worked on now, oldest first.
func (l *Ledger) Kept(ctx context.Context, channel string, now time.Time) ([]Inbound, error) {
	rows, err := l.read.QueryContext(ctx, `SELECT key, content, received_at, answered_at > 0 FROM inbound
		WHERE channel = $1 AND done_at = 0 AND due_at <= $2 ORDER BY received_at, key LIMIT 100`, channel, millis(now))
	var out []Inbound
	err = each(rows, err, func(rows *sql.Rows) error {
		var in Inbound
		var at int64
		err := rows.Scan(&in.Key, &in.Content, &at, &in.Answered)
		in.Received = instant(at)
		out = append(out, in)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading events: %w", err)
	}
	return out, nil
}

// Answer records what somebody is answered, and makes the rest of the work due. The
// first answer stays, whoever gives it: it is what everybody is to say. An empty one
// is silence. What nobody has kept has no answer.
func (l *Ledger) Answer(ctx context.Context, channel, key, answer string, now time.Time) (given string, err error) {
	err = l.transact(ctx, "recording an answer", func(tx execer) error {
		if _, err := tx.ExecContext(ctx, `UPDATE inbound SET answer = $1, answered_at = $2, due_at = CASE WHEN due_at < $2 THEN due_at ELSE $2 END
			WHERE channel = $3 AND key = $4 AND answered_at = 0`, answer, millis(now), channel, key); err != nil {
			return err
		}
		return tx.QueryRowContext(ctx, `SELECT answer FROM inbound WHERE channel = $1 AND key = $2`, channel, key).Scan(&given)
	})
	return given, err
}

// Answered gives the answer that was recorded; ok is false while there is none.
func (l *Ledger) Answered(ctx context.Context, channel, key string) (answer string, ok bool, err error) {
	err = l.read.QueryRowContext(ctx, `SELECT answer FROM inbound WHERE channel = $1 AND key = $2 AND answered_at > 0`, channel, key).Scan(&answer)
	if errors.Is(err, sql.ErrNoRows) {
		return "", false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("reading an answer: %w", err)
	}
	return answer, true, nil
}

// Done says that something was worked on; its content is forgotten.
func (l *Ledger) Done(ctx context.Context, channel, key string, now time.Time) error {
	return l.transact(ctx, "closing an event", func(tx execer) error {
		_, err := tx.ExecContext(ctx, `UPDATE inbound SET done_at = $1, content = '' WHERE channel = $2 AND key = $3`, millis(now), channel, key)
		return err
	})
}

// Defer puts something off.
func (l *Ledger) Defer(ctx context.Context, channel, key string, until time.Time) error {
	return l.transact(ctx, "putting an event off", func(tx execer) error {
		_, err := tx.ExecContext(ctx, `UPDATE inbound SET due_at = $1 WHERE channel = $2 AND key = $3 AND done_at = 0`, millis(until), channel, key)
		return err
	})
}

// inboundKept is how long it is known that something was told and worked on, with what
// it was answered. Carriers that tell it again do so within minutes.
const inboundKept = time.Hour

// forgetInbound removes what was worked on long ago.
func (l *Ledger) forgetInbound(ctx context.Context, now time.Time) error {
	return l.transact(ctx, "forgetting events", func(tx execer) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM inbound WHERE done_at > 0 AND done_at < $1`, millis(now.Add(-inboundKept)))
		return err
	})
}
