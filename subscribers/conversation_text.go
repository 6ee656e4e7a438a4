package subscribers

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// tongue is the language of an answer: true is English.
type tongue bool

func (t tongue) say(chinese, english string) string {
	if t {
		return english
	}
	return chinese
}

// name is how an issue is called.
func (t *talk) name(p Printed) string { return t.say(p.Name, p.NameEN) }

// title is how the periodical is called in a sentence.
func (t *talk) title() string {
	if t.o.Title == "" {
		return t.say("本刊", "the periodical")
	}
	return t.say("《"+t.o.Title+"》", t.o.Title)
}

// short is for what was not understood.
func (t *talk) short() string {
	return t.say("没有听懂这句话。可以回复：\n最新、目录、往期、栏目、我的、退订\n回复「帮助」看全部用法。",
		"Sorry, I did not get that. You can say:\nlatest, contents, archive, sections, me, unsubscribe\nSay “help” for everything.")
}

func (t *talk) help(topic Verb) string {
	switch topic {
	case VerbNone:
		return t.say(`可以这样说：
最新　最新一期
目录　本期目录；「目录142」看第142期的
往期　以前各期；「第142期」看那一期
栏目　选择想看的栏目
暂停　例如「暂停三个月」；「恢复」重新开始
订阅、退订
绑定　和邮箱合为一份订阅；「解绑」分开
我的　看订阅，打开设置页面
English　换成英文`, `You can say:
latest – the latest issue
contents – what is in it; “contents 142” for no. 142
archive – earlier issues; “issue 142” for that one
sections – choose what you want to read
pause – for example “pause for 3 months”; “resume”
subscribe, unsubscribe
bind – join this with your email subscription; “unbind”
me – your subscription and its settings
中文 – switch to Chinese`) + t.reminderLine()
	case VerbSubscribe:
		return t.say("回复「订阅」，新刊出来就会发给您。", "Say “subscribe”, and new issues come to you.")
	case VerbUnsubscribe:
		return t.say("回复「退订」就不再发给您；要连邮件一起停，回复「全部退订」。", "Say “unsubscribe” and nothing more comes here; “unsubscribe all” stops the mails too.")
	case VerbPause, VerbResume:
		return t.say("回复「暂停三个月」或「暂停到3月1日」，到时自动恢复；回复「恢复」马上恢复。", "Say “pause for 3 months” or “pause until 2027-03-01”; it ends by itself, or when you say “resume”.")
	case VerbSections:
		return t.say("回复「栏目」看有哪些栏目，再回复例如「栏目 1 3」；「全部栏目」恢复全部。", "Say “sections” for a list, then for example “sections 1 3”; “all sections” goes back to all.")
	case VerbBind, VerbConfirm, VerbDecline:
		return t.howToBind()
	case VerbUnbind:
		return t.say("回复「解绑」，这个微信和邮箱就各是一份订阅。", "Say “unbind”, and this chat and your email are two subscriptions again.")
	case VerbLanguage:
		return t.say("回复「English」换成英文，「中文」换回来。", "Say “中文” for Chinese, “English” for English.")
	case VerbRemind, VerbUnremind:
		if t.o.Remind == "" {
			return t.noReminders()
		}
		return t.say("回复「下期提醒我」，下一期出刊时提醒您一次；「取消提醒」取消。", "Say “remind me”, and you are reminded once when the next issue is out; “cancel reminder” takes it back.")
	}
	return t.help(VerbNone)
}

func (t *talk) welcome(ctx context.Context) (string, error) {
	latest, err := t.latest(ctx)
	if err != nil {
		return "", err
	}
	if t.known && !t.gets() {
		return t.say("欢迎回来。您以前退订过，所以新刊不会发给您；回复「订阅」重新开始。", "Welcome back. You had unsubscribed, so new issues do not come to you; say “subscribe” to start again.") + latest, nil
	}
	return t.say("欢迎关注"+t.title()+"。新刊出来会发给您。", "Welcome to "+t.title()+". New issues will come to you here.") + latest +
		t.say("\n\n回复「目录」看目录，「栏目」选栏目，「帮助」看全部用法，「退订」不再接收。", "\n\nSay “contents”, “sections”, “help” for everything, or “unsubscribe”."), nil
}

// latest names the latest issue below a text; empty when there is none.
func (t *talk) latest(ctx context.Context) (string, error) {
	all, err := t.o.Library.Printed(ctx)
	if err != nil || len(all) == 0 {
		return "", err
	}
	return t.say("\n\n最新一期：", "\n\nThe latest issue: ") + t.name(all[0]) + "\n" + all[0].URL, nil
}

func (t *talk) already() string {
	return t.say("您已经订阅了"+t.title()+"，新刊出来会发给您。", "You are subscribed to "+t.title()+" already; new issues come to you here.")
}

func (t *talk) subscribed(ctx context.Context) (string, error) {
	latest, err := t.latest(ctx)
	return t.say("已订阅"+t.title()+"，新刊出来会发给您。回复「退订」随时停止。", "You are subscribed to "+t.title()+". Say “unsubscribe” to stop at any time.") + latest, err
}

func (t *talk) notSubscribed() string {
	return t.say("您现在没有订阅。回复「订阅」开始。", "You are not subscribed. Say “subscribe” to start.")
}

func (t *talk) left() string {
	out := t.say("已退订，新刊不再发到这里。回复「订阅」随时恢复。", "You are unsubscribed; nothing more comes here. Say “subscribe” to come back.")
	for _, a := range t.sub.Addresses {
		if a.Channel != t.said.From.Channel && a.State == Active && t.sub.State != Unsubscribed {
			out += t.say(fmt.Sprintf("\n您的邮箱 %s 仍会收到；要一起停，回复「全部退订」。", a.Address), fmt.Sprintf("\nMails to %s go on; say “unsubscribe all” to stop them too.", a.Address))
		}
	}
	return out
}

func (t *talk) paused() string {
	if until := t.sub.PausedUntil; !until.IsZero() {
		day := until.In(t.o.Zone)
		return t.say(fmt.Sprintf("已暂停，到%d年%d月%d日自动恢复。回复「恢复」提前恢复。", day.Year(), day.Month(), day.Day()), "Paused until "+day.Format("2 January 2006")+". Say “resume” to end it sooner.") + t.everywhere()
	}
	return t.say("已暂停，您回复「恢复」以前不再发送。也可以说「暂停三个月」。", "Paused until you say “resume”. You can also say “pause for 3 months”.") + t.everywhere()
}

// everywhere says that a pause is for mails too, to those who get any.
func (t *talk) everywhere() string {
	if len(t.sub.Addresses) < 2 {
		return ""
	}
	return t.say("邮件也一起暂停。", " Mails are paused too.")
}

func (t *talk) pauseRefused() string {
	return t.say("一次最多暂停一年，例如「暂停三个月」。", "A pause ends within a year, for example “pause for 3 months”.")
}

func (t *talk) resumed(changed bool) string {
	if !changed {
		return t.already()
	}
	return t.say("已恢复，新刊出来会发给您。", "Resumed; new issues come to you again.")
}

func (t *talk) spoken() string {
	return t.say("好的，以后用中文。", "All right, English from now on.")
}

// sectionList lists the sections there are; unknown is one that there is not.
func (t *talk) sectionList(all []string, unknown string) string {
	if len(all) == 0 {
		return t.say("还没有出过刊，没有栏目可选。", "No issue is out yet, so there are no sections to choose from.")
	}
	var b strings.Builder
	if unknown != "" {
		b.WriteString(t.say("没有「"+unknown+"」这个栏目。\n", "There is no section “"+unknown+"”.\n"))
	}
	b.WriteString(t.say("栏目（✓ 是您选的）：\n", "Sections (✓ is what you chose):\n"))
	for i, name := range all {
		mark := ""
		if t.known && (len(t.sub.Sections) == 0 || slices.Contains(t.sub.Sections, name)) {
			mark = " ✓"
		}
		fmt.Fprintf(&b, "%d %s%s\n", i+1, name, mark)
	}
	b.WriteString(t.say("回复例如「栏目 1 3」选择，「全部栏目」全要。", "Say for example “sections 1 3”, or “all sections”."))
	return b.String()
}

func (t *talk) chosen() string {
	what := t.say("全部栏目", "all sections")
	if len(t.sub.Sections) > 0 {
		what = strings.Join(t.sub.Sections, t.say("、", ", "))
	}
	return t.say("已选："+what+"。\n公众号群发的是整期，选择对邮件起作用。", "Chosen: "+what+".\nWhat the account sends to all its followers is the whole issue; the choice applies to mails.")
}

func (t *talk) noIssue() string {
	return t.say("还没有出过刊。", "No issue is out yet.")
}

func (t *talk) noSuchIssue(all []Printed) string {
	return t.say("没有找到这一期。", "There is no such issue.") + "\n" + t.issues(all)
}

// issues lists the newest ones.
func (t *talk) issues(all []Printed) string {
	var b strings.Builder
	for _, p := range all[:min(listed, len(all))] {
		fmt.Fprintf(&b, "%s\n%s\n", t.name(p), p.URL)
	}
	if len(all) > listed {
		b.WriteString(t.say("更早的：", "Earlier ones: ") + t.o.PublicURL + "/issues\n")
	}
	b.WriteString(t.say("回复期号看那一期，例如「第"+all[0].ID+"期」。", "Say a number to see that issue, for example “issue "+all[0].ID+"”."))
	return b.String()
}

// cardTitles is how many headlines stand on the card of an issue.
const cardTitles = 5

func (t *talk) card(p Printed, contents []PrintedSection) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\n", t.o.Title, t.name(p))
	n := 0
	for _, s := range contents {
		for _, title := range s.Titles {
			if n++; n <= cardTitles && title != s.Name {
				fmt.Fprintf(&b, "· %s\n", title)
			}
		}
	}
	if n > cardTitles {
		fmt.Fprintf(&b, t.say("……共 %d 篇，回复「目录%s」看全部\n", "… %d in all, say “contents %s” for them\n"), n, p.ID)
	}
	return strings.TrimSpace(b.String()) + "\n" + p.URL
}

// maxContents is how many bytes of a table of contents fit into an answer.
const maxContents = 1800

func (t *talk) contents(p Printed, contents []PrintedSection) string {
	tail := "\n" + t.say("全文：", "In full: ") + p.URL
	var b strings.Builder
	fmt.Fprintf(&b, t.say("%s %s 目录", "%s %s, contents"), t.o.Title, t.name(p))
	for _, s := range contents {
		for i, title := range s.Titles {
			line := "\n· " + title
			if title == s.Name { // one text without a title of its own
				line = ""
			}
			if i == 0 && s.Name != "" {
				line = "\n【" + s.Name + "】" + line
			}
			if b.Len()+len(line)+len(tail) > maxContents {
				return strings.TrimSpace(b.String()) + "\n……" + tail
			}
			b.WriteString(line)
		}
	}
	return strings.TrimSpace(b.String()) + tail
}

func (t *talk) me(_ context.Context) (string, error) {
	if !t.known {
		return t.notSubscribed(), nil
	}
	var b strings.Builder
	state := t.say("已订阅", "subscribed")
	switch {
	case !t.gets():
		state = t.say("没有订阅（回复「订阅」开始）", "not subscribed (say “subscribe” to start)")
	case t.sub.StateAt(t.now) == Paused && !t.sub.PausedUntil.IsZero():
		state = t.say("暂停到 ", "paused until ") + t.sub.PausedUntil.In(t.o.Zone).Format("2006-01-02")
	case t.sub.StateAt(t.now) == Paused:
		state = t.say("暂停（回复「恢复」继续）", "paused (say “resume” to go on)")
	}
	fmt.Fprintf(&b, t.say("公众号：%s\n", "Here: %s\n"), state)
	for _, a := range t.sub.Addresses {
		if a.Channel == Email {
			gets := t.say("收", "on")
			if a.State != Active {
				gets = t.say("不收", "off")
			}
			fmt.Fprintf(&b, t.say("邮箱：%s（%s）\n", "Email: %s (%s)\n"), a.Address, gets)
		}
	}
	sections := t.say("全部", "all")
	if len(t.sub.Sections) > 0 {
		sections = strings.Join(t.sub.Sections, t.say("、", ", "))
	}
	fmt.Fprintf(&b, t.say("栏目：%s\n", "Sections: %s\n"), sections)
	fmt.Fprintf(&b, t.say("设置页面（%d 分钟内有效，请不要转发）：\n%s", "Settings (for %d minutes, please do not forward):\n%s"), int(chatLinkFor.Minutes()), t.manage())
	return b.String(), nil
}

func (t *talk) reminderLine() string {
	if t.o.Remind == "" {
		return ""
	}
	return t.say("\n下期提醒我　下一期出刊时提醒一次", "\nremind me – once, when the next issue is out")
}

func (t *talk) noReminders() string {
	if t.gets() {
		return t.say("新刊一出就会发给您，不用另外提醒。", "New issues come to you as soon as they are out; no reminder is needed.")
	}
	return t.say("回复「订阅」，新刊一出就发给您。", "Say “subscribe”, and new issues come to you as soon as they are out.")
}

func (t *talk) askReminder() string {
	return t.say("点开下面的链接，在微信里点「同意」，下一期出刊时提醒您一次：\n", "Open this link and agree in WeChat, and you are reminded once when the next issue is out:\n") + t.o.Remind
}

func (t *talk) reminded() string {
	return t.say("记着呢：下一期出刊时提醒您一次。回复「取消提醒」就不提醒。", "You will be reminded once when the next issue is out. Say “cancel reminder” to be left alone.")
}

func (t *talk) unreminded(there bool) string {
	if !there {
		return t.say("没有要提醒您的。", "There is nothing to remind you of.")
	}
	return t.say("好的，不提醒了。", "All right, no reminder.")
}

func (t *talk) howToBind() string {
	if a := t.sub.on(Email); t.known && a != nil {
		return t.say(fmt.Sprintf("这个微信已经和邮箱 %s 绑定。回复「解绑」分开。", a.Address), fmt.Sprintf("This chat is bound to %s already. Say “unbind” to part them.", a.Address))
	}
	return t.say("绑定以后，邮箱和微信是一份订阅：\n1 打开 "+t.o.PublicURL+"/manage/link ，填您的邮箱，从收到的邮件进入设置页面\n2 点「绑定微信」\n3 把页面上的八位绑定码发到这里，十分钟内有效",
		"Bound, your email and this chat are one subscription:\n1 open "+t.o.PublicURL+"/manage/link , enter your email address, and follow the link in the mail\n2 choose “Bind WeChat”\n3 send the code of eight characters here within ten minutes")
}

func (t *talk) askBinding(to Subscriber) string {
	return t.say(fmt.Sprintf("要把这个微信和 %s 的订阅合为一份吗？\n是您本人的，回复「确认」；不是，回复「取消」。十分钟内有效。", addressee(to)),
		fmt.Sprintf("Join this chat with the subscription of %s?\nIf it is yours, say “confirm”; if not, “cancel”. It is good for ten minutes.", addressee(to)))
}

// addressee names a subscriber by a masked address.
func addressee(s Subscriber) string {
	if a := s.on(Email); a != nil {
		return a.String()
	}
	if len(s.Addresses) > 0 {
		return s.Addresses[0].String()
	}
	return "***"
}

func (t *talk) bound(to Subscriber) string {
	out := t.say(fmt.Sprintf("已和 %s 绑定，现在是一份订阅。", addressee(to)), fmt.Sprintf("Bound to %s; it is one subscription now.", addressee(to)))
	if len(to.Sections) > 0 {
		out += t.say("\n栏目："+strings.Join(to.Sections, "、"), "\nSections: "+strings.Join(to.Sections, ", "))
	}
	switch {
	case to.StateAt(t.now) == Paused:
		out += t.say("\n现在是暂停的，回复「恢复」继续。", "\nIt is paused; say “resume” to go on.")
	case to.on(t.said.From.Channel) != nil && to.on(t.said.From.Channel).State != Active:
		out += t.say("\n公众号这里是退订的，回复「订阅」恢复。", "\nHere you are unsubscribed; say “subscribe” to come back.")
	}
	return out + t.say("\n不是您本人的操作？回复「解绑」。", "\nNot what you meant? Say “unbind”.")
}

func (t *talk) boundElsewhere() string {
	return t.say("绑定不了：这个微信已经和别的邮箱绑定，或者那份订阅已经绑定了别的微信。先回复「解绑」，或在设置页面解除绑定。",
		"That cannot be bound: this chat is bound to another address, or that subscription to another WeChat. Say “unbind” first, or unbind on the settings page.")
}

func (t *talk) offerExpired() string {
	return t.say("这个绑定码已经过期，请在设置页面重新取一个。", "The code has expired; please get a new one on the settings page.")
}

func (t *talk) offerUnknown() string {
	return t.say("这个二维码已经用过或者无效，请在设置页面重新取一个。", "The QR code was used already or is not valid; please get a new one on the settings page.")
}

func (t *talk) wrongCode() string {
	return t.say("没有这个绑定码。请看设置页面上的八位码，注意没有数字 0 和 1。", "There is no such code. Please look at the settings page again; there are no 0 and 1 in a code.")
}

func (t *talk) tooManyTries() string {
	return t.say("绑定码错得太多，请过一小时再试。", "Too many wrong codes; please try again in an hour.")
}

func (t *talk) declined() string {
	return t.say("没有绑定。", "Nothing was bound.")
}

func (t *talk) notBound() string {
	return t.say("这个微信没有和邮箱绑定。", "This chat is not bound to an email address.")
}

func (t *talk) unbound() string {
	return t.say("已解绑，微信和邮箱各是一份订阅。以前发到邮箱的设置链接已失效。", "Unbound: this chat and your email are two subscriptions now. Settings links in earlier mails do not work any more.")
}
