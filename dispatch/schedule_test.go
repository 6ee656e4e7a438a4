package dispatch_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"yizhan/config"
	"yizhan/dispatch"
	"yizhan/dispatch/dispatchtest"
	"yizhan/issue"
)

// shelf is a shelf on which every issue is approved.
type shelf []string

func (s shelf) Approved(context.Context) ([]string, error) { return s, nil }

func (s shelf) Content(_ context.Context, id string) (issue.Issue, issue.Revision, error) {
	is := dispatchtest.Issue(id)
	return is, issue.Revision{N: 1, Hash: is.Hash()}, nil
}

func shelfOf(n int) shelf {
	var s shelf
	for i := range n {
		s = append(s, fmt.Sprint(142+i))
	}
	return s
}

func newCron(t testing.TB, text, zone string) config.Cron {
	t.Helper()
	z, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	c, err := config.ParseCron(text, z)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func newScheduler(t testing.TB, f *dispatchtest.Fixture, s dispatch.Shelf, schedules ...dispatch.Schedule) *dispatch.Scheduler {
	t.Helper()
	sc, err := dispatch.NewScheduler(dispatch.SchedulerOptions{
		Ledger: f.Ledger, Shelf: s, Schedules: schedules, Logger: slog.New(slog.NewTextHandler(t.Output(), nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	return sc
}

// daily is a schedule at nine in Shanghai.
func daily(t testing.TB, catchUp time.Duration, channels ...dispatch.Channel) dispatch.Schedule {
	return dispatch.Schedule{Name: "daily", Slots: newCron(t, "0 9 * * *", "Asia/Shanghai"), CatchUp: catchUp, Channels: channels}
}

// follow lets a scheduler work for some of the bubble's time.
func follow(t testing.TB, s *dispatch.Scheduler, span time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), span)
	defer cancel()
	if err := s.Run(ctx); err != nil {
		t.Fatal(err)
	}
}

// planned lists the runs of schedules: issue, slot and channels.
func planned(t testing.TB, f *dispatchtest.Fixture) []string {
	t.Helper()
	rows, err := f.DB.Read.Query(`SELECT r.issue_id, r.slot, c.channel FROM runs r JOIN run_channels c ON c.run_id = r.id WHERE r.schedule <> '' ORDER BY r.id, c.channel`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var id, ch string
		var slot int64
		if err := rows.Scan(&id, &slot, &ch); err != nil {
			t.Fatal(err)
		}
		out = append(out, fmt.Sprintf("%s %s %s", id, time.UnixMilli(slot).UTC().Format("01-02 15:04"), ch))
	}
	return out
}

// alerts lists the keys of what people are to be told, in order.
func alerts(t testing.TB, f *dispatchtest.Fixture) []string {
	t.Helper()
	rows, err := f.DB.Read.Query(`SELECT event, subject FROM alerts ORDER BY at, key`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	out := []string{}
	for rows.Next() {
		var event, subject string
		if err := rows.Scan(&event, &subject); err != nil {
			t.Fatal(err)
		}
		out = append(out, event+" "+subject)
	}
	return out
}

func want(t testing.TB, what string, want, got []string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// TestScheduleFires: a bubble begins at midnight UTC, eight in Shanghai.
func TestScheduleFires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := dispatchtest.Open(t)
		f.Subscribe(t, "email", "example.org", 3)
		c := &dispatchtest.Carrier{}
		s := newScheduler(t, f, shelfOf(2), daily(t, 24*time.Hour, c))
		follow(t, s, 72*time.Hour)
		want(t, "runs", []string{"142 01-01 01:00 email", "143 01-02 01:00 email"}, planned(t, f))
		want(t, "alerts", []string{"slot-without-issue daily"}, alerts(t, f))
		run(t, f.Dispatcher(t, c), 5*time.Second)
		wantStates(t, f, "142", map[dispatch.State]int{dispatch.StateSent: 3})
		wantStates(t, f, "143", map[dispatch.State]int{dispatch.StateSent: 3})
		last, err := f.Ledger.LastSlots(t.Context())
		if err != nil || last["daily"].State != dispatch.SlotEmpty || last["daily"].Slot.Format(time.RFC3339) != "2000-01-03T01:00:00Z" {
			t.Errorf("last slots %+v, %v", last, err)
		}
	})
}

// TestTwoSchedulers: two processes on one ledger, 200 slots, each planned once.
func TestTwoSchedulers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first := dispatchtest.Open(t)
		second := first.Again(t)
		c := &dispatchtest.Carrier{}
		quick := dispatch.Schedule{Name: "quick", Slots: newCron(t, "*/5 * * * *", "Asia/Shanghai"), CatchUp: time.Hour, Channels: []dispatch.Channel{c}}
		ctx, cancel := context.WithTimeout(t.Context(), 1000*time.Minute+time.Second)
		defer cancel()
		for _, f := range []*dispatchtest.Fixture{first, second} {
			s := newScheduler(t, f, shelfOf(400), quick)
			go func() { _ = s.Run(ctx) }()
		}
		<-ctx.Done()
		synctest.Wait()
		runs := planned(t, first)
		if len(runs) != 200 {
			t.Fatalf("%d runs of 200 slots", len(runs))
		}
		var expected []string
		for i := range 200 {
			at := time.Date(2000, 1, 1, 0, 5*(i+1), 0, 0, time.UTC)
			expected = append(expected, fmt.Sprintf("%d %s email", 142+i, at.Format("01-02 15:04")))
		}
		want(t, "runs", expected, runs)
	})
}

// TestCatchUp: what was missed while nobody was there is caught up once, the
// last slot only, and not when it is too old.
func TestCatchUp(t *testing.T) {
	for _, c := range []struct {
		name    string
		catchUp time.Duration
		runs    []string
		alerts  []string
	}{
		{"within", 24 * time.Hour, []string{"142 01-01 01:00 email", "143 01-04 01:00 email"}, []string{}},
		{"too late", time.Hour, []string{"142 01-01 01:00 email"}, []string{"slot-missed daily"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := dispatchtest.Open(t)
				s := newScheduler(t, f, shelfOf(9), daily(t, c.catchUp, &dispatchtest.Carrier{}))
				follow(t, s, 2*time.Hour) // until 02:00 on the first
				pass(75 * time.Hour)      // until 05:00 on the fourth
				for range 3 {
					follow(t, s, time.Hour)
				}
				want(t, "runs", c.runs, planned(t, f))
				want(t, "alerts", c.alerts, alerts(t, f))
			})
		})
	}
}

// TestNewSlotsAreNotMissed: neither a schedule that is new nor one whose cron was
// changed has anything to catch up.
func TestNewSlotsAreNotMissed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := dispatchtest.Open(t)
		pass(2 * time.Hour)
		sc := daily(t, 24*time.Hour, &dispatchtest.Carrier{})
		follow(t, newScheduler(t, f, shelfOf(9), sc), time.Hour) // 02:00 to 03:00: nine o'clock is over
		want(t, "runs of a new schedule", nil, planned(t, f))
		sc.Slots = newCron(t, "30 10 * * *", "Asia/Shanghai") // 02:30, half an hour ago
		follow(t, newScheduler(t, f, shelfOf(9), sc), time.Hour)
		want(t, "runs of a changed schedule", nil, planned(t, f))
		follow(t, newScheduler(t, f, shelfOf(9), sc), 24*time.Hour)
		want(t, "runs", []string{"142 01-02 02:30 email"}, planned(t, f))
	})
}

// TestSlotsOverDST: New York changes its clock on 2 April and 29 October 2000.
func TestSlotsOverDST(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, c := range []struct {
			from time.Time
			cron string
			want []string
		}{
			{time.Date(2000, 4, 1, 0, 0, 0, 0, time.UTC), "30 2 * * *", []string{"142 04-01 07:30 email", "143 04-02 07:00 email", "144 04-03 06:30 email"}},
			{time.Date(2000, 10, 28, 0, 0, 0, 0, time.UTC), "30 1 * * *", []string{"142 10-28 05:30 email", "143 10-29 05:30 email", "144 10-30 06:30 email"}},
		} {
			f := dispatchtest.Open(t)
			pass(time.Until(c.from))
			s := newScheduler(t, f, shelfOf(9), dispatch.Schedule{
				Name: "night", Slots: newCron(t, c.cron, "America/New_York"), Channels: []dispatch.Channel{&dispatchtest.Carrier{}},
			})
			follow(t, s, 72*time.Hour)
			want(t, "runs", c.want, planned(t, f))
		}
	})
}

// TestClockSetBack: slots that were planned once do not come again.
func TestClockSetBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := dispatchtest.Open(t)
		s := newScheduler(t, f, shelfOf(9), daily(t, 24*time.Hour, &dispatchtest.Carrier{}))
		follow(t, s, 2*time.Hour)
		// The ledger was last used on the third: for it, it is the first again.
		third := time.Date(2000, 1, 3, 1, 0, 0, 0, time.UTC)
		if _, err := f.DB.Write.Exec(`UPDATE schedules SET mark = $1`, third.UnixMilli()); err != nil {
			t.Fatal(err)
		}
		follow(t, s, 40*time.Hour) // over the slot of the second
		want(t, "runs", []string{"142 01-01 01:00 email"}, planned(t, f))
		alarms, err := f.Ledger.Alarms(t.Context())
		if err != nil || len(alarms) != 1 || alarms[0].Code != dispatch.AlarmClock {
			t.Errorf("alarms %+v, %v", alarms, err)
		}
		follow(t, s, 48*time.Hour)
		want(t, "runs", []string{"142 01-01 01:00 email", "143 01-04 01:00 email"}, planned(t, f))
		if alarms, _ := f.Ledger.Alarms(t.Context()); len(alarms) > 0 {
			t.Errorf("the alarm stays: %+v", alarms)
		}
	})
}

// TestOldestOfEachChannel: what a channel has had is not sent there again.
func TestOldestOfEachChannel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := dispatchtest.Open(t)
		mail, other := &dispatchtest.Carrier{}, &dispatchtest.Carrier{ChannelName: "toy"}
		f.Plan(t, "142", mail)
		s := newScheduler(t, f, shelfOf(2), daily(t, 0, mail, other))
		follow(t, s, 72*time.Hour)
		want(t, "runs", []string{"143 01-01 01:00 email", "142 01-01 01:00 toy", "143 01-02 01:00 toy"}, planned(t, f))
		// The second slot had nothing for email, the third nothing at all.
		want(t, "alerts", []string{"slot-without-issue daily", "slot-without-issue daily"}, alerts(t, f))
	})
}

// broken is a channel whose content cannot be made for a while.
type broken struct {
	dispatchtest.Carrier
	until time.Time
}

func (b *broken) Prepare(ctx context.Context, c dispatch.Content) ([]dispatch.Variant, error) {
	if time.Now().Before(b.until) {
		return nil, errors.New("template digest.html: unexpected {{end}}")
	}
	return b.Carrier.Prepare(ctx, c)
}

// TestFailingChannel does not keep the others from their issue, is an alarm, and
// is tried again.
func TestFailingChannel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := dispatchtest.Open(t)
		toy := &broken{Carrier: dispatchtest.Carrier{ChannelName: "toy"}, until: time.Now().Add(90 * time.Minute)}
		s := newScheduler(t, f, shelfOf(1), daily(t, 24*time.Hour, &dispatchtest.Carrier{}, toy))
		follow(t, s, 80*time.Minute)
		want(t, "runs", []string{"142 01-01 01:00 email"}, planned(t, f))
		alarms, err := f.Ledger.Alarms(t.Context())
		if err != nil || len(alarms) != 1 || alarms[0].Code != dispatch.AlarmSchedule {
			t.Errorf("alarms %+v, %v", alarms, err)
		}
		follow(t, s, 80*time.Minute)
		want(t, "runs", []string{"142 01-01 01:00 email", "142 01-01 01:00 toy"}, planned(t, f))
		if alarms, _ := f.Ledger.Alarms(t.Context()); len(alarms) > 0 {
			t.Errorf("the alarm stays: %+v", alarms)
		}
		want(t, "alerts", []string{"schedule-failed daily"}, alerts(t, f))
	})
}

func TestPlanSlotByHand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := dispatchtest.Open(t)
		f.Subscribe(t, "email", "example.org", 2)
		c := &dispatchtest.Carrier{}
		sc := daily(t, 24*time.Hour, c)
		bare := newScheduler(t, f, shelf{}, sc)
		full := newScheduler(t, f, shelfOf(3), sc)
		slot := time.Date(2000, 1, 1, 1, 0, 0, 0, time.UTC)
		if _, err := full.Plan(t.Context(), "weekly", slot, time.Now()); !errors.Is(err, dispatch.ErrNoSchedule) {
			t.Errorf("another schedule: %v", err)
		}
		if _, err := full.Plan(t.Context(), "daily", slot.Add(time.Minute), time.Now()); !errors.Is(err, dispatch.ErrNoSlot) {
			t.Errorf("another time: %v", err)
		}
		d, err := bare.Plan(t.Context(), "daily", slot, time.Now())
		if err != nil || d.State != "" || len(d.Runs) > 0 {
			t.Errorf("without an issue: %+v, %v", d, err)
		}
		// A slot of the future is planned now and sent then.
		for i := range 3 {
			d, err := full.Plan(t.Context(), "daily", slot, time.Now())
			if err != nil || d.State != dispatch.SlotPlanned || !slices.Equal(d.Runs, []string{"1"}) || d.Fresh != (i == 0) {
				t.Errorf("call %d: %+v, %v", i, d, err)
			}
		}
		if got := runState(t, f, "142"); got != "planned" {
			t.Errorf("before its slot the run is %s", got)
		}
		follow(t, full, 2*time.Hour)
		want(t, "runs", []string{"142 01-01 01:00 email"}, planned(t, f))
		run(t, f.Dispatcher(t, c), 5*time.Second)
		wantOnce(t, c, 2)

		// A slot that had no issue gets one afterwards.
		follow(t, bare, 24*time.Hour)
		d, err = full.Plan(t.Context(), "daily", time.Time{}, time.Now())
		if err != nil || !d.Fresh || d.Slot.Format("01-02") != "01-02" {
			t.Errorf("the last slot: %+v, %v", d, err)
		}
		want(t, "runs", []string{"142 01-01 01:00 email", "143 01-02 01:00 email"}, planned(t, f))
	})
}

// TestWindow: what is due outside the window waits for it; what an operator
// sends does not.
func TestWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := dispatchtest.Open(t)
		window, err := config.ParseWindow("08:00-09:30")
		if err != nil {
			t.Fatal(err)
		}
		f.Ledger, err = dispatch.NewLedger(dispatch.LedgerOptions{Write: f.DB.Write, Mark: f.DB.Mark, Read: f.DB.Read, Windows: map[string]dispatch.Window{
			"daily": func(now time.Time) time.Time { return window.Opens(now.In(time.FixedZone("", 8*3600))) },
		}})
		if err != nil {
			t.Fatal(err)
		}
		f.Subscribe(t, "email", "example.org", 20)
		// Ten of twenty before it shuts: the dispatcher begins five minutes before.
		c := &dispatchtest.Carrier{Limits: dispatch.Capacity{Lanes: 1}, Script: func(string, int) dispatchtest.Answer {
			return dispatchtest.Answer{Slow: 30 * time.Second}
		}}
		s := newScheduler(t, f, shelfOf(1), dispatch.Schedule{Name: "daily", Slots: newCron(t, "0 9 * * *", "Asia/Shanghai"), Channels: []dispatch.Channel{c}})
		follow(t, s, 85*time.Minute) // until 09:25
		end := begin(t, f.Dispatcher(t, c))
		pass(6 * time.Minute)
		before := len(c.Taken())
		if before < 8 || before > 11 {
			t.Errorf("%d were sent while the window was open", before)
		}
		pass(5 * time.Minute)
		if after := len(c.Taken()); after != before {
			t.Errorf("%d were sent after it had shut", after-before)
		}
		status, err := f.Ledger.Status(t.Context(), "142", time.Now())
		if err != nil {
			t.Fatal(err)
		}
		w := status[0].Waiting
		if len(w) != 1 || w[0].Reason != dispatch.ReasonWindow || w[0].Until.Format(time.RFC3339) != "2000-01-02T00:00:00Z" || int(w[0].Count) != 20-before {
			t.Errorf("waiting %+v", w)
		}
		if status[0].Schedule != "daily" || status[0].Slot.Format(time.RFC3339) != "2000-01-01T01:00:00Z" || status[0].State != "planned" {
			t.Errorf("status %+v", status[0])
		}
		f.Plan(t, "150", c)
		pass(15 * time.Minute)
		wantStates(t, f, "150", map[dispatch.State]int{dispatch.StateSent: 20})
		end()
		pass(time.Until(time.Date(2000, 1, 1, 23, 59, 0, 0, time.UTC)))
		run(t, f.Dispatcher(t, c), 10*time.Minute)
		wantStates(t, f, "142", map[dispatch.State]int{dispatch.StateSent: 20})
	})
}

func TestSchedulerOptions(t *testing.T) {
	f := dispatchtest.Open(t)
	for name, o := range map[string]dispatch.SchedulerOptions{
		"no ledger":   {Shelf: shelf{}},
		"no shelf":    {Ledger: f.Ledger},
		"no channels": {Ledger: f.Ledger, Shelf: shelf{}, Schedules: []dispatch.Schedule{{Name: "daily", Slots: newCron(t, "0 9 * * *", "UTC")}}},
	} {
		if _, err := dispatch.NewScheduler(o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
