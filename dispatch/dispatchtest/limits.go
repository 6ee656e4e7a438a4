package dispatchtest

import (
	"context"
	"testing"
	"time"

	"yizhan/dispatch"
)

// ExerciseLimits checks what the dispatcher relies on in limits. open returns new
// ones that nobody has asked yet. Their clock may be any that goes on by itself:
// nothing here waits, and waits are compared with what has passed meanwhile.
func ExerciseLimits(t *testing.T, open func(t *testing.T) dispatch.Limits) {
	ctx := context.Background()
	reserve := func(t *testing.T, l dispatch.Limits, name string, perSecond float64, n int) time.Duration {
		t.Helper()
		wait, err := l.Reserve(ctx, "email", name, perSecond, n)
		if err != nil {
			t.Fatal(err)
		}
		return wait
	}
	share := func(t *testing.T, l dispatch.Limits, holder string, total, want, held int) int {
		t.Helper()
		granted, err := l.Share(ctx, "email", "lanes", dispatch.Demand{Holder: holder, Total: total, Want: want, Held: held, Lease: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		return granted
	}
	// between checks a wait that was asked for at some time since from: it counts
	// down while the test goes on.
	between := func(t *testing.T, what string, wait, want time.Duration, from time.Time) {
		t.Helper()
		passed := time.Since(from) + 2*time.Millisecond
		if wait > want+2*time.Millisecond || wait < want-passed {
			t.Errorf("%s: wait %s, want %s less the %s that passed", what, wait, want, passed)
		}
	}

	t.Run("what begins gains nothing", func(t *testing.T) {
		l, from := open(t), time.Now()
		between(t, "the first slot", reserve(t, l, "rate", 0.1, 1), 10*time.Second, from)
		between(t, "another rate", reserve(t, l, "rate:qq.com", 0.01, 1), 100*time.Second, from)
	})

	t.Run("slots follow at the interval", func(t *testing.T) {
		l, from := open(t), time.Now()
		for i, n := range []int{1, 3, 1} {
			want := []time.Duration{10, 20, 50}[i] * time.Second
			between(t, "a slot", reserve(t, l, "rate", 0.1, n), want, from)
		}
		between(t, "a fast rate", reserve(t, l, "fast", 3_000, 30_000), 0, from)
		between(t, "10 s of it later", reserve(t, l, "fast", 3_000, 1), 10*time.Second, from)
	})

	t.Run("the line is apart from the slots", func(t *testing.T) {
		l, from := open(t), time.Now()
		between(t, "a slot", reserve(t, l, "rate", 0.1, 1), 10*time.Second, from)
		for i, want := range []time.Duration{1, 31, 61} {
			wait, err := l.Defer(ctx, "email", "rate", 0.1, 3)
			if err != nil {
				t.Fatal(err)
			}
			between(t, []string{"first", "second", "third"}[i], wait, want*time.Second, from)
		}
		between(t, "the next slot", reserve(t, l, "rate", 0.1, 1), 20*time.Second, from)
	})

	t.Run("one holder has all that it wants", func(t *testing.T) {
		l := open(t)
		if got := share(t, l, "1", 8, 8, 0); got != 8 {
			t.Errorf("granted %d of 8", got)
		}
		if got := share(t, l, "1", 8, 3, 3); got != 3 {
			t.Errorf("granted %d where it wants 3", got)
		}
	})

	t.Run("a newcomer waits until the others give way", func(t *testing.T) {
		l := open(t)
		share(t, l, "1", 8, 8, 0)
		for _, step := range []struct {
			holder          string
			held, want, got int
		}{
			{"2", 0, 8, 0}, // all are taken
			{"1", 8, 8, 4}, // it is to give up four, and has them still
			{"2", 0, 8, 0},
			{"1", 4, 8, 4},
			{"2", 0, 8, 4},
			{"3", 0, 1, 0}, // wants little, and there is nothing
			{"1", 4, 8, 3},
			{"1", 3, 8, 3},
			{"3", 0, 1, 1},
			{"2", 4, 8, 4},
			{"3", 1, 0, 0}, // it has nothing to do any more, and still has one
			{"1", 3, 8, 3},
			{"3", 0, 0, 0},
			{"1", 3, 8, 4},
		} {
			if got := share(t, l, step.holder, 8, step.want, step.held); got != step.got {
				t.Errorf("%+v: granted %d", step, got)
			}
		}
	})

	t.Run("a holder that is gone leaves all to the others", func(t *testing.T) {
		l := open(t)
		share(t, l, "1", 4, 4, 0)
		share(t, l, "1", 4, 0, 0)
		if got := share(t, l, "2", 4, 4, 0); got != 4 {
			t.Errorf("granted %d of 4", got)
		}
	})

	t.Run("a silent holder loses what it held", func(t *testing.T) {
		l := open(t)
		if _, err := l.Share(ctx, "email", "lanes", dispatch.Demand{Holder: "1", Total: 4, Want: 4, Lease: time.Millisecond}); err != nil {
			t.Fatal(err)
		}
		for deadline := time.Now().Add(20 * time.Second); ; {
			got := share(t, l, "2", 4, 4, 0)
			if got == 4 {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("granted %d of 4 long after the other's lease", got)
			}
			<-time.After(time.Millisecond)
		}
	})

	t.Run("more holders than connections take turns", func(t *testing.T) {
		l := open(t)
		holders := []string{"1", "2", "3"}
		for range 3 { // the turn may pass meanwhile
			sum := 0
			for _, h := range holders {
				sum += share(t, l, h, 1, 1, 0)
			}
			if sum > 1 {
				t.Errorf("%d hold one connection", sum)
			}
		}
	})
}
