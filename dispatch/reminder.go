package dispatch

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"yizhan/issue"
	"yizhan/subscribers"
)

// SelectAsked is the selection of a run of reminders: those who have asked for one.
const SelectAsked Selection = "asked"

// Reminder is one form of a reminder: people agreed to it under the number of the
// issue that was to come next, the scene, and read a language. Its variant has
// [Reminder.Key] as its key.
type Reminder struct {
	Scene    int
	Language string // zh-CN or en
}

// Key names the variant of a reminder: "143/zh-CN".
func (r Reminder) Key() string { return strconv.Itoa(r.Scene) + "/" + r.Language }

// Edition is an issue that was published.
type Edition struct {
	Issue    issue.Issue
	Revision issue.Revision
	Number   int // by which people ask to be reminded of it
}

// Editions tells which issue is the newest.
type Editions interface {
	// Newest gives the newest issue that was published and not withdrawn since; ok is
	// false when there is none.
	Newest(ctx context.Context) (e Edition, ok bool, err error)
}

// PlanReminders makes one run of all reminders that wait in a channel for an issue of
// its number or an earlier one; 0 when nobody waits, or when the issue is not being
// sent at present: paused, cancelled, or outside its schedule's hours. What it takes is
// marked as used in the same transaction, so that nobody is reminded twice.
func (l *Ledger) PlanReminders(ctx context.Context, ch Channel, e Edition, now time.Time) (run int64, err error) {
	wanted, err := l.waitingReminders(ctx, ch.Name(), e.Number)
	if err != nil || len(wanted) == 0 {
		return 0, err
	}
	schedule, out, err := l.isOut(ctx, e.Issue.ID, now)
	if err != nil || !out {
		return 0, err
	}
	variants, err := ch.Prepare(ctx, Content{Kind: KindReminder, Issue: e.Issue, Revision: e.Revision, Reminders: wanted, PlannedAt: now})
	if err != nil {
		return 0, fmt.Errorf("preparing reminders of issue %s for %s: %w", e.Issue.ID, ch.Name(), err)
	}
	err = l.transact(ctx, "planning reminders of issue "+e.Issue.ID, func(tx execer) error {
		run, err = l.insertReminders(ctx, tx, ch.Name(), schedule, e, wanted, variants, now)
		return err
	})
	if errors.Is(err, errMoved) {
		return 0, nil // another process has just planned them
	}
	return run, err
}

// reminds reports whether anybody waits for a reminder in a channel.
func (l *Ledger) reminds(ctx context.Context, channel string) (bool, error) {
	wanted, err := l.waitingReminders(ctx, channel, subscribers.MaxScene)
	return len(wanted) > 0, err
}

// waitingReminders lists the forms of the reminders that wait in a channel for a
// number.
func (l *Ledger) waitingReminders(ctx context.Context, channel string, number int) (wanted []Reminder, err error) {
	rows, err := l.read.QueryContext(ctx, `SELECT DISTINCT scene, language FROM (`+subscribers.WaitingReminders+`) w ORDER BY scene, language`, channel, number)
	err = each(rows, err, func(rows *sql.Rows) error {
		var r Reminder
		err := rows.Scan(&r.Scene, &r.Language)
		wanted = append(wanted, r)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading waiting reminders: %w", err)
	}
	return wanted, nil
}

// isOut reports whether a run of an issue to its readers is being sent or was sent, and
// whose schedule's hours it keeps.
func (l *Ledger) isOut(ctx context.Context, issueID string, now time.Time) (schedule string, out bool, err error) {
	rows, err := l.read.QueryContext(ctx, `SELECT schedule FROM runs WHERE issue_id = $1 AND kind = $2 AND scope NOT IN ($3, $4)
		AND state IN ('planned','finished') AND not_before <= $5 ORDER BY id`, issueID, KindIssue, SelectOne, SelectLatest, millis(now))
	err = each(rows, err, func(rows *sql.Rows) error {
		var of string
		err := rows.Scan(&of)
		if !out && !l.opens(of, now).After(now) {
			schedule, out = of, true
		}
		return err
	})
	if err != nil {
		return "", false, fmt.Errorf("looking for runs of issue %s: %w", issueID, err)
	}
	return schedule, out, nil
}

func (l *Ledger) insertReminders(ctx context.Context, tx execer, channel, schedule string, e Edition, wanted []Reminder, variants []Variant, now time.Time) (run int64, err error) {
	err = tx.QueryRowContext(ctx, `INSERT INTO runs (kind, issue_id, revision, hash, scope, state, salt, bound, created_at, planned_at, schedule)
		VALUES ($1, $2, $3, $4, $5, 'planned', $6, 0, $7, $7, $8) RETURNING id`,
		KindReminder, e.Issue.ID, e.Revision.N, e.Revision.Hash, SelectAsked, rand.Text(), millis(now), schedule).Scan(&run)
	if err != nil {
		return 0, err
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO run_channels (run_id, channel, done) VALUES ($1, $2, 1)`, run, channel); err != nil {
		return 0, err
	}
	if err := insertVariants(ctx, tx, run, channel, variants); err != nil {
		return 0, err
	}
	res, err := tx.ExecContext(ctx, subscribers.TakeReminders, channel, e.Number, run, millis(now))
	if err != nil {
		return 0, err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return 0, errors.Join(err, errMoved)
	}
	// Their deliveries are beside those of the issue: whoever is reminded gets it all
	// the same. Strangers to the list are all subscriber 0.
	if _, err := tx.ExecContext(ctx, `INSERT INTO deliveries
		(run_id, issue_id, channel, subscriber_id, round, address, address_hash, variant, link_epoch, state, due_at, updated_at)
		SELECT $1, '', w.channel, w.subscriber_id,
			ROW_NUMBER() OVER (PARTITION BY w.subscriber_id ORDER BY w.scene, w.address_hash) + COALESCE((SELECT MAX(m.round) FROM deliveries m
				WHERE m.issue_id = '' AND m.channel = w.channel AND m.subscriber_id = w.subscriber_id), 0),
			w.address, w.address_hash, w.scene || '/' || w.language, 0, 'due', $2, $2
		FROM (`+subscribers.TakenReminders+`) w`, run, millis(now)); err != nil {
		return 0, err
	}
	// Somebody may have asked in between in a form that nothing was prepared for.
	more, err := l.takenReminders(ctx, tx, run)
	if err != nil {
		return 0, err
	}
	if slices.ContainsFunc(more, func(r Reminder) bool { return !slices.Contains(wanted, r) }) {
		return 0, errMoved
	}
	return run, nil
}

// takenReminders lists the forms of the reminders that a run has taken.
func (l *Ledger) takenReminders(ctx context.Context, tx execer, run int64) (taken []Reminder, err error) {
	rows, err := tx.QueryContext(ctx, `SELECT DISTINCT scene, language FROM (`+subscribers.TakenReminders+`) w`, run)
	err = each(rows, err, func(rows *sql.Rows) error {
		var r Reminder
		err := rows.Scan(&r.Scene, &r.Language)
		taken = append(taken, r)
		return err
	})
	return taken, err
}
