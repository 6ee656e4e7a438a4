package dispatch

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
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
