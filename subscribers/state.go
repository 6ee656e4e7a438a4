package subscribers

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Unsubscribe ends the subscription of the subscriber with a public id on one
// channel, or on all when channel is "". It may be repeated; it reports whether
// anything changed. reason says how it came: link, one-click, administrator.
// Somebody who is no longer there is [ErrNotFound].
func (s *Store) Unsubscribe(ctx context.Context, publicID, channel, reason string, now time.Time) (bool, error) {
	a := act{what: actUnsubscribed, channel: channel, source: reason}
	changed, err := s.edit(ctx, `WHERE public_id = $1`, publicID, a, now, func(sub *Subscriber, now time.Time) (bool, error) {
		return sub.unsubscribe(channel, reason, now), nil
	})
	if err != nil {
		return false, fmt.Errorf("unsubscribing %s: %w", publicID, err)
	}
	return changed, nil
}

// Resubscribe undoes an unsubscription on one channel, at the wish of the
// subscriber: they are again what they were before. It lifts no suppression.
func (s *Store) Resubscribe(ctx context.Context, publicID, channel string, now time.Time) (bool, error) {
	a := act{what: actUndone, channel: channel, source: channel}
	changed, err := s.edit(ctx, `WHERE public_id = $1`, publicID, a, now, func(sub *Subscriber, now time.Time) (bool, error) {
		return sub.resubscribe(channel, now), nil
	})
	if err != nil {
		return false, fmt.Errorf("resubscribing %s: %w", publicID, err)
	}
	return changed, nil
}

// SetState sets the state of the subscriber that Get finds by key. Out of
// Unsubscribed there is no way here: [ErrUnsubscribed].
func (s *Store) SetState(ctx context.Context, key string, state State, now time.Time) error {
	if !slices.Contains([]State{Active, Pending, Paused, Unsubscribed}, state) {
		return invalid("state", "%q is not a state; the states are active, pending, paused, unsubscribed", state)
	}
	sub, err := s.find(ctx, s.read, key)
	if err != nil {
		return fmt.Errorf("setting the state of a subscriber: %w", err)
	}
	var a act
	if state == Unsubscribed {
		a = act{what: actUnsubscribed, source: "administrator"}
	}
	_, err = s.edit(ctx, `WHERE id = $1`, sub.ID, a, now, func(sub *Subscriber, now time.Time) (bool, error) {
		switch {
		case state == Unsubscribed:
			return sub.unsubscribe("", "administrator", now), nil
		case sub.State == Unsubscribed:
			return false, ErrUnsubscribed
		case sub.State == state:
			return false, nil
		}
		sub.State, sub.PausedUntil = state, time.Time{}
		sub.confirm(now)
		return true, nil
	})
	if err != nil {
		return fmt.Errorf("setting the state of %s: %w", sub.PublicID, err)
	}
	return nil
}

// edit changes one subscriber in a transaction, and writes the record of it.
func (s *Store) edit(ctx context.Context, where string, key any, a act, now time.Time, f func(*Subscriber, time.Time) (bool, error)) (changed bool, err error) {
	now = now.UTC().Truncate(time.Millisecond)
	err = s.inTx(ctx, func(tx *sql.Tx) error {
		old, err := one(ctx, tx, where, key)
		if err != nil {
			return err
		}
		next := old
		next.Addresses = slices.Clone(old.Addresses)
		if changed, err = f(&next, now); err != nil || !changed {
			return err
		}
		return s.save(ctx, tx, &old, &next, a, now)
	})
	return changed, err
}

// Remove takes the subscriber that Get finds by key off the list and returns who
// it was. An address that was unsubscribed stays in the suppression list as a
// keyed hash, so that the next import does not bring it back.
func (s *Store) Remove(ctx context.Context, key string, now time.Time) (Subscriber, error) {
	var sub Subscriber
	err := s.inTx(ctx, func(tx *sql.Tx) (err error) {
		if sub, err = s.find(ctx, tx, key); err != nil {
			return err
		}
		for _, a := range sub.Addresses {
			if err := dropReminders(ctx, tx, a.Channel, a.hash); err != nil {
				return err
			}
			if a.State != Unsubscribed {
				continue
			}
			if err := suppress(ctx, tx, a.Channel, a.hash, nil, reasonUnsubscribed, "", now); err != nil {
				return err
			}
		}
		return remove(ctx, tx, sub.ID)
	})
	if err != nil {
		return Subscriber{}, fmt.Errorf("removing a subscriber: %w", err)
	}
	return sub, nil
}

// Erasure names what other tables may still hold of an erased person.
type Erasure struct {
	ID       int64            `json:"id,string"` // 0: the address belonged to no subscriber
	PublicID string           `json:"public_id"`
	Hashes   []ChannelAndHash `json:"hashes"`
}

// ChannelAndHash names an address without telling it.
type ChannelAndHash struct {
	Channel string `json:"channel"`
	Hash    string `json:"hash"`
}

// Erase removes the subscriber that Get finds by key, and every trace of their
// addresses in this package's tables but a keyed hash in the suppression list.
// An address that is only in the suppression list, or only to be reminded, is erased
// there.
func (s *Store) Erase(ctx context.Context, key string, now time.Time) (Erasure, error) {
	var gone Erasure
	err := s.inTx(ctx, func(tx *sql.Tx) error {
		sub, err := s.find(ctx, tx, key)
		switch {
		case err == nil:
			gone = Erasure{ID: sub.ID, PublicID: sub.PublicID}
			for _, a := range sub.Addresses {
				gone.Hashes = append(gone.Hashes, ChannelAndHash{a.Channel, a.hash})
			}
			if err := remove(ctx, tx, sub.ID); err != nil {
				return err
			}
		case errors.Is(err, ErrNotFound):
			if gone.Hashes, err = s.suppressedAs(ctx, tx, key); err != nil {
				return err
			}
			reminded, err := s.remindedAs(ctx, tx, key)
			if err != nil {
				return err
			}
			for _, h := range reminded {
				if !slices.Contains(gone.Hashes, h) {
					gone.Hashes = append(gone.Hashes, h)
				}
			}
			if len(gone.Hashes) == 0 {
				return ErrNotFound
			}
		default:
			return err
		}
		for _, h := range gone.Hashes {
			if err := suppress(ctx, tx, h.Channel, h.Hash, nil, reasonErased, "", now); err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, `DELETE FROM requests WHERE channel = $1 AND hash = $2`, h.Channel, h.Hash); err != nil {
				return fmt.Errorf("deleting requests: %w", err)
			}
			if err := errors.Join(forgetBindings(ctx, tx, h.Hash), dropReminders(ctx, tx, h.Channel, h.Hash)); err != nil {
				return err
			}
			// detail may quote a reply, and replies quote addresses.
			if _, err := tx.ExecContext(ctx, `UPDATE suppressions SET address = NULL, detail = '' WHERE channel = $1 AND hash = $2`, h.Channel, h.Hash); err != nil {
				return fmt.Errorf("scrubbing the suppression list: %w", err)
			}
		}
		return nil
	})
	if err != nil {
		return Erasure{}, fmt.Errorf("erasing a subscriber: %w", err)
	}
	return gone, nil
}

func remove(ctx context.Context, tx *sql.Tx, id int64) error {
	for _, from := range []string{`bindings WHERE subscriber_id`, `letters WHERE subscriber_id`, `moves WHERE subscriber_id`, `consents WHERE subscriber_id`, `addresses WHERE subscriber_id`, `subscribers WHERE id`} {
		if _, err := tx.ExecContext(ctx, `DELETE FROM `+from+` = $1`, id); err != nil {
			return fmt.Errorf("deleting subscriber %d: %w", id, err)
		}
	}
	return nil
}
