package subscribers

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// MaxScene is the highest number of an issue that somebody can be reminded of: a scene
// of the platform is 0 to 10000 (page of one-time subscription messages, read 2026-11).
const MaxScene = 10_000

const (
	// usedKept is how long it is remembered that an agreement was used.
	usedKept = 30 * 24 * time.Hour
	// unusedKept ends one whose issue never comes.
	unusedKept = 2 * 366 * 24 * time.Hour
)

// Reminder is that somebody wants to be told, once, when an issue is out.
type Reminder struct {
	Channel string `json:"channel"`
	Scene   int    `json:"scene"` // the number of the issue that was to come
	// Language that it is to be in, zh-CN or en.
	Language string    `json:"language"`
	At       time.Time `json:"at"`
	Used     bool      `json:"used"`
}

// Remind records that the owner of an address has agreed to be reminded of an issue.
// They need not be in the list. fresh is false when it is there already, used or not:
// one agreement is good for one reminder.
func (s *Store) Remind(ctx context.Context, a Address, scene int, language string, now time.Time) (fresh bool, err error) {
	if scene < 1 || scene > MaxScene {
		return false, invalid("scene", "an issue to be reminded of has a number from 1 to %d", MaxScene)
	}
	res, err := s.write.ExecContext(ctx, `INSERT INTO reminders (channel, hash, scene, address, language, asked_at) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (channel, hash, scene) DO NOTHING`, a.Channel, s.Hash(a), scene, a.Value, PageLanguage(language), now.UnixMilli())
	if err != nil {
		return false, fmt.Errorf("recording a reminder: %w", err)
	}
	n, err := res.RowsAffected()
	return n > 0, err
}

// Unremind takes back every agreement of an address that was not used yet; one that is
// being used at this moment is stopped before its marker. It reports whether there was
// any.
func (s *Store) Unremind(ctx context.Context, a Address) (bool, error) {
	var n int64
	err := s.inTx(ctx, func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, `DELETE FROM reminders WHERE channel = $1 AND hash = $2 AND run_id = 0`, a.Channel, s.Hash(a))
		if err != nil {
			return err
		}
		if n, err = res.RowsAffected(); err != nil {
			return err
		}
		return dropReminders(ctx, tx, a.Channel, s.Hash(a))
	})
	if err != nil {
		return false, fmt.Errorf("dropping reminders: %w", err)
	}
	return n > 0, nil
}

// Reminders lists those of an address, oldest first.
func (s *Store) Reminders(ctx context.Context, a Address) ([]Reminder, error) {
	return s.reminders(ctx, a.Channel, s.Hash(a))
}

func (s *Store) reminders(ctx context.Context, channel, hash string) ([]Reminder, error) {
	rows, err := s.read.QueryContext(ctx, `SELECT channel, scene, language, asked_at, run_id > 0 FROM reminders
		WHERE channel = $1 AND hash = $2 ORDER BY scene`, channel, hash)
	if err != nil {
		return nil, fmt.Errorf("reading reminders: %w", err)
	}
	defer rows.Close()
	out := []Reminder{}
	for rows.Next() {
		var r Reminder
		var at int64
		if err := rows.Scan(&r.Channel, &r.Scene, &r.Language, &at, &r.Used); err != nil {
			return nil, fmt.Errorf("reading reminders: %w", err)
		}
		r.At = fromMillis(at)
		out = append(out, r)
	}
	return out, rows.Err()
}

// remindedAs returns the addresses that somebody is to be reminded at under a key.
func (s *Store) remindedAs(ctx context.Context, tx *sql.Tx, key string) (found []ChannelAndHash, err error) {
	for _, channel := range s.channels {
		a, err := ParseAddress(channel, key)
		if err != nil {
			continue
		}
		var n int
		if err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM reminders WHERE channel = $1 AND hash = $2`, channel, s.Hash(a)).Scan(&n); err != nil {
			return nil, fmt.Errorf("reading reminders: %w", err)
		}
		if n > 0 {
			found = append(found, ChannelAndHash{channel, s.Hash(a)})
		}
	}
	return found, nil
}

const dropText = `DELETE FROM reminders WHERE channel = $1 AND hash = $2`

// dropReminders takes back all agreements of an address.
func dropReminders(ctx context.Context, tx *sql.Tx, channel, hash string) error {
	if _, err := tx.ExecContext(ctx, dropText, channel, hash); err != nil {
		return fmt.Errorf("dropping reminders: %w", err)
	}
	return nil
}

// The ledger makes deliveries of reminders in three steps: WaitingReminders is the body
// of the SELECT of those that wait in channel $1 for the number $2 or an earlier one;
// TakeReminders gives the same to run $3 at $4, once; TakenReminders is the body of the
// SELECT of those that run $1 has. Columns of the first: scene, language; of the last
// also channel, address, address_hash and subscriber_id, 0 for a stranger.
const (
	WaitingReminders = `SELECT scene, language FROM reminders WHERE channel = $1 AND scene <= $2 AND run_id = 0`
	TakeReminders    = `UPDATE reminders SET run_id = $3, used_at = $4 WHERE channel = $1 AND scene <= $2 AND run_id = 0`
	TakenReminders   = `SELECT m.scene, m.language, m.channel, m.address, m.hash AS address_hash, COALESCE(a.subscriber_id, 0) AS subscriber_id
FROM reminders m LEFT JOIN addresses a ON a.channel = m.channel AND a.hash = m.hash WHERE m.run_id = $1`
)

// ReminderBlocked is Blocked for reminders, which people have agreed to beside any
// subscription: withdrawn when they have taken that back since, by unsubscribing or in
// other words, suppressed as LetterBlocked says.
const ReminderBlocked = `CASE
	WHEN NOT EXISTS (SELECT 1 FROM reminders m WHERE m.channel = deliveries.channel AND m.hash = deliveries.address_hash
		AND m.run_id = deliveries.run_id) THEN 'withdrawn'
	WHEN EXISTS (SELECT 1 FROM suppressions x WHERE x.channel = deliveries.channel AND x.hash = deliveries.address_hash
		AND x.reason NOT IN ('` + reasonUnsubscribed + `', '` + reasonErased + `')) THEN 'suppressed'
	ELSE '' END`
