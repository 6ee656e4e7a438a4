package main

import (
	"fmt"
	"math"
	"slices"
	"time"

	"yizhan/dispatch"
	"yizhan/dispatch/email"
	"yizhan/dispatch/standin"
	"yizhan/dispatch/wechat"
)

// bilingual is the same in both languages of the pages.
type bilingual struct{ zh, en string }

// mishap is what goes wrong for one subscriber of the sample list, and what has
// to come of it.
type mishap struct {
	address string
	what    bilingual
	// The step of the relay at which it happens, how often, and how.
	phase string
	times int
	fault standin.Fault
	// The end of the delivery in the ledger.
	state  dispatch.State
	reason string
}

// always is how often a mailbox that does not exist refuses.
const always = math.MaxInt

// The subscribers of sample/subscribers.csv to whom something else happens than
// a fault of the relay.
const (
	leavesMidway = "hua.nianci@chaosheng-mail.example"    // unsubscribes when the run is planned already
	suppressed   = "peng.laifeng@gangwu-news.example"     // on the suppression list
	lostReply    = "zhuang.beichen@yunshan-mail.example"  // taken, but the relay's word of it is lost
	limited      = "qiao.linxi@yunshan-mail.example"      // the first at a provider that limits us
	dropped      = "mei.shuangjiang@cangqian-tea.example" // the connection breaks in the mail
	deadMailbox  = "luo.zhixia@gangwu-news.example"       // nobody there
	deadAsWell   = "ouyang.haitang@yunshan-mail.example"  // nobody there either
	greylisted   = "shen.guizhou@chaosheng-mail.example"  // come back later, twice
	greylisted2  = "wen.shuyu@tingchao-tea.example"       // come back later, once
	fullMailbox  = "tao.ranran@hezui-coop.example"        // full for a moment
	unfollows    = "oLgttISy_OVAWWBda8JkT6-WAV7p"         // leaves the account when the run is planned already
	askedTwice   = "oLgdyfH1-iVD6aITf-65vfUOTBg9"         // one of those whose mass send is answered late
	troubled     = "duan.hongdou@chidao-coffee.example"   // a server in trouble, once
)

// mishaps are the whole script. What the replies say is what real servers say.
func mishaps() []mishap {
	return []mishap{
		{
			greylisted,
			bilingual{"灰名单：头两次都说“请稍后再来”", "Greylisting: “try again later”, twice"},
			"rcpt", 2,
			standin.Fault{Code: 451, Text: "4.7.1 Greylisting in action, please try again later"},
			dispatch.StateSent, "",
		},
		{
			greylisted2,
			bilingual{"灰名单：头一次说“请稍后再来”", "Greylisting: “try again later”, once"},
			"rcpt", 1,
			standin.Fault{Code: 451, Text: "4.7.1 Recipient address rejected: Greylisted"},
			dispatch.StateSent, "",
		},
		{
			troubled,
			bilingual{"对方服务器临时出错一次", "The server is in trouble, once"},
			"dot", 1,
			standin.Fault{Code: 451, Text: "4.3.0 Temporary server error"},
			dispatch.StateSent, "",
		},
		{
			fullMailbox,
			bilingual{"邮箱满了，过一会儿又有了空间", "The mailbox is full for a moment"},
			"rcpt", 1,
			standin.Fault{Code: 452, Text: "4.2.2 Mailbox full"},
			dispatch.StateSent, "",
		},
		{
			limited,
			bilingual{"腾讯式的限速：用 550 说“发得太频繁”，整个域名都缓一缓", "A rate limit in the words of QQ, with a 550: the whole domain waits"},
			"rcpt", 1,
			standin.Fault{Code: 550, Text: "Ip frequency limited"},
			dispatch.StateSent, "",
		},
		{
			dropped,
			bilingual{"正文传到一半，连接断了", "The connection breaks in the middle of the mail"},
			"data", 1,
			standin.Fault{Drop: true},
			dispatch.StateSent, "",
		},
		{
			lostReply,
			bilingual{"对方收下了，但答复丢了：隔一会儿原样再投一次", "Taken, but the answer is lost: the same bytes once more, later"},
			"dot", 1,
			standin.Fault{Lose: true},
			dispatch.StateSent, "",
		},
		{
			deadMailbox,
			bilingual{"邮箱不存在：不再重试，以后也不再寄", "No such mailbox: no retry, and never again"},
			"rcpt", always,
			standin.Fault{Code: 550, Text: "5.1.1 User unknown"},
			dispatch.StateFailed, "mailbox-unknown",
		},
		{
			deadAsWell,
			bilingual{"邮箱不存在：同上", "No such mailbox either"},
			"rcpt", always,
			standin.Fault{Code: 550, Text: "5.1.1 The email account that you tried to reach does not exist"},
			dispatch.StateFailed, "mailbox-unknown",
		},
		{
			leavesMidway,
			bilingual{"名单已经排好，寄出之前一键退订：退订总是算数", "Unsubscribes when the run is planned already: it counts"},
			"", 0,
			standin.Fault{},
			dispatch.StateSkipped, "unsubscribed",
		},
		{
			suppressed,
			bilingual{"在禁发名单里：曾经投诉过", "On the suppression list: complained once"},
			"", 0,
			standin.Fault{},
			dispatch.StateSkipped, "suppressed",
		},
		{
			unfollows,
			bilingual{"名单已经排好，取消关注了公众号：也算数", "Stops following the account when the run is planned already: it counts"},
			"", 0,
			standin.Fault{},
			dispatch.StateSkipped, "unsubscribed",
		},
		{
			askedTwice,
			bilingual{"公众号群发的答复丢了：用同一个编号再问，平台认得，谁也不会收到两次", "The answer to the mass send is lost: asked again under the same id, which the platform knows, so nobody gets it twice"},
			"", 0,
			standin.Fault{},
			dispatch.StateSent, "",
		},
	}
}

// script is what the relay of the demo does.
type script struct {
	mishaps []mishap
	// curtain is closed when the run is planned and everybody who leaves has
	// left: until then nobody gets as far as the marker.
	curtain chan struct{}
	// pace is how long the relay takes over a mail, so that one can watch.
	pace time.Duration
}

// fault implements standin.Options.Script.
func (s *script) fault(phase, _, to string, nth int) standin.Fault {
	var f standin.Fault
	for _, m := range s.mishaps {
		if m.address == to && m.phase == phase && nth <= m.times {
			f = m.fault
		}
	}
	switch phase {
	case "rcpt":
		f.Wait = s.curtain
	case "dot":
		f.Wait = after(s.pace)
	}
	return f
}

// platform implements standin.WeChatOptions.Script: nothing is made ready for
// followers before the curtain, and the answer to the first mass send is lost.
func (s *script) platform(c standin.WeChatCall) standin.WeChatFault {
	switch c.Path {
	case "/cgi-bin/draft/add":
		return standin.WeChatFault{Before: s.curtain}
	case "/cgi-bin/message/mass/send":
		return standin.WeChatFault{After: after(s.pace), Lose: c.Nth == 1}
	}
	return standin.WeChatFault{}
}

func after(d time.Duration) <-chan struct{} {
	done := make(chan struct{})
	time.AfterFunc(d, func() { close(done) })
	return done
}

// differences says where the ledger, the mailboxes and the telephones are not what
// the script wants; nothing when all is well.
func (s *script) differences(ledger []entry, mails []received, messages []standin.WeChatMessage) []string {
	var out []string
	arrived := map[string]received{}
	for _, m := range mails {
		if other, twice := arrived[m.MessageID]; twice {
			out = append(out, fmt.Sprintf("mails %d and %d have one Message-ID and differ", other.N, m.N))
		}
		arrived[m.MessageID] = m
	}
	shown := map[string]int{}
	for _, m := range messages {
		shown[m.OpenID]++
	}
	for _, e := range ledger {
		want := mishap{state: dispatch.StateSent}
		if n := slices.IndexFunc(s.mishaps, func(m mishap) bool { return m.address == e.Address }); n >= 0 {
			want = s.mishaps[n]
		}
		wrong := func(format string, args ...any) {
			out = append(out, e.Address+": "+fmt.Sprintf(format, args...))
		}
		if e.State != want.state || e.Reason != want.reason {
			wrong("%s %s instead of %s %s", e.State, e.Reason, want.state, want.reason)
		}
		if e.Channel == wechat.Name {
			if copies := shown[e.Address]; copies != countSent([]entry{e}, wechat.Name) {
				wrong("is %s, and %d copies are on the telephone", e.State, copies)
			}
			continue
		}
		tries := want.times
		if tries == always {
			tries = 1 // nobody asks a dead mailbox twice
		}
		if len(e.tries) != tries {
			wrong("%d failed tries instead of %d", len(e.tries), tries)
		}
		m, copies := arrived[e.MessageID], 0
		if want.state == dispatch.StateSent {
			copies = 1
		}
		if want.fault.Lose {
			copies = 2
		}
		if m.Copies != copies || copies > 0 && m.To != e.Address {
			wrong("%d copies for %q arrived instead of %d", m.Copies, m.To, copies)
		}
	}
	if wanted := countSent(ledger, email.Name); len(mails) != wanted {
		out = append(out, fmt.Sprintf("%d mails arrived and %d deliveries are sent", len(mails), wanted))
	}
	return out
}

func countSent(ledger []entry, channel string) int {
	n := 0
	for _, e := range ledger {
		if e.State == dispatch.StateSent && e.Channel == channel {
			n++
		}
	}
	return n
}
