package email

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/textproto"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"yizhan/dispatch"
)

//go:embed rules.yaml
var builtinRules []byte

// Rules say what replies mean, and which domains belong to one provider. They
// are data, with source and date: providers change their wording without notice.
// A Rules does not change and may be used by many goroutines at once.
type Rules struct {
	groups map[string]string // domain: provider
	relays map[string]string // suffix of a relay's host: provider
	rules  []rule
}

// ruleFile is the form of rules.yaml.
type ruleFile struct {
	Providers []struct {
		Name    string   `yaml:"name"`
		Domains []string `yaml:"domains"`
		Relays  []string `yaml:"relays"`
	} `yaml:"providers"`
	Rules []rule `yaml:"rules"`
}

// rule is one line of the table. What it leaves empty fits everything.
type rule struct {
	Provider string  `yaml:"provider"` // whose words they are
	Phases   []Phase `yaml:"phases"`
	Codes    string  `yaml:"codes"`    // "421 450 55x"; x is any digit
	Enhanced string  `yaml:"enhanced"` // "5.1.1 x.2.2 5.7"; x is any digit, a missing end fits all
	Text     string  `yaml:"text"`     // regular expression, without regard to case
	// What it means; see [dispatch.Failure].
	Scope     dispatch.Scope `yaml:"scope"`
	Permanent bool           `yaml:"permanent"`
	Suppress  bool           `yaml:"suppress"`
	Wait      time.Duration  `yaml:"wait"`
	Reason    string         `yaml:"reason"`
	Source    string         `yaml:"source"` // where it is documented or was seen
	Date      string         `yaml:"date"`   // when that was read

	codes, enhanced []string
	text            *regexp.Regexp
}

// BuiltinRules reads the table that comes with the program.
func BuiltinRules() (*Rules, error) { return ReadRules(builtinRules) }

// ReadRules reads a table in the form of rules.yaml.
func ReadRules(data []byte) (*Rules, error) {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	var file ruleFile
	if err := dec.Decode(&file); err != nil {
		return nil, fmt.Errorf("read reply rules: %w", err)
	}
	r := &Rules{groups: map[string]string{}, relays: map[string]string{}, rules: file.Rules}
	for _, p := range file.Providers {
		for _, d := range p.Domains {
			r.groups[d] = p.Name
		}
		for _, h := range p.Relays {
			r.relays[h] = p.Name
		}
	}
	for i := range r.rules {
		if err := r.rules[i].compile(); err != nil {
			return nil, fmt.Errorf("read reply rules: rule %d (%s): %w", i+1, r.rules[i].Reason, err)
		}
	}
	return r, nil
}

func (r *rule) compile() error {
	scopes := []dispatch.Scope{
		dispatch.ScopeConnection, dispatch.ScopeAccount, dispatch.ScopeDomain, dispatch.ScopeContent, dispatch.ScopeRecipient,
	}
	switch {
	case !slices.Contains(scopes, r.Scope):
		return fmt.Errorf("scope %q is unknown", r.Scope)
	case r.Suppress && (!r.Permanent || r.Scope != dispatch.ScopeRecipient):
		return errors.New("only a permanent failure of the recipient may suppress")
	case r.Reason == "" || r.Source == "" || r.Date == "":
		return errors.New("reason, source and date are required")
	case r.Codes == "" && r.Enhanced == "" && r.Text == "":
		return errors.New("it fits every reply")
	}
	r.codes, r.enhanced = strings.Fields(r.Codes), strings.Fields(r.Enhanced)
	if r.Text == "" {
		return nil
	}
	var err error
	r.text, err = regexp.Compile("(?is)" + r.Text)
	return err
}

// Group names the provider that a domain belongs to; a domain of no known
// provider is by itself.
func (r *Rules) Group(domain string) string {
	domain = strings.ToLower(domain)
	if p, ok := r.groups[domain]; ok {
		return p
	}
	return domain
}

// Groups lists the groups that several domains share, in order.
func (r *Rules) Groups() []string {
	return slices.Compact(slices.Sorted(maps.Values(r.groups)))
}

// Classify says what a failed step means for a recipient at domain when relay is
// the host that answered. It is pure.
//
// The first rule of the table that fits decides, within what the phase allows:
// before RCPT nothing is about the recipient. What no rule knows is temporary.
func (r *Rules) Classify(reply Reply, domain, relay string) dispatch.Failure {
	if reply.Err != nil {
		return classifyError(reply.Phase, reply.Err)
	}
	if reply.Code == 503 {
		// Client and relay no longer agree where they are; it says nothing of
		// whoever happened to be next.
		return dispatch.Failure{Scope: dispatch.ScopeConnection, Reason: "bad-sequence"}
	}
	enhanced, text := reply.words()
	f := byPhase(reply, enhanced)
	if i := slices.IndexFunc(r.rules, func(c rule) bool { return c.fits(reply, enhanced, text) }); i >= 0 {
		f = r.rules[i].failure()
		if f.Scope == dispatch.ScopeDomain && r.rules[i].Provider != "" && r.rules[i].Provider == r.relayGroup(relay) {
			// It is our own relay that limits us, whoever the mail is for.
			f.Scope = dispatch.ScopeAccount
		}
	}
	return bound(f, reply, enhanced)
}

func (r *rule) fits(reply Reply, enhanced, text string) bool {
	return (len(r.Phases) == 0 || slices.Contains(r.Phases, reply.Phase)) &&
		(len(r.codes) == 0 || slices.ContainsFunc(r.codes, func(p string) bool { return fitsDigits(p, fmt.Sprint(reply.Code)) })) &&
		(len(r.enhanced) == 0 || slices.ContainsFunc(r.enhanced, func(p string) bool { return fitsEnhanced(p, enhanced) })) &&
		(r.text == nil || r.text.MatchString(text))
}

func (r *rule) failure() dispatch.Failure {
	return dispatch.Failure{Scope: r.Scope, Permanent: r.Permanent, Suppress: r.Suppress, Wait: r.Wait, Reason: r.Reason}
}

// fitsDigits compares digit by digit; x in the pattern is any.
func fitsDigits(pattern, code string) bool {
	if len(pattern) != len(code) {
		return false
	}
	for i := range len(pattern) {
		if pattern[i] != 'x' && pattern[i] != code[i] {
			return false
		}
	}
	return true
}

// fitsEnhanced compares part by part; "5.7" fits 5.7.1 and 5.7.515.
func fitsEnhanced(pattern, code string) bool {
	if code == "" {
		return false
	}
	want, got := strings.Split(pattern, "."), strings.Split(code, ".")
	if len(want) > len(got) {
		return false
	}
	for i, w := range want {
		if w != "x" && w != got[i] {
			return false
		}
	}
	return true
}

func (r *Rules) relayGroup(host string) string {
	for suffix, provider := range r.relays {
		if host == suffix || strings.HasSuffix(host, "."+suffix) {
			return provider
		}
	}
	return ""
}

// byPhase is the answer for replies that no rule knows.
func byPhase(reply Reply, enhanced string) dispatch.Failure {
	switch {
	case reply.Code/100 != 4 && reply.Code/100 != 5:
		return dispatch.Failure{Scope: dispatch.ScopeConnection, Reason: "protocol"}
	case reply.Code == 421 && !beforeMail(reply.Phase): // RFC 5321 section 3.8: the relay closes the connection
		return dispatch.Failure{Scope: dispatch.ScopeConnection, Reason: "service-closing"}
	case reply.Phase == PhaseAuth:
		// NetEase counts failed logins and locks the account (its list of SMTP
		// codes, «too much fail authentication», read 2026-11).
		return dispatch.Failure{Scope: dispatch.ScopeAccount, Wait: time.Minute, Reason: "auth-failed"}
	case beforeRcpt(reply.Phase):
		return dispatch.Failure{Scope: dispatch.ScopeAccount, Reason: "relay-refused"}
	case reply.Code >= 500 && reply.Code <= 504 && enhanced == "":
		return dispatch.Failure{Scope: dispatch.ScopeConnection, Reason: "protocol"}
	case reply.Code/100 == 4:
		return dispatch.Failure{Scope: dispatch.ScopeRecipient, Reason: "temporary"}
	case reply.Phase == PhaseRcpt:
		return dispatch.Failure{Scope: dispatch.ScopeRecipient, Reason: "refused"}
	}
	return dispatch.Failure{Scope: dispatch.ScopeContent, Reason: "refused"}
}

func beforeMail(p Phase) bool {
	return p == PhaseDial || p == PhaseConnect || p == PhaseHello || p == PhaseStartTLS || p == PhaseAuth
}

func beforeRcpt(p Phase) bool { return beforeMail(p) || p == PhaseMail }

// bound keeps a failure within what the phase and the codes allow, whatever the
// table says.
func bound(f dispatch.Failure, reply Reply, enhanced string) dispatch.Failure {
	if beforeRcpt(reply.Phase) && (f.Scope == dispatch.ScopeRecipient || f.Scope == dispatch.ScopeContent) ||
		beforeRcpt(reply.Phase) && f.Scope == dispatch.ScopeDomain {
		f.Scope = dispatch.ScopeAccount
		if !beforeMail(reply.Phase) || reply.Phase == PhaseConnect {
			f.Wait = 0 // meant for a recipient's provider; our relay is asked again soon
		}
	}
	if reply.Code/100 != 5 || strings.HasPrefix(enhanced, "4.") ||
		f.Scope != dispatch.ScopeRecipient && f.Scope != dispatch.ScopeContent {
		f.Permanent = false
	}
	f.Suppress = f.Suppress && f.Permanent && f.Scope == dispatch.ScopeRecipient
	f.Crowded = crowded(f, reply)
	return f
}

// crowded reports whether a refusal before MAIL may be about this connection, and
// not about the relay or the login: 421 (RFC 5321 section 3.8; Postfix «too many
// connections», Exim «too many concurrent SMTP connections», NetEase HL:ICC, all
// read 2026-11), or such words.
func crowded(f dispatch.Failure, reply Reply) bool {
	if f.Scope != dispatch.ScopeAccount || !beforeMail(reply.Phase) {
		return false
	}
	return reply.Code/100 == 4 && f.Reason == "rate-limited" || reply.Code == 421 && f.Reason == "relay-refused"
}

// Errors of the conversation that an operator has to act on.
var (
	errNoStartTLS = errors.New("the relay does not offer STARTTLS; use another port or tls: none")
	errNoAuth     = errors.New("the relay offers no AUTH that can be used here; check port, tls and username")
	errFlood      = errors.New("the relay sent too much")
	errNeedsUTF8  = errors.New("the address needs SMTPUTF8")
)

// classifyError judges what went wrong without a reply.
func classifyError(phase Phase, err error) dispatch.Failure {
	var (
		certificate *tls.CertificateVerificationError
		unknown     x509.UnknownAuthorityError
		hostname    x509.HostnameError
		protocol    textproto.ProtocolError
		network     net.Error
	)
	account := func(reason string) dispatch.Failure {
		return dispatch.Failure{Scope: dispatch.ScopeAccount, Reason: reason}
	}
	// Until the relay has taken a MAIL it is the relay that is away, not this
	// connection that broke: nothing is counted against whoever is next.
	connection := func(reason string) dispatch.Failure {
		if beforeMail(phase) {
			return account(reason)
		}
		return dispatch.Failure{Scope: dispatch.ScopeConnection, Reason: reason}
	}
	switch {
	case errors.As(err, &certificate), errors.As(err, &unknown), errors.As(err, &hostname):
		return account("tls-certificate")
	case errors.Is(err, errNoStartTLS):
		return account("starttls-missing")
	case errors.Is(err, errNoAuth):
		return account("auth-missing")
	case errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &network) && network.Timeout():
		return connection("timeout")
	case phase == PhaseDial:
		return connection("dial-failed")
	case phase == PhaseStartTLS:
		return connection("tls-failed")
	case errors.As(err, &protocol), errors.Is(err, errFlood):
		return connection("protocol")
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.As(err, &network), errors.Is(err, net.ErrClosed):
		return connection("connection-lost")
	case phase == PhaseAuth:
		return account("auth-failed") // the relay's proof was wrong, or ours could not be made
	}
	return connection("connection-lost")
}
