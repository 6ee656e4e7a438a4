package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strconv"
	"sync"

	"golang.org/x/text/language"

	"yizhan/issue"
	"yizhan/subscribers"
)

//go:embed page/*
var pageFiles embed.FS

// site is the public pages of an instance.
type site struct {
	*instance
	own       *template.Template // list.html, missing.html
	style     template.CSS
	policy    string // Content-Security-Policy of these pages
	languages language.Matcher

	mu       sync.Mutex
	rendered map[string]renderedIssue // by issue
}

// renderedIssue is the web page of one revision: rendering costs, and a revision
// that was planned never changes.
type renderedIssue struct {
	revision int
	page     []byte
}

// pages is everything that the public listener answers.
func (d *daemon) pages() (http.Handler, error) {
	own, err := template.ParseFS(pageFiles, "page/list.html", "page/missing.html")
	if err != nil {
		return nil, fmt.Errorf("reading the pages: %w", err)
	}
	style, err := pageFiles.ReadFile("page/page.css")
	if err != nil {
		return nil, fmt.Errorf("reading the pages: %w", err)
	}
	leave, err := subscribers.NewPages(subscribers.PageOptions{
		Store: d.people, Links: d.links, Renderer: d.templates, Title: cmp.Or(d.config.Title, d.host()), Log: d.log,
	})
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(style)
	s := &site{
		instance: d.instance, own: own, style: template.CSS(style),
		policy:    policy("'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"),
		languages: language.NewMatcher([]language.Tag{language.SimplifiedChinese, language.English}),
		rendered:  map[string]renderedIssue{},
	}
	mux := http.NewServeMux()
	mux.Handle("/unsubscribe", leave)
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { s.list(w, r, newestIssues) })
	mux.HandleFunc("GET /issues", func(w http.ResponseWriter, r *http.Request) { s.list(w, r, 0) })
	mux.HandleFunc("GET /issues/{id}", s.issuePage)
	mux.HandleFunc("GET /issues/{id}/img/{name}", s.picture)
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
	mux.HandleFunc("/", s.missing)
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

// newestIssues is how many issues the first page lists.
const newestIssues = 6

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

// listView is what list.html and missing.html are given.
type listView struct {
	Style   template.CSS
	English bool
	Title   string
	All     bool // every issue, not only the newest
	Issues  []issue.Summary
	More    bool // there are more than these
	ICP     string
}

// list shows the newest issues that were sent, or all when most is 0.
func (s *site) list(w http.ResponseWriter, r *http.Request, most int) {
	issues, err := s.sent(r.Context())
	if err != nil {
		s.broken(w, err)
		return
	}
	v := s.view(w, r)
	v.All = most == 0
	if len(issues) > 0 && v.Title == "" {
		v.Title = issues[0].Title
	}
	v.Issues = issues
	if most > 0 && len(issues) > most {
		v.Issues, v.More = issues[:most], true
	}
	s.show(w, http.StatusOK, "list.html", v)
}

// issuePage shows the newest revision of an issue that was sent. What was never
// planned is not public.
func (s *site) issuePage(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	planned, err := s.ledger.Published(r.Context())
	if err != nil {
		s.broken(w, err)
		return
	}
	revision, ok := planned[id]
	if !ok {
		s.missing(w, r)
		return
	}
	page, err := s.render(r.Context(), id, revision)
	if errors.Is(err, issue.ErrNotFound) {
		s.missing(w, r)
		return
	}
	if err != nil {
		s.broken(w, err)
		return
	}
	w.Header().Set("Content-Security-Policy", policy(s.templates.StyleHash()))
	w.Header().Set("Content-Language", "zh-CN")
	send(w, http.StatusOK, page)
}

// render gives the web page of a revision.
func (s *site) render(ctx context.Context, id string, revision int) ([]byte, error) {
	s.mu.Lock()
	have := s.rendered[id]
	s.mu.Unlock()
	if have.revision == revision {
		return have.page, nil
	}
	r, err := s.issues.Revision(ctx, id, revision)
	if err != nil {
		return nil, err
	}
	in, err := s.published(ctx, r.Issue, r.Revision)
	if err != nil {
		return nil, err
	}
	page, err := s.templates.Web(in)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rendered[id] = renderedIssue{revision, page}
	return page, nil
}

// sent lists the issues that were planned, newest first.
func (s *site) sent(ctx context.Context) ([]issue.Summary, error) {
	planned, err := s.ledger.Published(ctx)
	if err != nil {
		return nil, err
	}
	all, err := s.issues.List(ctx)
	if err != nil {
		return nil, err
	}
	out := []issue.Summary{}
	for n := len(all) - 1; n >= 0; n-- {
		if _, ok := planned[all[n].ID]; ok {
			out = append(out, all[n])
		}
	}
	return out, nil
}

func (s *site) missing(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "405", http.StatusMethodNotAllowed)
		return
	}
	s.show(w, http.StatusNotFound, "missing.html", s.view(w, r))
}

// broken answers when the database does not; the reason is for the log only.
func (s *site) broken(w http.ResponseWriter, err error) {
	s.log.Error("a page cannot be shown", "error", err)
	http.Error(w, "503 请稍后再试 / please try again in a moment", http.StatusServiceUnavailable)
}

func (s *site) view(w http.ResponseWriter, r *http.Request) listView {
	v := listView{Style: s.style, Title: s.config.Title, ICP: s.config.Imprint.ICP, English: english(r, s.languages)}
	w.Header().Set("Vary", "Accept-Language")
	w.Header().Set("Content-Language", "zh-CN")
	if v.English {
		w.Header().Set("Content-Language", "en")
	}
	return v
}

// english reports whether the browser wants English rather than Chinese, the
// second and the first of languages.
func english(r *http.Request, languages language.Matcher) bool {
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

func (s *site) show(w http.ResponseWriter, status int, name string, v listView) {
	v.Title = cmp.Or(v.Title, s.host())
	var out bytes.Buffer
	if err := s.own.ExecuteTemplate(&out, name, v); err != nil {
		s.broken(w, err)
		return
	}
	w.Header().Set("Content-Security-Policy", s.policy)
	send(w, status, out.Bytes())
}

// send answers with a page; nothing is to be done for a client that left.
func send(w http.ResponseWriter, status int, page []byte) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(page)))
	w.WriteHeader(status)
	_, _ = w.Write(page)
}
