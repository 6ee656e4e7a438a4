package main

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"yizhan/dispatch/standin"
)

// TestBindingInBrowser is what a reader by mail and by WeChat sees: how to bind them, the
// code, that they are bound and apart again, and the way to a reminder.
func TestBindingInBrowser(t *testing.T) {
	t.Parallel()
	const me = "lu.yu@example.org"
	w := newAccount(t, 2, standin.WeChatOptions{Once: "ONCE1"})
	sink := newSink(t, nil)
	o := newOffice(t, sink.Addr())
	o.withWeChat(w, ", remind: ONCE1")
	o.ready()
	o.people(fmt.Sprintf("email,wechat\n%s,\n,%s\n,%s\n", me, follower(0), follower(1)))
	s := o.serve()
	w.Answers(s.public + "/wechat")
	o.do("send", "37", "--wait")
	v := newVisitor(t, s.public)
	status := func(words string) {
		t.Helper()
		v.in(v.ctx, chromedp.WaitVisible(fmt.Sprintf(`//p[@role="status"][contains(.,%q)]`, words)))
	}

	v.visit("issue-reminding", "/issues/37")
	v.visit("remind-elsewhere", remindPath)
	v.visit("remind-done", remindPath+"?said=done")
	v.visit("remind-declined", remindPath+"?said=declined")
	v.refused("remind-expired", remindPath+"?action=confirm")

	v.open(v.base+"/manage/link", 360)
	v.fill("email", me)
	v.press("把链接寄给我")
	v.arrive("binding-link-sent", "请查看您的邮箱")
	v.visit("binding-can", awaitMail(t, sink, me, regexp.MustCompile(`/manage\?t=\S+`)))
	v.press("绑定微信")
	v.in(v.ctx, chromedp.WaitVisible(`//p[@class="code"]`))
	top, err := chromedp.Run(v.ctx, chromedp.Evaluate[float64](`document.querySelector('.code').getBoundingClientRect().top`))
	if err != nil || top < 0 || top > 900 {
		t.Errorf("the code is %v from the top, %v: nobody finds it", top, err)
	}
	v.examine("binding-offer")
	code, err := chromedp.Run(v.ctx, chromedp.Text(`//p[@class="code"]`))
	if err != nil {
		t.Fatal(err)
	}
	if reply, err := w.Say(t.Context(), follower(0), "绑定 "+code); err != nil || !strings.Contains(reply, "已和") {
		t.Fatalf("%s, %v", reply, err)
	}
	v.visit("binding-bound", awaitMail(t, sink, me, regexp.MustCompile(`/manage\?t=\S+`)))
	v.press("解除绑定")
	status("已解除绑定")
	v.examine("binding-unbound")
	v.quiet()
}
