package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"yizhan/dispatch"
	"yizhan/dispatch/standin"
	"yizhan/subscribers"
)

// badRelay answers 451 to 30 % on two tries, 550 5.1.1 to 2 %, QQ's rate text to
// 5 % once, drops 2 % in DATA once and loses 1 % of the replies after the dot.
func badRelay(phase, _, to string, nth int) standin.Fault {
	var n int
	_, _ = fmt.Sscanf(to, "reader%d@", &n)
	switch {
	case phase == "rcpt" && n%50 == 7:
		return standin.Fault{Code: 550, Text: "5.1.1 <" + to + ">: Recipient address rejected: User unknown"}
	case phase == "rcpt" && n%10 < 3 && nth <= 2:
		return standin.Fault{Code: 451, Text: "4.3.0 Temporary lookup failure"}
	case phase == "rcpt" && n%20 == 4 && nth == 1:
		return standin.Fault{Code: 550, Text: "Ip frequency limited"}
	case phase == "data" && n%50 == 18 && nth == 1:
		return standin.Fault{Drop: true}
	case phase == "dot" && n%100 == 35 && nth == 1:
		return standin.Fault{Lose: true}
	}
	return standin.Fault{}
}

func TestBadRelay(t *testing.T) {
	sink := newSink(t, badRelay)
	o := newOffice(t, sink.Addr())
	o.ready()
	// At four providers, ten of each dead: twenty at one, among few answers, would
	// have the rest wait for an operator.
	readers := make([]string, 2000)
	for i := range readers {
		readers[i] = fmt.Sprintf("reader%04d@mail%d.example", i, i/50%4)
	}
	o.subscribe("email", readers...)
	s := o.serve()
	o.do("send", "37")
	o.finished()

	var dead []string
	for i, a := range readers {
		if i%50 == 7 {
			dead = append(dead, a)
		}
	}
	got := copies(sink)
	for i, a := range readers {
		switch lost := i%100 == 35; {
		case slices.Contains(dead, a):
			if got[a] != 0 {
				t.Errorf("%s does not exist and got a mail", a)
			}
		case got[a] == 0:
			t.Errorf("%s got nothing", a)
		case got[a] > 1 && (!lost || got[a] > 2):
			t.Errorf("%s got %d mails", a, got[a])
		}
	}
	sameAgain(t, sink)

	var failed []string
	for _, r := range records(t, o.do("deliveries", "37", "--json")) {
		switch {
		case r.State == dispatch.StateFailed:
			failed = append(failed, r.Address)
			if r.Code != 550 || !strings.Contains(r.Reply, "User unknown") {
				t.Errorf("%s failed with %d %q", r.Address, r.Code, r.Reply)
			}
		case r.State != dispatch.StateSent:
			t.Errorf("%s is %s (%s)", r.Address, r.State, r.Reason)
		}
	}
	slices.Sort(failed)
	if !slices.Equal(failed, dead) {
		t.Errorf("%d failed, want the %d dead", len(failed), len(dead))
	}
	if again := o.wouldResend("failed"); !slices.Equal(again, dead) {
		t.Errorf("resend --scope failed --dry-run lists %d, want the %d dead", len(again), len(dead))
	}
	for _, scope := range dispatch.Resends() {
		if scope == dispatch.SelectOne {
			continue
		}
		o.try("resend", "37", "--scope", string(scope), "--yes", "--wait")
		if again := o.wouldResend(string(scope)); len(again) != 0 {
			t.Errorf("resend --scope %s selects %d the second time", scope, len(again))
		}
	}
	if code := s.stop(); code != exitOK {
		t.Errorf("the daemon ended with %d", code)
	}
}

// sameAgain checks that who got a second copy got the same bytes.
func sameAgain(t *testing.T, sink *standin.Sink) {
	t.Helper()
	first, twice := map[string][]byte{}, 0
	for _, m := range sink.Messages() {
		if before, ok := first[m.To]; ok {
			twice++
			if !bytes.Equal(before, m.Raw) {
				t.Errorf("the second copy to %s differs from the first", m.To)
			}
			continue
		}
		first[m.To] = m.Raw
	}
	if twice == 0 {
		t.Error("no reply was lost: the relay's script did nothing")
	}
}

func (o *office) wouldResend(scope string) []string {
	o.t.Helper()
	var answer struct {
		Count       int
		Subscribers []dispatch.Selected
	}
	o.asked(&answer, "resend", "37", "--scope", scope, "--dry-run")
	var out []string
	for _, s := range answer.Subscribers {
		out = append(out, s.Address)
	}
	slices.Sort(out)
	if answer.Count != len(out) {
		o.t.Errorf("count %d of %d", answer.Count, len(out))
	}
	return out
}

// alarmed waits until an alarm is raised (or none any more).
func (o *office) alarmed(want bool) {
	o.t.Helper()
	for o.t.Context().Err() == nil {
		var status report
		o.asked(&status, "status", "37")
		if want == (len(status.Alarms) > 0) {
			return
		}
	}
}

// unharmed checks that an outage cost nobody anything.
func (o *office) unharmed() {
	o.t.Helper()
	for _, r := range records(o.t, o.do("deliveries", "37", "--json")) {
		if !r.State.Open() && r.State != dispatch.StateSent || r.Attempts != 0 && r.State != dispatch.StateSent {
			o.t.Errorf("%s is %s after %d attempts (%s)", r.Address, r.State, r.Attempts, r.Reason)
		}
	}
	if suppressed := o.do("suppressions", "list", "--json"); suppressed != "" {
		o.t.Errorf("suppressed: %s", suppressed)
	}
}

func TestWrongPassword(t *testing.T) {
	var right atomic.Bool
	sink, err := standin.New(standin.Options{Username: "news", Password: "secret", Script: func(phase, _, _ string, _ int) standin.Fault {
		if phase == "auth" && !right.Load() {
			return standin.Fault{Code: 535, Text: "5.7.8 Error: authentication failed"}
		}
		return standin.Fault{}
	}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	defer cancel()
	go func() { _ = sink.Run(ctx) }()
	o := newOffice(t, sink.Addr())
	o.edit("tls: none}", "tls: none, username: news, password: secret}")
	o.ready()
	o.crowd(100)
	o.serve()
	o.do("send", "37")
	o.alarmed(true)
	o.unharmed()
	right.Store(true)
	if n := o.finished(); n[dispatch.StateSent] != 100 {
		t.Errorf("mended: %v", n)
	}
	o.alarmed(false)
	o.unharmed()
}

func TestDeadRelay(t *testing.T) {
	nobody, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := nobody.Addr().String()
	_ = nobody.Close()
	o := newOffice(t, address)
	o.ready()
	o.crowd(100)
	o.serve()
	o.do("send", "37")
	o.alarmed(true)
	o.unharmed()
	again, err := standin.New(standin.Options{Addr: address})
	if err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(context.WithoutCancel(t.Context()))
	defer end()
	go func() { _ = again.Run(ctx) }()
	if n := o.finished(); n[dispatch.StateSent] != 100 || len(again.Messages()) != 100 {
		t.Errorf("mended: %v, %d at the relay", n, len(again.Messages()))
	}
	o.unharmed()
}

// TestOneClickInMidRun lets people unsubscribe by one click while their own
// mail is being offered to the relay: whoever was answered before the marker
// gets nothing.
func TestOneClickInMidRun(t *testing.T) {
	links, err := subscribers.NewLinks(subscribers.LinkOptions{PublicURL: "https://news.example.org", Secret: []byte("0123456789abcdef0123456789abcdef")})
	if err != nil {
		t.Fatal(err)
	}
	var public string // set before anything is sent
	ids := make(map[string]string)
	sink := newSink(t, func(phase, _, to string, nth int) standin.Fault {
		var n int
		_, _ = fmt.Sscanf(to, "reader%d@", &n)
		if phase != "rcpt" || n%10 != 0 || nth != 1 {
			return standin.Fault{}
		}
		link, _ := url.Parse(links.Unsubscribe(ids[to], "email"))
		answer, err := http.Post(public+link.RequestURI(), "application/x-www-form-urlencoded", strings.NewReader("List-Unsubscribe=One-Click"))
		if err != nil || answer.StatusCode != http.StatusOK {
			t.Errorf("one-click for %s: %v", to, err)
			return standin.Fault{}
		}
		_ = answer.Body.Close()
		return standin.Fault{}
	})
	o := newOffice(t, sink.Addr())
	o.edit("retry:", "connections: 4\n    retry:")
	o.ready()
	readers := o.crowd(500)
	for line := range strings.Lines(o.do("subscribers", "list", "--json")) {
		var p subscribers.Subscriber
		if err := json.Unmarshal([]byte(line), &p); err != nil {
			t.Fatal(err)
		}
		ids[p.Addresses[0].Value] = p.PublicID
	}
	public = o.serve().public
	o.do("send", "37")
	n := o.finished()
	got := copies(sink)
	for i, a := range readers {
		if want := 1 - boolInt(i%10 == 0); got[a] != want {
			t.Errorf("%s got %d mails, want %d", a, got[a], want)
		}
	}
	if n[dispatch.StateSent] != 450 || n[dispatch.StateSkipped] != 50 {
		t.Errorf("states %v", n)
	}
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}
