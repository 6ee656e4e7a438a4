package main

import (
	"context"
	"os"
	"strings"
	"time"

	"yizhan/subscribers"
)

// subscribersExportCmd writes all subscribers as CSV.
type subscribersExportCmd struct {
	Output string `short:"o" placeholder:"FILE" help:"写到这个文件，只有自己能读；默认标准输出。 [output file]"`
}

// Run implements the command. The file that it writes holds people's addresses.
func (s *subscribersExportCmd) Run(ctx context.Context, c *call) error {
	if c.json && s.Output == "" {
		return misused("--json 时要用 -o 指定文件", "例如 yizhan subscribers export -o subscribers.csv --json")
	}
	i, err := c.open(ctx, nil)
	if err != nil {
		return err
	}
	defer i.close()
	if s.Output == "" {
		_, err := i.people.Export(ctx, c.stdout)
		return err
	}
	file, err := os.OpenFile(s.Output, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return unwritable(s.Output, err)
	}
	count, err := i.people.Export(ctx, file)
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	if done, err := c.answer(map[string]any{"path": s.Output, "count": count}); done {
		return err
	}
	c.printf("%s：%d 位订户", s.Output, count)
	return nil
}

// subscribersListCmd lists subscribers.
type subscribersListCmd struct {
	State string `enum:",active,pending,paused,unsubscribed" default:"" placeholder:"S" help:"只列这个状态：active、pending、paused、unsubscribed。 [state]"`
	Group string `placeholder:"G" help:"只列这个分组。 [group]"`
}

// Run implements the command. With --json it writes one object a line.
func (s *subscribersListCmd) Run(ctx context.Context, c *call) error {
	i, err := c.open(ctx, nil)
	if err != nil {
		return err
	}
	defer i.close()
	page := subscribers.Filter{State: subscribers.State(s.State), At: time.Now(), Group: s.Group, Limit: sheetRows}
	total := 0
	for {
		some, err := i.people.List(ctx, page)
		if err != nil {
			return err
		}
		total += len(some)
		if err := c.listSubscribers(i, some); err != nil {
			return err
		}
		if len(some) < page.Limit {
			c.printf("共 %d 位订户", total)
			return nil
		}
		page.After = some[len(some)-1].ID
	}
}

func (c *call) listSubscribers(i *instance, some []subscribers.Subscriber) error {
	if c.json {
		for _, one := range some {
			if err := writeJSON(c.stdout, one); err != nil {
				return err
			}
		}
		return nil
	}
	if len(some) == 0 {
		return nil
	}
	t := newSheet("编号", "姓名", "状态", "地址", "栏目", "分组", "更新")
	for _, one := range some {
		t.add(one.PublicID, one.Name, standingOf(one, i), addressesOf(one), listed(one.Sections, "全部"), listed(one.Groups, ""), i.clock(one.UpdatedAt))
	}
	return t.write(c.stdout)
}

func listed(words []string, none string) string {
	if len(words) == 0 {
		return none
	}
	return joined(words)
}

// addressesOf lists the addresses of a subscriber, with the state of those that
// were left.
func addressesOf(s subscribers.Subscriber) string {
	var parts []string
	for _, a := range s.Addresses {
		part := a.Value
		if a.Channel != subscribers.Email {
			part = a.Channel + ":" + part
		}
		if a.State == subscribers.Unsubscribed && s.State != subscribers.Unsubscribed {
			part += "（已退订）"
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, " ")
}

// subscribersAddCmd adds one subscriber.
type subscribersAddCmd struct {
	Address  string   `arg:"" help:"地址。 [address]"`
	Channel  string   `default:"email" placeholder:"C" help:"地址的渠道，默认 email。 [channel]"`
	Name     string   `help:"姓名。 [name]"`
	Sections []string `sep:";" placeholder:"S;S" help:"只要这些栏目，默认全部。 [sections]"`
	Groups   []string `sep:";" placeholder:"G;G" help:"分组。 [groups]"`
	Language string   `placeholder:"L" help:"语言代码，例如 zh-CN、en。 [BCP 47]"`
	State    string   `enum:"active,pending,paused" default:"active" placeholder:"S" help:"状态：active、pending、paused，默认 active。 [state]"`
}

// Run implements the command.
func (s *subscribersAddCmd) Run(ctx context.Context, c *call) error {
	i, err := c.open(ctx, nil)
	if err != nil {
		return err
	}
	defer i.close()
	if err := known(s.Channel, i.addressNames()); err != nil {
		return err
	}
	address, err := subscribers.ParseAddress(s.Channel, s.Address)
	if err != nil {
		return err
	}
	now := time.Now()
	person, err := i.people.Add(ctx, subscribers.Entry{
		Addresses: []subscribers.Address{address}, Name: s.Name, Sections: s.Sections, Groups: s.Groups,
		Language: s.Language, State: subscribers.State(s.State),
		Consent: subscribers.Consent{At: now, Source: "administrator"},
	}, now)
	if err != nil {
		return err
	}
	if done, err := c.answer(person); done {
		return err
	}
	c.printf("加了订户 %s：%s", person.PublicID, addressesOf(person))
	return nil
}

// subscribersShowCmd shows one subscriber.
type subscribersShowCmd struct {
	Key string `arg:"" placeholder:"KEY" help:"地址或编号。 [address or id]"`
}

// Run implements the command.
func (s *subscribersShowCmd) Run(ctx context.Context, c *call) error {
	i, err := c.open(ctx, nil)
	if err != nil {
		return err
	}
	defer i.close()
	person, err := i.people.Get(ctx, s.Key)
	if err != nil {
		return err
	}
	if done, err := c.answer(person); done {
		return err
	}
	t := newSheet("项目", "内容")
	t.add("编号", person.PublicID)
	t.add("姓名", person.Name)
	t.add("状态", standingOf(person, i))
	for _, a := range person.Addresses {
		t.add("地址（"+a.Channel+"）", strings.TrimSpace(a.Value+" "+word(string(a.State))+" "+reasonWord(a.Reason)))
	}
	t.add("栏目", listed(person.Sections, "全部"))
	t.add("分组", listed(person.Groups, ""))
	t.add("语言", person.Language)
	t.add("同意", strings.TrimSpace(i.clock(person.Consent.At)+" "+person.Consent.Source+" "+person.Consent.Text))
	t.add("加入", i.clock(person.CreatedAt))
	t.add("确认", i.clock(person.ConfirmedAt))
	t.add("更新", i.clock(person.UpdatedAt))
	return t.write(c.stdout)
}

// standingOf is a subscriber's state, and until when a pause lasts.
func standingOf(person subscribers.Subscriber, i *instance) string {
	state := person.StateAt(time.Now())
	if state == subscribers.Paused && !person.PausedUntil.IsZero() {
		return word(string(state)) + "，到 " + i.clock(person.PausedUntil) + " 恢复"
	}
	return word(string(state))
}

// subscribersRemoveCmd takes one subscriber off the list.
type subscribersRemoveCmd struct {
	Key string `arg:"" placeholder:"KEY" help:"地址或编号。 [address or id]"`
}

// Run implements the command.
func (s *subscribersRemoveCmd) Run(ctx context.Context, c *call) error {
	i, err := c.open(ctx, nil)
	if err != nil {
		return err
	}
	defer i.close()
	person, err := i.people.Remove(ctx, s.Key, time.Now())
	if err != nil {
		return err
	}
	if done, err := c.answer(person); done {
		return err
	}
	c.printf("移出了订户 %s：%s", person.PublicID, addressesOf(person))
	return nil
}

// subscribersEraseCmd erases what is kept of a person.
type subscribersEraseCmd struct {
	Key string `arg:"" placeholder:"KEY" help:"地址或编号。 [address or id]"`
	Yes bool   `short:"y" help:"不再询问。 [do not ask]"`
}

// Run implements the command. There is no way back, so it wants a
// yes: from whoever sits at the terminal, else from --yes.
func (s *subscribersEraseCmd) Run(ctx context.Context, c *call) error {
	i, err := c.open(ctx, nil)
	if err != nil {
		return err
	}
	defer i.close()
	if !s.Yes && !c.terminal {
		return problem{Code: "needs-yes", Text: "删除个人信息不能恢复，要先确认；什么也没有删除", Hint: "确定要删，就加 --yes"}
	}
	if !s.Yes && !c.confirm("删除 "+s.Key+" 的个人信息，不能恢复。继续吗？") {
		return problem{Code: "declined", Text: "没有删除"}
	}
	gone, err := i.desk.Erase(ctx, s.Key, time.Now())
	if err != nil {
		return err
	}
	if done, err := c.answer(gone); done {
		return err
	}
	c.printf("个人信息已从订户、禁发名单和台账里删除，只留下 %d 个校验值，防止再次导入；台账里只剩没有地址的投递记录", len(gone.Hashes))
	return nil
}
