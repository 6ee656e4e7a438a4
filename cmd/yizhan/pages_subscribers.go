package main

import (
	"cmp"
	"context"
	"time"

	"yizhan/subscribers"
	"yizhan/templates"
)

// subscriberPages are the pages of what subscribers do by themselves.
func (d *daemon) subscriberPages() (*subscribers.Pages, error) {
	title := cmp.Or(d.config.Title, d.host())
	scenes, err := d.scenes()
	if err != nil {
		return nil, err
	}
	return subscribers.NewPages(subscribers.PageOptions{
		Desk: d.desk, Links: d.links, Renderer: d.templates, Title: title, Zone: d.config.Timezone,
		Sections: library{d.catalogue}.Sections, Consent: func(language string) string { return templates.Consent(language, title) },
		Proxies: d.config.HTTP.TrustedProxies, Chat: d.chatting(), Scenes: scenes, Latest: newest{d.catalogue}, Log: d.log,
	})
}

// keepConsent keeps the wordings that people agree to from now on.
func (d *daemon) keepConsent(ctx context.Context) error {
	for _, language := range []string{"zh-CN", "en"} {
		text := templates.Consent(language, cmp.Or(d.config.Title, d.host()))
		if err := d.people.KeepText(ctx, language, text, time.Now()); err != nil {
			return err
		}
	}
	return nil
}
