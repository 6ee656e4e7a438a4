package subscribers

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// The kinds of service mails. Each goes to one person because of something that
// was asked with their address.
const (
	LetterConfirm = "confirm" // a sign-up: confirm it
	LetterManage  = "manage"  // the link to manage a subscription
	LetterMove    = "move"    // to a new address: confirm it
	LetterMoving  = "moving"  // to the old one: a new address was entered
	LetterMoved   = "moved"   // to the old one: the new one is confirmed
	LetterBound   = "bound"   // a WeChat was bound to the subscription
	LetterUnbound = "unbound" // and parted from it again
)

// How long links work.
const (
	confirmFor = 72 * time.Hour
	manageFor  = 30 * 24 * time.Hour
)

// LetterLink says what the link in a kind of service mail is for, "" when there
// is none, and how long it works.
func LetterLink(kind string) (p Purpose, valid time.Duration) {
	switch kind {
	case LetterConfirm:
		return ToConfirm, confirmFor
	case LetterManage, LetterMoving, LetterBound, LetterUnbound:
		return ToManage, manageFor
	case LetterMove:
		return ToMove, confirmFor
	}
	return "", 0
}

// mail leaves a letter for the next service run. It is in the subscriber's
// language, else in that of the page on which it was asked for.
func (s *Store) mail(ctx context.Context, tx *sql.Tx, kind string, sub *Subscriber, to Address, language string, now time.Time) error {
	if sub.Language != "" {
		language = sub.Language
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO letters (kind, subscriber_id, channel, address, address_hash, language, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		kind, sub.ID, to.Channel, to.Value, s.Hash(to), PageLanguage(language), now.UnixMilli())
	if err != nil {
		return fmt.Errorf("writing a letter: %w", err)
	}
	return nil
}
