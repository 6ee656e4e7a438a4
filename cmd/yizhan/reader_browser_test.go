package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"yizhan/dispatch/standin"
)

// pictures is where TestReaderInBrowser leaves what it sees; make screenshots sets it.
var pictures = flag.String("pictures", "", "write pictures of the pages into this folder")

// axeFile is where .ci/install.sh puts axe-core.
const axeFile = "../../.ci/node_modules/axe-core/axe.min.js"

// visitor is a browser that looks at pages as different people do: on a telephone
// and at a desk, by day and by night, and with the eyes of axe-core.
type visitor struct {
	*browser
	base, axe string
	seen      map[string]bool
}

// newVisitor skips the test where there is no browser or no axe-core.
func newVisitor(t *testing.T, base string) *visitor {
	t.Helper()
	axe, err := os.ReadFile(axeFile)
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("there is no axe-core; make test, or .ci/install.sh, installs it")
	}
	if err != nil {
		t.Fatal(err)
	}
	return &visitor{browser: newBrowser(t), base: base, axe: string(axe), seen: map[string]bool{}}
}

// visit opens a page and examines it under a name.
func (v *visitor) visit(name, path string) {
	v.t.Helper()
	v.open(v.base+path, 360)
	v.examine(name)
}

// refused is visit for what is answered by a page that says why not; the browser
// itself complains about its status.
func (v *visitor) refused(name, path string) {
	v.t.Helper()
	v.open(v.base+path, 360)
	v.forget()
	v.examine(name)
}

// forget drops what was complained about.
func (v *visitor) forget() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.complaints = nil
}

// arrive waits until the page has a heading, and examines it.
func (v *visitor) arrive(name, heading string) {
	v.t.Helper()
	v.in(v.ctx, chromedp.WaitVisible(fmt.Sprintf(`//h1[starts-with(normalize-space(.),%q)]`, heading)))
	v.examine(name)
}

// examine looks at the page that is open: nothing sticks out of it, axe-core finds
// nothing by day or night, and nothing was complained about.
func (v *visitor) examine(name string) {
	v.t.Helper()
	if v.seen[name] {
		return
	}
	v.seen[name] = true
	v.quiet()
	for _, width := range []int64{360, 1100} {
		v.in(v.ctx, chromedp.EmulateViewport(width, 900))
		wide, err := chromedp.Run(v.ctx, chromedp.Evaluate[int64](`document.documentElement.scrollWidth`))
		if err != nil {
			v.t.Fatal(err)
		}
		if wide > width {
			v.t.Errorf("%s at %d: %d wide", name, width, wide)
		}
		for _, scheme := range []string{"light", "dark"} {
			v.paint(scheme)
			if *pictures != "" {
				v.picture(fmt.Sprintf("%s-%d-%s.png", name, width, scheme))
			}
			if width == 360 {
				v.accessible(name + " " + scheme)
			}
		}
	}
	v.paint("light")
	v.in(v.ctx, chromedp.EmulateViewport(360, 900))
	v.forget() // what axe-core tried and the page's policy refused
}

// paint makes it day or night.
func (v *visitor) paint(scheme string) {
	v.t.Helper()
	if _, err := chromedp.Call(v.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	}); err != nil {
		v.t.Fatal(err)
	}
}

func (v *visitor) picture(name string) {
	v.t.Helper()
	png, err := chromedp.Run(v.ctx, chromedp.FullScreenshot(100))
	if err == nil {
		err = os.WriteFile(filepath.Join(*pictures, name), png, 0o644)
	}
	if err != nil {
		v.t.Fatal(err)
	}
}

// violation is what axe-core has against a page.
type violation struct {
	ID, Help string
	Nodes    []struct{ HTML, FailureSummary string }
}

// accessible runs every rule of axe-core. The page's own scripts stay off; axe-core
// comes with the test, as a person's own tool would.
func (v *visitor) accessible(name string) {
	v.t.Helper()
	script := func(off bool) {
		if _, err := chromedp.Call(v.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: off}); err != nil {
			v.t.Fatal(err)
		}
	}
	script(false)
	defer script(true)
	if _, err := chromedp.Run(v.ctx, chromedp.Evaluate[bool](`if (!window.axe) {`+v.axe+`}; true`)); err != nil {
		v.t.Fatal(err)
	}
	found, err := chromedp.Run(v.ctx, chromedp.Evaluate[string](
		`axe.run(document, {preload: false, resultTypes: ['violations']}).then(r => JSON.stringify(r.violations))`, chromedp.EvalAwaitPromise))
	if err != nil {
		v.t.Fatalf("%s: %v", name, err)
	}
	var all []violation
	if err := json.Unmarshal([]byte(found), &all); err != nil {
		v.t.Fatal(err)
	}
	for _, one := range all {
		for _, n := range one.Nodes {
			v.t.Errorf("%s: %s: %s\n%s\n%s", name, one.ID, one.Help, n.HTML, n.FailureSummary)
		}
	}
}

// press presses a button by its words.
func (v *visitor) press(words string) {
	v.t.Helper()
	v.in(v.ctx, chromedp.Click(fmt.Sprintf(`//button[normalize-space(.)=%q]`, words)))
}

// fill types into a field.
func (v *visitor) fill(id, text string) {
	v.t.Helper()
	v.in(v.ctx, chromedp.SendKeys(chromedp.CSS("#"+id), text))
}

// check ticks a box by the words beside it.
func (v *visitor) check(words string) {
	v.t.Helper()
	v.in(v.ctx, chromedp.Click(fmt.Sprintf(`//label[contains(.,%q)]/input`, words)))
}

// newsSample is a second issue with two sections of the first.
const newsSample = `---
title: 港城茗讯
total: 38
---

# 协会要闻

## 冬季品鉴会定在十二月

来源：秘书处

今年的品鉴会在仓前街举行，会员可以带一位朋友。

# 茶烟咖香

## 一壶水的三次沸腾

来源：本刊

水初沸如蟹眼，再沸如连珠，三沸就老了。
`

// TestReaderInBrowser is what a reader does, without JavaScript: subscribe by the
// page, confirm by the mail, choose a section, get just that of the next issue, leave
// and come back, move to another address.
func TestReaderInBrowser(t *testing.T) {
	t.Parallel()
	o, s, sink := newsroom(t, "members_sections: [新会员]")
	v := newVisitor(t, s.public)
	const me, moved = "lu.yu@example.org", "lu.yu@example.net"
	mailed := func(who, link string) string { return awaitMail(t, sink, who, regexp.MustCompile(link)) }

	v.visit("home", "/")
	v.visit("issues", "/issues")
	v.visit("issue", "/issues/37")
	v.visit("article", "/issues/37/a3")
	v.visit("locked", "/issues/37/a11")

	v.visit("subscribe", "/subscribe")
	v.fill("email", me)
	v.check("我同意")
	v.press("订阅")
	v.arrive("subscribed", "请查看您的邮箱")

	v.visit("confirm", mailed(me, `/confirm\?t=\S+`))
	v.press("确认订阅")
	v.arrive("confirmed", "订阅成功")
	v.in(v.ctx, chromedp.Click(`//a[normalize-space(.)="订阅设置"]`))
	v.arrive("manage", "管理订阅")
	v.check("茶烟咖香")
	v.press("保存")
	v.in(v.ctx, chromedp.WaitVisible(`//p[@role="status"][contains(.,"已保存")]`))
	v.examine("saved")

	o.publish(newsSample)
	text := mailText(t, sink, me, "总第38期")
	if !strings.Contains(text, "一壶水的三次沸腾") || strings.Contains(text, "冬季品鉴会") {
		t.Errorf("the next issue is not of just the chosen section:\n%s", text)
	}

	v.visit("leave", regexp.MustCompile(`/unsubscribe\?t=\S+`).FindString(text))
	v.press("确认退订")
	v.arrive("left", "已经退订")
	v.press("恢复订阅")
	v.arrive("back", "已经恢复订阅")

	v.visit("lost", "/manage/link")
	v.fill("email", me)
	v.press("把链接寄给我")
	v.arrive("sent", "请查看您的邮箱")
	v.open(v.base+mailed(me, `/manage\?t=\S+`), 360)
	v.fill("email", moved)
	v.press("更换")
	v.in(v.ctx, chromedp.WaitVisible(`//p[@role="status"][contains(.,"新邮箱")]`))
	v.examine("moving")
	v.visit("arrive", mailed(moved, `/confirm/address\?t=\S+`))
	v.press("确认新邮箱")
	v.arrive("arrived", "新邮箱已确认")
	if got := o.do("subscribers", "show", moved); !strings.Contains(got, moved) {
		t.Errorf("the new address is not theirs:\n%s", got)
	}
	v.quiet()

	v.refused("missing", "/nonsense")
	v.refused("broken", "/manage?t=v1.broken")
	v.refused("denied", "/issues/37/read?t=v1.broken")
}

// publish imports, approves and sends an issue.
func (o *office) publish(markdown string) {
	o.t.Helper()
	file := filepath.Join(o.t.TempDir(), "issue.md")
	if err := os.WriteFile(file, []byte(markdown), 0o600); err != nil {
		o.t.Fatal(err)
	}
	o.do("issue", "import", file)
	o.do("issue", "approve", "38")
	o.do("send", "38", "--wait")
}

// mailText is the text of the mail to somebody whose subject has something.
func mailText(t *testing.T, sink *standin.Sink, who, subject string) string {
	t.Helper()
	for _, m := range sink.Messages() {
		if m.To == who && strings.Contains(subjectOf(m.Raw), subject) {
			text, _, err := bodies(m.Raw)
			if err != nil {
				t.Fatal(err)
			}
			return text
		}
	}
	t.Fatalf("no mail to %s about %s", who, subject)
	return ""
}
