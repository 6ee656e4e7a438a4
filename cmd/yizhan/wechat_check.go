package main

import (
	"context"
	"fmt"

	"yizhan/dispatch/wechat"
)

// probeWeChat tries the account: its secret, the list of addresses, its rights and
// quotas, each for itself.
func probeWeChat(ctx context.Context, ch *wechat.Channel) []probed {
	var out []probed
	for _, f := range ch.Inspect(ctx) {
		one := probed{Channel: ch.Name(), OK: f.Err == nil}
		one.Item, one.Text = found(f)
		if f.Err != nil {
			one.Text = plain(f.Err.Error())
			if reason := ch.Reason(f.Err); reason != "" {
				one.Text = reasonWord(reason) + "（" + one.Text + "）"
			}
		}
		out = append(out, one)
	}
	return out
}

// found says what a finding is about, and that it is well.
func found(f wechat.Finding) (item, text string) {
	switch f.Subject {
	case wechat.SubjectSecret:
		return "AppID 和 AppSecret", "平台认得"
	case wechat.SubjectAddress:
		return "IP 白名单", "这台机器的地址通得过"
	case wechat.SubjectQuota:
		return "今天的次数 " + f.Name, fmt.Sprintf("每天 %d 次，已用 %d，还剩 %d", f.Limit, f.Used, f.Remain)
	}
	return "权限 " + f.Name, "有"
}
