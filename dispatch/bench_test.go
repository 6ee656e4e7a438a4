package dispatch_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"testing"
	"time"

	"yizhan/config/configtest"
	"yizhan/dispatch"
	"yizhan/dispatch/dispatchtest"
)

// onBoth runs a benchmark on SQLite and on PostgreSQL.
func onBoth(b *testing.B, bench func(*testing.B, *dispatchtest.Fixture)) {
	b.Run("SQLite", func(b *testing.B) { bench(b, dispatchtest.OpenAt(b, "")) })
	b.Run("PostgreSQL", func(b *testing.B) { bench(b, dispatchtest.OpenAt(b, configtest.URL(b))) })
}

// BenchmarkDispatch is the whole path but for the carrier, which takes
// everything at once: feed, queue, claim, mark and settle.
func BenchmarkDispatch(b *testing.B) { onBoth(b, benchDispatch) }

func benchDispatch(b *testing.B, f *dispatchtest.Fixture) {
	const n = 20_000
	populate(b, f, n)
	i := 0
	for b.Loop() {
		i++
		id := fmt.Sprint(i)
		c := &dispatchtest.Carrier{Limits: dispatch.Capacity{Lanes: 10}}
		f.Plan(b, id, c)
		d, err := dispatch.New(dispatch.Options{
			Ledger: f.Ledger, Queue: dispatch.NewMemory(), People: f, Process: dispatch.ThisProcess(),
			Routes: []dispatch.Route{{Channel: c, Policy: dispatchtest.Policy()}}, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
		})
		if err != nil {
			b.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- d.Run(ctx) }()
		for len(c.Taken()) < n {
			<-time.After(5 * time.Millisecond)
		}
		cancel()
		if err := <-done; err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "deliveries/s")
}

func BenchmarkPlan(b *testing.B) { onBoth(b, benchPlan) }

func benchPlan(b *testing.B, f *dispatchtest.Fixture) {
	const n = 100_000
	populate(b, f, n)
	i := 0
	for b.Loop() {
		i++
		f.Plan(b, fmt.Sprint(i), &dispatchtest.Carrier{})
	}
	b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "rows/s")
}

// BenchmarkPlanMillion plans a run for a million subscribers while somebody
// unsubscribes every 50 ms, and reports the longest that one of them waited.
func BenchmarkPlanMillion(b *testing.B) {
	const n = 1_000_000
	f := dispatchtest.OpenAt(b, "")
	populate(b, f, n)
	i := 0
	for b.Loop() {
		i++
		planned := make(chan struct{})
		var leaving sync.WaitGroup
		var longest time.Duration
		left := 0
		leaving.Go(func() {
			for {
				select {
				case <-planned:
					return
				case <-time.After(50 * time.Millisecond):
				}
				began := time.Now()
				if _, err := f.People.Unsubscribe(b.Context(), fmt.Sprintf("%026d", left), "email", "one-click", began); err != nil {
					b.Error(err)
				}
				longest = max(longest, time.Since(began))
				left++
			}
		})
		f.Plan(b, fmt.Sprint(i), &dispatchtest.Carrier{})
		close(planned)
		leaving.Wait()
		b.ReportMetric(float64(longest.Milliseconds()), "ms-longest-unsubscribe")
		b.ReportMetric(float64(left), "unsubscribes")
	}
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s/plan")
}
