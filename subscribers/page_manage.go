package subscribers

import (
	"encoding/json"
	"errors"
	"html/template"
	"net/http"
	"slices"
	"time"
)

// ManagePage is what the template "manage" gets.
type ManagePage struct {
	// State is open; or lost (a form to ask for a link), sent (the same whoever's
	// address it was) or erased, which have only Title and what their form needs.
	State string
	Title string // of the periodical
	// Notice is what was just done: saved, paused, resumed, moving, stayed, revoked,
	// resubscribed, unbound or not-bound.
	Notice   string
	Problems []FormProblem

	Addresses []ManagedAddress
	Name      string
	Language  string // zh-CN or en
	Sections  []Option
	// Subscription is active, paused or unsubscribed.
	Subscription State
	PausedUntil  string // 2027-03-01, "" when the pause has no end
	Earliest     string // date that a pause can end, and Latest
	Latest       string
	Moving       string // masked address that waits for its confirmation
	Email        string // what was entered, when it has to be mended
	// Binding is how a WeChat is bound to the subscription: offer, can (be bound),
	// bound (to another address), or "" when there is no account, or nothing to bind.
	Binding     BindingState
	Action      string // relative URL that all forms post to; the field do says which
	Unsubscribe string // link to the page for it
}

// BindingState is what the page says of binding a WeChat.
type BindingState struct {
	State string
	Code  string       // of an offer
	Until string       // 15:04, when the offer ends
	QR    template.URL // picture of the offer's QR code, "" when the account has none
}

// ManagedAddress is one that the subscriber is reached at, masked.
type ManagedAddress struct {
	Channel, Value string
	Active         bool
}

// On is what has to be mended in a field, "" when nothing has.
func (m ManagePage) On(field string) string { return problemOn(m.Problems, field) }

// lostPage serves /manage/link: it sends a link to whoever has none at hand.
func (p *Pages) lostPage(v *visit) {
	page := ManagePage{State: "lost", Title: p.o.Title}
	if !v.post() {
		p.show(v, http.StatusOK, "manage", page)
		return
	}
	page.Email = v.r.PostForm.Get("email")
	to, err := ParseEmail(page.Email)
	if err != nil {
		page.Problems = []FormProblem{{"email", formError(err, v.language)}}
		p.show(v, http.StatusUnprocessableEntity, "manage", page)
		return
	}
	if v.r.PostForm.Get(trap) == "" {
		if _, err := p.o.Desk.Do(v.ctx, v.who, SendLink{Address: to, Language: v.language}, v.now); err != nil {
			p.fault(v, "taking the wish for a link", err)
			return
		}
	}
	p.show(v, http.StatusAccepted, "manage", ManagePage{State: "sent", Title: p.o.Title})
}

// managePage serves /manage.
func (p *Pages) managePage(v *visit) {
	t, sub, ok := p.open(v, ToManage)
	if !ok {
		return
	}
	page := ManagePage{State: "open", Title: p.o.Title}
	status := http.StatusOK
	if v.post() {
		do := v.r.PostForm.Get("do")
		if do == "export" {
			p.download(v)
			return
		}
		if do == "erase" && v.r.PostForm.Get("sure") != "" {
			if _, err := p.o.Desk.Do(v.ctx, v.who, Erase{}, v.now); err != nil {
				p.fault(v, "erasing", err)
				return
			}
			p.show(v, http.StatusOK, "manage", ManagePage{State: "erased", Title: p.o.Title})
			return
		}
		after, err := p.carryOut(v, do, sub, &page)
		switch {
		case errors.Is(err, ErrNotFound):
			p.refuse(v, http.StatusGone, "gone")
			return
		case err != nil:
			p.fault(v, "a form of /manage", err)
			return
		case len(page.Problems) > 0:
			status = http.StatusUnprocessableEntity
		}
		sub = after
	}
	if err := p.fillManage(v, t, sub, &page); err != nil {
		p.fault(v, "reading a subscription", err)
		return
	}
	p.show(v, status, "manage", page)
}

// carryOut makes commands of a form and gives them to the desk. What has to be
// mended goes onto the page.
func (p *Pages) carryOut(v *visit, do string, sub Subscriber, page *ManagePage) (Subscriber, error) {
	form, field := v.r.PostForm, ""
	var commands []Command
	switch do {
	case "save":
		offered, err := p.offered(v, sub)
		if err != nil {
			return sub, err
		}
		page.Notice, field = "saved", "name"
		commands = append(commands, Rename{form.Get("name")}, Choose{among(offered, form["sections"])})
		language := form.Get("language")
		if sub.Language == "" && language == form.Get("shown") {
			language = "" // the browser's, which they left as it was: no choice
		}
		if language == "zh-CN" || language == "en" {
			commands = append(commands, Speak{language})
			v.language = language
		}
	case "pause":
		until, err := time.ParseInLocation(time.DateOnly, form.Get("until"), p.o.Zone)
		if err != nil {
			page.Problems = []FormProblem{{"until", formWord("date", v.language)}}
			return sub, nil
		}
		page.Notice, field = "paused", "until"
		commands = []Command{Pause{until}}
	case "resume":
		page.Notice, commands = "resumed", []Command{Resume{}}
	case "move":
		page.Email = form.Get("email")
		to, err := ParseEmail(page.Email)
		if err != nil {
			page.Problems = []FormProblem{{"email", formError(err, v.language)}}
			return sub, nil
		}
		page.Notice, page.Email, commands = "moving", "", []Command{Move{to}}
	case "stay":
		page.Notice, commands = "stayed", []Command{Stay{}}
	case "revoke":
		page.Notice, commands = "revoked", []Command{Revoke{}}
	case "undo":
		page.Notice, commands = "resubscribed", []Command{Undo{}}
	case "bind":
		return sub, p.offer(v, sub, page)
	case "unbind":
		return p.unbind(v, sub, page)
	case "erase":
		page.Problems = []FormProblem{{"sure", formWord("sure", v.language)}}
	}
	for _, c := range commands {
		reply, err := p.o.Desk.Do(v.ctx, v.who, c, v.now)
		var bad *Invalid
		if errors.As(err, &bad) {
			page.Notice, page.Problems = "", []FormProblem{{field, formError(err, v.language)}}
			return sub, nil
		}
		if err != nil {
			return sub, err
		}
		sub = reply.Subscriber
	}
	return sub, nil
}

// offered are the sections that a subscriber can choose: those of the issues, and
// what they chose before.
func (p *Pages) offered(v *visit, sub Subscriber) ([]string, error) {
	sections, err := p.o.Sections(v.ctx)
	if err != nil {
		return nil, err
	}
	sections = slices.Clone(sections)
	for _, name := range sub.Sections {
		if !slices.Contains(sections, name) {
			sections = append(sections, name)
		}
	}
	return sections, nil
}

// fillManage puts onto the page how the subscription is.
func (p *Pages) fillManage(v *visit, t Token, sub Subscriber, page *ManagePage) error {
	sections, err := p.offered(v, sub)
	if err != nil {
		return err
	}
	moving, err := p.o.Desk.moving(v.ctx, sub.ID)
	if err != nil {
		return err
	}
	if moving != nil {
		page.Moving = moving.Address.String()
	}
	for _, a := range sub.Addresses {
		page.Addresses = append(page.Addresses, ManagedAddress{a.Channel, a.Address.String(), a.State == Active && sub.State != Unsubscribed})
	}
	page.Sections = options(sections, sub.Sections)
	page.Name, page.Language = sub.Name, PageLanguage(sub.Language)
	if sub.Language == "" {
		page.Language = v.language
	}
	page.Subscription = sub.StateAt(v.now)
	if a := sub.on(t.Channel); a != nil && a.State == Unsubscribed {
		page.Subscription = Unsubscribed
	}
	if page.Subscription == Paused && !sub.PausedUntil.IsZero() {
		page.PausedUntil = sub.PausedUntil.In(p.o.Zone).Format(time.DateOnly)
	}
	today := v.now.In(p.o.Zone)
	page.Earliest, page.Latest = today.AddDate(0, 0, 1).Format(time.DateOnly), today.Add(longestPause).Format(time.DateOnly)
	p.fillBinding(sub, page)
	page.Unsubscribe = query("/unsubscribe", "t", p.o.Links.Sign(Token{Purpose: ToUnsubscribe, ID: sub.PublicID, Channel: t.Channel}))
	// The link that they came by goes on as it is; a revoked one is replaced.
	token := v.r.URL.Query().Get("t")
	if sub.LinkEpoch != t.Epoch || sub.PublicID != t.ID {
		token = p.token(ToManage, sub, t.Channel, v.now)
	}
	page.Action = query("/manage", "t", token)
	return nil
}

// download answers with everything that is kept about the subscriber.
func (p *Pages) download(v *visit) {
	reply, err := p.o.Desk.Do(v.ctx, v.who, Export{}, v.now)
	if err != nil {
		p.fault(v, "gathering a person's data", err)
		return
	}
	body, err := json.MarshalIndent(reply.Data, "", "  ")
	if err != nil {
		p.fault(v, "writing a person's data", err)
		return
	}
	h := v.w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="subscription.json"`)
	v.w.Write(append(body, '\n')) // nothing to be done for a client that left
}
