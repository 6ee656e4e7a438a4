package dispatch

import (
	"testing"
	"time"
)

func TestSuspended(t *testing.T) {
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	l := newThrottle(nil)
	l.suspend("a@163.com", now.Add(15*time.Minute), "rate-limited")
	l.suspend("b@163.com", now.Add(time.Minute), "rate-limited") // does not shorten it
	if at, reason := l.closed("c@163.com", now.Add(14*time.Minute)); reason != "rate-limited" || !at.Equal(now.Add(15*time.Minute)) {
		t.Errorf("while the domain is left alone: %s, %q", at, reason)
	}
	if _, reason := l.closed("c@126.com", now); reason != "" {
		t.Errorf("another domain: %q", reason)
	}
	if _, reason := l.closed("c@163.com", now.Add(15*time.Minute)); reason != "" {
		t.Errorf("afterwards: %q", reason)
	}
}
