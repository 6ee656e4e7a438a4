package main

import (
	"context"
	"slices"
	"time"

	"yizhan/dispatch"
	"yizhan/issue"
	"yizhan/subscribers"
)

// newest is the issue that newcomers can ask for.
type newest struct{ *catalogue }

// latest finds the newest issue that was published and not withdrawn since, and the
// channel; ok is false when there is none, or no such channel.
func (n newest) latest(ctx context.Context, channel string) (l dispatch.Latest, ok bool, err error) {
	at := slices.IndexFunc(n.routes, func(r dispatch.Route) bool { return r.Channel.Name() == channel })
	if at < 0 {
		return l, false, nil
	}
	issued, _, err := n.issued(ctx)
	if err != nil {
		return l, false, err
	}
	for _, one := range issued {
		if one.State == issue.Withdrawn {
			continue
		}
		r, ok, err := n.public(ctx, one.ID)
		return dispatch.Latest{Issue: r.Issue, Revision: r.Revision, Channel: n.routes[at].Channel}, ok, err
	}
	return l, false, nil
}

// Offered implements [subscribers.Latest].
func (n newest) Offered(ctx context.Context, sub subscribers.Subscriber, channel, language string, now time.Time) (string, error) {
	l, ok, err := n.latest(ctx, channel)
	if err != nil || !ok {
		return "", err
	}
	l.Subscriber, l.Now = sub.PublicID, now
	if ok, err = n.ledger.Wanted(ctx, l); err != nil || !ok {
		return "", err
	}
	in := n.digest(l.Issue, l.Revision)
	in.Language = language
	return n.templates.Listed(in).IssueName, nil
}

// Send implements [subscribers.Latest].
func (n newest) Send(ctx context.Context, sub subscribers.Subscriber, channel string, now time.Time) (bool, error) {
	l, ok, err := n.latest(ctx, channel)
	if err != nil || !ok {
		return false, err
	}
	l.Subscriber, l.Now = sub.PublicID, now
	return n.ledger.SendLatest(ctx, l)
}
