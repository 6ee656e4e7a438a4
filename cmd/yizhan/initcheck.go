package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"yizhan/config"
	"yizhan/dispatch"
	"yizhan/dispatch/wechat"
)

// initCmd writes a configuration to begin with.
type initCmd struct {
	Dir string `arg:"" optional:"" default:"." help:"目录，默认当前目录。 [directory]"`
}

// Run implements the command.
func (s *initCmd) Run(c *call) error {
	path, err := config.WriteSample(s.Dir)
	if err != nil {
		return err
	}
	if done, err := c.answer(map[string]string{"path": path}); done {
		return err
	}
	c.printf("写好了 %s。改好标着【必改】的几处，再运行 yizhan check -c %s", path, path)
	return nil
}

// checkCmd checks the configuration, and with it what it names.
type checkCmd struct {
	Live  bool `help:"还连接邮件服务器和 Redis：连接、加密、登录，不寄信。 [connect to the relay and Redis]"`
	Ready bool `help:"只问正在运行的服务：数据库和网页正常吗。 [ask the running daemon]"`
}

// checked is what a check found.
type checked struct {
	OK       bool             `json:"ok"`
	File     string           `json:"file"`
	Findings []config.Finding `json:"findings"`
	DKIM     []keyRecord      `json:"dkim,omitempty"`
	Live     []probed         `json:"live,omitempty"`
	// Schedules are there with their next slots, so that a cron that means
	// something else is seen before it comes true.
	Schedules []checkedSchedule `json:"schedules,omitempty"`
}

// checkedSchedule is when a schedule will come due.
type checkedSchedule struct {
	Name  string      `json:"name"`
	Slots []time.Time `json:"slots"`
}

// probed is what a channel's carrier, or a service, said to a connection.
type probed struct {
	Channel string `json:"channel,omitempty"`
	Service string `json:"service,omitempty"` // when it is not a channel
	Item    string `json:"item,omitempty"`    // what of it; empty: all
	OK      bool   `json:"ok"`
	Text    string `json:"text"`
}

// prober is a channel that can try its carrier without sending anything.
type prober interface {
	Probe(ctx context.Context) error
}

// probeLimit bounds the check of one carrier.
const probeLimit = time.Minute

// Run implements the command.
func (s *checkCmd) Run(ctx context.Context, c *call) error {
	if s.Ready {
		return c.askReady(ctx)
	}
	i, err := c.open(ctx, nil)
	if err != nil {
		return err
	}
	defer i.close()
	result := checked{OK: true, File: c.configFile, Findings: i.config.Check()}
	if result.Findings == nil {
		result.Findings = []config.Finding{}
	}
	for _, s := range i.config.Schedules {
		result.Schedules = append(result.Schedules, checkedSchedule{s.Name, i.upcoming(s, time.Now())})
	}
	for _, name := range i.channelNames() {
		route, err := i.route(name)
		if err != nil {
			return err
		}
		result.DKIM = append(result.DKIM, lookUp(ctx, route.Channel, s.Live, c.resolver)...)
		if !s.Live {
			continue
		}
		for _, one := range probe(ctx, route.Channel) {
			result.OK = result.OK && one.OK
			result.Live = append(result.Live, one)
		}
	}
	if s.Live && i.redis != nil {
		one, findings := i.probeRedis(ctx)
		result.OK = result.OK && one.OK
		result.Live = append(result.Live, one)
		result.Findings = append(result.Findings, findings...)
	}
	reachable := result.OK
	result.OK = result.OK && !slices.ContainsFunc(result.DKIM, keyRecord.bad)
	if err := c.tellCheck(result); err != nil {
		return err
	}
	switch {
	case !reachable:
		return problem{Code: "live-failed", Text: "配置能读，但有服务连不上", Hint: "检查地址、端口、加密方式、用户名和密码", File: c.configFile}
	case !result.OK:
		return problem{Code: "dkim-not-published", Text: "DNS 里没有和私钥对得上的 DKIM 记录，收件方会认为签名无效", Hint: "照上面列出的记录发布；刚发布的要等一阵才生效", File: c.configFile}
	}
	return nil
}

// probe tries a channel's carrier. One that cannot be tried is not said to work.
func probe(ctx context.Context, ch dispatch.Channel) []probed {
	p, ok := ch.(prober)
	if !ok {
		return []probed{{Channel: ch.Name(), Text: "这个渠道不能试连"}}
	}
	ctx, cancel := context.WithTimeout(ctx, probeLimit)
	defer cancel()
	if w, ok := ch.(*wechat.Channel); ok {
		return probeWeChat(ctx, w)
	}
	if err := p.Probe(ctx); err != nil {
		return []probed{{Channel: ch.Name(), Text: plain(err.Error())}}
	}
	return []probed{{Channel: ch.Name(), OK: true, Text: "照配置里的加密和登录方式连接成功"}}
}

// tellCheck tells what was found; what is only unwise is no error.
func (c *call) tellCheck(result checked) error {
	if done, err := c.answer(result); done {
		return err
	}
	for _, f := range result.Findings {
		c.printf("提醒：%s", plain(f.String()))
	}
	for _, r := range result.DKIM {
		c.printf("DKIM %s（%s）：%s\n    类型 TXT\n    名称 %s\n    内容 %s", r.Selector, r.Algorithm, r.Text, r.Name, r.Value)
	}
	for _, s := range result.Schedules {
		var slots []string
		for _, slot := range s.Slots {
			slots = append(slots, slot.Format("2006-01-02 15:04 -0700"))
		}
		c.printf("计划 %s 接下来的 %d 次：%s", s.Name, len(slots), joined(slots))
	}
	for _, one := range result.Live {
		verdict := "失败"
		if one.OK {
			verdict = "成功"
		}
		name := "渠道 " + one.Channel
		if one.Item != "" {
			name += " · " + one.Item
		}
		if one.Service != "" {
			name = one.Service
		}
		c.printf("%s：%s，%s", name, verdict, one.Text)
	}
	if result.OK {
		c.printf("%s 没有错误，数据库能打开；提醒 %d 条", result.File, len(result.Findings))
	}
	return nil
}

// migrateCmd brings the database up to date.
type migrateCmd struct{}

// Run implements the command: opening an instance migrates it.
func (s *migrateCmd) Run(ctx context.Context, c *call) error {
	i, err := c.open(ctx, nil)
	if err != nil {
		return err
	}
	defer i.close()
	if done, err := c.answer(map[string]any{"ok": true, "data_dir": i.config.DataDir}); done {
		return err
	}
	where := i.config.DataDir
	if i.db.Dialect == config.PostgreSQL {
		where = "PostgreSQL"
	}
	c.printf("数据库是最新的（%s）", where)
	return nil
}

// versionCmd shows which version this is.
type versionCmd struct{}

// Run implements the command.
func (s *versionCmd) Run(c *call) error {
	v := thisBuild()
	if done, err := c.answer(v); done {
		return err
	}
	line := fmt.Sprintf("yizhan %s %s", v.Version, v.Go)
	if v.Commit != "" {
		line += " " + v.Commit
	}
	c.printf("%s", line)
	return nil
}
