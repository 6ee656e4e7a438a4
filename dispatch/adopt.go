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
	const theirs = `subscriber_id = $1 AND channel = $2 AND issue_id IN (SELECT r.issue_id FROM runs r)`
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
	if err == nil {
		_, err = tx.ExecContext(ctx, `UPDATE deliveries SET subscriber_id = $3 WHERE `+theirs, from, channel, to)
	}
	if err != nil {
		return fmt.Errorf("adopting deliveries: %w", err)
	}
	return nil
}
