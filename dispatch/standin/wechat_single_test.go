package standin

import (
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// clock is a time that a test moves on.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) time() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// TestCustomMessages: five within 48 hours after a message, three within a minute after
// a button, none to who has done nothing, left or blocked the account.
func TestCustomMessages(t *testing.T) {
	now := &clock{now: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)}
	w := startWeChat(t, WeChatOptions{Followers: openids(3), Now: now.time})
	c := newClient(t, w)
	one := openids(3)[0]
	send := func(to string) int {
		t.Helper()
		return code(c.post("/cgi-bin/message/custom/send", map[string]any{"touser": to, "msgtype": "text", "text": map[string]string{"content": "您好"}}))
	}
	want := func(when string, got int, code int) {
		t.Helper()
		if got != code {
			t.Errorf("%s: %d, want %d", when, got, code)
		}
	}
	want("before a word", send(one), 45015)
	_, _ = w.Tap(t.Context(), one, "help") // nobody listens; it counts all the same
	for range 3 {
		want("after a button", send(one), 0)
	}
	want("a fourth", send(one), 45047)
	now.pass(time.Minute)
	want("a minute later", send(one), 45015)
	_, _ = w.Say(t.Context(), one, "在吗")
	now.pass(47 * time.Hour)
	c = newClient(t, w) // the token has not lived so long
	for range 5 {
		want("within 48 hours", send(one), 0)
	}
	want("a sixth", send(one), 45047)
	_, _ = w.Say(t.Context(), one, "再来")
	now.pass(48 * time.Hour)
	c = newClient(t, w)
	want("too late", send(one), 45015)
	_, _ = w.Say(t.Context(), one, "又来")
	w.Block(one)
	want("blocked", send(one), 48002)
	w.Unfollow(one)
	want("left", send(one), 45015)
	want("nobody", send("oNobody"), 40003)
	if got := len(w.Messages()); got != 3+5+3 { // with the three words
		t.Errorf("%d messages", got)
	}
	for name, bad := range map[string]struct {
		in   map[string]any
		code int
	}{
		"of the time before drafts": {map[string]any{"touser": one, "msgtype": "mpnews", "mpnews": map[string]string{"media_id": "x"}}, 40008},
		"two cards":                 {map[string]any{"touser": one, "msgtype": "news", "news": map[string]any{"articles": []map[string]string{{"title": "一"}, {"title": "二"}}}}, 45008},
		"no title":                  {map[string]any{"touser": one, "msgtype": "news", "news": map[string]any{"articles": []map[string]string{{"url": "https://a.example"}}}}, 44003},
		"no address":                {map[string]any{"touser": one, "msgtype": "news", "news": map[string]any{"articles": []map[string]string{{"title": "一", "url": "javascript:x"}}}}, 41039},
		"nothing said":              {map[string]any{"touser": one, "msgtype": "text"}, 44004},
	} {
		want(name, code(c.post("/cgi-bin/message/custom/send", bad.in)), bad.code)
	}
	unverified := startWeChat(t, WeChatOptions{Followers: openids(1), Unverified: true})
	want("an unverified account", code(newClient(t, unverified).post("/cgi-bin/message/custom/send", map[string]any{"touser": one})), 48001)
}

// TestOneTimeMessages: a consent is asked for by the account's own template, and used
// once, under its scene.
func TestOneTimeMessages(t *testing.T) {
	for _, subscription := range []bool{false, true} {
		w := startWeChat(t, WeChatOptions{Subscription: subscription, Once: "T1"})
		c := newClient(t, w)
		const who = "oStranger"
		ask := func(change func(url.Values)) (string, error) {
			q := url.Values{
				"action": {"get_confirm"}, "appid": {"wx1234567890abcdef"}, "scene": {"143"}, "template_id": {"T1"},
				"redirect_url": {"https://news.example.org/back"}, "reserved": {"S"},
			}
			change(q)
			return w.Consent(who, "https://mp.weixin.qq.com/mp/subscribemsg?"+q.Encode()+"#wechat_redirect", true)
		}
		for name, change := range map[string]func(url.Values){
			"another account":  func(q url.Values) { q.Set("appid", "wx0") },
			"another template": func(q url.Values) { q.Set("template_id", "T2") },
			"scene too high":   func(q url.Values) { q.Set("scene", "10001") },
			"no scene":         func(q url.Values) { q.Del("scene") },
			"another action":   func(q url.Values) { q.Del("action") },
		} {
			if back, err := ask(change); err == nil {
				t.Errorf("%s: sent back to %s", name, back)
			}
		}
		send := func(change func(map[string]any)) int {
			in := map[string]any{
				"touser": who, "template_id": "T1", "scene": "143", "title": "第143期", "url": "https://news.example.org/issues/143",
				"data": map[string]any{"content": map[string]string{"value": "出刊了"}},
			}
			change(in)
			return code(c.post("/cgi-bin/message/template/subscribe", in))
		}
		same := func(map[string]any) {}
		if got := send(same); got != 43101 {
			t.Errorf("without a consent: %d", got)
		}
		if back, err := ask(func(url.Values) {}); err != nil || !strings.Contains(back, "openid="+who) || !strings.Contains(back, "reserved=S") {
			t.Errorf("sent back to %s, %v", back, err)
		}
		for name, bad := range map[string]struct {
			change func(map[string]any)
			code   int
		}{
			"another scene":    {func(in map[string]any) { in["scene"] = "144" }, 43101},
			"another person":   {func(in map[string]any) { in["touser"] = "oOther" }, 43101},
			"another template": {func(in map[string]any) { in["template_id"] = "T2" }, 40037},
			"a long title":     {func(in map[string]any) { in["title"] = strings.Repeat("期", 16) }, 47003},
			"a long text": {func(in map[string]any) {
				in["data"] = map[string]any{"content": map[string]string{"value": strings.Repeat("期", 201)}}
			}, 47003},
		} {
			if got := send(bad.change); got != bad.code {
				t.Errorf("%s: %d, want %d", name, got, bad.code)
			}
		}
		if got := send(same); got != 0 {
			t.Errorf("with a consent: %d", got)
		}
		if got := send(same); got != 43101 {
			t.Errorf("a second time: %d", got)
		}
		if m := w.Messages(); len(m) != 1 || m[0].Kind != KindOnce || m[0].OpenID != who || m[0].Title != "第143期" {
			t.Errorf("messages %+v", m)
		}
	}
}
