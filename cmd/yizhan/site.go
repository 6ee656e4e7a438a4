package main

import (
	"cmp"
	"context"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/text/language"

	"yizhan/issue"
	"yizhan/templates"
)

// site is the public pages of an instance: the front page, the issues and their
// articles, the feeds. GET is all that they know.
type site struct {
	*catalogue
	languages language.Matcher

	mu       sync.Mutex
	rendered map[renderedKey][]byte
}

// renderedKey names the web page of an issue: rendering costs, and a revision that
// was planned never changes.
type renderedKey struct {
	id       string
	revision int
	member   bool
}

// keptPages bounds how many pages of issues are held.
const keptPages = 16

func newSite(i *instance) *site {
	return &site{
		catalogue: i.catalogue, rendered: map[renderedKey][]byte{},
		languages: language.NewMatcher([]language.Tag{language.SimplifiedChinese, language.English}),
	}
}

// routes adds the site's pages.
func (s *site) routes(mux *http.ServeMux) {
	mux.HandleFunc("GET /{$}", s.home)
	mux.HandleFunc("GET /issues", s.archive)
	mux.HandleFunc("GET /issues/{id}", s.issuePage)
	mux.HandleFunc("GET /issues/{id}/{article}", s.articlePage)
	mux.HandleFunc("GET /issues/{id}/img/{name}", s.picture)
	mux.HandleFunc("GET /issues/{id}/original", s.original)
	mux.HandleFunc("GET /issues/{id}/read", s.letIn)
	mux.HandleFunc("GET /feed.xml", s.atom)
	mux.HandleFunc("GET /feed.json", s.jsonFeed)
	mux.HandleFunc("/", s.missing)
}

// earlierIssues is how many issues the front page lists beside the latest.
const earlierIssues = 6

func (s *site) home(w http.ResponseWriter, r *http.Request) {
	volumes, err := s.list(r.Context())
	if err != nil {
		s.broken(w, err)
		return
	}
	lang := s.language(r)
	var v templates.Home
	for n, one := range volumes {
		switch view := one.in(lang); {
		case n == 0:
			v.Latest = &view
		case n <= earlierIssues:
			v.Earlier = append(v.Earlier, view)
		default:
			v.More = true
		}
	}
	s.show(w, r, http.StatusOK, "home", volumes, v)
}

func (s *site) archive(w http.ResponseWriter, r *http.Request) {
	volumes, err := s.list(r.Context())
	if err != nil {
		s.broken(w, err)
		return
	}
	lang := s.language(r)
	var v templates.Archive
	for _, one := range volumes {
		name := s.templates.YearName(one.year, lang)
		if len(v.Years) == 0 || v.Years[len(v.Years)-1].Name != name {
			v.Years = append(v.Years, templates.Year{Name: name})
		}
		last := &v.Years[len(v.Years)-1]
		last.Issues = append(last.Issues, one.in(lang))
	}
	s.show(w, r, http.StatusOK, "issues", volumes, v)
}

// asked is a published issue that somebody asks for.
type asked struct {
	issue.Record
	in     templates.Input
	locked bool // there is something that this reader does not see
	member bool
}

// find answers by itself when there is nothing to show, and reports that by ok.
func (s *site) find(w http.ResponseWriter, r *http.Request) (a asked, ok bool) {
	record, found, err := s.public(r.Context(), r.PathValue("id"))
	if err != nil && !errors.Is(err, issue.ErrNotFound) {
		s.broken(w, err)
		return a, false
	}
	if !found {
		s.missing(w, r)
		return a, false
	}
	in, err := s.published(r.Context(), record.Issue, record.Revision)
	if err != nil {
		s.broken(w, err)
		return a, false
	}
	a = asked{Record: record, in: in}
	if locked := s.locked(record.Issue); len(locked) > 0 {
		if a.member, err = s.member(r.Context(), r); err != nil {
			s.broken(w, err)
			return a, false
		}
		// What a member sees stays in the member's browser.
		w.Header().Set("Vary", "Cookie")
		w.Header().Set("Cache-Control", "private, no-store")
		if a.locked = !a.member; a.member {
			a.in.Locked = nil
		}
	}
	w.Header().Set("Content-Language", templates.Language(record.Issue))
	return a, true
}

// issuePage shows the newest revision of an issue that was sent. What was never
// planned is not public.
func (s *site) issuePage(w http.ResponseWriter, r *http.Request) {
	a, ok := s.find(w, r)
	if !ok {
		return
	}
	page, err := s.render(r.Context(), a)
	if err != nil {
		s.broken(w, err)
		return
	}
	w.Header().Set("Content-Security-Policy", policy(s.templates.StyleHash()))
	send(w, http.StatusOK, page)
}

// render gives the web page of an issue.
func (s *site) render(ctx context.Context, a asked) ([]byte, error) {
	key := renderedKey{a.ID, a.Revision.N, a.member}
	s.mu.Lock()
	page, have := s.rendered[key]
	s.mu.Unlock()
	if have {
		return page, nil
	}
	if !a.locked {
		name, err := s.issues.SourceName(ctx, a.ID, a.Revision.N)
		if err != nil {
			return nil, err
		}
		if s.offered(name) {
			a.in.OriginalURL = "/issues/" + url.PathEscape(a.ID) + "/original"
		}
	}
	if s.reminding() {
		a.in.RemindURL = remindPath
	}
	page, err := s.templates.Web(a.in)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.rendered) >= keptPages {
		clear(s.rendered)
	}
	s.rendered[key] = page
	return page, nil
}

// articlePage shows one article: /issues/142/a3.
func (s *site) articlePage(w http.ResponseWriter, r *http.Request) {
	digits, ok := strings.CutPrefix(r.PathValue("article"), "a")
	n, err := strconv.Atoi(digits)
	if !ok || err != nil || strconv.Itoa(n) != digits {
		s.missing(w, r)
		return
	}
	a, ok := s.find(w, r)
	if !ok {
		return
	}
	page, err := s.templates.ArticlePage(a.in, n)
	switch {
	case errors.Is(err, templates.ErrNoArticle):
		s.missing(w, r)
	case err != nil:
		s.broken(w, err)
	default:
		w.Header().Set("Content-Security-Policy", policy(s.templates.SiteStyleHash()))
		send(w, http.StatusOK, page)
	}
}

// original hands out the file that the issue was read from, to those who may read
// all of it.
func (s *site) original(w http.ResponseWriter, r *http.Request) {
	a, ok := s.find(w, r)
	if !ok {
		return
	}
	name, file, err := s.issues.Source(r.Context(), a.ID, a.Revision.N)
	if err != nil {
		s.broken(w, err)
		return
	}
	if a.locked || !s.offered(name) {
		s.missing(w, r)
		return
	}
	h := w.Header()
	// The name that the file had on the editor's computer is nobody's business.
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": a.ID + strings.ToLower(filepath.Ext(name))}))
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Length", strconv.Itoa(len(file)))
	_, _ = w.Write(file) // nothing is to be done for a client that left
}

func (s *site) missing(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "405", http.StatusMethodNotAllowed)
		return
	}
	s.show(w, r, http.StatusNotFound, "missing", nil, nil)
}

// broken answers when the database does not; the reason is for the log only.
func (s *site) broken(w http.ResponseWriter, err error) {
	s.log.Error("a page cannot be shown", "error", err)
	http.Error(w, "503 请稍后再试 / please try again in a moment", http.StatusServiceUnavailable)
}

// language is that of the words on a page.
func (s *site) language(r *http.Request) string {
	if wantsEnglish(r, s.languages) {
		return english
	}
	return chinese
}

// show answers with one of the pages in templates/site.
func (s *site) show(w http.ResponseWriter, r *http.Request, status int, name string, volumes []volume, data any) {
	lang := s.language(r)
	page, err := s.templates.SitePage(name, s.about(lang, volumes), data)
	if err != nil {
		s.broken(w, err)
		return
	}
	h := w.Header()
	h.Set("Vary", "Accept-Language")
	h.Set("Content-Language", lang)
	h.Set("Content-Security-Policy", policy(s.templates.SiteStyleHash()))
	send(w, status, page)
}

// about is the periodical. Its title is the configured one, else what its newest
// issue is called.
func (s *site) about(lang string, volumes []volume) templates.Site {
	title := s.config.Title
	if title == "" && len(volumes) > 0 {
		title = volumes[0].title
	}
	return templates.Site{Title: cmp.Or(title, s.host()), PublicURL: s.config.PublicURL, Imprint: s.imprint(), Language: lang}
}
