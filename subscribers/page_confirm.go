package subscribers

import (
	"errors"
	"net/http"
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
	}
	p.show(v, http.StatusOK, "confirm", page)
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
