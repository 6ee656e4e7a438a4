package wechat

import (
	"context"
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"yizhan/dispatch"
	"yizhan/dispatch/dispatchtest"
	"yizhan/dispatch/standin"
	"yizhan/issue"
)

const onceTemplate = "ONCE1"

// openSingle is an account whose followers can be reminded, and a channel for it.
func openSingle(t testing.TB, k kind) (*Channel, *standin.WeChat, *script) {
	t.Helper()
	s := newScript()
	w := startStandin(t, 2, standin.WeChatOptions{Subscription: k.account == Subscription, Templates: []string{"T1"}, Once: onceTemplate, Script: s.fault})
	change := k.change
	k.change = func(o *Options) { change(o); o.Remind = onceTemplate }
	return newChannel(t, k, newAPI(t, w.URL(), nil)), w, s
}

// single is a batch of one follower.
func single(t testing.TB, c *Channel, content dispatch.Content, openid string) dispatch.Batch {
	t.Helper()
	is := dispatchtest.Issue("142")
	content.Issue, content.Revision, content.PlannedAt = is, issue.Revision{N: 1, Hash: is.Hash()}, time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	v, err := c.Prepare(context.Background(), content)
	if err != nil {
		t.Fatal(err)
	}
	if len(v) != 1 || !v[0].Single {
		t.Fatalf("%d variants, single %v", len(v), v[0].Single)
	}
	return dispatch.Batch{Run: 1, Variant: v[0], Deliveries: []dispatch.Handover{{Delivery: 1, Address: openid, Attempt: 1}}}
}

func onDemand() dispatch.Content { return dispatch.Content{Kind: dispatch.KindIssue, OnDemand: true} }

func reminding(scene int) dispatch.Content {
	return dispatch.Content{Kind: dispatch.KindReminder, Reminders: []dispatch.Reminder{{Scene: scene, Language: "zh-CN"}}}
}

// TestCard: an issue goes again to one follower who has spoken of late, as a card with
// its headline and a link, whatever the account's way to send to all; five times at
// most, and to nobody who has not spoken.
func TestCard(t *testing.T) {
	for _, k := range kinds() {
		t.Run(k.name, func(t *testing.T) {
			c, w, _ := openSingle(t, k)
			b := single(t, c, onDemand(), openid(0))
			refused := func(code int) {
				t.Helper()
				out := c.Deliver(t.Context(), b, granting(1))
				if o := out[0]; o.Status != dispatch.Refused || !o.Failure.Await || o.Failure.Scope != dispatch.ScopeRecipient || o.Code != code {
					t.Errorf("%+v", o)
				}
			}
			refused(45015)
			w.Answers("http://127.0.0.1:1/") // nobody hears it; it counts all the same
			_, _ = w.Say(t.Context(), openid(0), "你好")
			for range 5 {
				if out := c.Deliver(t.Context(), b, granting(1)); out[0].Status != dispatch.Sent {
					t.Errorf("%+v", out[0])
				}
			}
			refused(45047)
			got := w.Messages()
			m := got[len(got)-1]
			if m.Kind != standin.KindCustom || m.OpenID != openid(0) || m.Title == "" || m.Text == "" || m.URL != "https://news.example.org/issues/142" {
				t.Errorf("%+v", m)
			}
			if out := c.Deliver(t.Context(), b, granting(1, 0)); out[0].Status != dispatch.Stopped || w.Calls(customPath) != 7 {
				t.Errorf("without a mark: %+v after %d calls", out[0], w.Calls(customPath))
			}
		})
	}
}

// TestSingleAnswers: what the platform answers, and whether it may be sent again.
func TestSingleAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		fault  standin.WeChatFault
		status dispatch.Status
		scope  dispatch.Scope
		final  bool
	}{
		"lost":         {standin.WeChatFault{Lose: true}, dispatch.Lost, dispatch.ScopeAccount, false},
		"never came":   {standin.WeChatFault{Drop: true}, dispatch.Lost, dispatch.ScopeAccount, false},
		"unreadable":   {standin.WeChatFault{Status: 502, Body: "<html>"}, dispatch.Lost, dispatch.ScopeAccount, false},
		"busy":         {standin.WeChatFault{Code: -1, Text: "system error"}, dispatch.Refused, dispatch.ScopeAccount, false},
		"unfollowed":   {standin.WeChatFault{Code: 43004, Text: "require subscribe"}, dispatch.Refused, dispatch.ScopeRecipient, true},
		"used":         {standin.WeChatFault{Code: 43101, Text: "user refuse"}, dispatch.Refused, dispatch.ScopeRecipient, true},
		"no right":     {standin.WeChatFault{Code: 48001, Text: "api unauthorized"}, dispatch.Refused, dispatch.ScopeContent, true},
		"token gone":   {standin.WeChatFault{Code: 40001, Text: "invalid credential"}, dispatch.Sent, "", false},
		"account gone": {standin.WeChatFault{Code: 50002, Text: "user limited"}, dispatch.Refused, dispatch.ScopeAccount, false},
	} {
		for path, content := range map[string]dispatch.Content{customPath: onDemand(), remindPath: reminding(142)} {
			t.Run(name+path, func(t *testing.T) {
				ch, w, s := openSingle(t, kinds()[0])
				w.Answers("http://127.0.0.1:1/")
				_, _ = w.Say(t.Context(), openid(0), "你好")
				if _, err := w.Consent(openid(0), ch.AskConsent("https://news.example.org/wechat/remind", 142, "s"), true); err != nil {
					t.Fatal(err)
				}
				s.next(path, c.fault)
				b := single(t, ch, content, openid(0))
				marks := 0
				out := ch.Deliver(t.Context(), b, func(ctx context.Context) ([]bool, error) {
					marks++
					return granting(1)(ctx)
				})[0]
				if out.Status != c.status || out.Failure.Scope != c.scope || out.Failure.Permanent != c.final || out.Failure.Suppress || marks != 1 {
					t.Errorf("%+v after %d marks", out, marks)
				}
			})
		}
	}
}

// TestReminder: a consent is good for one message, under its scene, in the account's
// limits, to people who follow nobody, too; without one there is none.
func TestReminder(t *testing.T) {
	for _, k := range kinds() {
		t.Run(k.name, func(t *testing.T) {
			c, w, _ := openSingle(t, k)
			const stranger = "oStranger00001"
			ask := c.AskConsent("https://news.example.org/wechat/remind?x=1", 142, "STATE")
			back, err := w.Consent(stranger, ask, true)
			if err != nil {
				t.Fatal(err)
			}
			u, err := url.Parse(back)
			if err != nil {
				t.Fatal(err)
			}
			if got, ok := c.Consent(u.Query()); !ok || got != (Consent{OpenID: stranger, Scene: 142, Agreed: true, State: "STATE"}) || u.Path != "/wechat/remind" || u.Query().Get("x") != "1" {
				t.Errorf("%+v %v from %s", got, ok, back)
			}
			b := single(t, c, reminding(142), stranger)
			if out := c.Deliver(t.Context(), b, granting(1)); out[0].Status != dispatch.Sent {
				t.Fatalf("%+v", out[0])
			}
			m := w.Messages()[0]
			if m.Kind != standin.KindOnce || m.OpenID != stranger || m.Title != "第142期出刊了" || !strings.HasPrefix(m.Text, "《") || m.URL != "https://news.example.org/issues/142" {
				t.Errorf("%+v", m)
			}
			for _, other := range []dispatch.Batch{b, single(t, c, reminding(143), stranger), single(t, c, reminding(142), openid(0))} {
				if out := c.Deliver(t.Context(), other, granting(1)); out[0].Status != dispatch.Refused || out[0].Code != 43101 || !out[0].Failure.Permanent {
					t.Errorf("without a consent: %+v", out[0])
				}
			}
			if len(w.Messages()) != 1 {
				t.Errorf("%d messages", len(w.Messages()))
			}
		})
	}
}

// Long names fit, in both languages.
func TestReminderFits(t *testing.T) {
	c, _, _ := openSingle(t, kinds()[0])
	is := dispatchtest.Issue("142")
	is.ID, is.Title = "2026-1234567890123", strings.Repeat("很长的刊名 ", 60)
	for _, language := range []string{"zh-CN", "en"} {
		v, err := c.Prepare(t.Context(), dispatch.Content{
			Kind: dispatch.KindReminder, Issue: is, Revision: issue.Revision{N: 1, Hash: is.Hash()}, Reminders: []dispatch.Reminder{{Scene: 7, Language: language}, {Scene: 8, Language: language}},
		})
		if err != nil || len(v) != 2 || v[0].Key != "7/"+language {
			t.Fatalf("%v, %v", v, err)
		}
		var f frozen
		if err := json.Unmarshal(v[0].Data, &f); err != nil {
			t.Fatal(err)
		}
		if n := utf8.RuneCountInString(f.Reminder.Title); n > maxRemindTitle {
			t.Errorf("a title of %d characters", n)
		}
		if n := utf8.RuneCountInString(f.Reminder.Text); n > maxRemindText || f.Reminder.Scene != 7 {
			t.Errorf("a text of %d characters under scene %d", n, f.Reminder.Scene)
		}
	}
}

// TestConsent: what comes back is taken only in the platform's form.
func TestConsent(t *testing.T) {
	c, _, _ := openSingle(t, kinds()[0])
	good := url.Values{"openid": {"oA"}, "template_id": {onceTemplate}, "action": {"confirm"}, "scene": {"142"}, "reserved": {"S"}}
	for name, change := range map[string]func(url.Values){
		"another template": func(q url.Values) { q.Set("template_id", "X") },
		"no template":      func(q url.Values) { q.Del("template_id") },
		"no scene":         func(q url.Values) { q.Del("scene") },
		"scene too high":   func(q url.Values) { q.Set("scene", "10001") },
		"scene below":      func(q url.Values) { q.Set("scene", "0") },
		"no number":        func(q url.Values) { q.Set("scene", "1e3") },
		"no openid":        func(q url.Values) { q.Set("openid", " ") },
		"another word":     func(q url.Values) { q.Set("action", "confirm ") },
	} {
		q := url.Values{}
		for key, v := range good {
			q[key] = v
		}
		change(q)
		if got, ok := c.Consent(q); ok {
			t.Errorf("%s: %+v", name, got)
		}
	}
	good.Set("action", "cancel")
	good.Del("openid")
	if got, ok := c.Consent(good); !ok || got.Agreed || got.State != "S" {
		t.Errorf("a refusal: %+v %v", got, ok)
	}
	mute, _, _ := openAccount(t, kinds()[0], 0)
	if mute.Reminds() {
		t.Error("without a template it reminds")
	}
	if got, ok := mute.Consent(url.Values{"openid": {"oA"}, "template_id": {""}, "action": {"confirm"}, "scene": {"1"}}); ok {
		t.Errorf("without a template: %+v", got)
	}
}
