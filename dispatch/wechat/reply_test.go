package wechat

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"yizhan/dispatch/dispatchtest"
	"yizhan/dispatch/standin"
)

// talker answers in a way that the test gives.
type talker struct {
	heard  []Event
	answer func(ctx context.Context, e Event) (string, error)
}

func (t *talker) Respond(ctx context.Context, e Event) (string, error) {
	t.heard = append(t.heard, e)
	return t.answer(ctx, e)
}

const said = `<CreateTime>1790000000</CreateTime><MsgType><![CDATA[text]]></MsgType><Content><![CDATA[退订]]></Content><MsgId>23456789012345678</MsgId>`

// account is a stand-in whose followers talk to a callback.
func account(t *testing.T, c *Callback) *standin.WeChat {
	t.Helper()
	s := httptest.NewServer(c)
	t.Cleanup(s.Close)
	return sealer(t, func(o *standin.WeChatOptions) { o.Callback = s.URL })
}

// A follower is answered inside the call, encrypted, and in the same words however
// often the platform asks.
func TestFollowersAreAnswered(t *testing.T) {
	r := &talker{}
	r.answer = func(_ context.Context, e Event) (string, error) {
		return fmt.Sprintf("第 %d 次：“%s”<b>]]>&amp;", len(r.heard), e.Text), nil
	}
	c, n := newTalker(t, r)
	w := account(t, c)
	for range 3 {
		if got, err := w.Chat(t.Context(), "oFollower", said); err != nil || got != "第 1 次：“退订”<b>]]>&amp;" {
			t.Errorf("answered %q, %v", got, err)
		}
	}
	if len(r.heard) != 1 || len(n.kept) != 1 || r.heard[0].From != "oFollower" || r.heard[0].Text != "退订" {
		t.Errorf("heard %+v, kept %v", r.heard, n.kept)
	}
	for name, one := range map[string]struct {
		inner string
		heard bool
	}{
		"follow":  {`<CreateTime>1790000001</CreateTime><MsgType>event</MsgType><Event>subscribe</Event><EventKey>qrscene_abc</EventKey>`, true},
		"scan":    {`<CreateTime>1790000002</CreateTime><MsgType>event</MsgType><Event>SCAN</Event><EventKey>abc</EventKey>`, true},
		"click":   {`<CreateTime>1790000003</CreateTime><MsgType>event</MsgType><Event>CLICK</Event><EventKey>LATEST</EventKey>`, true},
		"leave":   {`<CreateTime>1790000004</CreateTime><MsgType>event</MsgType><Event>unsubscribe</Event>`, false},
		"report":  {`<CreateTime>1790000005</CreateTime><MsgType>event</MsgType><Event>MASSSENDJOBFINISH</Event><MsgID>7</MsgID>`, false},
		"picture": {`<CreateTime>1790000006</CreateTime><MsgType>image</MsgType><MsgId>23456789012345679</MsgId>`, true},
	} {
		before := len(r.heard)
		got, err := w.Chat(t.Context(), "oFollower", one.inner)
		if heard := len(r.heard) > before; err != nil || heard != one.heard || (got != "") != one.heard {
			t.Errorf("%s: answered %q, heard %v, %v", name, got, heard, err)
		}
	}
}

// Silence, a failure and an answer that comes too late are all the same for the
// platform, which would tell the follower otherwise that the account is broken.
func TestSilence(t *testing.T) {
	for name, answer := range map[string]func(context.Context, Event) (string, error){
		"nothing to say": func(context.Context, Event) (string, error) { return " \n", nil },
		"failed":         func(context.Context, Event) (string, error) { return "x", errors.New("the ledger is away") },
		"too late": func(ctx context.Context, _ Event) (string, error) {
			<-ctx.Done()
			return "", ctx.Err()
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := &talker{answer: answer}
			c, n := newTalker(t, r)
			body, query, err := sealer(t, nil).Envelope("<xml><ToUserName>gh_1</ToUserName><FromUserName>oFollower</FromUserName>"+said+"</xml>", time.Now())
			if err != nil {
				t.Fatal(err)
			}
			begun := time.Now()
			if code, got := call(c, "POST", query.Encode(), string(body)); code != 200 || got != "success" {
				t.Errorf("%s: answered %d %q", name, code, got)
			}
			if took := time.Since(begun); took > respondWithin {
				t.Errorf("%s: took %s", name, took)
			}
			if silent := name == "nothing to say"; len(n.kept) != 1 || (len(n.answers) == 1) != silent {
				t.Errorf("%s: kept %v, answers %v", name, n.kept, n.answers)
			}
			// What was not answered is tried again when it comes again, and what was is not.
			call(c, "POST", query.Encode(), string(body))
			if want := map[bool]int{true: 1, false: 2}[name == "nothing to say"]; len(r.heard) != want {
				t.Errorf("%s: heard %d times, want %d", name, len(r.heard), want)
			}
		})
	}
}

func TestLongAnswersAreCut(t *testing.T) {
	for _, text := range []string{
		strings.Repeat("字", 682), strings.Repeat("字", 5000), strings.Repeat("一行字\n", 500), strings.Repeat("x", 2048),
	} {
		got := cutReply(text)
		if len(got) > maxReply || !utf8.ValidString(got) || len(text) <= maxReply && got != text || len(text) > maxReply && !strings.HasSuffix(got, "\n……") {
			t.Errorf("%d bytes became %d: …%s", len(text), len(got), got[max(0, len(got)-20):])
		}
	}
}

// What could not be answered in time is done all the same, once it can be; what was
// answered is not done again, and one that nobody can work on holds up no other.
func TestUnansweredIsWorkedOn(t *testing.T) {
	ch, _, _ := openAccount(t, kinds()[0], 0)
	synctest.Test(t, func(t *testing.T) {
		f := dispatchtest.Open(t)
		broken := true
		r := &talker{answer: func(_ context.Context, e Event) (string, error) {
			if broken && e.From == "oUnlucky" {
				return "", errors.New("away")
			}
			return "好", nil
		}}
		c, err := NewCallback(CallbackOptions{AppID: testAppID, Token: testToken, AESKey: testAESKey, Keeper: f.Ledger, Responder: r})
		if err != nil {
			t.Fatal(err)
		}
		people := &circle{}
		receiver, err := NewReceiver(ReceiverOptions{Channel: ch, Books: f.Ledger, People: people, Responder: r})
		if err != nil {
			t.Fatal(err)
		}
		w := sealer(t, nil)
		for n, from := range []string{"oUnlucky", "oLucky"} {
			text := fmt.Sprintf(`<xml><ToUserName>gh_1</ToUserName><FromUserName>%s</FromUserName><CreateTime>%d</CreateTime><MsgType>event</MsgType><Event>subscribe</Event></xml>`, from, time.Now().Unix()+int64(n))
			body, query, err := w.Envelope(text, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			if code, _ := call(c, "POST", query.Encode(), string(body)); code != 200 {
				t.Errorf("answered %d", code)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- receiver.Run(ctx) }()
		<-time.After(5 * time.Second)
		if fmt.Sprint(people.came) != "[oLucky]" {
			t.Errorf("worked on %v, want what was answered", people.came)
		}
		<-time.After(5 * time.Minute)
		broken = false
		<-time.After(2 * time.Minute)
		heard := map[string]int{}
		for _, e := range r.heard {
			heard[e.From]++
		}
		before := len(r.heard)
		<-time.After(5 * time.Minute)
		if heard["oLucky"] != 1 || heard["oUnlucky"] < 3 || len(r.heard) != before || people.came[len(people.came)-1] != "oUnlucky" {
			t.Errorf("heard %v, %d more; came %v", heard, len(r.heard)-before, people.came)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// circle notes who follows, and until when whom may be spoken to.
type circle struct {
	came, left []string
	open       map[string]time.Time
}

func (c *circle) Follow(_ context.Context, openid string, _ time.Time) error {
	c.came = append(c.came, openid)
	return nil
}

func (c *circle) Unfollow(_ context.Context, openid string, _ time.Time) error {
	c.left = append(c.left, openid)
	return nil
}

func (c *circle) Heard(_ context.Context, openid string, until, _ time.Time) error {
	if c.open == nil {
		c.open = map[string]time.Time{}
	}
	c.open[openid] = until
	return nil
}

// TestHeard: who did something may be spoken to, for as long as the platform's rule
// says; what somebody sends that is no text is answered like one.
func TestHeard(t *testing.T) {
	ch, _, _ := openAccount(t, kinds()[0], 0)
	synctest.Test(t, func(t *testing.T) {
		f := dispatchtest.Open(t)
		r := &talker{answer: func(context.Context, Event) (string, error) { return "好", nil }}
		c, err := NewCallback(CallbackOptions{AppID: testAppID, Token: testToken, AESKey: testAESKey, Keeper: f.Ledger, Responder: r})
		if err != nil {
			t.Fatal(err)
		}
		people := &circle{}
		receiver, err := NewReceiver(ReceiverOptions{Channel: ch, Books: f.Ledger, People: people, Responder: r})
		if err != nil {
			t.Fatal(err)
		}
		w := sealer(t, nil)
		begun := time.Now().Truncate(time.Second)
		want := map[string]time.Duration{}
		for kind, span := range map[string]time.Duration{
			"<MsgType>text</MsgType><Content>最新</Content><MsgId>1</MsgId>": 48 * time.Hour,
			"<MsgType>image</MsgType><MsgId>2</MsgId>":                     48 * time.Hour,
			"<MsgType>voice</MsgType><MsgId>3</MsgId>":                     48 * time.Hour,
			"<MsgType>event</MsgType><Event>CLICK</Event>":                 time.Minute,
			"<MsgType>event</MsgType><Event>SCAN</Event>":                  time.Minute,
			"<MsgType>event</MsgType><Event>subscribe</Event>":             time.Minute,
			"<MsgType>event</MsgType><Event>unsubscribe</Event>":           0,
			"<MsgType>event</MsgType><Event>VIEW</Event>":                  0,
		} {
			from := fmt.Sprintf("oFollower%d", len(want))
			want[from] = span
			text := fmt.Sprintf(`<xml><ToUserName>gh_1</ToUserName><FromUserName>%s</FromUserName><CreateTime>%d</CreateTime>%s</xml>`, from, begun.Unix(), kind)
			body, query, err := w.Envelope(text, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			code, answer := call(c, "POST", query.Encode(), string(body))
			if answered := answer != "success"; code != 200 || answered != (span > 0) {
				t.Errorf("%s: answered %d %q", kind, code, answer)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- receiver.Run(ctx) }()
		<-time.After(5 * time.Second)
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		for from, span := range want {
			if until := people.open[from]; span == 0 && !until.IsZero() || span > 0 && !until.Equal(begun.Add(span)) {
				t.Errorf("%s may be spoken to until %v, want %v", from, until, span)
			}
		}
	})
}
