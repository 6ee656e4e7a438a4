package subscribers

import (
	"context"
	"errors"
	"net/http"
	"time"
)

// ConfirmPage is what the template "confirm" gets.
type ConfirmPage struct {
	// About is subscription or address.
	About string
	// State is ask or done. It may be confirmed again: it stays done.
	State  string
	Title  string // of the periodical
	Action string // relative URL that the button of ask posts to
	Manage string // link of done to the page of the subscription
	// Latest names the newest issue when a second button of done can send it, and
	// Sent says that it was just sent.
	Latest string
	Sent   bool
}

// Latest is the newest issue, for somebody who has just come.
type Latest interface {
	// Offered names it in a language, when it can be sent to a subscriber and has
	// not been; "" else.
	Offered(ctx context.Context, sub Subscriber, channel, language string, now time.Time) (name string, err error)
	// Send sends it, once however often it is asked for, and reports whether this
	// call did.
	Send(ctx context.Context, sub Subscriber, channel string, now time.Time) (sent bool, err error)
}

// confirmPage serves /confirm.
func (p *Pages) confirmPage(v *visit) {
	t, sub, ok := p.open(v, ToConfirm)
	if !ok {
		return
	}
	page := ConfirmPage{About: "subscription", State: "ask", Title: p.o.Title, Action: query("", "t", v.r.URL.Query().Get("t"))}
	if v.post() {
		if _, err := p.o.Desk.Do(v.ctx, v.who, Confirm{}, v.now); err != nil {
			p.fault(v, "confirming", err)
			return
		}
		page.State, page.Manage = "done", query("/manage", "t", p.token(ToManage, sub, t.Channel, v.now))
		p.latest(v, sub, t.Channel, &page)
	}
	p.show(v, http.StatusOK, "confirm", page)
}

// latest sends the newest issue to whoever pressed the button for it, and offers it
// to others. That it cannot be had is no reason to show no page.
func (p *Pages) latest(v *visit, sub Subscriber, channel string, page *ConfirmPage) {
	if p.o.Latest == nil {
		return
	}
	var err error
	if v.r.PostForm.Get("do") == "latest" {
		page.Sent, err = p.o.Latest.Send(v.ctx, sub, channel, v.now)
	}
	if err == nil && !page.Sent {
		page.Latest, err = p.o.Latest.Offered(v.ctx, sub, channel, v.language, v.now)
	}
	if err != nil {
		p.o.Log.Error("the latest issue for a newcomer", "subscriber", sub.PublicID, "error", err)
	}
}

// arrivePage serves /confirm/address: a new address is confirmed.
func (p *Pages) arrivePage(v *visit) {
	t, _, ok := p.open(v, ToMove)
	if !ok {
		return
	}
	page := ConfirmPage{About: "address", State: "ask", Title: p.o.Title, Action: query("", "t", v.r.URL.Query().Get("t"))}
	if v.post() {
		reply, err := p.o.Desk.Do(v.ctx, v.who, ConfirmMove{}, v.now)
		switch {
		case errors.Is(err, ErrNotFound):
			p.refuse(v, http.StatusGone, "gone")
			return
		case errors.Is(err, ErrTaken):
			p.refuse(v, http.StatusConflict, "taken")
			return
		case err != nil:
			p.fault(v, "confirming an address", err)
			return
		}
		page.State, page.Manage = "done", query("/manage", "t", p.token(ToManage, reply.Subscriber, t.Channel, v.now))
	}
	p.show(v, http.StatusOK, "confirm", page)
}
