package dispatch

import (
	"context"
	"fmt"
	"time"
)

// Heard records that a subscriber has done something by which a channel's carrier
// lets us speak to them until a time, and makes due what has waited for that. It may
// be repeated.
func (l *Ledger) Heard(ctx context.Context, channel string, subscriber int64, until, now time.Time) error {
	return l.transact(ctx, "hearing from a subscriber", func(tx execer) error {
		if until.After(now) {
			// Of several conversations the longest counts; the last word is always new.
			_, err := tx.ExecContext(ctx, `INSERT INTO conversations (channel, subscriber_id, heard_at, until) VALUES ($1, $2, $3, $4)
				ON CONFLICT (channel, subscriber_id) DO UPDATE SET heard_at = excluded.heard_at,
					until = CASE WHEN conversations.until > excluded.until THEN conversations.until ELSE excluded.until END`,
				channel, subscriber, millis(now), millis(until))
			if err != nil {
				return err
			}
		}
		// By run and due_at, of which there is an index: few rows are due at no time.
		_, err := tx.ExecContext(ctx, `UPDATE deliveries SET due_at = $1, reason = '', updated_at = $1
			WHERE state = 'due' AND due_at = $2 AND channel = $3 AND reason = $4 AND subscriber_id = $5
				AND run_id IN (SELECT id FROM runs WHERE state IN ('planned','paused'))`,
			millis(now), Never.UnixMilli(), channel, ReasonAwaits, subscriber)
		return err
	})
}

// Conversation says until when a subscriber can be spoken to in a channel because of what
// they did; zero when they cannot, as far as we have heard.
func (l *Ledger) Conversation(ctx context.Context, channel string, subscriber int64, now time.Time) (time.Time, error) {
	var until int64
	err := l.read.QueryRowContext(ctx, `SELECT COALESCE(MAX(until), 0) FROM conversations WHERE channel = $1 AND subscriber_id = $2 AND until > $3`,
		channel, subscriber, millis(now)).Scan(&until)
	if err != nil {
		return time.Time{}, fmt.Errorf("looking up a conversation: %w", err)
	}
	return instant(until), nil
}

// shut ends the conversation with a marked delivery's subscriber, because the carrier
// says that it is over; spoken is true when they have done something since the marker,
// so that it is open again. It never runs beside Heard: see config/postgres.go.
func (l *Ledger) shut(ctx context.Context, tx execer, delivery int64) (spoken bool, err error) {
	const theirs = ` FROM conversations WHERE channel = (SELECT d.channel FROM deliveries d WHERE d.id = $1)
		AND subscriber_id = (SELECT d.subscriber_id FROM deliveries d WHERE d.id = $1)`
	_, err = tx.ExecContext(ctx, `DELETE`+theirs+` AND heard_at < (SELECT d.updated_at FROM deliveries d WHERE d.id = $1)`, delivery)
	if err != nil {
		return false, err
	}
	var n int
	err = tx.QueryRowContext(ctx, `SELECT COUNT(*)`+theirs, delivery).Scan(&n)
	return n > 0, err
}

// skipAwaiting carries out Blocked for what waits for somebody who has unsubscribed meanwhile, by whatever
// way, or is gone: they would speak in vain, and nobody who is gone does.
func (l *Ledger) skipAwaiting(ctx context.Context, tx execer, now time.Time) error {
	_, err := tx.ExecContext(ctx, `UPDATE deliveries SET due_at = 0, updated_at = $1,
			state = CASE WHEN lost > 0 THEN 'unconfirmed' ELSE 'skipped' END, reason = CASE WHEN lost > 0 THEN $2 ELSE `+blocked("$1")+` END
		WHERE state = 'due' AND due_at = $3 AND reason = $4 AND run_id IN (SELECT id FROM runs WHERE state IN ('planned','paused'))
			AND `+blocked("$1")+` NOT IN ('', 'paused')`, millis(now), ReasonLostReply, Never.UnixMilli(), ReasonAwaits)
	return err
}

// forgetConversations removes those that are over.
func (l *Ledger) forgetConversations(ctx context.Context, now time.Time) error {
	return l.transact(ctx, "forgetting conversations", func(tx execer) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM conversations WHERE until <= $1`, millis(now))
		return err
	})
}
