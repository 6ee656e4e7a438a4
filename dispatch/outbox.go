package dispatch

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Sink takes notices to people.
type Sink interface {
	// Name tells the sink from the others, for ever: what it has sent is
	// recorded under it.
	Name() string
	// Send hands a notice over. An error means that it is tried again.
	Send(ctx context.Context, n Notice) error
}

// OutboxOptions are what an [Outbox] needs; all but Logger are required.
type OutboxOptions struct {
	Ledger *Ledger
	Sinks  []Sink
	Zone   *time.Location // of the times in the text
	// Reason says a reason of the ledger in Chinese; nil: it is shown as it is.
	Reason func(reason string) string
	Logger *slog.Logger // nil: silent
}

// Outbox tells every sink what the ledger has as news. A crash loses nothing;
// one between sending and recording it repeats that one notice. Any number of
// outboxes may work on one ledger.
type Outbox struct {
	o OutboxOptions
}

// NewOutbox returns an outbox, or what is wrong with its options.
func NewOutbox(o OutboxOptions) (*Outbox, error) {
	if o.Ledger == nil || o.Zone == nil {
		return nil, errors.New("outbox: Ledger and Zone are needed")
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Reason == nil {
		o.Reason = func(reason string) string { return reason }
	}
	return &Outbox{o: o}, nil
}

const (
	outboxEvery = 2 * time.Second
	// sendLimit bounds one try; it is below tryAgain, so that no other process
	// tries the same at the same time.
	sendLimit = 45 * time.Second
	tryAgain  = time.Minute
	// After quickTries it is tried every hour, until alertOver has passed: older
	// news is in the status.
	quickTries = 3
	tryLater   = time.Hour
	alertOver  = 3 * 24 * time.Hour
	// alertKept is how long alerts stay in the ledger.
	alertKept  = 90 * 24 * time.Hour
	forgetEach = time.Hour
)

// wait is the time from one try to the next.
func wait(tries int) time.Duration {
	if tries < quickTries {
		return tryAgain
	}
	return tryLater
}

// Run sends until ctx ends, then returns nil. A sink that hangs does not keep
// the others.
func (o *Outbox) Run(ctx context.Context) error {
	var all sync.WaitGroup
	for _, sink := range o.o.Sinks {
		all.Go(func() { o.serve(ctx, sink) })
	}
	all.Go(func() { o.forget(ctx) })
	all.Wait()
	return nil
}

// serve sends what is due to one sink.
func (o *Outbox) serve(ctx context.Context, sink Sink) {
	known := false
	for ctx.Err() == nil {
		sent, err := false, error(nil)
		if !known {
			err = o.o.Ledger.knowSink(ctx, sink.Name(), time.Now())
			known = err == nil
		}
		if err == nil {
			sent, err = o.next(ctx, sink)
		}
		if err != nil && ctx.Err() == nil {
			o.o.Logger.Error("reading the alerts; trying again", "error", err)
		}
		if !sent {
			pause(ctx, outboxEvery)
		}
	}
}

// next tries the first alert that is due for a sink; tried is false when none is.
func (o *Outbox) next(ctx context.Context, sink Sink) (tried bool, err error) {
	l := o.o.Ledger
	a, tries, err := l.nextAlert(ctx, sink.Name(), time.Now())
	if err != nil || tries == 0 {
		return false, err
	}
	counts, err := l.alertCounts(ctx, a)
	if err != nil {
		return false, err
	}
	// The try is counted before it is made: whatever crashes now is not repeated
	// at once and for ever.
	if mine, err := l.tryAlert(ctx, a.Key, sink.Name(), tries, time.Now()); err != nil || !mine {
		return false, err
	}
	limited, cancel := context.WithTimeout(ctx, sendLimit)
	defer cancel()
	failure := sink.Send(limited, a.notice(counts, o.o.Zone, o.o.Reason))
	if failure != nil {
		o.o.Logger.Warn("an alert could not be sent; trying again", "event", a.Event, "sink", sink.Name(), "try", tries, "error", failure)
	} else {
		o.o.Logger.Info("alerted", "event", a.Event, "sink", sink.Name(), "subject", a.Subject, "issue", a.Issue, "run", a.Run)
	}
	// What was sent has to be recorded, also when ctx ended meanwhile.
	return true, l.settleAlert(context.WithoutCancel(ctx), a.Key, sink.Name(), failure, time.Now())
}

// forget removes old alerts.
func (o *Outbox) forget(ctx context.Context) {
	for ctx.Err() == nil {
		if err := o.o.Ledger.forgetAlerts(ctx, time.Now().Add(-alertKept)); err != nil && ctx.Err() == nil {
			o.o.Logger.Error("removing old alerts", "error", err)
		}
		pause(ctx, forgetEach)
	}
}

// knowSink remembers since when a sink is told: nobody gets old news.
func (l *Ledger) knowSink(ctx context.Context, sink string, now time.Time) error {
	return l.transact(ctx, "recording a receiver of alerts", func(tx execer) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO alert_sinks (name, since) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING`, sink, millis(now))
		return err
	})
}

// openAlerts are the alerts that a sink has not got yet; $1 is now and $2 is when
// news gets old.
const openAlerts = `FROM alerts a JOIN alert_sinks k ON k.since <= a.at
	LEFT JOIN alert_sends s ON s.alert = a.key AND s.sink = k.name
	WHERE a.due_at <= $1 AND a.at > $2 AND (s.alert IS NULL OR s.sent_at = 0)`

// nextAlert finds the oldest alert that a sink is to get now, and which try this
// will be; 0: there is none.
func (l *Ledger) nextAlert(ctx context.Context, sink string, now time.Time) (a Alert, tries int, err error) {
	var at int64
	var content string
	err = l.read.QueryRowContext(ctx, `SELECT a.key, a.event, a.subject, a.at, a.content, COALESCE(s.tries, 0) + 1 `+openAlerts+`
		AND k.name = $3 AND (s.alert IS NULL OR s.due_at <= $1) ORDER BY a.at, a.key LIMIT 1`,
		millis(now), millis(now.Add(-alertOver)), sink).Scan(&a.Key, &a.Event, &a.Subject, &at, &content, &tries)
	if errors.Is(err, sql.ErrNoRows) {
		return Alert{}, 0, nil
	}
	if err == nil {
		err = json.Unmarshal([]byte(content), &a)
	}
	if err != nil {
		return Alert{}, 0, fmt.Errorf("reading alerts: %w", err)
	}
	a.At = instant(at)
	return a, tries, nil
}

// tryAlert counts a try and sets the time of the next, by compare-and-set on the
// number of tries. mine is false when another process makes it.
func (l *Ledger) tryAlert(ctx context.Context, key, sink string, tries int, now time.Time) (mine bool, err error) {
	err = l.transact(ctx, "sending an alert", func(tx execer) error {
		res, err := tx.ExecContext(ctx, `INSERT INTO alert_sends (alert, sink, tries, due_at) VALUES ($1, $2, $3, $4)
			ON CONFLICT (alert, sink) DO UPDATE SET tries = excluded.tries, due_at = excluded.due_at
			WHERE alert_sends.tries = excluded.tries - 1 AND alert_sends.sent_at = 0`,
			key, sink, tries, millis(now.Add(wait(tries))))
		if err != nil {
			return err
		}
		n, err := res.RowsAffected()
		mine = n == 1
		return err
	})
	return mine, err
}

// settleAlert records what became of a try.
func (l *Ledger) settleAlert(ctx context.Context, key, sink string, failure error, now time.Time) error {
	return l.transact(ctx, "recording an alert", func(tx execer) error {
		if failure != nil {
			_, err := tx.ExecContext(ctx, `UPDATE alert_sends SET failure = $1 WHERE alert = $2 AND sink = $3`, cutReply(failure.Error()), key, sink)
			return err
		}
		_, err := tx.ExecContext(ctx, `UPDATE alert_sends SET sent_at = $1, failure = '' WHERE alert = $2 AND sink = $3`, millis(now), key, sink)
		return err
	})
}

func (l *Ledger) forgetAlerts(ctx context.Context, before time.Time) error {
	return l.transact(ctx, "removing old alerts", func(tx execer) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM alert_sends WHERE alert IN (SELECT key FROM alerts WHERE at < $1)`, millis(before)); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `DELETE FROM alerts WHERE at < $1`, millis(before))
		return err
	})
}

// alertCounts counts the deliveries of an alert's run as they are now; nil for
// alerts without one.
func (l *Ledger) alertCounts(ctx context.Context, a Alert) (map[string]Counts, error) {
	if a.Event != AlertFinished {
		return nil, nil
	}
	run, err := strconv.ParseInt(a.Run, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("reading alert %q: %w", a.Key, err)
	}
	r := RunStatus{run: run, ID: a.Run, Channels: map[string]Counts{}}
	if err := l.count(ctx, &r); err != nil {
		return nil, err
	}
	return r.Channels, nil
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
