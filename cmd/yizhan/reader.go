package main

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"yizhan/subscribers"
)

// readerCookie remembers a personal link in the browser that it was opened in. It
// holds the link's token: what revokes the link revokes the cookie.
const readerCookie = "yizhan_reader"

// readerFor is how long a browser remembers it. Opening a link again begins anew.
const readerFor = 180 * 24 * time.Hour

// letIn takes a personal link: it remembers the token, and shows the issue at an
// address without it, which may be passed on. Whether the token is still good is
// asked whenever a text is read, and so it changes nothing here.
func (s *site) letIn(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Robots-Tag", "noindex")
	token := r.URL.Query().Get("t")
	if _, err := s.links.Open(subscribers.ToRead, token, time.Now()); err != nil {
		s.show(w, r, http.StatusForbidden, "denied", nil, nil)
		return
	}
	http.SetCookie(w, &http.Cookie{
		Name: readerCookie, Value: token, Path: "/issues", MaxAge: int(readerFor.Seconds()),
		HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: strings.HasPrefix(s.config.PublicURL, "https://"),
	})
	http.Redirect(w, r, "/issues/"+url.PathEscape(r.PathValue("id")), http.StatusSeeOther)
}

// member reports whether a request comes from a member, by the cookie of a link
// that was not revoked since.
func (s *site) member(ctx context.Context, r *http.Request) (bool, error) {
	cookie, err := r.Cookie(readerCookie)
	if err != nil {
		return false, nil
	}
	token, err := s.links.Open(subscribers.ToRead, cookie.Value, time.Now())
	if err != nil {
		return false, nil
	}
	person, err := s.people.Get(ctx, token.ID)
	switch {
	case errors.Is(err, subscribers.ErrNotFound):
		return false, nil
	case err != nil:
		return false, err
	case person.LinkEpoch != token.Epoch || person.State == subscribers.Pending:
		return false, nil
	}
	groups := s.config.Pages.Members
	return len(groups) == 0 || slices.ContainsFunc(person.Groups, func(g string) bool { return slices.Contains(groups, g) }), nil
}
