package dispatchtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"yizhan/dispatch"
	"yizhan/issue"
)

// ChannelCase is a channel with the carrier behind it.
type ChannelCase struct {
	Channel dispatch.Channel
	// Address returns the n-th address that the carrier takes.
	Address func(n int) string
	// Took counts what the carrier has taken responsibility for.
	Took func() int
	// Refuse makes the carrier refuse the next delivery.
	Refuse func()
}

// ExerciseChannel checks what the dispatcher relies on in a channel. open
// returns it with a carrier that has taken nothing yet.
func ExerciseChannel(t *testing.T, open func(t *testing.T) ChannelCase) {
	ctx := context.Background()
	content := dispatch.Content{
		Kind: dispatch.KindIssue, Issue: Issue("142"), Revision: issue.Revision{N: 1, Hash: "h"},
		PlannedAt: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC),
	}
	grant := func(n int) dispatch.MarkFunc {
		return func(context.Context) ([]bool, error) {
			ok := make([]bool, n)
			for i := range ok {
				ok[i] = true
			}
			return ok, nil
		}
	}
	batch := func(t *testing.T, c ChannelCase, n int) dispatch.Batch {
		t.Helper()
		variants, err := c.Channel.Prepare(ctx, content)
		if err != nil {
			t.Fatal(err)
		}
		b := dispatch.Batch{Run: 1, Variant: variants[0], Key: "batch"}
		for i := range n {
			b.Deliveries = append(b.Deliveries, dispatch.Handover{
				Delivery: int64(i + 1), Subscriber: strings.Repeat("a", 26), Address: c.Address(i), Attempt: 1,
				MessageID: strings.Replace(variants[0].MessageID, "%s", fmt.Sprintf("token%02d", i), 1),
			})
		}
		return b
	}
	size := func(c ChannelCase) int { return min(c.Channel.Capacity().Batch, 3) }
	least := func(c ChannelCase) int { return max(1, c.Channel.Capacity().Least) }

	t.Run("a capacity that can deliver", func(t *testing.T) {
		c := open(t)
		if k := c.Channel.Capacity(); c.Channel.Name() == "" || k.Lanes < 1 || k.Batch < 1 {
			t.Errorf("channel %q has capacity %+v", c.Channel.Name(), k)
		}
	})

	t.Run("prepare is frozen and repeatable", func(t *testing.T) {
		c := open(t)
		a, errA := c.Channel.Prepare(ctx, content)
		b, errB := c.Channel.Prepare(ctx, content)
		if errA != nil || errB != nil || len(a) == 0 || len(a) != len(b) {
			t.Fatalf("%d and %d variants, %v, %v", len(a), len(b), errA, errB)
		}
		for i := range a {
			if a[i].Key != b[i].Key || a[i].MessageID != b[i].MessageID || !bytes.Equal(a[i].Data, b[i].Data) {
				t.Errorf("variant %q differs from one time to the next", a[i].Key)
			}
			if strings.Count(a[i].MessageID, "%s") != 1 || strings.Count(a[i].MessageID, "%") != 1 {
				t.Errorf("variant %q has the id rule %q", a[i].Key, a[i].MessageID)
			}
		}
	})

	t.Run("sent after the mark", func(t *testing.T) {
		c := open(t)
		n, marks := size(c), 0
		out := c.Channel.Deliver(ctx, batch(t, c, n), func(ctx context.Context) ([]bool, error) {
			if marks++; c.Took() != 0 {
				t.Error("the carrier had it before the mark")
			}
			return grant(n)(ctx)
		})
		if len(out) != n || marks != 1 || c.Took() != n {
			t.Fatalf("%d outcomes, %d marks, %d taken; want %d, 1, %d", len(out), marks, c.Took(), n, n)
		}
		for _, o := range out {
			if o.Status != dispatch.Sent {
				t.Errorf("outcome %+v", o)
			}
		}
	})

	t.Run("not granted, not handed over", func(t *testing.T) {
		c := open(t)
		for name, mark := range map[string]dispatch.MarkFunc{
			"refused": func(context.Context) ([]bool, error) { return make([]bool, size(c)), nil },
			"failed":  func(context.Context) ([]bool, error) { return nil, errors.New("the ledger is away") },
		} {
			for _, o := range c.Channel.Deliver(ctx, batch(t, c, size(c)), mark) {
				if o.Status != dispatch.Stopped && o.Status != dispatch.Returned {
					t.Errorf("mark %s: outcome %+v, want Stopped or Returned", name, o)
				}
			}
		}
		if c.Took() != 0 {
			t.Errorf("the carrier took %d", c.Took())
		}
		if out := c.Channel.Deliver(ctx, batch(t, c, least(c)), grant(least(c))); out[0].Status != dispatch.Sent {
			t.Errorf("the next delivery: %+v", out[0])
		}
	})

	t.Run("ended before it began", func(t *testing.T) {
		c := open(t)
		ended, cancel := context.WithCancel(ctx)
		cancel()
		for _, o := range c.Channel.Deliver(ended, batch(t, c, size(c)), grant(size(c))) {
			if o.Status != dispatch.Returned && o.Status != dispatch.Stopped {
				t.Errorf("outcome %+v, want Returned", o)
			}
		}
		if c.Took() != 0 {
			t.Errorf("the carrier took %d", c.Took())
		}
	})

	t.Run("a refusal says its scope", func(t *testing.T) {
		c := open(t)
		c.Refuse()
		o := c.Channel.Deliver(ctx, batch(t, c, least(c)), grant(least(c)))[0]
		if o.Status != dispatch.Refused || o.Failure.Scope == "" || o.Failure.Reason == "" {
			t.Errorf("outcome %+v", o)
		}
		if o.Failure.Suppress && (o.Failure.Scope != dispatch.ScopeRecipient || !o.Failure.Permanent) {
			t.Errorf("only a recipient's own permanent failure may suppress: %+v", o.Failure)
		}
		if out := c.Channel.Deliver(ctx, batch(t, c, least(c)), grant(least(c))); out[0].Status != dispatch.Sent {
			t.Errorf("the next delivery: %+v", out[0])
		}
	})
}
