package subscribers

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"
)

// Depart ends what is sent to an address whose owner has left the platform that it
// belongs to, and forgets the address: of it a keyed hash stays, by which they are
// known again when they come back. Their choices and their consent stay as well, so
// that they hold then. Who had unsubscribed before keeps that. Nobody of that
// address is [ErrNotFound].
func (d *Desk) Depart(ctx context.Context, a Address, now time.Time) (Subscriber, error) {
	return d.pass(ctx, a, now, func(at *ChannelAddress, sub *Subscriber, now time.Time) act {
		at.Value = ""
		if at.State == Unsubscribed {
			return act{}
		}
		sub.unsubscribe(a.Channel, Unfollowed, now)
		return act{what: actUnsubscribed, channel: a.Channel, source: Unfollowed}
	})
}

// Return takes Depart back: the address is known again, and what had been sent until
// its owner left is sent again. Who had unsubscribed themselves stays away.
func (d *Desk) Return(ctx context.Context, a Address, now time.Time) (Subscriber, error) {
	return d.pass(ctx, a, now, func(at *ChannelAddress, sub *Subscriber, now time.Time) act {
		at.Value = a.Value
		if at.State != Unsubscribed || at.Reason != Unfollowed {
			return act{}
		}
		sub.resubscribe(a.Channel, now)
		return act{what: actUndone, channel: a.Channel, source: "followed"}
	})
}

// pass changes the subscriber of an address.
func (d *Desk) pass(ctx context.Context, a Address, now time.Time, change func(*ChannelAddress, *Subscriber, time.Time) act) (Subscriber, error) {
	var sub Subscriber
	now = now.UTC().Truncate(time.Millisecond)
	hash := d.Hash(a)
	err := d.inTx(ctx, func(tx *sql.Tx) error {
		old, err := one(ctx, tx, `WHERE id = (SELECT subscriber_id FROM addresses WHERE channel = $1 AND hash = $2)`, a.Channel, hash)
		if err != nil {
			return err
		}
		sub = old
		sub.Addresses = slices.Clone(old.Addresses)
		at := sub.on(a.Channel)
		record := change(at, &sub, now)
		if record.what == "" && at.Value == old.on(a.Channel).Value {
			return nil // nothing has changed
		}
		if at.Value == "" {
			if err := forgetBindings(ctx, tx, hash); err != nil {
				return err
			}
		}
		return d.save(ctx, tx, &old, &sub, record, now)
	})
	if err != nil {
		return Subscriber{}, fmt.Errorf("passing by %s: %w", a, err)
	}
	return sub, nil
}
