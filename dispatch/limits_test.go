package dispatch

import (
	"testing"
	"time"
)

func TestLimitsAdmit(t *testing.T) {
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	l := newLimits(Capacity{
		Lanes: 8, Batch: 1, Domains: map[string]DomainLimit{"qq.com": {Rate: 5, Lanes: 2}},
		Group: func(domain string) string {
			if domain == "foxmail.com" {
				return "qq.com"
			}
			return domain
		},
	})
	if at, reason := l.admit("a@example.org", now); reason != "" || !at.Equal(now) {
		t.Errorf("a domain without a limit: %s, %q", at, reason)
	}
	if at, reason := l.admit("a@qq.com", now); reason != "" || !at.Equal(now) {
		t.Errorf("the first at qq.com: %s, %q", at, reason)
	}
	// The second slot is 200 ms off, more than a lane waits for; each row that is
	// given back is promised one of its own.
	for i, want := range []time.Duration{200, 400, 600} {
		at, reason := l.admit("b@FOXMAIL.com", now)
		if reason != ReasonRate || at.Sub(now) != want*time.Millisecond {
			t.Errorf("row %d that is too early: in %s, %q", i+1, at.Sub(now), reason)
		}
	}
	if at, reason := l.admit("c@qq.com", now.Add(180*time.Millisecond)); reason != "" || !at.Equal(now.Add(200*time.Millisecond)) {
		t.Errorf("20 ms before its slot: %s, %q", at, reason)
	}
	if _, reason := l.admit("d@qq.com", now.Add(time.Hour)); reason != ReasonRate {
		t.Error("a third at a time, and only two are allowed")
	}
	l.leave("a@qq.com")
	if _, reason := l.admit("d@qq.com", now.Add(time.Hour)); reason != "" {
		t.Errorf("after one has left: %q", reason)
	}
}

func TestLimitsSuspend(t *testing.T) {
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	l := newLimits(Capacity{Lanes: 1, Batch: 1})
	l.suspend("a@163.com", now.Add(15*time.Minute), "rate-limited")
	l.suspend("b@163.com", now.Add(time.Minute), "rate-limited") // does not shorten it
	if at, reason := l.admit("c@163.com", now.Add(14*time.Minute)); reason != "rate-limited" || !at.Equal(now.Add(15*time.Minute)) {
		t.Errorf("while the domain is left alone: %s, %q", at, reason)
	}
	if _, reason := l.admit("c@126.com", now); reason != "" {
		t.Errorf("another domain: %q", reason)
	}
	if _, reason := l.admit("c@163.com", now.Add(15*time.Minute)); reason != "" {
		t.Errorf("afterwards: %q", reason)
	}
}

// TestPace: an entry is about a second of work, and the queue holds far less
// than is taken for forgotten.
func TestPace(t *testing.T) {
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	tests := []struct {
		name          string
		capacity      Capacity
		perSecond     int // as measured; 0: not yet
		chunk, window int
	}{
		{"nothing known", Capacity{Lanes: 8, Batch: 1}, 0, 16, 160},
		{"slow", Capacity{Lanes: 8, Batch: 1}, 4, 8, 40},
		{"fast", Capacity{Lanes: 8, Batch: 1}, 5000, 100, 5000},
		{"rate of the configuration", Capacity{Lanes: 8, Batch: 1, Rate: 20}, 0, 16, 160},
		{"one lane", Capacity{Lanes: 1, Batch: 1}, 0, 2, 20},
		{"batches", Capacity{Lanes: 1, Batch: 10_000}, 0, 10_000, 20_000},
	}
	for _, tt := range tests {
		p := newPace(tt.capacity)
		for s := range 3 {
			p.did(tt.perSecond, now.Add(time.Duration(s)*time.Second))
		}
		if tt.perSecond == 0 {
			p = newPace(tt.capacity)
		}
		if c, w := p.chunk(), p.window(); c != tt.chunk || w != tt.window {
			t.Errorf("%s: chunk %d, window %d; want %d, %d", tt.name, c, w, tt.chunk, tt.window)
		}
	}
	p := newPace(Capacity{Lanes: 8, Batch: 1})
	p.did(1000, now)
	p.did(1000, now.Add(time.Second))
	before := p.perSecond()
	p.did(1, now.Add(time.Hour)) // idle, not slow
	if got := p.perSecond(); got != before {
		t.Errorf("after an idle hour the pace is %v, was %v", got, before)
	}
}
