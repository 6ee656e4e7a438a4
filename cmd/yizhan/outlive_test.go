package main

import (
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"yizhan/config/configtest"
)

// What the daemons have to outlive, in times of operation. In full:
// go test ./cmd/yizhan -run DaemonsOutliveRedis -v -faults 5 -redis-away 10s
var (
	faultsEach = flag.Int("faults", 1, "how often Redis fails in each way")
	redisAway  = flag.Duration("redis-away", 3*time.Second, "how long Redis is stopped or full")
)

// TestDaemonsOutliveTheDatabase crashes PostgreSQL three times in one run of two
// daemons.
func TestDaemonsOutliveTheDatabase(t *testing.T) {
	if testing.Short() {
		t.Skip("starts servers and processes")
	}
	server := configtest.Start(t)
	p := newPair(t, server.URL(t), many)
	for i := range 3 {
		p.taken(shareReaders*(i+1)/5, p.sinks[:]...)
		if err := errors.Join(server.Crash(), server.Resume()); err != nil {
			t.Fatal(err)
		}
	}
	p.finished()
	for _, d := range p.daemons {
		p.end(d)
	}
	p.account(t, p.readers, copies(p.sinks[:]...), 0)
}

// TestDaemonsOutliveRedis breaks the Redis of two daemons in one run, in each way,
// with the patience that they have in operation: only the epoch brings rows of an
// emptied queue back before a minute is over.
func TestDaemonsOutliveRedis(t *testing.T) {
	if testing.Short() {
		t.Skip("starts servers and processes")
	}
	// More than can be sent meanwhile.
	const perSecond = 250
	n := perSecond * *faultsEach * int(2**redisAway+6*time.Second) / int(time.Second)
	url := configtest.URL(t)
	p := newPair(t, url, func(o *office) []string {
		o.edit("rate: 1000/s", fmt.Sprintf("rate: %d/s", perSecond))
		return o.crowd(n)
	})
	admin := redis.NewClient(&redis.Options{Network: "unix", Addr: p.redis.Socket, MaxRetries: -1})
	defer admin.Close()
	longest := longestInWork(t, url)
	for i := range *faultsEach {
		for k, fault := range []func() error{
			func() error { return admin.FlushAll(t.Context()).Err() },
			func() error { p.redis.Kill(); p.redis.Start(); return nil },
			func() error { p.redis.Freeze(); <-time.After(*redisAway); p.redis.Thaw(); return nil },
			func() error {
				full := admin.ConfigSet(t.Context(), "maxmemory", "1").Err()
				<-time.After(*redisAway)
				return errors.Join(full, admin.ConfigSet(t.Context(), "maxmemory", "0").Err())
			},
		} {
			p.taken(len(copies(p.sinks[:]...))+perSecond, p.sinks[:]...) // it is well under way
			if err := fault(); err != nil {
				t.Fatalf("fault %d of turn %d: %v", k+1, i+1, err)
			}
		}
	}
	if sent := len(copies(p.sinks[:]...)); sent == n {
		t.Errorf("all %d were sent before the last fault", n)
	}
	p.finished()
	for i, d := range p.daemons {
		p.end(d)
		t.Logf("daemon %d sent %d", i+1, len(p.sinks[i].Messages()))
	}
	p.account(t, p.readers, copies(p.sinks[:]...), 0)
	stuck := longest()
	t.Logf("a row was in one state of work for %s at most", stuck)
	if stuck > time.Minute {
		t.Errorf("a row was stuck for %s", stuck)
	}
}

// longestInWork looks on, until it is asked, how long rows stay queued, leased or
// marked, and gives the longest.
func longestInWork(t *testing.T, url string) (longest func() time.Duration) {
	t.Helper()
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	var most time.Duration
	stop := make(chan struct{})
	var looking sync.WaitGroup
	looking.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(250 * time.Millisecond):
			}
			var since sql.NullInt64
			if err := db.QueryRow(`SELECT MIN(updated_at) FROM deliveries WHERE state IN ('queued', 'leased', 'marked')`).Scan(&since); err != nil {
				t.Error(err)
			} else if since.Valid {
				most = max(most, time.Since(time.UnixMilli(since.Int64)))
			}
		}
	})
	stopped := sync.OnceFunc(func() {
		close(stop)
		looking.Wait()
		db.Close()
	})
	t.Cleanup(stopped)
	return func() time.Duration {
		stopped()
		return most
	}
}
