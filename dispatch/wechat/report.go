package wechat

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"time"

	"yizhan/dispatch"
)

// Books are where events wait and reports go; [dispatch.Ledger] has them.
type Books interface {
	Kept(ctx context.Context, channel string, now time.Time) ([]dispatch.Inbound, error)
	Done(ctx context.Context, channel, key string, now time.Time) error
	Defer(ctx context.Context, channel, key string, until time.Time) error
	Report(ctx context.Context, r dispatch.Report, now time.Time) (known bool, err error)
	Jobs(ctx context.Context, channel string, now time.Time) ([]dispatch.Job, error)
	Asked(ctx context.Context, j dispatch.Job, now time.Time) error
}

// People learn who follows the account.
type People interface {
	Follow(ctx context.Context, openid string, now time.Time) error
	Unfollow(ctx context.Context, openid string, now time.Time) error
	// Heard is told that a follower has done something by which they may be spoken to
	// until a time.
	Heard(ctx context.Context, openid string, until, now time.Time) error
}

// ReceiverOptions are what a [Receiver] needs; all but Responder and Logger are
// required.
type ReceiverOptions struct {
	Channel *Channel
	Books   Books
	People  People
	// Responder is the callback's: what it could not answer in time is given to it
	// again, and the answer, for which it is too late, is dropped.
	Responder Responder
	Logger    *slog.Logger // nil: silent
}

// Receiver works on what the platform has told, and asks about the jobs of which
// it has told nothing: events get lost.
type Receiver struct {
	o   ReceiverOptions
	log *slog.Logger
}

// NewReceiver makes a receiver.
func NewReceiver(o ReceiverOptions) (*Receiver, error) {
	if o.Channel == nil || o.Books == nil || o.People == nil {
		return nil, errors.New("wechat receiver: a channel, books and people are required")
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Receiver{o: o, log: o.Logger.With("channel", Name)}, nil
}

const (
	workEvery = time.Second
	askEvery  = time.Minute
	// A report may be faster than the answer that names its job. One whose job
	// nobody knows was sent from the console.
	reportAgain = time.Minute
	reportKnown = time.Hour
)

// Run works until ctx ends.
func (r *Receiver) Run(ctx context.Context) error {
	work, ask := time.NewTicker(workEvery), time.NewTicker(askEvery)
	defer work.Stop()
	defer ask.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return nil
		case now := <-work.C:
			err = r.work(ctx, now)
		case now := <-ask.C:
			err = r.ask(ctx, now)
		}
		if err != nil && ctx.Err() == nil {
			r.log.Error("working on the platform's events; trying again", "error", err)
		}
	}
}

// work goes through the events that wait. One that cannot be worked on holds up no
// other.
func (r *Receiver) work(ctx context.Context, now time.Time) error {
	events, err := r.o.Books.Kept(ctx, Name, now)
	if err != nil {
		return err
	}
	for _, in := range events {
		if r.again(ctx, in, now) {
			err = r.o.Books.Defer(ctx, Name, in.Key, now.Add(reportAgain))
		} else {
			err = r.o.Books.Done(ctx, Name, in.Key, now)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// again works on an event, and reports whether it has to be worked on once more.
func (r *Receiver) again(ctx context.Context, in dispatch.Inbound, now time.Time) bool {
	var e Event
	if err := json.Unmarshal([]byte(in.Content), &e); err != nil {
		r.log.Error("an event that was kept cannot be read", "error", err)
		return false
	}
	err := r.hear(ctx, e, in.Answered)
	unknown, err2 := r.one(ctx, e, now)
	if err = errors.Join(err, err2); err != nil {
		r.log.Error("an event could not be worked on; trying again", "event", e.Type+" "+e.Event, "error", err)
		return true // as long as it takes: it may be that somebody has left
	}
	return unknown && now.Sub(in.Received) < reportKnown
}

// hear gives the responder what it has not answered: somebody who said "退订" has
// left, whether or not they could be told so.
func (r *Receiver) hear(ctx context.Context, e Event, answered bool) error {
	if r.o.Responder == nil || answered || !e.chat() {
		return nil
	}
	_, err := r.o.Responder.Respond(ctx, e)
	return err
}

// one does what an event asks for; unknown is true for a report on a job that
// nobody knows yet.
func (r *Receiver) one(ctx context.Context, e Event, now time.Time) (unknown bool, err error) {
	switch e.Event {
	case EventFollow:
		if err := r.o.People.Follow(ctx, e.From, now); err != nil {
			return false, err
		}
	case EventUnfollow:
		return false, r.o.People.Unfollow(ctx, e.From, now)
	case EventMassDone, EventTemplateDone:
		known, err := r.o.Books.Report(ctx, report(e), now)
		return !known, err
	}
	if until := e.open(); !until.IsZero() {
		return false, r.o.People.Heard(ctx, e.From, until, now)
	}
	return false, nil
}

// report is what the end of a job comes to.
func report(e Event) dispatch.Report {
	out := dispatch.Report{
		Channel: Name, Job: e.Job, Status: e.Status, Total: e.Total, Filtered: e.Filtered, Sent: e.Sent, Errors: e.Errors,
	}
	switch status := strings.ToLower(strings.TrimSpace(e.Status)); {
	case status == "send success", status == "success":
		return out
	// err(40001): the administrator said no; err(40002): nobody said anything
	// within half an hour (page of mass sends, read 2026-11).
	case strings.Contains(status, "err(4000"):
		out.Reason = "admin-refused"
	case strings.Contains(status, "user block"):
		out.Reason = "follower-blocks"
	case strings.Contains(status, "freq limit"):
		out.Reason = "follower-limit"
	default:
		out.Reason = "job-failed"
	}
	out.Failed = true
	return out
}

// ask asks about the mass sends that nothing was told about.
func (r *Receiver) ask(ctx context.Context, now time.Time) error {
	if r.o.Channel.options.Mode != Mass {
		return nil // there is no such call for template messages
	}
	jobs, err := r.o.Books.Jobs(ctx, Name, now)
	if err != nil {
		return err
	}
	for _, j := range jobs {
		status, err := r.o.Channel.jobStatus(ctx, j.Name)
		if err != nil {
			r.log.Warn("asking about a mass send", "error", err)
		}
		switch status {
		case "SEND_SUCCESS":
			_, err = r.o.Books.Report(ctx, dispatch.Report{Channel: Name, Job: j.Name, Status: status}, now)
		case "SEND_FAIL":
			_, err = r.o.Books.Report(ctx, dispatch.Report{Channel: Name, Job: j.Name, Status: status, Failed: true, Reason: "job-failed"}, now)
		default:
			err = r.o.Books.Asked(ctx, j, now)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// jobStatus asks what became of a mass send: SEND_SUCCESS, SENDING, SEND_FAIL or
// DELETE.
func (c *Channel) jobStatus(ctx context.Context, job string) (string, error) {
	var out struct {
		Status string `json:"msg_status"`
	}
	err := c.api.Call(ctx, massGetPath, map[string]string{"msg_id": job}, &out)
	return out.Status, err
}

var (
	_ Books  = (*dispatch.Ledger)(nil)
	_ Keeper = (*dispatch.Ledger)(nil)
)
