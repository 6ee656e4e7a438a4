package main

import (
	"bufio"
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"yizhan/config"
	"yizhan/config/configtest"
	"yizhan/dispatch"
	"yizhan/dispatch/dispatchtest"
	"yizhan/dispatch/standin"
)

const (
	killReaders     = 2000
	killConnections = 8
	kills           = 20
)

// shipped is the program as it is shipped, built once for all tests that want it.
var shipped = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "yizhan-built-")
	if err != nil {
		return "", err
	}
	binary := filepath.Join(dir, "yizhan")
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	atTheEnd = func() { os.RemoveAll(dir) }
	return binary, nil
})

// build gives the program as it is shipped.
func build(t testing.TB) string {
	t.Helper()
	binary, err := shipped()
	if err != nil {
		t.Fatal(err)
	}
	return binary
}

// daemon starts the built program and waits until it is ready.
func (o *office) daemon(binary string) *exec.Cmd {
	o.t.Helper()
	cmd := exec.CommandContext(o.t.Context(), binary, "-c", o.config, "serve")
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		o.t.Fatal(err)
	}
	log := &bytes.Buffer{}
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		o.t.Fatal(err)
	}
	if line, err := bufio.NewReader(stdout).ReadString('\n'); err != nil || !strings.HasPrefix(line, "ready ") {
		_ = cmd.Wait()
		o.t.Fatalf("the daemon did not start: %q, %v\n%s", line, err, log)
	}
	return cmd
}

// slow is a relay that takes a moment for each mail, as one across a network
// does, so that there is something to be interrupted.
func slow(work time.Duration) func(phase, from, to string, nth int) standin.Fault {
	return func(phase, _, _ string, _ int) standin.Fault {
		if phase != "dot" {
			return standin.Fault{}
		}
		done := make(chan struct{})
		time.AfterFunc(work, func() { close(done) })
		return standin.Fault{Wait: done}
	}
}

// crowd imports n subscribers reader0001@example.org, …
func (o *office) crowd(n int) []string {
	o.t.Helper()
	addresses := make([]string, n)
	for i := range addresses {
		addresses[i] = fmt.Sprintf("reader%04d@example.org", i)
	}
	o.subscribe("email", addresses...)
	return addresses
}

// finished waits until no delivery of issue 37 is open.
func (o *office) finished() dispatch.Counts {
	o.t.Helper()
	db := o.open()
	defer db.Close()
	for {
		if n := o.countsIn(db); n.Open() == 0 {
			return n
		}
		select {
		case <-o.t.Context().Done():
			o.t.Fatal("the run did not come to its end")
		case <-time.After(20 * time.Millisecond): // the daemon wants the processor, too
		}
	}
}

// counts are the deliveries of the newest run of issue 37.
func (o *office) counts() dispatch.Counts {
	o.t.Helper()
	db := o.open()
	defer db.Close()
	return o.countsIn(db)
}

// countsIn is for waiting: a command a time would take the processor from the daemon.
func (o *office) countsIn(db *config.Database) dispatch.Counts {
	o.t.Helper()
	out := dispatch.Counts{}
	for _, row := range rowsOf(o.t, db.Read, `SELECT state, COUNT(*) AS n FROM deliveries
		WHERE run_id = (SELECT MAX(id) FROM runs WHERE issue_id = '37') GROUP BY state`) {
		n, err := strconv.ParseInt(row["n"], 10, 64)
		if err != nil {
			o.t.Fatal(err)
		}
		out[dispatch.State(row["state"])] = n
	}
	return out
}

// copies counts what relays took, by address.
func copies(sinks ...*standin.Sink) map[string]int {
	out := map[string]int{}
	for _, sink := range sinks {
		for _, m := range sink.Messages() {
			out[m.To]++
		}
	}
	return out
}

// TestKilled ends the built program at random moments of a run, 20 times with
// kill -9 and 20 times with SIGTERM, and starts it again each time. On PostgreSQL
// its queue is in Redis.
func TestKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("starts and kills processes for half a minute")
	}
	binary := build(t)
	for name, signal := range map[string]os.Signal{"SIGKILL": os.Kill, "SIGTERM": syscall.SIGTERM} {
		t.Run(name, func(t *testing.T) {
			sink := newSink(t, slow(20*time.Millisecond))
			o := newOffice(t, sink.Addr())
			if configtest.Database(t) != "" {
				o.withRedis("unix://" + dispatchtest.StartRedis(t).Socket)
			}
			o.ready()
			readers := o.crowd(killReaders)
			o.do("send", "37")
			seed := rand.Uint64()
			random := rand.New(rand.NewPCG(seed, 0))
			var interrupted dispatch.Counts
			doubted := int64(0)
			for n := range kills {
				d := o.daemon(binary)
				<-time.After(time.Duration(30+random.IntN(200)) * time.Millisecond)
				if err := d.Process.Signal(signal); err != nil {
					t.Fatal(err)
				}
				if err := d.Wait(); err != nil && signal == syscall.SIGTERM {
					t.Errorf("after SIGTERM: %v", err)
				}
				interrupted = o.counts()
				// Those that this one left marked, the others were so before.
				now := interrupted[dispatch.StateMarked] + interrupted[dispatch.StateUnconfirmed]
				if now-doubted > killConnections {
					t.Errorf("%s no. %d left %d rows in doubt with %d connections", name, n+1, now-doubted, killConnections)
				}
				doubted = now
			}
			d := o.daemon(binary)
			o.finished()
			if err := d.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			if err := d.Wait(); err != nil {
				t.Error(err)
			}
			doubts := 0
			if signal == os.Kill {
				doubts = kills * killConnections
			}
			o.account(t, readers, copies(sink), doubts)
			t.Logf("seed %d: %v after %d times %s", seed, interrupted, kills, name)
		})
	}
}

// account holds the ledger against the copies that relays took, by address.
// doubts is how many rows may be unconfirmed.
func (o *office) account(t *testing.T, readers []string, got map[string]int, doubts int) {
	t.Helper()
	twice, missing, ambiguous := 0, 0, 0
	state := map[string]dispatch.State{}
	for _, r := range records(t, o.do("deliveries", "37", "--json")) {
		state[r.Address] = r.State
	}
	unconfirmed, had := 0, 0
	for _, a := range readers {
		if got[a] > 1 {
			twice++
		}
		switch state[a] {
		case dispatch.StateSent:
			if got[a] == 0 {
				missing++
			}
		case dispatch.StateUnconfirmed:
			unconfirmed++
			had += got[a]
			if got[a] == 0 {
				ambiguous++
			}
		default:
			t.Errorf("%s is %q", a, state[a])
		}
	}
	if twice > 0 || missing > 0 {
		t.Errorf("%d got it twice, %d are sent and have nothing", twice, missing)
	}
	if unconfirmed > doubts {
		t.Errorf("%d are unconfirmed, at most %d could be", unconfirmed, doubts)
	}
	bound := "no row was in doubt"
	if unconfirmed > 0 {
		bound = fmt.Sprintf("rule of three over %d rows in doubt: twice in at most %.1f %% of them", unconfirmed, min(100, 300/float64(unconfirmed)))
	}
	t.Logf("%d readers: %d twice, %d missing, %d unconfirmed of which %d had it and %d had not; %s",
		len(readers), twice, missing, unconfirmed, had, ambiguous, bound)
}
