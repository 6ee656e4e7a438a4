package main

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"net/http"
	"slices"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"yizhan/dispatch"
	"yizhan/dispatch/wechat"
	"yizhan/issue"
	"yizhan/subscribers"
)

const (
	// remindPath is where somebody who reads in WeChat agrees to be reminded of the
	// next issue.
	remindPath   = "/wechat/remind"
	remindCookie = "yizhan_remind"
	// remindsPerSecond bounds what strangers can make us look up and write down.
	remindsPerSecond = 50
)

// editions knows which issue is the newest, and how it is numbered for reminders.
type editions struct{ *catalogue }

// Newest implements [dispatch.Editions].
func (e editions) Newest(ctx context.Context) (newest dispatch.Edition, ok bool, err error) {
	id, number, _, err := e.latest(ctx)
	if err != nil || id == "" {
		return newest, false, err
	}
	r, ok, err := e.public(ctx, id)
	return dispatch.Edition{Issue: r.Issue, Revision: r.Revision, Number: number}, ok, err
}

// Next is the number of the issue that comes next.
func (e editions) Next(ctx context.Context) (scene int, err error) {
	_, _, highest, err := e.latest(ctx)
	return highest + 1, err
}

// latest finds the published issue with the highest number that was not withdrawn, and
// the highest number of all: whoever was reminded of one that was withdrawn is reminded
// of the next. Where any issue has a running number, others have none.
func (e editions) latest(ctx context.Context) (id string, number, highest int, err error) {
	issued, published, err := e.issued(ctx)
	if err != nil {
		return "", 0, 0, err
	}
	running := false
	for _, one := range issued {
		v, err := e.volume(ctx, one.ID, published[one.ID])
		if err != nil {
			return "", 0, 0, err
		}
		n, total := v.remindNumber()
		switch {
		case total && !running:
			id, number, highest, running = "", 0, 0, true
		case running && !total:
			continue
		}
		highest = max(highest, n)
		if one.State != issue.Withdrawn && n > number {
			id, number = one.ID, n
		}
	}
	return id, number, highest, nil
}

// remindNumber is the number by which people are reminded of an issue, and whether it
// is the running one; where the periodical counts within the year only, it is two digits
// of the year and two of the number. 0: it has none, like a supplement.
func (v volume) remindNumber() (n int, running bool) {
	switch {
	case v.supplement:
	case v.total > 0 && v.total <= subscribers.MaxScene:
		return v.total, true
	case v.total == 0 && v.year > 0 && v.number > 0 && v.number < 100:
		return v.year%100*100 + v.number, false
	}
	return 0, false
}

// reminding reports whether people are reminded of issues.
func (i *instance) reminding() bool {
	return i.config.Channels.WeChat.On() && i.config.Channels.WeChat.Remind != ""
}

// reminders serves remindPath: it sends whoever reads in WeChat to the platform, which
// asks them and sends them back with what they said.
type reminders struct {
	editions
	channel *wechat.Channel
	pages   *subscribers.Pages
	limit   *rate.Limiter
}

// reminders gives the page; nil when nobody is reminded.
func (i *instance) reminders(pages *subscribers.Pages) (http.Handler, error) {
	if !i.reminding() {
		return nil, nil
	}
	ch, err := i.weChat()
	if err != nil {
		return nil, err
	}
	return &reminders{editions{i.catalogue}, ch, pages, rate.NewLimiter(remindsPerSecond, 4*remindsPerSecond)}, nil
}

// ServeHTTP implements [http.Handler].
func (m *reminders) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Robots-Tag", "noindex")
	if !m.limit.Allow() {
		m.pages.Refuse(w, r, http.StatusServiceUnavailable, "busy")
		return
	}
	next, err := m.Next(r.Context())
	if err != nil {
		m.log.Error("looking up the next issue", "error", err)
		m.pages.Refuse(w, r, http.StatusServiceUnavailable, "busy")
		return
	}
	switch q := r.URL.Query(); {
	case q.Has("action") && r.Method == http.MethodGet:
		m.comeBack(w, r, next)
	case slices.Contains([]string{"done", "declined"}, q.Get("said")):
		m.pages.Reminded(w, r, http.StatusOK, q.Get("said"))
	case !strings.Contains(r.UserAgent(), "MicroMessenger"): // of WeChat's own browser; others are refused there
		m.pages.Reminded(w, r, http.StatusOK, "elsewhere")
	case next > subscribers.MaxScene:
		m.pages.Refuse(w, r, http.StatusGone, "link")
	default:
		state := rand.Text()
		m.keep(w, remindCookie, remindPath, state, int(visitFor.Seconds()))
		http.Redirect(w, r, m.channel.AskConsent(m.config.PublicURL+remindPath, next, state), http.StatusFound)
	}
}

// comeBack keeps what somebody has agreed to. Who knows another's openid can pretend that
// they agreed: then the platform refuses the message, and nobody gets any.
func (m *reminders) comeBack(w http.ResponseWriter, r *http.Request, next int) {
	got, ok := m.channel.Consent(r.URL.Query())
	cookie, err := r.Cookie(remindCookie)
	// In the same browser: nobody agrees for another.
	if err != nil || !ok || subtle.ConstantTimeCompare([]byte(cookie.Value), []byte(got.State)) != 1 || got.Scene > next {
		m.pages.Reminded(w, r, http.StatusForbidden, "expired")
		return
	}
	if !got.Agreed {
		m.say(w, r, "declined")
		return
	}
	to, err := subscribers.ParseWeChat(got.OpenID)
	if err != nil {
		m.pages.Reminded(w, r, http.StatusForbidden, "expired")
		return
	}
	if _, err := m.people.Remind(r.Context(), to, got.Scene, subscribers.ReaderLanguage(r), time.Now()); err != nil {
		m.log.Error("keeping a reminder", "error", err)
		m.pages.Refuse(w, r, http.StatusServiceUnavailable, "busy")
		return
	}
	m.say(w, r, "done")
}

// say leads to the page that says what came of it, at an address that tells of nobody
// and does nothing when it is opened again.
func (m *reminders) say(w http.ResponseWriter, r *http.Request, what string) {
	m.keep(w, remindCookie, remindPath, "", -1)
	http.Redirect(w, r, remindPath+"?said="+what, http.StatusSeeOther)
}

var _ dispatch.Editions = editions{}
