package main

import (
	"context"

	"yizhan/dispatch"
)

// deliveriesCmd lists the deliveries of an issue from the ledger.
type deliveriesCmd struct {
	N       string `arg:"" help:"期号。 [issue]"`
	State   string `enum:",due,queued,leased,marked,sent,failed,skipped,unconfirmed" default:"" placeholder:"S" help:"只列这个状态：due、queued、leased、marked、sent、failed、skipped、unconfirmed。 [state]"`
	Channel string `placeholder:"C" help:"只列这个渠道。 [channel]"`
}

// sheetRows is how many deliveries one table shows: a run may have millions,
// and a table has to be held in memory to line up.
const sheetRows = 1000

// Run implements the command.
func (d *deliveriesCmd) Run(ctx context.Context, c *call) error {
	i, err := c.open(ctx, nil)
	if err != nil {
		return err
	}
	defer i.close()
	if d.Channel != "" {
		if err := known(d.Channel, i.channelNames()); err != nil {
			return err
		}
	}
	if _, err := i.issue(ctx, d.N); err != nil {
		return err
	}
	filter := dispatch.Filter{Issue: d.N, State: dispatch.State(d.State), Channel: d.Channel}
	if c.json {
		return i.ledger.Deliveries(ctx, filter, func(r dispatch.Record) error { return writeJSON(c.stdout, r) })
	}
	count := 0
	t := newDeliveries()
	err = i.ledger.Deliveries(ctx, filter, func(r dispatch.Record) error {
		if count > 0 && count%sheetRows == 0 {
			if err := t.write(c.stdout); err != nil {
				return err
			}
			t = newDeliveries()
		}
		count++
		due := ""
		if r.State == dispatch.StateDue {
			due = i.clockOf(r.DueAt)
		}
		t.add(r.Run, r.Round, r.Subscriber, r.Channel, r.Address, word(string(r.State)), reasonWord(r.Reason), r.Attempts, carrierWords(r), due, i.clock(r.UpdatedAt))
		return nil
	})
	if err != nil {
		return err
	}
	if count == 0 {
		c.printf("没有这样的投递")
		return nil
	}
	if err := t.write(c.stdout); err != nil {
		return err
	}
	c.printf("共 %d 份", count)
	return nil
}

func newDeliveries() *sheet {
	return newSheet("发行", "轮次#", "订户", "渠道", "地址", "状态", "原因", "尝试#", "对方的答复", "下次", "更新")
}

// carrierWords is what the carrier said, cut to fit a table.
func carrierWords(r dispatch.Record) string {
	const most = 60
	words := []rune(r.Reply)
	if len(words) > most {
		words = append(words[:most], '…')
	}
	return string(words)
}
