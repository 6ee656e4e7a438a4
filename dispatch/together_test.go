package dispatch_test

import (
	"context"
	"errors"
	"flag"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"
	"modernc.org/sqlite"

	"yizhan/dispatch"
	"yizhan/dispatch/dispatchtest"
	"yizhan/dispatch/redisqueue"
)

// minute is for the tests of limits in real time.
var minute = flag.Duration("limits", 10*time.Second, "how long the limits are measured in real time")

// clocked notes when the carrier took what.
type clocked struct {
	*dispatchtest.Carrier
	mu    *sync.Mutex
	times map[string][]time.Time // by domain; "" is all
}

func newClocked(c dispatch.Capacity, script func(string, int) dispatchtest.Answer) clocked {
	return clocked{Carrier: &dispatchtest.Carrier{Limits: c, Script: script}, mu: new(sync.Mutex), times: map[string][]time.Time{}}
}

func (c clocked) Deliver(ctx context.Context, b dispatch.Batch, mark dispatch.MarkFunc) []dispatch.Outcome {
	c.mu.Lock()
	_, domain, _ := strings.Cut(b.Deliveries[0].Address, "@")
	for _, k := range []string{"", domain} {
		c.times[k] = append(c.times[k], time.Now())
	}
	c.mu.Unlock()
	return c.Carrier.Deliver(ctx, b, mark)
}

// rate checks that from begin on there were about perSecond a second, and in no
// second more than that and one.
func (c clocked) rate(t *testing.T, domain string, perSecond float64, begin time.Time, span, tolerance time.Duration) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	var times []time.Time
	for _, at := range c.times[domain] {
		if !at.Before(begin) && at.Before(begin.Add(span)) {
			times = append(times, at)
		}
	}
	slices.SortFunc(times, time.Time.Compare)
	most := 0
	for i, from := range times {
		n, _ := slices.BinarySearchFunc(times, from.Add(time.Second), time.Time.Compare)
		most = max(most, n-i)
	}
	got := float64(len(times)) / span.Seconds()
	t.Logf("%q: %d in %s are %.2f/s of %g/s, at most %d in a second", domain, len(times), span, got, perSecond, most)
	// A loaded machine may be slower.
	if got > perSecond*1.1 || got < perSecond*0.9 && (tolerance == 0 || span >= time.Minute) {
		t.Errorf("%q: %.2f a second, want %g", domain, got, perSecond)
	}
	if allowed := perSecond*(1+(dispatch.CatchUp+tolerance).Seconds()) + 1; float64(most) > allowed {
		t.Errorf("%q: %d in one second, want at most %.0f", domain, most, allowed)
	}
}

// together makes dispatchers that have a queue and limits in common.
func together(t *testing.T, f *dispatchtest.Fixture, c dispatch.Channel, q dispatch.Queue, l dispatch.Limits) *dispatch.Dispatcher {
	t.Helper()
	d, err := dispatch.New(dispatch.Options{
		Ledger: f.Ledger, Queue: q, Limits: l, People: f, Process: dispatch.ThisProcess(), Logger: slog.New(slog.NewTextHandler(t.Output(), nil)),
		Routes: []dispatch.Route{{Channel: c, Policy: dispatchtest.Policy()}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// twoTogether has two dispatchers send for a span, the second of which is ended
// half-way and begun again, and checks both rates.
func twoTogether(t *testing.T, span, tolerance time.Duration, q dispatch.Queue, l dispatch.Limits) {
	f := dispatchtest.Open(t)
	seconds := int(span/time.Second) + 10
	f.Subscribe(t, "email", "qq.example", 10*seconds)
	f.Subscribe(t, "email", "example.org", 60*seconds)
	c := newClocked(dispatch.Capacity{
		Lanes: 8, Rate: 50, Domains: map[string]dispatch.DomainLimit{"qq.example": {Rate: 5}},
	}, func(string, int) dispatchtest.Answer { return dispatchtest.Answer{Slow: 10 * time.Millisecond} })
	f.Plan(t, "142", c)
	endFirst := begin(t, together(t, f, c, q, l))
	endSecond := begin(t, together(t, f, c, q, l))
	pass(6 * time.Second) // until those who were put off have come back through the queue
	from := time.Now()
	pass(span / 2)
	endSecond()
	endSecond = begin(t, together(t, f, c, q, l))
	pass(span - time.Since(from))
	endFirst()
	endSecond()
	c.rate(t, "", 50, from, span, tolerance)
	c.rate(t, "qq.example", 5, from, span, tolerance)
	for a, n := range c.Taken() {
		if n != 1 {
			t.Errorf("%s got it %d times", a, n)
		}
	}
}

// TestTwoTogether: 50/s and 5/s for one domain hold over a minute, over both
// dispatchers and across a restart.
func TestTwoTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		twoTogether(t, time.Minute, 0, dispatch.NewMemory(), dispatch.NewMemoryLimits())
	})
}

// TestDomainsDoNotWaitForEachOther: a slow domain that comes first holds nobody
// up, and its rows are not carried to and fro meanwhile.
func TestDomainsDoNotWaitForEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := dispatchtest.Open(t)
		f.Subscribe(t, "email", "qq.example", 300)
		f.Subscribe(t, "email", "example.org", 300)
		c := newClocked(dispatch.Capacity{Lanes: 2, Domains: map[string]dispatch.DomainLimit{"qq.example": {Rate: 5}}}, nil)
		f.Plan(t, "142", c)
		end := begin(t, f.Dispatcher(t, c))
		from := time.Now()
		pass(3 * time.Second)
		if n := len(c.times["example.org"]); n != 300 {
			t.Errorf("%d of the free domain are sent after 3 s", n)
		}
		pass(62 * time.Second)
		end()
		c.rate(t, "qq.example", 5, from.Add(time.Second), 59*time.Second, 0)
		wantOnce(t, c.Carrier, 600)
	})
}

// commits counts what is committed in the databases of tests, by their directory.
var commits sync.Map

func TestMain(m *testing.M) {
	sqlite.RegisterConnectionHook(func(conn sqlite.ExecQuerierContext, dsn string) error {
		hooks, ok := conn.(sqlite.HookRegisterer)
		if !ok {
			return errors.New("the driver has no hooks")
		}
		path, _, _ := strings.Cut(strings.TrimPrefix(dsn, "file:"), "?")
		n, _ := commits.LoadOrStore(filepath.Dir(path), new(atomic.Int64))
		hooks.RegisterCommitHook(func() int32 {
			n.(*atomic.Int64).Add(1)
			return 0
		})
		return nil
	})
	os.Exit(m.Run())
}

// TestCommitsOfALimitedDomain: at 5/s each delivery is committed by itself, its
// marker and its answer, and every second there are some of the housekeeping; waiting
// costs little more than that.
func TestCommitsOfALimitedDomain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const readers = 2000
		f := dispatchtest.Open(t)
		f.Subscribe(t, "email", "qq.example", readers)
		c := newClocked(dispatch.Capacity{Lanes: 8, Domains: map[string]dispatch.DomainLimit{"qq.example": {Rate: 5}}}, nil)
		f.Plan(t, "142", c)
		counted, ok := commits.Load(f.Dir())
		if !ok {
			t.Fatal("no connection to the database was seen")
		}
		n := counted.(*atomic.Int64)
		before := n.Load()
		run(t, f.Dispatcher(t, c), readers/5*time.Second+10*time.Second)
		wantOnce(t, c.Carrier, readers)
		each := float64(n.Load()-before) / readers
		t.Logf("%.2f commits a delivery", each)
		if each > 5 {
			t.Errorf("%.2f commits a delivery, want 5 at most", each)
		}
	})
}

// TestDomainConnections: two dispatchers never have more deliveries to a domain in
// work than it may have, and nearly always as many.
func TestDomainConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := dispatchtest.Open(t)
		f.Subscribe(t, "email", "qq.example", 600)
		var mu sync.Mutex
		busy, most := 0, 0
		c := newClocked(dispatch.Capacity{Lanes: 8, Domains: map[string]dispatch.DomainLimit{"qq.example": {Lanes: 2}}}, nil)
		counting := counting{c, func(n int) {
			mu.Lock()
			defer mu.Unlock()
			busy += n
			most = max(most, busy)
		}}
		f.Plan(t, "142", c)
		q, l := dispatch.NewMemory(), dispatch.NewMemoryLimits()
		first, second := begin(t, together(t, f, counting, q, l)), begin(t, together(t, f, counting, q, l))
		pass(45 * time.Second)
		first()
		second()
		if most != 2 {
			t.Errorf("%d at a time, want 2", most)
		}
		if n := len(c.Taken()); n < 600 {
			t.Errorf("%d of 600 are sent: each takes 100 ms, and two may be in work", n)
		}
	})
}

// counting tells when a delivery begins and ends.
type counting struct {
	clocked
	count func(int)
}

func (c counting) Deliver(ctx context.Context, b dispatch.Batch, mark dispatch.MarkFunc) []dispatch.Outcome {
	c.count(1)
	defer c.count(-1)
	pass(100 * time.Millisecond)
	return c.clocked.Deliver(ctx, b, mark)
}

// TestLanesTogether: two dispatchers have eight connections together, four each;
// one that ends leaves its to the other.
func TestLanesTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := dispatchtest.Open(t)
		f.Subscribe(t, "email", "example.org", 1500)
		var mu sync.Mutex
		busy, most := [2]int{}, [2]int{}
		all := 0
		c := newClocked(dispatch.Capacity{Lanes: 8}, nil)
		f.Plan(t, "142", c)
		q, l := dispatch.NewMemory(), dispatch.NewMemoryLimits()
		var end []func()
		for i := range 2 {
			end = append(end, begin(t, together(t, f, counting{c, func(n int) {
				mu.Lock()
				defer mu.Unlock()
				busy[i] += n
				most[i] = max(most[i], busy[i])
				all = max(all, busy[0]+busy[1])
			}}, q, l)))
		}
		pass(3 * time.Second)
		mu.Lock()
		if all != 8 {
			t.Errorf("%d at a time, want 8", all)
		}
		most = [2]int{}
		mu.Unlock()
		pass(3 * time.Second)
		mu.Lock()
		if most != [2]int{4, 4} {
			t.Errorf("%v at a time, want 4 each", most)
		}
		mu.Unlock()
		end[1]()
		pass(3 * time.Second)
		mu.Lock()
		if most[0] != 8 || all != 8 {
			t.Errorf("%d at a time alone, %d in all; want 8", most[0], all)
		}
		mu.Unlock()
		end[0]()
	})
}

// TestTwoTogetherOnRedis is TestTwoTogether in real time, with queue and limits in
// Redis: go test ./dispatch -run TwoTogetherOnRedis -v -limits 1m
func TestTwoTogetherOnRedis(t *testing.T) {
	s := dispatchtest.StartRedis(t)
	c := redis.NewClient(&redis.Options{Network: "unix", Addr: s.Socket, MaxRetries: -1, ContextTimeoutEnabled: true})
	t.Cleanup(func() { c.Close() })
	q, err := redisqueue.New(redisqueue.Options{Client: c, Prefix: "test", Timeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	l, err := redisqueue.NewLimits(redisqueue.LimitOptions{Client: c, Prefix: "test", Timeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	// A loaded machine lets some come late and the next ones in time.
	twoTogether(t, *minute, time.Second, q, l)
}
