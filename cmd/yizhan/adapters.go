package main

import (
	"context"
	"time"

	"yizhan/dispatch"
	"yizhan/dispatch/email"
	"yizhan/subscribers"
	"yizhan/templates"
)

// channelLinks are the unsubscribe links of one channel.
type channelLinks struct {
	links   *subscribers.Links
	channel string
}

func (l channelLinks) Unsubscribe(publicID string) string {
	return l.links.Unsubscribe(publicID, l.channel)
}

func (l channelLinks) Placeholder() string {
	return l.links.Placeholder(subscribers.ToUnsubscribe, l.channel)
}

// suppressor lets the dispatcher put dead addresses on the suppression list.
type suppressor struct{ people *subscribers.Store }

func (s suppressor) Suppress(ctx context.Context, channel, address, reason, detail string, now time.Time) error {
	a, err := subscribers.ParseAddress(channel, address)
	if err != nil {
		return err
	}
	_, err = s.people.Suppress(ctx, a, reason, detail, now)
	return err
}

var (
	_ email.Links          = channelLinks{}
	_ email.Renderer       = (*templates.Set)(nil)
	_ dispatch.Suppressor  = suppressor{}
	_ subscribers.Renderer = (*templates.Set)(nil)
)
