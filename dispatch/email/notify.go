package email

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"strconv"

	gomail "github.com/wneessen/go-mail"

	"yizhan/dispatch"
)

// NotifierOptions are what a [Notifier] needs; all but Hello and EnvelopeFrom
// are required.
type NotifierOptions struct {
	To           string // one mail address
	From         mail.Address
	EnvelopeFrom string // empty: the address of From
	Hello        string // empty: the domain of From
	SMTP         SMTP
	// Dial connects to the relay; nil: TCP.
	Dial gomail.DialContextFunc
}

// Notifier is a [dispatch.Sink] that sends plain mails to one person through the
// channel's relay. It has nothing to do with deliveries: no marker, no ledger;
// a mail whose reply is lost comes twice, with the same Message-ID.
type Notifier struct {
	o          NotifierOptions
	host       string
	port       int
	fromDomain string
}

// NewNotifier returns a notifier, or what is wrong with its options.
func NewNotifier(o NotifierOptions) (*Notifier, error) {
	host, port, err := net.SplitHostPort(o.SMTP.Address)
	if err != nil {
		return nil, fmt.Errorf("notifier: relay: %w", err)
	}
	n := &Notifier{o: o, host: host}
	if n.port, err = strconv.Atoi(port); err != nil {
		return nil, fmt.Errorf("notifier: relay: %w", err)
	}
	if _, err := parseAddress(o.To); err != nil {
		return nil, fmt.Errorf("notifier: To: %w", err)
	}
	from, err := parseAddress(o.From.Address)
	if err != nil {
		return nil, fmt.Errorf("notifier: From: %w", err)
	}
	n.fromDomain = from.domain()
	if n.o.EnvelopeFrom == "" {
		n.o.EnvelopeFrom = o.From.Address
	}
	if n.o.Hello == "" {
		n.o.Hello = n.fromDomain
	}
	if n.o.SMTP.ServerName == "" {
		n.o.SMTP.ServerName = host
	}
	return n, nil
}

// Name implements [dispatch.Sink].
func (n *Notifier) Name() string { return "mail " + n.o.To }

// Send implements [dispatch.Sink].
func (n *Notifier) Send(ctx context.Context, notice dispatch.Notice) error {
	m, err := n.compose(notice)
	if err != nil {
		return err
	}
	client, err := n.client()
	if err != nil {
		return fmt.Errorf("alert mail: %w", err)
	}
	err = client.DialAndSendWithContext(ctx, m)
	// A relay may take the mail and then fail at RSET or QUIT: it has it.
	if err == nil || m.IsDelivered() {
		return nil
	}
	var failed *gomail.SendError
	if errors.As(err, &failed) {
		// Its text has the recipient in it.
		return fmt.Errorf("alert mail: the relay refused it (%d %s)", failed.ErrorCode(), failed.EnhancedStatusCode())
	}
	return fmt.Errorf("alert mail: %w", err)
}

// compose makes the mail. Everything in it that others wrote goes through
// go-mail's encoding.
func (n *Notifier) compose(notice dispatch.Notice) (*gomail.Msg, error) {
	m := gomail.NewMsg(gomail.WithEncoding(gomail.EncodingB64), gomail.WithNoDefaultUserAgent())
	if err := m.FromFormat(n.o.From.Name, n.o.From.Address); err != nil {
		return nil, fmt.Errorf("alert mail: From: %w", err)
	}
	if err := m.EnvelopeFrom(n.o.EnvelopeFrom); err != nil {
		return nil, fmt.Errorf("alert mail: envelope: %w", err)
	}
	if err := m.To(n.o.To); err != nil {
		return nil, fmt.Errorf("alert mail: To: %w", err)
	}
	key := sha256.Sum256([]byte(notice.Key + "\x00" + n.o.To))
	m.SetMessageIDWithValue(hex.EncodeToString(key[:16]) + ".alert@" + n.fromDomain)
	m.SetDateWithValue(notice.At)
	m.Subject("[驿站] " + notice.Title)
	// RFC 3834: nobody's absence notice answers to it.
	m.SetGenHeader("Auto-Submitted", "auto-generated")
	m.SetBodyString(gomail.TypeTextPlain, notice.Text+"\n")
	return m, nil
}

// client makes a client for one mail.
func (n *Notifier) client() (*gomail.Client, error) {
	// The port comes first: WithSSL and the policies do not fall back to another.
	options := []gomail.Option{gomail.WithPort(n.port), gomail.WithHELO(n.o.Hello)}
	secured := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: n.o.SMTP.ServerName, RootCAs: n.o.SMTP.Roots}
	switch n.o.SMTP.TLS {
	case StartTLS:
		options = append(options, gomail.WithTLSPolicy(gomail.TLSMandatory), gomail.WithTLSConfig(secured))
	case DirectTLS:
		options = append(options, gomail.WithSSL(), gomail.WithTLSConfig(secured))
	default:
		options = append(options, gomail.WithTLSPolicy(gomail.NoTLS))
	}
	if n.o.SMTP.Username != "" {
		options = append(options, gomail.WithUsername(n.o.SMTP.Username), gomail.WithPassword(n.o.SMTP.Password), gomail.WithSMTPAuth(n.auth()))
	}
	if n.o.Dial != nil {
		options = append(options, gomail.WithDialContextFunc(n.o.Dial))
	}
	return gomail.NewClient(n.host, options...)
}

// auth lets go-mail choose. In plain text the configuration allows a password
// only within this machine.
func (n *Notifier) auth() gomail.SMTPAuthType {
	if n.o.SMTP.TLS == NoTLS {
		return gomail.SMTPAuthPlainNoEnc
	}
	return gomail.SMTPAuthAutoDiscover
}

var _ dispatch.Sink = (*Notifier)(nil)
