package redisqueue_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"yizhan/dispatch"
	"yizhan/dispatch/dispatchtest"
	"yizhan/dispatch/redisqueue"
)

// sending is a run under way on a real Redis.
type sending struct {
	t       *testing.T
	redis   *dispatchtest.RedisServer
	admin   *redis.Client
	fixture *dispatchtest.Fixture
	carrier *dispatchtest.Carrier
	queues  []*dispatch.Fallback
	stops   []func()
}

const people = 1200

// begin plans a run that takes a second or two.
func begin(t *testing.T, dispatchers int) *sending {
	t.Helper()
	s := &sending{t: t, redis: dispatchtest.StartRedis(t)}
	s.admin = client(t, "unix", s.redis.Socket)
	s.fixture = dispatchtest.Open(t)
	s.fixture.Subscribe(t, "email", "example.org", people)
	s.carrier = &dispatchtest.Carrier{Limits: dispatch.Capacity{Lanes: 4}, Script: slow}
	s.fixture.Plan(t, "142", s.carrier)
	for range dispatchers {
		s.dispatch(s.fixture.Again(t), s.carrier)
	}
	t.Cleanup(s.stop)
	return s
}

func slow(string, int) dispatchtest.Answer { return dispatchtest.Answer{Slow: 4 * time.Millisecond} }

// dispatch starts one more process, as far as queue and ledger can see.
func (s *sending) dispatch(f *dispatchtest.Fixture, c dispatch.Channel) {
	s.t.Helper()
	s.dispatchOn(f, c, client(s.t, "unix", s.redis.Socket))
}

func (s *sending) dispatchOn(f *dispatchtest.Fixture, c dispatch.Channel, r redis.UniversalClient) {
	s.t.Helper()
	log := slog.New(slog.NewTextHandler(s.t.Output(), nil))
	// The times of operation, shorter: 2 s away, 30 s idle, a minute
	// without a claim.
	shared, err := redisqueue.New(redisqueue.Options{
		Client: r, Prefix: "test",
		Block: 50 * time.Millisecond, Timeout: 400 * time.Millisecond, MinIdle: time.Second, Logger: log,
	})
	if err != nil {
		s.t.Fatal(err)
	}
	q, err := dispatch.NewFallback(dispatch.FallbackOptions{Shared: shared, After: 300 * time.Millisecond, Logger: log})
	if err != nil {
		s.t.Fatal(err)
	}
	d, err := dispatch.New(dispatch.Options{
		Ledger: f.Ledger, Queue: q, People: f, Process: dispatch.ThisProcess(), Logger: log, Forgotten: 4 * time.Second,
		Routes: []dispatch.Route{{Channel: c, Policy: dispatchtest.Policy()}},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	s.queues = append(s.queues, q)
	s.stops = append(s.stops, func() {
		cancel()
		if err := <-done; err != nil {
			s.t.Error(err)
		}
	})
}

func (s *sending) stop() {
	for _, stop := range s.stops {
		stop()
	}
	s.stops = nil
}

// until waits for something that must come true.
func (s *sending) until(what string, ok func() bool) {
	s.t.Helper()
	patience := time.After(50 * time.Second)
	for !ok() {
		select {
		case <-patience:
			s.t.Fatalf("%s: not within 50 s; %d taken, rows: %v", what, len(s.carrier.Taken()), s.fixture.Count(s.t, "142"))
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// taken waits until the carrier has n of the letters.
func (s *sending) taken(n int) {
	s.t.Helper()
	s.until(fmt.Sprint(n, " taken"), func() bool { return len(s.carrier.Taken()) >= n })
}

// finished waits for the run's end and counts: nobody missing, nobody twice.
func (s *sending) finished() {
	s.t.Helper()
	s.taken(people)
	s.stop()
	for address, n := range s.carrier.Taken() {
		if n != 1 {
			s.t.Errorf("%s got it %d times", address, n)
		}
	}
	if got := s.fixture.Count(s.t, "142"); got[dispatch.StateSent] != people {
		s.t.Errorf("rows: %v, want %d sent", got, people)
	}
}

// TestFaults breaks Redis five times in one run, in each way that it can break.
func TestFaults(t *testing.T) {
	const stream = "test:{email}:queue"
	for name, fault := range map[string]func(s *sending) error{
		"FLUSHALL":       func(s *sending) error { return s.admin.FlushAll(context.Background()).Err() },
		"DEL stream":     func(s *sending) error { return s.admin.Del(context.Background(), stream).Err() },
		"XGROUP DESTROY": func(s *sending) error { return s.admin.XGroupDestroy(context.Background(), stream, "workers").Err() },
		"kill, restart empty at once": func(s *sending) error {
			s.redis.Kill()
			s.redis.Start()
			return nil
		},
		"kill, restart empty later": func(s *sending) error {
			s.redis.Kill()
			s.until("in process", s.away)
			s.taken(min(people, len(s.carrier.Taken())+100)) // it goes on without
			s.redis.Start()
			return nil
		},
		"SIGSTOP": func(s *sending) error {
			s.redis.Freeze()
			s.until("in process", s.away)
			s.taken(min(people, len(s.carrier.Taken())+100))
			s.redis.Thaw()
			return nil
		},
		"SIGSTOP for a moment": func(s *sending) error {
			s.redis.Freeze()
			<-time.After(450 * time.Millisecond)
			s.redis.Thaw()
			return nil
		},
		"CLIENT PAUSE": func(s *sending) error {
			return s.admin.Do(context.Background(), "CLIENT", "PAUSE", "900").Err()
		},
		"full": func(s *sending) error {
			if err := s.admin.ConfigSet(context.Background(), "maxmemory", "1").Err(); err != nil {
				return err
			}
			s.until("in process", s.away)
			s.taken(min(people, len(s.carrier.Taken())+100))
			return s.admin.ConfigSet(context.Background(), "maxmemory", "0").Err()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // they mostly wait
			s := begin(t, 1)
			for n := range 5 {
				s.taken(people * (n + 1) / 8)
				if err := fault(s); err != nil {
					t.Fatal(err)
				}
			}
			s.finished()
		})
	}
}

// away reports whether all processes go on by themselves.
func (s *sending) away() bool {
	for _, q := range s.queues {
		if !q.Away() {
			return false
		}
	}
	return true
}

// TestSharedWork: two processes with one ledger and one Redis each do a part,
// and what one of them leaves behind the other one does.
func TestSharedWork(t *testing.T) {
	s := begin(t, 0)
	parts := make([]*part, 2)
	for i := range parts {
		parts[i] = &part{Carrier: s.carrier}
		s.dispatch(s.fixture.Again(t), parts[i])
	}
	s.finished()
	for i, p := range parts {
		if n := p.n.Load(); n < people/4 {
			t.Errorf("process %d delivered %d of %d", i+1, n, people)
		}
	}
}

// part is one process's way to the carrier that all have in common.
type part struct {
	*dispatchtest.Carrier
	n atomic.Int64
}

func (p *part) Deliver(ctx context.Context, b dispatch.Batch, mark dispatch.MarkFunc) []dispatch.Outcome {
	out := p.Carrier.Deliver(ctx, b, mark)
	if out[0].Status == dispatch.Sent {
		p.n.Add(1)
	}
	return out
}

// TestSharedRedisAway: two processes that lose their Redis for good, and with it
// what each had told the other, still do the run between them.
func TestSharedRedisAway(t *testing.T) {
	s := begin(t, 2)
	s.taken(people / 8)
	s.redis.Kill()
	s.until("in process", s.away)
	s.finished()
}

// TestOneSideAway: a process that alone cannot reach Redis works beside one that
// can, and neither takes the other's rows.
func TestOneSideAway(t *testing.T) {
	s := begin(t, 1)
	gone := client(t, "unix", s.redis.Socket+".nowhere")
	s.dispatchOn(s.fixture.Again(t), s.carrier, gone)
	s.until("the second one in process", s.queues[1].Away)
	if s.queues[0].Away() {
		t.Error("the first one is away, too")
	}
	s.finished()
}
