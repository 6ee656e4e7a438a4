package dispatch

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"
)

func testLanes(t *testing.T, l Limits, holder string, most int) *lanes {
	t.Helper()
	out := newLanes(l, "email", "lanes", holder, most, slog.New(slog.DiscardHandler))
	out.always = true
	return out
}

// TestLanesLearn: each refusal while others are at work costs a lane, and each
// minute gives one back, when it is needed.
func TestLanesLearn(t *testing.T) {
	ctx, now := context.Background(), time.Now()
	l := testLanes(t, NewMemoryLimits(), "1", 8)
	l.renew(ctx, now)
	for range 8 {
		must(t, l.enter(ctx))
	}
	for i := range 5 {
		if !l.crowded(now) {
			t.Errorf("refusal %d was taken to be about the account", i+1)
		}
		l.leave()
	}
	if l.allowed() != 3 {
		t.Errorf("%d lanes after five of eight were refused", l.allowed())
	}
	now = now.Add(growEvery - time.Second)
	l.renew(ctx, now)
	if l.allowed() != 3 {
		t.Errorf("%d lanes before a minute is over", l.allowed())
	}
	now = now.Add(time.Second)
	l.renew(ctx, now)
	l.renew(ctx, now)
	if l.learned != 4 {
		t.Errorf("%d lanes after a minute", l.learned)
	}
	l.leave()
	l.leave()
	now = now.Add(time.Hour)
	l.renew(ctx, now)
	if l.learned != 4 {
		t.Errorf("%d lanes, and only one was needed", l.learned)
	}
	if l.crowded(now) || l.learned != 8 {
		t.Errorf("the only connection was refused: that is about the account, and says nothing of %d", l.learned)
	}
}

// TestLanesOfTheDead: a process that was killed says nothing any more; its lanes
// are free when its lease is over, and not before.
func TestLanesOfTheDead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limits := NewMemoryLimits()
		dead, living := testLanes(t, limits, "1", 8), testLanes(t, limits, "2", 8)
		dead.renew(t.Context(), time.Now())
		began := time.Now()
		for living.none() {
			living.renew(t.Context(), time.Now())
			<-time.After(renewEvery)
		}
		if took := time.Since(began); took < laneLease || took > laneLease+2*renewEvery {
			t.Errorf("its lanes were free after %s", took)
		}
		if living.allowed() != 8 {
			t.Errorf("%d lanes", living.allowed())
		}
	})
}

// asked counts how often limits are asked for slots.
type asked struct {
	Limits
	slots int
}

func (a *asked) Reserve(ctx context.Context, channel, name string, perSecond float64, n int) (time.Duration, error) {
	a.slots++
	return a.Limits.Reserve(ctx, channel, name, perSecond, n)
}

// TestSlotsAreAskedForInBatches: a high rate does not cost a question each, and
// no limit costs none.
func TestSlotsAreAskedForInBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &asked{Limits: NewMemoryLimits()}
		if newSlots(a, "email", "rate", 0) != nil {
			t.Error("no limit has slots")
		}
		s, from := newSlots(a, "email", "rate", 1000), time.Now()
		for range 5000 {
			if _, ok, err := s.take(t.Context(), 1, -1); err != nil || !ok {
				t.Fatal(ok, err)
			}
		}
		if took := time.Since(from); took < 4950*time.Millisecond || took > 5050*time.Millisecond {
			t.Errorf("5000 at 1000/s took %s", took)
		}
		if a.slots > 5*asksPerSecond+1 {
			t.Errorf("asked %d times", a.slots)
		}
	})
}

// TestSlowRate: nobody is kept until a slot that is far away; it is there for whom
// comes then.
func TestSlowRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &asked{Limits: NewMemoryLimits()}
		s := newSlots(a, "email", "rate", 0.1)
		at, ok, err := s.take(t.Context(), 1, holdClaim)
		if ok || err != nil || time.Until(at) != 10*time.Second {
			t.Fatalf("%s, %v, %v", time.Until(at), ok, err)
		}
		<-time.After(10*time.Second + 300*time.Millisecond)
		if _, ok, err := s.take(t.Context(), 1, holdClaim); !ok || err != nil || a.slots != 1 {
			t.Errorf("when the slot has come: %v, %v, asked %d times", ok, err, a.slots)
		}
		if at, ok, _ := s.take(t.Context(), 1, holdClaim); ok || time.Until(at) != 9700*time.Millisecond {
			t.Errorf("the next is %s off", time.Until(at))
		}
	})
}

// TestPart: everybody gets a fair part, nothing is given twice, and what is not
// wanted goes to those who want it.
func TestPart(t *testing.T) {
	now := time.UnixMicro(0)
	for _, tt := range []struct {
		total int
		wants map[string]int
		want  map[string]int
	}{
		{8, map[string]int{"a": 8, "b": 8}, map[string]int{"a": 4, "b": 4}},
		{8, map[string]int{"a": 8, "b": 1}, map[string]int{"a": 7, "b": 1}},
		{8, map[string]int{"a": 8, "b": 0}, map[string]int{"a": 8, "b": 0}},
		{8, map[string]int{"a": 8, "b": 8, "c": 8}, map[string]int{"a": 2, "b": 3, "c": 3}},
		{2, map[string]int{"a": 2, "b": 2, "c": 2}, map[string]int{"a": 0, "b": 1, "c": 1}},
	} {
		for name, want := range tt.want {
			if got := part(name, tt.total, tt.wants, now); got != want {
				t.Errorf("%v of %d: %s gets %d, want %d", tt.wants, tt.total, name, got, want)
			}
		}
	}
}
