package subscribers

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Bind takes up an offer for an address: by its code, or without one by the scene
// that the address has scanned. The subscriber of the address and the one of the
// offer become one. It may be repeated with the same.
//
// It refuses with [ErrCode], [ErrTries], [ErrExpired], [ErrNobody], and with
// [ErrOther] when either of the two has another address in the other's channel.
func (d *Desk) Bind(ctx context.Context, code string, a Address, source string, now time.Time) (Subscriber, error) {
	var sub Subscriber
	var refused error
	err := d.inTx(ctx, func(tx *sql.Tx) error {
		b, err := d.offered(ctx, tx, code, a, now)
		if err != nil {
			refused = err
			return wrongCode(err)
		}
		sub, refused, err = d.take(ctx, tx, b, a, source, now)
		return err
	})
	if err = cmp.Or(err, refused); err != nil {
		return Subscriber{}, fmt.Errorf("binding %s: %w", a, err)
	}
	d.o.Log.Info("bound", "subscriber", sub.PublicID, "channel", a.Channel, "source", source)
	return sub, nil
}

// wrongCode is nil for a refusal whose record has to be committed.
func wrongCode(err error) error {
	if errors.Is(err, ErrCode) || errors.Is(err, ErrTries) || errors.Is(err, ErrExpired) || errors.Is(err, ErrNobody) {
		return nil
	}
	return err
}

// take joins the address to the subscriber of an offer.
func (d *Desk) take(ctx context.Context, tx *sql.Tx, b binding, a Address, source string, now time.Time) (sub Subscriber, refused, err error) {
	into, err := one(ctx, tx, `WHERE id = $1`, b.subscriber)
	if err != nil {
		return into, nil, err
	}
	hash := d.Hash(a)
	switch there := into.on(a.Channel); {
	case there != nil && there.hash == hash:
		return into, nil, nil // again
	case there != nil:
		return into, ErrOther, nil
	case b.taken != "":
		return into, ErrCode, nil // bound by it once, and not any more
	}
	from, err := one(ctx, tx, `WHERE id = (SELECT subscriber_id FROM addresses WHERE channel = $1 AND hash = $2)`, a.Channel, hash)
	switch {
	case errors.Is(err, ErrNotFound):
		from = Subscriber{State: Active, Addresses: []ChannelAddress{{Address: a, State: Active, UpdatedAt: now, hash: hash}}}
	case err != nil:
		return into, nil, err
	case len(from.Addresses) > 1:
		return into, ErrOther, nil
	}
	if _, err := tx.ExecContext(ctx, `UPDATE bindings SET taken = $1 WHERE code = $2`, hash, b.code); err != nil {
		return into, nil, err
	}
	sub, err = d.join(ctx, tx, into, from, act{what: actBound, channel: a.Channel, source: source}, now)
	if err == nil {
		err = d.tell(ctx, tx, LetterBound, &sub, now)
	}
	return sub, nil, err
}

// tell leaves a letter for whoever reads the mails of a subscription: it was changed
// from elsewhere, and they may not be the one who did it.
func (d *Desk) tell(ctx context.Context, tx *sql.Tx, kind string, sub *Subscriber, now time.Time) error {
	at := sub.on(Email)
	if at == nil {
		return nil
	}
	return d.mail(ctx, tx, kind, sub, at.Address, "", now)
}

// join makes one record of two, the first one's.
func (d *Desk) join(ctx context.Context, tx *sql.Tx, into, from Subscriber, a act, now time.Time) (Subscriber, error) {
	now = now.UTC().Truncate(time.Millisecond)
	next := merged(into, from)
	if from.ID != 0 {
		if c := from.Consent; !c.At.IsZero() {
			kept := act{what: actConfirmed, channel: a.channel, source: c.Source, text: c.Text}
			if err := kept.write(ctx, tx, into.ID, c.At); err != nil {
				return into, err
			}
		}
		for _, table := range []string{"consents", "letters", "addresses"} {
			if _, err := tx.ExecContext(ctx, `UPDATE `+table+` SET subscriber_id = $1 WHERE subscriber_id = $2`, into.ID, from.ID); err != nil {
				return into, fmt.Errorf("joining two subscribers: %w", err)
			}
		}
		if err := remove(ctx, tx, from.ID); err != nil {
			return into, err
		}
		if err := d.o.Books.Adopt(ctx, tx, from.ID, into.ID, a.channel); err != nil {
			return into, err
		}
	}
	return next, d.save(ctx, tx, &into, &next, a, now)
}

// merged is what two records of one person come to: every address as it is, and
// of their choices the stricter.
func merged(into, from Subscriber) Subscriber {
	next := into
	next.Addresses = slices.Concat(into.Addresses, from.Addresses)
	slices.SortFunc(next.Addresses, func(a, b ChannelAddress) int { return cmp.Compare(a.Channel, b.Channel) })
	next.Name = cmp.Or(into.Name, from.Name)
	next.Language = cmp.Or(into.Language, from.Language)
	next.Sections = stricter(into.Sections, from.Sections)
	next.Groups = slices.Clone(into.Groups)
	for _, g := range from.Groups {
		if !slices.Contains(next.Groups, g) {
			next.Groups = append(next.Groups, g)
		}
	}
	if !from.ConfirmedAt.IsZero() && (into.ConfirmedAt.IsZero() || from.ConfirmedAt.Before(into.ConfirmedAt)) {
		next.ConfirmedAt = from.ConfirmedAt
	}
	switch {
	case from.State == Unsubscribed: // its address says so
	case into.State == Unsubscribed:
		next.State, next.PausedUntil, next.prior = from.State, from.PausedUntil, ""
	case from.State == Paused && into.State == Paused:
		next.PausedUntil = later(into.PausedUntil, from.PausedUntil)
	case from.State == Paused && into.State == Active:
		next.State, next.PausedUntil = Paused, from.PausedUntil
	}
	return next
}

// stricter is what both choices of sections have, where none means all. When they
// have nothing in common, the first one stands: an empty choice would be all.
func stricter(a, b []string) []string {
	if len(a) == 0 {
		return b
	}
	both := slices.DeleteFunc(slices.Clone(a), func(s string) bool { return !slices.Contains(b, s) })
	if len(both) == 0 {
		return a
	}
	return both
}

// later is the later end of two pauses; zero has none.
func later(a, b time.Time) time.Time {
	if a.IsZero() || b.IsZero() {
		return time.Time{}
	}
	if a.After(b) {
		return a
	}
	return b
}

// Unbind makes an address a subscriber of its own again, with the choices that it
// has. Links that were sent to the other addresses become worthless, but those to
// unsubscribe: they may have been opened by whoever had the address. Without another
// address nothing changes.
func (d *Desk) Unbind(ctx context.Context, publicID, channel, source string, now time.Time) (changed bool, err error) {
	now = now.UTC().Truncate(time.Millisecond)
	err = d.inTx(ctx, func(tx *sql.Tx) error {
		old, err := one(ctx, tx, `WHERE public_id = $1`, publicID)
		if err != nil {
			return err
		}
		at := slices.IndexFunc(old.Addresses, func(a ChannelAddress) bool { return a.Channel == channel })
		if at < 0 || len(old.Addresses) == 1 {
			return nil
		}
		changed = true
		return d.split(ctx, tx, old, at, act{what: actUnbound, channel: channel, source: source}, now)
	})
	if err != nil {
		return false, fmt.Errorf("unbinding: %w", err)
	}
	d.o.Log.Info("unbound", "subscriber", publicID, "channel", channel, "source", source, "changed", changed)
	return changed, nil
}

// split gives one address a record of its own.
func (d *Desk) split(ctx context.Context, tx *sql.Tx, old Subscriber, at int, a act, now time.Time) error {
	moved := old.Addresses[at]
	own := old
	own.ID, own.PublicID, own.Addresses, own.LinkEpoch, own.UpdatedAt = 0, newPublicID(), []ChannelAddress{moved}, 0, now
	own.settle()
	next := old
	next.Addresses = slices.Delete(slices.Clone(old.Addresses), at, at+1)
	next.LinkEpoch++
	next.settle()
	if _, err := tx.ExecContext(ctx, `DELETE FROM addresses WHERE subscriber_id = $1 AND channel = $2`, old.ID, moved.Channel); err != nil {
		return fmt.Errorf("taking an address from a subscriber: %w", err)
	}
	w, err := newWriter(ctx, tx)
	if err != nil {
		return err
	}
	defer w.close()
	if err := w.insert(ctx, &own); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `UPDATE consents SET subscriber_id = $1 WHERE subscriber_id = $2 AND channel = $3`, own.ID, old.ID, moved.Channel); err != nil {
		return fmt.Errorf("dividing the consent log: %w", err)
	}
	if err := d.o.Books.Adopt(ctx, tx, old.ID, own.ID, moved.Channel); err != nil {
		return err
	}
	if err := a.write(ctx, tx, own.ID, now); err != nil {
		return err
	}
	if err := d.save(ctx, tx, &old, &next, a, now); err != nil {
		return err
	}
	return d.tell(ctx, tx, LetterUnbound, &next, now)
}

// settle makes a subscriber whose addresses have changed Unsubscribed exactly when
// every address is.
func (s *Subscriber) settle() {
	left := slices.ContainsFunc(s.Addresses, func(a ChannelAddress) bool { return a.State != Unsubscribed })
	switch {
	case left && s.State == Unsubscribed:
		s.State, s.prior = cmp.Or(s.prior, Active), ""
	case !left && s.State != Unsubscribed:
		s.prior, s.State = s.State, Unsubscribed
	}
}
