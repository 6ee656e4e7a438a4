package config

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/url"
	"os"
	"strings"
	"time"
)

// Email is the section channels.email.
type Email struct {
	From              mail.Address // sender that people see
	ReplyTo           mail.Address // where their answers go; zero: to From
	EnvelopeFrom      string       // MAIL FROM; the address of From when the file has none
	Hello             string       // EHLO; the host of public_url when the file has none
	UnsubscribeMailto string       // address for unsubscribing by mail; "" for none
	SMTP              SMTP
	Connections       int                    // to the relay at the same time
	Rate              Rate                   // of the channel
	Domains           map[string]DomainLimit // by the recipient's domain, lower case
	Retry             []time.Duration        // waits between attempts; the last repeats
	GiveUp            time.Duration          // after the first attempt
	AfterLostReply    AfterLostReply
	DKIM              []DKIM // none: mails go out unsigned
}

// SMTP is the relay.
type SMTP struct {
	Address    string // HOST:PORT
	Username   string // "" is no AUTH
	Password   Secret // for Username
	TLS        TLS
	CA         string // file of PEM certificates to trust instead of the system's; "" for the system's
	ServerName string // name in the relay's certificate; the host of Address when the file has none
}

// TLS says how the connection to the relay is protected.
type TLS string

// TLSNone is plain text, TLSStart an upgrade that must succeed, TLSDirect TLS
// from the first byte.
const (
	TLSNone   TLS = "none"
	TLSStart  TLS = "starttls"
	TLSDirect TLS = "tls"
)

// DomainLimit narrows the channel's limits for one domain; 0 is not narrowed.
type DomainLimit struct {
	Rate        Rate // of mails to the domain
	Connections int  // that carry mails to the domain at the same time
}

// AfterLostReply says what happens when the relay's last reply is lost, so
// that nobody knows whether it took the mail.
type AfterLostReply string

// LostReplyRetry tries once more with the same bytes, LostReplyHold leaves the
// delivery unconfirmed.
const (
	LostReplyRetry AfterLostReply = "retry"
	LostReplyHold  AfterLostReply = "hold"
)

const (
	minRetry  = time.Millisecond
	maxGiveUp = 30 * 24 * time.Hour
)

func defaultEmail() Email {
	return Email{
		SMTP:        SMTP{TLS: TLSStart},
		Connections: 8,
		Rate:        20,
		Retry: []time.Duration{
			5 * time.Minute, 15 * time.Minute, time.Hour, 2 * time.Hour, 4 * time.Hour, 8 * time.Hour,
		},
		GiveUp:         48 * time.Hour,
		AfterLostReply: LostReplyRetry,
	}
}

// email reads the section into e. publicURL is for what depends on it.
func (t *table) email(e *Email, publicURL string) {
	t.mailbox("from", &e.From)
	t.require("from", `发件人，例如："协会名称 <news@example.org>"`)
	t.mailbox("reply_to", &e.ReplyTo)
	e.EnvelopeFrom = e.From.Address
	t.address("envelope_from", &e.EnvelopeFrom)
	e.Hello = hello(publicURL)
	t.text("hello", &e.Hello)
	if e.Hello != "" && !isHost(e.Hello) && !isAddressLiteral(e.Hello) {
		t.wrong("hello", e.Hello, "mail.example.org")
	}
	t.address("unsubscribe_mailto", &e.UnsubscribeMailto)
	t.child("smtp").smtp(&e.SMTP)
	t.integer("connections", &e.Connections, 1, 100)
	t.rate("rate", &e.Rate)
	t.child("domains").domains(&e.Domains)
	t.durations("retry", &e.Retry, minRetry, maxGiveUp)
	t.duration("give_up", &e.GiveUp, minRetry, maxGiveUp)
	choice(t, "after_lost_reply", &e.AfterLostReply, LostReplyRetry, LostReplyHold)
	t.dkim("dkim", &e.DKIM)
	t.done()
}

// hello gives the name of this machine as its pages know it, in the form that
// EHLO wants (RFC 5321 4.1.3: an IP address in brackets).
func hello(publicURL string) string {
	u, err := url.Parse(publicURL)
	if err != nil {
		return ""
	}
	switch ip := net.ParseIP(u.Hostname()); {
	case ip == nil:
		return u.Hostname()
	case ip.To4() != nil:
		return "[" + ip.String() + "]"
	default:
		return "[IPv6:" + ip.String() + "]"
	}
}

func isAddressLiteral(text string) bool {
	inner, ok := strings.CutPrefix(text, "[")
	inner, closed := strings.CutSuffix(inner, "]")
	return ok && closed && net.ParseIP(strings.TrimPrefix(inner, "IPv6:")) != nil
}

func (t *table) smtp(s *SMTP) {
	t.hostPort("address", &s.Address, 1, false, "mail.example.org:587")
	t.require("address", "邮件服务器的地址和端口，例如：mail.example.org:587")
	t.text("username", &s.Username)
	t.secret("password", &s.Password)
	choice(t, "tls", &s.TLS, TLSNone, TLSStart, TLSDirect)
	t.filePath("ca", &s.CA)
	host, _, _ := net.SplitHostPort(s.Address)
	s.ServerName = host
	named := ""
	t.text("server_name", &named)
	t.done()

	if named != "" {
		s.ServerName = named
		if !isHost(named) {
			t.wrong("server_name", named, "mail.example.org")
		}
	}
	if password := t.values["password"]; s.Username != "" && (password == nil || isEmpty(password)) {
		t.fail("password", "missing", "有 username 就必须有 password", "以 #、&、! 开头的密码要用引号括起来")
	}
	if s.Username == "" && s.Password.IsSet() {
		t.fail("username", "missing", "有 password 就必须有 username", "")
	}
	if s.TLS == TLSNone {
		t.plain(s, host, named)
	}
	if _, err := s.Roots(); err != nil {
		t.fail("ca", "file-unreadable", "读不了证书文件 "+s.CA+"："+Reason(err), "要一个 PEM 格式的证书；路径从配置文件所在的目录算起")
	}
}

// plain checks what cannot go with a connection in plain text.
func (t *table) plain(s *SMTP, host, serverName string) {
	if s.Username != "" && host != "" && !isLoopback(host) {
		t.fail("tls", "plain-password", "tls 是 none 时，密码会以明文经过网络", "改成 starttls 或 tls；只有本机的服务器可以不加密")
	}
	if s.CA != "" {
		t.fail("ca", "conflict", "tls 是 none 时，ca 不起作用", "删掉 ca，或者改 tls")
	}
	if serverName != "" {
		t.fail("server_name", "conflict", "tls 是 none 时，server_name 不起作用", "删掉 server_name，或者改 tls")
	}
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || (ip != nil && ip.IsLoopback())
}

// isPortZero reports whether the system is to choose a port.
func isPortZero(address string) bool {
	_, port, _ := net.SplitHostPort(address)
	return port == "0"
}

var errNoCertificate = errors.New("no PEM certificate in it")

// Roots gives the certificates to trust, nil for the system's.
func (s SMTP) Roots() (*x509.CertPool, error) {
	if s.CA == "" {
		return nil, nil
	}
	data, err := os.ReadFile(s.CA)
	if err != nil {
		return nil, fmt.Errorf("read channels.email.smtp.ca: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(data) {
		return nil, fmt.Errorf("read channels.email.smtp.ca %s: %w", s.CA, errNoCertificate)
	}
	return pool, nil
}

func (t *table) domains(to *map[string]DomainLimit) {
	for _, name := range t.keys {
		domain := strings.ToLower(name)
		if !hostForm.MatchString(domain) {
			t.asked = append(t.asked, name)
			t.wrong(name, name, "qq.com")
			continue
		}
		if _, twice := (*to)[domain]; twice {
			t.asked = append(t.asked, name)
			t.fail(name, "duplicate-key", "这个域名写了两次", "删掉其中一个")
			continue
		}
		limit := DomainLimit{}
		one := t.child(name)
		one.rate("rate", &limit.Rate)
		one.integer("connections", &limit.Connections, 1, 100)
		one.done()
		if *to == nil {
			*to = make(map[string]DomainLimit)
		}
		(*to)[domain] = limit
	}
}
