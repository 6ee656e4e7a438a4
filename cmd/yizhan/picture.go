package main

import (
	"errors"
	"net/http"
	"strconv"
	"strings"

	"yizhan/issue"
)

// picture answers with a picture of an issue that was sent. Its name is made from
// its content, so that a browser never needs to ask again.
func (s *site) picture(w http.ResponseWriter, r *http.Request) {
	id, name := r.PathValue("id"), r.PathValue("name")
	planned, err := s.ledger.Published(r.Context())
	if err != nil {
		s.broken(w, err)
		return
	}
	if _, ok := planned[id]; !ok {
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
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	_, _ = w.Write(p.Data) // nothing is to be done for a client that left
}

func pictureType(name string) string {
	if strings.HasSuffix(name, ".png") {
		return "image/png"
	}
	return "image/jpeg"
}
