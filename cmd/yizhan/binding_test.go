package main

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"yizhan/dispatch/standin"
)

// TestBinding makes one subscriber of a reader by mail and a follower, both of whom
// have the issue: by the QR code of the page and a word in the chat.
func TestBinding(t *testing.T) {
	w := newAccount(t, 2, standin.WeChatOptions{})
	sink := newSink(t, nil)
	o := newOffice(t, sink.Addr())
	o.withWeChat(w, "")
	o.ready()
	o.subscribe("email", "chen@example.org")
	o.subscribe("wechat", follower(0), follower(1))
	s := o.serve()
	w.Answers(s.public + "/wechat")
	o.do("send", "37", "--wait")

	// The reader asks for their page by mail.
	form := []string{"Content-Type", "application/x-www-form-urlencoded"}
	fetch(t, http.MethodPost, s.public+"/manage/link", "email=chen%40example.org", form...)
	link := ""
	until(t, func() bool {
		for _, m := range sink.Messages() {
			if plain, _, err := bodies(m.Raw); err == nil {
				if found := regexp.MustCompile(`/manage\?t=\S+`).FindString(plain); found != "" {
					link = s.public + found
				}
			}
		}
		return link != ""
	})
	_, page := fetch(t, http.MethodPost, link, "do=bind", form...)
	if !strings.Contains(page, `src="data:image/png;base64,iVBOR`) || !regexp.MustCompile(`<p class="code">[0-9A-Z]{4}-[0-9A-Z]{4}</p>`).MatchString(page) || len(w.Scenes()) != 1 {
		t.Fatalf("scenes %v, page:\n%s", w.Scenes(), page)
	}
	reply, err := w.Scan(t.Context(), follower(1), w.Scenes()[0])
	if err != nil || !strings.Contains(reply, "要把这个微信和 c***@example.org 的订阅合为一份吗") {
		t.Fatalf("%s, %v", reply, err)
	}
	if reply, err = w.Say(t.Context(), follower(1), "确认"); err != nil || !strings.Contains(reply, "已和 c***@example.org 绑定") {
		t.Fatalf("%s, %v", reply, err)
	}
	if _, page := fetch(t, http.MethodGet, link, ""); !strings.Contains(page, "解除绑定") {
		t.Errorf("the page does not know of the binding:\n%s", page)
	}
	// The address is told, with a way to undo it.
	until(t, func() bool {
		return slices.ContainsFunc(sink.Messages(), func(m standin.Message) bool {
			plain, _, err := bodies(m.Raw)
			return err == nil && m.To == "chen@example.org" && strings.Contains(plain, "不是我，去解除绑定") && strings.Contains(plain, "/manage?t=")
		})
	})
	// Who has the issue has it, in whichever record.
	var again struct{ Count int }
	for _, scope := range []string{"new", "unsent"} {
		if o.asked(&again, "resend", "37", "--scope", scope, "--dry-run"); again.Count != 0 {
			t.Errorf("%d would get it again as %s", again.Count, scope)
		}
	}
	if got := records(t, o.do("deliveries", "37", "--json")); len(got) != 3 {
		t.Errorf("%d deliveries", len(got))
	}
	s.stop()
}

// TestVisit goes from WeChat's browser to the page of one's own subscription.
func TestVisit(t *testing.T) {
	w := newAccount(t, 2, standin.WeChatOptions{})
	o := newOffice(t, newSink(t, nil).Addr())
	o.withWeChat(w, "")
	o.ready()
	o.subscribe("wechat", follower(0))
	s := o.serve()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	get := func(query string, cookies ...*http.Cookie) *http.Response {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.public+visitPath+query, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range cookies {
			r.AddCookie(c)
		}
		answer, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		return answer
	}
	answer := get("")
	to, err := answer.Location()
	if err != nil || answer.StatusCode != http.StatusFound || to.Host != "open.weixin.qq.com" || to.Fragment != "wechat_redirect" || len(answer.Cookies()) != 1 {
		t.Fatalf("%s to %v, %v", answer.Status, to, err)
	}
	q := to.Query()
	if q.Get("appid") != wxAppID || q.Get("scope") != "snsapi_base" || q.Get("redirect_uri") != "https://news.example.org"+visitPath || len(q.Get("state")) > 128 {
		t.Errorf("to %v", to)
	}
	cookie := answer.Cookies()[0]
	if !cookie.HttpOnly || !cookie.Secure || cookie.SameSite != http.SameSiteLaxMode {
		t.Errorf("cookie %v", cookie)
	}
	back := func(code string) string { return "?" + url.Values{"code": {code}, "state": {cookie.Value}}.Encode() }
	code := w.Visit(follower(0), false)
	if answer := get(back(code)); answer.StatusCode != http.StatusForbidden {
		t.Errorf("in another browser: %s", answer.Status)
	}
	if answer := get(back(code), &http.Cookie{Name: visitCookie, Value: "other"}); answer.StatusCode != http.StatusForbidden {
		t.Errorf("with another state: %s", answer.Status)
	}
	answer = get(back(code), cookie)
	if to, err = answer.Location(); err != nil || answer.StatusCode != http.StatusSeeOther || to.Path != "/manage" {
		t.Fatalf("%s to %v, %v", answer.Status, to, err)
	}
	if _, page := fetch(t, http.MethodGet, s.public+to.RequestURI(), ""); !strings.Contains(page, "微信 oFol***") {
		t.Errorf("the page:\n%s", page)
	}
	for name, c := range map[string]struct {
		code   string
		status int
	}{
		"used":       {code, http.StatusForbidden},
		"made up":    {"0123456789", http.StatusForbidden},
		"injected":   {"x&grant_type=y", http.StatusForbidden},
		"snapshot":   {w.Visit(follower(0), true), http.StatusForbidden},
		"a stranger": {w.Visit(follower(1), false), http.StatusGone},
	} {
		if answer := get(back(c.code), cookie); answer.StatusCode != c.status || answer.Header.Get("Location") != "" {
			t.Errorf("%s: %s", name, answer.Status)
		}
	}
	s.stop()
	if strings.Contains(s.log.String(), wxSecret) {
		t.Error("the log shows the secret")
	}
}
