package subscribers

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// chatNow is a Thursday in November.
func chatNow() time.Time { return time.Date(2026, 11, 26, 9, 0, 0, 0, time.UTC) }

func day(year int, month time.Month, day int) time.Time {
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
}

// utterances are messages as people send them, and what each of them means.
func utterances() map[string]Utterance {
	now := chatNow()
	of := func(v Verb) Utterance { return Utterance{Verb: v} }
	english := func(v Verb) Utterance { return Utterance{Verb: v, English: true} }
	number := func(n int) Utterance { return Utterance{Verb: VerbIssue, Issue: IssueName{Number: n}} }
	year := func(y, n int) Utterance { return Utterance{Verb: VerbIssue, Issue: IssueName{Number: n, Year: y}} }
	contents := func(n int) Utterance { return Utterance{Verb: VerbContents, Issue: IssueName{Number: n}} }
	choose := func(names ...string) Utterance { return Utterance{Verb: VerbSections, Sections: names} }
	pause := func(t time.Time) Utterance { return Utterance{Verb: VerbPause, Until: t} }
	how := func(v Verb) Utterance { return Utterance{Verb: VerbHelp, Topic: v} }
	bind := func(code string) Utterance { return Utterance{Verb: VerbBind, Code: code} }
	all := map[string]Utterance{
		"总第 142 期":              number(142),
		"142 期目录":               contents(142),
		"No. 142":               {Verb: VerbIssue, Issue: IssueName{Number: 142}, English: true},
		"issue 142":             {Verb: VerbIssue, Issue: IssueName{Number: 142}, English: true},
		"Issue No. 142, please": {Verb: VerbIssue, Issue: IssueName{Number: 142}, English: true},
		"the 142nd issue":       {Verb: VerbIssue, Issue: IssueName{Number: 142}, English: true},
		"no. 2 of 2015":         {Verb: VerbIssue, Issue: IssueName{Number: 2, Year: 2015}, English: true},
		"previous issue":        {Verb: VerbIssue, Issue: IssueName{Back: 1}, English: true},
		"上一期":                   {Verb: VerbIssue, Issue: IssueName{Back: 1}},
		"上期":                    {Verb: VerbIssue, Issue: IssueName{Back: 1}},
		"上上期":                   {Verb: VerbIssue, Issue: IssueName{Back: 2}},
		"上一期的目录":                {Verb: VerbContents, Issue: IssueName{Back: 1}},
		"contents 142":          {Verb: VerbContents, Issue: IssueName{Number: 142}, English: true},
		"142 contents":          {Verb: VerbContents, Issue: IssueName{Number: 142}, English: true},
		"目录142":                 contents(142),
		"第一四二期目录":               contents(142),
		"第142期的目录":              contents(142),
		"目錄 第142期":              contents(142),
		"今年第3期":                 year(2026, 3),
		"去年第六期":                 year(2025, 6),
		"全部退订":                  {Verb: VerbUnsubscribe, All: true}, "邮件也退订吧": {Verb: VerbUnsubscribe, All: true},
		"Unsubscribe from everything, please": {Verb: VerbUnsubscribe, All: true, English: true},
		"全部栏目":                                {Verb: VerbSections, All: true},
		"栏目 全部":                               {Verb: VerbSections, All: true},
		"栏目全部":                                {Verb: VerbSections, All: true},
		"all sections":                        {Verb: VerbSections, All: true, English: true},
		"sections all":                        {Verb: VerbSections, All: true, English: true},
		"sections 1 3":                        {Verb: VerbSections, Sections: []string{"1", "3"}, English: true},
		"only policy":                         {Verb: VerbSections, Sections: []string{"policy"}, English: true},
		"Pause for 3 months":                  {Verb: VerbPause, Until: now.AddDate(0, 3, 0), English: true},
		"pause a week":                        {Verb: VerbPause, Until: now.AddDate(0, 0, 7), English: true},
		"pause until 2027-03-01":              {Verb: VerbPause, Until: day(2027, 3, 1), English: true},
		"bind 7K2M-9QXT":                      {Verb: VerbBind, Code: "7K2M-9QXT", English: true},
		"link my email":                       english(VerbBind),
		"How do I unsubscribe?":               {Verb: VerbHelp, Topic: VerbUnsubscribe, English: true},
		"how can I pause":                     {Verb: VerbHelp, Topic: VerbPause, English: true},
		"where is the archive?":               english(VerbArchive),
		"What's the latest issue?":            english(VerbLatest),
		"English":                             {Verb: VerbLanguage, Language: "en", English: true},
		"英文":                                  {Verb: VerbLanguage, Language: "en"},
		"中文":                                  {Verb: VerbLanguage, Language: "zh-CN"},
		"Chinese, please":                     {Verb: VerbLanguage, Language: "zh-CN", English: true},
		"用英語":                                 {}, // not a way that we know
		"我覺得訂閱這個詞不好":                          {},
		"我想了解一下退订的人多不多": {},
		"不要退订":                                {},
		"别给我退订":                               {},
		"第期":                                  {},
		"一":                                   {},
		"第零期":                                 {},
		"第一百百期":                               {},
		"9999999999":                          {},
		"don't unsubscribe me":                {},
		"I never unsubscribed":                {},
		"subscription":                        {},
		"7K2M-9QX":                            {},
		"暂停到昨天":                               {},
		"暂停到2月30日":                            {},
		"暂停 90 年":                             {},
		"https://x.example/?t=1":              {},
		"🎉":                                   {},
		"。。。":                                 {},
		"":                                    {},
		strings.Repeat("退", 100):              {},
		"协会的电话是多少":                            {},
		"你们的杂志办得真好":                           {},
		"我的朋友说你们的杂志很好":                        {},
		"unsubscribe from my life, won't you": {},
		"目录 太长 了 看不完":                         {},
		"提醒我明天开会":                             {},
		"请把地址改成上海市浦东新区":     {},
		"暂停一下，我先出差，回来再说":    {},
		"绑定 li@example.org": of(VerbBind),
		"绑定7K2M9QXT":        bind("7K2M-9QXT"),
		"绑定 ７ｋ２ｍ－９ｑｘｔ":      bind("7K2M-9QXT"),
		"綁定：7k2m 9qxt。":     bind("7K2M-9QXT"),
		"我要绑定，7K2M-9QXT":    bind("7K2M-9QXT"),
		"7k2m9qxt":          bind("7K2M-9QXT"),
		"第142期":             number(142),
		"第１４２期":             number(142),
		"１４２":               number(142),
		"142":               number(142),
		"142期":              number(142),
		"142号":              number(142),
		"#142":              number(142),
		"№142":              {Verb: VerbIssue, Issue: IssueName{Number: 142}, English: true},
		"第一四二期":             number(142),
		"第一百四十二期":           number(142),
		"第壹佰肆拾贰期":           number(142),
		"第一百零二期":            number(102),
		"第两百期":              number(200),
		"十二期":               number(12),
		"第廿三期":              number(23),
		"第 一 四 二 期":         number(142),
		"「第142期」":           number(142),
		"我想看第142期":          number(142),
		"请发一下142期，谢谢":       number(142),
		"麻煩給我第142期吧":        number(142),
		"没收到142期":           number(142),
		"总第一四二期":            number(142),
		"2015年第2期":          year(2015, 2),
		"二〇一五年第二期":          year(2015, 2),
		"2015-2":            year(2015, 2),
		"２０１５年 第２期":         year(2015, 2),
		"栏目 政策法规、行业动态":      choose("政策法规", "行业动态"),
		"栏目1，3":             choose("1", "3"),
		"欄目：政策法規":           choose("政策法规"),
		"只看政策法规":            choose("政策法规"),
		"我只想看 政策法规 行业动态":    choose("政策法规", "行业动态"),
		"暂停三个月":             pause(now.AddDate(0, 3, 0)),
		"暂停 2 周":            pause(now.AddDate(0, 0, 14)),
		"暫停半年":              pause(now.AddDate(0, 6, 0)),
		"请先停两个月":            pause(now.AddDate(0, 2, 0)),
		"停两个月":              pause(now.AddDate(0, 2, 0)),
		"暂停到明年3月":           pause(day(2027, 3, 1)),
		"暂停到12月31日":         pause(day(2026, 12, 31)),
		"暂停至三月一号":           pause(day(2027, 3, 1)),
		"暂停到2027年3月15日":     pause(day(2027, 3, 15)),
		"暂停一年":              pause(now.AddDate(1, 0, 0)),
		"怎么退订":              how(VerbUnsubscribe),
		"请问怎么退订呢？":          how(VerbUnsubscribe),
		"如何取消訂閱":            how(VerbUnsubscribe),
		"可以退订吗？":            how(VerbUnsubscribe),
		"怎么绑定邮箱":            how(VerbBind),
		"怎样选择栏目":            of(VerbSections),
		"怎么看往期":             of(VerbArchive),
		"在哪里看最新一期":          of(VerbLatest),
		"怎么订阅啊":             how(VerbSubscribe),
		"下期提醒我怎么弄":          how(VerbRemind),
	}
	for verb, lines := range map[Verb]string{
		VerbSubscribe:   "订阅|訂閱|订 阅|订阅。|【订阅】|“订阅”|我要订阅|我想訂閱|请帮我订阅一下，谢谢！|订阅期刊|订|重新订阅|取消退订|关注|您好，我要订阅|回复订阅|订阅❤️",
		VerbUnsubscribe: "退订|退訂|退 订|退订！！！|我要退订|我想退订了|请帮我退订，谢谢|麻烦退订一下|取消订阅|取消訂閱|不订了|我不想订了|我不想再收到了|不要再发了|别发了|停止推送|TD|td|T|ｔｄ|回复TD|取消关注|取关|不看了|立即退订|帮我退订好吗",
		VerbPause:       "暂停|暫停|请暂停|暂停发送|暂停订阅|先停一停|暂停一下|我想暂停一段时间|暂时不要发了",
		VerbResume:      "恢复|恢復|恢复订阅|继续|繼續|继续发送|取消暂停|请恢复发送吧|接着发吧",
		VerbSections:    "栏目|欄目|选择栏目|我要选栏目|有哪些栏目|有哪些栏目？|栏目设置|换栏目|我的栏目",
		VerbContents:    "目录|目錄|本期目录|看目录|看一下目录|最新一期目录|目 录|请发目录",
		VerbArchive:     "往期|往期回顾|往 期|过刊|過刊|历史期刊|看往期|以前的|所有期刊",
		VerbLatest:      "最新|最新一期|最新壹期|看最新一期|最新期刊|我要看最新的|本期|这一期|這期|没收到|我没收到最新一期|重发|再发一次吧|最近一期|给我最新一期",
		VerbBind:        "绑定|綁定|绑定邮箱|我要绑定|绑定微信|关联邮箱",
		VerbUnbind:      "解绑|解綁|解除绑定|取消绑定|我要解绑|解绑邮箱",
		VerbMe:          "我的|我的订阅|我的信息|個人中心|状态|我订了什么|我订阅了吗|设置|管理订阅|查询",
		VerbHelp:        "帮助|幫助|？|?|说明|怎么用|菜单|功能|你好|您好|谢谢|有什么功能？|使用説明|指令",
		VerbConfirm:     "确认|確認|是的|好的|好的，谢谢|同意|确认绑定",
		VerbDecline:     "取消|不|不是|否",
		VerbRemind:      "下期提醒我|下期提醒|下一期提醒我|提醒我|提醒|请下期提醒我|下期通知我|出刊提醒|下 期 提 醒 我|新刊提醒",
		VerbUnremind:    "取消提醒|不用提醒我了|别提醒我",
	} {
		for line := range strings.SplitSeq(lines, "|") {
			all[line] = of(verb)
		}
	}
	for verb, lines := range map[Verb]string{
		VerbSubscribe:   "subscribe|Subscribe!|SUBSCRIBE|ｓｕｂｓｃｒｉｂｅ|please subscribe me|I want to subscribe|sign up|start|resubscribe",
		VerbUnsubscribe: "unsubscribe|UNSUBSCRIBE.|stop|STOP|please unsubscribe me|I'd like to unsubscribe, thanks|opt out|stop sending",
		VerbPause:       "pause|please pause|hold",
		VerbResume:      "resume|continue|unpause",
		VerbSections:    "sections|which sections|choose sections|What are the sections?",
		VerbContents:    "contents|table of contents|show me the contents|what's in it?",
		VerbArchive:     "archive|back issues|show me the archive|past issues",
		VerbLatest:      "latest|latest issue|send me the latest issue please|the newest issue|this issue",
		VerbBind:        "bind|connect email",
		VerbUnbind:      "unbind|unlink my email",
		VerbMe:          "my subscription|status|am i subscribed?|settings",
		VerbHelp:        "help|HELP|hello|what can you do?|thank you",
		VerbConfirm:     "yes|confirm|OK, thanks",
		VerbDecline:     "cancel",
		VerbRemind:      "remind me|notify me of the next issue|please remind me of the next issue",
		VerbUnremind:    "cancel reminder|don't remind me",
	} {
		for line := range strings.SplitSeq(lines, "|") {
			all[line] = english(verb)
		}
	}
	return all
}

func TestUnderstand(t *testing.T) {
	all := utterances()
	if len(all) < 150 {
		t.Errorf("%d utterances", len(all))
	}
	for text, want := range all {
		if diff := cmp.Diff(want, Understand(text, chatNow())); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
}

// TestEveryPhrase: each phrase of the grammar means its verb, whatever form it
// comes in, and no other.
func TestEveryPhrase(t *testing.T) {
	owner := map[string]Verb{}
	for _, p := range phrases {
		if other, twice := owner[p.text]; twice {
			t.Errorf("%q is both %s and %s", p.text, other, p.verb)
		}
		owner[p.text] = p.verb
		if folded := foldChat(p.text); folded != p.text {
			t.Errorf("%q folds to %q and is never found", p.text, folded)
		}
		if p.needs {
			continue
		}
		for _, text := range []string{p.text, wide(p.text), "  " + p.text + "。", strings.ToUpper(p.text)} {
			if got := Understand(text, chatNow()); got.Verb != p.verb {
				t.Errorf("%q is %q, want %q", text, got.Verb, p.verb)
			}
		}
	}
	for _, list := range [][]string{courtesyBefore, courtesyAfter, questionBefore, questionAfter} {
		for _, w := range list {
			if foldChat(w) != w {
				t.Errorf("%q folds to %q", w, foldChat(w))
			}
		}
		if sorted := slices.Sorted(slices.Values(list)); len(slices.Compact(sorted)) != len(list) {
			t.Errorf("something is twice in %q…", list[0])
		}
	}
	if len(simplified) < 150 {
		t.Errorf("%d traditional forms", len(simplified))
	}
	for from, to := range simplified {
		if _, again := simplified[to]; again && from != to {
			t.Errorf("%c becomes %c, which becomes another", from, to)
		}
	}
}

// wide writes a text as a Chinese keyboard's full-width mode does.
func wide(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '\u3000'
		case r > ' ' && r < 127:
			return r - ' ' + '\uff00'
		}
		return r
	}, text)
}

func TestNumeral(t *testing.T) {
	for text, want := range map[string]int{
		"142": 142, "一四二": 142, "一百四十二": 142, "百四十二": 142, "一百零二": 102, "一百一十": 110, "十": 10, "十二": 12, "二十": 20,
		"廿三": 23, "卅": 30, "两千": 2000, "一千零一": 1001, "二〇一五": 2015, "零": 0, "一千二百三十四": 1234,
		"": -1, "x": -1, "一百百": -1, "十百": -1, "一二十": -1, "一百二三": -1, "百百": -1, "二廿": -1,
	} {
		n, ok := numeral(text)
		if !ok {
			n = -1
		}
		if n != want {
			t.Errorf("%q is %d, want %d", text, n, want)
		}
	}
}

func TestBindingCode(t *testing.T) {
	for text, want := range map[string]string{
		"7K2M-9QXT": "7K2M-9QXT", "7k2m9qxt": "7K2M-9QXT", " 7k2m 9qxt ": "7K2M-9QXT",
		"7K2M-9QX": "", "7K2M-9QXTA": "", "7K2M-9QX0": "", "23456789": "", "ABCDEFGH": "", "7K2M-9QX期": "", "": "",
	} {
		if got, ok := BindingCode(text); got != want || ok != (want != "") {
			t.Errorf("%q is %q, %v", text, got, ok)
		}
	}
}

// FuzzUnderstand: whatever is written, what is understood keeps its promises, and
// means the same in full-width characters.
func FuzzUnderstand(f *testing.F) {
	for _, text := range []string{
		"訂 阅。", "第一百四十二期目录", "２０１５年第２期", "绑定 7k2m9qxt", "暂停到明年3月", "请问怎么退订呢？", "栏目 1、3", "pause for 3 months", "no. 2 of 2015",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		now := chatNow()
		u := Understand(text, now)
		if !u.Until.IsZero() && (!u.Until.After(now) || u.Until.After(now.AddDate(maxPauseYears, 0, 0))) {
			t.Errorf("%q pauses until %s", text, u.Until)
		}
		if u.Code != "" {
			if normal, ok := BindingCode(u.Code); !ok || normal != u.Code {
				t.Errorf("%q has the code %q", text, u.Code)
			}
		}
		if n := u.Issue; n.Number < 0 || n.Number > 999_999 || n.Year != 0 && n.Number == 0 || len(u.Sections) > maxChosen {
			t.Errorf("%q is %+v", text, u)
		}
		if text = wide(text); len(text) <= maxUtterance {
			if diff := cmp.Diff(u, Understand(text, now)); diff != "" {
				t.Errorf("%q in full-width characters (-half +full):\n%s", text, diff)
			}
		}
	})
}
