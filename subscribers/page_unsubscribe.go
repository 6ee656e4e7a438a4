package subscribers

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"
)

// UnsubscribePage is what the template "unsubscribe" gets.
type UnsubscribePage struct {
	// State is ask, left (unsubscribed before, with a button to undo), done (with
	// the same button and a form for the reason), thanked (for the reason), undone,
	// or error.
	State string
	Title string // of the periodical
	// Address stays empty: links get forwarded, and the page must not tell a
	// stranger whose it was.
	Address string
	Channel string // email, wechat
	Action  string // relative URL that the button posts to, "" when there is none
	Explain string // relative URL that the form for the reason posts to, "" when there is none
	// Problem of State error is link (not valid), expired, gone (no longer in
	// the list), busy (try again later), large or method; Error says it in the
	// language of the reader.
	Problem string
	Error   string
}

// Reasons are what the form for the reason offers.
func Reasons() []string {
	return []string{"too-often", "not-relevant", "never-asked", "other-address", "other"}
}

// leavePage serves /unsubscribe. The token in the query is named t for
// unsubscribing and u for undoing.
func (p *Pages) leavePage(v *visit) {
	purpose, token := ToUnsubscribe, v.r.URL.Query().Get("t")
	if v.r.URL.Query().Has("u") {
		purpose, token = ToUndo, v.r.URL.Query().Get("u")
	}
	t, err := p.o.Links.Open(purpose, token, v.now)
	if err != nil {
		p.refuseLink(v, err)
		return
	}
	v.who.ID, v.who.Channel = t.ID, t.Channel
	page := UnsubscribePage{Title: p.o.Title, Channel: t.Channel}
	switch {
	case purpose == ToUndo && !v.post():
		v.w.Header().Set("Allow", "POST")
		p.refuse(v, http.StatusMethodNotAllowed, "method")
	case purpose == ToUndo && v.r.PostForm.Get("do") == "explain":
		p.explain(v, page)
	case purpose == ToUndo:
		p.undo(v, page)
	case v.post():
		p.unsubscribe(v, page)
	case p.left(v.ctx, t):
		page.State, page.Action = "left", p.undoAction(t, v.now)
		p.show(v, http.StatusOK, "unsubscribe", page)
	default:
		page.State, page.Action = "ask", query("", "t", token)
		p.show(v, http.StatusOK, "unsubscribe", page)
	}
}

// left reports whether somebody has unsubscribed from a channel already. When
// that cannot be told they are asked, as it does no harm.
func (p *Pages) left(ctx context.Context, t Token) bool {
	sub, err := p.o.Desk.Get(ctx, t.ID)
	if err != nil {
		if !errors.Is(err, ErrNotFound) {
			p.o.Log.Error("looking up a subscriber failed", "subscriber", t.ID, "error", err)
		}
		return false
	}
	a := sub.on(t.Channel)
	return sub.State == Unsubscribed || a != nil && a.State == Unsubscribed
}

// undoAction is what the undo button posts to.
func (p *Pages) undoAction(t Token, now time.Time) string {
	return query("", "u", p.o.Links.Sign(Token{Purpose: ToUndo, ID: t.ID, Channel: t.Channel, Expires: now.Add(undoFor)}))
}

func (p *Pages) unsubscribe(v *visit, page UnsubscribePage) {
	oneClick := strings.EqualFold(strings.TrimSpace(v.r.PostForm.Get("List-Unsubscribe")), "One-Click")
	v.who.Source = "link"
	if oneClick {
		v.who.Source = "one-click"
	}
	_, err := p.o.Desk.Do(v.ctx, v.who, Unsubscribe{}, v.now)
	gone := errors.Is(err, ErrNotFound) // whoever was removed has what they ask for
	if err != nil && !gone {
		p.fault(v, "unsubscribing", err) // a mail provider tries again
		return
	}
	if oneClick {
		v.w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		v.w.Write([]byte("unsubscribed\n")) // nothing to be done for a client that left
		return
	}
	page.State = "done"
	if !gone {
		page.Action = p.undoAction(Token{ID: v.who.ID, Channel: v.who.Channel}, v.now)
		page.Explain = page.Action
	}
	p.show(v, http.StatusOK, "unsubscribe", page)
}

func (p *Pages) undo(v *visit, page UnsubscribePage) {
	v.who.Source = "link"
	_, err := p.o.Desk.Do(v.ctx, v.who, Undo{}, v.now)
	switch {
	case errors.Is(err, ErrNotFound):
		p.refuse(v, http.StatusGone, "gone")
	case err != nil:
		p.fault(v, "undoing an unsubscription", err)
	default:
		page.State = "undone"
		p.show(v, http.StatusOK, "unsubscribe", page)
	}
}

// explain keeps the reason for which somebody left: one of [Reasons] and what they
// add to it.
func (p *Pages) explain(v *visit, page UnsubscribePage) {
	var said []string
	if why := v.r.PostForm.Get("why"); slices.Contains(Reasons(), why) {
		said = append(said, why)
	}
	if words := strings.TrimSpace(v.r.PostForm.Get("words")); words != "" {
		said = append(said, words)
	}
	v.who.Source = "link"
	_, err := p.o.Desk.Do(v.ctx, v.who, Explain{Reason: strings.Join(said, "：")}, v.now)
	var bad *Invalid
	if err != nil && !errors.Is(err, ErrNotFound) && !errors.As(err, &bad) {
		p.fault(v, "keeping a reason", err)
		return
	}
	page.State, page.Action = "thanked", p.undoAction(Token{ID: v.who.ID, Channel: v.who.Channel}, v.now)
	p.show(v, http.StatusOK, "unsubscribe", page)
}
