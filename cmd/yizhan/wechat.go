package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"yizhan/config"
	"yizhan/dispatch"
	"yizhan/dispatch/email"
	"yizhan/dispatch/wechat"
	"yizhan/issue"
	"yizhan/subscribers"
)

// followers keeps the subscribers in step with who follows the account.
type followers struct {
	desk   *subscribers.Desk
	ledger *dispatch.Ledger
}

// Follow implements [wechat.People]: following is subscribing, unless somebody
// has unsubscribed in another way.
func (f followers) Follow(ctx context.Context, openid string, now time.Time) error {
	_, err := f.follow(ctx, openid, "wechat", now)
	return err
}

// follow reports whether anything changed.
func (f followers) follow(ctx context.Context, openid, source string, now time.Time) (changed bool, err error) {
	a, err := subscribers.ParseAddress(subscribers.WeChat, openid)
	if err != nil {
		return false, err
	}
	sub, err := f.desk.Get(ctx, a.Value)
	if errors.Is(err, subscribers.ErrNotFound) {
		_, err = f.desk.Add(ctx, subscribers.Entry{
			Addresses: []subscribers.Address{a}, State: subscribers.Active, Consent: subscribers.Consent{At: now, Source: source},
		}, now)
		if errors.Is(err, subscribers.ErrSuppressed) || errors.Is(err, subscribers.ErrUnsubscribed) || errors.Is(err, subscribers.ErrTaken) {
			return false, nil
		}
		return err == nil, err
	}
	if err != nil {
		return false, err
	}
	before := sub.UpdatedAt
	if sub, err = f.desk.Return(ctx, a, now); err != nil {
		return false, err
	}
	return sub.UpdatedAt.After(before), nil
}

// Unfollow implements [wechat.People]: nothing more is sent, and the openid is
// forgotten, as the platform wants it (developers' rules, read 2026-11).
func (f followers) Unfollow(ctx context.Context, openid string, now time.Time) error {
	a, err := subscribers.ParseAddress(subscribers.WeChat, openid)
	if err != nil {
		return nil // nobody is called so
	}
	// Also who is in no list may have asked to be reminded, or had before they came.
	if _, err := f.desk.Unremind(ctx, a); err != nil {
		return err
	}
	if err := f.ledger.Forget(ctx, subscribers.WeChat, f.desk.Hash(a), now); err != nil {
		return err
	}
	sub, err := f.desk.Depart(ctx, a, now)
	if errors.Is(err, subscribers.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return f.ledger.Depart(ctx, sub.ID, subscribers.WeChat, now)
}

// Heard implements [wechat.People]: what waits for them is sent now.
func (f followers) Heard(ctx context.Context, openid string, until, now time.Time) error {
	sub, err := f.desk.Get(ctx, openid)
	if errors.Is(err, subscribers.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return f.ledger.Heard(ctx, subscribers.WeChat, sub.ID, until, now)
}

func onWeChat(sub subscribers.Subscriber) *subscribers.ChannelAddress {
	i := slices.IndexFunc(sub.Addresses, func(a subscribers.ChannelAddress) bool { return a.Channel == subscribers.WeChat })
	if i < 0 {
		return nil
	}
	return &sub.Addresses[i]
}

// weChat gives the WeChat channel, or says that it is off.
func (i *instance) weChat() (*wechat.Channel, error) {
	route, err := i.route(wechat.Name)
	if err != nil {
		return nil, err
	}
	ch, ok := route.Channel.(*wechat.Channel)
	if !ok {
		return nil, fmt.Errorf("channel %s is a %T", wechat.Name, route.Channel)
	}
	return ch, nil
}

// instead gives the channels by which those get an issue who have left another.
func (i *instance) instead() (map[string]dispatch.Channel, error) {
	if !i.config.Channels.WeChat.On() || i.config.Channels.WeChat.Fallback != config.FallbackEmail {
		return nil, nil
	}
	route, err := i.route(email.Name)
	return map[string]dispatch.Channel{wechat.Name: route.Channel}, err
}

// receiver works on what WeChat tells; nil when the channel is off.
func (i *instance) receiver() (*wechat.Receiver, error) {
	if !i.config.Channels.WeChat.On() || i.opener(wechat.Name) < 0 {
		return nil, nil
	}
	ch, err := i.weChat()
	if err != nil {
		return nil, err
	}
	o := wechat.ReceiverOptions{Channel: ch, Books: i.ledger, People: followers{i.desk, i.ledger}, Logger: i.log}
	if o.Responder, err = i.responder(); err != nil {
		return nil, err
	}
	return wechat.NewReceiver(o)
}

// callback is where WeChat sends its events; nil when there is none.
func (i *instance) callback() (http.Handler, error) {
	c := i.config.Channels.WeChat
	if !c.On() || !c.Token.IsSet() {
		return nil, nil
	}
	r, err := i.responder()
	if err != nil {
		return nil, err
	}
	return wechat.NewCallback(wechat.CallbackOptions{
		AppID: c.AppID, Token: c.Token.Reveal(), AESKey: c.AESKey.Reveal(), Keeper: i.ledger, Responder: r, Logger: i.log,
	})
}

// subscribersSyncWeChatCmd brings the subscribers in step with the followers.
type subscribersSyncWeChatCmd struct{}

// synced counts what a sync did.
type synced struct {
	Followers int `json:"followers"`
	Added     int `json:"added"` // or come back
	Gone      int `json:"gone"`  // who do not follow any more
}

// Run implements the command.
func (s *subscribersSyncWeChatCmd) Run(ctx context.Context, c *call) error {
	i, err := c.open(ctx, nil)
	if err != nil {
		return err
	}
	defer i.close()
	if !i.config.Channels.WeChat.On() {
		return weChatOff()
	}
	ch, err := i.weChat()
	if err != nil {
		return err
	}
	result, err := i.syncFollowers(ctx, ch, time.Now())
	if err != nil {
		return weChatProblem(ch, err)
	}
	if done, err := c.answer(result); done {
		return err
	}
	c.printf("关注者 %d 人：新增或恢复 %d，取消关注 %d", result.Followers, result.Added, result.Gone)
	return nil
}

// syncFollowers adds who follows, and marks who does not any more. It may be
// broken off and repeated at any place.
func (i *instance) syncFollowers(ctx context.Context, ch *wechat.Channel, now time.Time) (synced, error) {
	var out synced
	follow := map[string]bool{}
	err := ch.Followers(ctx, func(openids []string) error {
		for _, openid := range openids {
			follow[openid] = true
			changed, err := followers{i.desk, i.ledger}.follow(ctx, openid, "sync-wechat", now)
			if err != nil {
				return err
			}
			if changed {
				out.Added++
			}
		}
		return nil
	})
	if err != nil {
		return out, err
	}
	out.Followers = len(follow)
	subs, err := i.people.List(ctx, subscribers.Filter{})
	if err != nil {
		return out, err
	}
	var missing []string
	for _, sub := range subs {
		if on := onWeChat(sub); on != nil && on.State == subscribers.Active && !follow[on.Value] {
			missing = append(missing, on.Value)
		}
	}
	gone, err := ch.Gone(ctx, missing)
	if err != nil {
		return out, err
	}
	for _, openid := range gone {
		if err := (followers{i.desk, i.ledger}).Unfollow(ctx, openid, now); err != nil {
			return out, err
		}
		out.Gone++
	}
	return out, nil
}

// weChatProblem says an error of the platform in words that help.
func weChatProblem(ch *wechat.Channel, err error) error {
	reason := ch.Reason(err)
	if reason == "" {
		return err
	}
	text := "公众平台不肯：" + reasonWord(reason)
	if reason == "platform-away" || reason == "platform-unreadable" {
		text = reasonWord(reason)
	}
	return problem{Code: "wechat", Text: text, Hint: plain(err.Error()), cause: err}
}

var _ wechat.People = followers{}

// preview shows an issue's article to one follower.
func (s *issueTestCmd) preview(ctx context.Context, c *call, i *instance, r issue.Record, openid string) error {
	to, err := subscribers.ParseAddress(subscribers.WeChat, openid)
	if err != nil {
		return err
	}
	if !i.config.Channels.WeChat.On() {
		return weChatOff()
	}
	ch, err := i.weChat()
	if err != nil {
		return err
	}
	content := dispatch.Content{Kind: dispatch.KindIssue, Issue: r.Issue, Revision: r.Revision, PlannedAt: time.Now()}
	variants, err := ch.Prepare(ctx, content)
	if err != nil {
		return err
	}
	if err := ch.Preview(ctx, variants[0], to.Value); err != nil {
		return weChatProblem(ch, err)
	}
	if done, err := c.answer(struct {
		Issue   string   `json:"issue"`
		To      string   `json:"to"`
		Remarks []string `json:"remarks,omitempty"`
	}{r.ID, "openid:" + to.Value, variants[0].Remarks}); done {
		return err
	}
	for _, one := range variants[0].Remarks {
		c.printf("%s", plain(one))
	}
	c.printf("公众号文章已预览给 %s", to.Value)
	return nil
}

// weChatOff says that there is no official account.
func weChatOff() error {
	return problem{Code: "wechat-off", Text: "还没有设置公众号", Hint: "填 channels.wechat 的 app_id 和 app_secret，见 docs/wechat.md"}
}

// wechatMenuCmd sets the account's menu. With a callback of ours the console's own
// menu is off.
type wechatMenuCmd struct{}

// Run implements the command.
func (s *wechatMenuCmd) Run(ctx context.Context, c *call) error {
	i, err := c.open(ctx, nil)
	if err != nil {
		return err
	}
	defer i.close()
	if !i.config.Channels.WeChat.On() {
		return weChatOff()
	}
	ch, err := i.weChat()
	if err != nil {
		return err
	}
	buttons := menu(i.config.PublicURL, i.chatting(), i.config.Channels.WeChat.Account == config.AccountService, i.reminding())
	if err := ch.SetMenu(ctx, buttons); err != nil {
		return weChatProblem(ch, err)
	}
	if done, err := c.answer(map[string]any{"buttons": len(buttons)}); done {
		return err
	}
	var names []string
	for _, b := range buttons {
		names = append(names, b.Name)
	}
	c.printf("菜单已设置：%s。关注者最迟一天以后看到", joined(names))
	return nil
}
