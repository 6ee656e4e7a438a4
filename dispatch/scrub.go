package dispatch

import (
	"context"
	"time"
)

// Scrub removes what the ledger knows of a person and keeps that something was
// delivered: addresses and the carriers' replies are emptied, what is still
// open is skipped. Call it before the person is erased, so that it can be
// repeated when it fails.
func (l *Ledger) Scrub(ctx context.Context, subscriber int64, now time.Time) error {
	return l.transact(ctx, "scrubbing the ledger", func(tx execer) error {
		for _, text := range []string{
			`UPDATE deliveries SET state = 'skipped', reason = 'removed', claim = 0, due_at = 0, updated_at = $2
				WHERE ` + ofPerson + ` AND state IN ('due','queued','leased')`,
			`UPDATE deliveries SET address = '', address_hash = '', reply = '', updated_at = $2 WHERE ` + ofPerson,
			`UPDATE attempts SET reply = '' WHERE delivery_id IN (SELECT id FROM deliveries WHERE ` + ofPerson + `) AND at <= $2`,
			`DELETE FROM conversations WHERE subscriber_id = $1 AND heard_at <= $2`,
		} {
			if _, err := tx.ExecContext(ctx, text, subscriber, millis(now)); err != nil {
				return err
			}
		}
		return nil
	})
}

// Depart skips what is still open for a person in a channel that they have left, and
// empties the addresses of what was delivered there. What was handed over and not
// answered keeps its own until it is. It may be repeated.
func (l *Ledger) Depart(ctx context.Context, subscriber int64, channel string, now time.Time) error {
	return l.transact(ctx, "a departure", func(tx execer) error {
		_, err := tx.ExecContext(ctx, `UPDATE deliveries SET state = 'skipped', reason = 'unsubscribed', claim = 0, due_at = 0, updated_at = $2
			WHERE `+ofPerson+` AND channel = $3 AND state IN ('due','queued','leased')`, subscriber, millis(now), channel)
		if err == nil {
			_, err = tx.ExecContext(ctx, `DELETE FROM conversations WHERE subscriber_id = $1 AND channel = $2`, subscriber, channel)
		}
		if err == nil {
			_, err = tx.ExecContext(ctx, `UPDATE deliveries SET address = '' WHERE `+ofPerson+` AND channel = $2 AND state <> 'marked'`, subscriber, channel)
		}
		return err
	})
}

// Forget removes what the ledger knows of an address whose owner is in no list, and who
// asked for a reminder: what is still open is skipped, the address is emptied.
func (l *Ledger) Forget(ctx context.Context, channel, hash string, now time.Time) error {
	const theirs = `issue_id = '' AND channel = $1 AND subscriber_id = 0 AND address_hash = $2`
	return l.transact(ctx, "forgetting an address", func(tx execer) error {
		for _, text := range []string{
			`UPDATE deliveries SET state = 'skipped', reason = 'removed', claim = 0, due_at = 0, updated_at = $3
				WHERE ` + theirs + ` AND state IN ('due','queued','leased')`,
			`UPDATE attempts SET reply = '' WHERE delivery_id IN (SELECT id FROM deliveries WHERE ` + theirs + `) AND at <= $3`,
			`UPDATE deliveries SET address = '', address_hash = '', reply = '', updated_at = $3 WHERE ` + theirs,
		} {
			if _, err := tx.ExecContext(ctx, text, channel, hash, millis(now)); err != nil {
				return err
			}
		}
		return nil
	})
}
