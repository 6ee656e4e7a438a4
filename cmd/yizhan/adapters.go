package main

import (
	"context"
	"strings"
	"time"

	"yizhan/dispatch"
	"yizhan/dispatch/email"
	"yizhan/subscribers"
	"yizhan/templates"
)

// channelLinks are the links of one channel's readers.
type channelLinks struct {
	links   *subscribers.Links
	people  *subscribers.Store
	channel string
}

func (l channelLinks) Unsubscribe(publicID string) string {
	return l.links.Unsubscribe(publicID, l.channel)
}

func (l channelLinks) Placeholder() string {
	return l.links.Placeholder(subscribers.ToUnsubscribe, l.channel)
}

// Reader implements [email.Links].
func (l channelLinks) Reader(d dispatch.Handover) string {
	return l.links.Sign(subscribers.Token{Purpose: subscribers.ToRead, ID: d.Subscriber, Channel: l.channel, Epoch: d.LinkEpoch})
}

// ReaderPlaceholder implements [email.Links].
func (l channelLinks) ReaderPlaceholder() string {
	_, token, _ := strings.Cut(l.links.Placeholder(subscribers.ToRead, l.channel), "?t=")
	return token
}

// Letter implements [email.Links]. A link to confirm a new address names the move
// to it.
func (l channelLinks) Letter(kind string, d dispatch.Handover, expires time.Time) string {
	purpose, _ := subscribers.LetterLink(kind)
	id := d.Subscriber
	if purpose == subscribers.ToMove {
		to, err := subscribers.ParseAddress(l.channel, d.Address)
		if err != nil {
			return "" // such an address was never planned; the channel refuses an empty link
		}
		id = l.people.MoveID(d.Subscriber, to)
	}
	return l.links.URL(subscribers.Token{Purpose: purpose, ID: id, Channel: l.channel, Epoch: d.LinkEpoch, Expires: expires})
}

// LetterPlaceholder implements [email.Links].
func (l channelLinks) LetterPlaceholder(kind string, planned time.Time) (link string, expires time.Time) {
	purpose, valid := subscribers.LetterLink(kind)
	if purpose == "" {
		return "", time.Time{}
	}
	return l.links.Placeholder(purpose, l.channel), planned.Add(valid)
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
