package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"yizhan/dispatch"
)

// statusCmd shows how far the runs are.
type statusCmd struct {
	N     string `arg:"" optional:"" help:"期号；不写就是所有没结束的和最近几次。 [issue]"`
	Watch bool   `help:"一直显示，直到结束或按 Ctrl-C。 [go on showing]"`
}

// report is the status in the form of the contract.
type report struct {
	Issue     string               `json:"issue"`
	Runs      []dispatch.RunStatus `json:"runs"`
	Alarms    []dispatch.Alarm     `json:"alarms"`
	Schedules []schedule           `json:"schedules"`
}

// schedule is a schedule with its slots.
type schedule struct {
	Name string     `json:"name"`
	Next *time.Time `json:"next"`
	Last *time.Time `json:"last"`
	// State is what became of the last slot; "" when there was none.
	State string `json:"state"`
}

// Run implements the command.
func (s *statusCmd) Run(ctx context.Context, c *call) error {
	i, err := c.open(ctx, nil)
	if err != nil {
		return err
	}
	defer i.close()
	if s.N != "" {
		if _, err := i.issue(ctx, s.N); err != nil {
			return err
		}
	}
	if s.Watch {
		return s.watch(ctx, c, i)
	}
	r, err := s.read(ctx, i)
	if err != nil {
		return err
	}
	if done, err := c.answer(r); done {
		return err
	}
	return s.write(ctx, c.stdout, i, r)
}

func (s *statusCmd) read(ctx context.Context, i *instance) (report, error) {
	runs, err := i.ledger.Status(ctx, s.N, time.Now())
	if err != nil {
		return report{}, err
	}
	alarms, err := i.ledger.Alarms(ctx)
	if err != nil {
		return report{}, err
	}
	if runs == nil {
		runs = []dispatch.RunStatus{}
	}
	schedules, err := i.slots(ctx, time.Now())
	if err != nil {
		return report{}, err
	}
	return report{Issue: s.N, Runs: runs, Alarms: alarms, Schedules: schedules}, nil
}

// watch shows the status whenever it has changed, until every run of the issue
// is over or ctx ends: stopping to look is no failure.
func (s *statusCmd) watch(ctx context.Context, c *call, i *instance) error {
	var last []byte
	for {
		began := time.Now()
		r, err := s.read(ctx, i)
		if err != nil {
			return unlessStopped(ctx, err)
		}
		var now bytes.Buffer
		if c.json {
			err = writeJSON(&now, r)
		} else {
			err = s.write(ctx, &now, i, r)
		}
		if err != nil {
			return unlessStopped(ctx, err)
		}
		if !bytes.Equal(last, now.Bytes()) {
			if c.terminal && !c.json {
				fmt.Fprint(c.stdout, "\x1b[H\x1b[2J") // ECMA-48: cursor home, erase the display
			}
			if _, err := c.stdout.Write(now.Bytes()); err != nil {
				return fmt.Errorf("writing the status: %w", err)
			}
			last = now.Bytes()
		}
		if s.N != "" && over(r.Runs) {
			return nil
		}
		if sleep(ctx, max(time.Second, 4*time.Since(began))) != nil {
			return nil
		}
	}
}

// unlessStopped is err, or nil when it came of the end of ctx.
func unlessStopped(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// over reports whether nothing more happens to any of the runs by itself.
func over(runs []dispatch.RunStatus) bool {
	for _, r := range runs {
		if r.State != string(dispatch.RunFinished) && r.State != string(dispatch.RunCancelled) {
			return false
		}
	}
	return true
}

// write shows a status to people.
func (s *statusCmd) write(ctx context.Context, to io.Writer, i *instance, r report) error {
	if len(r.Runs) == 0 {
		fmt.Fprintln(to, "还没有发行过")
	} else if err := writeRuns(to, i, r.Runs); err != nil {
		return err
	}
	if err := writeWaiting(to, i, r.Runs); err != nil {
		return err
	}
	if err := writeJobs(to, r.Runs); err != nil {
		return err
	}
	writeRemarks(to, r.Runs)
	for _, a := range r.Alarms {
		fmt.Fprintf(to, "注意（从 %s 起）：%s\n", i.clock(a.Since), alarmText(a))
	}
	for _, sc := range r.Schedules {
		if sc.Next != nil && s.N == "" {
			fmt.Fprintf(to, "计划 %s 的下一次：%s\n", sc.Name, i.clock(*sc.Next))
		}
	}
	live, err := i.live(ctx)
	if err != nil {
		return err
	}
	if !live && !over(r.Runs) {
		fmt.Fprintln(to, "注意：没有运行中的服务，发行不会前进；启动 yizhan serve")
	}
	return nil
}

func writeRuns(to io.Writer, i *instance, runs []dispatch.RunStatus) error {
	t := newSheet("期", "发行", "内容", "状态", "渠道", "送出#", "失败#", "跳过#", "未确认#", "未完#", "共#", "列入", "完成")
	for _, r := range runs {
		for _, name := range channelsOf(r) {
			n := r.Channels[name]
			if n.Total() == 0 && r.Total().Total() > 0 {
				continue // nobody is reached by it
			}
			t.add(r.Issue, r.ID, contentOf(r), doing(r), name,
				n[dispatch.StateSent], n[dispatch.StateFailed], n[dispatch.StateSkipped], n[dispatch.StateUnconfirmed], n.Open(), n.Total(),
				i.clockOf(r.PlannedAt), i.clockOf(r.FinishedAt))
		}
	}
	return t.write(to)
}

// doing says the state of a run.
func doing(r dispatch.RunStatus) string {
	if awaited(r) {
		return "等对方说话"
	}
	return word(r.State)
}

// contentOf says what a run carries.
func contentOf(r dispatch.RunStatus) string {
	switch r.Kind {
	case dispatch.KindService:
		return "服务邮件"
	case dispatch.KindReminder:
		return "下期提醒"
	}
	return fmt.Sprintf("%s v%d", word(string(r.Scope)), r.Revision)
}

// writeWaiting tells what the open rows wait for.
func writeWaiting(to io.Writer, i *instance, runs []dispatch.RunStatus) error {
	t, rows := newSheet("期", "发行", "等待的原因", "到", "份数#"), 0
	for _, r := range runs {
		for _, w := range r.Waiting {
			until := "用 yizhan resume " + r.Issue + " 继续"
			switch {
			case w.Until != nil:
				until = i.clockOf(w.Until)
			case w.Reason == dispatch.ReasonAwaits:
				until = "对方说话时"
			}
			t.add(r.Issue, r.ID, waitWord(w.Reason), until, w.Count)
			rows++
		}
	}
	if rows == 0 {
		return nil
	}
	fmt.Fprintln(to)
	return t.write(to)
}

// writeJobs tells what carriers said of the hand-overs that they took: WeChat
// counts a mass send's followers, and names none of them.
func writeJobs(to io.Writer, runs []dispatch.RunStatus) error {
	t, rows := newSheet("期", "发行", "渠道", "批#", "已报告#", "对象#", "过滤后#", "送达#", "出错#"), 0
	for _, r := range runs {
		for _, name := range channelsOf(r) {
			j := r.Jobs[name]
			if j.Jobs == 0 {
				continue
			}
			rows++
			if j.Counted == 0 {
				t.add(r.Issue, r.ID, name, j.Jobs, j.Reported, "", "", "", "")
				continue
			}
			t.add(r.Issue, r.ID, name, j.Jobs, j.Reported, j.Total, j.Filtered, j.Sent, j.Errors)
		}
	}
	if rows == 0 {
		return nil
	}
	fmt.Fprintln(to)
	return t.write(to)
}

// writeRemarks tells what channels had to shorten or leave out.
func writeRemarks(to io.Writer, runs []dispatch.RunStatus) {
	for _, r := range runs {
		for _, name := range channelsOf(r) {
			for _, one := range r.Remarks[name] {
				fmt.Fprintf(to, "发行 %s（%s）：%s\n", r.ID, name, plain(one))
			}
		}
	}
}

// pauseCmd, resumeCmd and cancelCmd steer the open runs of an issue.
type (
	pauseCmd struct {
		N string `arg:"" help:"期号。 [issue]"`
	}
	resumeCmd struct {
		N string `arg:"" help:"期号。 [issue]"`
	}
	cancelCmd struct {
		N       string `arg:"" help:"期号。 [issue]"`
		OnlyRun int64  `name:"run" placeholder:"RUN" help:"只取消这一次发行；编号见 yizhan status。 [only this run]"`
	}
)

// steered is what a command did to the runs of an issue.
type steered struct {
	Issue string `json:"issue"`
	Runs  int64  `json:"runs"`
	Rows  int64  `json:"rows"`
}

// Run implements the command.
func (s *pauseCmd) Run(ctx context.Context, c *call) error {
	return c.steer(ctx, s.N, "暂停", "", func(i *instance, now time.Time) (runs, rows int64, err error) {
		runs, err = i.ledger.Pause(ctx, s.N, now)
		return runs, 0, err // rows keep their states
	})
}

// Run implements the command.
func (s *resumeCmd) Run(ctx context.Context, c *call) error {
	return c.steer(ctx, s.N, "继续", "放行了 %d 份等人处理的投递", func(i *instance, now time.Time) (runs, rows int64, err error) {
		return i.ledger.Resume(ctx, s.N, now)
	})
}

// Run implements the command.
func (s *cancelCmd) Run(ctx context.Context, c *call) error {
	return c.steer(ctx, s.N, "取消", "涉及 %d 份投递", func(i *instance, now time.Time) (runs, rows int64, err error) {
		if s.OnlyRun != 0 {
			runs, rows, err = i.ledger.CancelRun(ctx, s.N, s.OnlyRun, now)
			if err == nil && runs == 0 {
				err = problem{Code: "no-run", Text: fmt.Sprintf("第 %s 期没有还能取消的发行 %d", plain(s.N), s.OnlyRun), Hint: "编号见 yizhan status " + plain(s.N)}
			}
			return runs, rows, err
		}
		return i.ledger.Cancel(ctx, s.N, now)
	})
}

// steer does one thing to the open runs of an issue and tells what it was:
// rowsDone is the sentence about its rows, with their number.
func (c *call) steer(ctx context.Context, n, verb, rowsDone string, do func(*instance, time.Time) (runs, rows int64, err error)) error {
	i, err := c.open(ctx, nil)
	if err != nil {
		return err
	}
	defer i.close()
	if _, err := i.issue(ctx, n); err != nil {
		return err
	}
	runs, rows, err := do(i, time.Now())
	if err != nil {
		return err
	}
	if told, err := c.answer(steered{n, runs, rows}); told {
		return err
	}
	if runs == 0 && rows == 0 {
		c.printf("第 %s 期没有可以%s的发行", n, verb)
		return nil
	}
	var done []string
	if runs > 0 {
		done = append(done, fmt.Sprintf("%s了 %d 次发行", verb, runs))
	}
	if rows > 0 {
		done = append(done, fmt.Sprintf(rowsDone, rows))
	}
	c.printf("第 %s 期：%s", n, strings.Join(done, "，"))
	return nil
}
