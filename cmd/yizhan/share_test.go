package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"yizhan/config/configtest"
	"yizhan/dispatch/dispatchtest"
	"yizhan/dispatch/standin"
)

const shareReaders = 5000

// pair is two built daemons on one PostgreSQL and one Redis, each with a relay of
// its own, so that one can see who sent what.
type pair struct {
	*office
	readers []string
	sinks   [2]*standin.Sink
	daemons [2]*exec.Cmd
}

// newPair plans a run and starts both.
func newPair(t *testing.T, database string) *pair {
	t.Helper()
	p := &pair{}
	for i := range p.sinks {
		p.sinks[i] = newSink(t, slow(10*time.Millisecond))
	}
	p.office = newOffice(t, p.sinks[0].Addr())
	p.edit(`database: ""`, "database: "+database)
	p.withRedis("unix://" + dispatchtest.StartRedis(t).Socket)
	p.ready()
	p.readers = p.crowd(shareReaders)
	p.do("send", "37")
	other := &office{t: t, config: filepath.Join(t.TempDir(), "yizhan.yaml"), channels: channels()}
	text, err := os.ReadFile(p.config)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(other.config, []byte(strings.ReplaceAll(string(text), p.sinks[0].Addr(), p.sinks[1].Addr())), 0o600); err != nil {
		t.Fatal(err)
	}
	binary := build(t)
	for i, o := range []*office{p.office, other} {
		p.daemons[i] = o.daemon(binary)
	}
	return p
}

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
	p := newPair(t, configtest.URL(t))
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
	p := newPair(t, configtest.URL(t))
	p.taken(shareReaders/10, p.sinks[0])
	if err := p.daemons[0].Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = p.daemons[0].Wait()
	p.finished()
	p.end(p.daemons[1])
	t.Logf("the killed one had sent %d, the other one sent %d", len(p.sinks[0].Messages()), len(p.sinks[1].Messages()))
	p.account(t, p.readers, copies(p.sinks[:]...), killConnections)
}

// TestDaemonsOutliveTheDatabase crashes PostgreSQL three times in one run of two
// daemons.
func TestDaemonsOutliveTheDatabase(t *testing.T) {
	if testing.Short() {
		t.Skip("starts servers and processes")
	}
	server := configtest.Start(t)
	p := newPair(t, server.URL(t))
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
