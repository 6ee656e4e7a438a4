package redisqueue_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"yizhan/dispatch"
	"yizhan/dispatch/dispatchtest"
	"yizhan/dispatch/redisqueue"
)

const chunk = 100

// BenchmarkQueue brings chunks of a hundred ids through each queue: pushed, pulled
// and acknowledged.
func BenchmarkQueue(b *testing.B) {
	s := dispatchtest.StartRedis(b)
	inRedis := func() dispatch.Queue {
		return patient(b, client(b, "unix", s.Socket))
	}
	queues := map[string]func() dispatch.Queue{
		"memory": func() dispatch.Queue { return dispatch.NewMemory() },
		"redis":  inRedis,
		"redis with fallback": func() dispatch.Queue {
			q, err := dispatch.NewFallback(dispatch.FallbackOptions{Shared: inRedis()})
			if err != nil {
				b.Fatal(err)
			}
			return q
		},
	}
	for _, name := range []string{"memory", "redis", "redis with fallback"} {
		for _, workers := range []int{1, 10} {
			b.Run(fmt.Sprintf("%s/%d workers", name, workers), func(b *testing.B) {
				through(b, queues[name](), workers)
			})
		}
	}
}

// through has each worker bring one chunk through in a turn.
func through(b *testing.B, q dispatch.Queue, workers int) {
	ids := make([]int64, chunk)
	for i := range ids {
		ids[i] = int64(1_000_000 + i)
	}
	ctx := context.Background()
	one := func() error {
		if err := q.Push(ctx, "email", ids); err != nil {
			return err
		}
		e, err := q.Pull(ctx, "email")
		if err != nil {
			return err
		}
		return q.Ack(ctx, "email", e)
	}
	for b.Loop() {
		var turn sync.WaitGroup
		for range workers {
			turn.Go(func() {
				if err := one(); err != nil {
					b.Error(err)
				}
			})
		}
		turn.Wait()
	}
	b.ReportMetric(float64(b.N*workers*chunk)/b.Elapsed().Seconds(), "deliveries/s")
}

// BenchmarkWaiting counts a full window: 5,000 ids in fifty entries.
func BenchmarkWaiting(b *testing.B) {
	s := dispatchtest.StartRedis(b)
	q, err := redisqueue.New(redisqueue.Options{Client: client(b, "unix", s.Socket), Prefix: "bench", Timeout: time.Minute})
	if err != nil {
		b.Fatal(err)
	}
	ids := make([]int64, chunk)
	for i := range ids {
		ids[i] = int64(1_000_000 + i)
	}
	for range 50 {
		push(b, q, "email", ids...)
	}
	for b.Loop() {
		if n, err := q.Waiting(context.Background(), "email"); err != nil || n != 5000 {
			b.Fatal(n, err)
		}
	}
}
