package dispatch

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"
)

// change is one step of a delivery that waits to be committed.
type change struct {
	do   func(ctx context.Context, tx grouped) error
	done chan error // nil: nobody waits, and it is owed until it is committed
}

// committer is the group commit: whatever waits when the writer is free goes
// into one transaction. Marks and settles of all lanes share commits that way,
// without a timer standing between a marker and its final dot.
type committer struct {
	db    *sql.DB
	log   *slog.Logger
	in    chan change
	dirty atomic.Bool // something was committed that the next heartbeat makes durable

	prepared map[string]*sql.Stmt // by their text
}

const (
	// maxGroup bounds one group commit, so that an unsubscribe never waits long.
	maxGroup = 256
	// owedRetry is how long the committer leaves a database alone that refused
	// to take an owed change.
	owedRetry = time.Second
	// crossedTries is how often a group is begun again that crossed another
	// process's. One of two always gets through, so it is rarely needed twice.
	crossedTries = 5
)

// errWhole is a failure that no one change of a group is to blame for: the
// transaction could not be begun, or whether it was committed is not known.
var errWhole = errors.New("the database is away")

func newCommitter(db *sql.DB, log *slog.Logger) *committer {
	return &committer{db: db, log: log, in: make(chan change, maxGroup)}
}

// do commits fn together with whatever else waits, and returns once it is
// committed or has failed. Changes are committed in the order in which do and
// post were called. Run must be running.
//
// After an error it is not known whether fn was committed: a database that goes
// away may do so between its commit and its answer.
func (c *committer) do(fn func(context.Context, grouped) error) error {
	ch := change{do: fn, done: make(chan error, 1)}
	c.in <- ch
	return <-ch.done
}

// post commits fn some time soon and does not wait for it. What the carrier
// has answered must not be forgotten because the database was away: a posted
// change is tried again until it is committed. It may then be carried out a
// second time, and must change nothing when it is.
func (c *committer) post(fn func(context.Context, grouped) error) {
	c.in <- change{do: fn}
}

// run commits until in is closed and empty.
func (c *committer) run(ctx context.Context) {
	c.prepare(ctx)
	defer c.close()
	var owed []change
	group := make([]change, 0, maxGroup)
	for {
		group = append(group[:0], owed...)
		owed = nil
		if len(group) == 0 {
			ch, ok := <-c.in
			if !ok {
				return
			}
			group = append(group, ch)
		}
		closed := c.gather(&group)
		owed = c.commit(ctx, group)
		if len(owed) == 0 {
			continue
		}
		if closed {
			c.log.Error("the ledger did not take everything; what is missing will be unconfirmed", "rows", len(owed))
			return
		}
		time.Sleep(owedRetry)
	}
}

// gather adds whatever waits to a group; closed is true after the last.
func (c *committer) gather(group *[]change) (closed bool) {
	for len(*group) < maxGroup {
		select {
		case ch, ok := <-c.in:
			if !ok {
				return true
			}
			*group = append(*group, ch)
		default:
			return false
		}
	}
	return false
}

// commit commits a group; when that fails, each of its changes by itself, so
// that one bad change does not take the others with it. It returns what is owed.
func (c *committer) commit(ctx context.Context, group []change) (owed []change) {
	whole := c.transact(ctx, group)
	var failure error // of what is owed
	for i, ch := range group {
		err := whole
		if whole != nil && len(group) > 1 && !errors.Is(whole, errWhole) {
			if err = c.transact(ctx, group[i:i+1]); errors.Is(err, errWhole) {
				whole = err
			}
		}
		switch {
		case ch.done != nil:
			ch.done <- err
		case err != nil:
			failure, owed = err, append(owed, ch)
		}
	}
	if failure != nil {
		c.log.Error("the ledger did not take every answer; trying again", "answers", len(owed), "error", failure)
	}
	return owed
}

// transact carries a group out in one transaction. Two processes whose groups
// want the same rows in another order cross: the database ends one of them, and
// that one begins again.
func (c *committer) transact(ctx context.Context, group []change) error {
	for try := 1; ; try++ {
		err := c.attempt(ctx, group)
		if !isCrossed(err) || try == crossedTries {
			return err
		}
	}
}

// isCrossed reports whether a database undid a transaction for the sake of
// another: a deadlock or a serialization failure in SQL's codes.
func isCrossed(err error) bool {
	var coded interface{ SQLState() string }
	return errors.As(err, &coded) && (coded.SQLState() == "40P01" || coded.SQLState() == "40001")
}

func (c *committer) attempt(ctx context.Context, group []change) error {
	tx, err := c.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("beginning a commit: %w: %w", errWhole, err)
	}
	t := &preparedTx{Tx: tx, prepared: c.prepared, known: map[string]*sql.Stmt{}}
	defer t.end()
	for _, ch := range group {
		if err := ch.do(ctx, t); err != nil {
			return err
		}
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("committing: %w: %w", errWhole, err)
	}
	t.committed = true
	if t.wrote {
		c.dirty.Store(true)
	}
	return nil
}

// prepare parses the statements that are executed for each delivery or for a few of
// them: parsing costs several times what executing them does. What cannot be
// prepared now is parsed each time.
func (c *committer) prepare(ctx context.Context) {
	c.prepared = map[string]*sql.Stmt{}
	part := []any{nil, nil}
	for _, text := range []string{markText, settleText, claimText(list(&part, make([]int64, claimPart)))} {
		if stmt, err := c.db.PrepareContext(ctx, text); err == nil {
			c.prepared[text] = stmt
		}
	}
}

func (c *committer) close() {
	for _, stmt := range c.prepared {
		_ = stmt.Close()
	}
}

// grouped is a transaction of the group commit: it may be rolled back and begun
// again because of what somebody else does in it.
type grouped interface {
	execer
	// onRollback has f called when the transaction comes to nothing.
	onRollback(f func())
}

// preparedTx is a grouped transaction that knows some statements already.
type preparedTx struct {
	*sql.Tx
	prepared  map[string]*sql.Stmt
	known     map[string]*sql.Stmt // of prepared, those that were used in it
	undo      []func()
	wrote     bool // a row was changed: an idle daemon has nothing to make durable
	committed bool
}

func (t *preparedTx) onRollback(f func()) { t.undo = append(t.undo, f) }

// end rolls back what was not committed.
func (t *preparedTx) end() {
	if t.committed {
		return
	}
	_ = t.Rollback()
	for _, f := range slices.Backward(t.undo) {
		f()
	}
}

// stmt is a prepared statement in this transaction; nil: it is none.
func (t *preparedTx) stmt(ctx context.Context, text string) *sql.Stmt {
	stmt, ok := t.known[text]
	if prepared, there := t.prepared[text]; !ok && there {
		stmt = t.StmtContext(ctx, prepared)
		t.known[text] = stmt
	}
	return stmt
}

// QueryContext implements execer.
func (t *preparedTx) QueryContext(ctx context.Context, text string, args ...any) (*sql.Rows, error) {
	if stmt := t.stmt(ctx, text); stmt != nil {
		return stmt.QueryContext(ctx, args...)
	}
	return t.Tx.QueryContext(ctx, text, args...)
}

// ExecContext implements execer.
func (t *preparedTx) ExecContext(ctx context.Context, text string, args ...any) (res sql.Result, err error) {
	if stmt := t.stmt(ctx, text); stmt != nil {
		res, err = stmt.ExecContext(ctx, args...)
	} else {
		res, err = t.Tx.ExecContext(ctx, text, args...)
	}
	if err != nil {
		return nil, err
	}
	if n, err := res.RowsAffected(); err != nil || n > 0 {
		t.wrote = true
	}
	return res, nil
}
