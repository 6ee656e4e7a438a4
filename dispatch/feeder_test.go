package dispatch

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"yizhan/config"
)

// named is a queue of which only the epoch is asked.
type named struct {
	Queue
	epoch string
	err   error
}

func (q *named) Epoch(context.Context) (string, error) { return q.epoch, q.err }

// feeding is a ledger with rows, and feeders of several sessions on it.
type feeding struct {
	*testing.T
	db     *config.Database
	ledger *Ledger
	commit *committer
	run    int64
	now    time.Time
}

func newFeeding(t *testing.T) *feeding {
	t.Helper()
	db, people, ledger := emptyLedger(t, home(t))
	t.Cleanup(func() { db.Close() })
	f := &feeding{T: t, db: db, ledger: ledger, commit: newCommitter(db.Mark, slog.New(slog.DiscardHandler)), now: time.Now()}
	subscribed(t, people, 6, f.now)
	f.run = planned(t, ledger, f.now)
	done := make(chan struct{})
	go func() { f.commit.run(context.Background()); close(done) }()
	t.Cleanup(func() { close(f.commit.in); <-done })
	return f
}

// session opens a session on another machine and gives its feeder.
func (f *feeding) session(pid int, q Queue) *feeder {
	f.Helper()
	s, err := f.ledger.OpenSession(f.Context(), Process{BootID: "elsewhere", PID: pid}, f.now)
	must(f, err)
	return &feeder{ledger: f.ledger, commit: f.commit, queue: q, session: s.ID, forgotten: queuedTooLong}
}

// put queues up to limit rows under an epoch.
func (f *feeding) put(epoch string, limit int) {
	f.Helper()
	must(f, f.commit.do(func(ctx context.Context, tx grouped) error {
		_, err := f.ledger.feed(ctx, tx, f.run, "email", epoch, limit, f.now)
		return err
	}))
}

func (f *feeding) repair(by *feeder, after time.Duration) {
	f.Helper()
	must(f, by.repair(f.Context(), f.now.Add(after)))
}

// queued checks how many rows are queued under an epoch.
func (f *feeding) queued(epoch string, want int) {
	f.Helper()
	n := 0
	must(f, f.db.Read.QueryRowContext(f.Context(), `SELECT COUNT(*) FROM deliveries WHERE state = 'queued' AND epoch = $1`, epoch).Scan(&n))
	if n != want {
		f.Errorf("%d rows are queued under the epoch %q, want %d", n, epoch, want)
	}
}

// A row stays queued as long as a living session feeds the queue that it is in.
func TestRepairKnowsTheQueuesOfOthers(t *testing.T) {
	f := newFeeding(t)
	mine, other := &named{epoch: "a"}, &named{epoch: "b"}
	a, b := f.session(1, mine), f.session(2, other)
	f.repair(a, 0)
	f.repair(b, 0)
	f.put("a", 2)
	f.put("b", 2)
	f.put("nobody's", 1)
	f.repair(a, time.Second)
	f.repair(b, time.Second)
	f.queued("a", 2)
	f.queued("b", 2)
	f.queued("nobody's", 0)

	mine.epoch, mine.err = "shared", errors.New("away")
	if err := a.repair(t.Context(), f.now); !errors.Is(err, mine.err) {
		t.Errorf("repaired without an epoch: %v", err)
	}
	f.repair(b, time.Second) // a's change is not known yet
	f.queued("a", 2)
	mine.err = nil
	f.repair(a, time.Second)
	f.queued("a", 0)
	f.queued("b", 2)

	// b falls silent.
	must(t, f.ledger.Beat(t.Context(), Session{ID: a.session}, f.now.Add(sessionDead+time.Second)))
	_, _, err := f.ledger.Reap(t.Context(), Process{}, f.now.Add(sessionDead+time.Second))
	must(t, err)
	f.repair(a, sessionDead+time.Second)
	f.queued("b", 0)
}

// Whatever the queue says, a row is in it for a minute at most.
func TestRepairAfterAMinute(t *testing.T) {
	f := newFeeding(t)
	a := f.session(1, &named{epoch: "a"})
	f.repair(a, 0)
	f.put("a", 3)
	f.repair(a, queuedTooLong)
	f.queued("a", 3)
	f.repair(a, queuedTooLong+time.Millisecond)
	f.queued("a", 0)
}
