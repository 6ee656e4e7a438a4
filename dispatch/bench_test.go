package dispatch_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"testing"
	"time"

	"yizhan/dispatch"
	"yizhan/dispatch/dispatchtest"
)

// BenchmarkDispatch is the whole path but for the carrier, which takes
// everything at once: feed, queue, claim, mark and settle on SQLite.
func BenchmarkDispatch(b *testing.B) {
	const n = 20_000
	f := dispatchtest.Open(b)
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

func BenchmarkPlan(b *testing.B) {
	const n = 100_000
	f := dispatchtest.Open(b)
	populate(b, f, n)
	i := 0
	for b.Loop() {
		i++
		f.Plan(b, fmt.Sprint(i), &dispatchtest.Carrier{})
	}
	b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "rows/s")
}
