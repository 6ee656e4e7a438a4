package main

import (
	"bytes"
	"encoding/json"
	"mime"
	"net/http"
	"net/mail"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"yizhan/dispatch"
	"yizhan/dispatch/standin"
	"yizhan/subscribers"
)

// refusals is a relay that knows no "gone" and has no time for "busy" at first.
func refusals(phase, _, to string, nth int) standin.Fault {
	switch {
	case phase == "rcpt" && strings.HasPrefix(to, "gone@"):
		return standin.Fault{Code: 550, Text: "5.1.1 user unknown"}
	case phase == "rcpt" && strings.HasPrefix(to, "busy@") && nth <= 2:
		return standin.Fault{Code: 451, Text: "4.3.0 try again"}
	}
	return standin.Fault{}
}

// TestFromFileToInbox is the whole path: import, approve, send, look who got it,
// leave, resend.
func TestFromFileToInbox(t *testing.T) {
	sink := newSink(t, refusals)
	o := newOffice(t, sink.Addr())
	o.ready()
	o.subscribe("email", "chen@example.org", "lin@example.org", "busy@example.net", "gone@example.net")
	s := o.serve()

	if r, _ := fetch(t, http.MethodGet, s.public+"/issues/37", ""); r.StatusCode != http.StatusNotFound {
		t.Errorf("before it is planned the issue's page answers %s", r.Status)
	}
	stdout, stderr, code := o.try("send", "37", "--wait", "--json")
	if code != exitFailed || !strings.Contains(stderr, `"code":"failed-rows"`) {
		t.Fatalf("send --wait ended with %d\n%s%s", code, stdout, stderr)
	}
	var run dispatch.RunStatus
	if err := json.Unmarshal([]byte(stdout), &run); err != nil || run.State != "finished" {
		t.Fatalf("send --json: %v\n%s", err, stdout)
	}

	var got []string
	for _, m := range sink.Messages() {
		got = append(got, m.To)
	}
	slices.Sort(got)
	if diff := cmp.Diff([]string{"busy@example.net", "chen@example.org", "lin@example.org"}, got); diff != "" {
		t.Errorf("who got a mail (-want +got):\n%s", diff)
	}
	var status report
	o.asked(&status, "status", "37")
	if n := status.Runs[0].Channels["email"]; n[dispatch.StateSent] != 3 || n[dispatch.StateFailed] != 1 {
		t.Errorf("status counts %v", n)
	}
	failed := records(t, o.do("deliveries", "37", "--state", "failed", "--json"))
	if len(failed) != 1 || failed[0].Address != "gone@example.net" || failed[0].Code != 550 {
		t.Errorf("failed: %+v", failed)
	}

	leaveByOneClick(t, s, sink, "lin@example.org")
	var lin subscribers.Subscriber
	o.asked(&lin, "subscribers", "show", "lin@example.org")
	if lin.State != subscribers.Unsubscribed {
		t.Errorf("after the one-click the subscriber is %s", lin.State)
	}

	var again struct {
		Count       int
		Subscribers []dispatch.Selected
	}
	o.asked(&again, "resend", "37", "--scope", "failed", "--dry-run")
	if again.Count != 1 || again.Subscribers[0].Address != "gone@example.net" {
		t.Errorf("resend --scope failed --dry-run: %+v", again)
	}
	if code := s.stop(); code != exitOK {
		t.Errorf("the daemon ended with %d", code)
	}
	if strings.Contains(s.log.String(), "@example.") && regexp.MustCompile(`[a-z]{2,}@example`).MatchString(s.log.String()) {
		t.Errorf("the log shows an address:\n%s", s.log)
	}
}

func records(t testing.TB, lines string) (out []dispatch.Record) {
	t.Helper()
	for line := range strings.Lines(lines) {
		var r dispatch.Record
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatalf("deliveries --json: %v\n%s", err, line)
		}
		out = append(out, r)
	}
	return out
}

// leaveByOneClick does what a mail provider does with List-Unsubscribe (RFC 8058).
func leaveByOneClick(t *testing.T, s *server, sink *standin.Sink, who string) {
	t.Helper()
	for _, m := range sink.Messages() {
		if m.To != who {
			continue
		}
		message, err := mail.ReadMessage(bytes.NewReader(m.Raw))
		if err != nil {
			t.Fatal(err)
		}
		link, err := url.Parse(strings.Trim(message.Header.Get("List-Unsubscribe"), "<>"))
		if err != nil {
			t.Fatal(err)
		}
		r, page := fetch(t, http.MethodPost, s.public+link.RequestURI(), message.Header.Get("List-Unsubscribe-Post"),
			"Content-Type", "application/x-www-form-urlencoded")
		if r.StatusCode != http.StatusOK {
			t.Fatalf("one-click: %s\n%s", r.Status, page)
		}
		return
	}
	t.Fatalf("%s has no mail", who)
}

func TestPages(t *testing.T) {
	sink := newSink(t, nil)
	o := newOffice(t, sink.Addr())
	o.ready()
	o.subscribe("email", "chen@example.org")
	s := o.serve()
	o.do("send", "37", "--wait")
	for _, c := range []struct {
		url, accept string
		status      int
		want        string
	}{
		{s.public + "/", "", 200, `<a href="/issues/37/a2">第六届港城秋茶评比揭晓`},
		{s.public + "/", "en", 200, "Latest issue"},
		{s.public + "/issues", "", 200, "2026年9、10月合刊 第5期 总第37期"},
		{s.public + "/issues/37/a2", "", 200, `href="/issues/37/a3"`},
		{s.public + "/issues/37/a18", "", 404, "没有这一页"},
		{s.public + "/issues/37/a02", "", 404, "没有这一页"},
		{s.public + "/issues/37", "", 200, `id="a17"`},
		{s.public + "/issues/38", "", 404, "没有这一页"},
		{s.public + "/nonsense", "en-GB,en;q=0.9", 404, "There is no such page"},
		{s.public + "/unsubscribe", "", 403, "链接"},
		{s.public + "/healthz", "", 404, ""},
		{s.admin + "/healthz", "", 200, "ok"},
		{s.admin + "/readyz", "", 200, `"alarms":[]`},
	} {
		r, page := fetch(t, http.MethodGet, c.url, "", "Accept-Language", c.accept)
		if r.StatusCode != c.status || !strings.Contains(page, c.want) {
			t.Errorf("%s: %s, want %d and %q\n%s", c.url, r.Status, c.status, c.want, page)
		}
		if !strings.HasPrefix(c.url, s.public) {
			continue
		}
		for _, h := range []string{"Content-Security-Policy", "X-Content-Type-Options", "Referrer-Policy"} {
			if r.Header.Get(h) == "" {
				t.Errorf("%s: no %s", c.url, h)
			}
		}
	}
	if r, _ := fetch(t, http.MethodPost, s.public+"/", ""); r.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST / answers %s", r.Status)
	}
}

// TestPagesWithoutATitle: the host stands for a periodical that has no title.
func TestPagesWithoutATitle(t *testing.T) {
	o := newOffice(t, "127.0.0.1:1")
	o.edit("title: 港城茗讯\n", "")
	s := o.serve()
	for _, path := range []string{"/unsubscribe", "/", "/nonsense"} {
		if _, page := fetch(t, http.MethodGet, s.public+path, ""); !strings.Contains(page, "news.example.org") {
			t.Errorf("%s has no title:\n%s", path, page)
		}
	}
}

// TestOldRevisionStaysPublic: a new draft is nobody's business before it is sent.
func TestOldRevisionStaysPublic(t *testing.T) {
	o := newOffice(t, newSink(t, nil).Addr())
	o.ready()
	o.subscribe("email", "chen@example.org")
	s := o.serve()
	o.do("send", "37", "--wait")
	o.do("issue", "import", draftOf37(t))
	_, page := fetch(t, http.MethodGet, s.public+"/issues/37", "")
	if strings.Contains(page, "改过的一期") {
		t.Error("the page shows a draft")
	}
	o.do("issue", "approve", "37", "--note", "订正一处日期。")
	o.do("resend", "37", "--scope", "outdated", "--wait")
	_, page = fetch(t, http.MethodGet, s.public+"/issues/37", "")
	if !strings.Contains(page, "改过的一期") {
		t.Error("the page does not show the revision that was sent last")
	}
	if !strings.Contains(page, "更正。订正一处日期。") || !strings.Contains(page, "第 2 版") {
		t.Error("the page does not say what was corrected")
	}
}

func TestSecondDaemonIsRefused(t *testing.T) {
	o := newOffice(t, newSink(t, nil).Addr())
	s := o.serve()
	// The session opens with the dispatcher; a run that ends shows that it has.
	o.ready()
	o.subscribe("email", "chen@example.org")
	o.do("send", "37", "--wait")
	// The ports are taken as well, and that is not what has to be said.
	o.edit("listen: 127.0.0.1:0", "listen: "+strings.TrimPrefix(s.public, "http://"))
	o.edit("admin: 127.0.0.1:0", "admin: "+strings.TrimPrefix(s.admin, "http://"))
	_, stderr, code := o.try("serve", "--json")
	if code != exitFailed || !strings.Contains(stderr, `"code":"already-running"`) {
		t.Errorf("a second daemon ended with %d\n%s", code, stderr)
	}
	if code := s.stop(); code != exitOK {
		t.Errorf("the first daemon ended with %d", code)
	}
	o.serve()
}

func TestTakenPortIsAnError(t *testing.T) {
	o := newOffice(t, newSink(t, nil).Addr())
	s := o.serve()
	host, err := url.Parse(s.public)
	if err != nil {
		t.Fatal(err)
	}
	other := newOffice(t, "127.0.0.1:1")
	other.edit("listen: 127.0.0.1:0", "listen: "+host.Host)
	_, stderr, code := other.try("serve")
	if code != exitFailed || !strings.Contains(stderr, "http.listen") {
		t.Errorf("serve on a taken port ended with %d\n%s", code, stderr)
	}
}

func TestDeadRelayRaisesAnAlarm(t *testing.T) {
	o := newOffice(t, "127.0.0.1:1")
	o.ready()
	o.subscribe("email", "chen@example.org")
	s := o.serve()
	o.do("send", "37")
	alarmed := func() bool {
		r, page := fetch(t, http.MethodGet, s.admin+"/readyz", "")
		if r.StatusCode != http.StatusOK {
			t.Fatalf("a dead relay takes the daemon down: %s %s", r.Status, page)
		}
		return strings.Contains(page, dispatch.AlarmChannelStopped)
	}
	for !alarmed() {
		if t.Context().Err() != nil {
			t.Fatal("no alarm")
		}
	}
	if out := o.do("status", "37"); !strings.Contains(out, "渠道 email 停了") {
		t.Errorf("status does not tell:\n%s", out)
	}
	// Pausing gives the rows back; waiting then ends with 1.
	o.do("pause", "37")
	var status report
	o.asked(&status, "status", "37")
	if status.Runs[0].State != "paused" {
		t.Errorf("after pause the run is %s", status.Runs[0].State)
	}
}

func TestCheckLive(t *testing.T) {
	sink, err := standin.New(standin.Options{Username: "news", Password: "right"})
	if err != nil {
		t.Fatal(err)
	}
	run(t, sink)
	for password, want := range map[string]int{"right": exitOK, "wrong": exitFailed} {
		o := newOffice(t, sink.Addr())
		o.edit("tls: none", "tls: none, username: news, password: "+password)
		stdout, stderr, code := o.try("check", "--live", "--json")
		if code != want || strings.Contains(stdout, `"live":[{"channel":"email","ok":true`) != (want == exitOK) {
			t.Errorf("password %s: exit code %d\n%s%s", password, code, stdout, stderr)
		}
	}
	if n := len(sink.Messages()); n > 0 {
		t.Errorf("the check sent %d mails", n)
	}
}

// TestWatchEndsWithTheRun: status --watch shows every change and ends by itself.
func TestWatchEndsWithTheRun(t *testing.T) {
	o := newOffice(t, newSink(t, nil).Addr())
	o.ready()
	o.subscribe("email", "chen@example.org")
	o.do("send", "37")
	o.serve()
	lines := strings.Split(strings.TrimSpace(o.do("status", "37", "--watch", "--json")), "\n")
	var last report
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &last); err != nil || last.Runs[0].State != "finished" {
		t.Errorf("the last line is not of a finished run: %v\n%s", err, lines)
	}
}

// TestTestMailNamesWhatWasRefused: a mailbox that does not exist is no fault of
// the configuration.
func TestTestMailNamesWhatWasRefused(t *testing.T) {
	sink := newSink(t, func(phase, _, _ string, _ int) standin.Fault {
		if phase == "rcpt" {
			return standin.Fault{Code: 550, Text: "5.1.1 User unknown"}
		}
		return standin.Fault{}
	})
	o := newOffice(t, sink.Addr())
	o.ready()
	_, stderr, code := o.try("issue", "test", "37", "--to", "nobody@example.org")
	if code != exitFailed || !strings.Contains(stderr, "测试邮件没有寄出：邮箱不存在") || !strings.Contains(stderr, "被拒的是这个地址") || strings.Contains(stderr, "check --live") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
}

func TestTestMail(t *testing.T) {
	sink := newSink(t, nil)
	o := newOffice(t, sink.Addr())
	o.ready()
	o.do("issue", "test", "37", "--to", "editor@example.org")
	mails := sink.Messages()
	if len(mails) != 1 || mails[0].To != "editor@example.org" {
		t.Fatalf("the sink has %d mails", len(mails))
	}
	message, err := mail.ReadMessage(bytes.NewReader(mails[0].Raw))
	if err != nil {
		t.Fatal(err)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(message.Header.Get("Subject"))
	if err != nil || !strings.HasPrefix(subject, "[测试] 港城茗讯") {
		t.Errorf("subject %q, %v", subject, err)
	}
	if out := o.do("deliveries", "37"); !strings.Contains(out, "没有这样的投递") {
		t.Errorf("a test is in the ledger:\n%s", out)
	}
}
