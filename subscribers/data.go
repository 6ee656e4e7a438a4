package subscribers

import (
	"context"
	"fmt"
	"time"
)

// PersonalData is everything that is kept about a person, for them to read.
type PersonalData struct {
	Subscriber Subscriber     `json:"subscriber"`
	Consents   []ConsentEntry `json:"consents"`
	Moving     *Moving        `json:"moving,omitempty"`
	// Letters are service mails that wait to be sent.
	Letters []WaitingLetter `json:"letters"`
	// Requests were made on a page with one of their addresses.
	Requests     []Request     `json:"requests"`
	Suppressions []Suppression `json:"suppressions"`
	// Bindings are offers to bind another address; WrongCodes are when one of theirs
	// sent a code of none.
	Bindings   []WaitingBinding `json:"bindings"`
	WrongCodes []time.Time      `json:"wrong_codes"`
	// Reminders are of issues that they wanted to be told of.
	Reminders []Reminder `json:"reminders"`
	// Deliveries are those of issues and of service mails.
	Deliveries any `json:"deliveries"`
}

// WaitingLetter is a service mail that waits to be sent.
type WaitingLetter struct {
	Kind     string    `json:"kind"`
	Channel  string    `json:"channel"`
	Address  string    `json:"address"`
	Language string    `json:"language"`
	At       time.Time `json:"at"`
}

// WaitingBinding is an offer to bind an address of another channel.
type WaitingBinding struct {
	Channel string    `json:"channel"`
	Expires time.Time `json:"expires"`
	Scanned bool      `json:"scanned"` // its QR code, by some address
	Taken   bool      `json:"taken"`
}

// Request is something that was asked on a page with somebody's address.
type Request struct {
	Kind    string    `json:"kind"`
	Channel string    `json:"channel"`
	At      time.Time `json:"at"`
	Done    time.Time `json:"done,omitzero"`
	Mailed  bool      `json:"mailed"`
	Network string    `json:"network"`           // keyed hash of where it came from
	Content string    `json:"content,omitempty"` // until it is done
}

// PersonalData gathers what is kept about the person whom Get finds by key.
func (d *Desk) PersonalData(ctx context.Context, key string) (PersonalData, error) {
	sub, err := d.Get(ctx, key)
	if err != nil {
		return PersonalData{}, err
	}
	data := PersonalData{Subscriber: sub, Letters: []WaitingLetter{}, Requests: []Request{}, Suppressions: []Suppression{}}
	if data.Consents, err = d.Consents(ctx, sub.ID); err != nil {
		return PersonalData{}, err
	}
	if data.Moving, err = d.moving(ctx, sub.ID); err != nil {
		return PersonalData{}, err
	}
	if data.Deliveries, err = d.o.Books.History(ctx, sub.ID); err != nil {
		return PersonalData{}, err
	}
	if err := d.waitingLetters(ctx, sub.ID, &data); err != nil {
		return PersonalData{}, err
	}
	if data.Bindings, err = d.bindings(ctx, sub.ID); err != nil {
		return PersonalData{}, err
	}
	data.WrongCodes, data.Reminders = []time.Time{}, []Reminder{}
	for _, a := range sub.Addresses {
		if err := d.about(ctx, a, &data); err != nil {
			return PersonalData{}, err
		}
		wrong, err := d.wrongCodes(ctx, a.hash)
		if err != nil {
			return PersonalData{}, err
		}
		data.WrongCodes = append(data.WrongCodes, wrong...)
		reminders, err := d.reminders(ctx, a.Channel, a.hash)
		if err != nil {
			return PersonalData{}, err
		}
		data.Reminders = append(data.Reminders, reminders...)
	}
	return data, nil
}

func (d *Desk) bindings(ctx context.Context, subscriber int64) ([]WaitingBinding, error) {
	rows, err := d.read.QueryContext(ctx, `SELECT channel, expires_at, asked <> '', taken <> '' FROM bindings WHERE subscriber_id = $1 ORDER BY expires_at`, subscriber)
	if err != nil {
		return nil, fmt.Errorf("reading bindings: %w", err)
	}
	defer rows.Close()
	out := []WaitingBinding{}
	for rows.Next() {
		var b WaitingBinding
		var expires int64
		if err := rows.Scan(&b.Channel, &expires, &b.Scanned, &b.Taken); err != nil {
			return nil, fmt.Errorf("reading bindings: %w", err)
		}
		b.Expires = fromMillis(expires)
		out = append(out, b)
	}
	return out, rows.Err()
}

func (d *Desk) wrongCodes(ctx context.Context, hash string) (out []time.Time, err error) {
	rows, err := d.read.QueryContext(ctx, `SELECT at FROM binding_tries WHERE hash = $1 ORDER BY at`, hash)
	if err != nil {
		return nil, fmt.Errorf("reading wrong codes: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var at int64
		if err := rows.Scan(&at); err != nil {
			return nil, fmt.Errorf("reading wrong codes: %w", err)
		}
		out = append(out, fromMillis(at))
	}
	return out, rows.Err()
}

func (d *Desk) waitingLetters(ctx context.Context, subscriber int64, data *PersonalData) error {
	rows, err := d.read.QueryContext(ctx, `SELECT kind, channel, address, language, created_at FROM letters WHERE subscriber_id = $1 ORDER BY id`, subscriber)
	if err != nil {
		return fmt.Errorf("reading letters: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var l WaitingLetter
		var at int64
		if err := rows.Scan(&l.Kind, &l.Channel, &l.Address, &l.Language, &at); err != nil {
			return fmt.Errorf("reading letters: %w", err)
		}
		l.At = fromMillis(at)
		data.Letters = append(data.Letters, l)
	}
	return rows.Err()
}

// about adds what is kept under the hash of an address.
func (d *Desk) about(ctx context.Context, a ChannelAddress, data *PersonalData) error {
	rows, err := d.read.QueryContext(ctx, `SELECT kind, channel, at, done_at, mailed, network, content FROM requests
		WHERE hash = $1 AND channel = $2 ORDER BY id`, a.hash, a.Channel)
	if err != nil {
		return fmt.Errorf("reading requests: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var r Request
		var at, done int64
		if err := rows.Scan(&r.Kind, &r.Channel, &at, &done, &r.Mailed, &r.Network, &r.Content); err != nil {
			return fmt.Errorf("reading requests: %w", err)
		}
		r.At, r.Done = fromMillis(at), fromZero(done)
		data.Requests = append(data.Requests, r)
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("reading requests: %w", err)
	}
	var x Suppression
	var at int64
	listed, err := d.read.QueryContext(ctx, `SELECT channel, hash, COALESCE(address, ''), reason, detail, created_at FROM suppressions
		WHERE channel = $1 AND hash = $2`, a.Channel, a.hash)
	if err != nil {
		return fmt.Errorf("reading the suppression list: %w", err)
	}
	defer listed.Close()
	for listed.Next() {
		if err := listed.Scan(&x.Channel, &x.Hash, &x.Address, &x.Reason, &x.Detail, &at); err != nil {
			return fmt.Errorf("reading the suppression list: %w", err)
		}
		x.CreatedAt = fromMillis(at)
		data.Suppressions = append(data.Suppressions, x)
	}
	return listed.Err()
}
