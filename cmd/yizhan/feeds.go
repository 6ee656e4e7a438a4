package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"net/http"

	"yizhan/templates"
)

// feedIssues is how many issues the feeds have.
const feedIssues = 20

func (s *site) atom(w http.ResponseWriter, r *http.Request) {
	s.feed(w, r, "application/atom+xml; charset=utf-8", s.templates.Atom)
}

func (s *site) jsonFeed(w http.ResponseWriter, r *http.Request) {
	s.feed(w, r, "application/feed+json; charset=utf-8", s.templates.JSONFeed)
}

// feed answers with a feed, or says that it has not changed. It shows what
// anybody may see, whoever asks.
func (s *site) feed(w http.ResponseWriter, r *http.Request, kind string, render func(templates.Feed) ([]byte, error)) {
	volumes, err := s.list(r.Context())
	if err != nil {
		s.broken(w, err)
		return
	}
	f := templates.Feed{Site: s.about(chinese, volumes)}
	for _, v := range volumes[:min(len(volumes), feedIssues)] {
		f.Entries = append(f.Entries, templates.FeedEntry{Issue: v.chinese, Published: v.First, Updated: v.Changed})
	}
	body, err := render(f)
	if err != nil {
		s.broken(w, err)
		return
	}
	sum := sha256.Sum256(body)
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("ETag", `"`+hex.EncodeToString(sum[:16])+`"`)
	h.Set("Cache-Control", "max-age=300")
	http.ServeContent(w, r, "", f.Updated(), bytes.NewReader(body))
}
