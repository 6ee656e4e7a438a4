package subscribers

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// What the consent log records.
const (
	actAsked        = "asked" // somebody entered the address on a page
	actConfirmed    = "confirmed"
	actUnsubscribed = "unsubscribed"
	actUndone       = "undone"
	actExplained    = "explained"
	actMoved        = "moved"
	actBound        = "bound" // an address of another channel
	actUnbound      = "unbound"
)

// ConsentEntry is one line of the consent log: what a subscriber agreed to or
// took back, when and how.
type ConsentEntry struct {
	At      time.Time `json:"at"`
	Act     string    `json:"act"` // asked, confirmed, unsubscribed, undone, explained, moved, bound, unbound
	Channel string    `json:"channel"`
	Source  string    `json:"source"`
	Text    string    `json:"text,omitempty"` // version of the wording
	Note    string    `json:"note,omitempty"` // their own words
}

// act is an entry to be written; without a name it is none.
type act struct{ what, channel, source, text, note string }

func (a act) write(ctx context.Context, tx *sql.Tx, subscriber int64, now time.Time) error {
	if a.what == "" {
		return nil
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO consents (subscriber_id, at, act, channel, source, text, note) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		subscriber, now.UnixMilli(), a.what, a.channel, a.source, a.text, a.note)
	if err != nil {
		return fmt.Errorf("writing the consent log: %w", err)
	}
	return nil
}

// lastText is the version of the consent text that was shown when somebody last
// asked to be subscribed.
func lastText(ctx context.Context, tx *sql.Tx, subscriber int64) (text string, err error) {
	err = tx.QueryRowContext(ctx, `SELECT COALESCE((SELECT text FROM consents WHERE subscriber_id = $1 AND act = $2 ORDER BY id DESC LIMIT 1), '')`,
		subscriber, actAsked).Scan(&text)
	if err != nil {
		return "", fmt.Errorf("reading the consent log: %w", err)
	}
	return text, nil
}

// Consents returns the consent log of a subscriber, oldest first.
func (s *Store) Consents(ctx context.Context, subscriber int64) ([]ConsentEntry, error) {
	rows, err := s.read.QueryContext(ctx, `SELECT at, act, channel, source, text, note FROM consents WHERE subscriber_id = $1 ORDER BY id`, subscriber)
	if err != nil {
		return nil, fmt.Errorf("reading the consent log: %w", err)
	}
	defer rows.Close()
	out := []ConsentEntry{}
	for rows.Next() {
		var e ConsentEntry
		var at int64
		if err := rows.Scan(&at, &e.Act, &e.Channel, &e.Source, &e.Text, &e.Note); err != nil {
			return nil, fmt.Errorf("reading the consent log: %w", err)
		}
		e.At = fromMillis(at)
		out = append(out, e)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("reading the consent log: %w", err)
	}
	return out, nil
}

// TextVersion names a wording of the consent: another wording has another name.
func TextVersion(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:4])
}

// KeepText keeps a wording of the consent, so that its version can be looked up
// for as long as there are records of it.
func (s *Store) KeepText(ctx context.Context, language, text string, now time.Time) error {
	_, err := s.write.ExecContext(ctx, `INSERT INTO consent_texts (version, language, text, since) VALUES ($1, $2, $3, $4) ON CONFLICT (version) DO NOTHING`,
		TextVersion(text), language, text, now.UnixMilli())
	if err != nil {
		return fmt.Errorf("keeping the consent text: %w", err)
	}
	return nil
}

// cleanNote makes one bounded line of what somebody wrote.
func cleanNote(text string) (string, error) {
	if !utf8.ValidString(text) {
		return "", invalid("encoding", "the reason contains bytes that are no text")
	}
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ")
	if n := utf8.RuneCountInString(text); n > maxNote {
		return "", invalid("too-long", "the reason has %d characters, at most %d are allowed", n, maxNote)
	}
	return text, nil
}
