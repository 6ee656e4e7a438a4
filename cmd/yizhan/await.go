package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/progress"

	"yizhan/dispatch"
)

const (
	pollEvery = 300 * time.Millisecond
	// restarting is how long there may be no daemon before waiting is given up:
	// one that is just starting has no session yet.
	restarting = 3 * time.Second
)

// await waits until a run has come to rest and says how it ended: nil only when
// it is finished and nobody failed.
func (c *call) await(ctx context.Context, i *instance, run dispatch.RunStatus) (dispatch.RunStatus, error) {
	bars := c.newBars()
	defer bars.stop()
	seen := time.Now() // a daemon
	told := map[dispatch.Alarm]bool{}
	for {
		if err := c.warn(ctx, i, bars, run, told); err != nil {
			return run, err
		}
		bars.show(run)
		if ended, err := verdict(run); ended {
			bars.stop()
			if err == nil {
				c.printf("发行完成：%s", summary(run))
			}
			return run, err
		}
		if awaited(run) {
			bars.stop()
			c.printf("%s；用 yizhan status %s 看", waitWord(dispatch.ReasonAwaits), run.Issue)
			return run, nil
		}
		live, err := i.live(ctx)
		if err != nil {
			return run, err
		}
		if live {
			seen = time.Now()
		} else if time.Since(seen) > restarting {
			return run, problem{Code: "no-daemon", Text: "没有运行中的服务，发行不会前进", Hint: "启动 yizhan serve；已列入的发行会从停下的地方继续"}
		}
		// Counting millions of rows takes a while: leave the database time for
		// the work itself.
		began := time.Now()
		if run, err = i.run(ctx, run.Issue, run.ID); err != nil {
			return run, err
		}
		if err := sleep(ctx, max(pollEvery, 4*time.Since(began))); err != nil {
			return run, problem{Code: "interrupted", Text: "不再等待", Hint: "发行还在进行；用 yizhan status " + run.Issue + " 看进度", cause: err}
		}
	}
}

// warn tells each alarm about a run once: whoever waits would else wonder why
// nothing goes on. With --json it is a line on standard error, before that of an
// error.
func (c *call) warn(ctx context.Context, i *instance, bars *bars, run dispatch.RunStatus, told map[dispatch.Alarm]bool) error {
	alarms, err := i.ledger.Alarms(ctx)
	if err != nil {
		return err
	}
	for _, a := range alarms {
		key := dispatch.Alarm{Code: a.Code, Subject: a.Subject, Since: a.Since} // the text may change
		if told[key] || !concerns(a, run) {
			continue
		}
		told[key] = true
		switch line := "注意（从 " + i.clock(a.Since) + " 起）：" + alarmText(a); {
		case c.json:
			err = writeJSON(c.stderr, map[string]dispatch.Alarm{"alarm": a})
		case !bars.log(line):
			_, err = fmt.Fprintln(c.stderr, line)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// concerns reports whether an alarm is about a run.
func concerns(a dispatch.Alarm, run dispatch.RunStatus) bool {
	switch a.Code {
	case dispatch.AlarmChannelStopped:
		_, ok := run.Channels[a.Subject]
		return ok
	case dispatch.AlarmHeld:
		return strings.HasPrefix(a.Subject, run.Issue+" ")
	}
	return true
}

// verdict says whether a run needs no more waiting, and what is wrong with it.
func verdict(r dispatch.RunStatus) (ended bool, err error) {
	total := r.Total()
	switch r.State {
	case string(dispatch.RunFinished):
		if n := total[dispatch.StateFailed]; n > 0 {
			return true, problem{
				Code: "failed-rows", Text: fmt.Sprintf("发行结束，有 %d 份失败：%s", n, summary(r)),
				Hint: fmt.Sprintf("用 yizhan deliveries %s --state failed 看原因，用 yizhan resend %s --scope failed 重发", r.Issue, r.Issue),
			}
		}
		return true, nil
	case string(dispatch.RunPaused):
		return true, problem{Code: "paused", Text: "发行已暂停：" + summary(r), Hint: "用 yizhan resume " + r.Issue + " 继续"}
	case string(dispatch.RunCancelled):
		return true, problem{Code: "cancelled", Text: "发行已取消：" + summary(r), Hint: "用 yizhan resend " + r.Issue + " --scope unsent 发给没收到的人"}
	case "held":
		return true, problem{
			Code: "held", Text: "剩下的都在等人处理：" + summary(r),
			Hint: "被永久拒收的太多；用 yizhan deliveries " + r.Issue + " --state failed 看原因，用 yizhan resume " + r.Issue + " 继续",
		}
	}
	return false, nil
}

// summary counts a run's deliveries in a few words.
func summary(r dispatch.RunStatus) string {
	total := r.Total()
	text := fmt.Sprintf("送出 %d，失败 %d，跳过 %d，未确认 %d",
		total[dispatch.StateSent], total[dispatch.StateFailed], total[dispatch.StateSkipped], total[dispatch.StateUnconfirmed])
	if n := total.Open(); n > 0 {
		text += fmt.Sprintf("，还有 %d 份", n)
	}
	return text
}

// channelsOf lists a run's channels in a fixed order.
func channelsOf(r dispatch.RunStatus) []string { return slices.Sorted(maps.Keys(r.Channels)) }

// sleep waits, or returns early with the error of ctx.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// bars are progress bars on the terminal; without one they show nothing.
type bars struct {
	writer   progress.Writer // nil: no terminal
	trackers map[string]*progress.Tracker
	drawn    chan struct{}
}

// newBars makes bars. They must be stopped before anything else is printed.
func (c *call) newBars() *bars {
	b := &bars{trackers: map[string]*progress.Tracker{}}
	if !c.terminal || c.json {
		return b
	}
	b.writer = progress.NewWriter()
	b.writer.SetOutputWriter(c.stderr)
	b.writer.SetAutoStop(false)
	b.writer.SetTrackerPosition(progress.PositionRight)
	b.writer.SetTrackerLength(30)
	b.writer.SetMessageLength(24)
	b.writer.SetUpdateFrequency(pollEvery)
	b.writer.Style().Visibility.Speed = true
	return b
}

// set moves the bar named key.
func (b *bars) set(key, message string, value, total int64) {
	if b.writer == nil {
		return
	}
	t := b.trackers[key]
	if t == nil {
		t = &progress.Tracker{Message: message, Total: total, AutoStopDisabled: true}
		b.trackers[key] = t
		b.writer.AppendTracker(t)
	}
	if b.drawn == nil {
		b.drawn = make(chan struct{})
		go func() {
			defer close(b.drawn)
			b.writer.Render()
		}()
	}
	t.UpdateMessage(message)
	t.UpdateTotal(total)
	t.SetValue(value)
	if value >= total {
		t.MarkAsDone()
	}
}

// show moves the bars of a run, one for each channel.
func (b *bars) show(r dispatch.RunStatus) {
	for _, name := range channelsOf(r) {
		counts := r.Channels[name]
		if counts.Total() == 0 {
			continue // nobody is reached by it
		}
		message := name + " " + word(r.State)
		if n := counts[dispatch.StateFailed]; n > 0 {
			message += fmt.Sprintf(" 失败 %d", n)
		}
		b.set(name, message, counts.Total()-counts.Open(), max(counts.Total(), 1))
	}
}

// log writes a line above the bars and reports whether there are any.
func (b *bars) log(line string) bool {
	if b.drawn == nil {
		return false
	}
	b.writer.Log("%s", line)
	return true
}

// stop draws the bars for the last time; it may be called again.
func (b *bars) stop() {
	if b.drawn == nil {
		return
	}
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for drawing := true; drawing; {
		b.writer.Stop() // is forgotten when drawing has not begun yet
		select {
		case <-b.drawn:
			drawing = false
		case <-again.C:
		}
	}
	b.drawn = nil
}
