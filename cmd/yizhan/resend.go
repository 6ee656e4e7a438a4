package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"yizhan/dispatch"
	"yizhan/dispatch/wechat"
	"yizhan/issue"
	"yizhan/subscribers"
)

// resendCmd plans a further run of an issue for some of its subscribers.
type resendCmd struct {
	N       string   `arg:"" help:"期号。 [issue]"`
	Scope   string   `required:"" enum:"failed,unsent,unconfirmed,new,outdated,one" placeholder:"SCOPE" help:"发给谁：failed 失败的；unsent 首发名单里没送出的；unconfirmed 未确认的；new 首发以后确认的新订户；outdated 收到的是旧版本的；one 一个地址。"`
	To      string   `placeholder:"ADDRESS" help:"--scope one 的地址。 [address]"`
	Channel []string `placeholder:"C" help:"渠道，可以写几次；默认首发的渠道。 [channel]"`
	Reason  string   `placeholder:"TEXT" help:"为什么重发，记入台账。 [for the record]"`
	DryRun  bool     `name:"dry-run" help:"只列出会发给谁。 [only list]"`
	Yes     bool     `short:"y" help:"不再询问。 [do not ask]"`
	Wait    bool     `help:"等到发行完成，显示进度。 [wait until finished]"`
}

// Run implements the command.
func (s *resendCmd) Run(ctx context.Context, c *call) error {
	if (s.Scope == string(dispatch.SelectOne)) != (s.To != "") {
		return misused("--to 和 --scope one 要一起用", "例如 yizhan resend 142 --scope one --to reader@example.org")
	}
	i, err := c.open(ctx, nil)
	if err != nil {
		return err
	}
	defer i.close()
	for _, name := range s.Channel {
		if err := known(name, i.channelNames()); err != nil {
			return err
		}
	}
	is, revision, err := i.approved(ctx, s.N)
	if err != nil {
		return err
	}
	names, err := i.resendChannels(ctx, is.ID, s.Channel)
	if err != nil {
		return err
	}
	resend := dispatch.Resend{Issue: is.ID, Revision: revision.N, Selection: dispatch.Selection(s.Scope)}
	var person subscribers.Subscriber
	if s.To != "" {
		if person, err = i.people.Get(ctx, s.To); err != nil {
			return err
		}
		resend.Target = person.PublicID
	}
	way, names, err := s.way(ctx, i, resend, is, person, names)
	if err != nil {
		return err
	}
	selected := []dispatch.Selected{}
	var used []string // with anybody in them
	for _, name := range names {
		some, err := i.selected(ctx, resend, is, name)
		if err != nil {
			return err
		}
		if len(some) > 0 {
			used = append(used, name)
		}
		selected = append(selected, some...)
	}
	if s.To != "" && len(selected) == 0 {
		return s.nobody(c, person, names)
	}
	if s.DryRun || len(selected) == 0 {
		return s.list(c, selected, way)
	}
	s.foretell(c, selected, way)
	if err := s.ask(c, is, used, len(selected)); err != nil {
		return err
	}
	return s.plan(ctx, c, i, is, revision, resend, used)
}

// selected lists whom a resend of an issue reaches in one channel.
func (i *instance) selected(ctx context.Context, r dispatch.Resend, is issue.Issue, channel string) ([]dispatch.Selected, error) {
	route, err := i.route(channel)
	if err != nil {
		return nil, err
	}
	if dispatch.BySection(route.Channel) {
		r.Outline = is.Outline()
	}
	return i.ledger.Select(ctx, r, channel, time.Now())
}

// resendChannels gives the channels that were asked for, else those of the
// issue's first runs that there still are.
func (i *instance) resendChannels(ctx context.Context, issueID string, asked []string) ([]string, error) {
	if len(asked) > 0 {
		return asked, nil
	}
	runs, err := i.ledger.Status(ctx, issueID, time.Now())
	if err != nil {
		return nil, err
	}
	var names []string
	for _, r := range runs {
		if r.Scope != dispatch.SelectFirst {
			continue
		}
		for _, name := range channelsOf(r) {
			if slices.Contains(i.channelNames(), name) && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	if len(names) == 0 {
		return nil, dispatch.ErrNoRun
	}
	return names, nil
}

// list shows whom the resend would reach.
func (s *resendCmd) list(c *call, selected []dispatch.Selected, way way) error {
	if done, err := c.answer(struct {
		Count       int                 `json:"count"`
		Subscribers []dispatch.Selected `json:"subscribers"`
		Way         string              `json:"way,omitempty"`
	}{len(selected), selected, string(way)}); done {
		return err
	}
	if len(selected) == 0 {
		c.printf("没有要重发的人，什么也没做")
		return nil
	}
	t := newSheet("订户", "渠道", "地址", "不发的原因")
	for _, one := range selected {
		t.add(one.ID, one.Channel, one.Address, reasonWord(one.Blocked))
	}
	if err := t.write(c.stdout); err != nil {
		return err
	}
	c.printf("共 %d 份", len(selected))
	if way != "" {
		c.printf("%s", way.text(plain(s.To)))
	}
	return nil
}

// nobody says why the one person who was named gets nothing.
func (s *resendCmd) nobody(c *call, person subscribers.Subscriber, names []string) error {
	type refusal struct {
		Channel string `json:"channel"`
		Reason  string `json:"reason"`
	}
	refusals := []refusal{}
	for _, name := range names {
		refusals = append(refusals, refusal{name, whyNot(person, name)})
	}
	if done, err := c.answer(struct {
		Count       int                 `json:"count"`
		Subscribers []dispatch.Selected `json:"subscribers"`
		Refused     []refusal           `json:"refused"`
	}{Subscribers: []dispatch.Selected{}, Refused: refusals}); done {
		return err
	}
	for _, r := range refusals {
		text := reasonWord(r.Reason)
		switch r.Reason {
		case "no-address":
			text = "这位订户没有这个渠道的地址"
		case "open":
			text = "上一份还没发完，用 yizhan deliveries " + s.N + " 看"
		case string(subscribers.Unsubscribed):
			text = "已退订，只有本人能恢复（打开收到过的邮件里的退订链接）"
			if on := onWeChat(person); r.Channel == wechat.Name && on != nil && on.Reason == subscribers.Unfollowed {
				text = "取消关注了公众号，重新关注就恢复"
			} else if r.Channel == wechat.Name {
				text = "已退订，只有本人能恢复（在公众号里回复“订阅”）"
			}
		}
		c.printf("不发给 %s（%s）：%s", plain(s.To), r.Channel, text)
	}
	c.printf("没有要重发的人，什么也没做")
	return nil
}

// whyNot is why a selection of one subscriber is empty in a channel: the rules of
// [subscribers.Audience] in their order; who passes them has an open delivery.
func whyNot(person subscribers.Subscriber, channel string) string {
	at := slices.IndexFunc(person.Addresses, func(a subscribers.ChannelAddress) bool { return a.Channel == channel })
	switch {
	case at < 0:
		return "no-address"
	case person.Addresses[at].State != subscribers.Active:
		return string(person.Addresses[at].State)
	case person.State != subscribers.Active:
		return string(person.State)
	}
	return "open"
}

// foretell says, before anything is planned, how it comes to a follower, and who is in
// it and will get nothing.
func (s *resendCmd) foretell(c *call, selected []dispatch.Selected, way way) {
	if way != "" {
		c.printf("%s", way.text(plain(s.To)))
	}
	blocked := slices.DeleteFunc(slices.Clone(selected), func(one dispatch.Selected) bool { return one.Blocked == "" })
	switch {
	case len(blocked) == 0:
	case s.To != "" && blocked[0].Blocked == dispatch.ReasonNoSection:
		c.printf("%s：%s，不会寄出，台账里只记为跳过", plain(s.To), reasonWord(blocked[0].Blocked))
	case s.To != "":
		c.printf("%s %s：不会寄出，台账里只记为跳过；要寄就先用 yizhan suppressions remove 解除", plain(s.To), reasonWord(blocked[0].Blocked))
	default:
		c.printf("其中 %d 份不会寄出：%s", len(blocked), reasonWord(blocked[0].Blocked))
	}
}

// ask makes sure that the resend is meant. Where nobody can be asked, only a
// resend to somebody who may have the issue already has to be confirmed.
func (s *resendCmd) ask(c *call, is issue.Issue, names []string, count int) error {
	if s.Yes {
		return nil
	}
	if !c.terminal {
		if s.Scope == string(dispatch.SelectOne) {
			return problem{Code: "needs-yes", Text: "这一位可能已经收到过，重发要先确认", Hint: "确定要发，就加 --yes"}
		}
		return nil
	}
	if !c.confirm(fmt.Sprintf("第 %s 期将重发 %d 份（%s，%s）。继续吗？", is.ID, count, word(s.Scope), joined(names))) {
		return problem{Code: "declined", Text: "没有重发"}
	}
	return nil
}

func (s *resendCmd) plan(ctx context.Context, c *call, i *instance, is issue.Issue, revision issue.Revision, r dispatch.Resend, names []string) error {
	channels, err := i.channel(names...)
	if err != nil {
		return err
	}
	run, err := c.plan(ctx, i, dispatch.Planning{
		Kind: dispatch.KindIssue, Issue: is, Revision: revision, Selection: r.Selection, Target: r.Target,
		Reason: s.Reason, Channels: channels, Now: time.Now(),
	})
	if err != nil {
		return err
	}
	return c.follow(ctx, i, run, s.Wait)
}
