package main

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"yizhan/config"
	"yizhan/dispatch"
	"yizhan/issue"
	"yizhan/subscribers"
	"yizhan/templates"
)

// catalogue knows what was published. A revision that was planned never changes:
// what is made of one is kept.
type catalogue struct {
	*instance

	mu      sync.Mutex
	volumes map[string]volume       // by issue
	records map[string]issue.Record // by issue: the last that were read
}

// volume is a published issue as lists and feeds show it.
type volume struct {
	dispatch.Publication
	id     string
	title  string
	year   int
	number int // in the year
	total  int // running number
	// supplement: the numbers printed on it may be those of a regular issue.
	supplement bool
	chinese    templates.View
	english    templates.View
	// headlines are what the chat tells of it.
	headlines []subscribers.PrintedSection
}

// in is the volume in a language.
func (v volume) in(language string) templates.View {
	if language == english {
		return v.english
	}
	return v.chinese
}

// The languages of the pages.
const (
	chinese = "zh-CN"
	english = "en"
)

// keptRecords bounds how many issues are held with their texts.
const keptRecords = 8

func newCatalogue(i *instance) *catalogue {
	return &catalogue{instance: i, volumes: map[string]volume{}, records: map[string]issue.Record{}}
}

// issued gives the issues that were published, newest first.
func (c *catalogue) issued(ctx context.Context) ([]issue.Summary, map[string]dispatch.Publication, error) {
	published, err := c.ledger.Published(ctx)
	if err != nil || len(published) == 0 {
		return nil, nil, err
	}
	all, err := c.issues.List(ctx)
	if err != nil {
		return nil, nil, err
	}
	all = slices.DeleteFunc(all, func(one issue.Summary) bool { _, ok := published[one.ID]; return !ok })
	slices.Reverse(all)
	return all, published, nil
}

// list gives what was published, newest first.
func (c *catalogue) list(ctx context.Context) ([]volume, error) {
	issued, published, err := c.issued(ctx)
	if err != nil {
		return nil, err
	}
	var out []volume
	for _, one := range issued {
		v, err := c.volume(ctx, one.ID, published[one.ID])
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

func (c *catalogue) volume(ctx context.Context, id string, p dispatch.Publication) (volume, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if v, ok := c.volumes[id]; ok && v.Publication == p {
		return v, nil
	}
	r, err := c.issues.Revision(ctx, id, p.Revision)
	if err != nil {
		return volume{}, err
	}
	in := c.digest(r.Issue, r.Revision)
	in.Language = chinese
	v := volume{
		Publication: p, id: id, title: r.Title, year: r.Year, number: r.Number, total: r.Total, supplement: r.Supplement != "",
		chinese: c.templates.Listed(in), headlines: headlines(r.Issue),
	}
	in.Language = english
	v.english = c.templates.Listed(in)
	c.volumes[id] = v
	return v, nil
}

// public gives the revision of an issue that everybody may know of; ok is false when
// there is none.
func (c *catalogue) public(ctx context.Context, id string) (r issue.Record, ok bool, err error) {
	all, err := c.ledger.Published(ctx)
	if err != nil {
		return r, false, err
	}
	p, ok := all[id]
	if !ok {
		return r, false, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if r, ok = c.records[id]; ok && r.Revision.N == p.Revision {
		return r, true, nil
	}
	if r, err = c.issues.Revision(ctx, id, p.Revision); err != nil {
		return r, false, err
	}
	if len(c.records) >= keptRecords {
		clear(c.records)
	}
	c.records[id] = r
	return r, true, nil
}

// locked are the places of the sections whose text is for members only.
func (i *instance) locked(is issue.Issue) []int {
	set := i.config.Pages
	has := func(names []string, name string) bool {
		key := issue.SectionKey(name)
		return key != "" && slices.ContainsFunc(names, func(n string) bool { return issue.SectionKey(n) == key })
	}
	var out []int
	for n, s := range is.Sections {
		members := set.Visibility == config.VisibilityMembers && !has(set.PublicSections, s.Name)
		if members || has(set.MembersSections, s.Name) {
			out = append(out, n)
		}
	}
	return out
}

// offered reports whether the file of this name may be downloaded.
func (i *instance) offered(name string) bool {
	switch i.config.Pages.Originals {
	case config.OriginalsAll:
		return name != ""
	case config.OriginalsText:
		switch strings.ToLower(filepath.Ext(name)) {
		case ".txt", ".text", ".md", ".markdown":
			return true
		}
	}
	return false
}
