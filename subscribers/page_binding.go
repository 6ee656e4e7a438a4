package subscribers

import (
	"context"
	"encoding/base64"
	"errors"
	"html/template"
	"strings"
	"time"
)

// Scenes makes the QR code of a scene: a PNG that works for so long.
type Scenes func(ctx context.Context, scene string, lives time.Duration) (png []byte, err error)

// bindable reports whether the page offers to bind a WeChat to a subscriber.
func (p *Pages) bindable(sub Subscriber) bool {
	return p.o.Chat && sub.State != Pending && sub.on(WeChat) == nil
}

// fillBinding says how the subscription stands to a WeChat.
func (p *Pages) fillBinding(sub Subscriber, page *ManagePage) {
	switch {
	case page.Binding.State != "":
	case p.bindable(sub):
		page.Binding.State = "can"
	case sub.on(WeChat) != nil && len(sub.Addresses) > 1:
		page.Binding.State = "bound"
	}
}

// offer shows a code to be sent in the chat, and where the account can, a QR code.
func (p *Pages) offer(v *visit, sub Subscriber, page *ManagePage) error {
	if !p.bindable(sub) {
		return nil // bound meanwhile: the page says so
	}
	o, err := p.o.Desk.OfferBinding(v.ctx, sub.PublicID, WeChat, v.now)
	if errors.Is(err, ErrOther) {
		return nil
	}
	if err != nil {
		return err
	}
	page.Binding = BindingState{State: "offer", Code: o.Code, Until: o.Expires.In(p.o.Zone).Format("15:04")}
	if p.o.Scenes == nil {
		return nil
	}
	png, err := p.o.Scenes(v.ctx, o.Scene, bindingLives)
	if err != nil { // the code does as well
		p.o.Log.Warn("the platform gave no QR code", "error", err)
		return nil
	}
	page.Binding.QR = template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(png))
	h := v.w.Header()
	h.Set("Content-Security-Policy", strings.Replace(h.Get("Content-Security-Policy"), "form-action", "img-src data:; form-action", 1))
	return nil
}

// unbind parts the WeChat from the subscription. Whoever came from the chat goes on
// with what is theirs there.
func (p *Pages) unbind(v *visit, sub Subscriber, page *ManagePage) (Subscriber, error) {
	there := sub.on(WeChat)
	if there == nil {
		page.Notice = "not-bound"
		return sub, nil
	}
	changed, err := p.o.Desk.Unbind(v.ctx, sub.PublicID, WeChat, v.who.Source, v.now)
	if err != nil {
		return sub, err
	}
	page.Notice = "unbound"
	if !changed {
		page.Notice = "not-bound"
	}
	key := sub.PublicID
	if v.who.Channel == WeChat {
		key = there.Value
	}
	return p.o.Desk.Get(v.ctx, key)
}
