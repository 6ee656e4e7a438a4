package main

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"net/http"
	"net/url"
	"time"

	"golang.org/x/time/rate"
	"rsc.io/qr"

	"yizhan/config"
	"yizhan/dispatch/wechat"
	"yizhan/subscribers"
)

const (
	// visitPath is where somebody who reads in WeChat gets to their own page.
	visitPath   = "/wechat/me"
	visitCookie = "yizhan_visit"
	// visitFor is how long the way to the platform and back may take; its code works
	// for as long.
	visitFor = 5 * time.Minute
	// visitsPerSecond bounds how often strangers make us ask the platform.
	visitsPerSecond = 10
)

// scenes draws QR codes for the pages; nil where the account has none.
func (i *instance) scenes() (subscribers.Scenes, error) {
	if !i.chatting() || i.config.Channels.WeChat.Account != config.AccountService {
		return nil, nil
	}
	ch, err := i.weChat()
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, scene string, lives time.Duration) ([]byte, error) {
		text, err := ch.Scene(ctx, scene, lives)
		if err != nil {
			return nil, err
		}
		code, err := qr.Encode(text, qr.M)
		if err != nil {
			return nil, err
		}
		return code.PNG(), nil
	}, nil
}

// chatting reports whether followers are answered.
func (i *instance) chatting() bool {
	c := i.config.Channels.WeChat
	return c.On() && c.Token.IsSet()
}

// visits serves visitPath: it sends whoever reads in WeChat to the platform, which
// sends them back with a code, and then to the page of their subscription.
type visits struct {
	*instance
	channel *wechat.Channel
	pages   *subscribers.Pages
	limit   *rate.Limiter
}

// visits gives the page; nil where the account cannot.
func (i *instance) visits(pages *subscribers.Pages) (http.Handler, error) {
	if !i.config.Channels.WeChat.On() || i.config.Channels.WeChat.Account != config.AccountService {
		return nil, nil
	}
	ch, err := i.weChat()
	if err != nil {
		return nil, err
	}
	return &visits{i, ch, pages, rate.NewLimiter(visitsPerSecond, 2*visitsPerSecond)}, nil
}

// ServeHTTP implements [http.Handler].
func (v *visits) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Robots-Tag", "noindex")
	q := r.URL.Query()
	if !q.Has("code") {
		v.leave(w, r)
		return
	}
	// Whoever was sent to the platform comes back in the same browser: nobody is led
	// to another person's page.
	cookie, err := r.Cookie(visitCookie)
	if err != nil || subtle.ConstantTimeCompare([]byte(cookie.Value), []byte(q.Get("state"))) != 1 {
		v.pages.Refuse(w, r, http.StatusForbidden, "expired")
		return
	}
	if !v.limit.Allow() {
		v.pages.Refuse(w, r, http.StatusServiceUnavailable, "busy")
		return
	}
	openid, err := v.channel.Visitor(r.Context(), q.Get("code"))
	switch {
	case errors.Is(err, wechat.ErrVisitor):
		v.pages.Refuse(w, r, http.StatusForbidden, "expired")
		return
	case err != nil:
		v.log.Error("the platform does not say who a visitor is", "error", err)
		v.pages.Refuse(w, r, http.StatusServiceUnavailable, "busy")
		return
	}
	sub, err := v.people.Get(r.Context(), openid)
	switch {
	case errors.Is(err, subscribers.ErrNotFound):
		v.pages.Refuse(w, r, http.StatusGone, "gone")
	case err != nil:
		v.log.Error("looking up a visitor", "error", err)
		v.pages.Refuse(w, r, http.StatusServiceUnavailable, "busy")
	default:
		v.keep(w, visitCookie, visitPath, "", -1)
		http.Redirect(w, r, v.links.URL(subscribers.Token{
			Purpose: subscribers.ToManage, ID: sub.PublicID, Channel: subscribers.WeChat, Epoch: sub.LinkEpoch, Expires: time.Now().Add(time.Hour),
		}), http.StatusSeeOther)
	}
}

// leave sends a visitor to the platform.
func (v *visits) leave(w http.ResponseWriter, r *http.Request) {
	state := rand.Text()
	v.keep(w, visitCookie, visitPath, state, int(visitFor.Seconds()))
	http.Redirect(w, r, v.channel.Authorize(v.config.PublicURL+visitPath, state), http.StatusFound)
}

// keep sets a cookie for one page of ours, in seconds; a negative age removes it.
func (i *instance) keep(w http.ResponseWriter, name, path, value string, age int) {
	u, err := url.Parse(i.config.PublicURL)
	http.SetCookie(w, &http.Cookie{
		Name: name, Value: value, Path: path, MaxAge: age, HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: err == nil && u.Scheme == "https",
	})
}
