package subscribers

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"math/big"
	"time"
)

// The refusals of a binding.
var (
	ErrCode   = errors.New("no binding has this code")
	ErrTries  = errors.New("too many wrong codes")
	ErrOther  = errors.New("there is another address already")
	ErrNobody = errors.New("no binding waits for a confirmation")
)

const (
	// bindingLives is how long an offer can be taken up.
	bindingLives = 10 * time.Minute
	// maxTries wrong codes within triesFor, and an address is not listened to: a code
	// has 40 bits.
	maxTries = 5
	triesFor = time.Hour
	// scenePrefix tells our scenes from others that the account may have on paper.
	scenePrefix = "bind-"
)

// Offer is an offer to bind an address of another channel to a subscriber: by
// whoever sends the code from it, or scans the scene and confirms. It is taken up
// once.
type Offer struct {
	Code    string // as [BindingCode] gives it
	Scene   string // of a QR code
	Expires time.Time
}

// OfferBinding makes an offer for the subscriber with a public id. It takes the
// place of their earlier ones.
func (s *Store) OfferBinding(ctx context.Context, publicID, channel string, now time.Time) (Offer, error) {
	o := Offer{Code: newBindingCode(), Scene: scenePrefix + rand.Text(), Expires: now.Add(bindingLives).UTC().Truncate(time.Millisecond)}
	err := s.inTx(ctx, func(tx *sql.Tx) error {
		sub, err := one(ctx, tx, `WHERE public_id = $1`, publicID)
		if err != nil {
			return err
		}
		if sub.on(channel) != nil {
			return ErrOther
		}
		// Old ones of anybody are of no use to anybody.
		if _, err := tx.ExecContext(ctx, `DELETE FROM bindings WHERE subscriber_id = $1 OR expires_at < $2`, sub.ID, now.Add(-time.Hour).UnixMilli()); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM binding_tries WHERE at < $1`, now.Add(-triesFor).UnixMilli()); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO bindings (code, scene, subscriber_id, channel, expires_at) VALUES ($1, $2, $3, $4, $5)`,
			s.bindingHash(o.Code), s.bindingHash(o.Scene), sub.ID, channel, o.Expires.UnixMilli())
		return err
	})
	if err != nil {
		return Offer{}, fmt.Errorf("offering a binding: %w", err)
	}
	return o, nil
}

// bindingHash keeps codes and scenes out of the database.
func (s *Store) bindingHash(text string) string { return code(s.key, "binding\x00"+text) }

func newBindingCode() string {
	for {
		text := make([]byte, bindingLength)
		for i := range text {
			n, err := rand.Int(rand.Reader, big.NewInt(int64(len(bindingAlphabet))))
			if err != nil {
				panic(err) // the program ends when the system has no randomness
			}
			text[i] = bindingAlphabet[n.Int64()]
		}
		if c, ok := BindingCode(string(text)); ok {
			return c
		}
	}
}

// binding is an offer as it is kept.
type binding struct {
	code       string // hash
	subscriber int64
	channel    string
	expires    time.Time
	asked      string // hash of the address that scanned it
	taken      string // hash of the address that took it up
}

func (s *Store) binding(ctx context.Context, tx *sql.Tx, where string, args ...any) (b binding, err error) {
	var expires int64
	err = tx.QueryRowContext(ctx, `SELECT code, subscriber_id, channel, expires_at, asked, taken FROM bindings WHERE `+where, args...).
		Scan(&b.code, &b.subscriber, &b.channel, &expires, &b.asked, &b.taken)
	b.expires = fromMillis(expires)
	if errors.Is(err, sql.ErrNoRows) {
		return b, ErrCode
	}
	return b, err
}

// Scan notes that an address has scanned a scene, and returns the subscriber that it
// is to be bound to; the address has to confirm. One scene is for one address.
func (s *Store) Scan(ctx context.Context, scene string, a Address, now time.Time) (sub Subscriber, err error) {
	err = s.inTx(ctx, func(tx *sql.Tx) error {
		b, err := s.binding(ctx, tx, `scene = $1`, s.bindingHash(scene))
		hash := s.Hash(a)
		switch {
		case err != nil:
			return err
		case b.channel != a.Channel || b.asked != "" && b.asked != hash:
			return ErrCode
		case !now.Before(b.expires):
			return ErrExpired
		}
		if sub, err = one(ctx, tx, `WHERE id = $1`, b.subscriber); err != nil {
			return err
		}
		// Of what an address has scanned only the last waits for its word.
		if _, err := tx.ExecContext(ctx, `UPDATE bindings SET asked = '' WHERE asked = $1 AND taken = ''`, hash); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE bindings SET asked = $1 WHERE code = $2`, hash, b.code)
		return err
	})
	if err != nil {
		return Subscriber{}, fmt.Errorf("scanning a binding: %w", err)
	}
	return sub, nil
}

// Decline drops what an address has scanned; it reports whether there was anything.
func (s *Store) Decline(ctx context.Context, a Address) (bool, error) {
	res, err := s.write.ExecContext(ctx, `DELETE FROM bindings WHERE asked = $1 AND taken = ''`, s.Hash(a))
	if err != nil {
		return false, fmt.Errorf("declining a binding: %w", err)
	}
	n, err := res.RowsAffected()
	return n > 0, err
}

// tried counts the wrong codes of an address of late.
func tried(ctx context.Context, tx *sql.Tx, hash string, now time.Time) (n int, err error) {
	err = tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM binding_tries WHERE hash = $1 AND at > $2`, hash, now.Add(-triesFor).UnixMilli()).Scan(&n)
	return n, err
}

// offered finds the offer that an address takes up by a code; without one, the
// scene that it has scanned. A wrong code is counted.
func (s *Store) offered(ctx context.Context, tx *sql.Tx, text string, a Address, now time.Time) (binding, error) {
	hash := s.Hash(a)
	if text == "" {
		b, err := s.binding(ctx, tx, `asked = $1 ORDER BY expires_at DESC LIMIT 1`, hash)
		switch {
		case errors.Is(err, ErrCode):
			return b, ErrNobody
		case err == nil && b.taken == "" && !now.Before(b.expires):
			return b, ErrExpired
		}
		return b, err
	}
	n, err := tried(ctx, tx, hash, now)
	if err != nil {
		return binding{}, err
	}
	if n >= maxTries {
		return binding{}, ErrTries
	}
	b, err := s.binding(ctx, tx, `code = $1`, s.bindingHash(text))
	if err == nil && (b.channel != a.Channel || b.taken != "" && b.taken != hash) {
		err = ErrCode // a code that was used is no code
	}
	if errors.Is(err, ErrCode) {
		_, failed := tx.ExecContext(ctx, `INSERT INTO binding_tries (hash, at) VALUES ($1, $2)`, hash, now.UnixMilli())
		return b, errors.Join(err, failed)
	}
	if err == nil && b.taken == "" && !now.Before(b.expires) {
		err = ErrExpired
	}
	return b, err
}

// forgetBindings removes what is kept under the hash of an address.
func forgetBindings(ctx context.Context, tx *sql.Tx, hash string) error {
	for _, text := range []string{
		`DELETE FROM binding_tries WHERE hash = $1`, `UPDATE bindings SET asked = '' WHERE asked = $1`, `DELETE FROM bindings WHERE taken = $1`,
	} {
		if _, err := tx.ExecContext(ctx, text, hash); err != nil {
			return fmt.Errorf("forgetting bindings: %w", err)
		}
	}
	return nil
}
