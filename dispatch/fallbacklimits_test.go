package dispatch_test

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"yizhan/dispatch"
	"yizhan/dispatch/dispatchtest"
)

// fragile are limits that can be away.
type fragile struct {
	dispatch.Limits
	away *atomic.Bool
}

var errAway = errors.New("away")

func (b fragile) Reserve(ctx context.Context, channel, name string, perSecond float64, n int) (time.Duration, error) {
	if b.away.Load() {
		return 0, errAway
	}
	return b.Limits.Reserve(ctx, channel, name, perSecond, n)
}

func (b fragile) Defer(ctx context.Context, channel, name string, perSecond float64, n int) (time.Duration, error) {
	if b.away.Load() {
		return 0, errAway
	}
	return b.Limits.Defer(ctx, channel, name, perSecond, n)
}

func (b fragile) Share(ctx context.Context, channel, name string, d dispatch.Demand) (int, error) {
	if b.away.Load() {
		return 0, errAway
	}
	return b.Limits.Share(ctx, channel, name, d)
}

func fallbackLimits(t *testing.T, f *dispatchtest.Fixture, shared dispatch.Limits) *dispatch.FallbackLimits {
	t.Helper()
	l, err := dispatch.NewFallbackLimits(dispatch.FallbackLimitsOptions{
		Shared: shared, Ledger: f.Ledger, Process: dispatch.ThisProcess(), Logger: slog.New(slog.NewTextHandler(t.Output(), nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestFallbackLimits(t *testing.T) {
	dispatchtest.ExerciseLimits(t, func(t *testing.T) dispatch.Limits {
		return fallbackLimits(t, dispatchtest.Open(t), dispatch.NewMemoryLimits())
	})
}

// TestLimitsWithoutTheSharedOnes: while the shared limits are away, two processes
// stay within the rate and the connections together, and go on.
func TestLimitsWithoutTheSharedOnes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := dispatchtest.Open(t)
		f.Subscribe(t, "email", "qq.example", 400)
		f.Subscribe(t, "email", "example.org", 1200)
		c := newClocked(dispatch.Capacity{
			Lanes: 5, Rate: 20, Domains: map[string]dispatch.DomainLimit{"qq.example": {Rate: 5}},
		}, nil)
		busy, most := atomic.Int64{}, atomic.Int64{}
		ch := counting{c, func(n int) {
			if now := busy.Add(int64(n)); now > most.Load() {
				most.Store(now)
			}
		}}
		// While one process sees the shared limits and the other does not, there may
		// be more: each of these times begins when both do the same.
		steady := func(d time.Duration) {
			t.Helper()
			most.Store(busy.Load())
			pass(d)
			if most.Load() > 5 {
				t.Errorf("%d at a time, want 5 at most", most.Load())
			}
		}
		f.Plan(t, "142", c)
		shared := fragile{dispatch.NewMemoryLimits(), new(atomic.Bool)}
		q := dispatch.NewMemory()
		first := begin(t, together(t, f, ch, q, fallbackLimits(t, f, shared)))
		second := begin(t, together(t, f, ch, q, fallbackLimits(t, f, shared)))
		steady(5 * time.Second)
		shared.away.Store(true)
		pass(5 * time.Second)
		from := time.Now()
		steady(20 * time.Second)
		// Who has its slot may still wait for one of its two or three lanes, for a
		// mail's time, and one in each process for the one that waits.
		const late = 200 * time.Millisecond
		c.rate(t, "", 20, from, 20*time.Second, late)
		shared.away.Store(false)
		pass(3 * time.Second)
		from = time.Now()
		steady(20 * time.Second)
		c.rate(t, "", 20, from, 20*time.Second, late)
		c.rate(t, "qq.example", 5, from, 20*time.Second, 0)
		first()
		second()
	})
}
