package main

import (
	"fmt"
	"strings"

	"yizhan/dispatch"
	"yizhan/subscribers"
)

// reasonWord says a reason of the ledger or of the suppression list in Chinese;
// what it does not know it leaves: a reason may be an administrator's own words.
func reasonWord(reason string) string {
	if zh, ok := reasonWords()[reason]; ok {
		return zh
	}
	return reason
}

func reasonWords() map[string]string {
	return map[string]string{
		// the subscriber
		"unsubscribed": "已退订", "removed": "已移出名单或换了地址", "suppressed": "在禁发名单里", "paused": "订户要求暂停", "pending": "还没有确认", "withdrawn": "对方取消了提醒",
		dispatch.ReasonNoSection: "这一期没有所选的栏目",
		// how somebody left, and why an address is suppressed
		"link": "点了退订链接", subscribers.Unfollowed: "取消关注了公众号", "one-click": "在邮箱里点了退订", "administrator": "管理员", "import": "随名单导入", "added": "加入时已退订",
		"erased": "个人信息已删除", "complaint": "投诉",
		// ourselves
		dispatch.ReasonCancelled: "发行已取消", dispatch.ReasonHeld: "等人处理", dispatch.ReasonRate: "按配置限速",
		dispatch.ReasonAwaits: "等对方在公众号里说话或者点菜单",
		dispatch.ReasonCrash:  "程序中断", dispatch.ReasonLostReply: "答复丢了", dispatch.ReasonPanic: "程序出错", "shutdown": "停止时没等到答复",
		"content-unreadable": "内容读不出来", "batch-too-large": "一批太多", "mail-unusable": "邮件不能用",
		"window": "不在发行时段",
		// the official account
		"accepted": "已接受过", "repeated-too-soon": "同一批重复得太快", "awaiting-admin": "等公众号管理员在手机上确认", "platform-busy": "公众平台太忙",
		"platform-away": "连不上公众平台", "platform-unreadable": "公众平台的答复看不懂或没有来",
		"secret-refused": "AppSecret 不对或被冻结", "token-refused": "access_token 不被接受", "account-refused": "公众号的 AppID 或帐号不被接受",
		"ip-not-listed": "服务器的 IP 不在公众号后台的白名单里", "ip-awaiting-admin": "等公众号管理员确认服务器的 IP", "ip-refused": "公众号管理员拒绝了服务器的 IP",
		"mass-quota": "群发次数用完了", "api-quota": "接口当天的次数用完了", "api-rate": "接口调得太快", "no-right": "公众号没有这个接口的权限",
		"mass-not-agreed": "要先在公众号后台同意群发协议", "account-banned": "公众号被限制或封禁", "library-full": "公众号的素材库满了",
		"template-unknown": "没有这个模板", "template-banned": "模板被禁用", "tag-refused": "公众号的标签用不了",
		"not-following": "没有关注公众号", "openid-unknown": "openid 不对", "follower-blocks": "对方不接收消息", "no-consent": "对方没有同意或已用完",
		"follower-limit": "给对方发得太多", "no-conversation": "超过了可以回复的时间",
		"media-unknown": "素材或草稿不存在", "article-refused": "文章不符合规定", "image-refused": "图片不符合规定", "link-refused": "链接不符合规定",
		"template-fields": "模板的字段不符合规定", "draft-unusable": "草稿不能用接口发", "call-refused": "调用的写法不对", "errcode-unknown": "没见过的错误码",
		"mass-needs-two": "群发至少要两个人", "job-failed": "群发失败", "admin-refused": "公众号管理员没有同意", "dkim-key-missing": "签名用的私钥不在",
		// the mailbox
		"mailbox-unknown": "邮箱不存在", "mailbox-full": "邮箱满了", "mailbox-busy": "邮箱太忙", "mailbox-disabled": "邮箱已停用",
		"mailbox-moved": "邮箱已搬走", "domain-unknown": "域名不存在", "address-malformed": "地址写法不对", "address-needs-smtputf8": "邮件服务器不支持这样的地址",
		"recipient-restricted": "对方只收指定的来信", "spam-trap": "地址是垃圾邮件陷阱", "refused": "被拒绝", "temporary": "临时错误",
		// the provider
		"greylisting": "灰名单，稍后再试", "rate-limited": "对方限速", "reputation": "对方不信任我们", "policy": "对方的规定不收",
		// the mail
		"content-refused": "内容被拒", "content-deferred": "内容要再等一等", "message-too-large": "邮件太大",
		// the relay and our account there
		"auth-failed": "登录失败", "auth-missing": "邮件服务器不提供登录", "account-quota": "账号的发信额度用完了", "sender-refused": "发件人不被接受",
		"sender-identity": "发件人身份没有通过（SPF、DKIM、DMARC 或主机名）", "relay-denied": "邮件服务器不肯转发", "relay-refused": "被邮件服务器拒绝",
		"starttls-missing": "邮件服务器不提供加密", "tls-certificate": "证书不可信", "tls-failed": "加密没有谈成",
		// the connection
		"dial-failed": "连不上", "connection-lost": "连接断了", "timeout": "超时", "service-closing": "对方要关闭", "reply-lost": "答复丢了",
		"protocol": "答复不合规矩", "bad-sequence": "对话乱了次序",
	}
}

// waitWord says what rows that are due later wait for.
func waitWord(reason string) string {
	if reason == "" {
		return "还没到预定的时间"
	}
	return reasonWord(reason)
}

// alarmText says an alarm in Chinese.
func alarmText(a dispatch.Alarm) string {
	switch a.Code {
	case dispatch.AlarmChannelStopped:
		reason, reply, _ := strings.Cut(a.Text, "：")
		text := "渠道 " + a.Subject + " 停了：" + reasonWord(reason)
		if reply != "" {
			text += "（" + plain(reply) + "）"
		}
		return text + "。对方好了会自动继续；要是改了自己的配置，请重启服务"
	case dispatch.AlarmUnanswered:
		reason, reply, _ := strings.Cut(a.Text, "：")
		text := "渠道 " + a.Subject + " 有一批交出去了，还没有明确的答复：" + reasonWord(reason)
		if reply != "" {
			text += "（" + plain(reply) + "）"
		}
		return text + "。会用同一个编号再问，不会发两次"
	case dispatch.AlarmHeld:
		where, n := a.Subject+"：这个域名", "期号"
		if parts := strings.Fields(a.Subject); len(parts) == 3 { // issue channel domain; *: all of them
			n = parts[0]
			where = "第 " + n + " 期 " + parts[1] + " 的 " + parts[2] + "：这个域名"
			if parts[2] == "*" {
				where = "第 " + n + " 期 " + parts[1] + "：许多域名"
			}
		}
		return where + "失败太多，剩下的在等人处理；用 yizhan deliveries " + n + " --state failed 查明原因，再用 yizhan resume " + n + " 放行"
	case dispatch.AlarmSchedule:
		return fmt.Sprintf("计划 %s 到点发不了：%s。会一直重试到 catch_up 为止", a.Subject, plain(a.Text))
	case dispatch.AlarmClock:
		return fmt.Sprintf("时钟被拨回了：计划 %s 要等到 %s 以后", a.Subject, plain(a.Text))
	}
	return plain(a.Subject + "：" + a.Text)
}
