package dispatch

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// SlotState says what was decided about a slot.
type SlotState string

// The states of a slot.
const (
	SlotPlanned SlotState = "planned" // it has a run
	SlotEmpty   SlotState = "empty"   // no approved issue was left to send
	SlotMissed  SlotState = "missed"  // nobody was there until it was too late
)

// Decision is what was decided about a slot, by whomever.
type Decision struct {
	Schedule string
	Slot     time.Time
	State    SlotState // planned when any channel has a run; "" when nothing was decided
	Runs     []string
	Empty    []string // channels without an issue
	Fresh    bool     // this call has decided it
}

// errSlotTaken says that somebody else has decided a slot meanwhile.
var errSlotTaken = errors.New("the slot has been decided by another process")

// scheduleMark is the instant up to which a schedule's slots are over. One that
// is new, or has new slots, begins now: nothing of it was missed.
func (l *Ledger) scheduleMark(ctx context.Context, sc Schedule, now time.Time) (time.Time, error) {
	var slots string
	var mark int64
	err := l.read.QueryRowContext(ctx, `SELECT slots, mark FROM schedules WHERE name = $1`, sc.Name).Scan(&slots, &mark)
	if err == nil && slots == sc.Slots.String() {
		return instant(mark), nil
	}
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return time.Time{}, fmt.Errorf("reading schedule %s: %w", sc.Name, err)
	}
	err = l.transact(ctx, "beginning schedule "+sc.Name, func(tx execer) error {
		// Another process may have begun it, and gone on, since it was read.
		return tx.QueryRowContext(ctx, `INSERT INTO schedules (name, slots, mark) VALUES ($1, $2, $3)
			ON CONFLICT (name) DO UPDATE SET slots = excluded.slots,
				mark = CASE WHEN schedules.slots = excluded.slots THEN schedules.mark ELSE excluded.mark END
			RETURNING mark`, sc.Name, sc.Slots.String(), millis(now)).Scan(&mark)
	})
	return instant(mark), err
}

// advance moves a schedule's mark, never back.
func (l *Ledger) advance(ctx context.Context, tx execer, sc Schedule, slot time.Time) error {
	_, err := tx.ExecContext(ctx, `UPDATE schedules SET mark = $1 WHERE name = $2 AND slots = $3 AND mark < $1`,
		millis(slot), sc.Name, sc.Slots.String())
	return err
}

// leave takes note that a slot was decided before its time, on an operator's word.
func (l *Ledger) leave(ctx context.Context, sc Schedule, slot time.Time, again bool) error {
	if again {
		return nil
	}
	return l.transact(ctx, "advancing schedule "+sc.Name, func(tx execer) error { return l.advance(ctx, tx, sc, slot) })
}

// openChannels lists the channels of a schedule for which a slot is undecided;
// with again also those that have no run.
func (l *Ledger) openChannels(ctx context.Context, sc Schedule, slot time.Time, again bool) ([]Channel, error) {
	decided := map[string]int64{}
	rows, err := l.read.QueryContext(ctx, `SELECT channel, run_id FROM slots WHERE schedule = $1 AND slot = $2`, sc.Name, millis(slot))
	if err := each(rows, err, func(rows *sql.Rows) error {
		var ch string
		var run int64
		err := rows.Scan(&ch, &run)
		decided[ch] = run
		return err
	}); err != nil {
		return nil, fmt.Errorf("reading a slot of schedule %s: %w", sc.Name, err)
	}
	var open []Channel
	for _, ch := range sc.Channels {
		if run, ok := decided[ch.Name()]; !ok || again && run == 0 {
			open = append(open, ch)
		}
	}
	return open, nil
}

// firstUnsent is the first of ids that has no first run in a channel, or "".
func (l *Ledger) firstUnsent(ctx context.Context, channel string, ids []string) (string, error) {
	sent := map[string]bool{}
	rows, err := l.read.QueryContext(ctx, `SELECT first_of FROM run_channels WHERE channel = $1 AND first_of IS NOT NULL`, channel)
	if err := each(rows, err, func(rows *sql.Rows) error {
		var id string
		err := rows.Scan(&id)
		sent[id] = true
		return err
	}); err != nil {
		return "", fmt.Errorf("reading what was sent on %s: %w", channel, err)
	}
	i := slices.IndexFunc(ids, func(id string) bool { return !sent[id] })
	if i < 0 {
		return "", nil
	}
	return ids[i], nil
}

// takeSlot writes down what a slot does in a channel. Of two processes one fails
// with errSlotTaken.
func takeSlot(ctx context.Context, tx execer, c choice, channel string, state SlotState, now time.Time) error {
	text := `INSERT INTO slots (schedule, slot, channel, state, decided_at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (schedule, slot, channel) DO `
	if c.again {
		text += `UPDATE SET state = excluded.state, decided_at = excluded.decided_at WHERE slots.run_id = 0`
	} else {
		text += `NOTHING`
	}
	res, err := tx.ExecContext(ctx, text, c.schedule.Name, millis(c.slot), channel, state, millis(now))
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, errSlotTaken)
	}
	return nil
}

// decideSlot writes down, in one transaction, who has the slot, its runs, and
// that it had no issue; then it adds the rows of the runs. whole says that the
// choice is about all of the slot, which then is over for the clock. It reports
// whether there was anything to write down.
func (l *Ledger) decideSlot(ctx context.Context, c choice, whole bool, now time.Time) (fresh bool, err error) {
	var runs []int64
	err = l.transact(ctx, "planning a slot of schedule "+c.schedule.Name, func(tx execer) error {
		runs = runs[:0]
		for _, p := range c.plans {
			// The slot first: whoever loses it must not touch anything else.
			for _, ch := range p.planning.Channels {
				if err := takeSlot(ctx, tx, c, ch.Name(), SlotPlanned, now); err != nil {
					return err
				}
			}
			run, err := l.insertRun(ctx, tx, p.planning, p.variants)
			if err != nil {
				return err
			}
			for _, ch := range p.planning.Channels {
				if _, err := tx.ExecContext(ctx, `UPDATE slots SET run_id = $1 WHERE schedule = $2 AND slot = $3 AND channel = $4`,
					run, c.schedule.Name, millis(c.slot), ch.Name()); err != nil {
					return err
				}
			}
			runs = append(runs, run)
		}
		if c.again {
			return nil
		}
		if err := l.leaveEmpty(ctx, tx, c, now); err != nil || !whole {
			return err
		}
		return l.advance(ctx, tx, c.schedule, c.slot)
	})
	if err != nil {
		return false, err
	}
	for _, run := range runs {
		// A crash before this leaves the run in planning; it is taken up again.
		if err := l.finishPlan(ctx, run, now, nil); err != nil {
			return true, err
		}
	}
	return len(runs) > 0 || !c.again && len(c.empty) > 0, nil
}

// leaveEmpty records the channels for which a slot has no issue, and alerts.
func (l *Ledger) leaveEmpty(ctx context.Context, tx execer, c choice, now time.Time) error {
	if len(c.empty) == 0 {
		return nil
	}
	for _, ch := range c.empty {
		if err := takeSlot(ctx, tx, c, ch, SlotEmpty, now); err != nil {
			return err
		}
	}
	return recordAlert(ctx, tx, slotAlert(AlertSlotEmpty, c.schedule.Name, c.slot, c.empty, now))
}

// missSlot records that a slot was missed, and alerts.
func (l *Ledger) missSlot(ctx context.Context, sc Schedule, slot, now time.Time) error {
	open, err := l.openChannels(ctx, sc, slot, false)
	if err != nil {
		return err
	}
	err = l.transact(ctx, "leaving out a slot of schedule "+sc.Name, func(tx execer) error {
		var missed []string
		for _, ch := range open {
			missed = append(missed, ch.Name())
			if err := takeSlot(ctx, tx, choice{schedule: sc, slot: slot}, ch.Name(), SlotMissed, now); err != nil {
				return err
			}
		}
		if len(missed) > 0 {
			if err := recordAlert(ctx, tx, slotAlert(AlertSlotMissed, sc.Name, slot, missed, now)); err != nil {
				return err
			}
			// The alert tells that nothing is tried any more.
			if err := l.silence(ctx, tx, AlarmSchedule, sc.Name); err != nil {
				return err
			}
		}
		return l.advance(ctx, tx, sc, slot)
	})
	if errors.Is(err, errSlotTaken) {
		return nil
	}
	return err
}

// decision reads what was decided about a slot.
func (l *Ledger) decision(ctx context.Context, sc Schedule, slot time.Time) (Decision, error) {
	d := Decision{Schedule: sc.Name, Slot: slot}
	rows, err := l.read.QueryContext(ctx, `SELECT channel, state, run_id FROM slots WHERE schedule = $1 AND slot = $2 ORDER BY run_id, channel`,
		sc.Name, millis(slot))
	err = each(rows, err, func(rows *sql.Rows) error {
		var ch string
		var state SlotState
		var run int64
		if err := rows.Scan(&ch, &state, &run); err != nil {
			return err
		}
		d.add(ch, state, run)
		return nil
	})
	if err != nil {
		return Decision{}, fmt.Errorf("reading a slot of schedule %s: %w", sc.Name, err)
	}
	return d, nil
}

// add adds what was decided for one channel.
func (d *Decision) add(channel string, state SlotState, run int64) {
	if d.State != SlotPlanned {
		d.State = state
	}
	switch {
	case run > 0:
		if id := strconv.FormatInt(run, 10); !slices.Contains(d.Runs, id) {
			d.Runs = append(d.Runs, id)
		}
	case state == SlotEmpty:
		d.Empty = append(d.Empty, channel)
	}
}

// LastSlots gives the last slot that was decided of each schedule that has one.
func (l *Ledger) LastSlots(ctx context.Context) (map[string]Decision, error) {
	out := map[string]Decision{}
	rows, err := l.read.QueryContext(ctx, `SELECT s.schedule, s.slot, s.channel, s.state, s.run_id FROM slots s
		WHERE s.slot = (SELECT MAX(o.slot) FROM slots o WHERE o.schedule = s.schedule) ORDER BY s.schedule, s.run_id, s.channel`)
	err = each(rows, err, func(rows *sql.Rows) error {
		var name, ch string
		var slot, run int64
		var state SlotState
		if err := rows.Scan(&name, &slot, &ch, &state, &run); err != nil {
			return err
		}
		d := out[name]
		d.Schedule, d.Slot = name, instant(slot)
		d.add(ch, state, run)
		out[name] = d
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading slots: %w", err)
	}
	return out, nil
}

// slotAlert is the alert about a slot in some channels.
func slotAlert(event, schedule string, slot time.Time, channels []string, now time.Time) Alert {
	return Alert{
		Key: fmt.Sprintf("%s %s %d", event, schedule, millis(slot)), Event: event, Subject: schedule,
		Slot: slot, Detail: strings.Join(channels, "、"), At: now,
	}
}
