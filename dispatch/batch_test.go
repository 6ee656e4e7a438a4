package dispatch_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"yizhan/dispatch"
	"yizhan/dispatch/dispatchtest"
)

// keyed is a channel whose carrier knows hand-overs by their key. Its script
// names what happens to the n-th call: "" it is answered, "lose" taken and the
// answer lost, "drop" lost on the way, "hang" taken and never answered, "refuse"
// refused for now, "panic" taken, and our code breaks.
type keyed struct {
	dispatch.Channel
	script func(n int) string
	hang   chan struct{}
	repeat time.Duration

	mu    sync.Mutex
	calls int
	jobs  map[string][]string // members by key
	took  map[string]int
	odd   []string
}

func newKeyed(script func(int) string) *keyed {
	return &keyed{
		Channel: &dispatchtest.Carrier{ChannelName: "wechat"}, script: script, repeat: time.Hour,
		hang: make(chan struct{}), jobs: map[string][]string{}, took: map[string]int{},
	}
}

func (k *keyed) Capacity() dispatch.Capacity {
	return dispatch.Capacity{Lanes: 2, Batch: 10, Least: 2, Repeat: k.repeat}
}

func (k *keyed) Deliver(ctx context.Context, b dispatch.Batch, mark dispatch.MarkFunc) []dispatch.Outcome {
	out := make([]dispatch.Outcome, len(b.Deliveries))
	granted, err := mark(ctx)
	if err != nil {
		return fill(out, dispatch.Outcome{Status: dispatch.Returned})
	}
	var to []string
	for i, d := range b.Deliveries {
		if granted[i] {
			to = append(to, d.Address)
		}
	}
	k.mu.Lock()
	k.calls++
	what := k.script(k.calls)
	if what != "drop" && what != "refuse" {
		k.take(b.Key, to)
	}
	k.mu.Unlock()
	switch what {
	case "refuse":
		return fill(out, dispatch.Outcome{Status: dispatch.Refused, Failure: dispatch.Failure{Scope: dispatch.ScopeAccount, Reason: "quota"}})
	case "lose", "drop":
		return fill(out, dispatch.Outcome{Status: dispatch.Lost, Failure: dispatch.Failure{Scope: dispatch.ScopeConnection}})
	case "hang":
		<-k.hang
	case "panic":
		panic("script")
	}
	return fill(out, dispatch.Outcome{Status: dispatch.Sent, Job: "job of " + b.Key})
}

// take is the carrier's: a key that it knows it does not work on again.
func (k *keyed) take(key string, to []string) {
	if first, known := k.jobs[key]; known {
		if !slices.Equal(first, to) {
			k.odd = append(k.odd, fmt.Sprintf("key %s had %d members and has %d", key, len(first), len(to)))
		}
		return
	}
	k.jobs[key] = to
	for _, a := range to {
		k.took[a]++
	}
}

func fill(out []dispatch.Outcome, o dispatch.Outcome) []dispatch.Outcome {
	for i := range out {
		out[i] = o
	}
	return out
}

// wantOnce checks that n readers got it once, in batches of these sizes.
func (k *keyed) wantOnce(t *testing.T, sizes ...int) {
	t.Helper()
	k.mu.Lock()
	defer k.mu.Unlock()
	var got []int
	var n int
	for _, members := range k.jobs {
		got = append(got, len(members))
		n += len(members)
	}
	slices.Sort(got)
	slices.Sort(sizes)
	if !slices.Equal(got, sizes) {
		t.Errorf("batches of %v, want %v", got, sizes)
	}
	if len(k.took) != n {
		t.Errorf("%d readers got it, want %d", len(k.took), n)
	}
	for a, times := range k.took {
		if times != 1 {
			t.Errorf("%s got it %d times", a, times)
		}
	}
	if len(k.odd) > 0 {
		t.Error(k.odd)
	}
}

func readers(t *testing.T, f *dispatchtest.Fixture, n int) {
	t.Helper()
	for i := range n {
		f.SubscribeOne(t, "wechat", fmt.Sprintf("oFollower%06d", i))
	}
}

func TestLostAnswersAreAskedForAgain(t *testing.T) {
	for name, script := range map[string]func(int) string{
		"taken":        func(n int) string { return []string{"lose", ""}[min(n/7, 1)] },
		"on the way":   func(n int) string { return []string{"drop", ""}[min(n/7, 1)] },
		"of both":      func(n int) string { return []string{"lose", "drop", ""}[n%3] },
		"then refused": func(n int) string { return []string{"lose", "refuse", ""}[min(n/4, 2)] },
		"our own end":  func(n int) string { return []string{"panic", ""}[min(n/4, 1)] },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := dispatchtest.Open(t)
				readers(t, f, 21) // the last one alone is too few
				k := newKeyed(script)
				f.Plan(t, "142", k)
				run(t, f.Dispatcher(t, k), 20*time.Minute)
				wantStates(t, f, "142", map[dispatch.State]int{dispatch.StateSent: 21})
				k.wantOnce(t, 10, 9, 2)
				if got := runState(t, f, "142"); got != "finished" {
					t.Errorf("the run is %s", got)
				}
				alarms, err := f.Ledger.Alarms(t.Context())
				if err != nil || len(alarms) != 0 {
					t.Errorf("alarms %v, %v", alarms, err)
				}
			})
		})
	}
}

// A process that dies between marker and answer leaves its batches to the next,
// which makes the same calls.
func TestNextProcessAsksAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := dispatchtest.Open(t)
		readers(t, f, 25)
		k := newKeyed(func(n int) string {
			if n <= 2 {
				return "hang"
			}
			return ""
		})
		f.Plan(t, "142", k)
		dying, err := dispatch.New(dispatch.Options{
			Ledger: f.Ledger, Queue: dispatch.NewMemory(), Routes: []dispatch.Route{{Channel: k, Policy: dispatchtest.Policy()}}, People: f,
			Process: dispatch.Process{BootID: dispatch.ThisProcess().BootID, PID: 1 << 30, Started: "1"},
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		dead := make(chan error, 1)
		go func() { dead <- dying.Run(ctx) }()
		pass(3 * time.Second)
		wantStates(t, f, "142", map[dispatch.State]int{dispatch.StateMarked: 20, dispatch.StateLeased: 5})
		run(t, f.Dispatcher(t, k), time.Minute)
		wantStates(t, f, "142", map[dispatch.State]int{dispatch.StateSent: 25})
		k.wantOnce(t, 10, 10, 5)
		cancel()
		close(k.hang)
		if err := <-dead; !errors.Is(err, dispatch.ErrSessionLost) {
			t.Errorf("the dead process ended with %v", err)
		}
		wantStates(t, f, "142", map[dispatch.State]int{dispatch.StateSent: 25})
	})
}

// What the carrier does not know any longer nobody can find out. Until then an
// operator is told.
func TestUnansweredForTooLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := dispatchtest.Open(t)
		readers(t, f, 5)
		k := newKeyed(func(int) string { return "drop" })
		f.Plan(t, "142", k)
		end := begin(t, f.Dispatcher(t, k))
		pass(40 * time.Minute)
		wantStates(t, f, "142", map[dispatch.State]int{dispatch.StateMarked: 5})
		alarms, err := f.Ledger.Alarms(t.Context())
		if err != nil || !slices.ContainsFunc(alarms, func(a dispatch.Alarm) bool {
			return a.Code == dispatch.AlarmUnanswered && a.Subject == "wechat" && strings.HasPrefix(a.Text, dispatch.ReasonLostReply)
		}) {
			t.Errorf("alarms %v, %v", alarms, err)
		}
		if n := k.calls; n < 8 || n > 40 {
			t.Errorf("asked %d times", n)
		}
		pass(30 * time.Minute)
		end()
		wantStates(t, f, "142", map[dispatch.State]int{dispatch.StateUnconfirmed: 5})
		for _, r := range f.Records(t, "142") {
			if r.Reason != dispatch.ReasonLostReply || r.Attempts != 1 {
				t.Errorf("delivery %+v", r)
			}
		}
	})
}

// A cancelled run asks nobody any more.
func TestCancelEndsTheAsking(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := dispatchtest.Open(t)
		readers(t, f, 5)
		k := newKeyed(func(int) string { return "drop" })
		f.Plan(t, "142", k)
		end := begin(t, f.Dispatcher(t, k))
		pass(time.Minute)
		if _, _, err := f.Ledger.Cancel(t.Context(), "142", time.Now()); err != nil {
			t.Fatal(err)
		}
		pass(10 * time.Minute)
		end()
		wantStates(t, f, "142", map[dispatch.State]int{dispatch.StateUnconfirmed: 5})
	})
}

func TestReports(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := dispatchtest.Open(t)
		readers(t, f, 20)
		k := newKeyed(func(int) string { return "" })
		f.Plan(t, "142", k)
		run(t, f.Dispatcher(t, k), 2*time.Minute)
		jobs, err := f.Ledger.Jobs(t.Context(), "wechat", time.Now())
		if err != nil || len(jobs) != 2 {
			t.Fatalf("jobs %v, %v", jobs, err)
		}
		report := func(r dispatch.Report) bool {
			t.Helper()
			r.Channel = "wechat"
			known, err := f.Ledger.Report(t.Context(), r, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			return known
		}
		if report(dispatch.Report{Job: "nobody's"}) {
			t.Error("a job that nobody has was known")
		}
		if !report(dispatch.Report{Job: jobs[0].Name, Status: "send success", Total: 10, Filtered: 8, Sent: 7, Errors: 1}) {
			t.Error("the first job was not known")
		}
		// What is not sent any more, or not known to be, is not the report's.
		if _, err := f.DB.Write.ExecContext(t.Context(), `UPDATE deliveries SET state = 'unconfirmed' 
			WHERE id = (SELECT MAX(d.id) FROM deliveries d JOIN batches b ON b.id = d.batch_id WHERE b.job = $1)`, jobs[1].Name); err != nil {
			t.Fatal(err)
		}
		for range 2 { // events come more than once
			if !report(dispatch.Report{Job: jobs[1].Name, Status: "err(20013)", Failed: true, Reason: "job-failed", Total: 10}) {
				t.Error("the second job was not known")
			}
		}
		wantStates(t, f, "142", map[dispatch.State]int{dispatch.StateSent: 10, dispatch.StateFailed: 9, dispatch.StateUnconfirmed: 1})
		if left, err := f.Ledger.Jobs(t.Context(), "wechat", time.Now()); err != nil || len(left) != 0 {
			t.Errorf("still asked about: %v, %v", left, err)
		}
		// A late and contrary report does not bring the failed back.
		report(dispatch.Report{Job: jobs[1].Name, Status: "send success", Total: 10, Sent: 10})
		wantStates(t, f, "142", map[dispatch.State]int{dispatch.StateSent: 10, dispatch.StateFailed: 9, dispatch.StateUnconfirmed: 1})
		status, err := f.Ledger.Status(t.Context(), "142", time.Now())
		want := dispatch.Jobs{Jobs: 2, Reported: 2, Counted: 2, Total: 20, Filtered: 8, Sent: 17, Errors: 1}
		if err != nil || status[0].Jobs["wechat"] != want {
			t.Errorf("jobs %+v, %v", status[0].Jobs, err)
		}
		failed, err := f.Ledger.Select(t.Context(), dispatch.Resend{Issue: "142", Revision: 1, Selection: dispatch.SelectFailed}, "wechat", time.Now())
		if err != nil || len(failed) != 9 {
			t.Errorf("%d can be sent again, %v", len(failed), err)
		}
	})
}

// Jobs are asked about less and less often, and after a day no more.
func TestJobsAreAskedAbout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := dispatchtest.Open(t)
		readers(t, f, 5)
		k := newKeyed(func(int) string { return "" })
		f.Plan(t, "142", k)
		run(t, f.Dispatcher(t, k), 10*time.Second)
		var asked int
		for range 26 * 60 {
			jobs, err := f.Ledger.Jobs(t.Context(), "wechat", time.Now())
			if err != nil {
				t.Fatal(err)
			}
			for _, j := range jobs {
				asked++
				if err := f.Ledger.Asked(t.Context(), j, time.Now()); err != nil {
					t.Fatal(err)
				}
			}
			pass(time.Minute)
		}
		if asked < 5 || asked > 40 {
			t.Errorf("asked %d times", asked)
		}
		wantStates(t, f, "142", map[dispatch.State]int{dispatch.StateSent: 5})
	})
}
