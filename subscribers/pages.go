package subscribers

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/language"
)

const (
	// maxForm is more than any form of these pages sends, in bytes.
	maxForm = 16 << 10
	// undoFor is how long the undo button of a page works, sessionFor a link that a
	// page itself gives.
	undoFor    = time.Hour
	sessionFor = time.Hour
	// actWithin bounds the wait for a database that is busy.
	actWithin = 30 * time.Second
)

// Renderer makes the HTML of a page from its template's name, the language of
// the reader and the page's data.
type Renderer interface {
	Page(name, language string, data any) ([]byte, error)
	// StyleHash is the source by which a Content-Security-Policy allows the style
	// sheet of the pages.
	StyleHash() string
}

// PageOptions of [Pages]; all but Proxies, Chat, Scenes and Latest are required.
type PageOptions struct {
	Desk     *Desk
	Links    *Links
	Renderer Renderer
	Title    string // of the periodical
	Zone     *time.Location
	// Sections are those that can be chosen, in the order of an issue.
	Sections func(ctx context.Context) ([]string, error)
	// Consent is the text that people agree to, in a language.
	Consent func(language string) string
	Proxies Proxies
	// Chat says that there is one in which a WeChat can be bound; Scenes makes QR
	// codes for it, nil where the account cannot.
	Chat   bool
	Scenes Scenes
	// Latest is offered to whoever has just confirmed; nil: nothing is.
	Latest Latest
	Log    *slog.Logger
}

// Pages serves what subscribers do by themselves: /subscribe, /confirm, /manage and
// /unsubscribe. GET shows a page and changes nothing, because scanners follow the
// links in mails. POST acts. The signed token in the URL is the capability; there
// are no cookies, so a POST from another origin can do no more than the link
// itself, and browsers' are refused.
type Pages struct {
	o    PageOptions
	csrf *http.CrossOriginProtection
}

// NewPages returns the pages, or what is missing.
func NewPages(o PageOptions) (*Pages, error) {
	if o.Desk == nil || o.Links == nil || o.Renderer == nil || o.Zone == nil || o.Sections == nil || o.Consent == nil || o.Log == nil {
		return nil, errors.New("subscribers: PageOptions.Desk, Links, Renderer, Zone, Sections, Consent and Log are required")
	}
	return &Pages{o: o, csrf: http.NewCrossOriginProtection()}, nil
}

// Register adds the pages to a mux.
func (p *Pages) Register(mux *http.ServeMux) {
	for path, serve := range map[string]func(*visit){
		"/subscribe": p.subscribePage, "/confirm": p.confirmPage, "/confirm/address": p.arrivePage,
		"/manage": p.managePage, "/manage/link": p.lostPage, "/unsubscribe": p.leavePage,
	} {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) { p.serve(w, r, serve) })
	}
}

// visit is one request with what all pages need of it.
type visit struct {
	w        http.ResponseWriter
	r        *http.Request
	ctx      context.Context // a client that hangs up has still said what it wants
	language string
	now      time.Time
	who      Caller
}

func (v *visit) post() bool { return v.r.Method == http.MethodPost }

// serve answers a request: what is true of every page, then the page's own part.
func (p *Pages) serve(w http.ResponseWriter, r *http.Request, serve func(*visit)) {
	h := w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; style-src "+p.o.Renderer.StyleHash()+"; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Robots-Tag", "noindex")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	h.Set("Vary", "Accept-Language")

	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), actWithin)
	defer cancel()
	v := &visit{w: w, r: r, ctx: ctx, language: ReaderLanguage(r), now: time.Now()}
	v.who = Caller{Channel: Email, Source: r.URL.Path, Network: p.o.Proxies.Network(r)}
	switch r.Method {
	case http.MethodGet, http.MethodHead:
	case http.MethodPost:
		if err := p.csrf.Check(r); err != nil {
			p.refuse(v, http.StatusForbidden, "foreign")
			return
		}
		if !v.read() {
			p.refuse(v, http.StatusRequestEntityTooLarge, "large")
			return
		}
	default:
		h.Set("Allow", "GET, HEAD, POST")
		p.refuse(v, http.StatusMethodNotAllowed, "method")
		return
	}
	serve(v)
}

// read reads the form and reports whether it is not too large. RFC 8058 3.2 allows
// both encodings of a form; a body that is none is an empty one.
func (v *visit) read() bool {
	body, err := io.ReadAll(http.MaxBytesReader(v.w, v.r.Body, maxForm))
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return false
	}
	v.r.Body = io.NopCloser(bytes.NewReader(body))
	_ = v.r.ParseMultipartForm(maxForm) // what could be read of it is in PostForm
	return true
}

// open opens the link that the visitor came by, for a purpose, and finds whose it
// is. It answers by itself when the link does not open the page.
func (p *Pages) open(v *visit, purpose Purpose) (Token, Subscriber, bool) {
	t, err := p.o.Links.Open(purpose, v.r.URL.Query().Get("t"), v.now)
	if err != nil {
		p.refuseLink(v, err)
		return t, Subscriber{}, false
	}
	var sub Subscriber
	if purpose == ToMove {
		_, _, sub, err = moveOf(v.ctx, p.o.Desk.read, t.ID)
	} else {
		sub, err = one(v.ctx, p.o.Desk.read, `WHERE public_id = $1`, t.ID)
	}
	switch {
	case errors.Is(err, ErrNotFound):
		p.refuse(v, http.StatusGone, "gone")
		return t, sub, false
	case err != nil:
		p.fault(v, "looking up a link", err)
		return t, sub, false
	case t.Epoch != sub.LinkEpoch:
		p.refuse(v, http.StatusForbidden, "revoked")
		return t, sub, false
	}
	v.who.ID, v.who.Channel = t.ID, t.Channel
	return t, sub, true
}

// token is a link that a page gives to whom it is about, for a short time.
func (p *Pages) token(purpose Purpose, sub Subscriber, channel string, now time.Time) string {
	return p.o.Links.Sign(Token{Purpose: purpose, ID: sub.PublicID, Channel: channel, Epoch: sub.LinkEpoch, Expires: now.Add(sessionFor)})
}

// query is the relative URL of a form or link with one parameter.
func query(path, name, token string) string { return path + "?" + url.Values{name: {token}}.Encode() }

// AnswerPage is what the template "answer" gets: something could not be done.
type AnswerPage struct {
	Title string // of the periodical
	// Problem is link (not valid), expired, revoked, gone (no longer in the list),
	// taken (the address is somebody's), foreign (a form of another site), busy (try
	// again later), large or method; Error says it in the language of the reader.
	Problem string
	Error   string
}

// refuse answers that something cannot be done.
func (p *Pages) refuse(v *visit, status int, problem string) {
	if v.r.URL.Path == "/unsubscribe" {
		p.show(v, status, "unsubscribe", UnsubscribePage{Title: p.o.Title, State: "error", Problem: problem, Error: explain(problem, v.language)})
		return
	}
	p.show(v, status, "answer", AnswerPage{Title: p.o.Title, Problem: problem, Error: explain(problem, v.language)})
}

// Refuse answers as one of the pages that something cannot be done, with a problem
// of [AnswerPage].
func (p *Pages) Refuse(w http.ResponseWriter, r *http.Request, status int, problem string) {
	p.serve(w, r, func(v *visit) { p.refuse(v, status, problem) })
}

func (p *Pages) refuseLink(v *visit, err error) {
	if errors.Is(err, ErrExpired) {
		p.refuse(v, http.StatusForbidden, "expired")
		return
	}
	p.refuse(v, http.StatusForbidden, "link")
}

// fault answers that the program failed, and why is for the log.
func (p *Pages) fault(v *visit, doing string, err error) {
	p.o.Log.Error(doing+" failed", "page", v.r.URL.Path, "subscriber", v.who.ID, "error", err)
	p.refuse(v, http.StatusServiceUnavailable, "busy")
}

func (p *Pages) show(v *visit, status int, name string, data any) {
	body, err := p.o.Renderer.Page(name, v.language, data)
	if err != nil {
		p.o.Log.Error("rendering a page failed", "page", name, "error", err)
		http.Error(v.w, "500", http.StatusInternalServerError)
		return
	}
	h := v.w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", v.language)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	v.w.WriteHeader(status)
	v.w.Write(body) // nothing to be done for a client that left
}

// explain says in the reader's language what went wrong.
func explain(problem, language string) string {
	chinese, english := "这个链接不完整或无效。", "The link is incomplete or not valid."
	switch problem {
	case "expired":
		chinese, english = "这个链接已经过期。", "The link has expired."
	case "gone":
		chinese, english = "订户名单中已经没有这个地址。", "The address is no longer in our list."
	case "busy":
		chinese, english = "系统暂时无法处理，您的请求还没有生效，请过几分钟再试。", "We could not do this just now. Please try again in a few minutes."
	case "revoked":
		chinese, english = "这个链接已经停用。", "The link does not work any more."
	case "taken":
		chinese, english = "这个地址已经在订户名单中。", "The address is in our list already."
	case "foreign":
		chinese, english = "这个请求来自别的网站，没有处理。请从我们的页面或邮件里重新打开。", "The request came from another site and was not carried out. Please open our page or the link in our mail again."
	case "large", "method":
		chinese, english = "无法识别这个请求。", "The request was not understood."
	}
	if language == "en" {
		return english
	}
	return chinese
}

// PageLanguage is the language of pages and mails for somebody's language: zh-CN
// or en. Who has none gets Chinese, who has another gets English.
func PageLanguage(tag string) string {
	if base, _, _ := strings.Cut(strings.ToLower(tag), "-"); base == "" || base == "zh" {
		return "zh-CN"
	}
	return "en"
}

// ReaderLanguage is the first of Chinese and English that the browser asks for.
// Who asks only for others gets English; who asks for none, Chinese.
func ReaderLanguage(r *http.Request) string {
	accept := r.Header.Get("Accept-Language")
	if len(accept) > 200 { // browsers send less; parsing costs
		return "zh-CN"
	}
	tags, _, err := language.ParseAcceptLanguage(accept)
	if err != nil || len(tags) == 0 {
		return "zh-CN"
	}
	for _, tag := range tags {
		if base, _ := tag.Base(); base.String() == "zh" {
			return "zh-CN"
		} else if base.String() == "en" {
			return "en"
		}
	}
	return "en"
}
