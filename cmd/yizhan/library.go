package main

import (
	"context"
	"fmt"
	"slices"

	"yizhan/issue"
	"yizhan/subscribers"
)

// library is the published issues as people talk about them.
type library struct{ *catalogue }

// Printed implements [subscribers.Library].
func (l library) Printed(ctx context.Context) ([]subscribers.Printed, error) {
	volumes, err := l.list(ctx)
	var out []subscribers.Printed
	for _, v := range volumes {
		out = append(out, subscribers.Printed{
			ID: v.id, Number: v.number, Total: v.total, Year: v.year, URL: l.config.PublicURL + "/issues/" + v.id,
			Name: v.chinese.IssueName, NameEN: v.english.IssueName,
		})
	}
	return out, err
}

// Contents implements [subscribers.Library].
func (l library) Contents(ctx context.Context, id string) ([]subscribers.PrintedSection, error) {
	volumes, err := l.list(ctx)
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(volumes, func(v volume) bool { return v.id == id })
	if at < 0 {
		return nil, fmt.Errorf("issue %s: %w", id, issue.ErrNotFound)
	}
	return volumes[at].headlines, nil
}

const (
	// sectionsOf so many of the newest issues are those to choose from: sections
	// come and go.
	sectionsOf  = 6
	maxSections = 30
)

// Sections implements [subscribers.Library].
func (l library) Sections(ctx context.Context) ([]string, error) {
	volumes, err := l.list(ctx)
	var names []string
	for _, v := range volumes[:min(sectionsOf, len(volumes))] {
		for _, section := range v.headlines {
			if section.Name != "" && !slices.Contains(names, section.Name) && len(names) < maxSections {
				names = append(names, section.Name)
			}
		}
	}
	return names, err
}

// headlines are the sections of an issue with their titles.
func headlines(is issue.Issue) []subscribers.PrintedSection {
	var out []subscribers.PrintedSection
	for _, section := range is.Sections {
		one := subscribers.PrintedSection{Name: section.Name}
		for _, a := range section.Articles {
			if a.Title != "" {
				one.Titles = append(one.Titles, a.Title)
			}
		}
		if len(one.Titles) == 0 && len(section.Articles) > 0 {
			one.Titles = []string{section.Name} // one text without a title of its own
		}
		out = append(out, one)
	}
	return out
}

var _ subscribers.Library = library{}
