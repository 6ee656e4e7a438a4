package redisqueue_test

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"yizhan/dispatch"
	"yizhan/dispatch/dispatchtest"
	"yizhan/dispatch/redisqueue"
)

// client speaks to a server on a socket the way config.OpenRedis does.
func client(t testing.TB, network, address string) *redis.Client {
	t.Helper()
	c := redis.NewClient(&redis.Options{
		Network: network, Addr: address, MaxRetries: -1, DialerRetries: 1, ContextTimeoutEnabled: true, DisableIdentity: true,
	})
	t.Cleanup(func() { c.Close() })
	return c
}

// open returns a queue with a prefix of its own and little patience.
func open(t testing.TB, c redis.UniversalClient) *redisqueue.Queue {
	t.Helper()
	return openAs(t, c, "test:"+rand.Text())
}

func openAs(t testing.TB, c redis.UniversalClient, prefix string) *redisqueue.Queue {
	t.Helper()
	q, err := redisqueue.New(redisqueue.Options{
		Client: c, Prefix: prefix, Block: 20 * time.Millisecond, Timeout: 500 * time.Millisecond, MinIdle: 100 * time.Millisecond,
		Logger: slog.New(slog.NewTextHandler(t.Output(), nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// patient is a queue that never takes an entry for forgotten while a test waits.
func patient(t testing.TB, c redis.UniversalClient) dispatch.Queue {
	t.Helper()
	q, err := redisqueue.New(redisqueue.Options{Client: c, Prefix: "test:" + rand.Text(), Block: 20 * time.Millisecond, Timeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func TestQueueOnMiniredis(t *testing.T) {
	dispatchtest.ExerciseQueue(t, func(t *testing.T) dispatch.Queue {
		return patient(t, client(t, "tcp", miniredis.RunT(t).Addr()))
	})
}

func TestQueueOnRedis(t *testing.T) {
	s := dispatchtest.StartRedis(t)
	c := client(t, "unix", s.Socket)
	dispatchtest.ExerciseQueue(t, func(t *testing.T) dispatch.Queue { return patient(t, c) })
}

func TestNewNeedsClientAndPrefix(t *testing.T) {
	if _, err := redisqueue.New(redisqueue.Options{Prefix: "x"}); err == nil {
		t.Error("made without a client")
	}
	if _, err := redisqueue.New(redisqueue.Options{Client: redis.NewClient(&redis.Options{})}); err == nil {
		t.Error("made without a prefix")
	}
}

func push(t testing.TB, q dispatch.Queue, channel string, ids ...int64) {
	t.Helper()
	if err := q.Push(context.Background(), channel, ids); err != nil {
		t.Fatal(err)
	}
}

func pull(t testing.TB, q dispatch.Queue, channel string) dispatch.Entry {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	e, err := q.Pull(ctx, channel)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func epoch(t testing.TB, q dispatch.Queue) string {
	t.Helper()
	e, err := q.Epoch(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// An entry that was read and not acknowledged comes again; one that was, never,
// and nothing of it stays.
func TestForgottenEntry(t *testing.T) {
	s := dispatchtest.StartRedis(t)
	c := client(t, "unix", s.Socket)
	q := openAs(t, c, "test")
	push(t, q, "email", 1, 2)
	push(t, q, "email", 3)
	first, second := pull(t, q, "email"), pull(t, q, "email")
	if err := q.Ack(t.Context(), "email", second); err != nil {
		t.Fatal(err)
	}
	other := openAs(t, c, "test")
	again := pull(t, other, "email")
	if again.ID != first.ID || !slices.Equal(again.Deliveries, []int64{1, 2}) {
		t.Errorf("got %v, want %v again", again, first)
	}
	if err := other.Ack(t.Context(), "email", again); err != nil {
		t.Fatal(err)
	}
	if n := c.XLen(t.Context(), "test:{email}:queue").Val(); n != 0 {
		t.Errorf("%d entries are left", n)
	}
	p, err := c.XPending(t.Context(), "test:{email}:queue", "workers").Result()
	if err != nil || p.Count != 0 {
		t.Errorf("pending: %+v, %v", p, err)
	}
}

// Whatever way the stream or its group is lost, the next pull works, what was
// left in the stream is served, and the epoch has changed.
func TestLosses(t *testing.T) {
	const stream = "test:{email}:queue"
	for name, lose := range map[string]func(ctx context.Context, c *redis.Client) error{
		"FLUSHALL":      func(ctx context.Context, c *redis.Client) error { return c.FlushAll(ctx).Err() },
		"DEL stream":    func(ctx context.Context, c *redis.Client) error { return c.Del(ctx, stream).Err() },
		"XGROUP":        func(ctx context.Context, c *redis.Client) error { return c.XGroupDestroy(ctx, stream, "workers").Err() },
		"DEL epoch":     func(ctx context.Context, c *redis.Client) error { return c.Del(ctx, "test:epoch").Err() },
		"FLUSHDB async": func(ctx context.Context, c *redis.Client) error { return c.FlushDBAsync(ctx).Err() },
	} {
		t.Run(name, func(t *testing.T) {
			s := dispatchtest.StartRedis(t)
			c := client(t, "unix", s.Socket)
			q := openAs(t, c, "test")
			push(t, q, "email", 1)
			if err := q.Ack(t.Context(), "email", pull(t, q, "email")); err != nil {
				t.Fatal(err)
			}
			before := epoch(t, q)
			pulled := make(chan dispatch.Entry)
			go func() { // blocked in Redis when it happens
				e, _ := q.Pull(context.Background(), "email")
				pulled <- e
			}()
			if err := lose(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			push(t, q, "email", 7)
			if e := <-pulled; !slices.Equal(e.Deliveries, []int64{7}) {
				t.Errorf("pulled %v", e)
			}
			if after := epoch(t, q); after == before {
				t.Error("the epoch is the same")
			}
		})
	}
}

// What a destroyed group left in the stream was not claimed by anybody.
func TestGroupLostWithEntries(t *testing.T) {
	s := dispatchtest.StartRedis(t)
	c := client(t, "unix", s.Socket)
	q := openAs(t, c, "test")
	push(t, q, "email", 1)
	push(t, q, "email", 2)
	pull(t, q, "email") // and never acknowledged
	if err := c.XGroupDestroy(t.Context(), "test:{email}:queue", "workers").Err(); err != nil {
		t.Fatal(err)
	}
	for _, want := range []int64{1, 2} {
		if e := pull(t, q, "email"); !slices.Equal(e.Deliveries, []int64{want}) {
			t.Errorf("pulled %v, want %d", e, want)
		}
	}
}

// A Redis that is full says so when it is asked for the epoch.
func TestFullRedis(t *testing.T) {
	s := dispatchtest.StartRedis(t)
	c := client(t, "unix", s.Socket)
	q := openAs(t, c, "test")
	push(t, q, "email", 1)
	before := epoch(t, q)
	if err := c.ConfigSet(t.Context(), "maxmemory", "1").Err(); err != nil {
		t.Fatal(err)
	}
	if _, err := q.Epoch(t.Context()); !redis.IsOOMError(errors.Unwrap(err)) {
		t.Errorf("epoch of a full Redis: %v", err)
	}
	if err := q.Push(t.Context(), "email", []int64{2}); err == nil {
		t.Error("a full Redis took a push")
	}
	// What is in it still comes out.
	if err := q.Ack(t.Context(), "email", pull(t, q, "email")); err != nil {
		t.Error(err)
	}
	if err := c.ConfigSet(t.Context(), "maxmemory", "0").Err(); err != nil {
		t.Fatal(err)
	}
	if after := epoch(t, q); after != before {
		t.Errorf("the epoch changed from %q to %q", before, after)
	}
}

func TestFrozenRedis(t *testing.T) {
	s := dispatchtest.StartRedis(t)
	q := openAs(t, client(t, "unix", s.Socket), "test")
	push(t, q, "email", 1)
	s.Freeze()
	if _, err := q.Epoch(t.Context()); err == nil {
		t.Error("a frozen Redis answered")
	}
	if _, err := q.Pull(t.Context(), "email"); err == nil {
		t.Error("a frozen Redis gave an entry")
	}
	s.Thaw()
	// The read that nobody waited for may have taken it: then it is forgotten first.
	if e := pull(t, q, "email"); !slices.Equal(e.Deliveries, []int64{1}) {
		t.Errorf("pulled %v", e)
	}
}

func TestForeignEntryIsRemoved(t *testing.T) {
	s := dispatchtest.StartRedis(t)
	c := client(t, "unix", s.Socket)
	q := openAs(t, c, "test")
	push(t, q, "email", 1)
	if err := q.Ack(t.Context(), "email", pull(t, q, "email")); err != nil {
		t.Fatal(err)
	}
	c.XAdd(t.Context(), &redis.XAddArgs{Stream: "test:{email}:queue", Values: []string{"x", "y"}})
	if e, err := q.Pull(t.Context(), "email"); err == nil {
		t.Errorf("pulled %v", e)
	}
	push(t, q, "email", 2)
	if e := pull(t, q, "email"); !slices.Equal(e.Deliveries, []int64{2}) {
		t.Errorf("pulled %v", e)
	}
	if n := c.XLen(t.Context(), "test:{email}:queue").Val(); n != 1 {
		t.Errorf("%d entries, want the one that is not acknowledged", n)
	}
}

// The count of a stream much longer than the feeder makes it is an estimate.
func TestWaitingBeyondTheSample(t *testing.T) {
	s := dispatchtest.StartRedis(t)
	q := open(t, client(t, "unix", s.Socket))
	for range 512 {
		push(t, q, "email", 1, 2, 3)
	}
	if n, err := q.Waiting(t.Context(), "email"); err != nil || n != 3*512 {
		t.Errorf("waiting %d, %v", n, err)
	}
}

// Only ids are in Redis, and only under the prefix.
func TestWhatIsInRedis(t *testing.T) {
	s := dispatchtest.StartRedis(t)
	c := client(t, "unix", s.Socket)
	q := openAs(t, c, "test")
	epoch(t, q)
	push(t, q, "email", 1, 2, 3)
	keys, err := c.Keys(t.Context(), "*").Result()
	slices.Sort(keys)
	if want := []string{"test:epoch", "test:{email}:queue"}; err != nil || !slices.Equal(keys, want) {
		t.Errorf("keys %v, %v; want %v", keys, err, want)
	}
	entries, err := c.XRange(t.Context(), "test:{email}:queue", "-", "+").Result()
	if err != nil || len(entries) != 1 || len(entries[0].Values) != 1 || entries[0].Values["d"] != "1 1 1" {
		t.Errorf("entries %v, %v", entries, err)
	}
}

func TestProbe(t *testing.T) {
	s := dispatchtest.StartRedis(t)
	c := client(t, "unix", s.Socket)
	q := openAs(t, c, "test")
	if err := q.Probe(t.Context()); err != nil {
		t.Fatal(err)
	}
	if keys := c.Keys(t.Context(), "*").Val(); len(keys) != 0 {
		t.Errorf("a probe left %v", keys)
	}
}

// The account that the documentation proposes can do what the queue does, and an
// account without one of the commands is found out by the probe.
func TestProbeOfAnAccount(t *testing.T) {
	s := dispatchtest.StartRedis(t)
	admin := client(t, "unix", s.Socket)
	rule := []any{"ACL", "SETUSER", "yizhan", "on", ">secret", "resetkeys", "~yizhan:*", "resetchannels", "-@all"}
	for _, command := range redisqueue.Commands() {
		rule = append(rule, "+"+command)
	}
	if err := admin.Do(t.Context(), rule...).Err(); err != nil {
		t.Fatal(err)
	}
	account := redis.NewClient(&redis.Options{
		Network: "unix", Addr: s.Socket, Username: "yizhan", Password: "secret", MaxRetries: -1, ContextTimeoutEnabled: true, DisableIdentity: true,
	})
	defer account.Close()
	probe := func(prefix string) error {
		l, err := redisqueue.NewLimits(redisqueue.LimitOptions{Client: account, Prefix: prefix})
		return errors.Join(err, openAs(t, account, prefix).Probe(t.Context()), l.Probe(t.Context()))
	}
	if err := probe("yizhan:1"); err != nil {
		t.Errorf("the account of the documentation: %v", err)
	}
	if err := probe("other:1"); err == nil {
		t.Error("a key outside of its pattern was allowed")
	}
	for _, command := range redisqueue.Commands() {
		if command == "ping" || command == "info" {
			continue // the configuration's check needs them, not the queue
		}
		admin.ScriptFlush(t.Context()) // else nobody needs EVAL
		if err := admin.Do(t.Context(), "ACL", "SETUSER", "yizhan", "-"+command).Err(); err != nil {
			t.Fatal(err)
		}
		if err := probe("yizhan:1"); err == nil {
			t.Errorf("nobody misses %s", command)
		}
		if err := admin.Do(t.Context(), "ACL", "SETUSER", "yizhan", "+"+command).Err(); err != nil {
			t.Fatal(err)
		}
		admin.FlushAll(t.Context())
	}
}
