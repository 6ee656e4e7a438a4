package config

import (
	"cmp"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Finding is something that works and is probably not what was meant. It has
// the fields of an Error.
type Finding Error

// String gives the finding as one line, like an Error.
func (f Finding) String() string { return Error(f).Error() }

// Check looks for what is allowed but unwise, in the order of the file.
func (c *Config) Check() []Finding {
	found := slices.Clone(c.findings)
	add := func(key, code, text, hint string) {
		found = append(found, Finding{
			File: c.File, Line: lineOf(c.lines, key), Key: key, Code: code, Text: text, Hint: hint,
		})
	}
	c.checkRedis(add)
	c.checkPages(add)
	c.checkSender(add)
	c.checkRelay(add)
	c.checkDKIM(add)
	c.checkLimits(add)
	c.checkWeChat(add)
	c.checkSchedules(add)
	slices.SortStableFunc(found, func(a, b Finding) int { return cmp.Compare(a.Line, b.Line) })
	return found
}

// Fault is an error at a key that only a user of the configuration can find.
func (c *Config) Fault(key, code, text, hint string) Error {
	return Error{File: c.File, Line: lineOf(c.lines, key), Key: key, Code: code, Text: text, Hint: hint}
}

type addFunc func(key, code, text, hint string)

func (c *Config) checkPages(add addFunc) {
	if u, err := url.Parse(c.PublicURL); err == nil {
		if u.Scheme == "http" && !isLoopback(u.Hostname()) {
			add("public_url", "not-https", "退订和订阅管理的链接没有加密", "在前面放一个提供 HTTPS 的反向代理，并改成 https://")
		}
		if isExample(u.Hostname()) {
			add("public_url", "example-value", "还是示例里的网址", "改成自己的网址")
		}
	}
	if isOpen(c.HTTP.Listen) {
		add("http.listen", "listener-open", "网页直接对外提供，没有加密", "对外应由反向代理提供 HTTPS；只有代理能连到这个端口时可以不理会")
	}
	if isOpen(c.HTTP.Admin) {
		add("http.admin", "admin-open", "管理端口没有密码，其他机器也能连到", "改成 127.0.0.1，或者用防火墙挡住")
	}
	if c.Imprint.Address == "" && c.Imprint.Contact == "" {
		add("imprint", "no-imprint", "邮件里没有发送者的地址和联系方式", "许多国家的法律要求写明，请填 imprint.address 和 imprint.contact")
	}
}

func (c *Config) checkSender(add addFunc) {
	e := c.Channels.Email
	from, envelope := domainOf(e.From.Address), domainOf(e.EnvelopeFrom)
	if !sameOrganisation(from, envelope) {
		add("channels.email.envelope_from", "envelope-differs",
			"退信地址的域名 "+envelope+" 和发件人的域名 "+from+" 不同，SPF 通过了也不算数（DMARC 要求一致）",
			"用同一个域名或它的子域名")
	}
	if isExample(from) {
		add("channels.email.from", "example-value", "还是示例里的发件人", "改成自己的地址")
	}
}

// sameOrganisation reports whether one domain is the other or lies in it, which
// is what relaxed alignment comes to (RFC 7489 3.1) for domains one knows.
func sameOrganisation(a, b string) bool {
	return a == b || strings.HasSuffix(a, "."+b) || strings.HasSuffix(b, "."+a)
}

func (c *Config) checkRelay(add addFunc) {
	s := c.Channels.Email.SMTP
	host, port, err := net.SplitHostPort(s.Address)
	if err != nil {
		return
	}
	if isExample(host) {
		add("channels.email.smtp.address", "example-value", "还是示例里的邮件服务器", "改成自己的邮件服务器")
	}
	if s.TLS == TLSNone && !isLoopback(host) {
		add("channels.email.smtp.tls", "plain-relay", "邮件会以明文经过网络", "改成 starttls 或 tls")
	}
	// RFC 8314 3.3 (2018): 465 is TLS from the first byte, 587 starts in plain text.
	if s.TLS != TLSDirect && port == "465" {
		add("channels.email.smtp.tls", "tls-port", "465 端口通常从一开始就要加密", "改成 tls: tls")
	}
	if s.TLS == TLSDirect && (port == "25" || port == "587") {
		add("channels.email.smtp.tls", "tls-port", port+" 端口通常先不加密、再用 STARTTLS 加密", "改成 tls: starttls")
	}
}

func (c *Config) checkLimits(add addFunc) {
	e := c.Channels.Email
	for domain, limit := range e.Domains {
		key := "channels.email.domains." + domain
		if limit.Rate > 0 && e.Rate > 0 && limit.Rate > e.Rate {
			add(key+".rate", "limit-idle", fmt.Sprintf("%s 的 rate 比总的 rate 还高，不起作用", domain), "改低一些，或者删掉")
		}
		if limit.Connections > e.Connections {
			add(key+".connections", "limit-idle", fmt.Sprintf("%s 的 connections 比总的还多，不起作用", domain), "改少一些，或者删掉")
		}
	}
	if len(e.Retry) > 0 && e.GiveUp < e.Retry[0] {
		add("channels.email.give_up", "no-retry", "give_up 比第一次重试的等待还短，所以不会重试", "give_up 要比 retry 的各项加起来更长")
	}
}

func (c *Config) checkSchedules(add addFunc) {
	for i, s := range c.Schedules {
		key := fmt.Sprintf("schedules.%d", i)
		if s.Cron.EitherDay() {
			add(key+".cron", "either_day", "日和星期都写了，只要符合其中一个就会发", "只要日就把星期写成 *，只要星期就把日写成 *")
		}
		slot := s.Cron.Next(time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)).In(c.Timezone)
		if opens := s.Window.Opens(slot); opens.After(slot) {
			add(key+".window", "outside_window", "到点时不在 window 里，要等到 "+opens.Format("15:04")+" 才开始发", "让 cron 的时间落在 window 里，或者不写 window")
		}
	}
	if u, err := url.Parse(c.Alerts.Webhook.Reveal()); err == nil && u.Scheme == "http" && !isLoopback(u.Hostname()) {
		add("alerts.webhook", "not_https", "通知会以明文经过网络", "改成 https://")
	}
	if len(c.Schedules) > 0 && len(c.Alerts.To) == 0 && !c.Alerts.Webhook.IsSet() {
		add("schedules", "no_alerts", "到点没有批准的期时，没有人会收到通知", "填 alerts.to 或 alerts.webhook")
	}
}

// isOpen reports whether other machines can reach a listener.
func isOpen(address string) bool {
	host, _, err := net.SplitHostPort(address)
	return err == nil && !isLoopback(host)
}

// isExample reports whether a host is in a domain that RFC 2606 keeps for examples.
func isExample(host string) bool {
	for _, domain := range []string{"example.org", "example.com", "example.net"} {
		if sameOrganisation(strings.ToLower(host), domain) {
			return true
		}
	}
	return false
}
