package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// firstOfLines lists the characters that lines of a page begin with and that may
// not: marks that close or follow. A line begins where a character stands lower than
// the one before it in the same text.
const firstOfLines = `(() => {
	const bad = "，。、；：！？”’）》】〉」』〕…·,.;:!?)%", found = [];
	const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	for (let n; n = walk.nextNode();) {
		let bottom = -1, box = n.parentElement.closest("td,p,h1,h2,h3,dd,dt,li,a,span");
		if (!box || getComputedStyle(box).display === "none" || !n.data.trim()) continue;
		for (let i = 0; i < n.data.length; i++) {
			const r = document.createRange();
			r.setStart(n, i); r.setEnd(n, i + 1);
			const rect = r.getBoundingClientRect();
			if (rect.width === 0) continue;
			if (bottom >= 0 && rect.top >= bottom && bad.includes(n.data[i])) found.push(n.data.slice(Math.max(0, i - 8), i + 4));
			bottom = rect.top + rect.height / 2;
		}
	}
	return found.join("\n");
})()`

// TestLinesBeginWell: no line of the mail or the page begins with a mark that may not
// stand there, whatever the width, with the style sheet and without it.
func TestLinesBeginWell(t *testing.T) {
	t.Parallel()
	b := newBrowser(t)
	if _, err := chromedp.Call(b.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: false}); err != nil {
		t.Fatal(err)
	}
	o := newOffice(t, "127.0.0.1:1")
	dir := t.TempDir()
	o.do("issue", "import", filepath.Join("sample", "issue-37.txt"))
	o.do("issue", "preview", "37", "-o", dir)
	for _, name := range []string{"email.html", "email-bare.html", "web.html"} {
		for _, width := range []int64{360, 390, 680} {
			b.open("file://"+filepath.Join(dir, name), width)
			found, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](firstOfLines))
			if err != nil {
				t.Fatal(err)
			}
			if found != "" {
				t.Errorf("%s at %d has lines that begin with a mark:\n%s", name, width, strings.ReplaceAll(found, "\n", "\n\t"))
			}
		}
	}
}
