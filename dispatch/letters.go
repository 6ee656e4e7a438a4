package dispatch

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"yizhan/subscribers"
)

// Letter is a kind of service mail in one language. Its variant has [Letter.Key]
// as its key.
type Letter struct {
	Kind     string // of package subscribers: confirm, manage …
	Language string // zh-CN or en
}

// Key names the variant of a letter: "confirm/zh-CN".
func (l Letter) Key() string { return l.Kind + "/" + l.Language }

// PlanLetters makes one run of all service mails that people wait for in the
// channels, 0 when there are none. What it takes is gone from the waiting ones in
// the same transaction, so that nothing is sent twice or forgotten.
func (l *Ledger) PlanLetters(ctx context.Context, channels []Channel, now time.Time) (run int64, err error) {
	bound, wanted, err := l.waitingLetters(ctx)
	if err != nil || len(wanted) == 0 {
		return 0, err
	}
	variants := map[string][]Variant{}
	for _, ch := range channels {
		if letters := wanted[ch.Name()]; len(letters) > 0 {
			variants[ch.Name()], err = ch.Prepare(ctx, Content{Kind: KindService, Letters: letters, PlannedAt: now})
			if err != nil {
				return 0, fmt.Errorf("preparing service mails for %s: %w", ch.Name(), err)
			}
		}
	}
	if len(variants) == 0 {
		return 0, nil
	}
	err = l.transact(ctx, "planning service mails", func(tx execer) error {
		run, err = l.insertLetters(ctx, tx, bound, variants, now)
		return err
	})
	if errors.Is(err, errMoved) {
		return 0, nil // another process has just planned them
	}
	return run, err
}

// waitingLetters tells up to which id letters wait, and which kinds for each
// channel.
func (l *Ledger) waitingLetters(ctx context.Context) (bound int64, wanted map[string][]Letter, err error) {
	rows, err := l.read.QueryContext(ctx, `SELECT channel, kind, language, MAX(id) FROM (`+subscribers.WaitingLetters+`) w
		GROUP BY channel, kind, language ORDER BY channel, kind, language`, Never.UnixMilli())
	wanted = map[string][]Letter{}
	err = each(rows, err, func(rows *sql.Rows) error {
		var ch string
		var letter Letter
		var last int64
		err := rows.Scan(&ch, &letter.Kind, &letter.Language, &last)
		wanted[ch] = append(wanted[ch], letter)
		bound = max(bound, last)
		return err
	})
	if err != nil {
		return 0, nil, fmt.Errorf("reading waiting letters: %w", err)
	}
	return bound, wanted, nil
}

func (l *Ledger) insertLetters(ctx context.Context, tx execer, bound int64, variants map[string][]Variant, now time.Time) (run int64, err error) {
	err = tx.QueryRowContext(ctx, `INSERT INTO runs (kind, issue_id, revision, hash, scope, state, salt, bound, created_at, planned_at)
		VALUES ($1, '', 0, '', $2, 'planned', $3, 0, $4, $4) RETURNING id`, KindService, SelectFirst, rand.Text(), millis(now)).Scan(&run)
	if err != nil {
		return 0, err
	}
	for ch, some := range variants {
		if _, err := tx.ExecContext(ctx, `INSERT INTO run_channels (run_id, channel, done) VALUES ($1, $2, 1)`, run, ch); err != nil {
			return 0, err
		}
		if err := insertVariants(ctx, tx, run, ch, some); err != nil {
			return 0, err
		}
	}
	// Those that nothing was prepared for wait: their channel is off.
	const prepared = `EXISTS (SELECT 1 FROM variants v
		WHERE v.run_id = $2 AND v.channel = %[1]s.channel AND v.variant = %[1]s.kind || '/' || %[1]s.language)`
	// A person may get several at a time, one after the other in rounds.
	res, err := tx.ExecContext(ctx, `INSERT INTO deliveries
		(run_id, issue_id, channel, subscriber_id, round, address, address_hash, variant, link_epoch, state, due_at, updated_at)
		SELECT $2, '', w.channel, w.subscriber_id,
			ROW_NUMBER() OVER (PARTITION BY w.channel, w.subscriber_id ORDER BY w.id) + COALESCE((SELECT MAX(m.round) FROM deliveries m
				WHERE m.issue_id = '' AND m.channel = w.channel AND m.subscriber_id = w.subscriber_id), 0),
			w.address, w.address_hash, w.kind || '/' || w.language, w.link_epoch, 'due', $3, $3
		FROM (`+subscribers.WaitingLetters+`) w
		WHERE `+fmt.Sprintf(prepared, "w"),
		bound, run, millis(now))
	if err != nil {
		return 0, err
	}
	n, err := res.RowsAffected()
	if err == nil && n == 0 {
		err = errMoved
	}
	if err != nil {
		return 0, err
	}
	if _, err := tx.ExecContext(ctx, subscribers.DropLetters+" AND "+fmt.Sprintf(prepared, "letters"), bound, run); err != nil {
		return 0, err
	}
	return run, nil
}

// Tidy removes what has had its time: service mails and reminders, conversations that
// are over, events that were worked on.
func (l *Ledger) Tidy(ctx context.Context, now time.Time) error {
	return errors.Join(l.ForgetLetters(ctx, now), l.forgetConversations(ctx, now), l.forgetInbound(ctx, now))
}

// lettersKept is how long the ledger shows service mails; they are nobody's
// record of the periodical.
const lettersKept = 30 * 24 * time.Hour

// ForgetLetters removes the service runs, and those of reminders, that were over long
// ago.
func (l *Ledger) ForgetLetters(ctx context.Context, now time.Time) error {
	const old = `(SELECT id FROM runs WHERE kind <> 'issue' AND (finished_at > 0 AND finished_at < $1 OR state = 'cancelled' AND created_at < $1))`
	return l.transact(ctx, "removing old service mails", func(tx execer) error {
		for _, text := range []string{
			`DELETE FROM attempts WHERE delivery_id IN (SELECT id FROM deliveries WHERE run_id IN ` + old + `)`,
			`DELETE FROM deliveries WHERE run_id IN ` + old,
			`DELETE FROM variants WHERE run_id IN ` + old,
			`DELETE FROM holds WHERE run_id IN ` + old,
			`DELETE FROM batches WHERE run_id IN ` + old,
			`DELETE FROM run_channels WHERE run_id IN ` + old,
			`DELETE FROM runs WHERE id IN ` + old,
		} {
			if _, err := tx.ExecContext(ctx, text, millis(now.Add(-lettersKept))); err != nil {
				return err
			}
		}
		return nil
	})
}

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
	for _, ch := range p.o.Channels {
		if p.o.Editions == nil || !Reminds(ch) {
			continue
		}
		if there, err := p.o.Ledger.reminds(ctx, ch.Name()); err != nil || !there {
			return err
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

// Personal is one delivery as it is shown to the person whom it was for.
type Personal struct {
	Issue     string            `json:"issue,omitempty"` // none: a service mail
	Run       int64             `json:"run,string"`
	Delivery  int64             `json:"delivery,string"`
	Channel   string            `json:"channel"`
	Round     int               `json:"round"`
	Address   string            `json:"address"`
	Variant   string            `json:"variant,omitempty"`
	State     State             `json:"state"`
	Reason    string            `json:"reason,omitempty"`
	Attempts  int               `json:"attempts"`
	Code      int               `json:"code,omitempty"`
	Reply     string            `json:"reply,omitempty"`
	UpdatedAt time.Time         `json:"updated_at"`
	Refused   []PersonalAttempt `json:"refused,omitempty"`
}

// PersonalAttempt is one try that did not end in sent.
type PersonalAttempt struct {
	At      time.Time `json:"at"`
	Outcome string    `json:"outcome"`
	Scope   Scope     `json:"scope"`
	Reason  string    `json:"reason"`
	Code    int       `json:"code,omitempty"`
	Reply   string    `json:"reply,omitempty"`
}

// ofPerson chooses the deliveries of subscriber $1. It names the first columns of
// their key, so that not all deliveries are read; those of service mails and of
// reminders have no issue in it.
const ofPerson = `subscriber_id = $1 AND issue_id IN (SELECT r.issue_id FROM runs r UNION SELECT '') AND channel IN (SELECT c.channel FROM run_channels c)`

// History is all deliveries of a person, oldest first.
func (l *Ledger) History(ctx context.Context, subscriber int64) (any, error) {
	out := []Personal{}
	rows, err := l.read.QueryContext(ctx, `SELECT (SELECT r.issue_id FROM runs r WHERE r.id = run_id), run_id, id, channel, round, address, variant, state, reason, attempts, code, reply, updated_at
		FROM deliveries WHERE `+ofPerson+` ORDER BY id`, subscriber)
	err = each(rows, err, func(rows *sql.Rows) error {
		var p Personal
		var updated int64
		err := rows.Scan(&p.Issue, &p.Run, &p.Delivery, &p.Channel, &p.Round, &p.Address, &p.Variant, &p.State, &p.Reason, &p.Attempts, &p.Code, &p.Reply, &updated)
		p.UpdatedAt = instant(updated)
		out = append(out, p)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading a person's deliveries: %w", err)
	}
	rows, err = l.read.QueryContext(ctx, `SELECT a.delivery_id, a.at, a.outcome, a.scope, a.reason, a.code, a.reply
		FROM attempts a WHERE a.delivery_id IN (SELECT id FROM deliveries WHERE `+ofPerson+`) ORDER BY a.delivery_id, a.at`, subscriber)
	err = each(rows, err, func(rows *sql.Rows) error {
		var id, at int64
		var a PersonalAttempt
		if err := rows.Scan(&id, &at, &a.Outcome, &a.Scope, &a.Reason, &a.Code, &a.Reply); err != nil {
			return err
		}
		a.At = instant(at)
		i, found := slices.BinarySearchFunc(out, id, func(p Personal, id int64) int { return int(p.Delivery - id) })
		if found {
			out[i].Refused = append(out[i].Refused, a)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading a person's deliveries: %w", err)
	}
	return out, nil
}
