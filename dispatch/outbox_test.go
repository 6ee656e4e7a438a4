package dispatch_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"yizhan/dispatch"
	"yizhan/dispatch/dispatchtest"
)

// ear is a sink that fails as long as deaf says so.
type ear struct {
	name  string
	deaf  func(try int) error
	slow  time.Duration
	mu    sync.Mutex
	tries []time.Time
	heard []dispatch.Notice
}

func (e *ear) Name() string { return e.name }

func (e *ear) Send(ctx context.Context, n dispatch.Notice) error {
	e.mu.Lock()
	e.tries = append(e.tries, time.Now())
	try := len(e.tries)
	e.mu.Unlock()
	if e.slow > 0 {
		pass(e.slow)
	}
	if e.deaf != nil {
		if err := e.deaf(try); err != nil {
			return err
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.heard = append(e.heard, n)
	return ctx.Err()
}

func (e *ear) events() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	out := []string{}
	for _, n := range e.heard {
		out = append(out, n.Event+" "+n.Subject+n.Issue)
	}
	return out
}

// deliverAlerts runs an outbox for some of the bubble's time.
func deliverAlerts(t testing.TB, f *dispatchtest.Fixture, span time.Duration, sinks ...dispatch.Sink) {
	t.Helper()
	o, err := dispatch.NewOutbox(dispatch.OutboxOptions{
		Ledger: f.Ledger, Sinks: sinks, Zone: time.FixedZone("CST", 8*3600), Logger: slog.New(slog.NewTextHandler(t.Output(), nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), span)
	defer cancel()
	if err := o.Run(ctx); err != nil {
		t.Fatal(err)
	}
}

func raise(t testing.TB, f *dispatchtest.Fixture, subject string) {
	t.Helper()
	if err := f.Ledger.Raise(t.Context(), dispatch.AlarmChannelStopped, subject, "auth-failed：535 no, li@example.org", time.Now()); err != nil {
		t.Fatal(err)
	}
}

func mend(t testing.TB, f *dispatchtest.Fixture, subject string) {
	t.Helper()
	if err := f.Ledger.Clear(t.Context(), dispatch.AlarmChannelStopped, subject, time.Now()); err != nil {
		t.Fatal(err)
	}
}

// TestOutboxTries: three times a minute apart, then every hour, and once it has
// worked never again. Another sink is not kept waiting.
func TestOutboxTries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := dispatchtest.Open(t)
		bad := &ear{name: "bad", deaf: func(try int) error {
			if try < 6 {
				return errors.New("no")
			}
			return nil
		}}
		good := &ear{name: "good"}
		deliverAlerts(t, f, time.Second, bad, good) // they are known from now on
		pass(time.Minute)
		raise(t, f, "email")
		for range 3 {
			raise(t, f, "email") // the same alarm
		}
		began := time.Now()
		for range 12 { // restarts change nothing
			deliverAlerts(t, f, time.Hour, bad, good)
		}
		var at []string
		for _, tried := range bad.tries {
			at = append(at, tried.Sub(began).Truncate(time.Minute).String())
		}
		want(t, "tries", []string{"0s", "1m0s", "2m0s", "1h2m0s", "2h2m0s", "3h2m0s"}, at)
		want(t, "heard", []string{"channel-stopped email"}, bad.events())
		want(t, "heard", []string{"channel-stopped email"}, good.events())
		if text := good.heard[0].Text; strings.Contains(text, "li@example.org") || !strings.Contains(text, "l***@example.org") {
			t.Errorf("the text shows an address: %s", text)
		}
	})
}

// TestOldNewsIsNotTold to a sink that is new, and not for ever to one that never
// works.
func TestOldNewsIsNotTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := dispatchtest.Open(t)
		raise(t, f, "email")
		pass(time.Second)
		late := &ear{name: "late"}
		deliverAlerts(t, f, time.Minute, late)
		want(t, "heard", []string{}, late.events())

		raise(t, f, "toy")
		never := &ear{name: "late", deaf: func(int) error { return errors.New("no") }}
		deliverAlerts(t, f, 5*time.Hour, never)
		if n := len(never.tries); n != 3+4 {
			t.Errorf("%d tries in five hours", n)
		}
		pass(3 * 24 * time.Hour)
		deliverAlerts(t, f, 2*time.Hour, never)
		if n := len(never.tries); n != 3+4 {
			t.Errorf("it was tried %d times more after three days", n-7)
		}
	})
}

// TestTwoOutboxes on one ledger tell everything once.
func TestTwoOutboxes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := dispatchtest.Open(t)
		b := a.Again(t)
		one, two := &ear{name: "mail", slow: time.Second}, &ear{name: "mail", slow: time.Second}
		deliverAlerts(t, a, time.Second, one)
		pass(time.Minute)
		const n = 100 // enough for both to reach for the same one
		for i := range n {
			raise(t, a, fmt.Sprint("channel", i))
		}
		var both sync.WaitGroup
		both.Go(func() { deliverAlerts(t, a, 10*time.Minute, one) })
		both.Go(func() { deliverAlerts(t, b, 10*time.Minute, two) })
		both.Wait()
		if heard := len(one.heard) + len(two.heard); heard != n || len(one.tries)+len(two.tries) != n {
			t.Errorf("%d alerts were told, want %d", heard, n)
		}
	})
}

// TestStoppedAndMended: the two come in pairs, and a channel that comes and goes
// is not told of each time.
func TestStoppedAndMended(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := dispatchtest.Open(t)
		e := &ear{name: "mail"}
		deliverAlerts(t, f, time.Second, e)
		pass(time.Second)
		for range 10 { // for five minutes
			raise(t, f, "email")
			deliverAlerts(t, f, 10*time.Second, e)
			mend(t, f, "email")
			deliverAlerts(t, f, 20*time.Second, e)
		}
		want(t, "heard while it came and went", []string{"channel-stopped email", "channel-mended email"}, e.events())
		raise(t, f, "email")
		deliverAlerts(t, f, 20*time.Minute, e)
		want(t, "heard once it stayed away", []string{"channel-stopped email", "channel-mended email", "channel-stopped email"}, e.events())
		mend(t, f, "email")
		mend(t, f, "email")
		deliverAlerts(t, f, time.Minute, e)
		if got := e.events(); len(got) != 4 || got[3] != "channel-mended email" {
			t.Errorf("heard %v", got)
		}
	})
}

// TestStoppedOverRestart: a channel that is stopped when the daemon is started
// again is the same news, also when it is mended then.
func TestStoppedOverRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := dispatchtest.Open(t)
		f.Subscribe(t, "email", "example.org", 20)
		e := &ear{name: "mail"}
		deliverAlerts(t, f, time.Second, e)
		pass(time.Second)
		away := true
		c := &dispatchtest.Carrier{Limits: dispatch.Capacity{Lanes: 2}, Script: func(string, int) dispatchtest.Answer {
			if away {
				return dispatchtest.Answer{Outcome: dispatchtest.Refuse(dispatch.ScopeAccount, true, 535, "no"), Early: true}
			}
			return dispatchtest.Answer{}
		}}
		f.Plan(t, "142", c)
		for range 3 {
			run(t, f.Dispatcher(t, c), 10*time.Second)
		}
		away = false
		run(t, f.Dispatcher(t, c), 30*time.Second)
		deliverAlerts(t, f, time.Minute, e)
		want(t, "heard", []string{"channel-stopped email", "channel-mended email", "run-finished 142"}, e.events())
		if alarms, _ := f.Ledger.Alarms(t.Context()); len(alarms) > 0 {
			t.Errorf("alarms %+v", alarms)
		}
		counts := e.heard[2].Counts
		if counts["email"][dispatch.StateSent] != 20 {
			t.Errorf("counts %v", counts)
		}
		// Nothing waits any more: the alarm of a channel that is not used is over.
		raise(t, f, "email")
		run(t, f.Dispatcher(t, c), time.Second)
		if alarms, _ := f.Ledger.Alarms(t.Context()); len(alarms) > 0 {
			t.Errorf("alarms of an idle channel %+v", alarms)
		}
	})
}

// TestHeldDomainAlerts once.
func TestHeldDomainAlerts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := dispatchtest.Open(t)
		f.Subscribe(t, "email", "example.org", 60)
		c := &dispatchtest.Carrier{Script: func(string, int) dispatchtest.Answer {
			return dispatchtest.Answer{Outcome: dispatchtest.Refuse(dispatch.ScopeRecipient, true, 550, "no such user"), Early: true}
		}}
		f.Plan(t, "142", c)
		run(t, f.Dispatcher(t, c), 10*time.Second)
		run(t, f.Dispatcher(t, c), 10*time.Second)
		want(t, "alerts", []string{"domain-held example.org"}, alerts(t, f))
	})
}

// TestWebhook: what is posted, and to whom not.
func TestWebhook(t *testing.T) {
	notice := dispatch.Notice{
		Alert:  dispatch.Alert{Key: "run-finished 3", Event: dispatch.AlertFinished, Issue: "142", Run: "3", At: time.Date(2026, 9, 10, 1, 0, 0, 0, time.UTC)},
		Text:   "第 142 期发行完成。",
		Counts: map[string]dispatch.Counts{"email": {dispatch.StateSent: 98, dispatch.StateFailed: 2}},
	}
	post := func(t *testing.T, url string) error {
		w, err := dispatch.NewWebhook(dispatch.WebhookOptions{URL: url})
		if err != nil {
			t.Fatal(err)
		}
		return w.Send(t.Context(), notice)
	}
	var got any
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("another host was told") }))
	defer elsewhere.Close()
	mux := http.NewServeMux()
	mux.HandleFunc("POST /hook", func(w http.ResponseWriter, r *http.Request) {
		if ct := r.Header.Get("Content-Type"); ct != "application/json; charset=utf-8" {
			t.Errorf("content type %s", ct)
		}
		body, err := io.ReadAll(r.Body)
		if err != nil || json.Unmarshal(body, &got) != nil {
			t.Errorf("body %s, %v", body, err)
		}
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("/moved", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/hook", http.StatusTemporaryRedirect)
	})
	mux.HandleFunc("/found", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/hook", http.StatusFound) })
	mux.HandleFunc("/away", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
	})
	mux.HandleFunc("/broken", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	s := httptest.NewServer(mux)
	defer s.Close()
	expected := map[string]any{
		"event": "run-finished", "text": "第 142 期发行完成。", "issue": "142", "run": "3", "at": "2026-09-10T01:00:00Z", "id": "run-finished 3",
		"counts": map[string]any{"email": map[string]any{"sent": 98.0, "failed": 2.0}},
	}
	for path, ok := range map[string]bool{"/hook?token=hush": true, "/moved": true, "/found": false, "/away": false, "/broken": false} {
		got = nil
		err := post(t, s.URL+path)
		if (err == nil) != ok {
			t.Errorf("%s: %v", path, err)
		}
		if ok && !cmp.Equal(expected, got) {
			t.Errorf("%s (-want +got):\n%s", path, cmp.Diff(expected, got))
		}
	}
	s.Close()
	if err := post(t, s.URL+"/hook?token=hush"); err == nil || strings.Contains(err.Error(), "hush") {
		t.Errorf("a host that is away: %v", err)
	}
}
