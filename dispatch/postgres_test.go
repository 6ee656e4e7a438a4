package dispatch_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"yizhan/config/configtest"
	"yizhan/dispatch"
	"yizhan/dispatch/dispatchtest"
)

// TestOnPostgreSQL runs on PostgreSQL, too, what runs in real time. A bubble does
// not know when a socket is idle, so the rest has tests of its own here.
func TestOnPostgreSQL(t *testing.T) {
	configtest.Again(t, "^Test(Plan|.*Session|CrashAnywhere|Fenced|OneBadChange|CommittedBefore|ResendNeedsAFirstRun|NewRefuses|NewMissesNobody|OfNobody|Inbound|Instead|Uploads|Conversation|Reminders|NotOut)", "",
		"-rapid.checks=20")
}

// quick is a policy for tests in real time.
func quick() dispatch.Policy {
	return dispatch.Policy{Retry: []time.Duration{50 * time.Millisecond, 200 * time.Millisecond}, GiveUp: 2 * time.Second, AfterLostReply: dispatch.RetryLost}
}

// process is one of several that work on one ledger and one queue.
func process(t *testing.T, f *dispatchtest.Fixture, q dispatch.Queue, p dispatch.Process, c *dispatchtest.Carrier) *dispatch.Dispatcher {
	t.Helper()
	d, err := dispatch.New(dispatch.Options{
		Ledger: f.Ledger, Queue: q, People: f, Process: p, Routes: []dispatch.Route{{Channel: c, Policy: quick()}},
		Logger: slog.New(slog.NewTextHandler(t.Output(), nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// until waits for something that is to come true within two minutes.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	limit := time.After(2 * time.Minute)
	for !is() {
		select {
		case <-limit:
			t.Fatalf("not within two minutes: %s", what)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func isFinished(t *testing.T, f *dispatchtest.Fixture) func() bool {
	return func() bool { return runState(t, f, "142") == "finished" }
}

// wantOnceEach checks that everybody got it once from one of several carriers.
func wantOnceEach(t *testing.T, n int, carriers ...*dispatchtest.Carrier) {
	t.Helper()
	all := map[string]int{}
	for _, c := range carriers {
		for a, k := range c.Taken() {
			all[a] += k
		}
	}
	if len(all) != n {
		t.Errorf("%d subscribers got it, want %d", len(all), n)
	}
	for a, k := range all {
		if k != 1 {
			t.Errorf("%s got it %d times", a, k)
		}
	}
}

func slowly(string, int) dispatchtest.Answer { return dispatchtest.Answer{Slow: 3 * time.Millisecond} }

// TestTwoProcessesShare lets two processes work on one ledger and one queue.
func TestTwoProcessesShare(t *testing.T) {
	const n = 2000
	f := dispatchtest.OpenAt(t, configtest.URL(t))
	populate(t, f, n)
	q := dispatch.NewMemory()
	a := &dispatchtest.Carrier{Limits: dispatch.Capacity{Lanes: 4}, Script: slowly}
	b := &dispatchtest.Carrier{Limits: dispatch.Capacity{Lanes: 4}, Script: slowly}
	f.Plan(t, "142", a)
	endA := begin(t, process(t, f, q, dispatch.Process{BootID: "a"}, a))
	endB := begin(t, process(t, f.Again(t), q, dispatch.Process{BootID: "b"}, b))
	until(t, "the run is finished", isFinished(t, f))
	endA()
	endB()
	wantStates(t, f, "142", map[dispatch.State]int{dispatch.StateSent: n})
	wantOnceEach(t, n, a, b)
	if min(len(a.Taken()), len(b.Taken())) < n/4 {
		t.Errorf("one sent %d, the other %d", len(a.Taken()), len(b.Taken()))
	}
}

// startTime is the 22nd field of a process's stat, and the 20th after its name.
func startTime(t *testing.T, pid int) string {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Skip("no process table here")
	}
	_, fields, _ := strings.Cut(string(stat), ") ")
	return strings.Fields(fields)[19]
}

// TestTheOtherProcessFinishes ends one of two in mid-run, without a word.
func TestTheOtherProcessFinishes(t *testing.T) {
	const n = 1000
	f := dispatchtest.OpenAt(t, configtest.URL(t))
	populate(t, f, n)
	child := exec.Command("cat") // whose life stands for the process's
	held, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	mortal := dispatch.Process{BootID: dispatch.ThisProcess().BootID, PID: child.Process.Pid, Started: startTime(t, child.Process.Pid)}
	q := dispatch.NewMemory()
	survivor := &dispatchtest.Carrier{Limits: dispatch.Capacity{Lanes: 4}, Script: slowly}
	victim := &dispatchtest.Carrier{Limits: dispatch.Capacity{Lanes: 4}, Script: slowly}
	f.Plan(t, "142", survivor)
	g := f.Again(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var dying sync.WaitGroup
	dying.Go(func() { _ = process(t, g, q, mortal, victim).Run(ctx) })
	end := begin(t, process(t, f, q, dispatch.ThisProcess(), survivor))
	until(t, "the victim has sent some", func() bool { return len(victim.Taken()) > n/10 })
	g.DB.Close() // from here on it can neither mark nor settle
	cancel()
	dying.Wait()
	held.Close()
	_ = child.Wait()
	until(t, "the run is finished", isFinished(t, f))
	end()
	got := f.Count(t, "142")
	if got[dispatch.StateSent]+got[dispatch.StateUnconfirmed] != n || got[dispatch.StateUnconfirmed] > 4 {
		t.Errorf("states %v: at most the victim's four lanes may be unconfirmed", got)
	}
	for a, k := range survivor.Taken() {
		if k += victim.Taken()[a]; k != 1 {
			t.Errorf("%s got it %d times", a, k)
		}
	}
}

// TestDatabaseRestarts crashes the database three times while two processes send.
func TestDatabaseRestarts(t *testing.T) {
	const n = 1500
	server := configtest.Start(t)
	f := dispatchtest.OpenAt(t, server.URL(t))
	populate(t, f, n)
	q := dispatch.NewMemory()
	a := &dispatchtest.Carrier{Limits: dispatch.Capacity{Lanes: 4}, Script: slowly}
	b := &dispatchtest.Carrier{Limits: dispatch.Capacity{Lanes: 4}, Script: slowly}
	f.Plan(t, "142", a)
	endA := begin(t, process(t, f, q, dispatch.Process{BootID: "a"}, a))
	endB := begin(t, process(t, f.Again(t), q, dispatch.Process{BootID: "b"}, b))
	until(t, "both are at work", func() bool { return len(a.Taken()) > 0 && len(b.Taken()) > 0 })
	for i := range 3 {
		until(t, "some more are sent", func() bool { return len(a.Taken())+len(b.Taken()) > (i+1)*n/5 })
		if err := errors.Join(server.Crash(), server.Resume()); err != nil {
			t.Fatal(err)
		}
	}
	until(t, "all are sent", func() bool { return len(a.Taken())+len(b.Taken()) >= n })
	until(t, "the run is finished", isFinished(t, f))
	endA()
	endB()
	wantStates(t, f, "142", map[dispatch.State]int{dispatch.StateSent: n})
	wantOnceEach(t, n, a, b)
}

// TestUnsubscribingInMidRun: whoever was told that they are unsubscribed before
// their mail's marker was asked for does not get it.
func TestUnsubscribingInMidRun(t *testing.T) {
	const n = 400
	f := dispatchtest.OpenAt(t, configtest.URL(t))
	people := f.Subscribe(t, "email", "example.org", n)
	var mu sync.Mutex
	gone := map[string]bool{}
	late := map[string]bool{} // begun after the unsubscribe had been answered
	c := &dispatchtest.Carrier{Limits: dispatch.Capacity{Lanes: 8}, Script: func(a string, _ int) dispatchtest.Answer {
		mu.Lock()
		defer mu.Unlock()
		late[a] = gone[a]
		return dispatchtest.Answer{Slow: 10 * time.Millisecond}
	}}
	f.Plan(t, "142", c)
	end := begin(t, process(t, f, dispatch.NewMemory(), dispatch.ThisProcess(), c))
	for i := n - 1; i >= 0; i -= 2 {
		if _, err := f.People.Unsubscribe(t.Context(), people[i].PublicID, "email", "one-click", time.Now()); err != nil {
			t.Fatal(err)
		}
		mu.Lock()
		gone[fmt.Sprintf("reader%d@example.org", i+1)] = true
		mu.Unlock()
	}
	until(t, "the run is finished", isFinished(t, f))
	end()
	for a := range c.Taken() {
		if late[a] {
			t.Errorf("%s was sent to after the unsubscribe had been answered", a)
		}
	}
	got := f.Count(t, "142")
	if got[dispatch.StateSent] != len(c.Taken()) || got[dispatch.StateSent]+got[dispatch.StateSkipped] != n || got[dispatch.StateSkipped] == 0 {
		t.Errorf("states %v, %d taken", got, len(c.Taken()))
	}
}

// TestResendScopesOnPostgreSQL tells the story of TestResendScopes in real time.
func TestResendScopesOnPostgreSQL(t *testing.T) {
	deliver := func(t *testing.T, s story) {
		end := begin(t, process(t, s.Fixture, dispatch.NewMemory(), dispatch.ThisProcess(), s.carrier))
		until(t, "the run is finished", isFinished(t, s.Fixture))
		end()
	}
	for _, tt := range resendings() {
		t.Run(string(tt.scope), func(t *testing.T) {
			tt.check(t, tellOn(t, dispatchtest.OpenAt(t, configtest.URL(t)), deliver))
		})
	}
}
