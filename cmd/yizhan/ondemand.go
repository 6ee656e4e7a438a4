package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"yizhan/dispatch"
	"yizhan/dispatch/email"
	"yizhan/dispatch/wechat"
	"yizhan/issue"
	"yizhan/subscribers"
)

// way is how an issue comes again to one follower of the account, whom nothing can be
// sent to but for a while after they did something.
type way string

const (
	wayNow   way = "now"          // in the chat, at once
	wayEmail way = "email"        // to the address that is bound
	wayLater way = "next-message" // in the chat, when they do something
	wayGone  way = "gone"         // to the address: they take nothing in the chat any more
)

// way chooses it, with the channel for it; the channels stay as they are for whom it
// does not concern. Who asks for a channel gets that.
func (s *resendCmd) way(ctx context.Context, i *instance, r dispatch.Resend, is issue.Issue, person subscribers.Subscriber, names []string) (way, []string, error) {
	if s.To == "" || !slices.Contains(names, wechat.Name) {
		return "", names, nil
	}
	on := onWeChat(person)
	if on == nil || on.State != subscribers.Active && len(s.Channel) > 0 {
		return "", names, nil
	}
	// A mail goes to them now: those with an address whose list allows it.
	mail, mailed := false, slices.Contains(i.channelNames(), email.Name)
	if mailed {
		some, err := i.selected(ctx, r, is, email.Name)
		if err != nil {
			return "", nil, err
		}
		mail = len(some) > 0 && some[0].Blocked == ""
	}
	if _, err := subscribers.ParseAddress(subscribers.Email, s.To); err == nil && mailed && len(s.Channel) == 0 {
		return "", []string{email.Name}, nil // they were named by it
	}
	if on.State != subscribers.Active {
		if !mail {
			return "", names, nil
		}
		return wayGone, []string{email.Name}, nil
	}
	until, err := i.ledger.Conversation(ctx, wechat.Name, person.ID, time.Now())
	switch {
	case err != nil:
		return "", nil, err
	case !until.IsZero():
		if len(s.Channel) == 0 {
			names = []string{wechat.Name}
		}
		return wayNow, names, nil
	case len(s.Channel) == 0 && mail:
		return wayEmail, []string{email.Name}, nil
	case len(s.Channel) == 0:
		names = []string{wechat.Name}
	}
	return wayLater, names, nil
}

// text says a way.
func (w way) text(to string) string {
	switch w {
	case wayNow:
		return fmt.Sprintf("%s 最近在公众号里说过话：现在用客服消息发", to)
	case wayEmail:
		return fmt.Sprintf("%s 这两天没有在公众号里说过话：改寄到绑定的邮箱", to)
	case wayGone:
		return fmt.Sprintf("%s 不再在公众号里接收：改寄到绑定的邮箱", to)
	case wayLater:
		return fmt.Sprintf("%s 这两天没有在公众号里说过话：等下一次说话或者点菜单时发", to)
	}
	return ""
}

// awaited reports whether all that is left of a run waits for its recipients to do
// something.
func awaited(r dispatch.RunStatus) bool {
	var n int64
	for _, w := range r.Waiting {
		if w.Reason == dispatch.ReasonAwaits {
			n += w.Count
		}
	}
	return n > 0 && n == r.Total().Open()
}
