package wechat

import (
	"context"
	"net/url"
	"strconv"
	"strings"

	"yizhan/dispatch"
	"yizhan/issue"
	"yizhan/templates"
)

const (
	remindPath = "/cgi-bin/message/template/subscribe"
	// consentURL is where WeChat asks whether somebody agrees to one message (page of
	// one-time subscription messages, read 2026-11).
	consentURL = "https://mp.weixin.qq.com/mp/subscribemsg"

	// What such a message may have (the same page).
	maxRemindTitle = 15
	maxRemindText  = 200
	maxIssueScene  = 10_000
)

// reminder is a one-time subscription message, for whoever agreed to it under its
// scene.
type reminder struct {
	Template string `json:"template"`
	Scene    int    `json:"scene"`
	Title    string `json:"title"`
	Text     string `json:"text"`
	URL      string `json:"url"`
}

// Reminds implements [dispatch.Reminding].
func (c *Channel) Reminds() bool { return c.options.Remind != "" }

// newReminder makes the message about an issue that is out.
func (c *Channel) newReminder(r dispatch.Reminder, i issue.Issue, a templates.Article) reminder {
	title, text := "第"+i.ID+"期出刊了", "《"+i.Title+"》"
	if r.Language == "en" {
		title, text = "Issue "+i.ID, i.Title+": "
	}
	text += newCard(i, a).Text
	return reminder{Template: c.options.Remind, Scene: r.Scene, Title: cutRunes(oneLine(title), maxRemindTitle), Text: cutRunes(oneLine(text), maxRemindText), URL: a.SourceURL}
}

// remind sends one person the message that they agreed to. They need not follow the
// account.
func (h *handover) remind(ctx context.Context, r reminder, mark dispatch.MarkFunc) []dispatch.Outcome {
	return h.single(ctx, mark, remindPath, func(openid string) any {
		return map[string]any{
			"touser": openid, "template_id": r.Template, "scene": strconv.Itoa(r.Scene), "title": r.Title, "url": r.URL,
			"data": map[string]any{"content": map[string]string{"value": r.Text}},
		}
	})
}

// AskConsent is the URL that asks whoever reads in WeChat whether they agree to one
// message under a scene, and sends them back to a page of ours. state comes back too:
// up to 128 letters and digits.
func (c *Channel) AskConsent(back string, scene int, state string) string {
	q := url.Values{
		"action": {"get_confirm"}, "appid": {c.api.appID}, "scene": {strconv.Itoa(scene)}, "template_id": {c.options.Remind},
		"redirect_url": {back}, "reserved": {state},
	}
	return consentURL + "?" + q.Encode() + "#wechat_redirect"
}

// Consent is what somebody comes back with from [Channel.AskConsent].
type Consent struct {
	OpenID string
	Scene  int
	Agreed bool
	State  string
}

// Consent reads the parameters of a page that somebody comes back to; ok is false when
// they are not what the platform sends for our template. It cannot tell whether
// anybody made them up: a consent that was never given is refused when it is used.
func (c *Channel) Consent(q url.Values) (got Consent, ok bool) {
	scene, err := strconv.Atoi(q.Get("scene"))
	if err != nil || scene < 1 || scene > maxIssueScene || q.Get("template_id") != c.options.Remind || !c.Reminds() {
		return Consent{}, false
	}
	got = Consent{OpenID: q.Get("openid"), Scene: scene, State: q.Get("reserved")}
	switch q.Get("action") {
	case "confirm":
		got.Agreed = true
		return got, strings.TrimSpace(got.OpenID) != ""
	case "cancel":
		return got, true
	}
	return Consent{}, false
}

var _ dispatch.Reminding = (*Channel)(nil)
