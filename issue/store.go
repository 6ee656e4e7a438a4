package issue

import (
	"context"
	"database/sql"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Schema holds the migrations of the store's tables.
//
//go:embed schema/*.sql
var Schema embed.FS

// StoreOptions of a [Store]; both are required.
type StoreOptions struct {
	// Write is the handle whose commits survive a power cut, Read may be a pool.
	Write, Read *sql.DB
}

// Store keeps issues with their revisions and approvals.
//
// A revision that was ever approved never changes: the run that sent it refers to
// it by number. One that was not is replaced in place, so that a draft which is
// imported ten times is revision 1 and not 10.
type Store struct {
	write, read *sql.DB
}

// NewStore returns a store on migrated databases (see [Schema]).
func NewStore(o StoreOptions) (*Store, error) {
	if o.Write == nil || o.Read == nil {
		return nil, errors.New("issue: StoreOptions.Write and StoreOptions.Read are required")
	}
	return &Store{write: o.Write, read: o.Read}, nil
}

// Save stores an imported issue as a draft. The same content again changes
// nothing and keeps an approval; other content voids it.
func (s *Store) Save(ctx context.Context, i Issue, found []Diagnostic, now time.Time) (Record, error) {
	if !storeID.MatchString(i.ID) {
		return Record{}, fmt.Errorf("saving issue %q: %w", i.ID, ErrBadID)
	}
	var saved Record
	err := s.inTx(ctx, func(tx *sql.Tx) error {
		old, err := get(ctx, tx, i.ID, 0)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		next := Record{Issue: i, Diagnostics: found, State: Draft, Revision: Revision{N: old.Revision.N, Hash: i.Hash()}, ImportedAt: now}
		switch {
		case err != nil:
			next.Change = Added
			next.Revision.N = 1
		case old.Revision.Hash == next.Revision.Hash:
			next.Change, next.State = Unchanged, old.State
		case old.ApprovedAt.IsZero():
			next.Change = Replaced
		default:
			next.Change = Revised
			next.Revision.N++
		}
		if err := next.put(ctx, tx, old); err != nil {
			return err
		}
		saved, err = get(ctx, tx, i.ID, 0)
		saved.Change = next.Change
		return err
	})
	if err != nil {
		return Record{}, fmt.Errorf("saving issue %s: %w", i.ID, err)
	}
	return saved, nil
}

// put writes what Save decided.
func (r Record) put(ctx context.Context, tx *sql.Tx, old Record) error {
	diagnostics, err := json.Marshal(list(r.Diagnostics))
	if err != nil {
		return fmt.Errorf("encoding the diagnostics: %w", err)
	}
	if r.Change == Unchanged {
		if !old.ApprovedAt.IsZero() {
			return nil // what was approved stays as it was seen
		}
		// A better reader may find less to complain about in the same content.
		_, err := tx.ExecContext(ctx, `UPDATE issue_revisions SET diagnostics = $1 WHERE issue_id = $2 AND n = $3`, string(diagnostics), r.ID, r.Revision.N)
		return err
	}
	model, err := json.Marshal(r.Issue)
	if err != nil {
		return fmt.Errorf("encoding the issue: %w", err)
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO issues (id, state, revision, hash, title, label, imported_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (id) DO UPDATE SET state = excluded.state, revision = excluded.revision, hash = excluded.hash, title = excluded.title,
	label = excluded.label, imported_at = excluded.imported_at, approved_at = NULL, approved_by = ''`,
		r.ID, string(r.State), r.Revision.N, r.Revision.Hash, r.Title, r.Label(), r.ImportedAt.UnixMilli()); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO issue_revisions (issue_id, n, hash, model, diagnostics, created_at)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (issue_id, n) DO UPDATE SET hash = excluded.hash, model = excluded.model, diagnostics = excluded.diagnostics, created_at = excluded.created_at,
	source_name = '', source_hash = ''`,
		r.ID, r.Revision.N, r.Revision.Hash, string(model), string(diagnostics), r.ImportedAt.UnixMilli())
	return err
}

// Get returns the current revision of an issue.
func (s *Store) Get(ctx context.Context, id string) (Record, error) {
	r, err := get(ctx, s.read, id, 0)
	if err != nil {
		return Record{}, fmt.Errorf("reading issue %s: %w", id, err)
	}
	return r, nil
}

// Revision returns revision n of an issue, counted from 1.
func (s *Store) Revision(ctx context.Context, id string, n int) (Record, error) {
	if n < 1 {
		return Record{}, fmt.Errorf("reading revision %d of issue %s: %w", n, id, ErrNotFound)
	}
	r, err := get(ctx, s.read, id, n)
	if err != nil {
		return Record{}, fmt.Errorf("reading revision %d of issue %s: %w", n, id, err)
	}
	return r, nil
}

// Approved returns the current revision of an issue when it may be sent, else
// [ErrNotApproved].
func (s *Store) Approved(ctx context.Context, id string) (Record, error) {
	r, err := s.Get(ctx, id)
	if err != nil {
		return Record{}, err
	}
	if r.State != Approved {
		return Record{}, fmt.Errorf("issue %s is %s: %w", id, r.State, ErrNotApproved)
	}
	return r, nil
}

// List returns every issue: running numbers in their order, then other ids.
func (s *Store) List(ctx context.Context) ([]Summary, error) {
	rows, err := s.read.QueryContext(ctx, `SELECT id, title, label, state, revision, hash, imported_at, approved_at, approved_by
FROM issues ORDER BY LENGTH(id), id`)
	if err != nil {
		return nil, fmt.Errorf("listing issues: %w", err)
	}
	defer rows.Close()
	out := []Summary{}
	for rows.Next() {
		var x Summary
		var imported int64
		var approved sql.NullInt64
		if err := rows.Scan(&x.ID, &x.Title, &x.Label, &x.State, &x.Revision.N, &x.Revision.Hash, &imported, &approved, &x.ApprovedBy); err != nil {
			return nil, fmt.Errorf("listing issues: %w", err)
		}
		x.ImportedAt, x.ApprovedAt = stored(imported), storedOrZero(approved)
		out = append(out, x)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("listing issues: %w", err)
	}
	return out, nil
}

// Approve approves the current revision in somebody's name, when it still is the one
// with this hash, else [ErrChanged]. [ErrFaulty] when a diagnostic of it is an error.
// Approving it again keeps the first approval.
func (s *Store) Approve(ctx context.Context, id, by, hash string, now time.Time) (Record, error) {
	return s.decide(ctx, id, "approving", func(tx *sql.Tx, r Record) error {
		if r.Revision.Hash != hash {
			return ErrChanged
		}
		for _, d := range r.Diagnostics {
			if d.Severity == Error {
				return fmt.Errorf("line %d: %s: %w", d.Line, d.Text, ErrFaulty)
			}
		}
		if r.State == Approved {
			return nil
		}
		if _, err := tx.ExecContext(ctx, `UPDATE issues SET state = 'approved', approved_at = $1, approved_by = $2 WHERE id = $3`, now.UnixMilli(), by, id); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `UPDATE issue_revisions SET approved_at = $1, approved_by = $2 WHERE issue_id = $3 AND n = $4`, now.UnixMilli(), by, id, r.Revision.N)
		return err
	})
}

// Withdraw takes an issue back: no run is planned of it until it is approved
// again. What was sent was sent.
func (s *Store) Withdraw(ctx context.Context, id string) (Record, error) {
	return s.decide(ctx, id, "withdrawing", func(tx *sql.Tx, _ Record) error {
		_, err := tx.ExecContext(ctx, `UPDATE issues SET state = 'withdrawn', approved_at = NULL, approved_by = '' WHERE id = $1`, id)
		return err
	})
}

// decide changes the state of an issue and returns it as it then is.
func (s *Store) decide(ctx context.Context, id, doing string, f func(*sql.Tx, Record) error) (Record, error) {
	var after Record
	err := s.inTx(ctx, func(tx *sql.Tx) error {
		before, err := get(ctx, tx, id, 0)
		if err != nil {
			return err
		}
		if err := f(tx, before); err != nil {
			return err
		}
		after, err = get(ctx, tx, id, 0)
		return err
	})
	if err != nil {
		return Record{}, fmt.Errorf("%s issue %s: %w", doing, id, err)
	}
	return after, nil
}

// Note keeps what was corrected in the current revision; "" takes a note back.
// [ErrSettled] when the revision is approved, [ErrLongNote] above [MaxNote].
func (s *Store) Note(ctx context.Context, id, note string) error {
	_, err := s.decide(ctx, id, "annotating", func(tx *sql.Tx, r Record) error {
		switch {
		case r.Revision.Note == note:
			return nil
		case len(note) > MaxNote:
			return ErrLongNote
		case !r.ApprovedAt.IsZero():
			return ErrSettled
		}
		_, err := tx.ExecContext(ctx, `UPDATE issue_revisions SET note = $1 WHERE issue_id = $2 AND n = $3`, note, id, r.Revision.N)
		return err
	})
	return err
}

type rowQueryer interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// get reads revision n of an issue, the current one when n is 0.
func get(ctx context.Context, q rowQueryer, id string, n int) (Record, error) {
	var (
		r                  Record
		model, diagnostics string
		created            int64
		approved           sql.NullInt64
	)
	err := q.QueryRowContext(ctx, `SELECT i.state, r.n, r.hash, r.note, r.model, r.diagnostics, r.created_at, r.approved_at, r.approved_by
FROM issues i JOIN issue_revisions r ON r.issue_id = i.id AND (r.n = $2 OR ($2 = 0 AND r.n = i.revision)) WHERE i.id = $1`, id, n).
		Scan(&r.State, &r.Revision.N, &r.Revision.Hash, &r.Revision.Note, &model, &diagnostics, &created, &approved, &r.ApprovedBy)
	if errors.Is(err, sql.ErrNoRows) {
		return Record{}, ErrNotFound
	}
	if err != nil {
		return Record{}, err
	}
	if err := json.Unmarshal([]byte(model), &r.Issue); err != nil {
		return Record{}, fmt.Errorf("decoding the stored issue: %w", err)
	}
	if err := json.Unmarshal([]byte(diagnostics), &r.Diagnostics); err != nil {
		return Record{}, fmt.Errorf("decoding the stored diagnostics: %w", err)
	}
	r.ImportedAt, r.ApprovedAt = stored(created), storedOrZero(approved)
	r.Revision.Approved = r.ApprovedAt
	return r, nil
}

// inTx runs f in a transaction on the durable handle, which begins by taking the
// write lock.
func (s *Store) inTx(ctx context.Context, f func(*sql.Tx) error) error {
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("beginning a transaction: %w", err)
	}
	defer tx.Rollback() // does nothing after the commit
	if err := f(tx); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("committing: %w", err)
	}
	return nil
}

func stored(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

func storedOrZero(ms sql.NullInt64) time.Time {
	if !ms.Valid {
		return time.Time{}
	}
	return stored(ms.Int64)
}
