package standin

import (
	"context"
	"encoding/xml"
	"fmt"
	"strings"
)

// KindSaid is the kind of a message that a follower wrote.
const KindSaid = "said"

// Answers sets where events go, and what followers say.
func (w *WeChat) Answers(callback string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.options.Callback = callback
}

// Say lets a follower write a text, and returns what they are answered.
func (w *WeChat) Say(ctx context.Context, openid, text string) (reply string, err error) {
	w.mu.Lock()
	id, created := w.next(), w.created(openid)
	w.messages = append(w.messages, WeChatMessage{OpenID: openid, Kind: KindSaid, Text: text, At: w.now()})
	w.opens(openid, "")
	w.mu.Unlock()
	return w.Chat(ctx, openid, fmt.Sprintf(`<CreateTime>%d</CreateTime><MsgType><![CDATA[text]]></MsgType><Content>%s</Content><MsgId>%d</MsgId>`,
		created, escape(text), id))
}

// Tap lets a follower tap the button of the menu that has a key.
func (w *WeChat) Tap(ctx context.Context, openid, key string) (reply string, err error) {
	return w.happen(ctx, openid, "CLICK", key)
}

// Scan lets somebody scan a code with a scene; who does not follow the account does
// from then on.
func (w *WeChat) Scan(ctx context.Context, openid, scene string) (reply string, err error) {
	if w.Follows(openid) {
		return w.happen(ctx, openid, "SCAN", scene)
	}
	w.Follow(openid)
	return w.happen(ctx, openid, "subscribe", "qrscene_"+scene)
}

// Arrive lets somebody follow the account, and returns the welcome.
func (w *WeChat) Arrive(ctx context.Context, openid string) (reply string, err error) {
	w.Follow(openid)
	return w.happen(ctx, openid, "subscribe", "")
}

// Leave lets a follower leave the account.
func (w *WeChat) Leave(ctx context.Context, openid string) error {
	w.Unfollow(openid)
	_, err := w.happen(ctx, openid, "unsubscribe", "")
	return err
}

func (w *WeChat) happen(ctx context.Context, openid, event, key string) (reply string, err error) {
	w.mu.Lock()
	created := w.created(openid)
	w.opens(openid, event)
	w.mu.Unlock()
	return w.Chat(ctx, openid, fmt.Sprintf(`<CreateTime>%d</CreateTime><MsgType><![CDATA[event]]></MsgType><Event><![CDATA[%s]]></Event><EventKey>%s</EventKey>`,
		created, event, escape(key)))
}

// created is the second of what a follower does: no person does two things in one,
// and an event is known by it.
func (w *WeChat) created(openid string) int64 {
	f := w.followers[openid]
	if f == nil {
		return w.now().Unix()
	}
	f.last = max(w.now().Unix(), f.last+1)
	return f.last
}

func escape(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // a builder takes everything
	return b.String()
}

func (w *WeChat) callback() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.options.Callback
}
