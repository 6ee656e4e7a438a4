package main

import (
	"bufio"
	"errors"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"yizhan/dispatch"
	"yizhan/dispatch/standin"
)

// process is a daemon that is a process of its own, so that it can be signalled.
type process struct {
	*exec.Cmd
	log *bufio.Scanner
}

func (o *office) process() *process {
	o.t.Helper()
	p := &process{Cmd: exec.CommandContext(o.t.Context(), "yizhan", "-c", o.config, "serve")}
	stdout, err := p.StdoutPipe()
	if err != nil {
		o.t.Fatal(err)
	}
	stderr, err := p.StderrPipe()
	if err != nil {
		o.t.Fatal(err)
	}
	p.log = bufio.NewScanner(stderr)
	if err := p.Start(); err != nil {
		o.t.Fatal(err)
	}
	if line, err := bufio.NewReader(stdout).ReadString('\n'); err != nil || !strings.HasPrefix(line, "ready http://127.0.0.1:") {
		o.t.Fatalf("first line %q, %v", line, err)
	}
	return p
}

// waitFor reads the log up to a line that holds text.
func (p *process) waitFor(t *testing.T, text string) {
	t.Helper()
	for p.log.Scan() {
		if strings.Contains(p.log.Text(), text) {
			return
		}
	}
	t.Fatalf("the log ended without %q", text)
}

func (p *process) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	if err := p.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

func TestTermDrains(t *testing.T) {
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		o := newOffice(t, newSink(t, nil).Addr())
		o.ready()
		o.subscribe("email", "chen@example.org")
		p := o.process()
		o.do("send", "37", "--wait")
		p.signal(t, s)
		p.waitFor(t, "msg=stopped")
		if err := p.Wait(); err != nil {
			t.Errorf("after %v: %v", s, err)
		}
		o.do("status", "37")
	}
}

// TestSecondSignalEndsAtOnce: a relay that does not answer would keep the
// process for shutdown_grace.
func TestSecondSignalEndsAtOnce(t *testing.T) {
	reached, never := make(chan struct{}, 1), make(chan struct{})
	sink := newSink(t, func(phase, _, _ string, _ int) standin.Fault {
		if phase != "dot" {
			return standin.Fault{}
		}
		reached <- struct{}{}
		return standin.Fault{Wait: never}
	})
	o := newOffice(t, sink.Addr())
	o.edit("shutdown_grace: 5s", "shutdown_grace: 10m")
	o.ready()
	o.subscribe("email", "chen@example.org")
	p := o.process()
	o.do("send", "37")
	<-reached
	p.signal(t, syscall.SIGTERM)
	p.waitFor(t, "msg=stopping")
	p.signal(t, syscall.SIGTERM)
	for p.log.Scan() { // to its end
	}
	var ended *exec.ExitError
	if err := p.Wait(); !errors.As(err, &ended) || ended.ExitCode() != exitImpatient {
		t.Errorf("after the second signal: %v", err)
	}
	// What was handed over is not known, and nobody says otherwise.
	s := o.serve()
	defer s.stop()
	var status report
	for {
		o.asked(&status, "status", "37")
		if status.Runs[0].State == "finished" {
			break
		}
	}
	if n := status.Runs[0].Total(); n[dispatch.StateUnconfirmed] != 1 {
		t.Errorf("counts %v, want one unconfirmed", n)
	}
}
