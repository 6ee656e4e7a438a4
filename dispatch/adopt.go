package dispatch

import (
	"context"
	"database/sql"
	"fmt"
)

// Adopt gives the deliveries of one subscriber in a channel to another: who has got
// an issue has got it, whichever record they are in. tx is of the ledger's database.
//
// Of an issue that both have deliveries of, the newcomers' rounds follow.
func (l *Ledger) Adopt(ctx context.Context, tx *sql.Tx, from, to int64, channel string) error {
	const theirs = `subscriber_id = $1 AND channel = $2 AND issue_id IN (SELECT r.issue_id FROM runs r UNION SELECT '')`
	rows, err := tx.QueryContext(ctx, `SELECT issue_id, MAX(round) FROM deliveries WHERE `+theirs+` GROUP BY issue_id`, to, channel)
	last := map[string]int{}
	err = each(rows, err, func(rows *sql.Rows) error {
		var id string
		var round int
		err := rows.Scan(&id, &round)
		last[id] = round
		return err
	})
	for id, round := range last {
		if err == nil {
			_, err = tx.ExecContext(ctx, `UPDATE deliveries SET subscriber_id = $3, round = round + $4 WHERE subscriber_id = $1 AND channel = $2 AND issue_id = $5`,
				from, channel, to, round, id)
		}
	}
	for _, text := range []string{
		`UPDATE deliveries SET subscriber_id = $3 WHERE ` + theirs,
		// One address has one conversation: what the other had was of an address that is gone.
		`DELETE FROM conversations WHERE subscriber_id = $3 AND channel = $2 AND EXISTS (SELECT 1 FROM conversations c WHERE c.subscriber_id = $1 AND c.channel = $2)`,
		`UPDATE conversations SET subscriber_id = $3 WHERE subscriber_id = $1 AND channel = $2`,
	} {
		if err == nil {
			_, err = tx.ExecContext(ctx, text, from, channel, to)
		}
	}
	if err != nil {
		return fmt.Errorf("adopting deliveries: %w", err)
	}
	return nil
}
