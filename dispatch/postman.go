package dispatch

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

// Inbox is what people ask for on the pages; the desk of package subscribers is
// one.
type Inbox interface {
	// Attend works on what was asked and leaves letters.
	Attend(ctx context.Context, now time.Time) error
	// Tidy removes what has had its time.
	Tidy(ctx context.Context, now time.Time) (unconfirmed int, err error)
}

// PostmanOptions are what a [Postman] needs; all but Editions and Logger are
// required.
type PostmanOptions struct {
	Ledger   *Ledger
	Inbox    Inbox
	Channels []Channel
	Editions Editions     // of which people are reminded; nil: nobody is
	Logger   *slog.Logger // nil: silent
}

// Postman brings what people ask for on the pages into the ledger. Any number of
// them may work on one ledger.
type Postman struct {
	o PostmanOptions
}

// NewPostman returns a postman, or what is wrong with its options.
func NewPostman(o PostmanOptions) (*Postman, error) {
	if o.Ledger == nil || o.Inbox == nil || len(o.Channels) == 0 {
		return nil, errors.New("postman: Ledger, Inbox and at least one channel are needed")
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Postman{o: o}, nil
}

const (
	// collectEvery bounds how long somebody waits for a confirmation to be planned.
	collectEvery = 500 * time.Millisecond
	remindEvery  = time.Second
	tidyEvery    = time.Hour
)

// Run works until ctx ends.
func (p *Postman) Run(ctx context.Context) error {
	tick := time.NewTicker(collectEvery)
	defer tick.Stop()
	var reminded, tidied time.Time
	for {
		now := time.Now()
		if err := p.collect(ctx, now); err != nil && ctx.Err() == nil {
			p.o.Logger.Error("service mails; trying again", "error", err)
			pause(ctx, time.Second)
		}
		if now.Sub(reminded) >= remindEvery {
			reminded = now
			if err := p.remind(ctx, now); err != nil && ctx.Err() == nil {
				p.o.Logger.Error("reminders; trying again in a minute", "error", err)
				reminded = now.Add(time.Minute)
			}
		}
		if now.Sub(tidied) >= tidyEvery {
			tidied = now
			_, err := p.o.Inbox.Tidy(ctx, now)
			if err = errors.Join(err, p.o.Ledger.Tidy(ctx, now)); err != nil && ctx.Err() == nil {
				p.o.Logger.Error("tidying up; trying again in an hour", "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (p *Postman) collect(ctx context.Context, now time.Time) error {
	if err := p.o.Inbox.Attend(ctx, now); err != nil {
		return err
	}
	run, err := p.o.Ledger.PlanLetters(ctx, p.o.Channels, now)
	if err != nil || run == 0 {
		return err
	}
	p.o.Logger.Info("service mails planned", "run", run)
	return nil
}

// remind plans the reminders of the newest issue, where anybody waits for one.
func (p *Postman) remind(ctx context.Context, now time.Time) error {
	if p.o.Editions == nil {
		return nil
	}
	for _, ch := range p.o.Channels {
		if !Reminds(ch) {
			continue
		}
		there, err := p.o.Ledger.reminds(ctx, ch.Name())
		if err != nil {
			return err
		}
		if !there {
			continue
		}
		e, ok, err := p.o.Editions.Newest(ctx)
		if err != nil || !ok {
			return err
		}
		run, err := p.o.Ledger.PlanReminders(ctx, ch, e, now)
		if err != nil {
			return err
		}
		if run > 0 {
			p.o.Logger.Info("reminders planned", "run", run, "issue", e.Issue.ID)
		}
	}
	return nil
}

// Tidy removes what has had its time: service mails and reminders, conversations that
// are over, events that were worked on.
func (l *Ledger) Tidy(ctx context.Context, now time.Time) error {
	return errors.Join(l.ForgetLetters(ctx, now), l.forgetConversations(ctx, now), l.forgetInbound(ctx, now))
}
