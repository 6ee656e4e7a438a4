package subscribers

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Why an address is on the list although its mailbox is fine: its owner can come
// back by confirming.
const (
	reasonUnsubscribed = "unsubscribed"
	reasonErased       = "erased"
)

// Suppression is an address that must not be sent to, and why.
type Suppression struct {
	Channel string `json:"channel"`
	Hash    string `json:"hash"`
	// Address is "" when only the hash is left of it.
	Address   string    `json:"address"`
	Reason    string    `json:"reason"`
	Detail    string    `json:"detail,omitempty"` // the carrier's words: hostile text
	CreatedAt time.Time `json:"created_at"`
}

// Suppress puts an address on the suppression list. One that is there already
// keeps its first reason; it reports whether it was new.
func (s *Store) Suppress(ctx context.Context, a Address, reason, detail string, now time.Time) (bool, error) {
	before := 0
	hash := s.Hash(a)
	err := s.inTx(ctx, func(tx *sql.Tx) error {
		found, err := s.suppressed(ctx, tx, a.Channel, []string{hash})
		if err != nil {
			return err
		}
		before = len(found)
		return suppress(ctx, tx, a.Channel, hash, &a.Value, reason, detail, now)
	})
	if err != nil {
		return false, fmt.Errorf("suppressing %s: %w", a, err)
	}
	return before == 0, nil
}

// Unsuppress takes off the suppression list what key names: an address, or the
// hash of one whose address is gone. [ErrNotFound] when it is not on it.
func (s *Store) Unsuppress(ctx context.Context, key string) error {
	err := s.inTx(ctx, func(tx *sql.Tx) error {
		found, err := s.suppressedAs(ctx, tx, key)
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return ErrNotFound
		}
		for _, h := range found {
			if _, err := tx.ExecContext(ctx, `DELETE FROM suppressions WHERE channel = $1 AND hash = $2`, h.Channel, h.Hash); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("taking an address off the suppression list: %w", err)
	}
	return nil
}

// SuppressionFilter chooses entries of the suppression list; its zero value
// chooses all.
type SuppressionFilter struct {
	Channel string
	Reason  string
	// After pages: the next page starts after this entry, the last one seen.
	After ChannelAndHash
	Limit int // 0: no limit
}

// Suppressions returns the entries that a filter chooses, by channel and hash.
func (s *Store) Suppressions(ctx context.Context, f SuppressionFilter) ([]Suppression, error) {
	query := `SELECT channel, hash, COALESCE(address, ''), reason, detail, created_at FROM suppressions
WHERE (channel, hash) > ($1, $2) AND ($3 = '' OR channel = $3) AND ($4 = '' OR reason = $4) ORDER BY channel, hash`
	args := []any{f.After.Channel, f.After.Hash, f.Channel, f.Reason}
	if f.Limit > 0 {
		query += ` LIMIT $5`
		args = append(args, f.Limit)
	}
	rows, err := s.read.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("listing suppressions: %w", err)
	}
	defer rows.Close()
	out := []Suppression{}
	for rows.Next() {
		var x Suppression
		var at int64
		if err := rows.Scan(&x.Channel, &x.Hash, &x.Address, &x.Reason, &x.Detail, &at); err != nil {
			return nil, fmt.Errorf("listing suppressions: %w", err)
		}
		x.CreatedAt = fromMillis(at)
		out = append(out, x)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("listing suppressions: %w", err)
	}
	return out, nil
}

func suppress(ctx context.Context, tx *sql.Tx, channel, hash string, address *string, reason, detail string, now time.Time) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO suppressions (channel, hash, address, reason, detail, created_at)
VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (channel, hash) DO NOTHING`, channel, hash, address, reason, detail, now.UnixMilli())
	if err != nil {
		return fmt.Errorf("writing the suppression list: %w", err)
	}
	return nil
}

// suppressed returns the reasons of those hashes that are on the list.
func (s *Store) suppressed(ctx context.Context, q queryer, channel string, hashes []string) (map[string]string, error) {
	marks, args := placeholders(2, hashes)
	rows, err := q.QueryContext(ctx, `SELECT hash, reason FROM suppressions WHERE channel = $1 AND hash IN (`+marks+`)`, append([]any{channel}, args...)...)
	if err != nil {
		return nil, fmt.Errorf("reading the suppression list: %w", err)
	}
	defer rows.Close()
	out := map[string]string{}
	for rows.Next() {
		var hash, reason string
		if err := rows.Scan(&hash, &reason); err != nil {
			return nil, fmt.Errorf("reading the suppression list: %w", err)
		}
		out[hash] = reason
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("reading the suppression list: %w", err)
	}
	return out, nil
}

// suppressedAs returns the entries that an address, on whatever channel it is
// one, or a hash stands for.
func (s *Store) suppressedAs(ctx context.Context, q queryer, key string) ([]ChannelAndHash, error) {
	var found []ChannelAndHash
	for _, channel := range s.channels {
		var hashes []string
		if isID(key) {
			hashes = append(hashes, key)
		}
		if a, err := ParseAddress(channel, key); err == nil {
			hashes = append(hashes, s.Hash(a))
		}
		if len(hashes) == 0 {
			continue
		}
		on, err := s.suppressed(ctx, q, channel, hashes)
		if err != nil {
			return nil, err
		}
		for hash := range on {
			found = append(found, ChannelAndHash{channel, hash})
		}
	}
	return found, nil
}

// placeholders returns "$n, $n+1, …" for a list of parameters, and the list as
// arguments.
func placeholders(first int, list []string) (string, []any) {
	marks, args := make([]string, len(list)), make([]any, len(list))
	for i, v := range list {
		marks[i], args[i] = "$"+strconv.Itoa(first+i), v
	}
	return strings.Join(marks, ", "), args
}
