package subscribers

import (
	"crypto/hmac"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Purpose says what a link may do. It is in the link's signature: a link for one
// purpose is worthless for another.
type Purpose string

// The purposes of links. Mails get forwarded: the only power of an unsubscribe
// link is to unsubscribe, and it never expires, neither by time nor by epoch. The
// others expire, and all of a person's are revoked by raising their epoch.
const (
	ToUnsubscribe Purpose = "unsubscribe"
	ToUndo        Purpose = "undo"    // on the page that confirms an unsubscription
	ToConfirm     Purpose = "confirm" // that a sign-up is the owner's of the address
	ToManage      Purpose = "manage"  // everything that a subscriber can do
	ToMove        Purpose = "move"    // that a new address is theirs: it names a move, not a person
	ToRead        Purpose = "read"    // what is for members; below an issue's own address
)

// paths are the pages that links lead to. A purpose without one is for buttons.
func paths() map[Purpose]string {
	return map[Purpose]string{
		ToUnsubscribe: "/unsubscribe", ToUndo: "", ToConfirm: "/confirm", ToManage: "/manage", ToMove: "/confirm/address", ToRead: "",
	}
}

func purposes() []Purpose { return slices.Sorted(maps.Keys(paths())) }

// Token is what a link says, and is signed for.
type Token struct {
	Purpose Purpose
	ID      string // public id of the subscriber; of ToMove, the move's
	Channel string
	Epoch   int       // of the subscriber's links
	Expires time.Time // zero: never
}

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
//	v1.KEY.PURPOSE.CHANNEL.ID.EPOCH.EXPIRES.MAC
//
// where EPOCH has 4 hexadecimal digits, EXPIRES is Unix seconds in 8 (zero:
// never) and MAC the 128-bit HMAC-SHA256 of all before it, by a key of the
// purpose. No personal data is in it. For one purpose and channel all tokens have
// the same length and need no escaping in a URL or in HTML, so that they can be
// patched into a frozen mail.
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
	return l.URL(Token{Purpose: ToUnsubscribe, ID: publicID, Channel: channel})
}

// URL returns the link that carries a token to the page of its purpose.
func (l *Links) URL(t Token) string { return l.base + paths()[t.Purpose] + "?t=" + l.Sign(t) }

// Placeholder returns a URL of the length of every link of the purpose and
// channel, to be frozen with a mail and replaced for each subscriber. It has
// digits that no real token has, so it opens nothing and is not found by chance.
func (l *Links) Placeholder(p Purpose, channel string) string {
	zeros := strings.Repeat("0", idLength)
	return l.base + paths()[p] + "?t=" + l.unsigned(Token{Purpose: p, ID: zeros, Channel: channel}) + "." + zeros
}

// Sign returns a token's text. The purpose must be one of this package's, id and
// channel those of a subscriber.
func (l *Links) Sign(t Token) string {
	text := l.unsigned(t)
	return text + "." + code(l.ring[0].mac[t.Purpose], text)
}

func (l *Links) unsigned(t Token) string {
	var seconds int64
	if !t.Expires.IsZero() {
		seconds = t.Expires.Unix()
	}
	return strings.Join([]string{linkVersion, l.ring[0].id, string(t.Purpose), t.Channel, t.ID, fmt.Sprintf("%04x", t.Epoch), fmt.Sprintf("%08x", seconds)}, ".")
}

// Open checks a token for a purpose, which the caller knows from the route and
// not from the token. Whether its epoch is still the subscriber's is for the
// caller to compare. Its errors are [ErrLink] and [ErrExpired].
func (l *Links) Open(p Purpose, token string, now time.Time) (Token, error) {
	if len(token) > maxToken {
		return Token{}, ErrLink
	}
	fields := strings.Split(token, ".")
	if len(fields) != 8 || fields[0] != linkVersion || fields[2] != string(p) || !channelName.MatchString(fields[3]) || !isID(fields[4]) {
		return Token{}, ErrLink
	}
	text, mac := token[:strings.LastIndexByte(token, '.')], fields[7]
	if !l.signed(p, fields[1], text, mac) {
		return Token{}, ErrLink
	}
	epoch, err := strconv.ParseInt(fields[5], 16, 32)
	if err != nil {
		return Token{}, ErrLink
	}
	expires, err := strconv.ParseInt(fields[6], 16, 64)
	if err != nil {
		return Token{}, ErrLink
	}
	t := Token{Purpose: p, ID: fields[4], Channel: fields[3], Epoch: int(epoch)}
	if expires == 0 {
		return t, nil
	}
	if t.Expires = time.Unix(expires, 0).UTC(); !now.Before(t.Expires) {
		return Token{}, ErrExpired
	}
	return t, nil
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
