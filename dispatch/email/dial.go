package email

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/wneessen/go-mail/smtp"
)

// How long the steps before a mail may take. RFC 5321 section 4.5.3.2.1 gives the
// greeting 5 minutes; for the rest it has no figure.
const (
	dialLimit     = 30 * time.Second
	greetingLimit = 5 * time.Minute
	helloLimit    = 5 * time.Minute
	tlsLimit      = time.Minute
	authLimit     = 2 * time.Minute
)

// connect gives a session that is ready for MAIL: an idle one, or a new one.
func (c *Channel) connect(ctx context.Context, fresh bool) (*session, error) {
	if !fresh {
		if s := c.pool.take(time.Now()); s != nil {
			return s, nil
		}
	}
	dialCtx, cancel := context.WithTimeout(ctx, dialLimit)
	defer cancel()
	conn, err := c.options.Dial(dialCtx, "tcp", c.options.SMTP.Address)
	if err != nil {
		return nil, newReply(PhaseDial, err)
	}
	s := &session{raw: &wire{Conn: conn}, born: time.Now()}
	stop := context.AfterFunc(ctx, s.abort)
	err = c.greet(ctx, s)
	if !stop() && err == nil {
		err = newReply(PhaseConnect, ctx.Err())
	}
	if err != nil {
		s.abort()
		return nil, err
	}
	c.log.Debug("connected to the relay", "pipelining", s.pipelining, "tls", c.options.SMTP.TLS)
	return s, nil
}

// greet does everything from the greeting to AUTH.
func (c *Channel) greet(ctx context.Context, s *session) error {
	var conn net.Conn = s.raw
	if c.options.SMTP.TLS == DirectTLS {
		secured := tls.Client(conn, c.tlsConfig())
		if err := s.step(PhaseStartTLS, tlsLimit, func() error { return secured.HandshakeContext(ctx) }); err != nil {
			return err
		}
		conn = secured
	}
	err := s.step(PhaseConnect, greetingLimit, func() (err error) {
		// The name is what go-mail compares with that of the AUTH mechanism.
		s.client, err = smtp.NewClient(conn, c.host)
		return err
	})
	if err != nil {
		return err
	}
	if err := s.step(PhaseHello, helloLimit, func() error { return s.client.Hello(c.options.Hello) }); err != nil {
		return err
	}
	if c.options.SMTP.TLS == StartTLS {
		if ok, _ := s.client.Extension("STARTTLS"); !ok {
			return newReply(PhaseStartTLS, errNoStartTLS)
		}
		if err := s.step(PhaseStartTLS, tlsLimit, func() error { return s.client.StartTLS(c.tlsConfig()) }); err != nil {
			return err
		}
	}
	if err := c.authenticate(s); err != nil {
		return err
	}
	s.text = s.client.Text
	s.pipelining, _ = s.client.Extension("PIPELINING")
	s.utf8, _ = s.client.Extension("SMTPUTF8")
	return nil
}

func (c *Channel) tlsConfig() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, ServerName: c.options.SMTP.ServerName, RootCAs: c.options.SMTP.Roots}
}

func (c *Channel) authenticate(s *session) error {
	user, password := c.options.SMTP.Username, c.options.SMTP.Password
	if user == "" {
		return nil
	}
	_, offered := s.client.Extension("AUTH")
	private := c.options.SMTP.TLS != NoTLS || isLoopback(s.raw.RemoteAddr())
	var auth smtp.Auth
	switch mechanism := chooseAuth(strings.Fields(offered), c.options.SMTP.TLS != NoTLS, private); mechanism {
	case "SCRAM-SHA-256-PLUS":
		state, err := s.client.GetTLSConnectionState()
		if err != nil {
			return newReply(PhaseAuth, fmt.Errorf("bind to the TLS connection: %w", err))
		}
		auth = smtp.ScramSHA256PlusAuth(user, password, state)
	case "SCRAM-SHA-256":
		auth = smtp.ScramSHA256Auth(user, password)
	case "SCRAM-SHA-1":
		auth = smtp.ScramSHA1Auth(user, password)
	case "CRAM-MD5":
		auth = smtp.CRAMMD5Auth(user, password)
	case "PLAIN":
		auth = smtp.PlainAuth("", user, password, c.host, private)
	case "LOGIN":
		auth = smtp.LoginAuth(user, password, c.host, private)
	default:
		return newReply(PhaseAuth, errNoAuth)
	}
	return s.step(PhaseAuth, authLimit, func() error { return s.client.Auth(auth) })
}

// chooseAuth takes the strongest mechanism that the relay offers. PLAIN and LOGIN
// show the password to whoever listens: only over TLS or within this machine.
func chooseAuth(offered []string, secured, private bool) string {
	for _, m := range []struct {
		name string
		ok   bool
	}{
		{"SCRAM-SHA-256-PLUS", secured},
		{"SCRAM-SHA-256", true},
		{"SCRAM-SHA-1", true},
		{"CRAM-MD5", true},
		{"PLAIN", private},
		{"LOGIN", private},
	} {
		if m.ok && slices.ContainsFunc(offered, func(o string) bool { return strings.EqualFold(o, m.name) }) {
			return m.name
		}
	}
	return ""
}

func isLoopback(a net.Addr) bool {
	host, _, err := net.SplitHostPort(a.String())
	ip := net.ParseIP(host)
	return err == nil && ip != nil && ip.IsLoopback()
}
