package config

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// WeChat is the section channels.wechat. The channel is off while the file has no
// app_id.
type WeChat struct {
	Account   WeChatAccount
	AppID     string // the account, as its console names it
	AppSecret Secret // that goes with AppID
	Token     Secret // of the callback; unset: no callback
	AESKey    Secret // of the callback; set when Token is
	APIURL    string // of the platform, or of a proxy on the way to it
	Mode      WeChatMode
	To        WeChatTo
	Tag       string         // of the subscribers in a subscription account; "" for the channel's own
	Fallback  WeChatFallback // for those who have stopped following
	Drafts    WeChatDrafts   // of how many drafts the batches of a mass send are made
	Template  WeChatTemplate
	Remind    string          // template of one-time subscription messages; "": nobody is reminded
	Rate      Rate            // of template messages
	Retry     []time.Duration // waits between attempts; the last repeats
	GiveUp    time.Duration   // after the first attempt; waiting for a quota does not count
}

// On reports whether the channel is configured.
func (w WeChat) On() bool { return w.AppID != "" }

// WeChatAccount is the kind of an official account.
type WeChatAccount string

// AccountService is a 服务号, AccountSubscription a 订阅号.
const (
	AccountService      WeChatAccount = "service"
	AccountSubscription WeChatAccount = "subscription"
)

// WeChatMode is how issues are sent.
type WeChatMode string

// ModeMass sends an article, ModeTemplate a template message that links to the
// issue's page.
const (
	ModeMass     WeChatMode = "mass"
	ModeTemplate WeChatMode = "template"
)

// WeChatTo says whom a subscription account's article goes to.
type WeChatTo string

// ToTag is the subscribers, ToAll every follower.
const (
	ToTag WeChatTo = "tag"
	ToAll WeChatTo = "all"
)

// WeChatFallback says what is done for those who have stopped following.
type WeChatFallback string

// FallbackNone leaves them out, FallbackEmail mails to those with an address.
const (
	FallbackNone  WeChatFallback = "none"
	FallbackEmail WeChatFallback = "email"
)

// WeChatDrafts says how many drafts a mass send is made of. Nobody has documented
// whether a draft can be sent twice.
type WeChatDrafts string

// DraftPerBatch is a fresh one for each batch, DraftPerRun one for all of a run.
const (
	DraftPerBatch WeChatDrafts = "batch"
	DraftPerRun   WeChatDrafts = "run"
)

// WeChatTemplate is the template of mode template.
type WeChatTemplate struct {
	ID     string            // in the account's console
	Fields map[string]string // of the template: what of the issue it holds
}

func defaultWeChat() WeChat {
	return WeChat{
		Account: AccountService, APIURL: "https://api.weixin.qq.com", Mode: ModeMass, To: ToTag, Fallback: FallbackNone, Drafts: DraftPerBatch, Rate: 20,
		Retry:  []time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour},
		GiveUp: 48 * time.Hour,
	}
}

// The platform's forms (its console, read 2026-11): an app id is wx and 16
// hexadecimal digits, a callback's token 3 to 32 letters and digits, its key 43
// characters of base64.
var (
	appIDForm = regexp.MustCompile(`^wx[0-9a-f]{16}$`)
	tokenForm = regexp.MustCompile(`^[A-Za-z0-9]{3,32}$`)
	fieldForm = regexp.MustCompile(`^[a-z_]+[0-9]{1,2}$`)
	// No page says what a template's id looks like; all have been letters, digits, - and _.
	templateForm = regexp.MustCompile(`^[A-Za-z0-9_-]{1,128}$`)
)

const aesKeyLength = 43

// wechat reads the section into w.
func (t *table) wechat(w *WeChat) {
	choice(t, "account", &w.Account, AccountService, AccountSubscription)
	t.text("app_id", &w.AppID)
	t.secret("app_secret", &w.AppSecret)
	t.secret("token", &w.Token)
	t.secret("aes_key", &w.AESKey)
	t.origin("api_url", &w.APIURL)
	choice(t, "mode", &w.Mode, ModeMass, ModeTemplate)
	choice(t, "to", &w.To, ToTag, ToAll)
	t.text("tag", &w.Tag)
	choice(t, "fallback", &w.Fallback, FallbackNone, FallbackEmail)
	choice(t, "drafts", &w.Drafts, DraftPerBatch, DraftPerRun)
	t.child("template").template(&w.Template)
	t.text("remind", &w.Remind)
	t.rate("rate", &w.Rate)
	t.durations("retry", &w.Retry, minRetry, maxGiveUp)
	t.duration("give_up", &w.GiveUp, minRetry, maxGiveUp)
	t.done()
	// The sample has these two although the channel is off.
	if !slices.ContainsFunc(t.keys, func(key string) bool { return key != "account" && key != "mode" && !isEmpty(t.values[key]) }) {
		return
	}
	t.require("app_id", "公众号后台的 AppID，以 wx 开头")
	t.require("app_secret", "公众号后台的 AppSecret，最好写成 ${WX_SECRET} 或 file:文件名")
	if w.AppID != "" && !appIDForm.MatchString(w.AppID) {
		t.wrong("app_id", w.AppID, "wx1234567890abcdef")
	}
	if w.Remind != "" && !templateForm.MatchString(w.Remind) {
		t.wrong("remind", w.Remind, "后台“一次性订阅消息”里的模板 ID，字母和数字")
	}
	t.callback(w)
	t.sending(w)
}

// callback checks what the callback needs. The values are secrets and not shown.
func (t *table) callback(w *WeChat) {
	if w.Token.IsSet() != w.AESKey.IsSet() {
		t.fail("token", "missing", "token 和 aes_key 要一起填", "都在公众号后台的“服务器配置”里；消息加解密方式选安全模式")
		return
	}
	if !w.Token.IsSet() {
		return
	}
	if !tokenForm.MatchString(w.Token.Reveal()) {
		t.fail("token", "bad-value", "Token 是 3 到 32 个字母和数字", "和公众号后台“服务器配置”里的一样")
	}
	key, err := base64.StdEncoding.DecodeString(w.AESKey.Reveal() + "=")
	if err != nil || len(key) != 32 || len(w.AESKey.Reveal()) != aesKeyLength {
		t.fail("aes_key", "bad-value", "EncodingAESKey 是 43 个字母和数字", "和公众号后台“服务器配置”里的一样")
	}
}

// sending checks what cannot go together.
func (t *table) sending(w *WeChat) {
	switch {
	case w.Mode == ModeTemplate && w.Account == AccountSubscription:
		t.fail("mode", "conflict", "订阅号没有模板消息", "改成 mass，或者用服务号")
	case w.Mode == ModeTemplate && (w.Template.ID == "" || len(w.Template.Fields) == 0):
		t.fail("template", "missing", "mode 是 template 时，要写明模板", `例如：{id: 模板ID, fields: {thing1: title, thing2: headline}}`)
	case w.Mode == ModeMass && w.Template.ID != "":
		t.fail("template", "conflict", "mode 是 mass 时，template 不起作用", "删掉 template，或者改 mode")
	}
	if w.To == ToAll && (w.Account != AccountSubscription || w.Mode != ModeMass) {
		t.fail("to", "conflict", "服务号按订户名单发，to: all 只用于订阅号的群发", "删掉 to")
	}
	if w.Tag != "" && (w.Account != AccountSubscription || w.To == ToAll) {
		t.fail("tag", "conflict", "只有订阅号按标签群发时才用标签", "删掉 tag")
	}
}

// templateFields are what a template's field can hold of an issue.
func templateFields() []string { return []string{"title", "issue", "headline", "publisher", "date"} }

// template reads {id: …, fields: {thing1: title}}.
func (t *table) template(m *WeChatTemplate) {
	t.text("id", &m.ID)
	fields := t.child("fields")
	for _, key := range fields.keys {
		what := ""
		fields.text(key, &what)
		switch {
		case !fieldForm.MatchString(key):
			fields.wrong(key, key, "thing1")
		case !slices.Contains(templateFields(), what):
			fields.wrong(key, what, strings.Join(templateFields(), "、"))
		default:
			if m.Fields == nil {
				m.Fields = map[string]string{}
			}
			m.Fields[key] = what
		}
	}
	fields.done()
	t.done()
}

// checkWeChat looks for what is allowed but unwise.
func (c *Config) checkWeChat(add addFunc) {
	w := c.Channels.WeChat
	if !w.On() {
		return
	}
	if !w.Token.IsSet() {
		add("channels.wechat", "no-callback", "没有填 token 和 aes_key，收不到公众号的事件：群发的结果要去问，退订要靠名单同步", "在公众号后台设好“服务器配置”，再填这两项")
	}
	if strings.HasPrefix(w.APIURL, "http://") && !isLoopback(hostOf(w.APIURL)) {
		add("channels.wechat.api_url", "not-https", "AppSecret 和 access_token 会以明文经过网络", "改成 https://")
	}
	if w.Mode == ModeTemplate {
		add("channels.wechat.mode", "template-policy", "平台只许把模板消息发给主动要求提醒的人，发期刊可能被限制", fmt.Sprintf("能用 %s 就用 %s", ModeMass, ModeMass))
	}
}

func hostOf(origin string) string {
	_, host, _ := strings.Cut(origin, "://")
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		host = host[:i]
	}
	return strings.Trim(host, "[]")
}
