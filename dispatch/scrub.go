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
		} {
			if _, err := tx.ExecContext(ctx, text, subscriber, millis(now)); err != nil {
				return err
			}
		}
		return nil
	})
}
