package wechat

import (
	"context"
	"fmt"
	"testing"
	"time"

	"yizhan/dispatch"
	"yizhan/dispatch/standin"
)

// TestPolledJobs: what each answer to the question about a mass send does to the
// deliveries, when the platform's event about it was lost.
func TestPolledJobs(t *testing.T) {
	says := func(status string) standin.WeChatFault {
		return standin.WeChatFault{Garble: func([]byte) []byte { return fmt.Appendf(nil, `{"msg_id":"1","msg_status":%q}`, status) }}
	}
	for name, one := range map[string]struct {
		answer standin.WeChatFault
		state  dispatch.State
		reason string
		over   bool // nobody asks again
	}{
		"sent":        {says("SEND_SUCCESS"), dispatch.StateSent, "", true},
		"failed":      {says("SEND_FAIL"), dispatch.StateFailed, "job-failed", true},
		"sending":     {says("SENDING"), dispatch.StateSent, "", false},
		"deleted":     {says("DELETE"), dispatch.StateSent, "", false},
		"a new word":  {says("PONDERING"), dispatch.StateSent, "", false},
		"unknown job": {standin.WeChatFault{Code: 40059, Text: "invalid msg id"}, dispatch.StateSent, "", false},
		"quota":       {standin.WeChatFault{Code: 45009}, dispatch.StateSent, "", false},
		"busy":        {standin.WeChatFault{Code: -1}, dispatch.StateSent, "", false},
		"lost":        {standin.WeChatFault{Lose: true}, dispatch.StateSent, "", false},
		"html":        {standin.WeChatFault{Status: 502, Body: "<html>"}, dispatch.StateSent, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, kinds()[0], 4, func(t *testing.T, o *office) {
				o.Plan(t, "142", o.channel)
				if got := o.send("142", time.Hour); got[dispatch.StateSent] != 4 {
					t.Fatalf("states %v", got)
				}
				r, err := NewReceiver(ReceiverOptions{Channel: o.channel, Books: o.Ledger, People: nobody{}})
				if err != nil {
					t.Fatal(err)
				}
				ask := func() {
					t.Helper()
					<-time.After(5 * time.Minute)
					if err := r.ask(t.Context(), time.Now()); err != nil {
						t.Fatal(err)
					}
				}
				o.script.next(massGetPath, one.answer)
				ask()
				for _, d := range o.Records(t, "142") {
					if d.State != one.state || d.Reason != one.reason {
						t.Errorf("delivery %+v", d)
					}
				}
				ask() // now the stand-in answers for itself: it went well
				want := 2
				if one.over {
					want = 1
				}
				if n := o.account.Calls(massGetPath); n != want {
					t.Errorf("asked %d times, want %d", n, want)
				}
				if got := o.Count(t, "142"); got[one.state] != 4 {
					t.Errorf("states %v", got)
				}
				o.once(4, 1)
			})
		})
	}
}

// nobody comes and goes.
type nobody struct{}

func (nobody) Follow(context.Context, string, time.Time) error           { return nil }
func (nobody) Unfollow(context.Context, string, time.Time) error         { return nil }
func (nobody) Heard(context.Context, string, time.Time, time.Time) error { return nil }
