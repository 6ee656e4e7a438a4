package main

import (
	"errors"
	"flag"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"yizhan/config/configtest"
	"yizhan/dispatch/dispatchtest"
	"yizhan/dispatch/standin"
)

const shareReaders = 5000

// limitsFor is how long the limits are measured: go test ./cmd/yizhan -run
// TwoDaemonsKeepLimits -v -limits 1m
var limitsFor = flag.Duration("limits", 10*time.Second, "how long the limits are measured in real time")

// pair is two built daemons on one PostgreSQL and one Redis, each with a relay of
// its own, so that one can see who sent what.
type pair struct {
	*office
	binary  string
	redis   *dispatchtest.RedisServer
	readers []string
	offices [2]*office
	sinks   [2]*standin.Sink
	daemons [2]*exec.Cmd
}

// newPair plans a run for readers of its own making and starts both.
func newPair(t *testing.T, database string, crowd func(o *office) []string) *pair {
	t.Helper()
	p := &pair{binary: build(t), redis: dispatchtest.StartRedis(t)}
	for i := range p.sinks {
		sink, err := standin.New(standin.Options{Script: slow(10 * time.Millisecond), MaxRaw: 1})
		if err != nil {
			t.Fatal(err)
		}
		run(t, sink)
		p.sinks[i] = sink
	}
	p.office = newOffice(t, p.sinks[0].Addr())
	p.edit(`database: ""`, "database: "+database)
	p.withRedis("unix://" + p.redis.Socket)
	p.ready()
	p.readers = crowd(p.office)
	p.do("send", "37")
	other := p.beside()
	other.edit(p.sinks[0].Addr(), p.sinks[1].Addr())
	p.offices = [2]*office{p.office, other}
	for i := range p.daemons {
		p.begin(i)
	}
	return p
}

// begin starts a daemon.
func (p *pair) begin(i int) {
	p.t.Helper()
	p.daemons[i] = p.offices[i].daemon(p.binary)
}

// kill ends a daemon as kill -9 does.
func (p *pair) kill(i int) {
	p.t.Helper()
	if err := p.daemons[i].Process.Kill(); err != nil {
		p.t.Fatal(err)
	}
	_ = p.daemons[i].Wait()
}

func many(o *office) []string { return o.crowd(shareReaders) }

// taken waits until both relays together, or one of them, have n mails.
func (p *pair) taken(n int, sinks ...*standin.Sink) {
	p.t.Helper()
	for {
		sum := 0
		for _, s := range sinks {
			sum += len(s.Messages())
		}
		if sum >= n {
			return
		}
		select {
		case <-p.t.Context().Done():
			p.t.Fatalf("%d of %d mails", sum, n)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// end ends a daemon as SIGTERM does.
func (p *pair) end(d *exec.Cmd) {
	p.t.Helper()
	if err := errors.Join(d.Process.Signal(syscall.SIGTERM), d.Wait()); err != nil {
		p.t.Error(err)
	}
}

// TestTwoDaemons share a run: each sends a good part of it, nobody gets it twice.
func TestTwoDaemons(t *testing.T) {
	if testing.Short() {
		t.Skip("starts servers and processes")
	}
	p := newPair(t, configtest.URL(t), many)
	p.finished()
	for i, d := range p.daemons {
		p.end(d)
		n := len(p.sinks[i].Messages())
		t.Logf("daemon %d sent %d", i+1, n)
		if n < shareReaders/4 {
			t.Errorf("daemon %d sent only %d of %d", i+1, n, shareReaders)
		}
	}
	p.account(t, p.readers, copies(p.sinks[:]...), 0)
}

// TestTwoDaemonsOneKilled: what one leaves behind in mid-run the other one does.
func TestTwoDaemonsOneKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("starts servers and processes")
	}
	p := newPair(t, configtest.URL(t), many)
	p.taken(shareReaders/10, p.sinks[0])
	p.kill(0)
	p.finished()
	p.end(p.daemons[1])
	t.Logf("the killed one had sent %d, the other one sent %d", len(p.sinks[0].Messages()), len(p.sinks[1].Messages()))
	p.account(t, p.readers, copies(p.sinks[:]...), killConnections)
}

// TestTwoDaemonsKeepLimits: 50 a second, and 5 a second to one domain, are for both
// together, also when one of them is killed half-way and begins again.
func TestTwoDaemonsKeepLimits(t *testing.T) {
	if testing.Short() {
		t.Skip("takes as long as it measures")
	}
	t.Parallel() // it mostly waits
	seconds := int(*limitsFor/time.Second) + 20
	p := newPair(t, configtest.URL(t), func(o *office) []string {
		o.edit("rate: 1000/s", "rate: 50/s\n    domains: {qq.example: {rate: 5/s}}")
		var readers []string
		for i := range 70 * seconds {
			domain := "example.org"
			if i%5 == 0 {
				domain = "qq.example"
			}
			readers = append(readers, fmt.Sprintf("reader%d@%s", i, domain))
		}
		o.subscribe("email", readers...)
		return readers
	})
	p.taken(250, p.sinks[:]...) // until those of the slow domain come back in their line
	from := time.Now()
	half := func() {
		select {
		case <-time.After(*limitsFor / 2):
		case <-t.Context().Done():
		}
	}
	half()
	p.kill(1)
	p.begin(1)
	half()
	until := time.Now()
	for i := range p.daemons {
		p.end(p.daemons[i])
	}
	all, slow := 0, 0
	for _, s := range p.sinks {
		for _, m := range s.Messages() {
			if m.At.Before(from) || m.At.After(until) {
				continue
			}
			all++
			if strings.HasSuffix(m.To, "@qq.example") {
				slow++
			}
		}
	}
	for _, c := range []struct {
		name string
		n    int
		want float64
	}{{"all", all, 50}, {"the slow domain", slow, 5}} {
		got := float64(c.n) / until.Sub(from).Seconds()
		t.Logf("%s: %d in %s are %.2f/s of %g/s", c.name, c.n, until.Sub(from).Round(time.Millisecond), got, c.want)
		// A loaded machine may be slower, and in a short time one mail is much.
		if got > c.want*1.1+0.2 || *limitsFor >= time.Minute && got < c.want*0.9 {
			t.Errorf("%s: %.2f a second, want %g", c.name, got, c.want)
		}
	}
}
