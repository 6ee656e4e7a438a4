package main

import (
	"context"
	"fmt"

	"yizhan/dispatch"
	"yizhan/subscribers"
)

// entry is a delivery in the ledger with what belongs to it elsewhere.
type entry struct {
	dispatch.Record
	name  string
	left  bool               // unsubscribed by now, whatever this delivery came to
	tries []dispatch.Attempt // that did not end in sent
}

// words is what the other side said, else what happened instead.
func words(t dispatch.Attempt) string {
	if t.Code == 0 {
		return reasonWord(t.Reason)
	}
	return replyOf(t.Code, t.Reply)
}

func replyOf(code int, reply string) string {
	if code == 0 {
		return reply
	}
	return fmt.Sprintf("%d %s", code, reply)
}

// book is everything that is known about the deliveries of an issue.
type book struct {
	entries []entry
	// outside are the subscribers without a delivery: nobody is forgotten.
	outside []subscribers.Subscriber
}

// book reads the ledger of an issue.
func (i *instance) book(ctx context.Context, issueID string) (book, error) {
	people, err := i.people.List(ctx, subscribers.Filter{})
	if err != nil {
		return book{}, err
	}
	tries, err := i.ledger.Attempts(ctx, issueID)
	if err != nil {
		return book{}, err
	}
	var b book
	has := map[string]bool{}
	byID := make(map[string]subscribers.Subscriber, len(people))
	for _, p := range people {
		byID[p.PublicID] = p
	}
	err = i.ledger.Deliveries(ctx, dispatch.Filter{Issue: issueID}, func(r dispatch.Record) error {
		p := byID[r.Subscriber]
		has[r.Subscriber] = true
		e := entry{Record: r, name: p.Name, tries: tries[r.ID]}
		for _, a := range p.Addresses {
			e.left = e.left || a.Channel == r.Channel && a.State == subscribers.Unsubscribed
		}
		b.entries = append(b.entries, e)
		return nil
	})
	for _, p := range people {
		if !has[p.PublicID] {
			b.outside = append(b.outside, p)
		}
	}
	return b, err
}
