package main

import (
	"net"
	"os"
	"slices"
	"strings"
	"testing"

	"yizhan/config"
	"yizhan/dispatch/dispatchtest"
)

// withRedis adds a Redis to the office's configuration.
func (o *office) withRedis(url string) {
	o.t.Helper()
	f, err := os.OpenFile(o.config, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		o.t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString("redis: " + url + "\n"); err != nil {
		o.t.Fatal(err)
	}
}

// sent runs the office's issue through a daemon and gives who got it.
func (o *office) sent(got func() []string) ([]string, *server) {
	o.t.Helper()
	o.ready()
	o.subscribe("email", "chen@example.org", "lin@example.org")
	s := o.serve()
	o.do("send", "37", "--wait")
	all := got()
	slices.Sort(all)
	return all, s
}

func TestServeOnRedis(t *testing.T) {
	r := dispatchtest.StartRedis(t, "--requirepass", "canary")
	sink := newSink(t, nil)
	o := newOffice(t, sink.Addr())
	o.withRedis("unix://:canary@" + r.Socket)
	got, s := o.sent(func() (out []string) {
		for _, m := range sink.Messages() {
			out = append(out, m.To)
		}
		return out
	})
	if want := []string{"chen@example.org", "lin@example.org"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if code := s.stop(); code != exitOK {
		t.Errorf("the daemon ended with %d", code)
	}
	if log := s.log.String(); strings.Contains(log, "canary") || strings.Contains(log, "away") {
		t.Errorf("log:\n%s", log)
	}
}

// A Redis that is not there keeps nobody waiting.
func TestServeWithoutItsRedis(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	sink := newSink(t, nil)
	o := newOffice(t, sink.Addr())
	o.withRedis("redis://" + l.Addr().String())
	got, s := o.sent(func() (out []string) {
		for _, m := range sink.Messages() {
			out = append(out, m.To)
		}
		return out
	})
	if len(got) != 2 {
		t.Errorf("got %v", got)
	}
	s.stop()
	if log := s.log.String(); !strings.Contains(log, "beginning without it") || !strings.Contains(log, "going on in this process") {
		t.Errorf("log:\n%s", log)
	}
	stdout, _, code := o.try("check", "--live", "--json")
	if code != exitFailed || !strings.Contains(stdout, `"service":"redis","ok":false`) {
		t.Errorf("check --live ended with %d: %s", code, stdout)
	}
}

func TestServeRefusesARedisThatEvicts(t *testing.T) {
	r := dispatchtest.StartRedis(t, "--maxmemory-policy", "allkeys-lru")
	o := newOffice(t, newSink(t, nil).Addr())
	o.withRedis("unix://" + r.Socket)
	if _, stderr, code := o.try("serve", "--json"); code != exitFailed || !strings.Contains(stderr, `"code":"redis-evicts"`) {
		t.Errorf("serve ended with %d: %s", code, stderr)
	}
}

func TestCheckLiveRedis(t *testing.T) {
	r := dispatchtest.StartRedis(t, "--maxmemory", "64mb", "--maxmemory-policy", "volatile-ttl")
	o := newOffice(t, newSink(t, nil).Addr())
	o.withRedis("unix://" + r.Socket)
	var result checked
	o.asked(&result, "check", "--live")
	at := slices.IndexFunc(result.Live, func(p probed) bool { return p.Service == "redis" })
	if !result.OK || at < 0 || !result.Live[at].OK {
		t.Fatalf("%+v", result)
	}
	for _, word := range []string{"volatile-ttl", "64 MB", "1 个主节点"} {
		if !strings.Contains(result.Live[at].Text, word) {
			t.Errorf("%q lacks %q", result.Live[at].Text, word)
		}
	}
	if !slices.ContainsFunc(result.Findings, func(f config.Finding) bool { return f.Code == "redis-policy" && f.Line > 0 }) {
		t.Errorf("findings %+v", result.Findings)
	}
	if text := o.do("check", "--live"); !strings.Contains(text, "redis：成功") {
		t.Errorf("said:\n%s", text)
	}
}
