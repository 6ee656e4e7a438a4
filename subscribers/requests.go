package subscribers

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Limits of what strangers can make the program do. An attack runs into them and
// gets the same answers as before.
const (
	// Requests that are taken from one network (/24 of IPv4, /48 of IPv6).
	perNetworkMinute = 5
	perNetworkDay    = 30
	// maxWaiting bounds the table, whatever comes from however many networks.
	maxWaiting = 1000
	// Mails to addresses that strangers entered, over all. What is above waits.
	perHour = 200
	// Mails to one address.
	perAddressShort = 2 // in shortTime
	shortTime       = 10 * time.Minute
	perAddressDay   = 4
	perAddressMonth = 10

	requestsKept = 30 * 24 * time.Hour // for the limits
	pendingKept  = 7 * 24 * time.Hour  // sign-ups that nobody confirmed
	movesKept    = confirmFor
)

// The kinds of requests.
const (
	requestSubscribe = "subscribe"
	requestLink      = "link"
	requestMove      = "move"
)

// wish is what a request holds until it is worked on.
type wish struct {
	Address  string   `json:"address"`
	ID       string   `json:"id,omitempty"` // of the subscriber who wants to move
	Name     string   `json:"name,omitempty"`
	Sections []string `json:"sections,omitempty"`
	Language string   `json:"language,omitempty"`
	Source   string   `json:"source"`
	Text     string   `json:"text,omitempty"`
}

// room is the condition under which a request is taken; its parameters are the
// network and the times a minute and a day ago.
var room = fmt.Sprintf(`(SELECT COUNT(*) FROM requests WHERE network = %%[1]s AND at > %%[2]s) < %d
	AND (SELECT COUNT(*) FROM requests WHERE network = %%[1]s AND at > %%[3]s) < %d
	AND (SELECT COUNT(*) FROM requests WHERE done_at = 0) < %d`, perNetworkMinute, perNetworkDay, maxWaiting)

// post writes a request down and reports whether there was room for it. It makes
// the same statements whoever's address it is.
func (d *Desk) post(ctx context.Context, who Caller, c Command, now time.Time) (taken bool, err error) {
	w := wish{Source: who.Source}
	kind, to := "", Address{}
	switch c := c.(type) {
	case Subscribe:
		kind, to, w.Language, w.Text = requestSubscribe, c.Address, c.Language, c.Text
		if w.Name, err = cleanText("name", c.Name); err != nil {
			return false, err
		}
		if w.Sections, err = cleanList("sections", c.Sections); err != nil {
			return false, err
		}
	case SendLink:
		kind, to, w.Language = requestLink, c.Address, c.Language
	case Move:
		kind, to, w.ID = requestMove, c.To, who.ID
	}
	if to.Channel != Email {
		return false, invalid("address", "a mail can only be sent to an email address")
	}
	w.Address = to.Value
	content, err := json.Marshal(w)
	if err != nil {
		return false, fmt.Errorf("writing a request down: %w", err)
	}
	network := code(d.key, "network "+who.Network)
	minute, day := now.Add(-time.Minute).UnixMilli(), now.Add(-24*time.Hour).UnixMilli()
	// Asked without the write lock first: a flood must not keep others waiting.
	var some bool
	err = d.read.QueryRowContext(ctx, `SELECT CASE WHEN `+fmt.Sprintf(room, "$1", "$2", "$3")+` THEN 1 ELSE 0 END`, network, minute, day).Scan(&some)
	if err == nil && some {
		var res sql.Result
		res, err = d.write.ExecContext(ctx, `INSERT INTO requests (kind, at, network, channel, hash, content)
			SELECT $4, $5, $1, $6, $7, $8 WHERE `+fmt.Sprintf(room, "$1", "$2", "$3"),
			network, minute, day, kind, now.UnixMilli(), to.Channel, d.Hash(to), string(content))
		if err == nil {
			var n int64
			n, err = res.RowsAffected()
			taken = n > 0
		}
	}
	if err != nil {
		return false, fmt.Errorf("writing a request down: %w", err)
	}
	if !taken {
		d.o.Log.Warn("too many requests: one was not taken", "kind", kind, "network", network[:6])
	}
	return taken, nil
}

// atATime is how many requests one call of Attend works on.
const atATime = 50

// Attend works on what was asked on the pages, as far as the limits allow, and
// leaves letters for the next service run. Any number of processes may do it.
func (d *Desk) Attend(ctx context.Context, now time.Time) error {
	for range atATime {
		var id int64
		err := d.read.QueryRowContext(ctx, `SELECT id FROM requests WHERE done_at = 0
			AND (SELECT COUNT(*) FROM requests WHERE mailed = 1 AND done_at > $1) < $2 ORDER BY id LIMIT 1`,
			now.Add(-time.Hour).UnixMilli(), perHour).Scan(&id)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err == nil {
			err = d.inTx(ctx, func(tx *sql.Tx) error { return d.work(ctx, tx, id, now) })
		}
		if err != nil {
			return fmt.Errorf("working on a request: %w", err)
		}
	}
	return nil
}

// work does one request, unless another process has done it.
func (d *Desk) work(ctx context.Context, tx *sql.Tx, id int64, now time.Time) error {
	var kind, channel, hash, content string
	var at int64
	err := tx.QueryRowContext(ctx, `SELECT kind, channel, hash, content, at FROM requests WHERE id = $1 AND done_at = 0`, id).
		Scan(&kind, &channel, &hash, &content, &at)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	var w wish
	if err := json.Unmarshal([]byte(content), &w); err != nil {
		return err
	}
	a, err := ParseAddress(channel, w.Address)
	if err != nil {
		return err
	}
	mailed := false
	if ok, err := mayMail(ctx, tx, hash, now); err != nil {
		return err
	} else if ok {
		switch kind {
		case requestMove:
			mailed, err = d.depart(ctx, tx, w, a, now)
		default:
			mailed, err = d.receive(ctx, tx, kind, w, a, now)
		}
		if err != nil {
			return err
		}
	}
	_, err = tx.ExecContext(ctx, `UPDATE requests SET done_at = $1, content = '', mailed = $2 WHERE id = $3`, now.UnixMilli(), oneIf(mailed), id)
	return err
}

func oneIf(b bool) int {
	if b {
		return 1
	}
	return 0
}

// mayMail holds the limits of one address.
func mayMail(ctx context.Context, tx *sql.Tx, hash string, now time.Time) (bool, error) {
	var short, day, month int
	err := tx.QueryRowContext(ctx, `SELECT COUNT(CASE WHEN done_at > $2 THEN 1 END), COUNT(CASE WHEN done_at > $3 THEN 1 END), COUNT(*)
		FROM requests WHERE hash = $1 AND mailed = 1 AND done_at > $4`,
		hash, now.Add(-shortTime).UnixMilli(), now.Add(-24*time.Hour).UnixMilli(), now.Add(-requestsKept).UnixMilli()).Scan(&short, &day, &month)
	return short < perAddressShort && day < perAddressDay && month < perAddressMonth, err
}

// receive works on a sign-up or on the wish for a link: a stranger becomes
// pending and is asked to confirm, and so is who has left; a subscriber gets the
// link to manage. Nobody's record is changed by what a stranger entered.
func (d *Desk) receive(ctx context.Context, tx *sql.Tx, kind string, w wish, a Address, now time.Time) (mailed bool, err error) {
	hash := d.Hash(a)
	reasons, err := d.suppressed(ctx, tx, a.Channel, []string{hash})
	if err != nil {
		return false, err
	}
	if reason, ok := reasons[hash]; ok && reason != reasonUnsubscribed && reason != reasonErased {
		return false, nil
	}
	sub, err := one(ctx, tx, `WHERE id = (SELECT subscriber_id FROM addresses WHERE channel = $1 AND hash = $2)`, a.Channel, hash)
	switch {
	case errors.Is(err, ErrNotFound) && kind == requestLink:
		return false, nil
	case errors.Is(err, ErrNotFound):
		sub, err = d.fresh(Entry{
			Addresses: []Address{a}, Name: w.Name, Sections: w.Sections, Language: w.Language, State: Pending,
			Consent: Consent{Source: w.Source, Text: w.Text},
		}, now)
		if err != nil {
			return false, err
		}
		writer, err := newWriter(ctx, tx)
		if err != nil {
			return false, err
		}
		defer writer.close()
		if err := writer.insert(ctx, &sub); err != nil {
			return false, err
		}
	case err != nil:
		return false, err
	}
	letter := LetterManage
	if sub.State == Pending || sub.State == Unsubscribed || sub.on(a.Channel).State == Unsubscribed {
		letter = LetterConfirm
		asked := act{what: actAsked, channel: a.Channel, source: w.Source, text: w.Text}
		if err := asked.write(ctx, tx, sub.ID, now); err != nil {
			return false, err
		}
	}
	// As it is in the list, not as it was typed: upper and lower case may matter to
	// their provider.
	return true, d.mail(ctx, tx, letter, &sub, sub.on(a.Channel).Address, w.Language, now)
}

// Tidy removes what has had its time: requests, moves, reminders, and sign-ups from a page
// that nobody confirmed. It returns how many of the last there were.
func (d *Desk) Tidy(ctx context.Context, now time.Time) (unconfirmed int, err error) {
	err = d.inTx(ctx, func(tx *sql.Tx) error {
		for text, before := range map[string]time.Time{
			`DELETE FROM requests WHERE at < $1 AND done_at > 0`:        now.Add(-requestsKept),
			`DELETE FROM moves WHERE created_at < $1`:                   now.Add(-movesKept),
			`DELETE FROM reminders WHERE used_at > 0 AND used_at < $1`:  now.Add(-usedKept),
			`DELETE FROM reminders WHERE used_at = 0 AND asked_at < $1`: now.Add(-unusedKept),
		} {
			if _, err := tx.ExecContext(ctx, text, before.UnixMilli()); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("tidying up: %w", err)
	}
	gone, err := load(ctx, d.read, `WHERE state = 'pending' AND created_at < $1 AND consent_at IS NULL
		AND EXISTS (SELECT 1 FROM consents c WHERE c.subscriber_id = subscribers.id AND c.act = '`+actAsked+`')
		AND NOT EXISTS (SELECT 1 FROM consents c WHERE c.subscriber_id = subscribers.id AND c.at >= $1)`, now.Add(-pendingKept).UnixMilli())
	if err != nil {
		return 0, fmt.Errorf("tidying up: %w", err)
	}
	for _, sub := range gone {
		if err := d.forget(ctx, sub.ID, now); err != nil {
			return unconfirmed, fmt.Errorf("tidying up: %w", err)
		}
		unconfirmed++
	}
	if unconfirmed > 0 {
		d.o.Log.Info("sign-ups that nobody confirmed were removed", "count", unconfirmed)
		err = d.sweep(ctx)
	}
	return unconfirmed, err
}

// forget removes somebody who never confirmed, and leaves nothing: they may come
// again.
func (d *Desk) forget(ctx context.Context, id int64, now time.Time) error {
	if err := d.o.Books.Scrub(ctx, id, now); err != nil {
		return err
	}
	return d.inTx(ctx, func(tx *sql.Tx) error {
		sub, err := one(ctx, tx, `WHERE id = $1 AND state = 'pending'`, id)
		if errors.Is(err, ErrNotFound) {
			return nil // confirmed at the last moment
		}
		if err != nil {
			return err
		}
		return remove(ctx, tx, sub.ID)
	})
}
