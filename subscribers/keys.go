package subscribers

import (
	"context"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"strings"
)

// minSecret is the shortest secret that keys are derived from, in bytes. Hashes
// of addresses and links are in many hands; a short secret could be guessed from
// one of them.
const minSecret = 16

// idLength is the length of a public id, of an address hash and of a link's
// code: 128 bits in base32.
const idLength = 26

// deriveKey returns the key for one use of the configured secret. Keys of
// different uses say nothing about each other.
func deriveKey(secret []byte, use string) ([]byte, error) {
	if len(secret) < minSecret {
		return nil, fmt.Errorf("the secret has %d bytes, at least %d are needed; make one with `openssl rand -hex 32`", len(secret), minSecret)
	}
	key, err := hkdf.Key(sha256.New, secret, nil, use, sha256.Size)
	if err != nil {
		return nil, fmt.Errorf("deriving the %s key: %w", use, err)
	}
	return key, nil
}

// code returns the first 128 bits of the HMAC-SHA256 of text, as 26 lower-case
// base32 characters.
func code(key []byte, text string) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text)) // a hash never returns an error
	return lowerBase32(mac.Sum(nil)[:16])
}

func lowerBase32(b []byte) string {
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b))
}

// newPublicID returns a fresh random public id.
func newPublicID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails: the program ends when the system has no randomness
	return lowerBase32(b[:])
}

// isID reports whether text has the form of a public id or an address hash.
func isID(text string) bool {
	if len(text) != idLength {
		return false
	}
	for _, c := range []byte(text) {
		if (c < 'a' || c > 'z') && (c < '2' || c > '7') {
			return false
		}
	}
	return true
}

// ErrKey says that the tables are keyed with another secret.
var ErrKey = errors.New("the database was made with another secret")

// CheckKey returns [ErrKey] when the addresses in the tables are keyed with another
// secret: none of them would be found, and whoever left would be sent to again.
func (s *Store) CheckKey(ctx context.Context) error {
	mine, found := code(s.key, "fingerprint"), ""
	err := s.read.QueryRowContext(ctx, `SELECT COALESCE(MAX(fingerprint), '') FROM address_key`).Scan(&found)
	if err == nil && found == "" {
		found = mine
		_, err = s.write.ExecContext(ctx, `INSERT INTO address_key (fingerprint) VALUES ($1) ON CONFLICT (fingerprint) DO NOTHING`, mine)
	}
	if err != nil {
		return fmt.Errorf("checking what the addresses are keyed with: %w", err)
	}
	if found != mine {
		return ErrKey
	}
	return nil
}
