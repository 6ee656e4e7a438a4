package subscribers

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"
)

// Books are what the rest of the program keeps about people.
type Books interface {
	// Scrub removes what is kept of a person; it may be repeated.
	Scrub(ctx context.Context, subscriber int64, now time.Time) error
	// Forget removes what is kept of an address whose owner is in no list; it may be
	// repeated.
	Forget(ctx context.Context, channel, hash string, now time.Time) error
	// History is everything that is kept of a person, as it is to be shown to them.
	History(ctx context.Context, subscriber int64) (any, error)
	// Adopt gives what is kept of one person in a channel to another, in the
	// transaction that makes one person of two, or two of one: a delivery that is
	// under way goes on.
	Adopt(ctx context.Context, tx *sql.Tx, from, to int64, channel string) error
}

// DeskOptions of a [Desk]. Store, Books and Log are required.
type DeskOptions struct {
	Store *Store
	Books Books
	Log   *slog.Logger
	// Sweep makes the database's files forget what was deleted; nil: nothing has
	// to be done.
	Sweep func(ctx context.Context) error
}

// Desk carries out what subscribers ask for by themselves.
type Desk struct {
	*Store
	o DeskOptions
}

// NewDesk returns a desk, or what is wrong with its options.
func NewDesk(o DeskOptions) (*Desk, error) {
	if o.Store == nil || o.Books == nil || o.Log == nil {
		return nil, errors.New("subscribers: DeskOptions.Store, Books and Log are required")
	}
	return &Desk{Store: o.Store, o: o}, nil
}

// Limits of what people say of themselves.
const (
	// longestPause is a year; who wants more can pause again.
	longestPause = 366 * 24 * time.Hour
	maxNote      = 500 // characters
)

// Do carries out a command. Besides [ErrNotFound] for a caller who is gone and
// [*Invalid] for a command that breaks a rule, an error means that nothing was
// done and that it may be tried again.
func (d *Desk) Do(ctx context.Context, who Caller, c Command, now time.Time) (Reply, error) {
	switch c := c.(type) {
	case Subscribe, SendLink:
		changed, err := d.post(ctx, who, c, now)
		return Reply{Changed: changed}, err
	case Export:
		data, err := d.PersonalData(ctx, who.ID)
		return Reply{Subscriber: data.Subscriber, Data: data}, err
	case Erase:
		_, err := d.Erase(ctx, who.ID, now)
		return Reply{Changed: err == nil}, err
	case Move:
		sub, err := d.Get(ctx, who.ID)
		if err != nil {
			return Reply{}, err
		}
		changed, err := d.post(ctx, who, c, now)
		return Reply{Changed: changed, Subscriber: sub}, err
	}
	var reply Reply
	err := d.inTx(ctx, func(tx *sql.Tx) (err error) {
		if _, ok := c.(ConfirmMove); ok {
			reply, err = d.arrive(ctx, tx, who, now)
			return err
		}
		reply, err = d.change(ctx, tx, who, c, now)
		return err
	})
	if err != nil {
		return Reply{}, fmt.Errorf("command %T of %s: %w", c, who.ID, err)
	}
	d.o.Log.Info("command", "command", strings.TrimPrefix(fmt.Sprintf("%T", c), "subscribers."), "subscriber", reply.Subscriber.PublicID,
		"channel", who.Channel, "source", who.Source, "changed", reply.Changed)
	return reply, nil
}

// change carries out a command about the caller's own record.
func (d *Desk) change(ctx context.Context, tx *sql.Tx, who Caller, c Command, now time.Time) (Reply, error) {
	old, err := one(ctx, tx, `WHERE public_id = $1`, who.ID)
	if err != nil {
		return Reply{}, err
	}
	now = now.UTC().Truncate(time.Millisecond)
	next := old
	next.Addresses = slices.Clone(old.Addresses)
	a := act{channel: who.Channel, source: who.Source}
	changed := false
	switch c := c.(type) {
	case Confirm:
		a.what, changed = actConfirmed, next.welcome(who.Channel, now)
		if a.text, err = lastText(ctx, tx, old.ID); err != nil {
			return Reply{}, err
		}
		if changed {
			next.Consent = Consent{At: now, Source: who.Source, Text: a.text}
		}
		if err := d.comeBack(ctx, tx, next.on(who.Channel)); err != nil {
			return Reply{}, err
		}
	case Unsubscribe:
		channel := who.Channel
		if c.All {
			channel = ""
		}
		a.what, a.channel = actUnsubscribed, channel
		changed = next.unsubscribe(channel, who.Source, now)
		// Also of somebody who had left before, and has asked for that since.
		for _, at := range next.Addresses {
			if channel != "" && at.Channel != channel {
				continue
			}
			if err := dropReminders(ctx, tx, at.Channel, at.hash); err != nil {
				return Reply{}, err
			}
		}
	case Undo:
		a.what, changed = actUndone, next.resubscribe(who.Channel, now)
	case Explain:
		reason, err := cleanNote(c.Reason)
		if err != nil || reason == "" {
			return Reply{Subscriber: old}, err
		}
		a.what, a.note = actExplained, reason
		return Reply{Changed: true, Subscriber: old}, a.write(ctx, tx, old.ID, now)
	case Stay:
		res, err := tx.ExecContext(ctx, `DELETE FROM moves WHERE subscriber_id = $1 AND channel = $2`, old.ID, who.Channel)
		if err != nil {
			return Reply{}, err
		}
		n, err := res.RowsAffected()
		return Reply{Changed: n > 0, Subscriber: old}, err
	case Revoke:
		next.LinkEpoch++
		changed = true
	default:
		if changed, err = next.apply(c, now); err != nil {
			return Reply{}, err
		}
	}
	if !changed {
		return Reply{Subscriber: old}, nil
	}
	return Reply{Changed: true, Subscriber: next}, d.save(ctx, tx, &old, &next, a, now)
}

// apply carries out a command that only sets something.
func (s *Subscriber) apply(c Command, now time.Time) (changed bool, err error) {
	switch c := c.(type) {
	case Pause:
		until := c.Until.UTC().Truncate(time.Millisecond)
		switch {
		case !c.Until.IsZero() && !until.After(now):
			return false, invalid("pause-past", "the pause would be over already")
		case !c.Until.IsZero() && until.After(now.Add(longestPause)):
			return false, invalid("pause-long", "a pause ends within a year")
		case s.State != Active && s.State != Paused:
			return false, nil
		}
		if c.Until.IsZero() {
			until = time.Time{}
		}
		changed = s.State != Paused || !s.PausedUntil.Equal(until)
		s.State, s.PausedUntil = Paused, until
	case Resume:
		if changed = s.State == Paused; changed {
			s.State, s.PausedUntil = Active, time.Time{}
		}
	case Choose:
		sections, err := cleanList("sections", c.Sections)
		if err != nil {
			return false, err
		}
		changed = !slices.Equal(s.Sections, sections)
		s.Sections = sections
	case Speak:
		language, err := cleanLanguage(c.Language)
		if err != nil {
			return false, err
		}
		changed = s.Language != language
		s.Language = language
	case Rename:
		name, err := cleanText("name", c.Name)
		if err != nil {
			return false, err
		}
		changed = s.Name != name
		s.Name = name
	default:
		return false, fmt.Errorf("there is no command %T", c)
	}
	return changed, nil
}

// welcome makes a subscriber of somebody who confirmed an address.
func (s *Subscriber) welcome(channel string, now time.Time) (changed bool) {
	changed = s.resubscribe(channel, now)
	if s.State == Pending || changed && s.State == Paused {
		s.State, s.PausedUntil, changed = Active, time.Time{}, true
	}
	s.confirm(now)
	return changed
}

// comeBack takes an address off the suppression list that is on it only because
// its owner had left.
func (s *Store) comeBack(ctx context.Context, tx *sql.Tx, a *ChannelAddress) error {
	if a == nil {
		return nil
	}
	_, err := tx.ExecContext(ctx, `DELETE FROM suppressions WHERE channel = $1 AND hash = $2 AND reason IN ($3, $4)`,
		a.Channel, a.hash, reasonUnsubscribed, reasonErased)
	if err != nil {
		return fmt.Errorf("taking an address off the suppression list: %w", err)
	}
	return nil
}

// save writes what a command changed, and the record of it.
func (s *Store) save(ctx context.Context, tx *sql.Tx, old, next *Subscriber, a act, now time.Time) error {
	next.UpdatedAt = now
	w, err := newWriter(ctx, tx)
	if err != nil {
		return err
	}
	defer w.close()
	if err := w.update(ctx, old, next); err != nil {
		return err
	}
	return a.write(ctx, tx, old.ID, now)
}

// Erase removes everything that is kept of the person whom Get finds by key, in
// this package's tables and in the other books. A keyed hash in the suppression
// list is all that stays.
func (d *Desk) Erase(ctx context.Context, key string, now time.Time) (Erasure, error) {
	// The other books first: what is left to erase is then still found by the key.
	sub, err := d.Get(ctx, key)
	switch {
	case err == nil:
		err = d.o.Books.Scrub(ctx, sub.ID, now)
		for _, a := range sub.Addresses { // of before they were in the list
			err = errors.Join(err, d.o.Books.Forget(ctx, a.Channel, a.hash, now))
		}
	case errors.Is(err, ErrNotFound):
		err = d.forgetStranger(ctx, key, now)
	}
	if err != nil {
		return Erasure{}, err
	}
	gone, err := d.Store.Erase(ctx, key, now)
	if err != nil {
		return Erasure{}, err
	}
	d.o.Log.Info("erased", "subscriber", gone.PublicID)
	return gone, d.sweep(ctx)
}

// forgetStranger removes what the other books keep of an address that is nobody's in the
// list, whatever channel it is of.
func (d *Desk) forgetStranger(ctx context.Context, key string, now time.Time) error {
	for _, channel := range d.channels {
		a, err := ParseAddress(channel, key)
		if err != nil {
			continue // not an address of this channel
		}
		if err := d.o.Books.Forget(ctx, channel, d.Hash(a), now); err != nil {
			return err
		}
	}
	return nil
}

func (d *Desk) sweep(ctx context.Context) error {
	if d.o.Sweep == nil {
		return nil
	}
	if err := d.o.Sweep(ctx); err != nil {
		return fmt.Errorf("erased, but the database's files may still hold it: %w", err)
	}
	return nil
}
