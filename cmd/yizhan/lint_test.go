package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"yizhan/issue"
)

// TestLintBeforeApproval: what is an error by the configuration keeps an issue from
// being approved, what is a warning is said, what is off is not looked at.
func TestLintBeforeApproval(t *testing.T) {
	o := newOffice(t, "127.0.0.1:1")
	file := filepath.Join(t.TempDir(), "7.md")
	text := "---\ntitle: 港城茗讯\ntotal: 7\n---\n\n# 要闻\n\n## 秋茶到港\n\n来源：秘书处\n\n秋茶今天到港。\n\n# 商业推广\n\n## 秋茶上市\n\n本刊记者说，秋茶今天上市。\n\n## 冬茶预订\n\n来源：秘书处\n\n冬茶可以预订了。\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	o.do("issue", "import", file)
	stdout, stderr, code := o.try("issue", "lint", "7", "--json")
	var answer struct{ Diagnostics []issue.Diagnostic }
	if err := json.Unmarshal([]byte(stdout), &answer); err != nil || code != exitOK || stderr != "" {
		t.Fatalf("%d %v: %s%s", code, err, stdout, stderr)
	}
	var codes []string
	for _, d := range answer.Diagnostics {
		codes = append(codes, d.Code)
	}
	if got := strings.Join(codes, " "); got != "credit-missing ad-prefix" {
		t.Errorf("found %s", got)
	}
	if out := o.do("issue", "preview", "7", "-o", t.TempDir()); !strings.Contains(out, "警告：《秋茶上市》没有作者，也没有来源") {
		t.Errorf("preview: %s", out)
	}

	o.edit("imprint:", "lints: {credit_missing: error, ad_prefix: off, internal_material: warn}\nimprint:")
	_, stderr, code = o.try("issue", "approve", "7", "--json")
	if code != exitFailed || !strings.Contains(stderr, `"code":"credit-missing"`) || strings.Contains(stderr, "ad-prefix") {
		t.Errorf("approve: %d %s", code, stderr)
	}
	if _, _, code = o.try("issue", "lint", "7"); code != exitFailed {
		t.Errorf("lint with an error ended with %d", code)
	}
	if out := o.do("issue", "show", "7"); !strings.Contains(out, "草稿") {
		t.Errorf("show: %s", out)
	}

	o.edit("credit_missing: error", "credit_missing: off")
	out := o.do("issue", "approve", "7", "--by", "宁初霁")
	if !strings.Contains(out, "警告：内部资料不用“本报”“本刊”") || !strings.Contains(out, "批准人 宁初霁，内容 ") {
		t.Errorf("approve: %s", out)
	}
	if out := o.do("issue", "show", "7"); !strings.Contains(out, "宁初霁") {
		t.Errorf("show: %s", out)
	}
}
