package main

import (
	"crypto/x509"
	"slices"

	"yizhan/config"
	"yizhan/dispatch"
	"yizhan/dispatch/email"
	"yizhan/dispatch/wechat"
)

// opener makes a channel of the configuration. It does not connect.
type opener struct {
	name string
	open func(*instance) (dispatch.Route, error)
}

// channels has one line for each channel.
func channels() []opener {
	return []opener{
		{email.Name, openEmail},
		{wechat.Name, openWeChat},
	}
}

// configured leaves out the channels that the configuration has not turned on.
func configured(all []opener, c *config.Config) []opener {
	return slices.DeleteFunc(slices.Clone(all), func(o opener) bool { return o.name == wechat.Name && !c.Channels.WeChat.On() })
}

// relay is what mail goes out through.
func relay(c config.Email, roots *x509.CertPool) email.SMTP {
	return email.SMTP{
		Address: c.SMTP.Address, Username: c.SMTP.Username, Password: c.SMTP.Password.Reveal(),
		TLS: email.TLS(c.SMTP.TLS), Roots: roots, ServerName: c.SMTP.ServerName,
	}
}

// openEmail makes the email channel.
func openEmail(i *instance) (dispatch.Route, error) {
	c := i.config.Channels.Email
	roots, err := c.SMTP.Roots()
	if err != nil {
		return dispatch.Route{}, err
	}
	domains := make(map[string]dispatch.DomainLimit, len(c.Domains))
	for domain, limit := range c.Domains {
		domains[domain] = dispatch.DomainLimit{Rate: float64(limit.Rate), Lanes: limit.Connections}
	}
	keys := make([]email.Key, len(c.DKIM))
	for n, k := range c.DKIM {
		private, err := k.Signer()
		if err != nil {
			return dispatch.Route{}, err
		}
		keys[n] = email.Key{Domain: k.Domain, Selector: k.Selector, Private: private}
	}
	channel, err := email.New(email.Options{
		From: c.From, ReplyTo: c.ReplyTo, EnvelopeFrom: c.EnvelopeFrom, Hello: c.Hello, UnsubscribeMailto: c.UnsubscribeMailto,
		PublicURL: i.config.PublicURL, Title: i.config.Title, Imprint: i.imprint(), Zone: i.config.Timezone, Locked: i.locked, DKIM: keys,
		SMTP:        relay(c, roots),
		Connections: c.Connections, Rate: float64(c.Rate), Domains: domains, Grace: i.config.ShutdownGrace,
		Digest: i.templates, Links: channelLinks{i.links, i.people, email.Name}, Logger: i.log,
	})
	if err != nil {
		return dispatch.Route{}, err
	}
	return dispatch.Route{Channel: channel, Policy: dispatch.Policy{
		Retry: c.Retry, GiveUp: c.GiveUp, AfterLostReply: string(c.AfterLostReply), // the same words
	}}, nil
}

// openWeChat makes the WeChat channel.
func openWeChat(i *instance) (dispatch.Route, error) {
	c := i.config.Channels.WeChat
	o := wechat.APIOptions{BaseURL: c.APIURL, AppID: c.AppID, Secret: c.AppSecret.Reveal(), Logger: i.log}
	if i.redis != nil {
		o.Shared = wechat.NewRedisTokens(i.redis.Client, c.AppID)
	}
	api, err := wechat.NewAPI(o)
	if err != nil {
		return dispatch.Route{}, err
	}
	fields := make(map[string]wechat.Field, len(c.Template.Fields))
	for key, what := range c.Template.Fields {
		fields[key] = wechat.Field(what) // the same words
	}
	channel, err := wechat.New(wechat.Options{
		API: api, Account: wechat.Account(c.Account), Mode: wechat.Mode(c.Mode), ToAll: c.To == config.ToAll, Tag: c.Tag, OneDraft: c.Drafts == config.DraftPerRun,
		Message: wechat.Message{Template: c.Template.ID, Fields: fields}, Rate: float64(c.Rate), Remind: c.Remind,
		PublicURL: i.config.PublicURL, Imprint: i.imprint(), Zone: i.config.Timezone, Locked: i.locked, Render: i.templates, Pictures: i.issues, Uploads: i.ledger, Logger: i.log,
	})
	if err != nil {
		return dispatch.Route{}, err
	}
	return dispatch.Route{Channel: channel, Policy: wechat.Policy(c.Retry, c.GiveUp)}, nil
}
