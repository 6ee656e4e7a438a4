package dispatch

import (
	"testing"
	"time"
)

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
