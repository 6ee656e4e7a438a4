package subscribers

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"
)

// queryer is a database handle or a transaction.
type queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// one returns the one subscriber that a condition chooses, or [ErrNotFound].
func one(ctx context.Context, q queryer, where string, args ...any) (Subscriber, error) {
	subs, err := load(ctx, q, where, args...)
	if err != nil {
		return Subscriber{}, err
	}
	if len(subs) == 0 {
		return Subscriber{}, ErrNotFound
	}
	return subs[0], nil
}

// load returns the subscribers that a condition on their table chooses, with
// their addresses, by id. It is one statement, so it sees one state of both.
func load(ctx context.Context, q queryer, where string, args ...any) ([]Subscriber, error) {
	rows, err := q.QueryContext(ctx, `SELECT s.id, s.public_id, s.name, s.sections, s.groups, s.language, s.state, s.prior_state, s.paused_until, s.link_epoch,
	s.consent_at, s.consent_source, s.consent_text, s.created_at, s.confirmed_at, s.updated_at,
	a.channel, a.value, a.domain, a.hash, a.state, a.reason, a.updated_at
FROM (SELECT * FROM subscribers `+where+`) s LEFT JOIN addresses a ON a.subscriber_id = s.id
ORDER BY s.id, a.channel`, args...)
	if err != nil {
		return nil, fmt.Errorf("reading subscribers: %w", err)
	}
	defer rows.Close()
	var subs []Subscriber
	for rows.Next() {
		var (
			sub                                         Subscriber
			sections, groups                            string
			consentAt, confirmedAt, addressAt           sql.NullInt64
			pausedUntil, createdAt, updatedAt           int64
			channel, value, domain, hash, state, reason sql.NullString
		)
		if err := rows.Scan(&sub.ID, &sub.PublicID, &sub.Name, &sections, &groups, &sub.Language, &sub.State, &sub.prior, &pausedUntil, &sub.LinkEpoch,
			&consentAt, &sub.Consent.Source, &sub.Consent.Text, &createdAt, &confirmedAt, &updatedAt,
			&channel, &value, &domain, &hash, &state, &reason, &addressAt); err != nil {
			return nil, fmt.Errorf("reading subscribers: %w", err)
		}
		if len(subs) == 0 || subs[len(subs)-1].ID != sub.ID {
			sub.Sections, sub.Groups = split(sections), split(groups)
			sub.Consent.At, sub.ConfirmedAt = fromNull(consentAt), fromNull(confirmedAt)
			sub.PausedUntil = fromZero(pausedUntil)
			sub.CreatedAt, sub.UpdatedAt = fromMillis(createdAt), fromMillis(updatedAt)
			subs = append(subs, sub)
		}
		if channel.Valid {
			last := &subs[len(subs)-1]
			last.Addresses = append(last.Addresses, ChannelAddress{
				Address: Address{Channel: channel.String, Value: value.String, Domain: domain.String},
				State:   State(state.String), Reason: reason.String, UpdatedAt: fromNull(addressAt), hash: hash.String,
			})
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("reading subscribers: %w", err)
	}
	return subs, nil
}

// writer writes subscribers within one transaction with statements prepared once.
type writer struct {
	add, change, address, unremind *sql.Stmt
}

func newWriter(ctx context.Context, tx *sql.Tx) (*writer, error) {
	w := &writer{}
	for stmt, text := range map[**sql.Stmt]string{
		&w.add: `INSERT INTO subscribers (public_id, name, sections, groups, language, state, prior_state, paused_until,
	consent_at, consent_source, consent_text, created_at, confirmed_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) RETURNING id`,
		&w.change: `UPDATE subscribers SET name = $1, sections = $2, groups = $3, language = $4, state = $5, prior_state = $6,
	paused_until = $7, link_epoch = $8, consent_at = $9, consent_source = $10, consent_text = $11, confirmed_at = $12, updated_at = $13 WHERE id = $14`,
		&w.address: `INSERT INTO addresses (subscriber_id, channel, value, domain, hash, state, reason, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (subscriber_id, channel) DO UPDATE SET value = excluded.value, domain = excluded.domain, hash = excluded.hash,
	state = excluded.state, reason = excluded.reason, updated_at = excluded.updated_at`,
		&w.unremind: dropText,
	} {
		prepared, err := tx.PrepareContext(ctx, text)
		if err != nil {
			w.close()
			return nil, fmt.Errorf("preparing to write subscribers: %w", err)
		}
		*stmt = prepared
	}
	return w, nil
}

func (w *writer) close() {
	for _, stmt := range []*sql.Stmt{w.add, w.change, w.address, w.unremind} {
		if stmt != nil {
			stmt.Close()
		}
	}
}

// insert writes a new subscriber and sets its id.
func (w *writer) insert(ctx context.Context, s *Subscriber) error {
	err := w.add.QueryRowContext(ctx, s.PublicID, s.Name, join(s.Sections), join(s.Groups), s.Language, string(s.State), string(s.prior), zeroMillis(s.PausedUntil),
		millisOrNull(s.Consent.At), s.Consent.Source, s.Consent.Text, s.CreatedAt.UnixMilli(), millisOrNull(s.ConfirmedAt), s.UpdatedAt.UnixMilli()).Scan(&s.ID)
	if err != nil {
		return fmt.Errorf("writing a subscriber: %w", err)
	}
	for _, a := range s.Addresses {
		if err := w.put(ctx, s.ID, a); err != nil {
			return err
		}
	}
	return nil
}

// update writes what differs between two states of a subscriber.
func (w *writer) update(ctx context.Context, old, next *Subscriber) error {
	_, err := w.change.ExecContext(ctx, next.Name, join(next.Sections), join(next.Groups), next.Language, string(next.State), string(next.prior),
		zeroMillis(next.PausedUntil), next.LinkEpoch, millisOrNull(next.Consent.At), next.Consent.Source, next.Consent.Text,
		millisOrNull(next.ConfirmedAt), next.UpdatedAt.UnixMilli(), next.ID)
	if err != nil {
		return fmt.Errorf("writing a subscriber: %w", err)
	}
	for _, a := range next.Addresses {
		if before := old.on(a.Channel); before != nil && *before == a {
			continue
		}
		if err := w.put(ctx, next.ID, a); err != nil {
			return err
		}
		if a.State != Unsubscribed {
			continue
		}
		// Whoever leaves wants no reminder either.
		if _, err := w.unremind.ExecContext(ctx, a.Channel, a.hash); err != nil {
			return fmt.Errorf("dropping reminders: %w", err)
		}
	}
	return nil
}

func (w *writer) put(ctx context.Context, id int64, a ChannelAddress) error {
	_, err := w.address.ExecContext(ctx, id, a.Channel, a.Value, a.Domain, a.hash, string(a.State), a.Reason, a.UpdatedAt.UnixMilli())
	if err != nil {
		return fmt.Errorf("writing an address: %w", err)
	}
	return nil
}

func join(list []string) string { return strings.Join(list, ";") }

// split never returns nil: in JSON a list without items is [], not null.
func split(text string) []string {
	if text == "" {
		return []string{}
	}
	return strings.Split(text, ";")
}

func fromMillis(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

func fromNull(ms sql.NullInt64) time.Time {
	if !ms.Valid {
		return time.Time{}
	}
	return fromMillis(ms.Int64)
}

// fromZero and zeroMillis are for columns in which 0 means never.
func fromZero(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return fromMillis(ms)
}

func zeroMillis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func millisOrNull(t time.Time) sql.NullInt64 {
	return sql.NullInt64{Int64: t.UnixMilli(), Valid: !t.IsZero()}
}
