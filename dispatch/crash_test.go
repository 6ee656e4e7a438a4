package dispatch

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"yizhan/config"
	"yizhan/config/configtest"
	"yizhan/issue"
	"yizhan/subscribers"
)

// world is a ledger with several processes that can die or freeze between any
// two steps, a queue that forgets and repeats, and a carrier that remembers.
type world struct {
	tb     rapid.TB
	t      *rapid.T // draws; nil in a test that leaves nothing to chance
	db     *config.Database
	ledger *Ledger
	people *subscribers.Store
	carrier
	procs   []*proc
	queue   [][]int64
	epoch   int
	clock   time.Time
	readers []subscribers.Subscriber
	gone    map[string]bool // unsubscribed addresses
	crashes int
	marked  int // rows that were marked in a process that died or froze
	run     int64
}

// carrier is what the outside world has seen.
type carrier struct {
	takes map[int64]int // by delivery
	lost  map[int64]int // answers that never came
}

// proc is one process: a worker whose channel is played by hand.
type proc struct {
	w      *worker
	s      Session
	rows   map[int64]*handing
	frozen bool
	stop   func()
}

const readers = 6

// home is where one world lives.
func home(t *testing.T) *config.Config {
	c := config.Default()
	c.DataDir, c.Database = t.TempDir(), config.NewSecret(configtest.Database(t))
	return c
}

// emptyLedger opens a ledger, with the people that it refers to.
func emptyLedger(t rapid.TB, c *config.Config) (*config.Database, *subscribers.Store, *Ledger) {
	t.Helper()
	ctx := context.Background()
	db, err := config.Open(ctx, c)
	must(t, err)
	must(t, db.Migrate(ctx, "subscribers_schema", subscribers.Schema))
	must(t, db.Migrate(ctx, SchemaTable, Schema))
	people, err := subscribers.New(subscribers.Options{Write: db.Write, Read: db.Read, Secret: []byte("a secret of the tests")})
	must(t, err)
	ledger, err := NewLedger(LedgerOptions{Write: db.Write, Mark: db.Mark, Read: db.Read})
	must(t, err)
	return db, people, ledger
}

// subscribed adds n readers.
func subscribed(t rapid.TB, people *subscribers.Store, n int, now time.Time) (out []subscribers.Subscriber) {
	t.Helper()
	for i := range n {
		a, err := subscribers.ParseEmail(fmt.Sprintf("reader%d@example.org", i))
		must(t, err)
		s, err := people.Add(context.Background(), subscribers.Entry{Addresses: []subscribers.Address{a}, State: subscribers.Active}, now)
		must(t, err)
		out = append(out, s)
	}
	return out
}

// planned plans a run of issue 142 for them.
func planned(t rapid.TB, ledger *Ledger, now time.Time) (run int64) {
	t.Helper()
	run, err := ledger.Plan(context.Background(), Planning{
		Kind: KindIssue, Issue: issue.Issue{ID: "142"}, Revision: issue.Revision{N: 1},
		Selection: SelectFirst, Channels: []Channel{silent{}}, Now: now,
	}, nil)
	must(t, err)
	return run
}

func newWorld(t rapid.TB, c *config.Config) *world {
	db, people, ledger := emptyLedger(t, c)
	w := &world{
		tb: t, db: db, ledger: ledger, people: people, clock: time.Now(), gone: map[string]bool{},
		carrier: carrier{takes: map[int64]int{}, lost: map[int64]int{}},
	}
	w.t, _ = t.(*rapid.T)
	w.readers = subscribed(t, people, readers, w.clock)
	w.run = planned(t, ledger, w.clock)
	w.start()
	return w
}

func must(t rapid.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// silent is a channel of which only the plan is used.
type silent struct{}

func (silent) Name() string       { return "email" }
func (silent) Capacity() Capacity { return Capacity{Lanes: 1, Batch: 1} }
func (silent) Prepare(context.Context, Content) ([]Variant, error) {
	return []Variant{{MessageID: "<%s.142@example.org>", Data: []byte("frozen")}}, nil
}
func (silent) Deliver(context.Context, Batch, MarkFunc) []Outcome { return nil }

// never suppresses nobody.
type never struct{}

func (never) Suppress(context.Context, string, string, string, string, time.Time) error { return nil }

func (w *world) start() {
	// No two simulated processes are the one that runs this test: they live on
	// another machine as far as the ledger knows, and only silence kills them.
	s, err := w.ledger.OpenSession(context.Background(), Process{BootID: "elsewhere", PID: len(w.procs) + 1}, w.clock)
	must(w.tb, err)
	log := slog.New(slog.DiscardHandler)
	commit := newCommitter(w.db.Mark, log)
	done := make(chan struct{})
	go func() { commit.run(context.Background()); close(done) }()
	p := &proc{s: s, rows: map[int64]*handing{}, stop: func() { close(commit.in); <-done }}
	p.w = &worker{
		name: "email", channel: silent{}, cap: silent{}.Capacity(), ledger: w.ledger, commit: commit, people: never{},
		policy: Policy{Retry: []time.Duration{time.Second}, GiveUp: 48 * time.Hour, AfterLostReply: RetryLost},
		valve:  newValve(), log: log, session: s.ID,
	}
	w.procs = append(w.procs, p)
}

// settled waits until everything that a process posted is committed.
func (p *proc) settled() {
	_ = p.w.commit.do(func(context.Context, grouped) error { return nil })
}

func (w *world) pick() *proc {
	if len(w.procs) == 0 {
		w.start()
	}
	return w.procs[rapid.IntRange(0, len(w.procs)-1).Draw(w.t, "process")]
}

func (p *proc) pick(t *rapid.T, marked bool) *handing {
	var some []*handing
	for id := range int64(1000) { // in order: maps are not
		if h := p.rows[id]; h != nil && (h.granted != nil && h.granted[0]) == marked {
			some = append(some, h)
		}
	}
	if len(some) == 0 {
		return nil
	}
	return some[rapid.IntRange(0, len(some)-1).Draw(t, "row")]
}

// The steps, each of which a crash may follow.

func (w *world) Feed(*rapid.T) {
	var fed []int64
	p := w.pick()
	must(w.tb, p.w.commit.do(func(ctx context.Context, tx grouped) (err error) {
		if err := w.ledger.announce(ctx, tx, p.s.ID, fmt.Sprint(w.epoch)); err != nil {
			return err
		}
		runs, err := w.ledger.openRuns(ctx, w.clock.Add(72*time.Hour))
		if err != nil {
			return err
		}
		for _, r := range runs {
			ids, err := w.ledger.feed(ctx, tx, r.id, "email", fmt.Sprint(w.epoch), 4, w.clock.Add(72*time.Hour))
			if err != nil {
				return err
			}
			fed = append(fed, ids...)
		}
		return nil
	}))
	if len(fed) > 0 && rapid.IntRange(0, 9).Draw(w.t, "pushed") > 0 { // else: died between commit and push
		w.queue = append(w.queue, fed)
	}
}

func (w *world) LoseQueue(*rapid.T) {
	w.epoch++
	if rapid.Bool().Draw(w.t, "emptied") { // a queue may also forget its epoch and keep entries
		w.queue = nil
	}
	p := w.pick()
	must(w.tb, p.w.commit.do(func(ctx context.Context, tx grouped) error {
		// The other processes may not have noticed yet.
		if err := w.ledger.announce(ctx, tx, p.s.ID, fmt.Sprint(w.epoch)); err != nil {
			return err
		}
		_, err := w.ledger.requeue(ctx, tx, w.clock.Add(-time.Hour), w.clock)
		return err
	}))
}

func (w *world) Claim(*rapid.T) {
	if len(w.queue) == 0 {
		return
	}
	entry := w.queue[0]
	if rapid.IntRange(0, 4).Draw(w.t, "delivered once") > 0 {
		w.queue = w.queue[1:]
	}
	p := w.pick()
	var rows []claimed
	must(w.tb, p.w.commit.do(func(ctx context.Context, tx grouped) (err error) {
		rows, err = w.ledger.claim(ctx, tx, p.s.ID, entry, w.clock)
		return err
	}))
	for _, b := range p.w.sort(context.Background(), rows) {
		if p.rows[b[0].id] != nil {
			w.tb.Fatalf("delivery %d was leased twice by one process", b[0].id)
		}
		p.rows[b[0].id] = &handing{worker: p.w, rows: b}
	}
	p.settled()
}

func (w *world) Mark(*rapid.T) {
	p := w.pick()
	h := p.pick(w.t, false)
	if h == nil {
		return
	}
	granted, err := h.mark(context.Background(), "")
	must(w.tb, err)
	r := h.rows[0]
	if !granted[0] {
		p.w.settle(context.Background(), r, false, Outcome{Status: Stopped})
		p.settled()
		delete(p.rows, r.id)
		return
	}
	if w.gone[r.address] {
		w.tb.Fatalf("%s was marked after the unsubscribe was committed", r.address)
	}
}

// ClaimUnanswered and MarkUnanswered let the database go away while it commits:
// the process learns of an error, and nobody knows what was committed.
func (w *world) ClaimUnanswered(*rapid.T) {
	if len(w.queue) == 0 {
		return
	}
	p, entry := w.pick(), w.queue[0]
	w.queue = w.queue[1:]
	if rapid.Bool().Draw(w.t, "committed") {
		must(w.tb, p.w.commit.do(func(ctx context.Context, tx grouped) error {
			_, err := w.ledger.claim(ctx, tx, p.s.ID, entry, w.clock)
			return err
		}))
	}
	must(w.tb, p.w.commit.do(func(ctx context.Context, tx grouped) error {
		return w.ledger.release(ctx, tx, p.s.ID, entry, w.clock)
	}))
	for _, r := range w.rows() {
		if slices.Contains(entry, r.id) && r.state == StateQueued {
			w.t.Fatalf("delivery %d is queued, and its entry is gone", r.id)
		}
	}
	var leased int
	must(w.tb, w.db.Read.QueryRow(`SELECT COUNT(*) FROM deliveries WHERE state = 'leased' AND claim = $1`, p.s.ID).Scan(&leased))
	if leased > len(p.rows) {
		w.t.Fatalf("%d rows are leased, and the process knows of %d", leased, len(p.rows))
	}
}

func (w *world) MarkUnanswered(*rapid.T) {
	p := w.pick()
	h := p.pick(w.t, false)
	if h == nil {
		return
	}
	asked := time.Now()
	if rapid.Bool().Draw(w.t, "committed") {
		must(w.tb, p.w.commit.do(func(ctx context.Context, tx grouped) error {
			_, err := w.ledger.commitMark(ctx, tx, p.s.ID, h.rows[0].id, 0, asked)
			return err
		}))
	}
	p.w.settleStopped(h.rows[0], asked)
	p.settled()
	delete(p.rows, h.rows[0].id)
}

// Answer is the carrier's: it takes, refuses, or its answer is lost.
func (w *world) Answer(*rapid.T) {
	p := w.pick()
	h := p.pick(w.t, true)
	if h == nil {
		return
	}
	id := h.rows[0].id
	o := Outcome{Status: Sent, Code: 250}
	switch rapid.IntRange(0, 7).Draw(w.t, "answer") {
	case 0:
		o = Outcome{Status: Refused, Failure: Failure{Scope: ScopeRecipient, Reason: "later"}}
	case 1:
		o = Outcome{Status: Refused, Failure: Failure{Scope: ScopeRecipient, Permanent: true, Reason: "gone"}}
	case 2:
		o = Outcome{Status: Lost, Failure: Failure{Scope: ScopeConnection}}
		w.lost[id]++
		w.takes[id] += rapid.IntRange(0, 1).Draw(w.t, "taken all the same")
	case 3:
		o = Outcome{Status: Abandoned, Failure: Failure{Reason: ReasonShutdown}}
		w.marked++
		w.takes[id] += rapid.IntRange(0, 1).Draw(w.t, "taken all the same")
	case 4:
		o = Outcome{Status: Refused, Failure: Failure{Scope: ScopeRecipient, Await: true, Reason: "no-conversation"}}
	default:
		w.takes[id]++
	}
	p.w.settle(context.Background(), h.rows[0], true, o)
	p.settled()
	delete(p.rows, id)
}

// TakenAndDied is the worst moment: the carrier has it, and the process dies
// before it can say so.
func (w *world) TakenAndDied(*rapid.T) {
	p := w.pick()
	if h := p.pick(w.t, true); h != nil {
		w.takes[h.rows[0].id]++
		w.die(p)
	}
}

func (w *world) Crash(*rapid.T) { w.die(w.pick()) }

func (w *world) die(p *proc) {
	p.stop()
	w.crashes++
	for i, q := range w.procs {
		if q == p {
			w.procs = append(w.procs[:i:i], w.procs[i+1:]...)
		}
	}
	w.silence(p)
}

// silence lets so much time pass that a process which does not beat is dead.
func (w *world) silence(silent ...*proc) {
	for _, p := range silent {
		for _, h := range p.rows {
			if h.granted != nil && h.granted[0] {
				w.marked++
			}
		}
	}
	w.clock = w.clock.Add(sessionDead + time.Second)
	for _, p := range w.procs {
		if !p.frozen {
			_ = w.ledger.Beat(context.Background(), p.s, w.clock)
		}
	}
	_, _, err := w.ledger.Reap(context.Background(), Process{BootID: "here"}, w.clock)
	must(w.tb, err)
}

// Freeze stops a process for longer than its session lives; it then goes on as
// if nothing had happened.
func (w *world) Freeze(*rapid.T) {
	p := w.pick()
	p.frozen = true
	w.silence(p)
	p.frozen = false
}

func (w *world) Start(*rapid.T) {
	if len(w.procs) < 3 {
		w.start()
	}
}

func (w *world) Unsubscribe(*rapid.T) {
	r := w.readers[rapid.IntRange(0, readers-1).Draw(w.t, "reader")]
	_, err := w.people.Unsubscribe(context.Background(), r.PublicID, "email", "test", w.clock)
	must(w.tb, err)
	w.gone[r.Addresses[0].Value] = true
}

// Speak frees what waits for a reader, whatever else is under way.
func (w *world) Speak(*rapid.T) {
	r := w.readers[rapid.IntRange(0, readers-1).Draw(w.t, "reader")]
	must(w.tb, w.ledger.Heard(context.Background(), "email", r.ID, w.clock.Add(time.Hour), w.clock))
	for _, one := range w.rows() {
		if one.address == r.Addresses[0].Value && one.waits && one.state == StateDue && w.open(one.run) {
			w.tb.Fatalf("delivery %d waits for %s, who has spoken", one.id, one.address)
		}
	}
}

// open reports whether rows of a run may still be sent.
func (w *world) open(run int64) bool {
	var state string
	must(w.tb, w.db.Read.QueryRow(`SELECT state FROM runs WHERE id = $1`, run).Scan(&state))
	return state == "planned" || state == "paused"
}

func (w *world) Pause(*rapid.T) {
	_, err := w.ledger.Pause(context.Background(), "142", w.clock)
	must(w.tb, err)
}

func (w *world) Resume(*rapid.T) {
	_, _, err := w.ledger.Resume(context.Background(), "142", w.clock)
	must(w.tb, err)
}

func (w *world) Cancel(*rapid.T) {
	if rapid.IntRange(0, 4).Draw(w.t, "really") == 0 {
		_, _, err := w.ledger.Cancel(context.Background(), "142", w.clock)
		must(w.tb, err)
	}
}

func (w *world) Resend(*rapid.T) {
	s := rapid.SampledFrom([]Selection{SelectFailed, SelectUnsent, SelectNew, SelectOutdated}).Draw(w.t, "scope")
	_, err := w.ledger.Plan(context.Background(), Planning{
		Kind: KindIssue, Issue: issue.Issue{ID: "142"}, Revision: issue.Revision{N: 1},
		Selection: s, Channels: []Channel{silent{}}, Now: w.clock,
	}, nil)
	must(w.tb, err)
}

// Check is what holds between any two steps.
func (w *world) Check(*rapid.T) {
	rows := w.rows()
	perReader, copies, doubts := map[string]int{}, map[string]int{}, map[string]int{}
	for _, r := range rows {
		if most := 1 + w.lost[r.id]; w.takes[r.id] > most {
			w.tb.Fatalf("delivery %d was taken %d times with %d lost answers", r.id, w.takes[r.id], w.lost[r.id])
		}
		if w.lost[r.id] > 2 {
			w.tb.Fatalf("delivery %d was handed over after two lost answers", r.id)
		}
		if r.state == StateSent && w.takes[r.id] == 0 {
			w.tb.Fatalf("delivery %d is sent and nobody has it", r.id)
		}
		if r.state.Open() {
			perReader[r.address]++
		}
		copies[r.address] += w.takes[r.id]
		doubts[r.address] += w.lost[r.id]
	}
	for a, n := range copies {
		if n > 1+doubts[a] {
			w.tb.Fatalf("%s has %d copies of one issue with %d lost answers", a, n, doubts[a])
		}
	}
	for a, n := range perReader {
		if n > 1 {
			w.tb.Fatalf("%s has %d open deliveries of one issue", a, n)
		}
	}
}

type row struct {
	id, run int64
	address string
	state   State
	waits   bool // until its reader speaks
}

func (w *world) rows() []row {
	var out []row
	must(w.tb, w.ledger.Deliveries(context.Background(), Filter{Issue: "142"}, func(r Record) error {
		one := row{address: r.Address, state: r.State, waits: r.Reason == ReasonAwaits}
		_, err := fmt.Sscan(r.ID+" "+r.Run, &one.id, &one.run)
		out = append(out, one)
		return err
	}))
	return out
}

// finish lets everything that is under way come to its end without further
// accidents.
func (w *world) finish() {
	for _, p := range w.procs {
		w.die(p)
	}
	w.procs = nil
	w.start()
	p := w.procs[0]
	w.Resume(nil)
	for _, r := range w.readers {
		must(w.tb, w.ledger.Heard(context.Background(), "email", r.ID, w.clock.Add(time.Hour), w.clock))
	}
	for range 20 {
		w.LoseQueue(w.t)
		w.queue = nil
		w.Feed(w.t)
		for len(w.queue) > 0 {
			w.Claim(w.t)
		}
		for id, h := range p.rows {
			granted, err := h.mark(context.Background(), "")
			must(w.tb, err)
			if granted[0] {
				w.takes[id]++
				p.w.settle(context.Background(), h.rows[0], true, Outcome{Status: Sent})
			} else {
				p.w.settle(context.Background(), h.rows[0], false, Outcome{Status: Stopped})
			}
			delete(p.rows, id)
		}
		p.settled()
	}
	p.stop()
	// What was refused after its run was cancelled is the housekeeping's.
	must(w.tb, w.ledger.transact(context.Background(), "finishing", func(tx execer) error {
		_, err := w.ledger.skipCancelled(context.Background(), tx, w.clock)
		return err
	}))
}

// TestCrashAnywhere lets everything go wrong between any two steps.
func TestCrashAnywhere(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(rt, home(t))
		defer w.db.Close()
		rt.Repeat(rapid.StateMachineActions(w))
		w.finish()
		w.Check(rt)
		unconfirmed, has := 0, map[string]bool{}
		for _, r := range w.rows() {
			has[r.address] = true
			if r.state.Open() {
				rt.Fatalf("delivery %d is still %s", r.id, r.state)
			}
			if w.takes[r.id] > 0 && r.state != StateSent && r.state != StateUnconfirmed {
				rt.Fatalf("delivery %d was taken and is %s", r.id, r.state)
			}
			if r.state == StateUnconfirmed && w.lost[r.id] == 0 {
				unconfirmed++
			}
		}
		if len(has) != readers {
			rt.Fatalf("%d of %d readers are in the ledger", len(has), readers)
		}
		if unconfirmed > w.marked {
			rt.Fatalf("%d rows are unconfirmed, and only %d were marked when their process went", unconfirmed, w.marked)
		}
	})
}

// lease feeds until a process has leased rows.
func (w *world) lease(p *proc) {
	for len(p.rows) == 0 {
		w.Feed(w.t)
		w.Claim(w.t)
		if len(p.rows) == 0 {
			w.LoseQueue(w.t)
		}
	}
}

// TestCrashBehindTheMarker goes straight to the worst moment: the carrier has the
// message, and the process dies before it can say so.
func TestCrashBehindTheMarker(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(rt, home(t))
		defer w.db.Close()
		p := w.procs[0]
		w.lease(p)
		w.Mark(rt)
		w.TakenAndDied(rt)
		w.finish()
		w.Check(rt)
		n := map[State]int{}
		for _, r := range w.rows() {
			n[r.state]++
		}
		if n[StateUnconfirmed] != 1 || n[StateSent] != readers-1 {
			rt.Fatalf("after the crash: %v", n)
		}
	})
}

// TestRefusedAfterTheRunWasCancelled: a row that the carrier already had in its
// hands is not left due for ever.
func TestRefusedAfterTheRunWasCancelled(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(rt, home(t))
		defer w.db.Close()
		p := w.procs[0]
		w.lease(p)
		h := p.pick(rt, false)
		granted, err := h.mark(context.Background(), "")
		must(rt, err)
		_, _, err = w.ledger.Cancel(context.Background(), "142", w.clock)
		must(rt, err)
		if !granted[0] {
			rt.Fatal("not marked")
		}
		p.w.settle(context.Background(), h.rows[0], true, Outcome{Status: Refused, Failure: Failure{Scope: ScopeRecipient, Reason: "later"}})
		p.settled()
		w.finish()
		for _, r := range w.rows() {
			if r.state != StateSkipped {
				rt.Fatalf("delivery %d of a cancelled run is %s", r.id, r.state)
			}
		}
	})
}
