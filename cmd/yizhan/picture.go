package main

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"yizhan/issue"
)

// picture answers with a picture of an issue that was sent. Its name is made from
// its content, so that a browser never needs to ask again; one that only members
// see stays as short as their page.
func (s *site) picture(w http.ResponseWriter, r *http.Request) {
	a, ok := s.find(w, r)
	if !ok {
		return
	}
	id, name := a.ID, r.PathValue("name")
	if a.locked && slices.Contains(lockedPictures(a), name) {
		s.missing(w, r)
		return
	}
	p, err := s.issues.Picture(r.Context(), id, name)
	if errors.Is(err, issue.ErrNotFound) {
		s.missing(w, r)
		return
	}
	if err != nil {
		s.broken(w, err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", pictureType(name))
	h.Set("Content-Length", strconv.Itoa(len(p.Data)))
	h.Del("Content-Language")
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	_, _ = w.Write(p.Data) // nothing is to be done for a client that left
}

// lockedPictures are those that stand in nothing but sections for members.
func lockedPictures(a asked) []string {
	var locked, open issue.Issue
	for n, section := range a.Issue.Sections {
		if slices.Contains(a.in.Locked, n) {
			locked.Sections = append(locked.Sections, section)
		} else {
			open.Sections = append(open.Sections, section)
		}
	}
	public := open.Images()
	return slices.DeleteFunc(locked.Images(), func(name string) bool { return slices.Contains(public, name) })
}

func pictureType(name string) string {
	if strings.HasSuffix(name, ".png") {
		return "image/png"
	}
	return "image/jpeg"
}
