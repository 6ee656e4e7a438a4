package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/smtp"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"yizhan/dispatch"
	"yizhan/dispatch/email"
	"yizhan/dispatch/standin"
	"yizhan/dispatch/wechat"
)

// TestDemoEndsAsScripted runs the demo as anybody would and looks at what it
// leaves in its directory.
func TestDemoEndsAsScripted(t *testing.T) {
	t.Parallel()
	o := &office{t: t, config: "none.yaml", channels: channels()}
	dir := t.TempDir()
	stdout, stderr, code := o.try("demo", "--exit", "--http", "127.0.0.1:0", "--dir", dir, "--json")
	if code != exitOK {
		t.Fatalf("exit code %d\n%s%s", code, stdout, stderr)
	}
	ready, report, _ := strings.Cut(stdout, "\n")
	if !strings.HasPrefix(ready, "ready http://127.0.0.1:") {
		t.Errorf("first line %q", ready)
	}
	var got outcome
	if err := json.Unmarshal([]byte(report), &got); err != nil {
		t.Fatalf("%v\n%s", err, report)
	}
	if !got.AsScripted || got.Subscribers != 54 || got.Mails != 43 || got.Messages != 11 || got.URL != strings.TrimPrefix(ready, "ready ") {
		t.Errorf("reported %+v", got)
	}
	want := []reasonCount{
		{dispatch.StateSent, "", 54},
		{dispatch.StateFailed, "mailbox-unknown", 2},
		{dispatch.StateSkipped, "unsubscribed", 2},
		{dispatch.StateSkipped, "suppressed", 1},
	}
	if diff := cmp.Diff(want, got.Reasons); diff != "" {
		t.Errorf("reasons (-want +got):\n%s", diff)
	}

	// What is left can be asked with every command.
	o.config = filepath.Join(dir, "yizhan.yaml")
	ledger := map[string]dispatch.Record{}
	for line := range strings.Lines(o.do("deliveries", "37", "--json")) {
		var r dispatch.Record
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatal(err)
		}
		ledger[r.Address] = r
	}
	for address, reply := range map[string]string{deadMailbox: "5.1.1 User unknown", deadAsWell: "5.1.1 The email account that you tried to reach does not exist"} {
		if r := ledger[address]; r.State != dispatch.StateFailed || r.Code != 550 || r.Reply != reply {
			t.Errorf("dead mailbox: %+v", r)
		}
	}
	copies := arrived(t, dir)
	for _, m := range mishaps() {
		want := 0
		if m.state == dispatch.StateSent {
			want = 1
		}
		if m.fault.Lose {
			want = 2
		}
		if m.address == askedTwice {
			want = 0 // no mail: an article
		}
		if copies[m.address] != want {
			t.Errorf("%s got %d mails, want %d", m.address, copies[m.address], want)
		}
		delete(copies, m.address)
	}
	for address, n := range copies {
		if n != 1 || ledger[address].State != dispatch.StateSent {
			t.Errorf("%s got %d mails and is %s", address, n, ledger[address].State)
		}
	}
	if n := len(copies) + 7; n != 43 { // seven of the mishaps end well
		t.Errorf("%d people got a mail", n)
	}

	// A directory with something in it is left alone.
	if _, _, code := o.try("demo", "--exit", "--http", "127.0.0.1:0", "--dir", dir); code != exitUsage {
		t.Errorf("the same directory again: exit code %d, want %d", code, exitUsage)
	}
}

// arrived counts the mails that the sink of a demo took, by recipient.
func arrived(t *testing.T, dir string) map[string]int {
	t.Helper()
	sink, err := standin.New(standin.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := sink.Run(ctx); err != nil {
		t.Fatal(err)
	}
	copies := map[string]int{}
	for _, m := range sink.Messages() {
		copies[m.To]++
		if !strings.Contains(string(m.Raw), "\r\nTo: <"+m.To+">\r\n") {
			t.Errorf("the mail to %s does not say so, or says more", m.To)
		}
	}
	return copies
}

// shown is a demo that has sent everything and goes on serving.
type shown struct {
	url, dir string
	stdout   string // up to the end of the run
	stop     func() int
}

// showDemo starts a demo with a quick relay and waits until all is sent.
func showDemo(t *testing.T) shown {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	r, w := io.Pipe()
	ended := make(chan int, 1)
	p := program{stdin: strings.NewReader(""), stdout: w, stderr: io.Discard, getenv: func(string) string { return "" }, channels: channels()}
	s := shown{dir: filepath.Join(t.TempDir(), "demo")}
	go func() {
		err := (&demoCmd{HTTP: "127.0.0.1:0", Dir: s.dir, pace: 20 * time.Millisecond}).Run(ctx, &call{program: p})
		w.CloseWithError(io.EOF)
		if err != nil {
			ended <- p.fail(err, false)
			return
		}
		ended <- exitOK
	}()
	code, stopped := 0, false
	s.stop = func() int {
		if !stopped {
			stopped = true
			cancel()
			code = <-ended
		}
		return code
	}
	t.Cleanup(func() { s.stop() })
	var all strings.Builder
	lines := bufio.NewScanner(r)
	for lines.Scan() && !strings.HasPrefix(lines.Text(), "按 Ctrl-C") {
		fmt.Fprintln(&all, lines.Text())
	}
	go func() { _, _ = io.Copy(io.Discard, r) }()
	s.stdout = all.String()
	first, _, _ := strings.Cut(s.stdout, "\n")
	url, ok := strings.CutPrefix(first, "ready ")
	if !ok {
		t.Fatalf("first line %q", first)
	}
	s.url = url
	return s
}

func TestDemoPages(t *testing.T) {
	t.Parallel()
	demo := showDemo(t)
	for _, want := range []string{"已送出                  54", "失败    邮箱不存在       2", "沈桂舟    shen.guizhou@chaosheng-mail.example   已送出           2  451 4.7.1"} {
		if !strings.Contains(demo.stdout, want) {
			t.Errorf("%q is not in the summary:\n%s", want, demo.stdout)
		}
	}
	var mails []received
	answer, page := fetch(t, http.MethodGet, demo.url+"/demo/mails.json", "")
	if err := json.Unmarshal([]byte(page), &mails); err != nil || len(mails) != 43 {
		t.Fatalf("%s, %d mails, %v", answer.Status, len(mails), err)
	}
	for n, m := range mails {
		if m.N != n+1 || m.To == "" || strings.Contains(m.To, ",") || !strings.Contains(m.Subject, "港城茗讯") || !strings.HasSuffix(m.MessageID, ".37@langang-tea.example>") || m.At.IsZero() || m.Size < 10_000 {
			t.Errorf("mail %+v", m)
		}
		if twice := m.To == lostReply; (m.Copies == 2) != twice {
			t.Errorf("the mail to %s came %d times", m.To, m.Copies)
		}
	}
	hostile(t, demo)
	for path, want := range map[string][]string{
		"/demo":                       {"第 37 期：已完成", "59 份投递，59 份有了结果", "用同一个编号再问", `href="/demo/wechat/oLgdyfH1-iVD6aITf-65vfUOTBg9"`, "451 4.7.1 Greylisting in action", "yizhan.yaml deliveries 37"},
		"/demo/mails":                 {"44 封", "沈桂舟", "原样到了 2 次", "&lt;img src=x onerror=alert(1)&gt;"},
		"/demo/mails/1":               {`<iframe class="letter" src="/demo/mails/1/html" sandbox="allow-popups allow-popups-to-escape-sandbox"`},
		"/demo/mails/1?as=text":       {"【卷首语】", demo.url + "/unsubscribe?t="},
		"/demo/mails/1?as=source":     {"<dt>List-Unsubscribe-Post</dt><dd>List-Unsubscribe=One-Click</dd>", "Subject: =?UTF-8?B?"},
		"/demo/mails/44?as=text":      {"&lt;/pre&gt;&lt;script&gt;"},
		"/demo/wechat":                {"12 位订户", "骆晚亭", "已取消关注", "港城茗讯 2026年第5期（总第37期）", `href="/demo/wechat/` + askedTwice + `"`},
		"/demo/wechat/" + askedTwice:  {"简书眠", "resend 37 --scope one --to " + askedTwice, `<iframe class="letter handset" src="/demo/wechat/` + askedTwice + `/phone" sandbox="allow-popups allow-popups-to-escape-sandbox"`},
		"/demo/ledger":                {"全部 59", `<a href="/demo/wechat/` + askedTwice + `">公众号</a>`, "康平安", "发行以前就已经退订或暂停", `<a href="/demo/mails/1">第 1 封</a>`},
		"/demo/ledger?state=failed":   {"550 5.1.1 User unknown", "邮箱不存在", "罗知夏"},
		"/demo/ledger?state=skipped":  {"花念慈", "已退订", "彭来风", "在禁发名单里"},
		"/demo/ledger?state=%3Cb%3Ex": {"没有这样的投递"},
	} {
		answer, page := fetch(t, http.MethodGet, demo.url+path, "")
		if answer.StatusCode != http.StatusOK || !strings.Contains(answer.Header.Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%s: %s, %v", path, answer.Status, answer.Header)
		}
		for _, text := range want {
			if !strings.Contains(page, text) {
				t.Errorf("%s has no %q", path, text)
			}
		}
		if strings.Contains(page, "<script") || strings.Contains(page, "<img src=x") || strings.Contains(page, "style=") {
			t.Errorf("%s has something that is not ours", path)
		}
	}
	for _, path := range []string{"/demo/mails/0", "/demo/mails/45", "/demo/mails/x", "/demo/none", "/demo/mails/45/html", "/demo/mails/1/none", "/demo/wechat/nobody", "/demo/wechat/" + limited, "/demo/wechat/nobody/phone"} {
		if answer, _ := fetch(t, http.MethodGet, demo.url+path, ""); answer.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %s", path, answer.Status)
		}
	}
	if answer, _ := fetch(t, http.MethodGet, demo.url+"/favicon.ico", ""); answer.StatusCode != http.StatusOK || answer.Header.Get("Content-Type") != "image/svg+xml" {
		t.Errorf("icon: %s, %s", answer.Status, answer.Header.Get("Content-Type"))
	}
	if _, page := fetch(t, http.MethodGet, demo.url+"/demo/ledger", "", "Accept-Language", "en"); !strings.Contains(page, "who got it, who did not, and why") {
		t.Error("the ledger is not in English")
	}
	phones(t, demo)
	talks(t, demo)
	leaves(t, demo, mails[0])
	if code := demo.stop(); code != exitOK {
		t.Errorf("stopped with exit code %d", code)
	}
}

// phones looks at what followers received: each of those who stayed one article,
// and on their telephone the card with its cover, and the article.
func phones(t *testing.T, demo shown) {
	t.Helper()
	var messages []standin.WeChatMessage
	_, body := fetch(t, http.MethodGet, demo.url+"/demo/wechat.json", "")
	if err := json.Unmarshal([]byte(body), &messages); err != nil || len(messages) != 11 {
		t.Fatalf("%d messages, %v", len(messages), err)
	}
	seen := map[string]bool{}
	for _, m := range messages {
		if seen[m.OpenID] || m.Kind != "mass" || m.Key == "" || m.Key != messages[0].Key || m.Article.SourceURL != demo.url+"/issues/37" {
			t.Errorf("message %+v", m)
		}
		seen[m.OpenID] = true
	}
	if seen[unfollows] {
		t.Error("somebody who has left got the article")
	}
	answer, page := fetch(t, http.MethodGet, demo.url+"/demo/wechat/"+askedTwice+"/phone", "")
	if !strings.Contains(answer.Header.Get("Content-Security-Policy"), "sandbox allow-popups") {
		t.Errorf("the telephone may do things: %v", answer.Header)
	}
	for _, want := range []string{"data:image/png;base64,iVBOR", "第六届港城秋茶评比揭晓", "末班渡轮上的那壶茶", `>阅读原文</a>`} {
		if !strings.Contains(page, want) {
			t.Errorf("the telephone has no %q", want)
		}
	}
	if _, page := fetch(t, http.MethodGet, demo.url+"/demo/wechat/"+unfollows+"/phone", ""); !strings.Contains(page, "还没有收到消息") {
		t.Error("a telephone without messages does not say so")
	}
}

// talks types into a follower's telephone.
func talks(t *testing.T, demo shown) {
	t.Helper()
	telephone := demo.url + "/demo/wechat/" + askedTwice
	says := func(name, value string, want ...string) {
		t.Helper()
		form := url.Values{name: {value}}.Encode()
		if answer, page := fetch(t, http.MethodPost, telephone, form, "Content-Type", "application/x-www-form-urlencoded"); answer.StatusCode != http.StatusOK || !strings.Contains(page, "简书眠") {
			t.Fatalf("%s=%s: %s\n%s", name, value, answer.Status, page)
		}
		_, page := fetch(t, http.MethodGet, telephone+"/phone", "")
		for _, text := range want {
			if !strings.Contains(page, text) {
				t.Errorf("%s=%s: the telephone has no %q", name, value, text)
			}
		}
	}
	says("text", "第三十七期<b>", `<p class="said mine">第三十七期&lt;b&gt;</p>`, "没有听懂")
	says("text", "第三十七期", "共 17 篇，回复「目录37」看全部\n"+demo.url+"/issues/37")
	says("key", "help", "可以这样说：")
	says("text", "退订", "已退订，新刊不再发到这里")
	says("leave", "1")
	if _, page := fetch(t, http.MethodGet, telephone, ""); !strings.Contains(page, "重新关注") {
		t.Errorf("after leaving:\n%s", page)
	}
	says("follow", "1", "您以前退订过")
	says("text", "Subscribe again, please", "You are subscribed")
	for path, status := range map[string]int{"/demo/wechat/nobody": 404, "/demo/wechat/" + askedTwice: 413} {
		if answer, _ := fetch(t, http.MethodPost, demo.url+path, "text="+strings.Repeat("x", maxSaid), "Content-Type", "application/x-www-form-urlencoded"); answer.StatusCode != status {
			t.Errorf("%s: %s", path, answer.Status)
		}
	}
}

// hostile sends the sink a mail that tries everything; it is number 44.
func hostile(t *testing.T, demo shown) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(demo.dir, "yizhan.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	relay := regexp.MustCompile(`smtp: \{address: "([^"]+)"`).FindStringSubmatch(string(text))[1]
	raw := "Subject: <img src=x onerror=alert(1)>\r\nMessage-ID: <\"><script>alert(2)</script>@x.example>\r\n" +
		"Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n</pre><script>alert(3)</script>\r\n" +
		"--b\r\nContent-Type: text/html\r\n\r\n<html><head></head><body><script>alert(4)</script>\r\n--b--\r\n"
	if err := smtp.SendMail(relay, nil, "x@x.example", []string{"<b>@x.example"}, []byte(raw)); err == nil {
		t.Fatal("the sink took an address that is none")
	}
	if err := smtp.SendMail(relay, nil, "x@x.example", []string{"b@x.example"}, []byte(raw)); err != nil {
		t.Fatal(err)
	}
	answer, page := fetch(t, http.MethodGet, demo.url+"/demo/mails/44/html", "")
	policy := answer.Header.Get("Content-Security-Policy")
	if !strings.Contains(page, "<script>alert(4)") || !strings.Contains(policy, "default-src 'none'") ||
		!strings.Contains(policy, "sandbox allow-popups") || strings.Contains(policy, "allow-scripts") {
		t.Errorf("the HTML of a mail may do things: %s", policy)
	}
}

// leaves takes the way of a reader who unsubscribes.
func leaves(t *testing.T, demo shown, m received) {
	t.Helper()
	_, page := fetch(t, http.MethodGet, fmt.Sprintf("%s/demo/mails/%d/html", demo.url, m.N), "")
	link := regexp.MustCompile(`href="(` + regexp.QuoteMeta(demo.url) + `/unsubscribe\?t=[^"]+)"`).FindStringSubmatch(page)
	if link == nil {
		t.Fatal("the mail has no link for leaving")
	}
	if _, page := fetch(t, http.MethodGet, link[1], ""); !strings.Contains(page, "确认退订") {
		t.Errorf("the page behind the link:\n%s", page)
	}
	if answer, page := fetch(t, http.MethodPost, link[1], url.Values{}.Encode()); answer.StatusCode != http.StatusOK || !strings.Contains(page, "已经退订") {
		t.Errorf("the button: %s\n%s", answer.Status, page)
	}
	// And the two who left in mid-run; who has just left the account and come back is
	// known again when the platform's word of both has been worked on.
	until(t, func() bool {
		_, page := fetch(t, http.MethodGet, demo.url+"/demo/ledger", "")
		return strings.Count(page, "现已退订") == 3
	})
}

// TestDemoWithoutADirectory cleans up behind itself, and stops when it is asked
// to in the middle of the run.
func TestDemoWithoutADirectory(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	taken, err := net.Listen("tcp", demoListen)
	if err == nil {
		defer taken.Close()
	}
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	ended := make(chan int, 1)
	p := program{stdin: strings.NewReader(""), stdout: w, stderr: io.Discard, getenv: func(string) string { return "" }, channels: channels()}
	go func() {
		code := p.run(ctx, []string{"demo"})
		w.CloseWithError(io.EOF)
		ended <- code
	}()
	lines := bufio.NewScanner(r)
	for lines.Scan() && !strings.HasPrefix(lines.Text(), "列入发行") {
		if lines.Text() == "ready http://"+demoListen {
			t.Error("it took a port that was taken")
		}
	}
	if there, err := os.ReadDir(tmp); err != nil || len(there) != 1 {
		t.Errorf("%d directories, %v", len(there), err)
	}
	cancel()
	_, _ = io.Copy(io.Discard, r)
	if code := <-ended; code != exitOK {
		t.Errorf("exit code %d", code)
	}
	if there, err := os.ReadDir(tmp); err != nil || len(there) != 0 {
		t.Errorf("%d directories are left, %v", len(there), err)
	}
}

// TestDifferences: the demo must be able to fail.
func TestDifferences(t *testing.T) {
	s := &script{mishaps: mishaps()}
	good := func() ([]entry, []received, []standin.WeChatMessage) {
		var ledger []entry
		var mails []received
		var messages []standin.WeChatMessage
		add := func(address string, m mishap) {
			id := "<" + address + ">"
			channel := email.Name
			if !strings.Contains(address, "@") {
				channel = wechat.Name
			}
			e := entry{Record: dispatch.Record{Channel: channel, Address: address, State: m.state, Reason: m.reason, MessageID: id}}
			e.tries = make([]dispatch.Attempt, min(m.times, 2))
			if m.times == always {
				e.tries = e.tries[:1]
			}
			ledger = append(ledger, e)
			if m.state != dispatch.StateSent {
				return
			}
			if channel == wechat.Name {
				messages = append(messages, standin.WeChatMessage{OpenID: address})
				return
			}
			arrived := received{N: len(mails) + 1, To: address, MessageID: id, Copies: 1}
			if m.fault.Lose {
				arrived.Copies = 2
			}
			mails = append(mails, arrived)
		}
		add("anybody@x.example", mishap{state: dispatch.StateSent})
		for _, m := range s.mishaps {
			add(m.address, m)
		}
		return ledger, mails, messages
	}
	at := func(ledger []entry, address string) *entry {
		return &ledger[slices.IndexFunc(ledger, func(e entry) bool { return e.Address == address })]
	}
	for name, spoil := range map[string]func([]entry, []received) []received{
		"a dead one sent":      func(l []entry, m []received) []received { at(l, deadMailbox).State = dispatch.StateSent; return m },
		"somebody unconfirmed": func(l []entry, m []received) []received { l[0].State = dispatch.StateUnconfirmed; return m },
		"another reason":       func(l []entry, m []received) []received { at(l, suppressed).Reason = "paused"; return m },
		"no greylisting":       func(l []entry, m []received) []received { at(l, greylisted).tries = nil; return m },
		"an unplanned failure": func(l []entry, m []received) []received { l[0].tries = make([]dispatch.Attempt, 1); return m },
		"a mail too many":      func(l []entry, m []received) []received { return append(m, received{MessageID: "<x>"}) },
		"a mail missing":       func(l []entry, m []received) []received { return m[1:] },
		"a doubled mail":       func(l []entry, m []received) []received { m[0].Copies = 2; return m },
		"to somebody else":     func(l []entry, m []received) []received { m[0].To = "other@x.example"; return m },
		"one id for two":       func(l []entry, m []received) []received { m[1].MessageID = m[0].MessageID; return m },
	} {
		ledger, mails, messages := good()
		if d := s.differences(ledger, mails, messages); len(d) > 0 {
			t.Fatalf("differences where there are none: %v", d)
		}
		if d := s.differences(ledger, spoil(ledger, mails), messages); len(d) == 0 {
			t.Errorf("%s: no difference seen", name)
		}
	}
	ledger, mails, messages := good()
	for name, spoiled := range map[string][]standin.WeChatMessage{
		"an article missing": nil,
		"an article twice":   append(messages, messages...),
		"who has left":       append(messages, standin.WeChatMessage{OpenID: unfollows}),
	} {
		if d := s.differences(ledger, mails, spoiled); len(d) == 0 {
			t.Errorf("%s: no difference seen", name)
		}
	}
}

func TestReachable(t *testing.T) {
	for _, c := range []struct{ asked, at, want string }{
		{"", "127.0.0.1:8025", "http://127.0.0.1:8025"},
		{"127.0.0.1:0", "127.0.0.1:4711", "http://127.0.0.1:4711"},
		{":80", "[::]:80", "http://127.0.0.1:80"},
		{"0.0.0.0:80", "0.0.0.0:80", "http://127.0.0.1:80"},
		{"localhost:80", "127.0.0.1:80", "http://localhost:80"},
		{"[::1]:80", "[::1]:80", "http://[::1]:80"},
	} {
		at, err := net.ResolveTCPAddr("tcp", c.at)
		if err != nil {
			t.Fatal(err)
		}
		if got := reachable(c.asked, at); got != c.want {
			t.Errorf("%q at %s is %s, want %s", c.asked, c.at, got, c.want)
		}
	}
}

func TestMailParts(t *testing.T) {
	raw := "Subject: =?UTF-8?B?6IyX?=\r\n =?UTF-8?B?6K6v?=\r\nX: a\r\n\tb\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n" +
		"--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n6IyX\r\n6K6v\r\n" +
		"--b\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n<p>=E8=8C=97</p>\r\n--b--\r\n"
	plain, html, err := bodies([]byte(raw))
	if err != nil || plain != "茗讯" || html != "<p>茗</p>" {
		t.Errorf("%q, %q, %v", plain, html, err)
	}
	want := []field{{"Subject", "茗讯"}, {"X", "a b"}, {"Content-Type", "multipart/alternative; boundary=b"}}
	if diff := cmp.Diff(want, header([]byte(raw))); diff != "" {
		t.Errorf("header (-want +got):\n%s", diff)
	}
	for _, bad := range []string{"", "x", "Subject: a\r\n\r\nb", "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n"} {
		if _, _, err := bodies([]byte(bad)); err == nil {
			t.Errorf("%q has parts", bad)
		}
		header([]byte(bad)) // does not panic
	}
}
