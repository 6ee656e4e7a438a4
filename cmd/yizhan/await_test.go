package main

import (
	"bufio"
	"io"
	"regexp"
	"strings"
	"testing"

	"yizhan/dispatch"
	"yizhan/dispatch/standin"
)

// TestWaitTellsAlarms: whoever waits hears at once, and once, that the channel is
// stopped, although there is no terminal.
func TestWaitTellsAlarms(t *testing.T) {
	for flag, want := range map[string]string{"--wait": "渠道 email 停了：连不上", "--json": `{"alarm":{"code":"channel-stopped","subject":"email",`} {
		o := newOffice(t, "127.0.0.1:1")
		o.ready()
		o.subscribe("email", "chen@example.org")
		o.serve()
		r, w := io.Pipe()
		p := program{stdin: strings.NewReader(""), stdout: io.Discard, stderr: w, getenv: func(string) string { return "" }, channels: o.channels}
		ended := make(chan int, 1)
		go func() {
			code := p.run(t.Context(), []string{"-c", o.config, "send", "37", "--wait", flag})
			w.Close()
			ended <- code
		}()
		told, all := 0, ""
		for lines := bufio.NewScanner(r); lines.Scan(); all += lines.Text() + "\n" {
			if strings.Contains(lines.Text(), want) {
				told++
				o.do("pause", "37") // ends the waiting
			}
		}
		if code := <-ended; code != exitFailed || told != 1 || !strings.Contains(all, "已暂停") {
			t.Errorf("%s: exit code %d, told %d times:\n%s", flag, code, told, all)
		}
	}
}

// TestHeldRunIsFreed: a domain that refuses nearly everybody is held; waiting for
// it says so, and resume says what it freed.
func TestHeldRunIsFreed(t *testing.T) {
	sink := newSink(t, func(phase, _, to string, nth int) standin.Fault {
		if phase == "rcpt" {
			return standin.Fault{Code: 550, Text: "5.1.1 User unknown"}
		}
		return standin.Fault{}
	})
	o := newOffice(t, sink.Addr())
	o.ready()
	o.crowd(300)
	o.serve()
	_, stderr, code := o.try("send", "37", "--wait")
	if code != exitFailed || !strings.Contains(stderr, "第 37 期 email 的 example.org：这个域名失败太多") || !strings.Contains(stderr, "剩下的都在等人处理") {
		t.Fatalf("exit code %d\n%s", code, stderr)
	}
	var status report
	o.asked(&status, "status", "37")
	waits := o.do("status", "37")
	if held := status.Runs[0].Waiting; len(held) != 1 || held[0].Reason != dispatch.ReasonHeld || !regexp.MustCompile(`(?m)^37 +1 +等人处理 +用 yizhan resume 37 继续`).MatchString(waits) {
		t.Errorf("waiting for %+v\n%s", held, waits)
	}
	freed := o.do("resume", "37")
	if !regexp.MustCompile(`^第 37 期：放行了 \d+ 份等人处理的投递\n$`).MatchString(freed) {
		t.Errorf("resume says %q", freed)
	}
}
