package config

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const wechatFile = `public_url: https://news.example.org
secret: 0123456789abcdef0123456789abcdef
channels:
  email: {from: news@example.org, smtp: {address: "mail.example.org:587"}}
  wechat: `

func TestWeChat(t *testing.T) {
	load := func(section string) (WeChat, error) {
		c, err := Load(write(t, wechatFile+section+"\n"), func(name string) string { return map[string]string{"WX": "a secret"}[name] })
		if err != nil {
			return WeChat{}, err
		}
		return c.Channels.WeChat, nil
	}
	const key = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
	for section, change := range map[string]func(*WeChat){
		"{}":                             func(*WeChat) {},
		"{account: service, mode: mass}": func(*WeChat) {},
		"{app_id: wx1234567890abcdef, app_secret: \"${WX}\"}": func(w *WeChat) {
			w.AppID, w.AppSecret = "wx1234567890abcdef", NewSecret("a secret")
		},
		"{app_id: wx1234567890abcdef, app_secret: s, account: subscription, to: all, token: tok, aes_key: " + key + ", api_url: \"http://127.0.0.1:99\", retry: [1s], give_up: 1h}": func(w *WeChat) {
			w.AppID, w.AppSecret, w.Account, w.To = "wx1234567890abcdef", NewSecret("s"), AccountSubscription, ToAll
			w.Token, w.AESKey, w.APIURL = NewSecret("tok"), NewSecret(key), "http://127.0.0.1:99"
			w.Retry, w.GiveUp = []time.Duration{time.Second}, time.Hour
		},
		"{app_id: wx1234567890abcdef, app_secret: s, mode: template, rate: 5/s, template: {id: T, fields: {thing1: title, time2: date}}}": func(w *WeChat) {
			w.AppID, w.AppSecret, w.Mode, w.Rate = "wx1234567890abcdef", NewSecret("s"), ModeTemplate, 5
			w.Template = WeChatTemplate{ID: "T", Fields: map[string]string{"thing1": "title", "time2": "date"}}
		},
		"{app_id: wx1234567890abcdef, app_secret: s, fallback: email, drafts: run}": func(w *WeChat) {
			w.AppID, w.AppSecret, w.Fallback, w.Drafts = "wx1234567890abcdef", NewSecret("s"), FallbackEmail, DraftPerRun
		},
		"{app_id: wx1234567890abcdef, app_secret: s, account: subscription, remind: aB3_-x}": func(w *WeChat) {
			w.AppID, w.AppSecret, w.Account, w.Remind = "wx1234567890abcdef", NewSecret("s"), AccountSubscription, "aB3_-x"
		},
		"{app_id: wx1234567890abcdef, app_secret: s, account: subscription, tag: 期刊}": func(w *WeChat) {
			w.AppID, w.AppSecret, w.Account, w.Tag = "wx1234567890abcdef", NewSecret("s"), AccountSubscription, "期刊"
		},
	} {
		want := defaultWeChat()
		change(&want)
		got, err := load(section)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v\n%s", section, err, diff)
		}
		if got.On() != (want.AppID != "") {
			t.Errorf("%s: on is %v", section, got.On())
		}
	}
	const app = "app_id: wx1234567890abcdef, app_secret: s"
	for section, want := range map[string]string{
		"{app_id: wx1234567890abcdef}":                                               "app_secret: 必须填写",
		"{app_secret: s}":                                                            "app_id: 必须填写",
		"{app_id: gh_1, app_secret: s}":                                              "app_id: 看不懂",
		"{" + app + ", token: tok}":                                                  "token 和 aes_key 要一起填",
		"{" + app + ", aes_key: " + key + "}":                                        "token 和 aes_key 要一起填",
		"{" + app + ", token: t, aes_key: " + key + "}":                              "Token 是 3 到 32",
		"{" + app + ", token: tok, aes_key: hidden-value}":                           "EncodingAESKey 是 43",
		"{" + app + ", account: personal}":                                           "account: 看不懂",
		"{" + app + ", fallback: sms}":                                               "fallback: 看不懂",
		"{" + app + ", remind: X Y}":                                                 "remind: 看不懂",
		"{" + app + ", drafts: two}":                                                 "drafts: 看不懂",
		"{" + app + ", mode: letter}":                                                "mode: 看不懂",
		"{" + app + ", mode: template}":                                              "要写明模板",
		"{" + app + ", mode: template, account: subscription}":                       "订阅号没有模板消息",
		"{" + app + ", template: {id: T, fields: {thing1: title}}}":                  "template 不起作用",
		"{" + app + ", mode: template, template: {id: T, fields: {thing1: colour}}}": "thing1: 看不懂",
		"{" + app + ", mode: template, template: {id: T, fields: {\"1\": title}}}":   "1: 看不懂",
		"{" + app + ", to: all}":                                                     "服务号按订户名单发",
		"{" + app + ", tag: x}":                                                      "只有订阅号",
		"{" + app + ", api_url: \"ftp://x\"}":                                        "不是一个网站地址",
		"{" + app + ", colour: red}":                                                 "没有这个配置项",
	} {
		_, err := load(section)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hidden-value") {
			t.Errorf("%s: %v\nwant %s", section, err, want)
		}
	}
}

func TestWeChatFindings(t *testing.T) {
	for section, want := range map[string]string{
		"{app_id: wx1234567890abcdef, app_secret: s}":                                                             "no-callback",
		"{app_id: wx1234567890abcdef, app_secret: s, api_url: \"http://proxy.example.org\"}":                      "not-https",
		"{app_id: wx1234567890abcdef, app_secret: s, mode: template, template: {id: T, fields: {thing1: title}}}": "template-policy",
	} {
		c, err := Load(write(t, wechatFile+section+"\n"), func(string) string { return "" })
		if err != nil {
			t.Fatal(err)
		}
		var codes []string
		for _, f := range c.Check() {
			codes = append(codes, f.Code)
		}
		if !strings.Contains(strings.Join(codes, " "), want) {
			t.Errorf("%s: findings %v, want %s", section, codes, want)
		}
	}
}
