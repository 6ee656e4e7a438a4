package wechat

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/silenceper/wechat/v2/util"

	"yizhan/dispatch"
	"yizhan/dispatch/standin"
)

// notes keeps what a callback writes down.
type notes struct {
	kept    map[string]string
	due     map[string]time.Time
	answers map[string]string
	err     error
}

func (n *notes) Answered(_ context.Context, _, key string) (string, bool, error) {
	answer, ok := n.answers[key]
	return answer, ok, n.err
}

func (n *notes) Answer(_ context.Context, _, key, answer string, _ time.Time) (string, error) {
	if first, ok := n.answers[key]; ok {
		answer = first
	}
	n.answers[key] = answer
	return answer, n.err
}

func (n *notes) Keep(_ context.Context, channel string, in dispatch.Inbound) (bool, error) {
	if n.err != nil {
		return false, n.err
	}
	_, known := n.kept[in.Key]
	n.kept[in.Key], n.due[in.Key] = in.Content, in.Due
	return !known, nil
}

func newCallback(t testing.TB) (*Callback, *notes) { return newTalker(t, nil) }

func newTalker(t testing.TB, r Responder) (*Callback, *notes) {
	t.Helper()
	n := &notes{kept: map[string]string{}, due: map[string]time.Time{}, answers: map[string]string{}}
	c, err := NewCallback(CallbackOptions{AppID: testAppID, Token: testToken, AESKey: testAESKey, Keeper: n, Responder: r})
	if err != nil {
		t.Fatal(err)
	}
	return c, n
}

// sealer seals events as the platform does, or another account.
func sealer(t testing.TB, change func(*standin.WeChatOptions)) *standin.WeChat {
	t.Helper()
	o := standin.WeChatOptions{AppID: testAppID, Secret: testSecret, Token: testToken, AESKey: testAESKey}
	if change != nil {
		change(&o)
	}
	w, err := standin.NewWeChat(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := w.Run(ctx); err != nil {
		t.Fatal(err)
	}
	return w
}

func call(c *Callback, method, query, body string) (code int, answer string) {
	w := httptest.NewRecorder()
	c.ServeHTTP(w, httptest.NewRequest(method, "/wechat?"+query, strings.NewReader(body)))
	return w.Code, w.Body.String()
}

const followed = `<xml><ToUserName><![CDATA[gh_1]]></ToUserName><FromUserName><![CDATA[oFollower]]></FromUserName>` +
	`<CreateTime>1790000000</CreateTime><MsgType><![CDATA[event]]></MsgType><Event><![CDATA[subscribe]]></Event></xml>`

func TestCallbackTakesEvents(t *testing.T) {
	c, n := newCallback(t)
	w := sealer(t, nil)
	for range 3 { // the platform sends it again
		body, query, err := w.Envelope(followed, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if code, answer := call(c, http.MethodPost, query.Encode(), string(body)); code != 200 || answer != "success" {
			t.Errorf("answered %d %q", code, answer)
		}
	}
	if len(n.kept) != 1 {
		t.Errorf("kept %v", n.kept)
	}
	// What nobody works on is answered and not kept.
	body, query, _ := w.Envelope(strings.Replace(followed, "subscribe", "LOCATION", 1), time.Now())
	if code, _ := call(c, http.MethodPost, query.Encode(), string(body)); code != 200 || len(n.kept) != 1 {
		t.Errorf("answered %d, kept %v", code, n.kept)
	}
	// What cannot be written down is not answered: it comes again.
	n.err = errors.New("the ledger is away")
	if code, answer := call(c, http.MethodPost, query.Encode(), string(body)); code != 200 || answer != "success" {
		t.Errorf("an event for nobody: %d", code)
	}
	body, query, _ = w.Envelope(followed, time.Now())
	if code, _ := call(c, http.MethodPost, query.Encode(), string(body)); code != 503 {
		t.Errorf("answered %d although nothing was kept", code)
	}
}

// What does not come from the platform, or not now, is refused, and nothing of it
// is kept.
func TestCallbackRefuses(t *testing.T) {
	c, n := newCallback(t)
	good := func(change func(*standin.WeChatOptions), text string, at time.Time) (string, url.Values) {
		body, query, err := sealer(t, change).Envelope(text, at)
		if err != nil {
			t.Fatal(err)
		}
		return string(body), query
	}
	now := time.Now()
	body, query := good(nil, followed, now)
	other, _ := good(nil, strings.Replace(followed, "oFollower", "oForged", 1), now)
	with := func(key, value string) url.Values {
		q := url.Values{}
		for k, v := range query {
			q[k] = v
		}
		q.Set(key, value)
		return q
	}
	bomb := `<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><xml><Encrypt>&b;</Encrypt></xml>`
	file := `<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]><xml><Encrypt>&f;</Encrypt></xml>`
	for name, one := range map[string]struct {
		body  string
		query url.Values
		code  int
	}{
		"plaintext":            {followed, url.Values{"timestamp": query["timestamp"], "nonce": query["nonce"], "signature": query["signature"]}, 403},
		"plaintext as aes":     {followed, query, 403},
		"compatible mode":      {strings.Replace(body, "<Encrypt>", "<FromUserName>x</FromUserName><Encrypt>", 1), with("encrypt_type", "raw"), 403},
		"another body":         {other, query, 403},
		"signature of a plain": {body, with("msg_signature", query.Get("signature")), 403},
		"no signature":         {body, with("msg_signature", ""), 403},
		"another nonce":        {body, with("nonce", "1"), 403},
		"no time":              {body, with("timestamp", ""), 403},
		"another time":         {body, with("timestamp", strconv.FormatInt(now.Unix()+1, 10)), 403},
		"bomb":                 {bomb, query, 403},
		"file":                 {file, query, 403},
		"empty":                {"", query, 403},
		"huge":                 {"<xml><Encrypt>" + strings.Repeat("A", 70_000) + "</Encrypt></xml>", query, 413},
	} {
		if code, answer := call(c, http.MethodPost, one.query.Encode(), one.body); code != one.code || strings.Contains(answer, "success") {
			t.Errorf("%s: %d %q, want %d", name, code, answer, one.code)
		}
	}
	for name, one := range map[string]struct {
		change func(*standin.WeChatOptions)
		text   string
		at     time.Time
		code   int
	}{
		"old":             {nil, followed, now.Add(-time.Hour), 403},
		"ahead":           {nil, followed, now.Add(time.Hour), 403},
		"another token":   {func(o *standin.WeChatOptions) { o.Token = "other" }, followed, now, 403},
		"another key":     {func(o *standin.WeChatOptions) { o.AESKey = strings.ToUpper(testAESKey[:42]) + "G" }, followed, now, 403},
		"another account": {func(o *standin.WeChatOptions) { o.AppID = "wxfedcba0987654321" }, followed, now, 403},
		"not XML":         {nil, "{}", now, 400},
		"nobody":          {nil, "<xml><MsgType>event</MsgType></xml>", now, 400},
	} {
		body, query := good(one.change, one.text, one.at)
		if code, _ := call(c, http.MethodPost, query.Encode(), body); code != one.code {
			t.Errorf("%s: %d, want %d", name, code, one.code)
		}
	}
	if code, _ := call(c, http.MethodPut, query.Encode(), body); code != 405 {
		t.Errorf("PUT: %d", code)
	}
	if len(n.kept) != 0 {
		t.Errorf("kept %v", n.kept)
	}
}

func TestCallbackCheck(t *testing.T) {
	c, _ := newCallback(t)
	stamp := strconv.FormatInt(time.Now().Unix(), 10)
	good := url.Values{"timestamp": {stamp}, "nonce": {"n"}, "echostr": {"<echo>"}, "signature": {util.Signature(testToken, stamp, "n")}}
	if code, answer := call(c, http.MethodGet, good.Encode(), ""); code != 200 || answer != "<echo>" {
		t.Errorf("%d %q", code, answer)
	}
	for key, value := range map[string]string{"signature": "x", "timestamp": "1", "nonce": "m", "echostr": strings.Repeat("x", 300)} {
		bad := url.Values{}
		for k, v := range good {
			bad[k] = v
		}
		bad.Set(key, value)
		if code, _ := call(c, http.MethodGet, bad.Encode(), ""); code != 403 {
			t.Errorf("%s %q: %d", key, value, code)
		}
	}
}

// The mass job's MsgID is its own, and nothing else's: the SDK's type has it
// elsewhere.
func TestEventOfAJob(t *testing.T) {
	e, err := parseEvent([]byte(`<xml><FromUserName><![CDATA[mphelper]]></FromUserName><CreateTime>1790000000</CreateTime><MsgType><![CDATA[event]]></MsgType>` +
		`<Event><![CDATA[MASSSENDJOBFINISH]]></Event><MsgID>1000001625</MsgID><Status><![CDATA[err(30003)]]></Status>` +
		`<TotalCount>10</TotalCount><FilterCount>8</FilterCount><SentCount>5</SentCount><ErrorCount>3</ErrorCount>` +
		`<CopyrightCheckResult><Count>2</Count><ResultList><item><ArticleIdx>1</ArticleIdx></item></ResultList></CopyrightCheckResult></xml>`))
	want := Event{From: "mphelper", Created: 1790000000, Type: "event", Event: EventMassDone, Job: "1000001625", Status: "err(30003)", Total: 10, Filtered: 8, Sent: 5, Errors: 3}
	if err != nil || e != want {
		t.Errorf("%+v, %v", e, err)
	}
	for status, want := range map[string]string{
		"send success": "", "sendsuccess": "job-failed", "send fail": "job-failed", "err(20013)": "job-failed",
		"err(40001)": "admin-refused", "err(40002)": "admin-refused", "success": "", "failed:user block": "follower-blocks",
		"failed: system failed": "job-failed", "failed:freq limit": "follower-limit",
	} {
		e.Status = status
		if r := report(e); r.Reason != want || r.Failed != (want != "") || r.Job != "1000001625" || r.Sent != 5 {
			t.Errorf("%s: %+v", status, r)
		}
	}
}

func FuzzParseEvent(f *testing.F) {
	f.Add([]byte(followed))
	f.Add([]byte(`<xml><MsgId>1</MsgId><MsgID>2</MsgID></xml>`))
	f.Fuzz(func(t *testing.T, text []byte) {
		e, err := parseEvent(text)
		if err == nil && (e.From == "" || e.id() == "" || len(e.id()) > 64) {
			t.Errorf("%+v", e)
		}
	})
}

func FuzzOpen(f *testing.F) {
	c, _ := newCallback(f)
	now := time.Now()
	body, query, err := sealer(f, nil).Envelope(followed, now)
	if err != nil {
		f.Fatal(err)
	}
	_, sealed, _ := bytes.Cut(body, []byte("<![CDATA["))
	f.Add(body, string(sealed[:len(sealed)-30]))
	f.Add([]byte("<xml><Encrypt>AAAA</Encrypt></xml>"), "AAAA")
	f.Fuzz(func(t *testing.T, body []byte, sealed string) {
		_, _ = c.open(body, query.Get, now)
		// With the right signature, too: the key's owner may err.
		q := url.Values{"encrypt_type": {"aes"}, "timestamp": query["timestamp"], "nonce": {"n"}}
		q.Set("msg_signature", util.Signature(testToken, q.Get("timestamp"), "n", sealed))
		if strings.ContainsAny(sealed, "<>&\r") {
			return
		}
		if text, err := c.open([]byte("<xml><Encrypt>"+sealed+"</Encrypt></xml>"), q.Get, now); err == nil {
			_, _ = parseEvent(text)
		}
	})
}
