package dispatch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"
)

const (
	// feedEvery bounds how long a row that has become due waits for the feeder.
	feedEvery = 250 * time.Millisecond
	// queuedTooLong is [Options].Forgotten when nobody says otherwise.
	queuedTooLong = time.Minute
	// maxChunk is the most ids in one queue entry: claims by the hundred cost a
	// hundredth of a commit each.
	maxChunk = 100
	// maxWindow is the most ids of a channel in the queue at a time: losing the
	// queue costs one refill of that.
	maxWindow = 5000
)

// feeder puts due rows into the queue: first sends, retries, resends and
// repairs all take this way.
type feeder struct {
	ledger    *Ledger
	commit    *committer
	queue     Queue
	workers   []*worker
	wake      chan struct{} // a worker has taken an entry
	session   int64
	forgotten time.Duration
	unsure    bool // rows may be queued that are in no queue

	announced atomic.Value // string: the epoch that the session's row has
}

// epoch gives the queue's epoch, after the session's row says so: from then on
// rows queued under it are known to be in a queue, and rows of the one before
// are not.
func (f *feeder) epoch(ctx context.Context) (string, error) {
	epoch, err := f.queue.Epoch(ctx)
	if err != nil {
		return "", err
	}
	if epoch == f.announced.Load() {
		return epoch, nil
	}
	// Two at a time may announce different epochs in either order: the next call
	// then announces again.
	err = f.commit.do(func(ctx context.Context, tx grouped) error {
		return f.ledger.announce(ctx, tx, f.session, epoch)
	})
	if err != nil {
		return "", fmt.Errorf("announcing the queue's epoch: %w", err)
	}
	f.announced.Store(epoch)
	return epoch, nil
}

// feed fills the queue once.
func (f *feeder) feed(ctx context.Context, now time.Time) error {
	epoch, err := f.epoch(ctx)
	if err != nil {
		return err
	}
	if f.unsure {
		// All that is queued is taken back: an entry that is in the queue all the
		// same is refused when it is claimed, or serves for the one to come.
		if err := f.requeue(time.Now().Add(time.Millisecond), now); err != nil {
			return err
		}
		f.unsure = false
	}
	runs, err := f.ledger.openRuns(ctx, now)
	if err != nil {
		return err
	}
	var errs error
	for _, w := range f.workers {
		if w.gate.shut(now) || w.lanes.none() {
			continue
		}
		errs = errors.Join(errs, f.feedChannel(ctx, w, runs, epoch, now))
	}
	return errs
}

func (f *feeder) feedChannel(ctx context.Context, w *worker, runs []openRun, epoch string, now time.Time) error {
	chunk := w.pace.chunk()
	waiting, err := f.queue.Waiting(ctx, w.name)
	if err != nil {
		return err
	}
	room := w.pace.window() - waiting
	since := w.line.since(now)
	for _, run := range runs {
		if room <= 0 {
			return nil
		}
		if !slices.Contains(run.channels, w.name) {
			continue
		}
		var fed []int64
		err := f.commit.do(func(ctx context.Context, tx grouped) (err error) {
			var first []int64
			if len(w.rooms) > 0 {
				if first, err = f.ledger.feedSince(ctx, tx, run.id, w.name, epoch, room, since, now); err != nil {
					return err
				}
			}
			if fed, err = first, nil; len(first) < room {
				fed, err = f.ledger.feed(ctx, tx, run.id, w.name, epoch, room-len(first), now)
				fed = append(fed, first...)
			}
			return err
		})
		if err != nil {
			f.unsure = true
			return err
		}
		slices.Sort(fed)
		room -= len(fed)
		// A push that fails leaves rows queued that are in no queue: the epoch or
		// the clock makes them due again.
		for _, part := range divide(fed, chunk, w.cap.Least) {
			if err := f.queue.Push(ctx, w.name, part); err != nil {
				return err
			}
		}
	}
	w.line.fed(now)
	return nil
}

// repair makes rows due again that the queue has lost.
func (f *feeder) repair(ctx context.Context, now time.Time) error {
	if _, err := f.epoch(ctx); err != nil {
		return err
	}
	return f.requeue(now.Add(-f.forgotten), now)
}

func (f *feeder) requeue(before, now time.Time) error {
	return f.commit.do(func(ctx context.Context, tx grouped) error {
		_, err := f.ledger.requeue(ctx, tx, before, now)
		return err
	})
}

// divide cuts all into parts of most. A last one with fewer than least takes what
// it lacks from the one before.
func divide[T any](all []T, most, least int) (parts [][]T) {
	for len(all) > 0 {
		n := min(most, len(all))
		if rest := len(all) - n; rest > 0 && rest < least {
			n = max(len(all)-least, 1)
		}
		parts = append(parts, all[:n:n])
		all = all[n:]
	}
	return parts
}
