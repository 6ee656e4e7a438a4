package dispatch_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"yizhan/dispatch"
)

// try plays a delivery that is always refused in the same way and returns when
// each attempt was made, relative to the first, and how it ended.
func try(p dispatch.Policy, f dispatch.Failure, most int) (at []time.Duration, end dispatch.State, attempts int) {
	begin := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	now := begin
	d := dispatch.Progress{State: dispatch.StateLeased}
	for range most {
		at = append(at, now.Sub(begin))
		c, ok := dispatch.Next(d, answer(dispatch.Outcome{Status: dispatch.Refused, Failure: f}), p, now)
		if !ok {
			return at, d.State, d.Attempts
		}
		d.Attempts, d.Lost, d.FirstAt = c.Attempts, c.Lost, c.FirstAt
		if c.To != dispatch.StateDue {
			return at, c.To, d.Attempts
		}
		now = c.DueAt
	}
	return at, dispatch.StateDue, d.Attempts
}

func TestRetryTimes(t *testing.T) {
	const m, h = time.Minute, time.Hour
	standard := dispatch.Policy{
		Retry:  []time.Duration{5 * m, 15 * m, h, 2 * h, 4 * h, 8 * h},
		GiveUp: 48 * h, AfterLostReply: dispatch.RetryLost,
	}
	short := dispatch.Policy{Retry: []time.Duration{time.Second, 2 * time.Second}, GiveUp: 10 * time.Second, AfterLostReply: dispatch.RetryLost}
	tests := []struct {
		name     string
		policy   dispatch.Policy
		failure  dispatch.Failure
		most     int
		at       []time.Duration
		end      dispatch.State
		attempts int
	}{
		{
			"temporary, until give_up", standard,
			dispatch.Failure{Scope: dispatch.ScopeRecipient},
			99,
			[]time.Duration{0, 5 * m, 20 * m, 80 * m, 200 * m, 440 * m, 920 * m, 1400 * m, 1880 * m, 2360 * m, 2840 * m},
			dispatch.StateFailed, 11,
		},
		{
			"permanent", standard,
			dispatch.Failure{Scope: dispatch.ScopeRecipient, Permanent: true},
			99,
			[]time.Duration{0},
			dispatch.StateFailed, 1,
		},
		{
			"the relay is down: never failed, nothing counted", standard,
			dispatch.Failure{Scope: dispatch.ScopeAccount},
			4,
			[]time.Duration{0, 0, 0, 0},
			dispatch.StateDue, 0,
		},
		{
			"a permanent answer to the account is the account's", standard,
			dispatch.Failure{Scope: dispatch.ScopeAccount, Permanent: true},
			3,
			[]time.Duration{0, 0, 0},
			dispatch.StateDue, 0,
		},
		{
			"the provider's rate: waits, nothing counted", standard,
			dispatch.Failure{Scope: dispatch.ScopeDomain, Wait: 15 * m},
			4,
			[]time.Duration{0, 15 * m, 30 * m, 45 * m},
			dispatch.StateDue, 0,
		},
		{
			"greylisting names its wait: nothing counted", standard,
			dispatch.Failure{Scope: dispatch.ScopeRecipient, Wait: 10 * m},
			3,
			[]time.Duration{0, 10 * m, 20 * m},
			dispatch.StateDue, 0,
		},
		{
			"short retries shorten the provider's wait", short,
			dispatch.Failure{Scope: dispatch.ScopeDomain, Wait: 15 * m},
			3,
			[]time.Duration{0, 2 * time.Second, 4 * time.Second},
			dispatch.StateDue, 0,
		},
		{
			"waiting ends with give_up too", short,
			dispatch.Failure{Scope: dispatch.ScopeDomain, Wait: 15 * m},
			99,
			[]time.Duration{0, 2 * time.Second, 4 * time.Second, 6 * time.Second, 8 * time.Second, 10 * time.Second},
			dispatch.StateFailed, 0,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			at, end, attempts := try(tt.policy, tt.failure, tt.most)
			if diff := cmp.Diff(tt.at, at); diff != "" {
				t.Errorf("attempts at (-want +got):\n%s", diff)
			}
			if end != tt.end || attempts != tt.attempts {
				t.Errorf("ended %s after %d counted attempts, want %s after %d", end, attempts, tt.end, tt.attempts)
			}
		})
	}
}

// An outage of the relay does not eat into the time that a recipient has.
func TestGiveUpCountsFromTheFirstFailureThatCounts(t *testing.T) {
	p := dispatch.Policy{Retry: []time.Duration{time.Hour}, GiveUp: 2 * time.Hour, AfterLostReply: dispatch.RetryLost}
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	refused := func(d dispatch.Progress, s dispatch.Scope, now time.Time) dispatch.Change {
		c, _ := dispatch.Next(d, answer(dispatch.Outcome{Status: dispatch.Refused, Failure: dispatch.Failure{Scope: s}}), p, now)
		return c
	}
	c := refused(dispatch.Progress{State: dispatch.StateLeased}, dispatch.ScopeAccount, now)
	if !c.FirstAt.IsZero() {
		t.Fatalf("an outage of the relay began the recipient's time at %s", c.FirstAt)
	}
	later := now.Add(72 * time.Hour)
	c = refused(dispatch.Progress{State: dispatch.StateLeased, FirstAt: c.FirstAt}, dispatch.ScopeRecipient, later)
	if c.To != dispatch.StateDue || !c.FirstAt.Equal(later) {
		t.Errorf("after three days without a relay the first refusal gave %+v", c)
	}
}

func TestPolicyValidate(t *testing.T) {
	good := dispatch.Policy{Retry: []time.Duration{time.Minute}, GiveUp: time.Hour, AfterLostReply: dispatch.HoldLost}
	if err := good.Validate(); err != nil {
		t.Errorf("good policy: %v", err)
	}
	for name, p := range map[string]dispatch.Policy{
		"no waits":      {GiveUp: time.Hour, AfterLostReply: dispatch.HoldLost},
		"zero wait":     {Retry: []time.Duration{0}, GiveUp: time.Hour, AfterLostReply: dispatch.HoldLost},
		"no give_up":    {Retry: []time.Duration{time.Minute}, AfterLostReply: dispatch.HoldLost},
		"unknown after": {Retry: []time.Duration{time.Minute}, GiveUp: time.Hour, AfterLostReply: "guess"},
	} {
		if p.Validate() == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}
