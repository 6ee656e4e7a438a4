package main

import (
	"context"
	"errors"
	"net"
	"time"

	"yizhan/dispatch"
	"yizhan/dispatch/email"
)

// keyRecord is a DKIM record, and what the DNS has for it when that was asked.
type keyRecord struct {
	email.Record
	State email.Publication `json:"state,omitempty"`
	Text  string            `json:"text"`
}

// bad reports whether mails with this key's signature are taken for forged. That
// the DNS did not answer says nothing.
func (r keyRecord) bad() bool {
	return r.State != "" && r.State != email.Published && r.State != email.Unanswered
}

// publisher is a channel that needs records in the DNS.
type publisher interface {
	Records() []email.Record
	Publications(ctx context.Context, r email.Resolver) ([]email.Publication, []error)
}

// lookupLimit bounds what is waited for the DNS.
const lookupLimit = 15 * time.Second

// lookUp lists the records of a channel's keys; with live it looks for them.
func lookUp(ctx context.Context, ch dispatch.Channel, live bool, resolver email.Resolver) []keyRecord {
	p, ok := ch.(publisher)
	if !ok {
		return nil
	}
	var out []keyRecord
	for _, r := range p.Records() {
		out = append(out, keyRecord{Record: r, Text: "请在 DNS 里发布这条记录"})
	}
	if !live {
		return out
	}
	if resolver == nil {
		resolver = net.DefaultResolver
	}
	ctx, cancel := context.WithTimeout(ctx, lookupLimit)
	defer cancel()
	found, why := p.Publications(ctx, resolver)
	for i := range out {
		out[i].State, out[i].Text = found[i], inDNS(found[i], why[i])
	}
	return out
}

// inDNS says what was found.
func inDNS(p email.Publication, why error) string {
	text := map[email.Publication]string{
		email.Published:  "已经发布，和私钥对得上",
		email.Missing:    "DNS 里还没有这条记录",
		email.Several:    "DNS 里这个名称有不止一条 TXT 记录，只能留一条",
		email.Different:  "DNS 里的记录和私钥对不上",
		email.Unanswered: "DNS 没有答复，没能核对",
	}[p]
	var dns *net.DNSError
	switch {
	case why == nil || p == email.Missing || p == email.Several:
		return text
	case errors.As(why, &dns):
		return text + "（" + plain(dns.Err) + "）"
	}
	return text + "（" + plain(why.Error()) + "）"
}
