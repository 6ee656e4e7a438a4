package subscribers

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// scanned asks whoever has scanned the code of a page whether they mean it: the
// picture may be another person's.
func (t *talk) scanned(ctx context.Context) (string, error) {
	to, err := t.o.Desk.Scan(ctx, t.said.Scene, t.said.From, t.now)
	switch {
	case errors.Is(err, ErrExpired):
		return t.offerExpired(), nil
	case errors.Is(err, ErrCode):
		return t.offerUnknown(), nil
	case err != nil:
		return "", err
	}
	if t.known && t.sub.ID == to.ID {
		return t.bound(to), nil
	}
	return t.askBinding(to), nil
}

// bind takes up an offer by its code, or by what was scanned and is confirmed now.
func (t *talk) bind(ctx context.Context) (string, error) {
	if t.asked.Verb == VerbBind && t.asked.Code == "" {
		return t.howToBind(), nil
	}
	to, err := t.o.Desk.Bind(ctx, t.asked.Code, t.said.From, sourceChat, t.now)
	switch {
	case errors.Is(err, ErrNobody):
		return t.short(), nil
	case errors.Is(err, ErrTries):
		return t.tooManyTries(), nil
	case errors.Is(err, ErrExpired):
		return t.offerExpired(), nil
	case errors.Is(err, ErrCode):
		return t.wrongCode(), nil
	case errors.Is(err, ErrOther):
		return t.boundElsewhere(), nil
	case err != nil:
		return "", err
	}
	return t.bound(to), nil
}

func (t *talk) decline(ctx context.Context) (string, error) {
	there, err := t.o.Desk.Decline(ctx, t.said.From)
	if err != nil || !there {
		return t.short(), err
	}
	return t.declined(), nil
}

func (t *talk) unbind(ctx context.Context) (string, error) {
	if !t.known {
		return t.notBound(), nil
	}
	changed, err := t.o.Desk.Unbind(ctx, t.sub.PublicID, t.said.From.Channel, sourceChat, t.now)
	if err != nil || !changed {
		return t.notBound(), err
	}
	return t.unbound(), nil
}

// enroll makes a subscriber of somebody who asks for it from their own address: it
// needs no other confirmation, and takes an earlier leave back.
func (d *Desk) enroll(ctx context.Context, a Address, source string, now time.Time) (Subscriber, error) {
	sub, err := d.fresh(Entry{Addresses: []Address{a}, State: Active, Consent: Consent{At: now, Source: source}}, now)
	if err != nil {
		return Subscriber{}, err
	}
	err = d.inTx(ctx, func(tx *sql.Tx) error {
		if err := d.comeBack(ctx, tx, &sub.Addresses[0]); err != nil {
			return err
		}
		w, err := newWriter(ctx, tx)
		if err != nil {
			return err
		}
		defer w.close()
		if err := w.insert(ctx, &sub); err != nil {
			return err
		}
		return act{what: actConfirmed, channel: a.Channel, source: source}.write(ctx, tx, sub.ID, now)
	})
	if err != nil {
		return Subscriber{}, fmt.Errorf("enrolling: %w", err)
	}
	return sub, nil
}
