package subscribers

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"
)

// phrase is a way to say a verb, in folded form.
type phrase struct {
	verb Verb
	text string
	// needs: it means the verb only with an argument behind it.
	needs bool
	// all: it is about all sections, or all channels.
	all      bool
	language string
}

// cut takes the phrase off the start of s.
func (p phrase) cut(s string) (rest string, ok bool) { return cutStart(s, p.text) }

// words are the ways to say each verb, between commas. Of two that fit, the
// longer one is meant.
var words = map[Verb]string{
	VerbSubscribe: "订阅,订,订刊,订阅期刊,订阅杂志,订阅刊物,开始订阅,重新订阅,再订阅,取消退订,撤销退订,关注,加入订阅," +
		"subscribe,subscribe me,subscribe again,sign up,sign me up,opt in,start,join,resubscribe,re-subscribe",
	VerbUnsubscribe: "退订,取消订阅,退,退订期刊,退订杂志,退订邮件,取消关注,取关,不订,不订阅,不想订,不想订阅,不再订阅,不想再订阅,停止订阅,停止发送,停止推送," +
		"不要再发,不要发,不要再推送,别再发,别发,不想收,不想再收到,不想收到,不看,不想看,td,t," +
		"unsubscribe,unsubscribe me,stop,opt out,quit,leave,no more,stop sending,stop it,remove me,take me off,take me off the list",
	VerbPause: "暂停,暂停订阅,暂停发送,暂停推送,暂停接收,暂时停止,暂时不要发,先停,先暂停,停一停,停一下,先停一停,先停一下,停一段时间,暂停一段时间,暂停一阵," +
		"pause,pause it,hold,suspend,snooze,pause my subscription,pause subscription",
	VerbResume: "恢复,恢复订阅,恢复发送,恢复推送,恢复接收,继续,继续订阅,继续发,继续发送,继续推送,继续收,继续接收,取消暂停,结束暂停,不暂停,接着发," +
		"resume,continue,unpause,restart,start again,resume my subscription,keep sending",
	VerbSections: "栏目,选择栏目,选栏目,栏目选择,栏目设置,设置栏目,我的栏目,换栏目,改栏目,修改栏目,更改栏目,有哪些栏目,有什么栏目,哪些栏目,栏目列表,栏目有哪些,板块,版块," +
		"sections,section,topics,choose sections,select sections,my sections,list sections,which sections",
	VerbContents: "目录,目次,本期目录,这期目录,最新目录,最新一期目录,最新一期的目录,内容,本期内容,目录有什么,本期有什么,这期有什么," +
		"contents,table of contents,toc,latest contents,what s in it,what s inside",
	VerbArchive: "往期,往期回顾,往期期刊,往期杂志,往期目录,往期列表,过刊,过往期刊,历史,历史期刊,历史文章,以前的,以前的期刊,所有期刊,全部期刊,期刊列表,旧刊,旧期,归档," +
		"archive,archives,back issues,past issues,old issues,all issues,previous issues,history,list issues,issues",
	VerbLatest: "最新,最新一期,最新期,最新的,最新期刊,最新杂志,最新内容,最近一期,最近,本期,这期,这一期,当期,新一期,新刊,期刊,杂志,刊物,没收到,没有收到,重发,再发一次,补发,重新发," +
		"latest,latest issue,the latest,newest,newest issue,new issue,current issue,current,this issue,last issue,recent,resend,send again",
	VerbBind: "绑定,绑,绑定邮箱,绑定邮件,绑定微信,绑定邮箱地址,绑定账号,绑定帐号,关联,关联邮箱," +
		"bind,link,connect,bind email,link email,connect email,bind my email,link my email,connect my email",
	VerbUnbind: "解绑,解除绑定,取消绑定,解绑邮箱,解绑邮件,解绑微信,解除关联,取消关联," +
		"unbind,unlink,disconnect,unbind email,unlink email,unlink my email,disconnect email",
	VerbConfirm: "确认,确定,确认绑定,是,是的,对,对的,好,好的,同意,可以,行," + "yes,y,ok,okay,confirm,sure,agree,yes please",
	VerbDecline: "取消,否,不,不是,不对,不同意,不绑,不绑定,不确认," + "no,n,cancel,decline,don t",
	VerbMe: "我的,我,我的订阅,我的信息,我的状态,我的设置,我的账号,我的帐号,个人中心,状态,订阅状态,查询,查询订阅,设置,管理,管理订阅,订阅管理,订阅设置,我订了什么,我订阅了什么,我订了哪些,我订阅了吗,订阅了吗,我订了吗," +
		"me,my,my subscription,my settings,my account,account,status,settings,manage,preferences,profile,who am i,am i subscribed",
	VerbHelp: "帮助,使用帮助,说明,使用说明,怎么用,怎么使用,如何使用,使用方法,用法,指令,命令,口令,功能,菜单,操作,操作说明,有什么功能,有哪些功能,有哪些命令,你能做什么,你会什么,能做什么," +
		"help,help me,menu,commands,command list,usage,manual,what can you do,how does this work,how does it work,how to use",
	VerbRemind: "下期提醒我,下期提醒,下一期提醒我,下一期提醒,提醒我,提醒,提醒我下期,提醒我下一期,下期通知我,下一期通知我,下期告诉我,新一期提醒我,新刊提醒,出刊提醒,出刊提醒我,出新刊提醒我,下期出来提醒我,下期出了提醒我,有新的提醒我," +
		"remind,remind me,notify me,remind me of the next issue,remind me about the next issue,remind me of the next one,next issue reminder,notify me of the next issue,tell me when the next issue is out,reminder",
	VerbUnremind: "取消提醒,取消下期提醒,不用提醒,不要提醒,不用提醒我,不要提醒我,别提醒,别提醒我," +
		"cancel reminder,cancel the reminder,no reminder,don t remind me,stop reminding me",
}

var (
	// phrases are all of them, longer ones first.
	phrases = allPhrases()
	// phrasesFrom has them by their first rune.
	phrasesFrom = byFirstRune(phrases)
)

func allPhrases() []phrase {
	list := []phrase{
		{verb: VerbSections, text: "只看", needs: true},
		{verb: VerbSections, text: "只要", needs: true},
		{verb: VerbSections, text: "只订", needs: true},
		{verb: VerbSections, text: "只订阅", needs: true},
		{verb: VerbSections, text: "只想看", needs: true},
		{verb: VerbSections, text: "only", needs: true},
		{verb: VerbPause, text: "停", needs: true},
	}
	for verb, text := range words {
		for text := range strings.SplitSeq(text, ",") {
			list = append(list, phrase{verb: verb, text: text})
		}
	}
	for text := range strings.SplitSeq("全部栏目,所有栏目,全部都看,都看,all sections,every section,everything", ",") {
		list = append(list, phrase{verb: VerbSections, text: text, all: true})
	}
	for text := range strings.SplitSeq("全部退订,全都退订,都退订,邮件也退订,全部取消订阅,unsubscribe all,unsubscribe from all,unsubscribe from everything,unsubscribe everything", ",") {
		list = append(list, phrase{verb: VerbUnsubscribe, text: text, all: true})
	}
	for language, text := range map[string]string{
		"zh-CN": "中文,中文版,简体,简体中文,汉语,切换中文,换中文,用中文,chinese,in chinese,switch to chinese,chinese please",
		"en":    "英文,英文版,英语,切换英文,换英文,用英文,english,in english,switch to english",
	} {
		for text := range strings.SplitSeq(text, ",") {
			list = append(list, phrase{verb: VerbLanguage, text: text, language: language})
		}
	}
	slices.SortFunc(list, func(a, b phrase) int {
		return cmp.Or(cmp.Compare(len(b.text), len(a.text)), cmp.Compare(a.text, b.text))
	})
	return list
}

func byFirstRune(list []phrase) map[rune][]phrase {
	out := map[rune][]phrase{}
	for _, p := range list {
		first, _ := utf8.DecodeRuneInString(p.text)
		out[first] = append(out[first], p)
	}
	return out
}

// everySection are words for no choice among sections.
var everySection = []string{"全部", "所有", "全", "都要", "全要", "全都要", "所有栏目", "全部栏目", "all", "every", "everything", "any"}

// cutContents takes words for a table of contents off the end of s.
func cutContents(s string) (head string, ok bool) {
	for _, w := range []string{"的目录", "目录", "的内容", "内容", "目次", " contents", " table of contents", " toc"} {
		if head, ok = cutEnd(s, w); ok && head != "" {
			return strings.TrimSpace(head), true
		}
	}
	return s, false
}

// before tells how many issues before the latest one words mean; 0: none.
func before(s string) int {
	switch s {
	case "上一期", "上期", "前一期", "上一刊", "previous", "previous issue", "the previous issue", "the one before", "issue before":
		return 1
	case "上上期", "上上一期", "前两期":
		return 2
	}
	return 0
}

// What people say around a command and what changes nothing about it.
var (
	courtesyBefore = strings.Split("您好,你好,你们好,哈喽,嗨,早上好,上午好,中午好,下午好,晚上好,老师好,老师,小编,编辑,在吗,请问,请,麻烦,劳驾,拜托,谢谢,"+
		"帮我,帮忙,帮,给我,给,替我,发给我,发我,发一下,发送,发,推送,我要,我想要,我想,我需要,我也要,我,想要,想,要,需要,再,就,那,那么,好的,好,嗯,"+
		"查看,查询,看看,看一下,看,查一下,查,打开,来一份,来一期,来份,来,求,回复,回,输入,点,直接,现在,马上,立即,立刻,一键,没收到,没有收到,重发,补发,再发一次,重新发送,重新发,"+
		"hi,hello,dear editor,hey,good morning,good afternoon,good evening,please,pls,kindly,i want to,i want,i would like to,i d like to,i wish to,i need to,i need,let me,show me,show,send me,send,give me,get me,get,read,open,see,view,the", ",")
	courtesyAfter = strings.Split("一下,下,吧,了,呢,啊,呀,哦,噢,嘛,哈,哈哈,啦,喽,哟,咯,呗,谢谢,谢谢您,谢谢你,谢谢了,多谢,非常感谢,感谢,辛苦了,麻烦了,麻烦您,拜托,拜托了,好吗,好不好,可以吗,行吗,好么,可以么,给我,给我看看,看看,看一下,发给我,发我,您好,你好,"+
		"please,pls,thanks,thank you,thank you very much,thanks a lot,thx,now,for me,to me,ok", ",")
	questionBefore = strings.Split("怎么样才能,怎样才能,怎么才能,怎么样,怎么,怎样,如何才能,如何,咋,在哪里可以,在哪里,在哪儿,在哪,哪里可以,哪里,哪儿,什么是,可以,可不可以,能不能,能否,可否,能,是否可以,为什么要,为什么,"+
		"how to,how do i,how can i,how could i,how do you,how does one,how,where do i,where can i,where is the,where is,where are the,can i,could i,may i,what is the,what is,what are the,what are,what s the,what s,is there a", ",")
	questionAfter = strings.Split("吗,么,没,没有,怎么办,怎么弄,怎么操作,是什么,是什么意思,在哪,在哪里,在哪儿,怎么设置,怎么看", ",")
)
