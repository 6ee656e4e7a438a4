package main

import (
	"context"
	"strings"
	"time"

	"yizhan/dispatch/wechat"
	"yizhan/subscribers"
)

// responder answers followers in the chat of the account.
type responder struct {
	followers followers
	chat      *subscribers.Conversation
}

// followedByScene is what the platform puts before the scene of a code by whose scan
// somebody came to follow (page of events, read 2026-11).
const followedByScene = "qrscene_"

// Respond implements [wechat.Responder].
func (r responder) Respond(ctx context.Context, e wechat.Event) (string, error) {
	from, err := subscribers.ParseWeChat(e.From)
	if err != nil {
		return "", nil // no follower is called so
	}
	now := time.Now()
	said := subscribers.Said{From: from, Text: e.Text}
	switch e.Event {
	case wechat.EventFollow:
		// The welcome says what following has come to.
		if err := r.followers.Follow(ctx, e.From, now); err != nil {
			return "", err
		}
		said.Followed, said.Scene = true, strings.TrimPrefix(e.Key, followedByScene)
	case wechat.EventScan:
		said.Scene = e.Key
	case wechat.EventClick:
		said.Key = e.Key
	}
	return r.chat.Answer(ctx, said, now)
}

// responder gives what answers followers.
func (i *instance) responder() (responder, error) {
	chat, err := i.conversation()
	return responder{followers{i.desk, i.ledger}, chat}, err
}

// conversation gives the one that there is.
func (i *instance) conversation() (*subscribers.Conversation, error) {
	if i.chat != nil {
		return i.chat, nil
	}
	o := subscribers.ConversationOptions{
		Desk: i.desk, Links: i.links, Library: library{i.catalogue},
		Title: i.config.Title, PublicURL: i.config.PublicURL, Zone: i.config.Timezone, Log: i.log,
	}
	if i.reminding() {
		o.Remind = i.config.PublicURL + remindPath
	}
	var err error
	i.chat, err = subscribers.NewConversation(o)
	return i.chat, err
}

// menu is the account's. Its buttons say in the chat what their keys say; where the
// platform tells who a visitor is, one opens the page of their subscription; where
// people can be reminded, one asks for that.
func menu(publicURL string, answers, visits, reminds bool) []wechat.Button {
	issues := wechat.Button{Name: "往期", URL: publicURL + "/issues"}
	if !answers { // nobody would hear what a button says
		return []wechat.Button{{Name: "最新一期", URL: publicURL + "/"}, issues}
	}
	me := wechat.Button{Name: "我的订阅", URL: publicURL + visitPath}
	if !visits {
		me = wechat.Button{Name: "我的订阅", Key: string(subscribers.VerbMe)}
	}
	key := func(name string, v subscribers.Verb) wechat.Button { return wechat.Button{Name: name, Key: string(v)} }
	read := []wechat.Button{key("最新一期", subscribers.VerbLatest), key("本期目录", subscribers.VerbContents), issues}
	if reminds {
		read = append(read, wechat.Button{Name: "下期提醒我", URL: publicURL + remindPath})
	}
	return []wechat.Button{
		{Name: "看刊", Buttons: read},
		{Name: "订阅", Buttons: []wechat.Button{
			me, key("选择栏目", subscribers.VerbSections), key("绑定邮箱", subscribers.VerbBind), key("订阅", subscribers.VerbSubscribe),
		}},
		key("帮助", subscribers.VerbHelp),
	}
}

var _ wechat.Responder = responder{}
