package wechat

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"yizhan/dispatch"
	"yizhan/dispatch/dispatchtest"
	"yizhan/dispatch/standin"
	"yizhan/subscribers"
)

// office is a ledger, a channel and the platform.
type office struct {
	*dispatchtest.Fixture
	t       *testing.T
	channel *Channel
	account *standin.WeChat
	script  *script
}

// inBubble runs a test in a bubble of time, with n followers of whom all have
// subscribed. The platform is outside, but its calls are made inside.
func inBubble(t *testing.T, k kind, n int, test func(t *testing.T, o *office)) {
	t.Helper()
	_, account, script := openAccount(t, k, n)
	synctest.Test(t, func(t *testing.T) {
		api := newAPI(t, "http://api.weixin.invalid", func(o *APIOptions) { o.Transport = local{account} })
		o := &office{Fixture: dispatchtest.Open(t), t: t, channel: newChannel(t, k, api), account: account, script: script}
		o.subscribe(n)
		test(t, o)
	})
}

func (o *office) subscribe(n int) {
	t := o.t
	t.Helper()
	var file strings.Builder
	file.WriteString("wechat,state\n")
	for i := range n {
		fmt.Fprintf(&file, "%s,active\n", openid(i))
	}
	got, err := o.People.Import(t.Context(), strings.NewReader(file.String()), subscribers.ImportOptions{Source: "test"}, time.Now())
	if err != nil || got.Added != n {
		t.Fatalf("%d of %d subscribers, %v", got.Added, n, err)
	}
}

// send runs a dispatcher until no delivery is open, or a time of the bubble is
// over.
func (o *office) send(id string, span time.Duration) map[dispatch.State]int {
	o.t.Helper()
	d, err := dispatch.New(dispatch.Options{
		Ledger: o.Ledger, Queue: dispatch.NewMemory(), People: o, Process: dispatch.ThisProcess(),
		Routes: []dispatch.Route{{Channel: o.channel, Policy: Policy(dispatchtest.Policy().Retry, time.Hour)}},
	})
	if err != nil {
		o.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(o.t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	for end := time.Now().Add(span); time.Now().Before(end); <-time.After(time.Second) {
		runs, err := o.Ledger.Status(ctx, id, time.Now())
		if err != nil {
			o.t.Fatal(err)
		}
		if runs[len(runs)-1].State == string(dispatch.RunFinished) {
			break
		}
	}
	cancel()
	if err := <-done; err != nil {
		o.t.Error(err)
	}
	return o.Count(o.t, id)
}

// once checks that n followers got the article, each of them once, in so many
// jobs under so many ids.
func (o *office) once(n, jobs int) {
	o.t.Helper()
	got, keys, ids := map[string]int{}, map[string]bool{}, map[int64]bool{}
	for _, m := range o.account.Messages() {
		got[m.OpenID]++
		keys[m.Key], ids[m.Job] = true, true
		if len(m.Key) > 32 {
			o.t.Fatalf("clientmsgid %q is too long", m.Key)
		}
	}
	if len(got) != n || len(o.account.Messages()) != n {
		o.t.Errorf("%d followers got %d messages, want %d and once each", len(got), len(o.account.Messages()), n)
	}
	if len(keys) != jobs || len(ids) != jobs {
		o.t.Errorf("%d ids in %d jobs, want %d", len(keys), len(ids), jobs)
	}
}

// 25,000 openids are three batches; the answer to each is lost after the platform
// has taken it, and everybody gets the article once.
func TestThreeBatches(t *testing.T) {
	if testing.Short() {
		t.Skip("25,000 deliveries take some seconds")
	}
	inBubble(t, kinds()[0], 25_000, func(t *testing.T, o *office) {
		lose := standin.WeChatFault{Lose: true}
		o.script.next(massListPath, lose, lose, lose)
		o.Plan(t, "142", o.channel)
		if got := o.send("142", time.Hour); got[dispatch.StateSent] != 25_000 || len(got) != 1 {
			t.Errorf("states %v", got)
		}
		o.once(25_000, 3)
		if n := o.account.Calls(massListPath); n != 6 {
			t.Errorf("%d calls, want each of three twice", n)
		}
	})
}

// The last follower of 10,001 is not left alone.
func TestNobodyIsLeftAlone(t *testing.T) {
	if testing.Short() {
		t.Skip("10,001 deliveries take some seconds")
	}
	inBubble(t, kinds()[0], 10_001, func(t *testing.T, o *office) {
		o.Plan(t, "142", o.channel)
		if got := o.send("142", time.Hour); got[dispatch.StateSent] != 10_001 {
			t.Errorf("states %v", got)
		}
		o.once(10_001, 2)
	})
}

// Every way to send survives a platform that fails in every way.
func TestThroughFaults(t *testing.T) {
	for _, k := range kinds() {
		t.Run(k.name, func(t *testing.T) {
			inBubble(t, k, 6, func(t *testing.T, o *office) {
				cut := func(a []byte) []byte { return a[:len(a)/2] }
				o.script.next(tokenPath, standin.WeChatFault{Status: 502}, standin.WeChatFault{Code: -1})
				o.script.next(coverPath, standin.WeChatFault{Garble: cut}, standin.WeChatFault{Code: 40001})
				o.script.next(draftAddPath, standin.WeChatFault{Lose: true}, standin.WeChatFault{Status: 500})
				o.script.next(k.path, standin.WeChatFault{Drop: true}, standin.WeChatFault{Garble: cut}, standin.WeChatFault{Code: -1}, standin.WeChatFault{Lose: true})
				o.Plan(t, "142", o.channel)
				if got := o.send("142", time.Hour); got[dispatch.StateSent] != 6 {
					t.Errorf("states %v", got)
				}
				jobs := 1
				if k.name == "template" {
					jobs = 6
				}
				o.once(6, jobs)
			})
		})
	}
}

// One follower alone cannot be reached by a mass send; the ledger says why.
func TestAlone(t *testing.T) {
	inBubble(t, kinds()[0], 1, func(t *testing.T, o *office) {
		o.Plan(t, "142", o.channel)
		if got := o.send("142", time.Hour); got[dispatch.StateFailed] != 1 {
			t.Errorf("states %v", got)
		}
		if r := o.Records(t, "142")[0]; r.Reason != "mass-needs-two" || !strings.Contains(r.Reply, "两个") {
			t.Errorf("delivery %+v", r)
		}
	})
}

// The token is revoked between batches, again and again.
func TestTokenRevokedInMidRun(t *testing.T) {
	inBubble(t, kinds()[3], 40, func(t *testing.T, o *office) {
		for range 5 {
			o.script.next(templatePath, standin.WeChatFault{}, standin.WeChatFault{}, standin.WeChatFault{Code: 40001}, standin.WeChatFault{})
		}
		o.Plan(t, "142", o.channel)
		if got := o.send("142", time.Hour); got[dispatch.StateSent] != 40 {
			t.Errorf("states %v", got)
		}
		o.once(40, 40)
		if o.account.Forced() > 1 {
			t.Errorf("forced %d times", o.account.Forced())
		}
	})
}

// The quota of a subscription account's day is used up by the console: the
// article goes out the next day in Beijing, and status says so meanwhile.
func TestNextDayInBeijing(t *testing.T) {
	inBubble(t, kinds()[1], 5, func(t *testing.T, o *office) {
		<-time.After(15*time.Hour + 50*time.Minute) // a bubble begins at midnight UTC, 08:00 in Beijing
		o.script.next(massAllPath, standin.WeChatFault{Code: 45028, Text: "has no masssend quota"})
		o.Plan(t, "142", o.channel)
		if got := o.send("142", 3*time.Minute); got[dispatch.StateSent] != 0 {
			t.Errorf("states %v", got)
		}
		alarms, err := o.Ledger.Alarms(t.Context())
		if err != nil || len(alarms) != 1 || !strings.HasPrefix(alarms[0].Text, "mass-quota：has no masssend quota") ||
			!strings.HasSuffix(alarms[0].Text, "（等到北京时间 2000-01-02 00:01）") {
			t.Errorf("alarms %+v, %v", alarms, err)
		}
		begun := time.Now()
		o.script.next(massAllPath, standin.WeChatFault{Code: 45028}) // a process that begins anew asks once
		if got := o.send("142", time.Hour); got[dispatch.StateSent] != 5 {
			t.Errorf("states %v", got)
		}
		turn := time.Date(2000, 1, 1, 16, 1, 0, 0, time.UTC)
		if now := time.Now(); now.Before(turn) || now.After(turn.Add(time.Minute)) {
			t.Errorf("begun at %s, sent at %s, want soon after %s", begun, now, turn)
		}
		o.once(5, 1)
	})
}
