package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"yizhan/dispatch"
	"yizhan/dispatch/standin"
	"yizhan/subscribers"
)

const (
	wxAppID  = "wx1234567890abcdef"
	wxSecret = "5e7a0c5e7a0c5e7a0c5e7a0c5e7a0c5e"
	wxToken  = "callbacktoken"
	wxKey    = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
)

// newAccount starts a stand-in for WeChat with n followers.
func newAccount(t *testing.T, n int, o standin.WeChatOptions) *standin.WeChat {
	t.Helper()
	o.AppID, o.Secret, o.Token, o.AESKey = wxAppID, wxSecret, wxToken, wxKey
	for i := range n {
		o.Followers = append(o.Followers, follower(i))
	}
	w, err := standin.NewWeChat(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the stand-in: %v", err)
		}
		if c := w.Complaints(); len(c) > 0 {
			t.Errorf("the platform would take amiss: %v", c)
		}
	})
	return w
}

func follower(n int) string { return fmt.Sprintf("oFollower%04d", n) }

// withWeChat turns the channel on; more is more of its section.
func (o *office) withWeChat(w *standin.WeChat, more string) {
	o.t.Helper()
	o.edit("channels:\n", fmt.Sprintf("channels:\n  wechat: {app_id: %s, app_secret: %s, token: %s, aes_key: %s, api_url: %q, retry: [50ms, 200ms]%s}\n",
		wxAppID, wxSecret, wxToken, wxKey, w.URL(), more))
}

// tell posts the events of the stand-in to a daemon's callback.
func tell(t *testing.T, w *standin.WeChat, s *server, text string) {
	t.Helper()
	body, query, err := w.Envelope(text, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if answer, page := fetch(t, http.MethodPost, s.public+"/wechat?"+query.Encode(), string(body)); answer.StatusCode != 200 || page != "success" && !strings.HasPrefix(page, "<xml>") {
		t.Fatalf("the callback answered %s: %s", answer.Status, page)
	}
}

// TestWeChatOffice goes through what an association does with its account, of
// either kind: check, followers, preview, sending, reports, resend.
func TestWeChatOffice(t *testing.T) {
	for name, more := range map[string]string{"service": "", "subscription": ", account: subscription"} {
		t.Run(name, func(t *testing.T) {
			w := newAccount(t, 5, standin.WeChatOptions{Subscription: name == "subscription", Script: failFirstJob})
			sink := newSink(t, nil)
			o := newOffice(t, sink.Addr())
			o.withWeChat(w, more)
			out := o.do("check", "--live")
			for _, item := range []string{"AppID 和 AppSecret", "IP 白名单", "权限 群发", "权限 草稿", "权限 素材", "权限 关注者名单"} {
				if !strings.Contains(out, "渠道 wechat · "+item+"：成功，") {
					t.Errorf("check --live says nothing of %s: %s", item, out)
				}
			}
			if strings.Contains(out, "权限 标签") != (name == "subscription") || !strings.Contains(out, "每天 100 次，已用 ") || len(w.Messages()) != 0 {
				t.Errorf("check --live: %s", out)
			}
			o.ready()
			o.subscribe("email", "chen@example.org")
			var result synced
			o.asked(&result, "subscribers", "sync-wechat")
			if result != (synced{Followers: 5, Added: 5}) {
				t.Errorf("first sync: %+v", result)
			}
			w.Unfollow(follower(4))
			o.asked(&result, "subscribers", "sync-wechat")
			if result != (synced{Followers: 4, Gone: 1}) {
				t.Errorf("second sync: %+v", result)
			}
			o.do("issue", "test", "37", "--to", "openid:"+follower(2))
			if got := w.Messages(); len(got) != 1 || got[0].Kind != "preview" || got[0].OpenID != follower(2) {
				t.Errorf("preview: %+v", got)
			}

			if o.do("wechat", "menu"); w.Calls("/cgi-bin/menu/create") != 1 {
				t.Error("the menu was not set")
			}

			s := o.serve()
			o.do("send", "37")
			if n := o.finished(); n[dispatch.StateSent] != 5 {
				t.Errorf("sent %v, want 4 followers and a mail", n)
			}
			// The platform finds something in the article: the job fails as a whole.
			events := w.Events()
			if len(events) != 1 {
				t.Fatalf("events %v", events)
			}
			for range 2 {
				tell(t, w, s, events[0])
			}
			until(t, func() bool { return o.counts()[dispatch.StateFailed] == 4 })
			failed := records(t, o.do("deliveries", "37", "--channel", "wechat", "--state", "failed", "--json"))
			if len(failed) != 4 || failed[0].Reason != "job-failed" || failed[0].Reply != "err(20013)" {
				t.Errorf("failed deliveries %+v", failed)
			}
			if name == "service" { // a subscription account has one send a day
				o.do("resend", "37", "--scope", "failed", "--channel", "wechat", "--yes")
				if n := o.finished(); n[dispatch.StateSent] != 4 {
					t.Errorf("resent %v", n)
				}
				if got := reached(w); len(got) != 4 || got[follower(0)] != 1 || got[follower(4)] != 0 {
					t.Errorf("followers reached: %v", got)
				}
			}
			// Somebody leaves the account, and comes back.
			leave := fmt.Sprintf(`<xml><FromUserName>%s</FromUserName><CreateTime>1790000000</CreateTime><MsgType>event</MsgType><Event>unsubscribe</Event></xml>`, follower(1))
			tell(t, w, s, leave)
			until(t, func() bool {
				return strings.Contains(o.do("subscribers", "show", follower(1), "--json"), subscribers.Unfollowed)
			})
			tell(t, w, s, strings.Replace(strings.Replace(leave, "unsubscribe", "subscribe", 1), "1790000000", "1790000009", 1))
			until(t, func() bool {
				return !strings.Contains(o.do("subscribers", "show", follower(1), "--json"), subscribers.Unfollowed)
			})

			if answer, _ := fetch(t, http.MethodPost, s.public+"/wechat", leave); answer.StatusCode != 403 {
				t.Errorf("plaintext: %s", answer.Status)
			}
			s.stop()
			for _, secret := range []string{wxSecret, wxKey, "access_token="} {
				if bytes.Contains(s.log.Bytes(), []byte(secret)) {
					t.Errorf("the log shows %q", secret)
				}
			}
		})
	}
}

// TestFallbackToEmail: who has stopped following gets the mail, when a run goes by
// WeChat alone and the configuration says so.
func TestFallbackToEmail(t *testing.T) {
	for _, fallback := range []bool{true, false} {
		w := newAccount(t, 3, standin.WeChatOptions{})
		sink := newSink(t, nil)
		o := newOffice(t, sink.Addr())
		more := ""
		if fallback {
			more = ", fallback: email"
		}
		o.withWeChat(w, more)
		o.ready()
		file := filepath.Join(t.TempDir(), "people.csv")
		people := fmt.Sprintf("email,wechat,state\nchen@example.org,%s,active\nlin@example.org,%s,active\n,%s,active\n", follower(0), follower(1), follower(2))
		if err := os.WriteFile(file, []byte(people), 0o600); err != nil {
			t.Fatal(err)
		}
		o.do("subscribers", "import", file)
		w.Unfollow(follower(0))
		o.do("subscribers", "sync-wechat")
		s := o.serve()
		o.do("send", "37", "--channel", "wechat")
		o.finished()
		var mailed []string
		for _, m := range sink.Messages() {
			mailed = append(mailed, m.To)
		}
		want := []string(nil)
		if fallback {
			want = []string{"chen@example.org"}
		}
		if got := reached(w); !slices.Equal(mailed, want) || len(got) != 2 || got[follower(0)] != 0 {
			t.Errorf("fallback %v: mailed to %v, reached %v", fallback, mailed, got)
		}
		s.stop()
	}
}

// failFirstJob lets the first mass send fail after it was accepted.
func failFirstJob(c standin.WeChatCall) standin.WeChatFault {
	if (c.Path == "/cgi-bin/message/mass/send" || c.Path == "/cgi-bin/message/mass/sendall") && c.Nth == 1 {
		return standin.WeChatFault{Job: "err(20013)"}
	}
	return standin.WeChatFault{}
}

// reached counts the articles of mass sends, by follower.
func reached(w *standin.WeChat) map[string]int {
	out := map[string]int{}
	for _, m := range w.Messages() {
		if m.Kind == "mass" {
			out[m.OpenID]++
		}
	}
	return out
}

// massFollowers are three batches.
const massFollowers = 25_000

// killed lets a test end a program whenever the platform has a mass send and has not
// answered it: at first each, then only that of the third batch, in the end none.
type killed struct {
	mu    sync.Mutex
	kills int
	seen  []string      // clientmsgids, as they came
	doubt chan struct{} // a call is between intent and reply
	never chan struct{}
}

// script holds a call up before or after the platform has worked on it, in turn.
func (k *killed) script(c standin.WeChatCall) standin.WeChatFault {
	if c.Path != "/cgi-bin/message/mass/send" {
		return standin.WeChatFault{}
	}
	var call struct {
		Key string `json:"clientmsgid"`
	}
	_ = json.Unmarshal(c.Body, &call)
	k.mu.Lock()
	defer k.mu.Unlock()
	if !slices.Contains(k.seen, call.Key) {
		k.seen = append(k.seen, call.Key)
	}
	third := slices.Index(k.seen, call.Key) == 2
	if k.kills == kills || k.kills > kills*2/3 && !third {
		return standin.WeChatFault{}
	}
	k.doubt <- struct{}{}
	if c.Nth%2 == 0 {
		return standin.WeChatFault{After: k.never}
	}
	return standin.WeChatFault{Before: k.never}
}

// TestWeChatKilled ends the built program with kill -9 between the intent and the
// reply, 20 times, before or after the platform has taken the batch: of three
// batches everybody is reached once.
func TestWeChatKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("starts and kills processes for half a minute")
	}
	k := &killed{doubt: make(chan struct{}, 100), never: make(chan struct{})}
	defer close(k.never)
	w := newAccount(t, massFollowers, standin.WeChatOptions{Script: k.script})
	o := newOffice(t, newSink(t, nil).Addr())
	o.withWeChat(w, "")
	o.ready()
	people := make([]string, massFollowers)
	for i := range people {
		people[i] = follower(i)
	}
	o.subscribe("wechat", people...)
	o.do("send", "37", "--channel", "wechat")
	binary := build(t)
	for range kills {
		d := o.daemon(binary)
		<-k.doubt
		k.mu.Lock()
		if err := d.Process.Signal(os.Kill); err != nil {
			t.Fatal(err)
		}
		_ = d.Wait()
		k.kills++
		for len(k.doubt) > 0 {
			<-k.doubt // the other lane's
		}
		k.mu.Unlock()
	}
	d := o.daemon(binary)
	n := o.finished()
	if err := d.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	_ = d.Wait()
	if n[dispatch.StateSent] != massFollowers || n.Total() != massFollowers {
		t.Errorf("deliveries %v", n)
	}
	got := reached(w)
	once := 0
	for _, one := range people {
		if got[one] == 1 {
			once++
		}
	}
	jobs := map[string]int64{}
	for _, m := range w.Messages() {
		jobs[m.Key] = m.Job
	}
	if once != massFollowers || len(jobs) != 3 || len(k.seen) != 3 {
		t.Errorf("%d of %d were reached once, in jobs %v", once, massFollowers, jobs)
	}
	t.Logf("%d times kill -9 between intent and reply, %d calls under %d clientmsgids: %d jobs, %d followers reached once, %d twice, %d never",
		kills, w.Calls("/cgi-bin/message/mass/send"), len(k.seen), len(jobs), once, len(w.Messages())-len(got), massFollowers-len(got))
}
