// Package email is the channel that delivers issues by mail through one SMTP
// relay.
//
// It owns the form of a mail (header, parts, the places that differ from reader
// to reader), the conversation with the relay, and the reading of its replies.
// A run's mail is composed once with go-mail and frozen; a delivery patches it,
// offers it up to the last line, asks for the marker and only then writes the
// final dot. So it promises:
//
//   - nothing is written after the marker but the final dot, and no dot is
//     written that was not granted;
//   - a recipient who was refused never gets a body, and a body that was cut off
//     is never ended with a dot by accident: the connection is closed under it;
//   - a reply is judged by what it is about before how final it is; only a
//     refusal of the mailbox itself can end a subscription's deliveries.
package email

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/mail"
	"net/url"
	"strings"
	"sync"
	"time"

	"yizhan/dispatch"
	"yizhan/issue"
	"yizhan/templates"
)

// Name is the channel's name in tables, commands and configuration.
const Name = "email"

// Renderer makes the digest of an issue and the service mails; [templates.Set] is
// one.
type Renderer interface {
	Email(templates.Input) (templates.Digest, error)
	Letter(templates.Letter) (templates.Digest, error)
}

// Links makes the links that differ between readers. All of a kind have the length
// of its placeholder, which stands in the mail until it is filled, and are plain
// ASCII that needs no escaping in HTML.
type Links interface {
	Unsubscribe(publicID string) string
	Placeholder() string
	// Reader is what opens to one reader what is for members, and ReaderPlaceholder
	// stands for it: no URL, only the token in it.
	Reader(d dispatch.Handover) string
	ReaderPlaceholder() string
	// Letter is the link of a service mail to one reader.
	Letter(kind string, d dispatch.Handover, expires time.Time) string
	// LetterPlaceholder stands for it in a mail that is planned at a time, and tells
	// when it expires; "" when the kind has no link.
	LetterPlaceholder(kind string, planned time.Time) (link string, expires time.Time)
}

// TLS says how the connection to the relay is protected.
type TLS string

// The ways to connect. With StartTLS a relay that does not offer it is not used.
const (
	NoTLS     TLS = "none"
	StartTLS  TLS = "starttls"
	DirectTLS TLS = "tls"
)

// SMTP is the relay.
type SMTP struct {
	Address  string // host:port
	Username string // empty: no AUTH
	Password string
	TLS      TLS
	Roots    *x509.CertPool // certificates to trust; nil: the system's
	// ServerName is the name in the relay's certificate; empty: the host of
	// Address.
	ServerName string
}

// Options of a [Channel].
type Options struct {
	From    mail.Address // required
	ReplyTo mail.Address // zero: none
	// EnvelopeFrom gets the bounces; empty: the address of From.
	EnvelopeFrom string
	// Hello is what EHLO says; empty: the domain of From. It is never the name
	// of this machine.
	Hello string
	// UnsubscribeMailto is offered in List-Unsubscribe beside the link; empty:
	// none. Somebody has to read it.
	UnsubscribeMailto string
	PublicURL         string // of the web pages, without a slash at the end; required
	// Title names the list in List-Id, whatever a single issue calls itself;
	// empty: the issue's title.
	Title string
	Zone  *time.Location // of the dates in a mail; nil: UTC
	// Locked gives the places of the sections whose texts are not for mails; nil: none.
	Locked   func(issue.Issue) []int
	Language string // of the words around the issue's text; empty: its masthead's, see templates.Language
	Imprint  templates.Imprint

	DKIM []Key // sign every mail; none: mails go out unsigned

	SMTP        SMTP
	Connections int     // at the same time; required
	Rate        float64 // mails per second; 0: no limit
	Domains     map[string]dispatch.DomainLimit
	// Grace is how long a final reply is still awaited after the context has
	// ended; 0: 30 seconds.
	Grace time.Duration

	Digest Renderer     // required
	Links  Links        // required
	Logger *slog.Logger // nil: silent
	// Dial connects to the relay; nil: TCP.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// defaultGrace is the default of shutdown_grace.
const defaultGrace = 30 * time.Second

// Channel is the email channel. It is safe for concurrent use; Close it when no
// delivery is in work any more.
type Channel struct {
	options Options
	host    string // of the relay
	domain  string // of From, in ASCII
	sender  string // the envelope's sender, in angle brackets
	signers []*signer
	rules   *Rules
	mails   mails
	pool    pool
	bodies  sync.Pool // of *[]byte: filled messages
	log     *slog.Logger
}

// New makes the channel. It does not connect.
func New(o Options) (*Channel, error) {
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("email channel: %w", err)
	}
	from, err := ownAddress("from", o.From.Address)
	if err != nil {
		return nil, fmt.Errorf("email channel: %w", err)
	}
	sender := from
	if o.EnvelopeFrom != "" {
		if sender, err = ownAddress("envelope_from", o.EnvelopeFrom); err != nil {
			return nil, fmt.Errorf("email channel: %w", err)
		}
	}
	rules, err := BuiltinRules()
	if err != nil {
		return nil, fmt.Errorf("email channel: %w", err)
	}
	signers, err := newSigners(o.DKIM)
	if err != nil {
		return nil, fmt.Errorf("email channel: %w", err)
	}
	host, _, _ := net.SplitHostPort(o.SMTP.Address)
	o.From.Address = from.spec
	o.PublicURL = strings.TrimRight(o.PublicURL, "/")
	o.Hello = cmp.Or(o.Hello, from.domain())
	o.SMTP.ServerName = cmp.Or(o.SMTP.ServerName, host)
	o.Grace = cmp.Or(o.Grace, defaultGrace)
	o.Logger = cmp.Or(o.Logger, slog.New(slog.DiscardHandler))
	if o.Dial == nil {
		o.Dial = (&net.Dialer{}).DialContext
	}
	return &Channel{
		options: o, host: host, domain: from.domain(), sender: "<" + sender.spec + ">",
		signers: signers, rules: rules, log: o.Logger.With("channel", Name),
	}, nil
}

// check says what is missing or wrong, addresses aside.
func (o *Options) check() error {
	if _, _, err := net.SplitHostPort(o.SMTP.Address); err != nil {
		return fmt.Errorf("smtp address %q is not HOST:PORT", o.SMTP.Address)
	}
	if o.Connections < 1 {
		return errors.New("connections must be at least 1")
	}
	if o.Digest == nil || o.Links == nil {
		return errors.New("a renderer and links are required")
	}
	if o.SMTP.TLS != NoTLS && o.SMTP.TLS != StartTLS && o.SMTP.TLS != DirectTLS {
		return fmt.Errorf("tls %q is none of none, starttls, tls", o.SMTP.TLS)
	}
	if u, err := url.Parse(o.PublicURL); err != nil || u.Host == "" {
		return fmt.Errorf("public_url %q is not an address", o.PublicURL)
	}
	if o.UnsubscribeMailto != "" {
		leave, err := ownAddress("unsubscribe_mailto", o.UnsubscribeMailto)
		if err != nil || strings.ContainsAny(leave.spec, "<>?%\" ") {
			return fmt.Errorf("unsubscribe_mailto %q cannot stand in a mailto link", o.UnsubscribeMailto)
		}
	}
	return nil
}

// ownAddress reads an address of ours, which has to work with every relay.
func ownAddress(option, s string) (address, error) {
	a, err := parseAddress(s)
	if err != nil || !a.ascii() {
		return address{}, fmt.Errorf("%s %q is not a mail address in ASCII", option, s)
	}
	return a, nil
}

// Name implements [dispatch.Channel].
func (c *Channel) Name() string { return Name }

// Capacity implements [dispatch.Channel]: one delivery a connection at a time.
func (c *Channel) Capacity() dispatch.Capacity {
	domains := make(map[string]dispatch.DomainLimit, len(c.options.Domains))
	for domain, limit := range c.options.Domains {
		domains[strings.ToLower(domain)] = limit
	}
	return dispatch.Capacity{
		Lanes: c.options.Connections, Batch: 1, Rate: c.options.Rate, Domains: domains,
		Group: func(domain string) string {
			domain = strings.ToLower(domain)
			if _, own := domains[domain]; own {
				return domain // the operator gave it limits of its own
			}
			return c.rules.Group(domain)
		},
		Groups: c.rules.Groups(),
	}
}

// Resize implements [dispatch.Resizable].
func (c *Channel) Resize(lanes int) { c.pool.resize(lanes) }

// Close says goodbye on the idle connections.
func (c *Channel) Close() error {
	c.pool.close()
	return nil
}

// Deliver implements [dispatch.Channel].
func (c *Channel) Deliver(ctx context.Context, b dispatch.Batch, mark dispatch.MarkFunc) []dispatch.Outcome {
	out := make([]dispatch.Outcome, len(b.Deliveries))
	if len(b.Deliveries) != 1 {
		for i := range out {
			out[i] = refused(dispatch.Failure{Scope: dispatch.ScopeAccount, Reason: "batch-too-large"}, 0, "")
		}
		return out
	}
	out[0] = c.deliver(ctx, b.Variant, b.Deliveries[0], mark)
	return out
}

func (c *Channel) deliver(ctx context.Context, v dispatch.Variant, d dispatch.Handover, mark dispatch.MarkFunc) dispatch.Outcome {
	to, err := parseAddress(d.Address)
	if err != nil {
		return refused(dispatch.Failure{Scope: dispatch.ScopeRecipient, Permanent: true, Reason: "address-malformed"}, 0, "")
	}
	buf, _ := c.bodies.Get().(*[]byte)
	if buf == nil {
		buf = new([]byte)
	}
	defer c.bodies.Put(buf)
	body, err := c.fill((*buf)[:0], v, d, to)
	var missing missingKey
	if errors.As(err, &missing) {
		// The key may come back, so nobody is failed for it.
		c.log.Error("the run's DKIM key is gone", "domain", missing.Domain, "selector", missing.Selector, "algorithm", missing.Algorithm)
		return refused(dispatch.Failure{Scope: dispatch.ScopeAccount, Reason: "dkim-key-missing"}, 0, missing.Error())
	}
	if err != nil {
		// Every delivery of this run would fail alike, and no other run: it waits
		// for its retries, and for somebody to look.
		c.log.Error("mail cannot be filled", "delivery", d.Delivery, "error", err)
		return refused(dispatch.Failure{Scope: dispatch.ScopeContent, Reason: "mail-unusable"}, 0, "")
	}
	*buf = body
	t := &transaction{to: to, body: body, mark: mark, grace: c.options.Grace}
	c.pool.begin()
	defer c.pool.end()
	for fresh := false; ; fresh = true {
		s, err := c.connect(ctx, fresh)
		if ctx.Err() != nil {
			if s != nil {
				c.pool.put(s)
			}
			return dispatch.Outcome{Status: dispatch.Returned}
		}
		if err != nil {
			return c.judge(err, to)
		}
		o, stale := c.run(ctx, s, t)
		if stale && !fresh {
			continue // the relay had closed it while it was idle
		}
		return o
	}
}

// run does the transaction on s and puts s back when it can be used again: from
// then on it is another lane's. It reports whether s was stale.
func (c *Channel) run(ctx context.Context, s *session, t *transaction) (o dispatch.Outcome, stale bool) {
	defer func() {
		if p := recover(); p != nil {
			c.log.Error("panic in a delivery", "panic", p)
			s.close()
			o = refused(dispatch.Failure{Scope: dispatch.ScopeContent, Reason: "panic"}, 0, "")
			if t.marked {
				o.Status = dispatch.Abandoned
			}
		}
		stale = s.stale
		c.pool.put(s)
	}()
	return s.transact(ctx, c, t), false
}

// fill appends the mail for one reader.
func (c *Channel) fill(dst []byte, v dispatch.Variant, d dispatch.Handover, to address) ([]byte, error) {
	letter, data, err := cutLetter(v.Data)
	if err != nil {
		return dst, err
	}
	m, err := c.mails.get(data, c.signers)
	if err != nil {
		return dst, err
	}
	values := [...]string{to.spec, d.MessageID, "", ""}
	if letter == nil {
		values[2] = c.options.Links.Unsubscribe(d.Subscriber)
		if m.message.Fields() > 3 {
			values[3] = c.options.Links.Reader(d)
		}
	} else if !letter.Expires.IsZero() {
		values[2] = c.options.Links.Letter(letter.Kind, d, letter.Expires)
	}
	return m.append(dst, values[:min(m.message.Fields(), len(values))]...)
}

// judge turns a failed step into an outcome.
func (c *Channel) judge(err error, to address) dispatch.Outcome {
	var r *Reply
	if !errors.As(err, &r) {
		r = &Reply{Phase: PhaseDial, Err: err}
	}
	f := c.rules.Classify(*r, to.domain(), c.host)
	return refused(f, r.Code, r.text())
}

func refused(f dispatch.Failure, code int, reply string) dispatch.Outcome {
	return dispatch.Outcome{Status: dispatch.Refused, Failure: f, Code: code, Reply: reply}
}

var (
	_ dispatch.Selective = (*Channel)(nil)
	_ dispatch.Resizable = (*Channel)(nil)
	_ Renderer           = (*templates.Set)(nil)
)
