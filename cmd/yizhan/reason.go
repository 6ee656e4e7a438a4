package main

// reasonWord says a reason of the ledger in Chinese; what it does not know it
// leaves.
func reasonWord(reason string) string {
	if zh, ok := map[string]string{
		"unsubscribed": "已退订", "suppressed": "在禁发名单里", "cancelled": "发行已取消", "paused": "订户要求暂停", "pending": "还没有确认",
		"mailbox-unknown": "邮箱不存在", "mailbox-full": "邮箱满了", "mailbox-busy": "邮箱太忙", "mailbox-disabled": "邮箱已停用",
		"greylisting": "灰名单", "rate-limited": "对方限速", "rate": "按配置限速", "reputation": "对方不信任", "temporary": "临时错误",
		"connection-lost": "连接断了", "dial-failed": "连不上", "timeout": "超时", "service-closing": "对方要关闭", "refused": "被拒绝",
		"reply-lost": "答复丢了", "lost-reply": "答复丢了", "crash": "程序中断", "held": "等人处理", "content-refused": "内容被拒",
	}[reason]; ok {
		return zh
	}
	return reason
}
