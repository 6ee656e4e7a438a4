package main

import (
	"net"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestServiceManagerIsTold: ready when the listeners answer, and at the end how
// long it may take, from the configuration: 5 s, and what comes after.
func TestServiceManagerIsTold(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "notify")
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer manager.Close()
	o := newOffice(t, "127.0.0.1:1")
	o.environment = map[string]string{"NOTIFY_SOCKET": socket}
	s := o.serve()
	if code := s.stop(); code != exitOK {
		t.Errorf("the daemon ended with %d\n%s", code, s.log)
	}
	// The daemon has ended, so both datagrams are there.
	var told []string
	for range 2 {
		state := make([]byte, 100)
		n, err := manager.Read(state)
		if err != nil {
			t.Fatal(err)
		}
		told = append(told, string(state[:n]))
	}
	if diff := cmp.Diff([]string{"READY=1", "STOPPING=1\nEXTEND_TIMEOUT_USEC=20000000"}, told); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestDeafServiceManager: who waits for READY would wait in vain, so it is an error.
func TestDeafServiceManager(t *testing.T) {
	o := newOffice(t, "127.0.0.1:1")
	o.environment = map[string]string{"NOTIFY_SOCKET": filepath.Join(t.TempDir(), "nobody")}
	if _, stderr, code := o.try("serve"); code != exitFailed {
		t.Errorf("serve ended with %d\n%s", code, stderr)
	}
}
