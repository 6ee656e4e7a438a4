package dispatch_test

import (
	"errors"
	"os/exec"
	"testing"
	"time"

	"yizhan/dispatch"
	"yizhan/dispatch/dispatchtest"
)

func TestSessionOfADeadProcessIsTakenOverAtOnce(t *testing.T) {
	f := dispatchtest.Open(t)
	now := time.Now()
	child := exec.Command("true")
	if err := child.Run(); err != nil {
		t.Fatal(err)
	}
	here := dispatch.ThisProcess()
	if here.Started == "" {
		t.Skip("no process table here")
	}
	dead := dispatch.Process{BootID: here.BootID, PID: child.Process.Pid, Started: "1"}
	if _, err := f.Ledger.OpenSession(t.Context(), dead, now); err != nil {
		t.Fatal(err)
	}
	other := dispatch.Process{BootID: "another machine", PID: child.Process.Pid}
	if _, err := f.Ledger.OpenSession(t.Context(), other, now); err != nil {
		t.Fatal(err)
	}
	mine, err := f.Ledger.OpenSession(t.Context(), here, now)
	if err != nil {
		t.Fatal(err)
	}
	live, err := f.Ledger.Sessions(t.Context(), here, now)
	if err != nil || len(live) != 2 {
		t.Fatalf("live sessions %+v, %v; want the other machine's and mine", live, err)
	}
	later := now.Add(31 * time.Second)
	if err := f.Ledger.Beat(t.Context(), mine, later); err != nil {
		t.Fatal(err)
	}
	if live, _ = f.Ledger.Sessions(t.Context(), here, later); len(live) != 1 || live[0].ID != mine.ID {
		t.Errorf("after 31 s of silence live sessions are %+v", live)
	}
}

func TestSilentSessionIsLost(t *testing.T) {
	f := dispatchtest.Open(t)
	now := time.Now()
	s, err := f.Ledger.OpenSession(t.Context(), dispatch.Process{BootID: "another machine"}, now)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := f.Ledger.Reap(t.Context(), dispatch.ThisProcess(), now.Add(29*time.Second)); err != nil {
		t.Fatal(err)
	}
	if err := f.Ledger.Beat(t.Context(), s, now.Add(29*time.Second)); err != nil {
		t.Fatalf("taken for dead too early: %v", err)
	}
	if _, _, err := f.Ledger.Reap(t.Context(), dispatch.ThisProcess(), now.Add(61*time.Second)); err != nil {
		t.Fatal(err)
	}
	if err := f.Ledger.Beat(t.Context(), s, now.Add(61*time.Second)); !errors.Is(err, dispatch.ErrSessionLost) {
		t.Errorf("beat of a session that was taken for dead: %v", err)
	}
}
