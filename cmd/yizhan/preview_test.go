package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestPreviewOfAnIssueTooLongForWeChat: who does not use WeChat sees the mail
// all the same, who asks for the article is told how to mend it.
func TestPreviewOfAnIssueTooLongForWeChat(t *testing.T) {
	o := newOffice(t, "127.0.0.1:1")
	dir := t.TempDir()
	var text strings.Builder
	text.WriteString("---\ntitle: 港城茗讯\ntotal: 38\n---\n\n# 协会要闻\n")
	for n := range 420 {
		fmt.Fprintf(&text, "\n## 第%d家会员单位的秋茶评比结果揭晓\n\n来源：秘书处\n\n评比结果如下，请各会员单位查收。\n", n+1)
	}
	file := filepath.Join(dir, "issue.md")
	if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, stderr, code := o.try("issue", "import", file); code != 0 {
		t.Fatal(stderr)
	}
	stdout, stderr, code := o.try("issue", "preview", "38", "-o", filepath.Join(dir, "all"))
	if code != 0 || !strings.Contains(stdout, "email.html") || strings.Contains(stdout, "wechat.html") || !strings.Contains(stdout, "警告：这一期只列标题和来源也超过公众号文章的 20000 字符") {
		t.Errorf("%d: %s%s", code, stdout, stderr)
	}
	_, stderr, code = o.try("issue", "preview", "38", "--channel", "wechat", "-o", filepath.Join(dir, "one"), "--json")
	if code != 1 || !strings.Contains(stderr, `"code":"article-too-long"`) || !strings.Contains(stderr, "分成两期") {
		t.Errorf("%d: %s", code, stderr)
	}
	stdout, stderr, code = o.try("issue", "preview", "38", "--channel", "text", "-o", filepath.Join(dir, "text"), "--json")
	if code != 0 || strings.Contains(stdout, "diagnostics") {
		t.Errorf("%d: %s%s", code, stdout, stderr)
	}
}

// TestPreviewOfAChoice: the mail of those who chose one section, as the daemon
// would send it.
func TestPreviewOfAChoice(t *testing.T) {
	o := newOffice(t, "127.0.0.1:1")
	o.ready()
	dir := t.TempDir()
	o.do("issue", "preview", "37", "--channel", "text", "--sections", "茶烟咖香；没有的栏目", "-o", dir)
	text, err := os.ReadFile(filepath.Join(dir, "email.txt"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), "【茶烟咖香】") || strings.Contains(string(text), "【协会要闻】") {
		t.Errorf("%s", text)
	}
	_, stderr, code := o.try("issue", "preview", "37", "--sections", "没有的栏目", "-o", dir)
	if code != exitUsage || !strings.Contains(stderr, "协会要闻") {
		t.Errorf("%d: %s", code, stderr)
	}
}
