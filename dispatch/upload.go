package dispatch

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Upload gives the name by which a carrier knows something that was uploaded under
// a key; "" when nothing was.
func (l *Ledger) Upload(ctx context.Context, channel, key string) (name string, err error) {
	err = l.read.QueryRowContext(ctx, `SELECT name FROM uploads WHERE channel = $1 AND key = $2`, channel, key).Scan(&name)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("looking for an upload: %w", err)
	}
	return name, nil
}

// KeepUpload records what a carrier calls something that was uploaded, instead of
// what it called it before.
func (l *Ledger) KeepUpload(ctx context.Context, channel, key, name string, now time.Time) error {
	return l.transact(ctx, "recording an upload", func(tx execer) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO uploads (channel, key, name, at) VALUES ($1, $2, $3, $4)
			ON CONFLICT (channel, key) DO UPDATE SET name = excluded.name, at = excluded.at`, channel, key, name, millis(now))
		return err
	})
}
