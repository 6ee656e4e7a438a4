package main

import (
	"context"
	"database/sql"
	"fmt"
)

// published gives the newest revision of each issue that was ever planned.
func published(ctx context.Context, db *sql.DB) (map[string]int, error) {
	rows, err := db.QueryContext(ctx, `SELECT issue_id, MAX(revision) FROM runs WHERE kind = 'issue' AND planned_at > 0 GROUP BY issue_id`)
	if err != nil {
		return nil, fmt.Errorf("reading what was published: %w", err)
	}
	defer rows.Close()
	out := map[string]int{}
	for rows.Next() {
		var id string
		var revision int
		if err := rows.Scan(&id, &revision); err != nil {
			return nil, fmt.Errorf("reading what was published: %w", err)
		}
		out[id] = revision
	}
	return out, rows.Err()
}
