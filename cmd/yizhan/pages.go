package main

import (
	"embed"
	"net/http"
	"net/url"
	"strconv"

	"golang.org/x/text/language"
)

//go:embed page/*
var pageFiles embed.FS

// pages is everything that the public listener answers.
func (d *daemon) pages() (http.Handler, error) {
	people, err := d.subscriberPages()
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	people.Register(mux)
	newSite(d.instance).routes(mux)
	if err := d.keepLogo(); err != nil {
		return nil, err
	}
	mux.HandleFunc("GET "+logoPath+"{name}", d.logo)
	mux.HandleFunc("GET /favicon.ico", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=86400")
		http.ServeFileFS(w, r, pageFiles, "page/icon.svg")
	})
	told, err := d.callback()
	if err != nil {
		return nil, err
	}
	if told != nil {
		mux.Handle("/wechat", told)
	}
	visits, err := d.visits(people)
	if err != nil {
		return nil, err
	}
	if visits != nil {
		mux.Handle("GET "+visitPath, visits)
	}
	reminders, err := d.reminders(people)
	if err != nil {
		return nil, err
	}
	if reminders != nil {
		mux.Handle("GET "+remindPath, reminders)
	}
	if d.more != nil {
		mux.Handle("/demo", d.more)
		mux.Handle("/demo/", d.more)
	}
	return guarded(mux), nil
}

// host stands for a periodical whose configuration has no title.
func (i *instance) host() string {
	u, err := url.Parse(i.config.PublicURL)
	if err != nil {
		return i.config.PublicURL
	}
	return u.Host
}

// policy allows one style sheet and nothing else.
func policy(style string) string {
	return "default-src 'none'; style-src " + style + "; img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
}

// guarded sets what every answer has; a page may narrow or widen it.
func guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Content-Security-Policy", policy("'none'"))
		next.ServeHTTP(w, r)
	})
}

// wantsEnglish reports whether the browser wants English rather than Chinese, the
// second and the first of languages.
func wantsEnglish(r *http.Request, languages language.Matcher) bool {
	accept := r.Header.Get("Accept-Language")
	if len(accept) > 200 { // browsers send less; parsing costs
		return false
	}
	tags, _, err := language.ParseAcceptLanguage(accept)
	if err != nil {
		return false
	}
	_, n, _ := languages.Match(tags...)
	return n == 1
}

// send answers with a page; nothing is to be done for a client that left.
func send(w http.ResponseWriter, status int, page []byte) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(page)))
	w.WriteHeader(status)
	_, _ = w.Write(page)
}
