package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"yizhan/config"
	"yizhan/config/configtest"
	"yizhan/dispatch"
	"yizhan/dispatch/dispatchtest"
	"yizhan/dispatch/standin"
)

// hook is a webhook that keeps what it is told.
type hook struct{ events chan map[string]any }

func newHook(t *testing.T) (*hook, string) {
	t.Helper()
	h := &hook{events: make(chan map[string]any, 100)}
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var event map[string]any
		if err := json.NewDecoder(r.Body).Decode(&event); err != nil {
			t.Errorf("the webhook got no JSON: %v", err)
		}
		h.events <- event
	}))
	t.Cleanup(s.Close)
	return h, s.URL
}

// next waits for the next event.
func (h *hook) next(t *testing.T) map[string]any {
	t.Helper()
	select {
	case e := <-h.events:
		return e
	case <-t.Context().Done():
		t.Fatal("the webhook was not told")
		return nil
	}
}

// plan gives the office a daily schedule whose slot was two minutes ago, and
// people to be told.
func (o *office) plan(webhook string) {
	o.t.Helper()
	slot := time.Now().Add(-2 * time.Minute).UTC()
	o.edit("title:", fmt.Sprintf(`timezone: UTC
schedules: [{name: daily, cron: "%d %d * * *", catch_up: 24h}]
alerts: {to: [office@example.org], webhook: %q}
title:`, slot.Minute(), slot.Hour(), webhook))
}

// ago makes the ledger believe that nobody has followed the schedules for a
// while. It reports whether anybody ever did.
func (o *office) ago(d time.Duration) bool {
	o.t.Helper()
	return o.execute(`UPDATE schedules SET mark = mark - $1`, d.Milliseconds()) > 0
}

// forgetSlots saves the test from waiting for the next slot.
func (o *office) forgetSlots() {
	o.t.Helper()
	o.execute(`DELETE FROM slots`)
}

// execute changes the office's database and returns how many rows.
func (o *office) execute(text string, args ...any) int64 {
	o.t.Helper()
	c, err := config.Load(o.config, o.getenv)
	if err != nil {
		o.t.Fatal(err)
	}
	db, err := config.Open(o.t.Context(), c)
	if err != nil {
		o.t.Fatal(err)
	}
	defer db.Close()
	r, err := db.Write.Exec(text, args...)
	if err != nil {
		o.t.Fatal(err)
	}
	n, err := r.RowsAffected()
	if err != nil {
		o.t.Fatal(err)
	}
	return n
}

// TestScheduleInTheDaemon: a slot comes without anybody's doing, once, and those
// who have to know are told, by mail and by webhook.
func TestScheduleInTheDaemon(t *testing.T) {
	sink := newSink(t, nil)
	h, url := newHook(t)
	o := newOffice(t, sink.Addr())
	o.plan(url)
	o.subscribe("email", "chen@example.org", "lin@example.org")
	s := o.serve()
	until(t, func() bool { return o.ago(10 * time.Minute) }) // it has begun to follow the schedule
	s.stop()
	s = o.serve()
	if e := h.next(t); e["event"] != dispatch.AlertSlotEmpty || !strings.Contains(e["text"].(string), "daily") {
		t.Errorf("the webhook was told %v", e)
	}
	until(t, func() bool { return mails(sink, "office@example.org") == 1 })
	s.stop()

	// Now there is an issue, and the next slot was missed.
	o.ready()
	o.ago(10 * time.Minute)
	o.forgetSlots()
	o.serve()
	finished := h.next(t)
	if finished["event"] != dispatch.AlertFinished || finished["issue"] != "37" || finished["run"] != "1" {
		t.Errorf("the webhook was told %v", finished)
	}
	counts, _ := json.Marshal(finished["counts"])
	if !strings.Contains(string(counts), `"sent":2`) {
		t.Errorf("counts %s", counts)
	}
	until(t, func() bool { return mails(sink, "office@example.org") == 2 })
	var status report
	o.asked(&status, "status")
	if len(status.Runs) != 1 || status.Runs[0].Schedule != "daily" || status.Runs[0].State != "finished" {
		t.Errorf("runs %+v", status.Runs)
	}
	if len(status.Schedules) != 1 || status.Schedules[0].Last == nil || status.Schedules[0].State == "" {
		t.Errorf("schedules %+v", status.Schedules)
	}
	if n := mails(sink, "chen@example.org"); n != 1 {
		t.Errorf("a reader got %d mails", n)
	}
}

// TestTwoDaemonsOneSchedule: of two built daemons with the same schedule one plans
// the slot when its minute comes, and one what was missed while neither was there.
func TestTwoDaemonsOneSchedule(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for the next minute")
	}
	t.Parallel()
	binary := build(t)
	sink := newSink(t, nil)
	o := newOffice(t, sink.Addr())
	o.edit(`database: ""`, "database: "+configtest.URL(t))
	o.withRedis("unix://" + dispatchtest.StartRedis(t).Socket)
	o.edit("title:", "timezone: UTC\nschedules: [{name: minutely, cron: '* * * * *', catch_up: 24h}]\ntitle:")
	o.ready()
	o.do("issue", "import", "sample/issue-37.txt", "--total", "38")
	o.do("issue", "approve", "38")
	readers := o.crowd(20)
	both := [2]*office{o, o.beside()}
	planned := func(n int) {
		t.Helper()
		var daemons []*exec.Cmd
		for _, o := range both {
			daemons = append(daemons, o.daemon(binary))
		}
		until(t, func() bool { return len(sink.Messages()) == n*len(readers) })
		for _, d := range daemons {
			if err := errors.Join(d.Process.Signal(syscall.SIGTERM), d.Wait()); err != nil {
				t.Error(err)
			}
		}
		var status report
		o.asked(&status, "status")
		if len(status.Runs) != n {
			t.Errorf("%d runs, want %d: %+v", len(status.Runs), n, status.Runs)
		}
		for a, k := range copies(sink) {
			if k != n {
				t.Errorf("%s got %d mails, want %d", a, k, n)
			}
		}
	}
	planned(1)
	// As if that had been ten minutes ago, and nobody there since.
	const tenMinutes = 10 * 60 * 1000
	for _, text := range []string{`UPDATE schedules SET mark = mark - $1`, `UPDATE slots SET slot = slot - $1`, `UPDATE runs SET slot = slot - $1`} {
		o.execute(text, tenMinutes)
	}
	planned(2)
}

// until asks until the answer is yes, for two minutes.
func until(t *testing.T, done func() bool) {
	t.Helper()
	limit := time.After(2 * time.Minute)
	for {
		began := time.Now()
		if done() {
			return
		}
		select {
		case <-time.After(max(20*time.Millisecond, 2*time.Since(began))): // whoever is waited for wants the processor, too
		case <-limit:
			t.Fatal("it did not come true within two minutes")
		}
	}
}

// mails counts what a receiver got.
func mails(sink *standin.Sink, to string) (n int) {
	for _, m := range sink.Messages() {
		if m.To == to {
			n++
		}
	}
	return n
}

// metrics reads the metrics of a daemon.
func (o *office) metrics(s *server) string {
	o.t.Helper()
	r, page := fetch(o.t, http.MethodGet, s.admin+"/metrics", "")
	if r.StatusCode != http.StatusOK {
		o.t.Fatalf("/metrics answers %s\n%s", r.Status, page)
	}
	return page
}

// TestStoppedRelayAlerts: the mail cannot go, the webhook does; figures show it.
func TestStoppedRelayAlerts(t *testing.T) {
	h, url := newHook(t)
	o := newOffice(t, "127.0.0.1:1")
	o.plan(url)
	o.ready()
	o.subscribe("email", "chen@example.org")
	s := o.serve()
	o.do("send", "37")
	if e := h.next(t); e["event"] != dispatch.AlarmChannelStopped || !strings.Contains(e["text"].(string), "渠道 email 停了") {
		t.Errorf("the webhook was told %v", e)
	}
	until(t, func() bool { return strings.Contains(o.metrics(s), `yizhan_alarms{code="channel-stopped"} 1`) })
	page := o.metrics(s)
	for _, name := range []string{
		`yizhan_build_info{`, `yizhan_ledger_up 1`, `yizhan_deliveries{channel="email",state="due"} `, `yizhan_attempts_total{channel="email",group="other",outcome="temporary"} `,
		`yizhan_schedule_next_timestamp_seconds{schedule="daily"} `, `go_goroutines `, `process_resident_memory_bytes `,
	} {
		if !strings.Contains(page, name) {
			t.Errorf("/metrics has no %s\n%s", name, page)
		}
	}
	text, err := os.ReadFile(o.config)
	if err != nil || !strings.Contains(string(text), url) {
		t.Fatal(err)
	}
	if code := s.stop(); code != exitOK || strings.Contains(s.log.String(), url) {
		t.Errorf("exit code %d; the log must not have the webhook's URL\n%s", code, s.log)
	}
}
