package main

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"yizhan/dispatch"
	"yizhan/dispatch/standin"
)

// messages counts what one person got of a kind.
func messages(w *standin.WeChat, openid, kind string) (n int) {
	for _, m := range w.Messages() {
		if m.OpenID == openid && m.Kind == kind {
			n++
		}
	}
	return n
}

// TestOnDemand sends an issue again to followers, one at a time: at once to whom has
// spoken of late, by email to whom has not and has an address, else when they speak. The
// command says which beforehand, and the ledger afterwards.
func TestOnDemand(t *testing.T) {
	for name, more := range map[string]string{"service": "", "subscription": ", account: subscription"} {
		t.Run(name, func(t *testing.T) {
			w := newAccount(t, 4, standin.WeChatOptions{Subscription: more != ""})
			sink := newSink(t, nil)
			o := newOffice(t, sink.Addr())
			o.withWeChat(w, more)
			o.ready()
			o.people("email,wechat\n," + follower(0) + "\nchen@example.org," + follower(1) + "\n," + follower(2) + "\n," + follower(3) + "\n")
			s := o.serve()
			w.Answers(s.public + "/wechat")
			first := []string{"send", "37", "--wait"}
			if more != "" {
				first = append(first, "--channel", "wechat") // a bound address gets it all the same
			}
			o.do(first...)

			way := func(who string, more ...string) string {
				t.Helper()
				var got struct {
					Count int
					Way   string
				}
				o.asked(&got, append([]string{"resend", "37", "--scope", "one", "--to", who, "--dry-run"}, more...)...)
				if got.Count != 1 {
					t.Errorf("%s: %d deliveries", who, got.Count)
				}
				return got.Way
			}
			resend := func(who string, more ...string) string {
				t.Helper()
				return o.do(append([]string{"resend", "37", "--scope", "one", "--to", who, "--yes", "--wait"}, more...)...)
			}
			custom := func(n int) int { return messages(w, follower(n), standin.KindCustom) }
			db := o.database()
			waiting := func() int {
				return len(rowsOf(t, db.Read, `SELECT id FROM deliveries WHERE state = 'due' AND reason = '`+dispatch.ReasonAwaits+`'`))
			}

			// Outside the 48 hours: it waits for a word, and says so.
			if got := way(follower(0)); got != "next-message" {
				t.Errorf("who has not spoken: %s", got)
			}
			if out := resend(follower(0)); !strings.Contains(out, "等下一次说话") || !strings.Contains(out, "等对方在公众号里说话") {
				t.Errorf("the resend says:\n%s", out)
			}
			if out := o.do("status", "37"); !strings.Contains(out, "对方说话时") || waiting() != 1 || custom(0) != 0 {
				t.Errorf("%d wait, %d came; status:\n%s", waiting(), custom(0), out)
			}
			if out, _, code := o.try("resend", "37", "--scope", "one", "--to", follower(0), "--yes"); code != 0 || !strings.Contains(out, "还没发完") {
				t.Errorf("once more while it waits: exit %d\n%s", code, out)
			}
			// Their next message brings it, after the answer.
			if reply, err := w.Say(t.Context(), follower(0), "在吗"); err != nil || reply == "" {
				t.Fatalf("%q, %v", reply, err)
			}
			until(t, func() bool { return custom(0) == 1 && waiting() == 0 })
			// Inside them: at once.
			if got := way(follower(0)); got != "now" {
				t.Errorf("who has just spoken: %s", got)
			}
			if out := resend(follower(0)); !strings.Contains(out, "客服消息") || custom(0) != 2 {
				t.Errorf("%d came; the resend says:\n%s", custom(0), out)
			}
			// A button opens the window for a minute.
			resend(follower(2))
			if _, err := w.Tap(t.Context(), follower(2), "help"); err != nil {
				t.Fatal(err)
			}
			until(t, func() bool { return custom(2) == 1 })

			// With an address, the mail: once more to one person, in one way.
			if got := way(follower(1)); got != "email" {
				t.Errorf("who has an address: %s", got)
			}
			mails := len(sink.Messages())
			if out := resend(follower(1)); !strings.Contains(out, "绑定的邮箱") || len(sink.Messages()) != mails+1 || custom(1) != 0 {
				t.Errorf("%d mails, %d cards:\n%s", len(sink.Messages())-mails, custom(1), out)
			}
			if got := way("chen@example.org"); got != "" {
				t.Errorf("named by the address: %s", got)
			}
			if got := way(follower(1), "--channel", "wechat"); got != "next-message" {
				t.Errorf("by WeChat all the same: %s", got)
			}
			// Who waits and leaves gets nothing.
			resend(follower(1), "--channel", "wechat")
			resend(follower(3))
			if waiting() != 2 {
				t.Errorf("%d wait, want 2", waiting())
			}
			if _, err := w.Say(t.Context(), follower(1), "退订"); err != nil {
				t.Fatal(err)
			}
			if err := w.Leave(t.Context(), follower(3)); err != nil {
				t.Fatal(err)
			}
			until(t, func() bool { return waiting() == 0 })
			o.finished()
			if got := way(follower(1)); got != "gone" { // from the chat; their mails go on
				t.Errorf("who has left the chat: %s", got)
			}
			if out := o.do("resend", "37", "--scope", "one", "--to", follower(1), "--yes"); !strings.Contains(out, "不再在公众号里接收") || strings.Contains(out, "wechat 0") {
				t.Errorf("the resend says:\n%s", out)
			}
			if out := o.do("resend", "37", "--scope", "one", "--to", follower(1), "--channel", "wechat", "--yes"); !strings.Contains(out, "回复“订阅”") {
				t.Errorf("by WeChat all the same:\n%s", out)
			}
			if out, _, code := o.try("cancel", "37", "--run", "99"); code == exitOK {
				t.Errorf("a run that is not there was cancelled:\n%s", out)
			}
			if custom(1)+custom(3) != 0 {
				t.Errorf("%d and %d came to who left", custom(1), custom(3))
			}
			s.stop()
		})
	}
}

// TestRemindMe: whoever agrees in WeChat, follower or not, is reminded once when the
// next issue is out; a consent that is lost on the way, taken back or made up reminds
// nobody twice, or at all.
func TestRemindMe(t *testing.T) {
	for name, more := range map[string]string{"service": "", "subscription": ", account: subscription"} {
		t.Run(name, func(t *testing.T) {
			const stranger, unlucky = "oStranger0001", "oUnlucky00001"
			w := newAccount(t, 3, standin.WeChatOptions{
				Subscription: more != "", Once: "ONCE1",
				Script: func(c standin.WeChatCall) standin.WeChatFault {
					return standin.WeChatFault{Lose: c.Path == "/cgi-bin/message/template/subscribe" && strings.Contains(string(c.Body), unlucky)}
				},
			})
			o := newOffice(t, newSink(t, nil).Addr())
			o.withWeChat(w, more+", remind: ONCE1")
			o.ready()
			o.subscribe("wechat", follower(0), follower(1), follower(2))
			s := o.serve()
			w.Answers(s.public + "/wechat")
			client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
			get := func(uri string, cookies ...*http.Cookie) (*http.Response, string) {
				t.Helper()
				r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.public+uri, nil)
				if err != nil {
					t.Fatal(err)
				}
				r.Header.Set("User-Agent", "Mozilla/5.0 (Linux; Android 14) MicroMessenger/8.0.50")
				for _, c := range cookies {
					r.AddCookie(c)
				}
				return answered(t, client, r)
			}
			says := func(openid, text, want string) {
				t.Helper()
				if reply, err := w.Say(t.Context(), openid, text); err != nil || !strings.Contains(reply, want) {
					t.Errorf("%q is answered %q, %v; want %q", text, reply, err, want)
				}
			}
			// ask goes to the platform and gives the way back.
			ask := func(openid string, agree bool) (back *url.URL, cookie *http.Cookie) {
				t.Helper()
				answer, _ := get(remindPath)
				to, err := answer.Location()
				if err != nil || answer.StatusCode != http.StatusFound || to.Host != "mp.weixin.qq.com" || len(answer.Cookies()) != 1 {
					t.Fatalf("%s to %v, %v", answer.Status, to, err)
				}
				uri, err := w.Consent(openid, to.String(), agree)
				if err != nil {
					t.Fatal(err)
				}
				if back, err = url.Parse(uri); err != nil {
					t.Fatal(err)
				}
				return back, answer.Cookies()[0]
			}
			// said comes back, and is led to a page that says so.
			said := func(uri string, cookie *http.Cookie, want string) {
				t.Helper()
				answer, _ := get(uri, cookie)
				to, err := answer.Location()
				if err != nil || answer.StatusCode != http.StatusSeeOther || strings.Contains(to.RequestURI(), "openid") {
					t.Fatalf("%s to %v, %v", answer.Status, to, err)
				}
				if answer, page := get(to.RequestURI()); answer.StatusCode != http.StatusOK || !strings.Contains(page, want) {
					t.Errorf("%s\n%s", answer.Status, page)
				}
			}
			agree := func(openid string) {
				t.Helper()
				back, cookie := ask(openid, true)
				said(back.RequestURI(), cookie, "记下了")
			}

			says(follower(0), "下期提醒我", "https://news.example.org"+remindPath)
			if _, page := fetch(t, http.MethodGet, s.public+remindPath, ""); !strings.Contains(page, "请在微信里打开") {
				t.Errorf("outside WeChat:\n%s", page)
			}
			for _, openid := range []string{follower(0), follower(1), stranger, unlucky} {
				agree(openid)
			}
			says(follower(0), "提醒我", "记着呢")
			says(follower(1), "取消提醒", "不提醒了")
			says(follower(1), "取消提醒", "没有要提醒您的")

			// Nobody agrees for another, twice, or without the platform.
			back, _ := ask(follower(2), true)
			if answer, page := get(back.RequestURI()); answer.StatusCode != http.StatusForbidden || !strings.Contains(page, `href="`+remindPath+`">下期提醒我`) {
				t.Errorf("in another browser: %s\n%s", answer.Status, page)
			}
			back, cookie := ask(follower(2), false)
			said(back.RequestURI(), cookie, "没有提醒")
			forged := back.Query()
			forged.Set("action", "confirm")
			forged.Set("openid", "oMadeUp000001")
			said(remindPath+"?"+forged.Encode(), cookie, "记下了")
			forged.Set("scene", "9999")
			if answer, _ := get(remindPath+"?"+forged.Encode(), cookie); answer.StatusCode != http.StatusForbidden {
				t.Errorf("of an issue far ahead: %s", answer.Status)
			}

			o.do("send", "37", "--wait")
			db := o.database()
			states := func() (out []string) {
				for _, r := range rowsOf(t, db.Read, `SELECT address, state, reason FROM deliveries WHERE issue_id = '' ORDER BY address`) {
					out = append(out, r["address"]+" "+r["state"]+" "+r["reason"])
				}
				return out
			}
			want := []string{follower(0) + " sent ", "oMadeUp000001 failed no-consent", stranger + " sent ", unlucky + " unconfirmed lost-reply"}
			slices.Sort(want)
			until(t, func() bool {
				got := states()
				return len(got) == len(want) && !slices.ContainsFunc(got, func(s string) bool { return dispatch.State(strings.Fields(s)[1]).Open() })
			})
			if got := states(); !slices.Equal(got, want) {
				t.Errorf("reminders %q, want %q", got, want)
			}
			for openid, n := range map[string]int{follower(0): 1, follower(1): 0, follower(2): 0, stranger: 1, unlucky: 1} {
				if got := messages(w, openid, standin.KindOnce); got != n {
					t.Errorf("%s was reminded %d times, want %d", openid, got, n)
				}
			}
			if got := w.Calls("/cgi-bin/message/template/subscribe"); got != 4 {
				t.Errorf("%d calls, want one for each", got)
			}
			if out := o.do("status", "37"); !strings.Contains(out, "下期提醒") {
				t.Errorf("status:\n%s", out)
			}
			if got := reached(w); len(got) != 3 {
				t.Errorf("the issue itself reached %v", got)
			}
			says(follower(0), "remind me", "next issue is out")
			if _, page := fetch(t, http.MethodGet, s.public+"/issues/37", ""); !strings.Contains(page, `<a href="`+remindPath+`">下期提醒我`) {
				t.Error("the page of the issue does not offer to remind of the next")
			}
			agree(stranger)
			// Also a stranger's openid is erased, and forgotten when they leave.
			o.do("subscribers", "erase", stranger, "--yes")
			if err := w.Leave(t.Context(), unlucky); err != nil {
				t.Fatal(err)
			}
			until(t, func() bool {
				traces := 0
				everyCell(t, db, func(_, column string, row map[string]string) {
					if strings.Contains(row[column], stranger) || strings.Contains(row[column], unlucky) {
						traces++
					}
				})
				return traces == 0
			})
			s.stop()
			for _, text := range []string{stranger, unlucky} {
				if strings.Contains(s.log.String(), text) {
					t.Errorf("the log shows %s", text)
				}
			}
		})
	}
}
