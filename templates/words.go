package templates

import "strings"

// Words are those of the public pages around an issue, in one language.
type Words struct {
	Site, Home, Issues, Subscribe, SubscribeWhy     string
	Latest, Earlier, AllIssues, ReadIssue, NoneYet  string
	Undated, Contents                               string
	Permalink, WholeIssue, Previous, Next, Original string
	Remind, Feed, Missing, MissingWhy               string
	Members, Locked, Denied, DeniedWhy              string
}

func siteWords(language string) Words {
	if strings.HasPrefix(strings.ToLower(language), "en") {
		return Words{
			Site: "Site", Home: "Home", Issues: "All issues", Subscribe: "Subscribe",
			SubscribeWhy: "Each issue comes to your mailbox when it appears. Take all of it or only some sections; leave at any time.",
			Latest:       "Latest issue", Earlier: "Earlier issues", AllIssues: "All issues", ReadIssue: "Read the whole issue",
			NoneYet: "Nothing has been published yet.", Undated: "Undated", Contents: "Contents",
			Permalink: "This article alone", WholeIssue: "The whole issue", Previous: "Previous", Next: "Next", Original: "Download the original file",
			Remind: "Remind me of the next issue (in WeChat)", Feed: "Feed", Missing: "There is no such page", MissingWhy: "The address is wrong, or the issue has not been published yet.",
			Members: "Members", Locked: "This is for members; here is a summary. Members open the text from the mail that they received.",
			Denied: "This link is not valid", DeniedWhy: "The link is incomplete or was revoked. Please open it from the newest mail that you received.",
		}
	}
	return Words{
		Site: "网站", Home: "首页", Issues: "往期", Subscribe: "订阅",
		SubscribeWhy: "每期出来，寄到您的邮箱。可以收整期，也可以只收几个栏目，随时可以退订。",
		Latest:       "最新一期", Earlier: "前几期", AllIssues: "全部往期", ReadIssue: "阅读全文",
		NoneYet: "还没有发行过。", Undated: "未注明年份", Contents: "目录",
		Permalink: "本篇网址", WholeIssue: "本期全文", Previous: "上一篇", Next: "下一篇", Original: "下载本期原稿",
		Remind: "下期提醒我（在微信里打开）", Feed: "订阅源", Missing: "没有这一页", MissingWhy: "地址不对，或者这一期还没有发行。",
		Members: "会员资料", Locked: "这一篇是会员资料，这里只有摘要。会员请从收到的邮件里打开全文。",
		Denied: "链接无效", DeniedWhy: "这个链接不完整，或者已经作废。请从最近收到的一封邮件里打开。",
	}
}
