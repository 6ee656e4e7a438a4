package templates

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"strings"
	"time"
)

// Feed is what the feeds are made from.
type Feed struct {
	Site
	Entries []FeedEntry // newest first
}

// FeedEntry is one issue in the feeds.
type FeedEntry struct {
	Issue              View // by [Set.Listed], as anybody may see it
	Published, Updated time.Time
}

// Updated is when anything in the feed last changed; zero when it is empty.
func (f Feed) Updated() time.Time {
	var last time.Time
	for _, e := range f.Entries {
		if e.Updated.After(last) {
			last = e.Updated
		}
	}
	return last
}

func (f Feed) url(path string) string { return strings.TrimRight(f.PublicURL, "/") + path }

// content is what a feed reader shows of an issue.
func (s *Set) content(e FeedEntry) (string, error) {
	out, err := execute(s.feed, e.Issue)
	return string(bytes.TrimSpace(out)), err
}

func (e FeedEntry) title() string { return strings.TrimSpace(e.Issue.Title + " " + e.Issue.IssueName) }

// The elements of RFC 4287 that we use.
type atomFeed struct {
	XMLName xml.Name    `xml:"http://www.w3.org/2005/Atom feed"`
	Lang    string      `xml:"xml:lang,attr"`
	ID      string      `xml:"id"`
	Title   string      `xml:"title"`
	Updated string      `xml:"updated"`
	Author  atomAuthor  `xml:"author"`
	Links   []atomLink  `xml:"link"`
	Entries []atomEntry `xml:"entry"`
}

type atomAuthor struct {
	Name string `xml:"name"`
}

type atomLink struct {
	Rel  string `xml:"rel,attr"`
	Type string `xml:"type,attr"`
	Href string `xml:"href,attr"`
}

type atomEntry struct {
	ID        string      `xml:"id"`
	Title     string      `xml:"title"`
	Published string      `xml:"published"`
	Updated   string      `xml:"updated"`
	Link      atomLink    `xml:"link"`
	Content   atomContent `xml:"content"`
}

type atomContent struct {
	Type string `xml:"type,attr"`
	HTML string `xml:",chardata"`
}

// stamp is a time as both feeds write it.
func stamp(t time.Time) string {
	if t.IsZero() {
		t = time.Unix(0, 0)
	}
	return t.UTC().Format(time.RFC3339)
}

// Atom renders the Atom feed (RFC 4287).
func (s *Set) Atom(f Feed) ([]byte, error) {
	title := line(f.Title)
	out := atomFeed{
		Lang: textLanguage, ID: f.url("/"), Title: title, Updated: stamp(f.Updated()), Author: atomAuthor{Name: f.author()},
		Links: []atomLink{{"self", "application/atom+xml", f.url("/feed.xml")}, {"alternate", "text/html", f.url("/")}},
	}
	for _, e := range f.Entries {
		content, err := s.content(e)
		if err != nil {
			return nil, err
		}
		out.Entries = append(out.Entries, atomEntry{
			ID: e.Issue.WebURL, Title: e.title(), Published: stamp(e.Published), Updated: stamp(e.Updated),
			Link: atomLink{"alternate", "text/html", e.Issue.WebURL}, Content: atomContent{"html", content},
		})
	}
	text, err := xml.MarshalIndent(out, "", " ")
	if err != nil {
		return nil, fmt.Errorf("render feed: %w", err)
	}
	return append([]byte(xml.Header), append(text, '\n')...), nil
}

// author is whose periodical it is.
func (f Feed) author() string {
	for _, e := range f.Entries {
		if e.Issue.Publisher != "" {
			return e.Issue.Publisher
		}
	}
	return line(f.Title)
}

// The fields of https://www.jsonfeed.org/version/1.1/ (read 2026-11) that we use.
type jsonFeed struct {
	Version  string       `json:"version"`
	Title    string       `json:"title"`
	HomePage string       `json:"home_page_url"`
	FeedURL  string       `json:"feed_url"`
	Language string       `json:"language"`
	Authors  []jsonAuthor `json:"authors"`
	Items    []jsonItem   `json:"items"`
}

type jsonAuthor struct {
	Name string `json:"name"`
}

type jsonItem struct {
	ID        string `json:"id"`
	URL       string `json:"url"`
	Title     string `json:"title"`
	HTML      string `json:"content_html"`
	Published string `json:"date_published"`
	Modified  string `json:"date_modified"`
}

// JSONFeed renders the feed as JSON Feed 1.1.
func (s *Set) JSONFeed(f Feed) ([]byte, error) {
	out := jsonFeed{
		Version: "https://jsonfeed.org/version/1.1", Title: line(f.Title), HomePage: f.url("/"), FeedURL: f.url("/feed.json"),
		Language: textLanguage, Authors: []jsonAuthor{{f.author()}}, Items: []jsonItem{},
	}
	for _, e := range f.Entries {
		content, err := s.content(e)
		if err != nil {
			return nil, err
		}
		out.Items = append(out.Items, jsonItem{
			ID: e.Issue.WebURL, URL: e.Issue.WebURL, Title: e.title(), HTML: content, Published: stamp(e.Published), Modified: stamp(e.Updated),
		})
	}
	text, err := json.MarshalIndent(out, "", " ")
	if err != nil {
		return nil, fmt.Errorf("render feed: %w", err)
	}
	return append(text, '\n'), nil
}
