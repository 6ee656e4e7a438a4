package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"yizhan/dispatch"
	"yizhan/dispatch/dispatchtest"
	"yizhan/dispatch/standin"
)

// TestWeChatPicture follows a picture from the file to the followers: it is
// uploaded once, whatever process wants it, and so is the cover.
func TestWeChatPicture(t *testing.T) {
	w := newAccount(t, 3, standin.WeChatOptions{})
	o := newOffice(t, newSink(t, nil).Addr())
	o.withWeChat(w, "")
	o.do("issue", "import", pageWithPicture(t))
	o.do("issue", "approve", "38")
	o.do("subscribers", "sync-wechat")

	out := t.TempDir()
	o.do("issue", "preview", "38", "--channel", "wechat", "-o", out)
	page, err := os.ReadFile(filepath.Join(out, "wechat.html"))
	if err != nil || !regexp.MustCompile(`<img src="data:image/png;base64,[^"]+" alt="码头"`).Match(page) {
		t.Errorf("the preview shows no picture: %v", err)
	}
	if w.Calls("/cgi-bin/media/uploadimg") != 0 {
		t.Error("a preview uploads")
	}
	for range 2 { // each command is a process of its own
		o.do("issue", "test", "38", "--to", "openid:"+follower(1))
	}
	s := o.serve()
	o.do("send", "38", "--channel", "wechat", "--wait")
	if pictures, covers := w.Calls("/cgi-bin/media/uploadimg"), w.Calls("/cgi-bin/material/add_material"); pictures != 1 || covers != 1 {
		t.Errorf("%d uploads of the picture, %d of the cover", pictures, covers)
	}
	got := w.Messages()
	if len(got) != 2+3 {
		t.Fatalf("%d messages", len(got))
	}
	for _, m := range got {
		src := regexp.MustCompile(`<img src="([^"]+)" alt="码头"`).FindStringSubmatch(m.Article.Content)
		if src == nil || !strings.HasPrefix(string(w.Image(src[1])), "\x89PNG") {
			t.Errorf("%s to %s has no picture:\n%s", m.Kind, m.OpenID, m.Article.Content)
		}
	}

	// What the platform says of the job is in the status.
	tell(t, w, s, w.Events()[0])
	var status report
	until(t, func() bool {
		o.asked(&status, "status", "38")
		return status.Runs[0].Jobs["wechat"].Reported == 1
	})
	if want := (dispatch.Jobs{Jobs: 1, Reported: 1, Counted: 1, Total: 3, Filtered: 3, Sent: 3}); status.Runs[0].Jobs["wechat"] != want {
		t.Errorf("jobs %+v", status.Runs[0].Jobs)
	}
	if text := o.do("status", "38"); !strings.Contains(text, "过滤后") || !regexp.MustCompile(`wechat +1 +1 +3 +3 +3 +0`).MatchString(text) {
		t.Errorf("status says\n%s", text)
	}
}

// TestWeChatPictureRefused: what the platform does not take is left out, and send
// and status say so.
func TestWeChatPictureRefused(t *testing.T) {
	w := newAccount(t, 3, standin.WeChatOptions{Script: func(c standin.WeChatCall) standin.WeChatFault {
		if c.Path == "/cgi-bin/media/uploadimg" {
			return standin.WeChatFault{Code: 40009, Text: "invalid image size"}
		}
		return standin.WeChatFault{}
	}})
	o := newOffice(t, newSink(t, nil).Addr())
	o.withWeChat(w, "")
	o.do("issue", "import", pageWithPicture(t))
	o.do("issue", "approve", "38")
	o.do("subscribers", "sync-wechat")
	const said = "公众平台不收《新茶到港》的图片（40009 invalid image size"
	if text := o.do("send", "38", "--channel", "wechat"); !strings.Contains(text, said) {
		t.Errorf("send says\n%s", text)
	}
	if text := o.do("status", "38"); !strings.Contains(text, said) {
		t.Errorf("status says\n%s", text)
	}
	o.serve()
	until(t, func() bool { return len(w.Messages()) == 3 })
	if strings.Contains(w.Messages()[0].Article.Content, "<img") {
		t.Error("the article has a picture")
	}
}

// TestWeChatWithoutItsRedis: Redis goes away in mid-run, and the token with it; the
// daemon's own takes over, and everybody gets one message.
func TestWeChatWithoutItsRedis(t *testing.T) {
	r := dispatchtest.StartRedis(t)
	const path, readers = "/cgi-bin/message/template/send", 40
	var w *standin.WeChat
	w = newAccount(t, readers, standin.WeChatOptions{Templates: []string{"T1"}, Script: func(c standin.WeChatCall) standin.WeChatFault {
		if c.Path == path && c.Nth == readers/4 {
			r.Kill()
			w.Revoke(false)
		}
		return standin.WeChatFault{}
	}})
	o := newOffice(t, newSink(t, nil).Addr())
	o.withWeChat(w, ", mode: template, template: {id: T1, fields: {thing1: title}}, rate: 200/s")
	o.withRedis("unix://" + r.Socket)
	o.ready()
	o.do("subscribers", "sync-wechat")
	s := o.serve()
	o.do("send", "37", "--channel", "wechat")
	if n := o.finished(); n[dispatch.StateSent] != readers || n.Total() != readers {
		t.Errorf("deliveries %v", n)
	}
	got := map[string]int{}
	for _, m := range w.Messages() {
		got[m.OpenID]++
	}
	if len(got) != readers || len(w.Messages()) != readers {
		t.Errorf("%d followers got %d messages", len(got), len(w.Messages()))
	}
	if n := w.Forced(); n > 1 {
		t.Errorf("%d refreshes were forced", n)
	}
	s.stop()
	if log := s.log.String(); !strings.Contains(log, "the shared access token is out of reach") || strings.Contains(log, wxSecret) {
		t.Errorf("log:\n%s", log)
	}
}
