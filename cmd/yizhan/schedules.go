package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"yizhan/config"
	"yizhan/dispatch"
	"yizhan/issue"
)

// upcomingSlots is how many slots to come are shown.
const upcomingSlots = 5

// shelf lets schedules take issues from the store.
type shelf struct{ *instance }

// Approved implements [dispatch.Shelf]: the store lists issues by their number.
func (s shelf) Approved(ctx context.Context) ([]string, error) {
	all, err := s.issues.List(ctx)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, one := range all {
		if one.State == issue.Approved {
			ids = append(ids, one.ID)
		}
	}
	return ids, nil
}

// Content implements [dispatch.Shelf].
func (s shelf) Content(ctx context.Context, id string) (issue.Issue, issue.Revision, error) {
	r, err := s.issues.Approved(ctx, id)
	return r.Issue, r.Revision, err
}

// scheduleChannels checks that the channels of schedules are there.
func (i *instance) scheduleChannels() error {
	for n, s := range i.config.Schedules {
		for m, name := range s.Channels {
			if i.opener(name) < 0 {
				return i.config.Fault(fmt.Sprintf("schedules.%d.channels.%d", n, m), "channel-unknown",
					fmt.Sprintf("没有叫 %s 的渠道", name), "渠道有："+joined(i.channelNames()))
			}
		}
	}
	return nil
}

// windows are the parts of the day in which the runs of schedules are sent.
func (i *instance) windows() map[string]dispatch.Window {
	out := map[string]dispatch.Window{}
	for _, s := range i.config.Schedules {
		if !s.Window.IsZero() {
			out[s.Name] = func(now time.Time) time.Time { return s.Window.Opens(now.In(i.config.Timezone)) }
		}
	}
	return out
}

// schedules are those of the configuration.
func (i *instance) schedules() ([]dispatch.Schedule, error) {
	var out []dispatch.Schedule
	for _, s := range i.config.Schedules {
		channels, err := i.channel(s.Channels...)
		if err != nil {
			return nil, err
		}
		out = append(out, dispatch.Schedule{Name: s.Name, Slots: s.Cron, Channels: channels, CatchUp: s.CatchUp})
	}
	return out, nil
}

func (i *instance) scheduler() (*dispatch.Scheduler, error) {
	schedules, err := i.schedules()
	if err != nil {
		return nil, err
	}
	instead, err := i.instead()
	if err != nil {
		return nil, err
	}
	return dispatch.NewScheduler(dispatch.SchedulerOptions{Ledger: i.ledger, Shelf: shelf{i}, Schedules: schedules, Instead: instead, Logger: i.log})
}

// slots tells of every schedule when it comes due next and what became of the
// last time.
func (i *instance) slots(ctx context.Context, now time.Time) ([]schedule, error) {
	last, err := i.ledger.LastSlots(ctx)
	if err != nil {
		return nil, err
	}
	out := []schedule{}
	for _, s := range i.config.Schedules {
		one := schedule{Name: s.Name}
		if next := s.Cron.Next(now); !next.IsZero() {
			next = next.In(i.config.Timezone)
			one.Next = &next
		}
		if d, ok := last[s.Name]; ok {
			slot := d.Slot.In(i.config.Timezone)
			one.Last, one.State = &slot, string(d.State)
		}
		out = append(out, one)
	}
	return out, nil
}

// upcoming are the next slots of a schedule, in the zone of the configuration.
func (i *instance) upcoming(s config.Schedule, now time.Time) []time.Time {
	var out []time.Time
	for slot := s.Cron.Next(now); !slot.IsZero() && len(out) < upcomingSlots; slot = s.Cron.Next(slot) {
		out = append(out, slot.In(i.config.Timezone))
	}
	return out
}

// schedulesListCmd lists the schedules.
type schedulesListCmd struct{}

// listedSchedule is one schedule with --json.
type listedSchedule struct {
	schedule
	Cron     string      `json:"cron"`
	Timezone string      `json:"timezone"`
	Channels []string    `json:"channels"`
	CatchUp  string      `json:"catch_up"`
	Window   string      `json:"window"`
	Upcoming []time.Time `json:"upcoming"`
}

// Run implements the command. With --json it writes one object a line.
func (s *schedulesListCmd) Run(ctx context.Context, c *call) error {
	i, err := c.open(ctx, nil)
	if err != nil {
		return err
	}
	defer i.close()
	now := time.Now()
	slots, err := i.slots(ctx, now)
	if err != nil {
		return err
	}
	if len(slots) == 0 {
		c.printf("还没有计划；在 %s 的 schedules 里添加", c.configFile)
		return nil
	}
	t := newSheet("计划", "时间", "渠道", "时段", "下一次", "上一次", "结果")
	for n, one := range slots {
		set := i.config.Schedules[n]
		channels := set.Channels
		if len(channels) == 0 {
			channels = i.channelNames()
		}
		window := ""
		if !set.Window.IsZero() {
			window = set.Window.String()
		}
		if c.json {
			if err := writeJSON(c.stdout, listedSchedule{
				schedule: one, Cron: set.Cron.Text(), Timezone: i.config.Timezone.String(), Channels: channels,
				CatchUp: set.CatchUp.String(), Window: window, Upcoming: i.upcoming(set, now),
			}); err != nil {
				return err
			}
			continue
		}
		t.add(one.Name, set.Cron.Words(), joined(channels), window, i.clockOf(one.Next), i.clockOf(one.Last), slotWord(one.State))
	}
	if c.json {
		return nil
	}
	return t.write(c.stdout)
}

// slotWord says what became of a slot.
func slotWord(state string) string {
	switch dispatch.SlotState(state) {
	case dispatch.SlotPlanned:
		return "已列入发行"
	case dispatch.SlotEmpty:
		return "没有可发的期"
	case dispatch.SlotMissed:
		return "错过了"
	}
	return state
}

// schedulesRunCmd plans one slot of a schedule.
type schedulesRunCmd struct {
	Name string `arg:"" help:"计划的名称。 [schedule]"`
	Slot string `placeholder:"TIME" help:"哪一次：2026-09-10 09:00（配置里的时区）或 RFC 3339；默认最近的一次。 [slot]"`
}

// slotAnswer is what became of a slot.
type slotAnswer struct {
	Schedule string    `json:"schedule"`
	Slot     time.Time `json:"slot"`
	State    string    `json:"state"`
	Runs     []string  `json:"runs"`
	Planned  bool      `json:"planned"` // by this call
}

// Run implements the command.
func (s *schedulesRunCmd) Run(ctx context.Context, c *call) error {
	i, err := c.open(ctx, nil)
	if err != nil {
		return err
	}
	defer i.close()
	slot, err := i.moment(s.Slot)
	if err != nil {
		return err
	}
	scheduler, err := i.scheduler()
	if err != nil {
		return err
	}
	d, err := scheduler.Plan(ctx, s.Name, slot, time.Now())
	if err != nil {
		return i.slotProblem(err, s.Name, slot)
	}
	if len(d.Runs) == 0 {
		return problem{
			Code: "no-issue", Text: fmt.Sprintf("计划 %s 在 %s 没有可发的期：没有已批准、还没发过的", s.Name, i.clock(d.Slot)),
			Hint: "先用 yizhan issue approve 批准一期，再运行一次",
		}
	}
	if done, err := c.answer(slotAnswer{s.Name, d.Slot.In(i.config.Timezone), string(d.State), d.Runs, d.Fresh}); done {
		return err
	}
	if !d.Fresh {
		c.printf("计划 %s 的 %s 这一次已经列入过发行（发行 %s），没有再做什么", s.Name, i.clock(d.Slot), joined(d.Runs))
		return nil
	}
	c.printf("计划 %s 的 %s 这一次已列入发行：发行 %s", s.Name, i.clock(d.Slot), joined(d.Runs))
	if opens := i.opensAt(s.Name, d.Slot); opens.After(time.Now()) {
		c.printf("从 %s 开始发", i.clock(opens))
	}
	if live, err := i.live(ctx); err == nil && !live {
		c.printf("现在没有运行中的服务；启动 yizhan serve 以后开始发")
	}
	return nil
}

// opensAt is when the run of a slot may be sent.
func (i *instance) opensAt(name string, slot time.Time) time.Time {
	if now := time.Now(); slot.Before(now) {
		slot = now
	}
	if w := i.windows()[name]; w != nil {
		return w(slot)
	}
	return slot
}

// slotProblem says why a slot could not be planned.
func (i *instance) slotProblem(err error, name string, slot time.Time) error {
	switch {
	case errors.Is(err, dispatch.ErrNoSchedule):
		var names []string
		for _, s := range i.config.Schedules {
			names = append(names, s.Name)
		}
		hint := "配置里还没有计划"
		if len(names) > 0 {
			hint = "计划有：" + joined(names)
		}
		p := misused(fmt.Sprintf("没有叫 %q 的计划", plain(name)), hint)
		p.Code = "schedule-unknown"
		return p
	case errors.Is(err, dispatch.ErrNoSlot):
		p := misused(fmt.Sprintf("%s 不是计划 %s 的时间", i.clock(slot), name), i.nearSlots(name, slot))
		p.Code = "no-slot"
		return p
	}
	return err
}

// nearSlots names the slots before and after a time.
func (i *instance) nearSlots(name string, at time.Time) string {
	var near []string
	for _, s := range i.config.Schedules {
		if s.Name != name {
			continue
		}
		for _, slot := range []time.Time{s.Cron.Last(at), s.Cron.Next(at)} {
			if !slot.IsZero() {
				near = append(near, slot.In(i.config.Timezone).Format(time.RFC3339))
			}
		}
	}
	return "前后的时间是 " + strings.Join(near, " 和 ")
}
