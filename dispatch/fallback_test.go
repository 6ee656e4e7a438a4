package dispatch_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"yizhan/dispatch"
	"yizhan/dispatch/dispatchtest"
)

// sharedQueue is a queue that can go away. Its entries have ids.
type sharedQueue struct {
	*dispatch.Memory
	mu           sync.Mutex
	down         error
	noPulls      error
	acked, asked int
}

func (q *sharedQueue) set(down, noPulls error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.down, q.noPulls = down, noPulls
}

func (q *sharedQueue) err() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.asked++
	return q.down
}

func (q *sharedQueue) Epoch(ctx context.Context) (string, error) {
	if err := q.err(); err != nil {
		return "", err
	}
	return q.Memory.Epoch(ctx)
}

func (q *sharedQueue) Push(ctx context.Context, channel string, ids []int64) error {
	if err := q.err(); err != nil {
		return err
	}
	return q.Memory.Push(ctx, channel, ids)
}

func (q *sharedQueue) Pull(ctx context.Context, channel string) (dispatch.Entry, error) {
	q.mu.Lock()
	err := errors.Join(q.down, q.noPulls)
	q.mu.Unlock()
	if err != nil {
		return dispatch.Entry{}, err
	}
	e, err := q.Memory.Pull(ctx, channel)
	e.ID = "shared"
	return e, err
}

func (q *sharedQueue) Ack(context.Context, string, dispatch.Entry) error {
	if err := q.err(); err != nil {
		return err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.acked++
	return nil
}

func (q *sharedQueue) Waiting(ctx context.Context, channel string) (int, error) {
	if err := q.err(); err != nil {
		return 0, err
	}
	return q.Memory.Waiting(ctx, channel)
}

func fallback(t *testing.T) (*dispatch.Fallback, *sharedQueue) {
	t.Helper()
	shared := &sharedQueue{Memory: dispatch.NewMemory()}
	f, err := dispatch.NewFallback(dispatch.FallbackOptions{Shared: shared})
	if err != nil {
		t.Fatal(err)
	}
	return f, shared
}

func TestFallbackIsAQueue(t *testing.T) {
	open := func(t *testing.T) dispatch.Queue {
		f, _ := fallback(t)
		return f
	}
	dispatchtest.ExerciseQueue(t, open)
	t.Run("away", func(t *testing.T) {
		dispatchtest.ExerciseQueue(t, func(t *testing.T) dispatch.Queue {
			shared := &sharedQueue{Memory: dispatch.NewMemory(), down: errors.New("away")}
			f, err := dispatch.NewFallback(dispatch.FallbackOptions{Shared: shared, After: time.Nanosecond})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := f.Epoch(t.Context()); err != nil || !f.Away() {
				t.Fatalf("away: %v, %v", f.Away(), err)
			}
			return f
		})
	})
}

func TestFallbackGoesAndComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, shared := fallback(t)
		ctx := t.Context()
		there, _ := shared.Memory.Epoch(ctx)
		if e, err := f.Epoch(ctx); err != nil || e != there {
			t.Fatalf("epoch %q, %v", e, err)
		}
		if err := f.Push(ctx, "email", []int64{1}); err != nil {
			t.Fatal(err)
		}

		down := errors.New("connection refused")
		shared.set(down, nil)
		if _, err := f.Epoch(ctx); !errors.Is(err, down) || f.Away() {
			t.Errorf("first failure: %v, away %v", err, f.Away())
		}
		// What was not taken is in this process at once.
		if err := f.Push(ctx, "email", []int64{2}); err != nil {
			t.Error(err)
		}
		if e, err := f.Pull(ctx, "email"); err != nil || !slices.Equal(e.Deliveries, []int64{2}) || f.Away() {
			t.Errorf("pulled %v, %v", e, err)
		}
		time.Sleep(1900 * time.Millisecond)
		if _, err := f.Epoch(ctx); err == nil || f.Away() {
			t.Errorf("after 1.9 s: %v, away %v", err, f.Away())
		}
		time.Sleep(100 * time.Millisecond)
		mine, err := f.Epoch(ctx)
		if err != nil || mine == there || !f.Away() {
			t.Errorf("after 2 s: %q, %v, away %v", mine, err, f.Away())
		}
		if n, err := f.Waiting(ctx, "email"); err != nil || n != 0 {
			t.Errorf("waiting here: %d, %v", n, err)
		}

		// It is asked once a second, whoever wants to know.
		asked := shared.asked
		for range 40 {
			if e, err := f.Epoch(ctx); err != nil || e != mine {
				t.Errorf("while away: %q, %v", e, err)
			}
			time.Sleep(250 * time.Millisecond)
		}
		if n := shared.asked - asked; n < 9 || n > 11 {
			t.Errorf("asked %d times in ten seconds", n)
		}

		// Back: both queues are served.
		if err := f.Push(ctx, "email", []int64{3}); err != nil {
			t.Fatal(err)
		}
		shared.set(nil, nil)
		time.Sleep(time.Second)
		if e, err := f.Epoch(ctx); err != nil || e != there || f.Away() {
			t.Errorf("back: %q, %v, away %v", e, err, f.Away())
		}
		if n, err := f.Waiting(ctx, "email"); err != nil || n != 2 {
			t.Errorf("waiting in both: %d, %v", n, err)
		}
		for _, want := range []int64{3, 1} {
			e, err := f.Pull(ctx, "email")
			if err != nil || !slices.Equal(e.Deliveries, []int64{want}) {
				t.Errorf("pulled %v, %v; want %d", e, err, want)
			}
			if err := f.Ack(ctx, "email", e); err != nil {
				t.Error(err)
			}
		}
		if shared.acked != 1 {
			t.Errorf("%d entries acknowledged in the shared queue", shared.acked)
		}
	})
}

// A pull that waits follows the queue to wherever it is.
func TestFallbackPullFollows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, shared := fallback(t)
		ctx, stop := context.WithCancel(t.Context())
		pulled := make(chan int64, 3)
		ended := make(chan struct{})
		defer func() { stop(); <-ended }()
		go func() {
			defer close(ended)
			for ctx.Err() == nil {
				e, err := f.Pull(ctx, "email")
				if err != nil {
					time.Sleep(time.Second) // as the worker does
					continue
				}
				pulled <- e.Deliveries[0]
			}
		}()
		for step := range int64(3) { // shared, away, shared
			if step == 1 {
				shared.set(errors.New("away"), nil)
			} else {
				shared.set(nil, nil)
			}
			for range 20 {
				_, _ = f.Epoch(ctx)
				time.Sleep(250 * time.Millisecond)
			}
			if f.Away() != (step == 1) {
				t.Errorf("step %d: away %v", step, f.Away())
			}
			if err := f.Push(ctx, "email", []int64{step}); err != nil {
				t.Error(err)
			}
			if got := <-pulled; got != step {
				t.Errorf("step %d: pulled %d", step, got)
			}
		}
	})
}

// A shared queue that takes entries and does not give them is away, too.
func TestFallbackWithoutPulls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, shared := fallback(t)
		shared.set(nil, errors.New("no permission"))
		for range 3 {
			ctx, end := context.WithTimeout(t.Context(), time.Second)
			_, _ = f.Pull(ctx, "email")
			end()
			time.Sleep(time.Second)
			if f.Away() {
				return
			}
			if _, err := f.Epoch(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		t.Error("not away after three seconds without a pull")
	})
}
