package main

import (
	"strings"
	"testing"

	"yizhan/dispatch/standin"
	"yizhan/subscribers"
)

// TestChat is what a follower sees who comes, looks round, chooses, leaves and comes
// back, by the signed and encrypted calls of the platform.
func TestChat(t *testing.T) {
	w := newAccount(t, 2, standin.WeChatOptions{})
	o := newOffice(t, newSink(t, nil).Addr())
	o.withWeChat(w, "")
	o.ready()
	o.subscribe("wechat", follower(0), follower(1))
	s := o.serve()
	w.Answers(s.public + "/wechat")
	const newcomer = "oNewcomer0001"
	heard := func(reply string, err error) func(want ...string) {
		return func(want ...string) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
			for _, part := range want {
				if !strings.Contains(reply, part) {
					t.Errorf("%q is not in the answer:\n%s", part, reply)
				}
			}
		}
	}
	heard(w.Say(t.Context(), follower(0), "最新"))("还没有出过刊")
	o.do("send", "37", "--wait")
	heard(w.Arrive(t.Context(), newcomer))("欢迎关注", "最新一期：", "https://news.example.org/issues/37", "回复「目录」")
	heard(w.Say(t.Context(), newcomer, "第三十七期目录"))("目录", "\n· ", "全文：")
	heard(w.Tap(t.Context(), newcomer, string(subscribers.VerbLatest)))("/issues/37")
	heard(w.Say(t.Context(), newcomer, "<b>]]>&"))("没有听懂")
	heard(w.Say(t.Context(), newcomer, "暫停三個月"))("已暂停")
	heard(w.Say(t.Context(), newcomer, "退订！"))("已退订")
	if out := o.do("subscribers", "show", newcomer, "--json"); !strings.Contains(out, `"reason": "chat"`) && !strings.Contains(out, `"reason":"chat"`) {
		t.Errorf("after 退订: %s", out)
	}
	// Whoever said so stays away when they follow again, until they say otherwise.
	if err := w.Leave(t.Context(), newcomer); err != nil {
		t.Fatal(err)
	}
	heard(w.Arrive(t.Context(), newcomer))("欢迎回来", "您以前退订过")
	heard(w.Say(t.Context(), newcomer, "Subscribe, please!"))("You are subscribed")
	// One event is answered in the same words and worked on once, however often the
	// platform asks.
	const again = `<CreateTime>1790000000</CreateTime><MsgType>text</MsgType><Content>恢复</Content><MsgId>777</MsgId>`
	heard(w.Say(t.Context(), newcomer, "暂停"))("已暂停")
	for range 3 {
		heard(w.Chat(t.Context(), newcomer, again))("已恢复，新刊出来会发给您。")
	}
	s.stop()
	for _, text := range []string{"暫停三個月", newcomer} {
		if strings.Contains(s.log.String(), text) {
			t.Errorf("the log shows %s", text)
		}
	}
}
