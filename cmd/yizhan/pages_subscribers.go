package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"yizhan/subscribers"
	"yizhan/templates"
)

// subscriberPages are the pages of what subscribers do by themselves.
func (d *daemon) subscriberPages() (*subscribers.Pages, error) {
	title := cmp.Or(d.config.Title, d.host())
	return subscribers.NewPages(subscribers.PageOptions{
		Desk: d.desk, Links: d.links, Renderer: d.templates, Title: title, Zone: d.config.Timezone,
		Sections: (&offer{instance: d.instance}).sections, Consent: func(language string) string { return templates.Consent(language, title) },
		Proxies: d.config.HTTP.TrustedProxies, Log: d.log,
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

// sectionsOf is how many of the newest issues tell which sections there are.
const sectionsOf = 6

// offer tells the sections of the newest issues that were sent, in their order
// there, and reads the issues only when others were sent.
type offer struct {
	*instance

	mu    sync.Mutex
	of    string // what was read: ids and revisions
	names []string
}

func (c *offer) sections(ctx context.Context) ([]string, error) {
	planned, err := c.ledger.Published(ctx)
	if err != nil {
		return nil, err
	}
	all, err := c.issues.List(ctx)
	if err != nil {
		return nil, err
	}
	var newest []string
	of := ""
	for _, one := range slices.Backward(all) {
		if p, ok := planned[one.ID]; ok && len(newest) < sectionsOf {
			newest = append(newest, one.ID)
			of += fmt.Sprintf("%s/%d ", one.ID, p.Revision)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if of == c.of {
		return c.names, nil
	}
	var names []string
	for _, id := range newest {
		r, err := c.issues.Revision(ctx, id, planned[id].Revision)
		if err != nil {
			return nil, err
		}
		for _, section := range r.Issue.Sections {
			if section.Name != "" && !slices.Contains(names, section.Name) {
				names = append(names, section.Name)
			}
		}
	}
	c.of, c.names = of, names
	return names, nil
}
