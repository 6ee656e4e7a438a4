package issue

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
)

// MaxSource is the largest file that is kept with an issue, in bytes.
const MaxSource = 16 << 20

// ErrLargeSource says that a file is too large to be kept.
var ErrLargeSource = errors.New("the file is too large to be kept with the issue")

// KeepSource keeps the file that the current revision of an issue was read from,
// under the name that it had. The same content is kept once, however often it
// comes; what no revision refers to any more goes. [ErrLargeSource] above
// [MaxSource].
func (s *Store) KeepSource(ctx context.Context, id, name string, file []byte) error {
	if len(file) > MaxSource {
		return fmt.Errorf("keeping the file of issue %s: %w", id, ErrLargeSource)
	}
	sum := sha256.Sum256(file)
	hash := hex.EncodeToString(sum[:])
	_, err := s.decide(ctx, id, "keeping the file of", func(tx *sql.Tx, r Record) error {
		if _, err := tx.ExecContext(ctx, `INSERT INTO sources (hash, data) VALUES ($1, $2) ON CONFLICT (hash) DO NOTHING`, hash, file); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE issue_revisions SET source_name = $1, source_hash = $2 WHERE issue_id = $3 AND n = $4`,
			name, hash, id, r.Revision.N); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `DELETE FROM sources WHERE hash NOT IN (SELECT source_hash FROM issue_revisions)`)
		return err
	})
	return err
}

// Source returns the name and content of the file that revision n of an issue was
// read from, "" and nil when none was kept.
func (s *Store) Source(ctx context.Context, id string, n int) (name string, file []byte, err error) {
	err = s.read.QueryRowContext(ctx, `SELECT r.source_name, s.data FROM issue_revisions r LEFT JOIN sources s ON s.hash = r.source_hash
WHERE r.issue_id = $1 AND r.n = $2`, id, n).Scan(&name, &file)
	if errors.Is(err, sql.ErrNoRows) {
		err = ErrNotFound
	}
	if err != nil {
		return "", nil, fmt.Errorf("reading the file of issue %s: %w", id, err)
	}
	return name, file, nil
}

// SourceName is the name of the file that [Store.Source] returns, "" when none was
// kept.
func (s *Store) SourceName(ctx context.Context, id string, n int) (name string, err error) {
	err = s.read.QueryRowContext(ctx, `SELECT source_name FROM issue_revisions WHERE issue_id = $1 AND n = $2 AND source_hash <> ''`, id, n).Scan(&name)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("reading the file of issue %s: %w", id, err)
	}
	return name, nil
}
