package subscribers

import (
	"fmt"
	"log/slog"
	"net/mail"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"
)

// The channels whose addresses this package knows the rules of.
const (
	Email  = "email"
	WeChat = "wechat"
)

// Limits of an email address in bytes: RFC 5321 4.5.3.1.1 for the local part;
// 254 is what fits between the angle brackets of a 256-byte path (4.5.3.1.3,
// RFC 3696 erratum 1690).
const (
	maxLocal = 64
	maxEmail = 254
	// maxRaw cuts off absurd input before anything parses it.
	maxRaw = 1024
)

var (
	// openID: WeChat's openids have 28 of these characters today; the length is
	// nowhere promised.
	openID = regexp.MustCompile(`^[A-Za-z0-9_-]{6,64}$`)
	// channelName also keeps links short and unambiguous.
	channelName = regexp.MustCompile(`^[a-z][a-z0-9]{0,15}$`)
)

// Address is a parsed and normalised address on a channel. Printing or logging
// one shows the masked form; Value is the whole.
type Address struct {
	Channel string `json:"channel"`
	Value   string `json:"address"`
	// Domain is the lower-case domain of an email address in its ASCII form, ""
	// on other channels.
	Domain string `json:"-"`
}

// ParseAddress parses an address on a channel. Channels other than Email and
// WeChat may use any 1 to 254 printable characters without spaces.
func ParseAddress(channel, text string) (Address, error) {
	switch {
	case channel == Email:
		return ParseEmail(text)
	case channel == WeChat:
		return ParseWeChat(text)
	case !channelName.MatchString(channel):
		return Address{}, invalid("channel", "%q is not the name of a channel", channel)
	}
	value := trim(text)
	if value == "" {
		return Address{}, invalid("address-empty", "the address is empty")
	}
	if len(value) > maxEmail {
		return Address{}, invalid("address-long", "the address has %d bytes, at most %d are allowed", len(value), maxEmail)
	}
	for _, r := range value {
		if !unicode.IsGraphic(r) || unicode.IsSpace(r) || r == utf8.RuneError {
			return Address{}, invalid("address-character", "the address contains %U", r)
		}
	}
	return Address{Channel: channel, Value: value}, nil
}

// ParseWeChat parses an openid.
func ParseWeChat(text string) (Address, error) {
	value := trim(text)
	if value == "" {
		return Address{}, invalid("address-empty", "the openid is empty")
	}
	if !openID.MatchString(value) {
		return Address{}, invalid("openid", "an openid has 6 to 64 letters, digits, - or _")
	}
	return Address{Channel: WeChat, Value: value}, nil
}

// ParseEmail parses a bare email address: no display name, no comments, no
// quoted local part, no source routes, no address literal. Full-width characters
// become ASCII, the domain its lower-case ASCII form (IDNA2008). The case of the
// local part stays. A local part in other scripts is taken; see [Address.EAI].
func ParseEmail(text string) (Address, error) {
	if len(text) > maxRaw {
		return Address{}, invalid("address-long", "the address has %d bytes, at most %d are allowed", len(text), maxEmail)
	}
	value := strings.Map(halfWidth, trim(text))
	if value == "" {
		return Address{}, invalid("address-empty", "the address is empty")
	}
	local, domain, ok := strings.Cut(value, "@")
	if !ok || strings.Contains(domain, "@") {
		return Address{}, invalid("address-at", "an address has exactly one @")
	}
	local = norm.NFC.String(local)
	if err := checkLocal(local); err != nil {
		return Address{}, err
	}
	domain, err := asciiDomain(domain)
	if err != nil {
		return Address{}, err
	}
	value = local + "@" + domain
	if len(value) > maxEmail {
		return Address{}, invalid("address-long", "the address has %d bytes, at most %d are allowed", len(value), maxEmail)
	}
	// The rules above are narrower than RFC 5322; this is the second opinion of
	// the parser that the mail library uses.
	parsed, err := mail.ParseAddress(value)
	if err != nil || parsed.Address != value || parsed.Name != "" {
		return Address{}, invalid("address-syntax", "the address is not a valid email address")
	}
	return Address{Channel: Email, Value: value, Domain: domain}, nil
}

// EAI reports whether the address needs a mail server that offers SMTPUTF8
// (RFC 6531): its local part is not ASCII.
func (a Address) EAI() bool {
	return a.Channel == Email && strings.IndexFunc(a.Value, func(r rune) bool { return r > unicode.MaxASCII }) >= 0
}

// String returns the masked form, so that no format verb leaks an address.
func (a Address) String() string { return Mask(a.Channel, a.Value) }

// LogValue returns the masked form.
func (a Address) LogValue() slog.Value { return slog.StringValue(a.String()) }

// Mask returns what logs may show of an address: z***@example.org, oABC***.
func Mask(channel, value string) string {
	if channel == Email {
		if local, domain, ok := strings.Cut(value, "@"); ok {
			return firstOf(local, 1) + "***@" + domain
		}
		return "***"
	}
	return firstOf(value, 4) + "***"
}

// firstOf returns the first n characters of text, none when that is all of it.
func firstOf(text string, n int) string {
	if utf8.RuneCountInString(text) <= n {
		return ""
	}
	return string([]rune(text)[:n])
}

// identity is what the address hash is over. Mailbox names are compared without
// case: no provider of note tells them apart, and who unsubscribed as Li@ must
// not get mail as li@.
func (a Address) identity() string {
	if a.Channel == Email {
		return a.Channel + "\x00" + strings.ToLower(a.Value)
	}
	return a.Channel + "\x00" + a.Value
}

func checkLocal(local string) error {
	switch {
	case local == "":
		return invalid("address-local", "there is nothing before the @")
	case len(local) > maxLocal:
		return invalid("address-long", "the part before the @ has %d bytes, at most %d are allowed", len(local), maxLocal)
	case local[0] == '.' || local[len(local)-1] == '.' || strings.Contains(local, ".."):
		return invalid("address-dot", "the part before the @ has a dot at its start, at its end, or two in a row")
	}
	for _, r := range local {
		switch {
		case r < utf8.RuneSelf && (isAlphanumeric(r) || strings.ContainsRune(".#$&'*+/=?^_{}~-", r)):
		case r >= utf8.RuneSelf && r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsNumber(r)):
		default:
			return invalid("address-character", "the part before the @ contains %q", r)
		}
	}
	return nil
}

func isAlphanumeric(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
}

func asciiDomain(domain string) (string, error) {
	if domain == "" {
		return "", invalid("address-domain", "there is nothing after the @")
	}
	profile := idna.New(idna.MapForLookup(), idna.Transitional(false), idna.BidiRule(),
		idna.StrictDomainName(true), idna.VerifyDNSLength(true))
	ascii, err := profile.ToASCII(domain)
	if err != nil {
		return "", invalid("address-domain", "the part after the @ is not a valid domain")
	}
	dot := strings.LastIndexByte(ascii, '.')
	if dot < 0 {
		return "", invalid("address-domain", "the part after the @ has no dot")
	}
	if strings.Trim(ascii[dot+1:], "0123456789") == "" {
		return "", invalid("address-domain", "the part after the @ is a number, not a domain")
	}
	return ascii, nil
}

// halfWidth turns the full-width characters of a Chinese keyboard into ASCII.
func halfWidth(r rune) rune {
	switch {
	case '！' <= r && r <= '～':
		return r - '！' + '!'
	case r == '。' || r == '｡':
		return '.'
	}
	return r
}

// trim cuts spaces and the invisible characters that come along when an address
// is copied out of a web page or a spreadsheet.
func trim(text string) string {
	return strings.TrimFunc(text, func(r rune) bool {
		return unicode.IsSpace(r) || r == '\u200b' || r == '\u200e' || r == '\u200f' || r == '\ufeff' || r == '\u2060'
	})
}

func invalid(code, format string, args ...any) *Invalid {
	return &Invalid{Code: code, Text: fmt.Sprintf(format, args...)}
}
