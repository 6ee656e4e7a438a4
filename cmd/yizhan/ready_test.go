package main

import (
	"strings"
	"testing"
)

// TestCheckReady: the running daemon is asked at the address of its configuration.
func TestCheckReady(t *testing.T) {
	o := newOffice(t, "127.0.0.1:1")
	s := o.serve()
	o.edit("admin: 127.0.0.1:0", "admin: "+strings.TrimPrefix(s.admin, "http://"))
	if out := o.do("check", "--ready"); !strings.Contains(out, "服务正常") {
		t.Error(out)
	}
	// The public pages are not what is asked for.
	other := newOffice(t, "127.0.0.1:1")
	other.edit("admin: 127.0.0.1:0", "admin: "+strings.TrimPrefix(s.public, "http://"))
	if _, stderr, code := other.try("check", "--ready", "--json"); code != exitFailed || !strings.Contains(stderr, `"code":"not-running"`) {
		t.Errorf("exit code %d: %s", code, stderr)
	}
	s.stop()
	if _, stderr, code := o.try("check", "--ready", "--json"); code != exitFailed || !strings.Contains(stderr, `"code":"not-running"`) {
		t.Errorf("exit code %d: %s", code, stderr)
	}
}
