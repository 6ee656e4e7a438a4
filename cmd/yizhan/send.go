package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"yizhan/dispatch"
)

// sendCmd plans the first run of an issue.
type sendCmd struct {
	N       string   `arg:"" help:"期号。 [issue]"`
	Channel []string `placeholder:"C" help:"只发这个渠道，可以写几次；默认全部。 [channel]"`
	At      string   `placeholder:"TIME" help:"到这时再发：2026-09-10 09:00（配置里的时区）或 RFC 3339。 [not before]"`
	Wait    bool     `help:"等到发行完成，显示进度。 [wait until finished]"`
}

// atSlack is how far back --at may lie: whoever types the present minute means now.
const atSlack = time.Minute

// Run implements the command.
func (s *sendCmd) Run(ctx context.Context, c *call) error {
	i, err := c.open(ctx, nil)
	if err != nil {
		return err
	}
	defer i.close()
	notBefore, err := i.moment(s.At)
	if err != nil {
		return err
	}
	if now := time.Now(); !notBefore.IsZero() && now.Sub(notBefore) > atSlack {
		return problem{
			Code: "at-past", Text: fmt.Sprintf("--at 的时间已经过了：%s，现在是 %s", i.clock(notBefore), i.clock(now)),
			Hint: "改成以后的时间；要现在就发，去掉 --at",
		}
	}
	channels, err := i.channel(s.Channel...)
	if err != nil {
		return err
	}
	instead, err := i.instead()
	if err != nil {
		return err
	}
	is, revision, err := i.approved(ctx, s.N)
	if err != nil {
		return err
	}
	run, err := c.plan(ctx, i, dispatch.Planning{
		Kind: dispatch.KindIssue, Issue: is, Revision: revision, Selection: dispatch.SelectFirst,
		Channels: channels, Instead: instead, NotBefore: notBefore, Now: time.Now(),
	})
	if errors.Is(err, dispatch.ErrPlanned) {
		return i.sentBefore(ctx, is.ID, err)
	}
	if err != nil {
		return err
	}
	return c.follow(ctx, i, run, s.Wait)
}

// sentBefore says what became of the first run that keeps an issue from being
// sent once more; planned is the ledger's refusal.
func (i *instance) sentBefore(ctx context.Context, n string, planned error) error {
	runs, err := i.ledger.Status(ctx, n, time.Now())
	if err != nil {
		return err
	}
	for _, r := range runs {
		if r.Scope == dispatch.SelectFirst && r.State == string(dispatch.RunCancelled) {
			return problem{
				Code: "already-planned", Text: fmt.Sprintf("第 %s 期已经发行过，那一次取消了（发行 %s：%s）", n, r.ID, summary(r)),
				Hint:  fmt.Sprintf("发给名单上还没收到的人：yizhan resend %s --scope unsent；发给首发以后新订的人：yizhan resend %s --scope new", n, n),
				cause: planned,
			}
		}
	}
	return planned
}

// moment reads a time that a person typed; "" is none.
func (i *instance) moment(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	for _, form := range []string{"2006-01-02 15:04", "2006-01-02 15:04:05"} {
		if t, err := time.ParseInLocation(form, text, i.config.Timezone); err == nil {
			return t, nil
		}
	}
	return time.Time{}, misused(fmt.Sprintf("%q 不是时间", text), "写成 2026-09-10 09:00，或 RFC 3339，例如 2026-09-10T09:00:00+08:00")
}

// plan plans a run and shows how far it is when that takes a while.
func (c *call) plan(ctx context.Context, i *instance, p dispatch.Planning) (dispatch.RunStatus, error) {
	bars := c.newBars()
	id, err := i.ledger.Plan(ctx, p, func(share float64) {
		bars.set("plan", "生成投递名单", int64(share*100), 100)
	})
	bars.stop()
	if err != nil {
		return dispatch.RunStatus{}, err
	}
	return i.run(ctx, p.Issue.ID, fmt.Sprint(id))
}

// run reads one run of an issue.
func (i *instance) run(ctx context.Context, issueID, id string) (dispatch.RunStatus, error) {
	runs, err := i.ledger.Status(ctx, issueID, time.Now())
	if err != nil {
		return dispatch.RunStatus{}, err
	}
	for _, r := range runs {
		if r.ID == id {
			return r, nil
		}
	}
	return dispatch.RunStatus{}, fmt.Errorf("run %s of issue %s is not in the ledger", id, issueID)
}

// follow tells what has been planned and, when asked, waits until it is done.
func (c *call) follow(ctx context.Context, i *instance, run dispatch.RunStatus, wait bool) error {
	c.printf("第 %s 期已列入发行：发行 %s，共 %d 份（%s）", run.Issue, run.ID, run.Total().Total(), perChannel(run))
	if skipped := run.Total()[dispatch.StateSkipped]; skipped > 0 {
		c.printf("其中 %d 份不发：已退订、在禁发名单里，或者这一期没有所选的栏目", skipped)
	}
	if run.NotBefore != nil && run.NotBefore.After(time.Now()) {
		c.printf("从 %s 开始发", i.clockOf(run.NotBefore))
	}
	for _, name := range channelsOf(run) {
		for _, one := range run.Remarks[name] {
			c.printf("%s：%s", name, plain(one))
		}
	}
	var err error
	if wait {
		run, err = c.await(ctx, i, run)
	} else if live, sessionErr := i.live(ctx); sessionErr == nil && !live {
		c.printf("现在没有运行中的服务；启动 yizhan serve 以后开始发")
	}
	if _, answerErr := c.answer(run); err == nil {
		err = answerErr
	}
	return err
}

// live reports whether a daemon is at work on the ledger.
func (i *instance) live(ctx context.Context) (bool, error) {
	sessions, err := i.ledger.Sessions(ctx, dispatch.ThisProcess(), time.Now())
	return len(sessions) > 0, err
}

// perChannel lists how many deliveries there are in each channel.
func perChannel(r dispatch.RunStatus) string {
	var parts []string
	for _, name := range channelsOf(r) {
		if r.Channels[name].Total() == 0 && r.Total().Total() > 0 {
			continue // nobody is reached by it
		}
		parts = append(parts, fmt.Sprintf("%s %d", name, r.Channels[name].Total()))
	}
	return joined(parts)
}
