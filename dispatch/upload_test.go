package dispatch_test

import (
	"testing"
	"time"

	"yizhan/dispatch/dispatchtest"
)

// What was uploaded is known to every process, each channel for itself; a new name
// takes the old one's place.
func TestUploads(t *testing.T) {
	f := dispatchtest.Open(t)
	name := func(f *dispatchtest.Fixture, channel, key string) string {
		t.Helper()
		name, err := f.Ledger.Upload(t.Context(), channel, key)
		if err != nil {
			t.Fatal(err)
		}
		return name
	}
	if got := name(f, "wechat", "k"); got != "" {
		t.Errorf("%q before anything was uploaded", got)
	}
	for _, one := range []string{"first", "second"} {
		if err := f.Ledger.KeepUpload(t.Context(), "wechat", "k", one, time.Now()); err != nil {
			t.Fatal(err)
		}
		if got := name(f.Again(t), "wechat", "k"); got != one {
			t.Errorf("%q, want %q", got, one)
		}
	}
	if got := name(f, "other", "k"); got != "" {
		t.Errorf("another channel's is %q", got)
	}
}
