package subscribers

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Moving is an address that a subscriber wants instead of theirs and has not
// confirmed yet.
type Moving struct {
	Address
	At time.Time `json:"at"`
}

// MoveID names the move of a subscriber to an address; links [ToMove] carry it, so
// that one that was sent to an address confirms no other.
func (s *Store) MoveID(publicID string, to Address) string {
	return code(s.key, "move "+publicID+" "+s.Hash(to))
}

// depart works on the wish to move: the new address is asked, the old one told.
// Where the new one belongs to somebody else, they get their own link to manage,
// and the page has said the same.
func (d *Desk) depart(ctx context.Context, tx *sql.Tx, w wish, to Address, now time.Time) (mailed bool, err error) {
	sub, err := one(ctx, tx, `WHERE public_id = $1`, w.ID)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	hash := d.Hash(to)
	old := sub.on(to.Channel)
	if old != nil && old.hash == hash {
		return false, nil
	}
	reasons, err := d.suppressed(ctx, tx, to.Channel, []string{hash})
	if err != nil {
		return false, err
	}
	if reason, ok := reasons[hash]; ok && reason != reasonUnsubscribed && reason != reasonErased {
		return false, nil
	}
	owner, err := one(ctx, tx, `WHERE id = (SELECT subscriber_id FROM addresses WHERE channel = $1 AND hash = $2)`, to.Channel, hash)
	if err == nil {
		return true, d.mail(ctx, tx, LetterManage, &owner, owner.on(to.Channel).Address, w.Language, now)
	}
	if !errors.Is(err, ErrNotFound) {
		return false, err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO moves (id, subscriber_id, channel, value, domain, hash, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (subscriber_id, channel) DO UPDATE SET id = excluded.id, value = excluded.value, domain = excluded.domain,
			hash = excluded.hash, created_at = excluded.created_at`,
		d.MoveID(sub.PublicID, to), sub.ID, to.Channel, to.Value, to.Domain, hash, now.UnixMilli())
	if err != nil {
		return false, fmt.Errorf("writing a move: %w", err)
	}
	if err := d.mail(ctx, tx, LetterMove, &sub, to, w.Language, now); err != nil || old == nil || to.Channel != Email {
		return true, err
	}
	return true, d.mail(ctx, tx, LetterMoving, &sub, old.Address, w.Language, now)
}

// moveOf finds a move by its id, and whose it is.
func moveOf(ctx context.Context, q queryer, id string) (m Moving, hash string, sub Subscriber, err error) {
	rows, err := q.QueryContext(ctx, `SELECT subscriber_id, channel, value, domain, hash, created_at FROM moves WHERE id = $1`, id)
	if err != nil {
		return m, "", sub, fmt.Errorf("reading a move: %w", err)
	}
	defer rows.Close()
	if !rows.Next() {
		return m, "", sub, errors.Join(rows.Err(), ErrNotFound)
	}
	var person, at int64
	if err := rows.Scan(&person, &m.Channel, &m.Value, &m.Domain, &hash, &at); err != nil {
		return m, "", sub, fmt.Errorf("reading a move: %w", err)
	}
	if err := rows.Close(); err != nil {
		return m, "", sub, fmt.Errorf("reading a move: %w", err)
	}
	m.At = fromMillis(at)
	sub, err = one(ctx, q, `WHERE id = $1`, person)
	return m, hash, sub, err
}

// moving is the move that a subscriber has not confirmed, nil when there is none.
func (s *Store) moving(ctx context.Context, subscriber int64) (*Moving, error) {
	rows, err := s.read.QueryContext(ctx, `SELECT channel, value, domain, created_at FROM moves WHERE subscriber_id = $1`, subscriber)
	if err != nil {
		return nil, fmt.Errorf("reading a move: %w", err)
	}
	defer rows.Close()
	if !rows.Next() {
		return nil, rows.Err()
	}
	var m Moving
	var at int64
	if err := rows.Scan(&m.Channel, &m.Value, &m.Domain, &at); err != nil {
		return nil, fmt.Errorf("reading a move: %w", err)
	}
	m.At = fromMillis(at)
	return &m, rows.Err()
}

// arrive carries out ConfirmMove: the subscriber has the new address, links that
// went to the old one are revoked, and the old one is told.
func (d *Desk) arrive(ctx context.Context, tx *sql.Tx, who Caller, now time.Time) (Reply, error) {
	now = now.UTC().Truncate(time.Millisecond)
	to, hash, old, err := moveOf(ctx, tx, who.ID)
	if err != nil {
		return Reply{}, err
	}
	var taken int
	if err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM addresses WHERE channel = $1 AND hash = $2`, to.Channel, hash).Scan(&taken); err != nil {
		return Reply{}, err
	}
	if taken > 0 {
		return Reply{}, ErrTaken
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM moves WHERE id = $1`, who.ID); err != nil {
		return Reply{}, err
	}
	next := old
	next.Addresses = slices.Clone(old.Addresses)
	before := old.on(to.Channel)
	if at := next.on(to.Channel); at != nil {
		at.Address, at.hash, at.UpdatedAt = to.Address, hash, now
	} else {
		next.Addresses = append(next.Addresses, ChannelAddress{Address: to.Address, State: Active, UpdatedAt: now, hash: hash})
	}
	next.LinkEpoch++
	if err := d.comeBack(ctx, tx, next.on(to.Channel)); err != nil {
		return Reply{}, err
	}
	if before != nil && before.Channel == Email {
		if err := d.mail(ctx, tx, LetterMoved, &old, before.Address, "", now); err != nil {
			return Reply{}, err
		}
	}
	return Reply{Changed: true, Subscriber: next}, d.save(ctx, tx, &old, &next, act{what: actMoved, channel: to.Channel, source: who.Source}, now)
}
