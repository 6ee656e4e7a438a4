package dispatchtest

import (
	"context"
	"slices"
	"testing"
	"time"

	"yizhan/dispatch"
)

// ExerciseQueue checks what the dispatcher relies on in a queue. open returns a
// new, empty one; the tests use channel names of their own, so that one server
// may serve them all.
func ExerciseQueue(t *testing.T, open func(t *testing.T) dispatch.Queue) {
	ctx := context.Background()
	push := func(t *testing.T, q dispatch.Queue, channel string, ids ...int64) {
		t.Helper()
		if err := q.Push(ctx, channel, ids); err != nil {
			t.Fatal(err)
		}
	}
	pull := func(t *testing.T, q dispatch.Queue, channel string) []int64 {
		t.Helper()
		ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		e, err := q.Pull(ctx, channel)
		if err != nil {
			t.Fatal(err)
		}
		if err := q.Ack(ctx, channel, e); err != nil {
			t.Fatal(err)
		}
		return e.Deliveries
	}
	waiting := func(t *testing.T, q dispatch.Queue, channel string, want int) {
		t.Helper()
		if n, err := q.Waiting(ctx, channel); err != nil || n != want {
			t.Errorf("waiting = %d, %v; want %d", n, err, want)
		}
	}

	t.Run("entries come whole and in order", func(t *testing.T) {
		q := open(t)
		waiting(t, q, "order", 0)
		push(t, q, "order", 1, 2, 3)
		push(t, q, "order", 4)
		push(t, q, "order", 9_000_000_000)
		waiting(t, q, "order", 5)
		for _, want := range [][]int64{{1, 2, 3}, {4}, {9_000_000_000}} {
			if got := pull(t, q, "order"); !slices.Equal(got, want) {
				t.Errorf("pulled %v, want %v", got, want)
			}
		}
		waiting(t, q, "order", 0)
	})

	t.Run("channels do not meet", func(t *testing.T) {
		q := open(t)
		push(t, q, "one", 1)
		push(t, q, "two", 2)
		if got := pull(t, q, "two"); !slices.Equal(got, []int64{2}) {
			t.Errorf("channel two gave %v", got)
		}
		waiting(t, q, "one", 1)
	})

	t.Run("each entry goes to one worker", func(t *testing.T) {
		q := open(t)
		const entries, workers = 200, 4
		got := make(chan int64, entries)
		for range workers {
			go func() {
				for {
					ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
					e, err := q.Pull(ctx, "many")
					cancel()
					if err != nil || e.Deliveries[0] < 0 {
						return
					}
					_ = q.Ack(context.Background(), "many", e)
					got <- e.Deliveries[0]
				}
			}()
		}
		for i := range int64(entries) {
			push(t, q, "many", i)
		}
		seen := map[int64]bool{}
		for range entries {
			id := <-got
			if seen[id] {
				t.Errorf("entry %d went to two workers", id)
			}
			seen[id] = true
		}
		for range workers {
			push(t, q, "many", -1)
		}
	})

	t.Run("a pull ends with its context", func(t *testing.T) {
		q := open(t)
		ctx, cancel := context.WithCancel(ctx)
		done := make(chan error, 1)
		go func() {
			_, err := q.Pull(ctx, "empty")
			done <- err
		}()
		cancel()
		if err := <-done; err == nil {
			t.Error("a pull from an empty queue returned without an error")
		}
		push(t, q, "empty", 7)
		if got := pull(t, q, "empty"); !slices.Equal(got, []int64{7}) {
			t.Errorf("after a cancelled pull: %v", got)
		}
	})

	t.Run("the epoch stays and differs between queues", func(t *testing.T) {
		a, b := open(t), open(t)
		e1, err1 := a.Epoch(ctx)
		push(t, a, "epoch", 1)
		e2, err2 := a.Epoch(ctx)
		if err1 != nil || err2 != nil || e1 == "" || e1 != e2 {
			t.Errorf("epochs %q, %q, %v, %v", e1, e2, err1, err2)
		}
		if e3, err := b.Epoch(ctx); err != nil || e3 == e1 {
			t.Errorf("another queue has epoch %q too, %v", e3, err)
		}
	})
}
