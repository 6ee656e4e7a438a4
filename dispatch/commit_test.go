package dispatch

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"yizhan/config"
)

// committing returns a running committer on a table of ids.
func committing(t *testing.T) (*committer, *config.Database) {
	t.Helper()
	db, err := config.Open(t.Context(), home(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if err := db.Migrate(t.Context(), SchemaTable, Schema); err != nil {
		t.Fatal(err)
	}
	return newCommitter(db.Mark, slog.New(slog.DiscardHandler)), db
}

func alarm(code string) func(context.Context, grouped) error {
	return func(ctx context.Context, tx grouped) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO alarms (code, subject, text, since) VALUES ($1, '', '', 0)`, code)
		return err
	}
}

func alarms(t *testing.T, db *config.Database) (n int) {
	t.Helper()
	if err := db.Read.QueryRow(`SELECT COUNT(*) FROM alarms`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestOneBadChangeTakesNobodyWithIt commits many changes at once of which some
// break a rule of the table.
func TestOneBadChangeTakesNobodyWithIt(t *testing.T) {
	c, db := committing(t)
	var running, asking sync.WaitGroup
	running.Go(func() { c.run(context.Background()) })
	codes := []string{"a", "b", "a", "c", "b", "d", "a"}
	failed := make([]bool, len(codes))
	for i, code := range codes {
		asking.Go(func() { failed[i] = c.do(alarm(code)) != nil })
	}
	asking.Wait()
	close(c.in)
	running.Wait()
	bad := 0
	for _, f := range failed {
		if f {
			bad++
		}
	}
	if n := alarms(t, db); n != 4 || bad != 3 {
		t.Errorf("%d changes were refused and %d are in the table, want 3 and 4", bad, n)
	}
}

// TestPostedIsOwed: the database refuses for a while what nobody waits for.
func TestPostedIsOwed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, db := committing(t)
		var running sync.WaitGroup
		running.Go(func() { c.run(context.Background()) })
		tries, away := 0, errors.New("disk full")
		c.post(func(ctx context.Context, tx grouped) error {
			if tries++; tries <= 3 {
				return away
			}
			return alarm("owed")(ctx, tx)
		})
		if err := c.do(alarm("other")); err != nil {
			t.Errorf("a change that had nothing to do with it: %v", err)
		}
		for alarms(t, db) < 2 {
			if err := c.do(func(context.Context, grouped) error { return nil }); err != nil {
				t.Fatal(err)
			}
		}
		close(c.in)
		running.Wait()
		if n := alarms(t, db); n != 2 {
			t.Errorf("%d changes are in the table", n)
		}
	})
}

// TestCommittedBeforeItEnds: what was posted before the end is committed.
func TestCommittedBeforeItEnds(t *testing.T) {
	c, db := committing(t)
	for _, code := range []string{"a", "b", "c"} {
		c.post(alarm(code))
	}
	close(c.in)
	c.run(context.Background())
	if n := alarms(t, db); n != 3 {
		t.Errorf("%d of 3 changes are in the table", n)
	}
}

// TestRolledBackAnswersDoNotCount: what the valve counted in a transaction that
// came to nothing is counted again when the change is tried again, and once.
func TestRolledBackAnswersDoNotCount(t *testing.T) {
	c, _ := committing(t)
	var running sync.WaitGroup
	running.Go(func() { c.run(context.Background()) })
	v, tries := newValve(), 0
	answer := func(ctx context.Context, tx grouped) error {
		if _, _, err := v.count(ctx, tx, 1, "email", "reader@example.org", false, time.Now()); err != nil {
			return err
		}
		if tries++; tries < 5 {
			return errors.New("the database is away")
		}
		return nil
	}
	for c.do(answer) != nil {
	}
	close(c.in)
	running.Wait()
	if got := v.at(valveKey{1, "email", "example.org"}); tries != 5 || got.settled != 1 {
		t.Errorf("after %d tries %d answers are counted", tries, got.settled)
	}
}
