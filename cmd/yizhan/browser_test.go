package main

import (
	"context"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
)

// browser is a Chromium that runs without a window and without JavaScript.
type browser struct {
	t   *testing.T
	ctx context.Context

	mu         sync.Mutex
	complaints []string
}

// browserLimit is long for a browser, and ends a test whose browser hangs.
const browserLimit = 2 * time.Minute

// newBrowser starts a browser, or skips the test where there is none.
func newBrowser(t *testing.T) *browser {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil && path == "" {
			path = found
		}
	}
	if path == "" {
		t.Skip("there is no Chromium on this machine; on Debian: apt-get install chromium fonts-noto-cjk")
	}
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]),
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("accept-lang", "zh-CN"),
		// The frame that shows a mail has an origin of its own; in a process of
		// its own it would be out of this test's reach.
		chromedp.Flag("disable-features", "IsolateSandboxedIframes,Translate"))
	ctx, cancel := context.WithTimeout(t.Context(), browserLimit)
	t.Cleanup(cancel)
	ctx, cancelAllocator := chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancelAllocator)
	ctx, cancelTab := chromedp.NewContext(ctx)
	t.Cleanup(func() {
		if err := chromedp.Cancel(ctx); err != nil && ctx.Err() == nil {
			t.Error(err)
		}
		cancelTab()
	})
	b := &browser{t: t, ctx: ctx}
	b.prepare(ctx)
	return b
}

// prepare listens to what a tab complains about and takes its JavaScript away.
func (b *browser) prepare(tab context.Context) {
	b.t.Helper()
	err := chromedp.Listen(tab, func(event any) {
		complaint := ""
		switch e := event.(type) {
		case *runtime.EventExceptionThrown:
			complaint = e.ExceptionDetails.Text
		case *runtime.EventConsoleAPICalled:
			complaint = fmt.Sprintf("console %s", e.Type)
		case *log.EventEntryAdded:
			complaint = fmt.Sprintf("%s %s %s", e.Entry.Level, e.Entry.Text, e.Entry.URL)
		}
		if complaint != "" {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.complaints = append(b.complaints, complaint)
		}
	})
	if err == nil {
		_, err = chromedp.Call(tab, log.Enable, cdp.Empty{})
	}
	if err == nil {
		_, err = chromedp.Call(tab, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	}
	if err != nil {
		b.t.Fatal(err)
	}
}

// in does something in a tab.
func (b *browser) in(tab context.Context, steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(tab, steps...); err != nil {
		b.t.Fatal(err)
	}
}

// open shows a page in a window of some width and checks that nothing sticks
// out of it.
func (b *browser) open(url string, width int64) {
	b.t.Helper()
	b.in(b.ctx, chromedp.EmulateViewport(width, 900), chromedp.Navigate(url))
	m, err := chromedp.Call(b.ctx, page.GetLayoutMetrics, cdp.Empty{})
	if err != nil {
		b.t.Fatal(err)
	}
	// The content is at least as wide as the window.
	if content, window := m.CSSContentSize.Width, m.CSSLayoutViewport.ClientWidth; content > float64(window) || window > width || window == 0 {
		b.t.Errorf("%s at %d: %.0f wide in a window of %d", url, width, content, window)
	}
}

// quiet checks that nothing was complained about so far.
func (b *browser) quiet() {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.complaints {
		b.t.Error(c)
	}
	b.complaints = nil
}

// TestBrowser looks at the demo as a person does.
func TestBrowser(t *testing.T) {
	t.Parallel()
	b := newBrowser(t)
	demo := showDemo(t)
	for _, width := range []int64{1100, 390} {
		for _, path := range []string{
			"/demo", "/demo/mails", "/demo/mails/1", "/demo/mails/1?as=text", "/demo/mails/1?as=source",
			"/demo/wechat", "/demo/wechat/" + askedTwice, "/demo/wechat/" + askedTwice + "/phone",
			"/demo/ledger", "/demo/ledger?state=failed", "/", "/issues", "/issues/37",
		} {
			b.open(demo.url+path, width)
		}
	}
	for _, width := range []int64{360, 680} {
		b.open(demo.url+"/demo/mails/1/html", width)
	}
	b.quiet()
	t.Run("a link in a mail", func(t *testing.T) { b.leave(t, demo) })
	b.quiet()
}

// TestPhoneInBrowser: the preview of a WeChat article fits a telephone and a desk.
func TestPhoneInBrowser(t *testing.T) {
	t.Parallel()
	b := newBrowser(t)
	o := newOffice(t, "127.0.0.1:1")
	dir := t.TempDir()
	for _, args := range [][]string{
		{"issue", "import", filepath.Join("sample", "issue-37.txt")},
		{"issue", "preview", "37", "-o", dir},
	} {
		if _, stderr, code := o.try(args...); code != 0 {
			t.Fatal(stderr)
		}
	}
	for _, name := range []string{"wechat.html", "index.html"} {
		for _, width := range []int64{375, 1100} {
			b.open("file://"+filepath.Join(dir, name), width)
		}
	}
	b.quiet()
}

// leave follows the link of a mail in its frame, presses the button, and sees
// in the ledger that it counted.
func (b *browser) leave(t *testing.T, demo shown) {
	b.open(demo.url+"/demo/mails/1", 1100)
	frames, err := chromedp.Run(b.ctx, chromedp.Nodes(chromedp.CSS("iframe.letter")))
	if err != nil {
		t.Fatal(err)
	}
	opened := chromedp.WaitNewTarget(b.ctx, func(i *target.Info) bool { return strings.HasPrefix(i.URL, demo.url+"/unsubscribe?t=") })
	b.in(b.ctx, chromedp.Click(chromedp.CSS(`a[href*="/unsubscribe?t="]`), chromedp.FromNode(frames[0])))
	var id target.ID
	select {
	case id = <-opened:
	case <-b.ctx.Done():
		t.Fatal("the link opened nothing")
	}
	tab, closeTab := chromedp.NewContext(b.ctx, chromedp.WithTargetID(id))
	defer closeTab()
	b.prepare(tab)
	b.in(tab,
		chromedp.WaitVisible(`//h1[.="要退订吗？"]`),
		chromedp.Click(`//button[.="确认退订"]`),
		chromedp.WaitVisible(`//h1[.="已经退订"]`))
	if _, page := fetch(t, http.MethodGet, demo.url+"/demo/ledger", ""); strings.Count(page, "现已退订") != 3 {
		t.Errorf("%d have left by the ledger, want 3", strings.Count(page, "现已退订"))
	}
	b.open(demo.url+"/demo/ledger", 390)
}
