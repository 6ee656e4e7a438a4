// Package wechat is the channel that delivers issues by a WeChat official account.
//
// It owns the calls of the platform, the access token, the reading of errcodes,
// and the ways to send: one article to many followers (mass), or a template message
// to each; a card to one follower, for whom an issue is sent again (single.go); a
// reminder to whoever agreed to it (remind.go). It is the only place that knows the SDK, which carries the
// requests and gives types and crypto. It promises:
//
//   - a mass send has its members and its clientmsgid in the ledger before the
//     platform hears of it, and a repeat is the same call: nobody gets an article
//     twice, whatever is lost on the way;
//   - accepted is what sent means here: the platform reviews and filters later, and
//     reports on the job as a whole;
//   - an errcode is judged by what it is about; a quota waits for its day or month
//     in Beijing, and only a follower's own refusal ends a follower's delivery;
//   - neither token nor secret is ever in an error or in the log.
package wechat

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"yizhan/dispatch"
	"yizhan/issue"
	"yizhan/templates"
)

// Name is the channel's name in tables, commands and configuration.
const Name = "wechat"

// Mode is a way to send.
type Mode string

// Mass sends an article to many followers in one job; Template sends each of them
// a message of a template that links to the issue's page.
const (
	Mass     Mode = "mass"
	Template Mode = "template"
)

// Renderer makes the article of an issue; [templates.Set] is one.
type Renderer interface {
	Article(templates.Input) (templates.Article, error)
	Cover(templates.Input) (templates.Cover, error)
}

// Options of a [Channel].
type Options struct {
	API     *API    // required
	Account Account // required
	Mode    Mode    // required
	// ToAll sends a subscription account's article to every follower, subscribed
	// or not; otherwise to those whom Tag has been given.
	ToAll bool
	// Tag is the name of the tag that the channel keeps for its subscribers;
	// empty: 驿站订户.
	Tag string
	// OneDraft sends all batches of a run from one draft; otherwise each has a fresh
	// one. Nobody has documented whether a draft outlives its first send.
	OneDraft bool
	// Message is the template message; for mode Template.
	Message Message
	// Remind is the account's template of one-time subscription messages; empty: nobody
	// is reminded.
	Remind string
	// Rate is how many template messages go out in a second; 0: 20.
	Rate float64

	PublicURL string         // of the web pages; required
	Zone      *time.Location // of the dates in an article; nil: UTC
	// Locked gives the places of the sections whose texts are not for articles; nil: none.
	Locked   func(issue.Issue) []int
	Language string // of the words around the issue's text; empty: its masthead's, see templates.Language
	Imprint  templates.Imprint

	Render   Renderer     // required
	Pictures Pictures     // of the issues; nil: articles have none
	Uploads  Uploads      // nil: what was uploaded is known for as long as the process lives
	Logger   *slog.Logger // nil: silent
}

const (
	defaultTag = "驿站订户"
	// defaultRate is well below what the platform takes; 400 at a time were
	// answered with -1 (developers' forum, read 2026-11).
	defaultRate = 20

	// A mass send takes 2 to 10,000 openids (page of mass/send, read 2026-11).
	minOpenIDs = 2
	maxOpenIDs = 10_000
	// maxTagged is more than any tag holds: a subscription account has one send a
	// day, so everybody has to be in it.
	maxTagged = 500_000

	// The platform looks a clientmsgid up for 24 hours, a client_msg_id for 10
	// minutes (pages of mass/send and template/send, read 2026-11). The margin is
	// for a call that was under way, and for clocks.
	massKeyLife     = 23 * time.Hour
	templateKeyLife = 9 * time.Minute
)

// Channel is the WeChat channel. It is safe for concurrent use.
type Channel struct {
	options Options
	api     *API
	rules   *Rules
	log     *slog.Logger

	uploading sync.Mutex // one upload at a time, so that nothing is uploaded twice

	mu     sync.Mutex
	drafts map[int64]string // with OneDraft: by run
	tag    int64            // 0: not looked up yet
}

// New makes the channel. It calls nobody.
func New(o Options) (*Channel, error) {
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("wechat channel: %w", err)
	}
	rules, err := BuiltinRules()
	if err != nil {
		return nil, fmt.Errorf("wechat channel: %w", err)
	}
	o.PublicURL = strings.TrimRight(o.PublicURL, "/")
	o.Tag = cmp.Or(o.Tag, defaultTag)
	o.Rate = cmp.Or(o.Rate, defaultRate)
	if o.Uploads == nil {
		o.Uploads = &remembered{}
	}
	o.Logger = cmp.Or(o.Logger, slog.New(slog.DiscardHandler))
	return &Channel{options: o, api: o.API, rules: rules, log: o.Logger.With("channel", Name), drafts: map[int64]string{}}, nil
}

func (o *Options) check() error {
	switch {
	case o.API == nil || o.Render == nil || o.PublicURL == "":
		return errors.New("an API, a renderer and public_url are required")
	case o.Account != Service && o.Account != Subscription:
		return fmt.Errorf("account %q is neither service nor subscription", o.Account)
	case o.Mode != Mass && o.Mode != Template:
		return fmt.Errorf("mode %q is neither mass nor template", o.Mode)
	case o.Mode == Template && o.Account != Service:
		return errors.New("only a service account has template messages")
	case o.ToAll && (o.Account != Subscription || o.Mode != Mass):
		return errors.New("only a subscription account's mass send can go to all")
	case o.Mode == Template:
		return o.Message.check()
	}
	return nil
}

// Name implements [dispatch.Channel].
func (c *Channel) Name() string { return Name }

// Capacity implements [dispatch.Channel].
func (c *Channel) Capacity() dispatch.Capacity {
	switch {
	case c.options.Mode == Template:
		return dispatch.Capacity{Lanes: 4, Batch: 1, Rate: c.options.Rate, Repeat: templateKeyLife}
	case c.options.Account == Subscription:
		return dispatch.Capacity{Lanes: 1, Batch: maxTagged, Repeat: massKeyLife}
	}
	return dispatch.Capacity{Lanes: 2, Batch: maxOpenIDs, Least: minOpenIDs, Repeat: massKeyLife}
}

// Deliver implements [dispatch.Channel].
func (c *Channel) Deliver(ctx context.Context, b dispatch.Batch, mark dispatch.MarkFunc) []dispatch.Outcome {
	h := &handover{channel: c, batch: b, out: make([]dispatch.Outcome, len(b.Deliveries))}
	var f frozen
	if err := f.unmarshal(b.Variant.Data); err != nil {
		// Every delivery of this run would fail alike, and no other run.
		c.log.Error("the run's frozen article is not readable", "run", b.Run, "error", err)
		return h.all(refused(dispatch.Failure{Scope: dispatch.ScopeContent, Reason: "content-unreadable"}, 0, ""))
	}
	switch {
	case f.Card != nil:
		return h.custom(ctx, *f.Card, mark)
	case f.Reminder != nil:
		return h.remind(ctx, *f.Reminder, mark)
	case f.Message != nil:
		return h.template(ctx, *f.Message, mark)
	case c.options.Account == Subscription:
		return h.massAll(ctx, f, mark)
	}
	return h.massList(ctx, f, mark)
}

// handover is one batch on its way to the platform.
type handover struct {
	channel *Channel
	batch   dispatch.Batch
	out     []dispatch.Outcome
	granted []bool
}

// all answers the same for the whole batch; after the mark, for those that were
// granted.
func (h *handover) all(o dispatch.Outcome) []dispatch.Outcome {
	for i := range h.out {
		switch {
		case h.granted != nil && !h.granted[i]:
			h.out[i] = dispatch.Outcome{Status: dispatch.Stopped}
		case h.out[i] == dispatch.Outcome{}:
			h.out[i] = o
		}
	}
	return h.out
}

// mark asks for the marker. members are the openids that may be handed over, by
// their place in the batch.
func (h *handover) mark(ctx context.Context, mark dispatch.MarkFunc) (members []string, ok bool) {
	granted, err := mark(ctx)
	if err != nil {
		return nil, false
	}
	h.granted = granted
	for i, d := range h.batch.Deliveries {
		if granted[i] && (h.out[i] == dispatch.Outcome{}) {
			members = append(members, d.Address)
		}
	}
	return members, true
}

// before judges an error before the marker: nothing was handed over.
func (h *handover) before(ctx context.Context, err error) []dispatch.Outcome {
	if ctx.Err() != nil {
		return h.all(dispatch.Outcome{Status: dispatch.Returned})
	}
	v, code, reply := h.channel.judge(err)
	return h.all(refused(h.whole(v.Failure), code, reply))
}

// after judges the answer to the call behind the marker.
func (h *handover) after(err error, job string) []dispatch.Outcome {
	if err == nil {
		return h.all(dispatch.Outcome{Status: dispatch.Sent, Job: job})
	}
	v, code, reply := h.channel.judge(err)
	switch {
	case v.Accepted:
		return h.all(dispatch.Outcome{Status: dispatch.Sent, Job: job, Code: code, Reply: reply})
	case v.Open:
		return h.all(dispatch.Outcome{Status: dispatch.Lost, Failure: v.Failure, Code: code, Reply: reply})
	}
	return h.all(refused(h.whole(v.Failure), code, reply))
}

// whole keeps one follower's failure from ending those of a whole batch: nobody
// knows whose it is.
func (h *handover) whole(f dispatch.Failure) dispatch.Failure {
	if f.Scope == dispatch.ScopeRecipient && len(h.batch.Deliveries) > 1 {
		return dispatch.Failure{Scope: dispatch.ScopeContent, Reason: f.Reason}
	}
	return f
}

// judge classifies an error and gives what the ledger keeps of it.
func (c *Channel) judge(err error) (v Verdict, code int, reply string) {
	v = c.rules.Classify(err, c.options.Account, time.Now())
	var e *Error
	var f *Fault
	switch {
	case errors.As(err, &e):
		code, reply = e.Code, e.Text
	case errors.As(err, &f):
		code, reply = f.Status, f.Err.Error()
	}
	if !v.Until.IsZero() {
		reply += "（等到北京时间 " + v.Until.Format("2006-01-02 15:04") + "）"
	}
	return v, code, reply
}

func refused(f dispatch.Failure, code int, reply string) dispatch.Outcome {
	return dispatch.Outcome{Status: dispatch.Refused, Failure: f, Code: code, Reply: reply}
}

var _ dispatch.Channel = (*Channel)(nil)

// Policy is how the channel retries. Whatever the waits after a failure, a quota
// may make it wait for the turn of a month, and a batch whose answer is lost is
// not offered under another id.
func Policy(retry []time.Duration, giveUp time.Duration) dispatch.Policy {
	return dispatch.Policy{Retry: retry, GiveUp: giveUp, Longest: 32 * 24 * time.Hour, AfterLostReply: dispatch.HoldLost}
}
