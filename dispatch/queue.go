package dispatch

import (
	"context"
	"crypto/rand"
	"sync"
)

// Queue hands chunks of delivery ids from the feeder to the workers, each to
// one of them. It may lose all of its content or deliver an entry twice: the
// ledger notices the one and refuses the other. dispatchtest.ExerciseQueue is
// what every queue must keep to.
type Queue interface {
	// Epoch names the queue's present content. It changes when content was
	// lost; rows queued under another epoch are due again.
	Epoch(ctx context.Context) (string, error)
	// Push adds one entry.
	Push(ctx context.Context, channel string, deliveries []int64) error
	// Pull waits for an entry until ctx ends.
	Pull(ctx context.Context, channel string) (Entry, error)
	// Ack says that an entry's claim has been committed, whatever it refused.
	Ack(ctx context.Context, channel string, e Entry) error
	// Waiting counts the deliveries that were pushed and not yet pulled.
	Waiting(ctx context.Context, channel string) (int, error)
}

// Entry is one chunk of a queue.
type Entry struct {
	ID         string
	Deliveries []int64
}

// Memory is the queue inside one process. Its content ends with the process,
// and its epoch with it.
type Memory struct {
	epoch string
	mu    sync.Mutex
	lanes map[string]*lane
}

type lane struct {
	entries []Entry
	waiting int
	arrived chan struct{} // holds one token while entries is not empty
}

// NewMemory returns an empty queue with an epoch of its own.
func NewMemory() *Memory {
	return &Memory{epoch: rand.Text(), lanes: map[string]*lane{}}
}

// Epoch implements [Queue].
func (m *Memory) Epoch(context.Context) (string, error) { return m.epoch, nil }

func (m *Memory) lane(channel string) *lane {
	l := m.lanes[channel]
	if l == nil {
		l = &lane{arrived: make(chan struct{}, 1)}
		m.lanes[channel] = l
	}
	return l
}

// Push implements [Queue].
func (m *Memory) Push(_ context.Context, channel string, deliveries []int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	l := m.lane(channel)
	l.entries = append(l.entries, Entry{Deliveries: deliveries})
	l.waiting += len(deliveries)
	l.signal()
	return nil
}

// signal leaves one token for whoever pulls next.
func (l *lane) signal() {
	select {
	case l.arrived <- struct{}{}:
	default:
	}
}

// Pull implements [Queue].
func (m *Memory) Pull(ctx context.Context, channel string) (Entry, error) {
	m.mu.Lock()
	l := m.lane(channel)
	m.mu.Unlock()
	for {
		select {
		case <-ctx.Done():
			return Entry{}, context.Cause(ctx)
		case <-l.arrived:
		}
		if e, ok := m.take(l); ok {
			return e, nil
		}
	}
}

func (m *Memory) take(l *lane) (Entry, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(l.entries) == 0 {
		return Entry{}, false
	}
	e := l.entries[0]
	l.entries = l.entries[1:]
	l.waiting -= len(e.Deliveries)
	if len(l.entries) > 0 {
		l.signal()
	}
	return e, true
}

// Ack implements [Queue]. Nothing is kept of an entry that was pulled: when
// the process ends before its claim, the epoch says so.
func (m *Memory) Ack(context.Context, string, Entry) error { return nil }

// Waiting implements [Queue].
func (m *Memory) Waiting(_ context.Context, channel string) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.lane(channel).waiting, nil
}

var _ Queue = (*Memory)(nil)
