package standin

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// The kinds of messages that go to one person.
const (
	KindCustom = "custom" // a customer-service message
	KindOnce   = "once"   // a one-time subscription message
)

// opening is what a follower did, after which they may be sent customer-service
// messages.
type opening struct {
	until time.Time
	left  int
}

// opens notes that a follower has done something: after a message 5 may be sent within
// 48 hours, after a button, a scan or following 3 within a minute (page of
// customer-service messages, read 2026-11).
func (w *WeChat) opens(openid, event string) {
	f := w.followers[openid]
	if f == nil {
		return
	}
	switch event {
	case "": // a message
		f.openings = []opening{{w.now().Add(48 * time.Hour), 5}}
	case "CLICK", "SCAN", "subscribe":
		f.openings = append(f.openings, opening{w.now().Add(time.Minute), 3})
	}
}

func (w *WeChat) customSend(r *request) *refusal {
	var in struct {
		ToUser string `json:"touser"`
		Type   string `json:"msgtype"`
		Text   struct {
			Content string `json:"content"`
		} `json:"text"`
		News struct {
			Articles []struct {
				Title string `json:"title"`
				Text  string `json:"description"`
				URL   string `json:"url"`
			} `json:"articles"`
		} `json:"news"`
	}
	if refused := r.read(&in); refused != nil {
		return refused
	}
	m := WeChatMessage{OpenID: in.ToUser, Kind: KindCustom, At: w.now()}
	switch in.Type {
	case "text":
		if m.Text = in.Text.Content; m.Text == "" {
			return refuse(44004, "empty content")
		}
	case "news":
		if len(in.News.Articles) != 1 {
			return refuse(45008, "article size out of limit")
		}
		one := in.News.Articles[0]
		if m.Title, m.Text, m.URL = one.Title, one.Text, one.URL; m.Title == "" {
			return refuse(44003, "empty news data")
		}
		if !strings.HasPrefix(m.URL, "http") {
			return refuse(41039, "invalid content_source_url")
		}
	default: // mpnews is of the time before drafts
		return refuse(40008, "invalid message type")
	}
	f := w.followers[in.ToUser]
	switch {
	case f == nil:
		return refuse(40003, "invalid openid")
	case !f.following:
		return refuse(45015, "response out of time limit or subscription is canceled")
	case f.blocked:
		return refuse(48002, "user refuse to accept the msg")
	}
	f.openings = slices.DeleteFunc(f.openings, func(o opening) bool { return !w.now().Before(o.until) })
	if len(f.openings) == 0 {
		return refuse(45015, "response out of time limit or subscription is canceled")
	}
	i := slices.IndexFunc(f.openings, func(o opening) bool { return o.left > 0 })
	if i < 0 {
		return refuse(45047, "out of response count limit")
	}
	f.openings[i].left--
	w.messages = append(w.messages, m)
	r.answer = ok()
	return nil
}

// consent is that somebody agreed to one message.
type consent struct {
	openid string
	scene  int
}

// Consent lets somebody who reads in WeChat open the URL that asks for a consent, and
// agree or not. It gives the URL that they are sent back to. They need not follow the
// account.
func (w *WeChat) Consent(openid, ask string, agree bool) (back string, err error) {
	u, err := url.Parse(ask)
	if err != nil {
		return "", err
	}
	q := u.Query()
	scene, err := strconv.Atoi(q.Get("scene"))
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case err != nil || scene < 0 || scene > 10_000:
		return "", refuse(40097, "invalid scene "+q.Get("scene"))
	case q.Get("action") != "get_confirm" || u.Fragment != "wechat_redirect":
		return "", refuse(40097, "invalid action")
	case q.Get("appid") != w.options.AppID:
		return "", refuse(40013, "invalid appid")
	case w.options.Once == "" || q.Get("template_id") != w.options.Once:
		return "", refuse(40037, "invalid template_id")
	case w.options.Unverified:
		return "", refuse(48001, "api unauthorized")
	}
	to, err := url.Parse(q.Get("redirect_url"))
	if err != nil {
		return "", err
	}
	answer := to.Query()
	answer.Set("template_id", w.options.Once)
	answer.Set("scene", strconv.Itoa(scene))
	answer.Set("reserved", q.Get("reserved"))
	answer.Set("action", "cancel")
	if agree {
		w.consents[consent{openid, scene}] = true
		answer.Set("action", "confirm")
		answer.Set("openid", openid)
	}
	to.RawQuery = answer.Encode()
	return to.String(), nil
}

// onceSend uses a consent up.
func (w *WeChat) onceSend(r *request) *refusal {
	var in struct {
		ToUser     string `json:"touser"`
		TemplateID string `json:"template_id"`
		URL        string `json:"url"`
		Scene      string `json:"scene"`
		Title      string `json:"title"`
		Data       struct {
			Content struct {
				Value string `json:"value"`
			} `json:"content"`
		} `json:"data"`
	}
	if refused := r.read(&in); refused != nil {
		return refused
	}
	scene, err := strconv.Atoi(in.Scene)
	text := in.Data.Content.Value
	switch {
	case err != nil || scene < 0 || scene > 10_000:
		return refuse(40097, "invalid args")
	case in.TemplateID == "" || in.TemplateID != w.options.Once:
		return refuse(40037, "invalid template_id")
	case in.Title == "" || utf8.RuneCountInString(in.Title) > 15:
		return refuse(47003, "argument invalid! title")
	case text == "" || utf8.RuneCountInString(text) > 200:
		return refuse(47003, "argument invalid! data.content.value")
	case !w.consents[consent{in.ToUser, scene}]:
		return refuse(43101, "user refuse to accept the msg")
	}
	delete(w.consents, consent{in.ToUser, scene})
	w.messages = append(w.messages, WeChatMessage{OpenID: in.ToUser, Kind: KindOnce, Title: in.Title, Text: text, URL: in.URL, At: w.now()})
	r.answer = ok()
	return nil
}
