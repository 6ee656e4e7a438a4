package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"yizhan/dispatch"
	"yizhan/subscribers"
)

// TestEveryReasonHasAWord walks the rules and the code that give reasons: what a
// person sees in a table must not be one of them.
func TestEveryReasonHasAWord(t *testing.T) {
	var rules struct {
		Rules []struct{ Reason string }
	}
	reasons := map[string]string{} // where each was found
	for _, table := range []string{"../../dispatch/email/rules.yaml", "../../dispatch/wechat/rules.yaml"} {
		data, err := os.ReadFile(table)
		if err != nil {
			t.Fatal(err)
		}
		if err := yaml.Unmarshal(data, &rules); err != nil {
			t.Fatal(err)
		}
		for _, rule := range rules.Rules {
			reasons[rule.Reason] = table
		}
	}
	given := regexp.MustCompile(`Reason\w*\s*[:=]+\s*"([a-z0-9-]+)"|\b(?:account|connection)\("([a-z0-9-]+)"\)|giveBack\(.*"([a-z0-9-]+)"\)`)
	for _, pattern := range []string{"../../dispatch/*.go", "../../dispatch/email/*.go", "../../dispatch/wechat/*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			code, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, found := range given.FindAllStringSubmatch(string(code), -1) {
				reasons[found[1]+found[2]+found[3]] = file
			}
		}
	}
	for _, found := range regexp.MustCompile(`THEN '([a-z]+)'`).FindAllStringSubmatch(subscribers.Blocked("$1")+subscribers.LetterBlocked, -1) {
		reasons[found[1]] = "subscribers.Blocked"
	}
	for _, state := range []subscribers.State{subscribers.Pending, subscribers.Paused, subscribers.Unsubscribed} {
		reasons[string(state)] = "subscribers.Blocked"
	}
	if len(reasons) < 40 {
		t.Errorf("only %d reasons were found: %v", len(reasons), reasons)
	}
	for reason, where := range reasons {
		if reasonWord(reason) == reason {
			t.Errorf("no word for %q (%s)", reason, where)
		}
	}
}

func TestAlarmsAreChinese(t *testing.T) {
	for _, c := range []struct {
		alarm dispatch.Alarm
		want  string
	}{
		{dispatch.Alarm{Code: dispatch.AlarmChannelStopped, Subject: "email", Text: "auth-failed：5.7.8 bad"}, "渠道 email 停了：登录失败（5.7.8 bad）。"},
		{dispatch.Alarm{Code: dispatch.AlarmChannelStopped, Subject: "email", Text: "dial-failed：x：y"}, "连不上（x：y）"},
		{dispatch.Alarm{Code: dispatch.AlarmHeld, Subject: "37 email qq.com"}, "第 37 期 email 的 qq.com：这个域名失败太多"},
		{dispatch.Alarm{Code: dispatch.AlarmHeld, Subject: "37 email *"}, "第 37 期 email：许多域名失败太多"},
	} {
		if got := alarmText(c.alarm); !strings.Contains(got, c.want) {
			t.Errorf("%v: %s\nwant %s", c.alarm, got, c.want)
		}
	}
}
