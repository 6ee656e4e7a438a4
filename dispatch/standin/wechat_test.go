package standin

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

const testAESKey = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"

func startWeChat(t *testing.T, o WeChatOptions) *WeChat {
	t.Helper()
	o.AppID, o.Secret = "wx1234567890abcdef", "a secret"
	w, err := NewWeChat(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return w
}

// client is a caller with a token.
type client struct {
	t *testing.T
	w *WeChat
	// token is the present one.
	token string
}

func newClient(t *testing.T, w *WeChat) *client {
	c := &client{t: t, w: w}
	c.token = c.post("/cgi-bin/stable_token", map[string]any{"grant_type": "client_credential", "appid": "wx1234567890abcdef", "secret": "a secret"})["access_token"].(string)
	return c
}

func (c *client) post(path string, in any) map[string]any {
	c.t.Helper()
	body, _ := json.Marshal(in)
	return c.send(http.MethodPost, path, "application/json", bytes.NewReader(body))
}

func (c *client) send(method, path, kind string, body io.Reader) map[string]any {
	c.t.Helper()
	join := "?"
	if strings.Contains(path, "?") {
		join = "&"
	}
	req, err := http.NewRequestWithContext(c.t.Context(), method, c.w.URL()+path+join+"access_token="+c.token, body)
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header.Set("Content-Type", kind)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return map[string]any{"lost": err}
	}
	defer resp.Body.Close()
	out := map[string]any{}
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil {
		c.t.Fatalf("%s: %v", path, err)
	}
	return out
}

// draft uploads a cover and makes a draft.
func (c *client) draft(content string) (id string, answer map[string]any) {
	c.t.Helper()
	var form bytes.Buffer
	fields := multipart.NewWriter(&form)
	part, _ := fields.CreateFormFile("media", "cover.png")
	_ = png.Encode(part, image.NewGray(image.Rect(0, 0, 9, 4)))
	fields.Close()
	cover := c.send(http.MethodPost, "/cgi-bin/material/add_material?type=image", fields.FormDataContentType(), &form)
	answer = c.post("/cgi-bin/draft/add", map[string]any{"articles": []any{
		map[string]any{"title": "第142期", "content": content, "thumb_media_id": cover["media_id"]},
	}})
	id, _ = answer["media_id"].(string)
	return id, answer
}

func (c *client) mass(to []string, draft, key string) map[string]any {
	return c.post("/cgi-bin/message/mass/send", map[string]any{
		"touser": to, "msgtype": "mpnews", "mpnews": map[string]any{"media_id": draft}, "clientmsgid": key,
	})
}

func code(answer map[string]any) int {
	n, _ := answer["errcode"].(float64)
	return int(n)
}

func openids(n int) (out []string) {
	for i := range n {
		out = append(out, fmt.Sprintf("oFollower%04d", i))
	}
	return out
}

func TestMassSend(t *testing.T) {
	people := openids(5)
	w := startWeChat(t, WeChatOptions{Followers: people})
	c := newClient(t, w)
	w.Unfollow(people[3])
	w.Block(people[4])
	id, _ := c.draft("<section>正文</section>")
	if got := c.mass(people[:1], id, "k0"); code(got) != 40130 {
		t.Errorf("one openid: %v", got)
	}
	first := c.mass(people, id, "k1")
	if code(first) != 0 || len(w.Messages()) != 3 {
		t.Fatalf("%v, %d received it", first, len(w.Messages()))
	}
	again := c.mass(people, id, "k1")
	if code(again) != 45065 || again["msg_id"] != first["msg_id"] || len(w.Messages()) != 3 {
		t.Errorf("the same key: %v, %d received it", again, len(w.Messages()))
	}
	if got := c.mass(people, id, "k2"); code(got) != 40007 {
		t.Errorf("a draft that was sent: %v", got)
	}
	if got := c.mass(people, id, strings.Repeat("k", 33)); code(got) != 45067 {
		t.Errorf("a long key: %v", got)
	}
	if got := c.post("/cgi-bin/message/mass/get", map[string]any{"msg_id": first["msg_id"]}); got["msg_status"] != "SEND_SUCCESS" {
		t.Errorf("state of the job: %v", got)
	}
	if events := w.Events(); len(events) != 1 || !strings.Contains(events[0], "<TotalCount>5</TotalCount><FilterCount>3</FilterCount><SentCount>3</SentCount>") {
		t.Errorf("events %v", events)
	}
}

func TestFourAMonthAndOneADay(t *testing.T) {
	people := openids(2)
	w := startWeChat(t, WeChatOptions{Followers: people})
	c := newClient(t, w)
	for i := range 5 {
		id, _ := c.draft("x")
		if got := c.mass(people, id, fmt.Sprint("k", i)); code(got) != 0 {
			t.Fatal(got)
		}
	}
	if n := len(w.Messages()); n != 8 {
		t.Errorf("%d messages, want 4 for each of 2: the fifth is dropped in silence", n)
	}
	w = startWeChat(t, WeChatOptions{Followers: people, Subscription: true})
	c = newClient(t, w)
	all := func() map[string]any {
		id, _ := c.draft("x")
		return c.post("/cgi-bin/message/mass/sendall", map[string]any{
			"filter": map[string]any{"is_to_all": true}, "msgtype": "mpnews", "mpnews": map[string]any{"media_id": id}, "clientmsgid": id,
		})
	}
	if got := all(); code(got) != 0 {
		t.Fatal(got)
	}
	if got := all(); code(got) != 45028 {
		t.Errorf("the second of the day: %v", got)
	}
	if got := c.mass(people, "x", "k"); code(got) != 48001 {
		t.Errorf("openids from a subscription account: %v", got)
	}
}

func TestArticleAsReadersSeeIt(t *testing.T) {
	c := newClient(t, startWeChat(t, WeChatOptions{}))
	id, _ := c.draft(`<section id="a" class="b" style="color:red" onclick="x()"><style>p{}</style><!-- c -->` +
		`<a href="https://example.org/">外</a><a href="https://mp.weixin.qq.com/s/1">内</a><img src="https://example.org/1.png"><img src="http://mmbiz.qpic.cn/1"></section>`)
	got := c.post("/cgi-bin/draft/get", map[string]any{"media_id": id})["news_item"].([]any)[0].(map[string]any)["content"]
	want := `<section style="color:red"><a>外</a><a href="https://mp.weixin.qq.com/s/1">内</a><img/><img src="http://mmbiz.qpic.cn/1"/></section>`
	if got != want {
		t.Errorf("readers see\n%s\nwant\n%s", got, want)
	}
	for content, want := range map[string]int{"": 44003, "<p><script>1</script></p>": 45166, strings.Repeat("字", 20_000): 45002} {
		if _, answer := c.draft(content); code(answer) != want {
			t.Errorf("%.30q: %v, want %d", content, answer, want)
		}
	}
}

func TestTokens(t *testing.T) {
	w := startWeChat(t, WeChatOptions{})
	c := newClient(t, w)
	old := c.token
	if again := newClient(t, w); again.token != old {
		t.Error("stable_token gave another token")
	}
	w.Revoke(false)
	if _, got := c.draft("x"); code(got) != 40001 && code(got) != 40007 {
		t.Errorf("a revoked token: %v", got)
	}
	if c = newClient(t, w); c.token == old {
		t.Error("the revoked token came again")
	}
	w.Revoke(true)
	if again := newClient(t, w); again.token != c.token {
		t.Error("a stuck token went away without force")
	}
}

func TestFaults(t *testing.T) {
	people := openids(2)
	faults := map[int]WeChatFault{
		1: {Status: 502, Body: "<html>bad gateway</html>"},
		2: {Drop: true},
		3: {Code: -1, Text: "system error"},
		4: {Lose: true},
	}
	w := startWeChat(t, WeChatOptions{Followers: people, Script: func(c WeChatCall) WeChatFault {
		if c.Path == "/cgi-bin/message/mass/send" {
			return faults[c.Nth]
		}
		return WeChatFault{}
	}})
	c := newClient(t, w)
	id, _ := c.draft("x")
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, w.URL()+"/cgi-bin/message/mass/send?access_token="+c.token, nil)
	if resp, err := http.DefaultClient.Do(req); err != nil || resp.StatusCode != 502 {
		t.Errorf("%v, %v", resp, err)
	}
	if got := c.mass(people, id, "k"); got["lost"] == nil || len(w.Messages()) != 0 {
		t.Errorf("dropped: %v, %d messages", got, len(w.Messages()))
	}
	if got := c.mass(people, id, "k"); code(got) != -1 {
		t.Errorf("busy: %v", got)
	}
	if got := c.mass(people, id, "k"); got["lost"] == nil || len(w.Messages()) != 2 {
		t.Errorf("lost: %v, %d messages", got, len(w.Messages()))
	}
	if got := c.mass(people, id, "k"); code(got) != 45065 || len(w.Messages()) != 2 {
		t.Errorf("repeated: %v, %d messages", got, len(w.Messages()))
	}
}

func TestEventsAreSealed(t *testing.T) {
	got := make(chan *http.Request, 1)
	bodies := make(chan string, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- r
		bodies <- string(body)
		io.WriteString(w, "success")
	}))
	defer server.Close()
	w := startWeChat(t, WeChatOptions{Token: "tok", AESKey: testAESKey, Callback: server.URL + "/wechat"})
	w.Emit("<Event>subscribe</Event>")
	select {
	case r := <-got:
		body := <-bodies
		_, sealed, _ := strings.Cut(body, "<Encrypt><![CDATA[")
		sealed, _, _ = strings.Cut(sealed, "]]>")
		q := r.URL.Query()
		if sign("tok", q.Get("timestamp"), q.Get("nonce"), sealed) != q.Get("msg_signature") || strings.Contains(body, "subscribe") {
			t.Errorf("query %v, body %s", q, body)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("no event came")
	}
}
