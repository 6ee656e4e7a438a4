package dispatch_test

import (
	"testing"
	"time"

	"yizhan/dispatch"
	"yizhan/dispatch/dispatchtest"
)

// What a carrier tells is kept once, has one answer, and waits for whoever answers it.
func TestInbound(t *testing.T) {
	f := dispatchtest.Open(t)
	ctx, now := t.Context(), time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	kept := func(at time.Time) (keys []string, answered []bool) {
		t.Helper()
		all, err := f.Ledger.Kept(ctx, "wechat", at)
		if err != nil {
			t.Fatal(err)
		}
		for _, in := range all {
			keys, answered = append(keys, in.Key), append(answered, in.Answered)
		}
		return keys, answered
	}
	for i, fresh := range []bool{true, false} {
		got, err := f.Ledger.Keep(ctx, "wechat", dispatch.Inbound{Key: "text", Content: "{}", Received: now, Due: now.Add(time.Minute)})
		if err != nil || got != fresh {
			t.Errorf("kept for the %d. time: fresh %v, %v", i+1, got, err)
		}
	}
	if keys, _ := kept(now.Add(time.Second)); len(keys) != 0 {
		t.Errorf("due before its time: %v", keys)
	}
	if _, ok, err := f.Ledger.Answered(ctx, "wechat", "text"); ok || err != nil {
		t.Errorf("an answer out of nothing: %v", err)
	}
	for _, answer := range []string{"first", "second"} {
		if given, err := f.Ledger.Answer(ctx, "wechat", "text", answer, now.Add(time.Second)); err != nil || given != "first" {
			t.Errorf("answered %q, given %q, %v", answer, given, err)
		}
	}
	if keys, answered := kept(now.Add(time.Second)); len(keys) != 1 || !answered[0] {
		t.Errorf("due after the answer: %v, answered %v", keys, answered)
	}
	if err := f.Ledger.Done(ctx, "wechat", "text", now); err != nil {
		t.Fatal(err)
	}
	if answer, ok, err := f.Ledger.Answered(ctx, "wechat", "text"); answer != "first" || !ok || err != nil {
		t.Errorf("answer %q, %v, %v", answer, ok, err)
	}
	if _, err := f.Ledger.Answer(ctx, "wechat", "unheard of", "x", now); err == nil {
		t.Error("what nobody said was answered")
	}
	if err := f.Ledger.Tidy(ctx, now.Add(59*time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, ok, err := f.Ledger.Answered(ctx, "wechat", "text"); !ok || err != nil {
		t.Errorf("forgotten too soon: %v", err)
	}
	// What was said to somebody, with links in it, does not stay.
	if err := f.Ledger.Tidy(ctx, now.Add(61*time.Minute)); err != nil {
		t.Fatal(err)
	}
	if answer, ok, err := f.Ledger.Answered(ctx, "wechat", "text"); ok || err != nil {
		t.Errorf("still there: %q, %v", answer, err)
	}
}
