package dispatchtest

import (
	"context"
	"fmt"
	"sync"
	"time"

	"yizhan/dispatch"
)

// Carrier is a channel whose carrier follows a script and remembers whom it
// took responsibility for. Its zero value takes everything.
type Carrier struct {
	ChannelName string // default "email"
	Limits      dispatch.Capacity
	// Script says what becomes of the n-th hand-over (from 1) to an address; nil:
	// Sent.
	Script func(address string, n int) Answer
	// Choosy makes it a [dispatch.Selective] channel.
	Choosy bool
	// Single lets what is for one person, and reminders, go one at a time and without
	// a key; Remind makes it a [dispatch.Reminding] channel.
	Single, Remind bool

	mu     sync.Mutex
	begun  map[string]int
	taken  map[string][]dispatch.Handover
	bodies map[string][]string
	batch  []int
}

// Answer is what the carrier does with one delivery.
type Answer struct {
	Outcome dispatch.Outcome
	// Early: refused before the marker, as at RCPT.
	Early bool
	// Takes: the carrier keeps the message although it does not say so.
	Takes bool
	// Slow is how long it takes to the marker, Late from there to the answer.
	Slow, Late time.Duration
	// Panic makes the channel panic before (Early) or after the marker.
	Panic bool
}

// Name implements [dispatch.Channel].
func (c *Carrier) Name() string {
	if c.ChannelName == "" {
		return "email"
	}
	return c.ChannelName
}

// Capacity implements [dispatch.Channel].
func (c *Carrier) Capacity() dispatch.Capacity {
	cap := c.Limits
	cap.Lanes, cap.Batch = max(cap.Lanes, 1), max(cap.Batch, 1)
	return cap
}

// Prepare implements [dispatch.Channel].
func (c *Carrier) Prepare(_ context.Context, content dispatch.Content) ([]dispatch.Variant, error) {
	if content.Kind == dispatch.KindService {
		var out []dispatch.Variant
		for _, letter := range content.Letters {
			out = append(out, dispatch.Variant{Key: letter.Key(), Data: []byte(letter.Key()), MessageID: "<%s.letter@example.org>"})
		}
		return out, nil
	}
	if content.Kind == dispatch.KindReminder {
		var out []dispatch.Variant
		for _, r := range content.Reminders {
			out = append(out, dispatch.Variant{Key: r.Key(), Data: []byte("of " + content.Issue.ID + " " + r.Key()), MessageID: "%s", Single: c.Single})
		}
		return out, nil
	}
	data := fmt.Appendf(nil, "issue %s revision %d", content.Issue.ID, content.Revision.N)
	if content.Sections != nil {
		data = fmt.Appendf(data, " sections %s", content.Sections)
	}
	return []dispatch.Variant{{
		Data:      data,
		MessageID: "<%s." + content.Issue.ID + "@example.org>",
		Single:    c.Single && content.OnDemand,
	}}, nil
}

// Reminds implements [dispatch.Reminding].
func (c *Carrier) Reminds() bool { return c.Remind }

// BySection implements [dispatch.Selective].
func (c *Carrier) BySection() bool { return c.Choosy }

// Deliver implements [dispatch.Channel].
func (c *Carrier) Deliver(ctx context.Context, b dispatch.Batch, mark dispatch.MarkFunc) []dispatch.Outcome {
	out := make([]dispatch.Outcome, len(b.Deliveries))
	answers := make([]Answer, len(b.Deliveries))
	for i, d := range b.Deliveries {
		answers[i] = c.begin(d)
		if !wait(ctx, answers[i].Slow) {
			return all(out, dispatch.Outcome{Status: dispatch.Returned})
		}
		if answers[i].Panic && answers[i].Early {
			panic("script")
		}
		if answers[i].Early && len(b.Deliveries) == 1 {
			return all(out, answers[i].Outcome)
		}
	}
	granted, err := mark(ctx)
	if err != nil {
		return all(out, dispatch.Outcome{Status: dispatch.Stopped})
	}
	for _, a := range answers {
		wait(context.WithoutCancel(ctx), a.Late)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.batch = append(c.batch, len(b.Deliveries))
	for i, d := range b.Deliveries {
		switch {
		case !granted[i]:
			out[i].Status = dispatch.Stopped
			continue
		case answers[i].Panic:
			panic("script")
		}
		out[i] = answers[i].Outcome
		if out[i].Status == dispatch.Sent || answers[i].Takes {
			c.taken[d.Address] = append(c.taken[d.Address], d)
			c.bodies[d.Address] = append(c.bodies[d.Address], string(b.Variant.Data)+" "+d.MessageID)
		}
	}
	return out
}

func (c *Carrier) begin(d dispatch.Handover) Answer {
	n := c.count(d.Address)
	if c.Script == nil {
		return Answer{}
	}
	return c.Script(d.Address, n)
}

func (c *Carrier) count(address string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.begun == nil {
		c.begun, c.taken, c.bodies = map[string]int{}, map[string][]dispatch.Handover{}, map[string][]string{}
	}
	c.begun[address]++
	return c.begun[address]
}

func wait(ctx context.Context, d time.Duration) bool {
	if d == 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

func all(out []dispatch.Outcome, o dispatch.Outcome) []dispatch.Outcome {
	for i := range out {
		out[i] = o
	}
	return out
}

// Taken counts how often the carrier took responsibility, by address.
func (c *Carrier) Taken() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := map[string]int{}
	for a, h := range c.taken {
		out[a] = len(h)
	}
	return out
}

// Begun counts the attempts, by address.
func (c *Carrier) Begun() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := map[string]int{}
	for a, n := range c.begun {
		out[a] = n
	}
	return out
}

// Bodies lists what an address got.
func (c *Carrier) Bodies(address string) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]string(nil), c.bodies[address]...)
}

// Batches lists the sizes of the batches that were handed over.
func (c *Carrier) Batches() []int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]int(nil), c.batch...)
}

// Refuse is an outcome that certainly was not delivered.
func Refuse(scope dispatch.Scope, permanent bool, code int, reply string) dispatch.Outcome {
	return dispatch.Outcome{Status: dispatch.Refused, Code: code, Reply: reply, Failure: dispatch.Failure{
		Scope: scope, Permanent: permanent, Reason: "scripted",
		Suppress: permanent && scope == dispatch.ScopeRecipient,
	}}
}

var _ dispatch.Selective = (*Carrier)(nil)
