package dispatch_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"yizhan/dispatch"
	"yizhan/dispatch/dispatchtest"
)

var happenings = map[string]dispatch.Event{
	"fed":          {Happening: dispatch.Fed},
	"queue lost":   {Happening: dispatch.QueueLost},
	"claimed":      {Happening: dispatch.Claimed},
	"given back":   {Happening: dispatch.GivenBack},
	"blocked":      {Happening: dispatch.Blocked, Reason: "unsubscribed"},
	"granted":      {Happening: dispatch.Granted},
	"unmarked":     {Happening: dispatch.Unmarked},
	"session died": {Happening: dispatch.SessionDied},
	"died, keyed":  {Happening: dispatch.SessionDied, Repeat: true},
	"expired":      {Happening: dispatch.Expired},
	"reported":     {Happening: dispatch.Reported, Reason: "job-failed"},
	"cancelled":    {Happening: dispatch.Cancelled},
	"held":         {Happening: dispatch.Held},
	"sent":         answer(dispatch.Outcome{Status: dispatch.Sent}),
	"temporary":    answer(dispatchtest.Refuse(dispatch.ScopeRecipient, false, 451, "later")),
	"permanent":    answer(dispatchtest.Refuse(dispatch.ScopeRecipient, true, 550, "no such user")),
	"account":      answer(dispatchtest.Refuse(dispatch.ScopeAccount, false, 535, "bad password")),
	"lost":         answer(dispatch.Outcome{Status: dispatch.Lost}),
	"lost, keyed":  {Happening: dispatch.Answered, Outcome: dispatch.Outcome{Status: dispatch.Lost}, Repeat: true},
	"shut, keyed":  {Happening: dispatch.Answered, Outcome: dispatch.Outcome{Status: dispatch.Abandoned, Failure: dispatch.Failure{Reason: dispatch.ReasonShutdown}}, Repeat: true},
	"lost, single": {Happening: dispatch.Answered, Outcome: dispatch.Outcome{Status: dispatch.Lost}, Single: true},
	"heard":        {Happening: dispatch.Heard},
	"awaits":       answer(awaits),
	"spoken":       {Happening: dispatch.Answered, Outcome: awaits, Spoken: true},
	"returned":     answer(dispatch.Outcome{Status: dispatch.Returned}),
	"stopped":      answer(dispatch.Outcome{Status: dispatch.Stopped}),
	"abandoned":    answer(dispatch.Outcome{Status: dispatch.Abandoned, Failure: dispatch.Failure{Reason: dispatch.ReasonShutdown}}),
}

// awaits is the answer of a carrier that lets us speak only to those who have spoken.
var awaits = dispatch.Outcome{Status: dispatch.Refused, Failure: dispatch.Failure{Scope: dispatch.ScopeRecipient, Await: true, Reason: "no-conversation"}, Code: 45015}

func answer(o dispatch.Outcome) dispatch.Event {
	return dispatch.Event{Happening: dispatch.Answered, Outcome: o}
}

// TestNextTable is the whole table: what is not in it must be impossible.
func TestNextTable(t *testing.T) {
	want := map[dispatch.State]map[string]string{
		dispatch.StateDue: {
			"fed": "queued", "cancelled": "skipped cancelled", "held": "due held", "heard": "due", "blocked": "skipped unsubscribed",
		},
		dispatch.StateQueued: {
			"queue lost": "due", "claimed": "leased", "cancelled": "skipped cancelled", "held": "due held",
		},
		dispatch.StateLeased: {
			"given back": "due", "blocked": "skipped unsubscribed", "granted": "marked", "session died": "due",
			"cancelled": "skipped cancelled", "held": "due held", "returned": "due",
			"temporary": "due scripted", "permanent": "failed scripted", "account": "due scripted",
			"abandoned": "unconfirmed shutdown", "died, keyed": "due", "shut, keyed": "unconfirmed shutdown",
			"awaits": "due awaits-recipient", "spoken": "due",
		},
		dispatch.StateMarked: {
			"awaits": "due awaits-recipient", "spoken": "due", "lost, single": "unconfirmed lost-reply",
			"died, keyed": "marked crash", "lost, keyed": "marked lost-reply", "shut, keyed": "marked shutdown", "expired": "unconfirmed lost-reply",

			"unmarked": "leased", "session died": "unconfirmed crash", "sent": "sent", "lost": "due lost-reply",
			"temporary": "due scripted", "permanent": "failed scripted", "account": "due scripted",
			"abandoned": "unconfirmed shutdown",
		},
		dispatch.StateSent:        {"reported": "failed job-failed"},
		dispatch.StateUnconfirmed: {"sent": "sent"},
	}
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	for _, from := range dispatch.States() {
		got := map[string]string{}
		for name, e := range happenings {
			c, ok := dispatch.Next(dispatch.Progress{State: from}, e, dispatchtest.Policy(), now)
			if !ok {
				continue
			}
			s := string(c.To)
			if c.Reason != "" {
				s += " " + c.Reason
			}
			got[name] = s
			if c.To == dispatch.StateDue && c.DueAt.IsZero() && name != "given back" {
				t.Errorf("%s + %s is due at no time", from, name)
			}
		}
		if diff := cmp.Diff(want[from], got, cmp.Transformer("nil", func(m map[string]string) map[string]string {
			if len(m) == 0 {
				return nil
			}
			return m
		})); diff != "" {
			t.Errorf("from %s (-want +got):\n%s", from, diff)
		}
	}
}

func TestLostReply(t *testing.T) {
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	lost := answer(dispatch.Outcome{Status: dispatch.Lost})
	tests := []struct {
		name   string
		before int
		policy string
		want   dispatch.State
		due    time.Time
	}{
		{"first time, retry", 0, dispatch.RetryLost, dispatch.StateDue, now.Add(15 * time.Minute)},
		{"second time, retry", 1, dispatch.RetryLost, dispatch.StateUnconfirmed, time.Time{}},
		{"first time, hold", 0, dispatch.HoldLost, dispatch.StateUnconfirmed, time.Time{}},
	}
	for _, tt := range tests {
		p := dispatch.Policy{Retry: []time.Duration{time.Hour}, GiveUp: 48 * time.Hour, AfterLostReply: tt.policy}
		c, ok := dispatch.Next(dispatch.Progress{State: dispatch.StateMarked, Lost: tt.before}, lost, p, now)
		if !ok || c.To != tt.want || !c.DueAt.Equal(tt.due) || c.Attempts != 1 {
			t.Errorf("%s: %+v, %v", tt.name, c, ok)
		}
	}
}

func TestHoldInsteadOfFailing(t *testing.T) {
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	e := happenings["permanent"]
	e.Hold = true
	c, ok := dispatch.Next(dispatch.Progress{State: dispatch.StateMarked}, e, dispatchtest.Policy(), now)
	if !ok || c.To != dispatch.StateDue || c.Reason != dispatch.ReasonHeld || !c.DueAt.Equal(dispatch.Never) || c.Suppress {
		t.Errorf("held: %+v, %v", c, ok)
	}
	e = happenings["temporary"]
	e.Hold = true
	if c, _ := dispatch.Next(dispatch.Progress{State: dispatch.StateMarked}, e, dispatchtest.Policy(), now); c.Reason == dispatch.ReasonHeld {
		t.Error("a row that only waits for its retry was held")
	}
}

// A delivery whose answer was lost may be with its reader: no later end may look
// as if it were not, or a resend would double it.
func TestLostStaysInDoubt(t *testing.T) {
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	for name, from := range map[string]dispatch.State{
		"permanent": dispatch.StateLeased, "blocked": dispatch.StateLeased, "cancelled": dispatch.StateDue,
	} {
		c, ok := dispatch.Next(dispatch.Progress{State: from, Lost: 1}, happenings[name], dispatchtest.Policy(), now)
		if !ok || c.To != dispatch.StateUnconfirmed || c.Reason != dispatch.ReasonLostReply || c.Suppress {
			t.Errorf("%s after a lost answer: %+v, %v", name, c, ok)
		}
	}
	c, _ := dispatch.Next(dispatch.Progress{State: dispatch.StateMarked, Lost: 1}, happenings["sent"], dispatchtest.Policy(), now)
	if c.To != dispatch.StateSent {
		t.Errorf("the second try went through: %+v", c)
	}
}
