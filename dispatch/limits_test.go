package dispatch_test

import (
	"testing"
	"testing/synctest"
	"time"

	"yizhan/dispatch"
	"yizhan/dispatch/dispatchtest"
)

func TestMemoryLimits(t *testing.T) {
	dispatchtest.ExerciseLimits(t, func(*testing.T) dispatch.Limits { return dispatch.NewMemoryLimits() })
}

// TestSlotsOverTime: nothing is saved up, and who is a little late does not move
// the slots after it.
func TestSlotsOverTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := dispatch.NewMemoryLimits()
		reserve := func() time.Duration {
			wait, err := l.Reserve(t.Context(), "email", "rate", 5, 1)
			if err != nil {
				t.Fatal(err)
			}
			return wait
		}
		pass(reserve()) // the first
		pass(time.Hour)
		if wait := reserve(); wait != 0 {
			t.Errorf("after an hour: wait %s", wait)
		}
		if wait := reserve(); wait != 180*time.Millisecond {
			t.Errorf("right after it: wait %s", wait)
		}
		pass(190 * time.Millisecond) // 10 ms late
		if wait := reserve(); wait != 190*time.Millisecond {
			t.Errorf("a slot after one that was used late: wait %s", wait)
		}
	})
}

// TestLineBeginsAnew when nobody has taken a slot for a while: those who stood in
// it were cancelled, or are gone.
func TestLineBeginsAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := dispatch.NewMemoryLimits()
		line := func() time.Duration {
			wait, err := l.Defer(t.Context(), "email", "rate", 5, 1000)
			if err != nil {
				t.Fatal(err)
			}
			return wait
		}
		line()
		if wait := line(); wait != 201*time.Second {
			t.Errorf("behind a thousand: %s", wait)
		}
		pass(dispatch.LineOver + time.Second)
		if wait := line(); wait != dispatch.LineBegins {
			t.Errorf("in a new line: %s", wait)
		}
	})
}

// TestTurns: of three holders of one connection each has it at some time.
func TestTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := dispatch.NewMemoryLimits()
		had, held := map[string]int{}, map[string]int{}
		for range 60 {
			for _, h := range []string{"1", "2", "3"} {
				granted, err := l.Share(t.Context(), "email", "lanes", dispatch.Demand{Holder: h, Total: 1, Want: 1, Held: held[h], Lease: 10 * time.Second})
				if err != nil {
					t.Fatal(err)
				}
				held[h] = granted
				had[h] += granted
			}
			if n := held["1"] + held["2"] + held["3"]; n > 1 {
				t.Fatalf("%d hold it", n)
			}
			pass(time.Second)
		}
		for _, h := range []string{"1", "2", "3"} {
			if had[h] < 15 {
				t.Errorf("%s had it for %d of 60 s", h, had[h])
			}
		}
	})
}
