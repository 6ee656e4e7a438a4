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
	maxForm = 4 << 10
	// undoFor is how long the undo button of a page works.
	undoFor = time.Hour
	// actWithin bounds the wait for a database that is busy.
	actWithin = 30 * time.Second
)

// Renderer makes the HTML of a page from its template's name, the language of
// the reader and the page's data.
type Renderer interface {
	Page(name, language string, data any) ([]byte, error)
}

// UnsubscribePage is what the template "unsubscribe" gets.
type UnsubscribePage struct {
	// State is ask, left (unsubscribed before, with a button to undo), done (with
	// the same button), undone, or error.
	State string
	Title string // of the periodical
	// Address stays empty: links get forwarded, and the page must not tell a
	// stranger whose it was.
	Address string
	Channel string // email, wechat
	Action  string // relative URL that the one button posts to, "" when there is none
	// Problem of State error is link (not valid), expired, gone (no longer in
	// the list), busy (try again later), large or method; Error says it in the
	// language of the reader.
	Problem string
	Error   string
}

// PageOptions of [Pages]; all are required.
type PageOptions struct {
	Store    *Store
	Links    *Links
	Renderer Renderer
	Title    string // of the periodical
	Log      *slog.Logger
}

// Pages serves /unsubscribe. GET shows a page with one button and changes
// nothing, because scanners follow the links in mails. POST acts: from the button,
// or from a mail provider as RFC 8058 has it, without cookies and without
// redirect. The signed token is the capability; there are no cookies, so a POST
// from another origin can do no more than the link itself.
type Pages struct {
	o PageOptions
}

// NewPages returns the handler of /unsubscribe.
func NewPages(o PageOptions) (*Pages, error) {
	if o.Store == nil || o.Links == nil || o.Renderer == nil || o.Log == nil {
		return nil, errors.New("subscribers: PageOptions.Store, Links, Renderer and Log are required")
	}
	return &Pages{o: o}, nil
}

// ServeHTTP answers requests for /unsubscribe. The token in the query is named t
// for unsubscribing and u for undoing.
func (p *Pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Robots-Tag", "noindex")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	h.Set("Vary", "Accept-Language")

	now := time.Now()
	page := answer{w, readerLanguage(r), UnsubscribePage{Title: p.o.Title}}
	purpose, token := ToUnsubscribe, r.URL.Query().Get("t")
	if r.URL.Query().Has("u") {
		purpose, token = ToUndo, r.URL.Query().Get("u")
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead && r.Method != http.MethodPost {
		h.Set("Allow", "GET, HEAD, POST")
		p.fail(page, http.StatusMethodNotAllowed, "method")
		return
	}
	opened, err := p.o.Links.Open(purpose, token, now)
	publicID, channel := opened.ID, opened.Channel
	switch {
	case errors.Is(err, ErrExpired):
		p.fail(page, http.StatusForbidden, "expired")
		return
	case err != nil:
		p.fail(page, http.StatusForbidden, "link")
		return
	}
	page.data.Channel = channel
	switch {
	case purpose == ToUndo && r.Method != http.MethodPost:
		h.Set("Allow", "POST")
		p.fail(page, http.StatusMethodNotAllowed, "method")
	case purpose == ToUndo:
		p.undo(r, page, publicID, now)
	case r.Method == http.MethodPost:
		p.unsubscribe(r, page, publicID, now)
	case p.left(r.Context(), publicID, channel):
		page.data.State, page.data.Action = "left", p.undoAction(publicID, channel, now)
		p.show(page, http.StatusOK)
	default:
		page.data.State = "ask"
		page.data.Action = "?" + url.Values{"t": {token}}.Encode()
		p.show(page, http.StatusOK)
	}
}

// left reports whether somebody has unsubscribed from a channel already. When
// that cannot be told they are asked, as it does no harm.
func (p *Pages) left(ctx context.Context, publicID, channel string) bool {
	sub, err := p.o.Store.Get(ctx, publicID)
	if err != nil {
		if !errors.Is(err, ErrNotFound) {
			p.o.Log.Error("looking up a subscriber failed", "subscriber", publicID, "error", err)
		}
		return false
	}
	a := sub.on(channel)
	return sub.State == Unsubscribed || a != nil && a.State == Unsubscribed
}

// undoAction is what the undo button posts to.
func (p *Pages) undoAction(publicID, channel string, now time.Time) string {
	return "?" + url.Values{"u": {p.o.Links.Sign(Token{Purpose: ToUndo, ID: publicID, Channel: channel, Expires: now.Add(undoFor)})}}.Encode()
}

func (p *Pages) unsubscribe(r *http.Request, page answer, publicID string, now time.Time) {
	oneClick, ok := p.form(r, page)
	if !ok {
		return
	}
	reason := "link"
	if oneClick {
		reason = "one-click"
	}
	// A client that hangs up has still said what it wants.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), actWithin)
	defer cancel()
	changed, err := p.o.Store.Unsubscribe(ctx, publicID, page.data.Channel, reason, now)
	gone := errors.Is(err, ErrNotFound) // whoever was removed has what they ask for
	if err != nil && !gone {
		p.o.Log.Error("unsubscribing failed", "subscriber", publicID, "channel", page.data.Channel, "error", err)
		p.fail(page, http.StatusServiceUnavailable, "busy") // a mail provider tries again
		return
	}
	p.o.Log.Info("unsubscribed", "subscriber", publicID, "channel", page.data.Channel, "reason", reason, "changed", changed)
	if oneClick {
		page.w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		page.w.Write([]byte("unsubscribed\n")) // nothing to be done for a client that left
		return
	}
	page.data.State = "done"
	if !gone {
		page.data.Action = p.undoAction(publicID, page.data.Channel, now)
	}
	p.show(page, http.StatusOK)
}

func (p *Pages) undo(r *http.Request, page answer, publicID string, now time.Time) {
	if _, ok := p.form(r, page); !ok {
		return
	}
	changed, err := p.o.Store.Resubscribe(r.Context(), publicID, page.data.Channel, now)
	switch {
	case errors.Is(err, ErrNotFound):
		p.fail(page, http.StatusGone, "gone")
	case err != nil:
		p.o.Log.Error("undoing an unsubscription failed", "subscriber", publicID, "channel", page.data.Channel, "error", err)
		p.fail(page, http.StatusServiceUnavailable, "busy")
	default:
		p.o.Log.Info("unsubscription undone", "subscriber", publicID, "channel", page.data.Channel, "changed", changed)
		page.data.State = "undone"
		p.show(page, http.StatusOK)
	}
}

// form reads the body and reports whether it is a mail provider's one-click
// (RFC 8058 3.2 allows both encodings of a form). A body that is no form counts
// as the button: the token alone says what is wanted. ok is false when it has
// already answered.
func (p *Pages) form(r *http.Request, page answer) (oneClick, ok bool) {
	body, err := io.ReadAll(http.MaxBytesReader(page.w, r.Body, maxForm))
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		p.fail(page, http.StatusRequestEntityTooLarge, "large")
		return false, false
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	_ = r.ParseMultipartForm(maxForm) // what could be read of it is in PostForm
	return strings.EqualFold(strings.TrimSpace(r.PostForm.Get("List-Unsubscribe")), "One-Click"), true
}

// answer is the page that a request gets, as far as it is known.
type answer struct {
	w        http.ResponseWriter
	language string
	data     UnsubscribePage
}

func (p *Pages) fail(page answer, status int, problem string) {
	page.data.State, page.data.Problem, page.data.Error = "error", problem, explain(problem, page.language)
	p.show(page, status)
}

func (p *Pages) show(page answer, status int) {
	body, err := p.o.Renderer.Page("unsubscribe", page.language, page.data)
	if err != nil {
		p.o.Log.Error("rendering a page failed", "page", "unsubscribe", "error", err)
		http.Error(page.w, "500", http.StatusInternalServerError)
		return
	}
	h := page.w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", page.language)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	page.w.WriteHeader(status)
	page.w.Write(body) // nothing to be done for a client that left
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

// readerLanguage is the first of Chinese and English that the browser asks for.
// Who asks only for others gets English; who asks for none, Chinese.
func readerLanguage(r *http.Request) string {
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
