package subscribers

import (
	"crypto/hmac"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Purpose says what a link may do. It is in the link's signature: a link for one
// purpose is worthless for another.
type Purpose string

// The purposes of links. The only power of an unsubscribe link is to
// unsubscribe; mails get forwarded, and it never expires. Undo is handed out on
// the page that confirms an unsubscription, for a short time.
const (
	ToUnsubscribe Purpose = "unsubscribe"
	ToUndo        Purpose = "undo"
)

func purposes() []Purpose { return []Purpose{ToUnsubscribe, ToUndo} }

// The refusals of [Links.Open].
var (
	ErrLink    = errors.New("the link is not valid")
	ErrExpired = errors.New("the link has expired")
)

const (
	linkVersion = "v1"
	// keyIDLength tells the keys of a ring apart; it need not be unique.
	keyIDLength = 4
	// maxToken is more than any token has, in bytes.
	maxToken = 200
)

// LinkOptions of [Links]. PublicURL and Secret are required.
type LinkOptions struct {
	// PublicURL is where subscribers reach the pages, http or https.
	PublicURL string
	// Secret signs new links; at least 16 bytes.
	Secret []byte
	// Old secrets sign nothing any more; links that they signed still work.
	Old [][]byte
}

// Links signs and opens the links of subscribers. A token is
//
//	v1.KEY.PURPOSE.CHANNEL.PUBLICID.EXPIRES.MAC
//
// where EXPIRES is Unix seconds in 8 hexadecimal digits (zero: never) and MAC
// the 128-bit HMAC-SHA256 of all before it, by a key of the purpose. For one
// purpose and channel all tokens have the same length and need no escaping in a
// URL or in HTML, so that they can be patched into a frozen mail.
type Links struct {
	base string
	ring []linkKey // newest first
}

type linkKey struct {
	id  string
	mac map[Purpose][]byte
}

// NewLinks returns links below a public URL.
func NewLinks(o LinkOptions) (*Links, error) {
	u, err := url.Parse(o.PublicURL)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("subscribers: the public URL %q must be like https://news.example.org", o.PublicURL)
	}
	l := &Links{base: strings.TrimRight(o.PublicURL, "/")}
	for _, secret := range append([][]byte{o.Secret}, o.Old...) {
		id, err := deriveKey(secret, "link key id")
		if err != nil {
			return nil, fmt.Errorf("subscribers: %w", err)
		}
		k := linkKey{id: lowerBase32(id)[:keyIDLength], mac: map[Purpose][]byte{}}
		for _, p := range purposes() {
			if k.mac[p], err = deriveKey(secret, "token:"+string(p)); err != nil {
				return nil, fmt.Errorf("subscribers: %w", err)
			}
		}
		l.ring = append(l.ring, k)
	}
	return l, nil
}

// Unsubscribe returns the URL by which a subscriber leaves a channel, for mails
// and for their List-Unsubscribe header.
func (l *Links) Unsubscribe(publicID, channel string) string {
	return l.base + "/unsubscribe?t=" + l.Sign(ToUnsubscribe, publicID, channel, time.Time{})
}

// Placeholder returns a URL of the length of every unsubscribe URL of the
// channel, to be frozen with a mail and replaced for each subscriber. It has
// digits that no real token has, so it opens nothing and is not found by chance.
func (l *Links) Placeholder(channel string) string {
	zeros := strings.Repeat("0", idLength)
	return l.base + "/unsubscribe?t=" + l.unsigned(ToUnsubscribe, zeros, channel, time.Time{}) + "." + zeros
}

// Sign returns a token; a zero time never expires. The purpose must be one of
// this package's, the public id and channel those of a subscriber.
func (l *Links) Sign(p Purpose, publicID, channel string, expires time.Time) string {
	text := l.unsigned(p, publicID, channel, expires)
	return text + "." + code(l.ring[0].mac[p], text)
}

func (l *Links) unsigned(p Purpose, publicID, channel string, expires time.Time) string {
	var seconds int64
	if !expires.IsZero() {
		seconds = expires.Unix()
	}
	return strings.Join([]string{linkVersion, l.ring[0].id, string(p), channel, publicID, fmt.Sprintf("%08x", seconds)}, ".")
}

// Open checks a token for a purpose, which the caller knows from the route and
// not from the token, and returns whose it is. Its errors are [ErrLink] and
// [ErrExpired].
func (l *Links) Open(p Purpose, token string, now time.Time) (publicID, channel string, err error) {
	if len(token) > maxToken {
		return "", "", ErrLink
	}
	fields := strings.Split(token, ".")
	if len(fields) != 7 || fields[0] != linkVersion || fields[2] != string(p) || !channelName.MatchString(fields[3]) || !isID(fields[4]) {
		return "", "", ErrLink
	}
	text, mac := token[:strings.LastIndexByte(token, '.')], fields[6]
	if !l.signed(p, fields[1], text, mac) {
		return "", "", ErrLink
	}
	expires, err := strconv.ParseInt(fields[5], 16, 64)
	if err != nil {
		return "", "", ErrLink
	}
	if expires != 0 && now.Unix() >= expires {
		return "", "", ErrExpired
	}
	return fields[4], fields[3], nil
}

// signed compares texts and not decoded bytes: base32 has spare bits, and a
// token with others in them would be a second valid one.
func (l *Links) signed(p Purpose, keyID, text, mac string) bool {
	for _, k := range l.ring {
		if key, ok := k.mac[p]; ok && k.id == keyID && hmac.Equal([]byte(code(key, text)), []byte(mac)) {
			return true
		}
	}
	return false
}
