package main

import (
	"context"
	"time"

	"yizhan/subscribers"
)

// suppressionsListCmd lists the suppression list.
type suppressionsListCmd struct {
	Channel string `placeholder:"C" help:"只列这个渠道。 [channel]"`
	Reason  string `placeholder:"R" help:"只列这个原因。 [reason]"`
}

// Run implements the command. With --json it writes one object a line.
func (s *suppressionsListCmd) Run(ctx context.Context, c *call) error {
	i, err := c.open(ctx, nil)
	if err != nil {
		return err
	}
	defer i.close()
	if s.Channel != "" {
		if err := known(s.Channel, i.addressNames()); err != nil {
			return err
		}
	}
	page := subscribers.SuppressionFilter{Channel: s.Channel, Reason: s.Reason, Limit: sheetRows}
	total := 0
	for {
		some, err := i.people.Suppressions(ctx, page)
		if err != nil {
			return err
		}
		total += len(some)
		if err := c.listSuppressions(i, some); err != nil {
			return err
		}
		if len(some) < page.Limit {
			c.printf("共 %d 个禁发地址", total)
			return nil
		}
		last := some[len(some)-1]
		page.After = subscribers.ChannelAndHash{Channel: last.Channel, Hash: last.Hash}
	}
}

func (c *call) listSuppressions(i *instance, some []subscribers.Suppression) error {
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
	t := newSheet("渠道", "地址", "原因", "对方的答复", "从")
	for _, one := range some {
		address := one.Address
		if address == "" {
			address = one.Hash // all that is left of somebody who was erased
		}
		t.add(one.Channel, address, reasonWord(one.Reason), one.Detail, i.clock(one.CreatedAt))
	}
	return t.write(c.stdout)
}

// suppressionsAddCmd puts an address on the suppression list.
type suppressionsAddCmd struct {
	Address string `arg:"" help:"地址。 [address]"`
	Channel string `default:"email" placeholder:"C" help:"地址的渠道，默认 email。 [channel]"`
	Reason  string `default:"administrator" placeholder:"R" help:"原因，默认 administrator。 [reason]"`
}

// Run implements the command.
func (s *suppressionsAddCmd) Run(ctx context.Context, c *call) error {
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
	added, err := i.people.Suppress(ctx, address, s.Reason, "", time.Now())
	if err != nil {
		return err
	}
	if done, err := c.answer(map[string]any{"channel": address.Channel, "address": address.Value, "added": added}); done {
		return err
	}
	if !added {
		c.printf("%s 本来就在禁发名单里", address.Value)
		return nil
	}
	c.printf("禁发了 %s", address.Value)
	return nil
}

// suppressionsRemoveCmd takes an address off the suppression list.
type suppressionsRemoveCmd struct {
	Key string `arg:"" placeholder:"ADDRESS" help:"地址，或名单里的校验值。 [address or hash]"`
}

// Run implements the command.
func (s *suppressionsRemoveCmd) Run(ctx context.Context, c *call) error {
	i, err := c.open(ctx, nil)
	if err != nil {
		return err
	}
	defer i.close()
	if err := i.people.Unsuppress(ctx, s.Key); err != nil {
		return err
	}
	if done, err := c.answer(map[string]string{"removed": s.Key}); done {
		return err
	}
	c.printf("解除了 %s", s.Key)
	return nil
}
