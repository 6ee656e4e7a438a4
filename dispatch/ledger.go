package dispatch

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Schema are the migrations of the ledger's tables.
//
//go:embed schema/*.sql
var Schema embed.FS

// SchemaTable is the version table of [Schema].
const SchemaTable = "dispatch_schema"

// ErrNoRun says that an issue has no run yet.
var ErrNoRun = errors.New("no run")

// LedgerOptions are what a [Ledger] needs.
type LedgerOptions struct {
	// Write takes durable transactions, Read sees what is committed.
	Write, Read *sql.DB
	// Mark takes claims, marks and settles. On SQLite it may leave the disk to
	// the next commit on Write, which the dispatcher makes at least once a
	// second: they then survive the death of the process, and a power cut takes
	// at most the last second of them. Nil: Write.
	Mark *sql.DB
	// Windows are the parts of the day in which runs of schedules are sent, by
	// the schedule's name; one that has none is sent at any time.
	Windows map[string]Window
}

// Window says from when on sending is allowed: now itself when it is now.
type Window func(now time.Time) (opens time.Time)

// Ledger is the table of deliveries and what belongs to it: runs, frozen
// variants, sessions, alarms. Any number of processes may use it at once.
type Ledger struct {
	write, mark, read *sql.DB
	windows           map[string]Window
}

// NewLedger returns the ledger in a database that has [Schema].
func NewLedger(o LedgerOptions) (*Ledger, error) {
	if o.Write == nil || o.Read == nil {
		return nil, errors.New("ledger: Write and Read are needed")
	}
	l := &Ledger{write: o.Write, mark: o.Mark, read: o.Read, windows: o.Windows}
	if l.mark == nil {
		l.mark = l.write
	}
	return l, nil
}

// opens is when a schedule's runs may be sent: now, or later.
func (l *Ledger) opens(schedule string, now time.Time) time.Time {
	if w := l.windows[schedule]; w != nil {
		return w(now)
	}
	return now
}

// execer is a transaction, of whichever kind.
type execer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// transact runs fn in one durable transaction.
func (l *Ledger) transact(ctx context.Context, doing string, fn func(tx execer) error) error {
	tx, err := l.write.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	defer tx.Rollback()
	if err := fn(tx); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}

// millis is how the ledger keeps a time: UTC milliseconds, 0 for none.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// instant is the reverse of millis.
func instant(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// list appends ids to args and returns their placeholders: "$3,$4,$5". An empty
// list is NULL, which nothing is in: PostgreSQL knows no empty one.
func list(args *[]any, ids []int64) string {
	if len(ids) == 0 {
		return "NULL"
	}
	var b strings.Builder
	for i, id := range ids {
		if i > 0 {
			b.WriteByte(',')
		}
		*args = append(*args, id)
		fmt.Fprintf(&b, "$%d", len(*args))
	}
	return b.String()
}

// ids reads one column of ids.
func ids(rows *sql.Rows, err error) ([]int64, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []int64
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		out = append(out, id)
	}
	return out, rows.Err()
}
