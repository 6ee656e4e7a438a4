package main

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jedib0t/go-pretty/v6/text"

	"yizhan/config"
	"yizhan/dispatch"
)

func TestResendAsksOnATerminal(t *testing.T) {
	o := newOffice(t, newSink(t, nil).Addr())
	o.ready()
	o.subscribe("email", "chen@example.org")
	o.serve()
	o.do("send", "37", "--wait")
	o.terminal = true
	for _, c := range []struct {
		answers string
		args    []string
		code    int
		runs    int
	}{
		{"n\n", nil, exitFailed, 1},
		{"", nil, exitFailed, 1},
		{"y\n", []string{"--wait"}, exitOK, 2},
		{"n\n", []string{"--yes", "--wait"}, exitOK, 3},
	} {
		o.answers = c.answers
		_, stderr, code := o.try(append([]string{"resend", "37", "--scope", "one", "--to", "chen@example.org"}, c.args...)...)
		if code != c.code {
			t.Errorf("%q %v: exit code %d, want %d\n%s", c.answers, c.args, code, c.code, stderr)
		}
		if asks := strings.Contains(stderr, "第 37 期将重发 1 份（一人，email）。继续吗？"); asks == strings.Contains(strings.Join(c.args, " "), "--yes") {
			t.Errorf("%q %v: asked: %v", c.answers, c.args, asks)
		}
		var status report
		o.asked(&status, "status", "37")
		if len(status.Runs) != c.runs {
			t.Errorf("%q %v: %d runs, want %d", c.answers, c.args, len(status.Runs), c.runs)
		}
	}
}

// TestEraseAsksOnATerminal: there is no way back from it.
func TestEraseAsksOnATerminal(t *testing.T) {
	o := newOffice(t, "127.0.0.1:1")
	o.subscribe("email", "chen@example.org")
	o.terminal = true
	for _, c := range []struct {
		answers string
		code    int
	}{{"", exitFailed}, {"n\n", exitFailed}, {"y\n", exitOK}} {
		o.answers = c.answers
		_, stderr, code := o.try("subscribers", "erase", "chen@example.org")
		if code != c.code || !strings.Contains(stderr, "不能恢复。继续吗？") {
			t.Errorf("%q: exit code %d, want %d\n%s", c.answers, code, c.code, stderr)
		}
		if _, _, code := o.try("subscribers", "show", "chen@example.org"); (code == exitOK) != (c.code == exitFailed) {
			t.Errorf("%q: show ends with %d", c.answers, code)
		}
	}
}

// TestProgressOnATerminalOnly: bars go where a person looks, and nowhere else.
func TestProgressOnATerminalOnly(t *testing.T) {
	for _, terminal := range []bool{true, false} {
		o := newOffice(t, newSink(t, nil).Addr())
		o.ready()
		o.subscribe("email", "chen@example.org", "lin@example.org")
		o.serve()
		o.terminal = terminal
		stdout, stderr, code := o.try("send", "37", "--wait")
		if code != exitOK || !strings.Contains(stdout, "发行完成：送出 2，失败 0，跳过 0，未确认 0") {
			t.Errorf("send --wait ended with %d\n%s", code, stdout)
		}
		if shown := strings.Contains(stderr, "email"); shown != terminal {
			t.Errorf("terminal %v, bars %v:\n%s", terminal, shown, stderr)
		}
	}
}

func TestTablesLineUp(t *testing.T) {
	s := newSheet("刊名", "n#", "说明")
	s.add("港城茗讯", 7, "好")
	s.add("ab", 1234, "x\x1b[31m\nred\u202e")
	var out bytes.Buffer
	if err := s.write(&out); err != nil {
		t.Fatal(err)
	}
	want := "刊名         n  说明\n港城茗讯     7  好\nab        1234  x [31m red\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	at := -1
	for line := range strings.Lines(out.String()) {
		if i := text.StringWidthWithoutEscSequences(line[:strings.LastIndex(line, "  ")]); at >= 0 && i != at {
			t.Errorf("the last column begins at %d and at %d", at, i)
		} else {
			at = i
		}
	}
}

func TestVerdict(t *testing.T) {
	run := func(state string, counts dispatch.Counts) dispatch.RunStatus {
		return dispatch.RunStatus{Issue: "37", State: state, Channels: map[string]dispatch.Counts{"email": counts}}
	}
	for _, c := range []struct {
		run   dispatch.RunStatus
		ended bool
		code  string
	}{
		{run("planned", dispatch.Counts{dispatch.StateDue: 1}), false, ""},
		{run("sending", dispatch.Counts{dispatch.StateLeased: 1}), false, ""},
		{run("partial", dispatch.Counts{dispatch.StateDue: 1}), false, ""},
		{run("finished", dispatch.Counts{dispatch.StateSent: 1, dispatch.StateUnconfirmed: 1}), true, ""},
		{run("finished", dispatch.Counts{dispatch.StateSent: 1, dispatch.StateFailed: 1}), true, "failed-rows"},
		{run("paused", dispatch.Counts{dispatch.StateDue: 1}), true, "paused"},
		{run("held", dispatch.Counts{dispatch.StateDue: 1}), true, "held"},
		{run("cancelled", dispatch.Counts{dispatch.StateSkipped: 1}), true, "cancelled"},
	} {
		ended, err := verdict(c.run)
		code := ""
		if err != nil {
			code = explain(err)[0].Code
		}
		if ended != c.ended || code != c.code {
			t.Errorf("%s %v: ended %v %q, want %v %q", c.run.State, c.run.Total(), ended, code, c.ended, c.code)
		}
	}
}

func TestMoment(t *testing.T) {
	i := &instance{config: config.Default()}
	for text, want := range map[string]string{
		"2026-09-10 09:00":          "2026-09-10T01:00:00Z",
		"2026-09-10 09:00:30":       "2026-09-10T01:00:30Z",
		"2026-09-10T09:00:00+02:00": "2026-09-10T07:00:00Z",
		"tomorrow":                  "",
		"2026-13-10 09:00":          "",
	} {
		at, err := i.moment(text)
		if want == "" {
			if err == nil || !explain(err)[0].usage {
				t.Errorf("%q is %v, %v", text, at, err)
			}
			continue
		}
		if got := at.UTC().Format(time.RFC3339); got != want || err != nil {
			t.Errorf("%q is %s, %v; want %s", text, got, err, want)
		}
	}
}

func TestLogHidesAddresses(t *testing.T) {
	var out bytes.Buffer
	c := &call{program: program{stderr: &out}}
	c.newLog().Info("failed", "error", errors.New("550 <reader@example.org>: no such user"), slog.Any("reply", "to=reader@example.org,"), "n", 3)
	if got := out.String(); strings.Contains(got, "reader") || !strings.Contains(got, "r***@example.org") || !strings.Contains(got, "n=3") {
		t.Errorf("logged %s", got)
	}
}
