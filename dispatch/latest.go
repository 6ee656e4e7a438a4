package dispatch

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"yizhan/issue"
	"yizhan/subscribers"
)

// SelectLatest is the run that sends an issue, which had its first run before, to
// newcomers who ask for it. It is no resend: it takes nobody who has a delivery.
const SelectLatest Selection = "latest"

// latestFor is how long newcomers are put into the same run: it has one date and
// one frozen content, and a reader's mail is never older than that when it comes.
const latestFor = time.Hour

// Latest is what is sent to one newcomer.
type Latest struct {
	Issue      issue.Issue
	Revision   issue.Revision
	Channel    Channel
	Subscriber string // public id
	Now        time.Time
}

func (w Latest) query() query {
	return query{selection: SelectLatest, channel: w.Channel.Name(), issue: w.Issue.ID, target: w.Subscriber, now: w.Now}
}

// newcomer is somebody who can be sent the latest issue.
type newcomer struct {
	id     int64
	choice issue.Choice
}

// Wanted reports whether SendLatest would send anything: the subscriber may be sent
// to, has no delivery of the issue, and the issue has a section that they chose.
func (l *Ledger) Wanted(ctx context.Context, w Latest) (bool, error) {
	_, ok, err := l.newcomer(ctx, l.read, w)
	return ok, err
}

func (l *Ledger) newcomer(ctx context.Context, db rower, w Latest) (n newcomer, ok bool, err error) {
	who, more := w.query().who()
	args := append([]any{w.Channel.Name(), int64(0), Never.UnixMilli()}, more...)
	var sections string
	err = db.QueryRowContext(ctx, `SELECT w.subscriber_id, w.sections FROM (`+who+`) w`, args...).Scan(&n.id, &sections)
	if errors.Is(err, sql.ErrNoRows) {
		return n, false, nil
	}
	if err != nil {
		return n, false, fmt.Errorf("looking for a newcomer: %w", err)
	}
	ok = true
	if BySection(w.Channel) {
		n.choice, ok = w.Issue.Outline().Choose(subscribers.SplitList(sections))
	}
	return n, ok, nil
}

// SendLatest plans one delivery of an issue for a newcomer and reports whether it
// did. However often it is called, and by how many processes, a subscriber gets
// one: the ledger has one row for each issue, channel, subscriber and round.
func (l *Ledger) SendLatest(ctx context.Context, w Latest) (sent bool, err error) {
	n, ok, err := l.newcomer(ctx, l.read, w)
	if err != nil || !ok {
		return false, err
	}
	p := Planning{Kind: KindIssue, Issue: w.Issue, Revision: w.Revision, Selection: SelectLatest, Channels: []Channel{w.Channel}, Now: w.Now}
	run, frozen, err := l.latestRun(ctx, w, n.choice)
	if err != nil {
		return false, err
	}
	var variants []Variant
	if !frozen {
		if variants, err = w.Channel.Prepare(ctx, Content{
			Kind: KindIssue, Issue: w.Issue, Revision: w.Revision, Sections: n.choice, PlannedAt: w.Now,
		}); err != nil {
			return false, fmt.Errorf("preparing issue %s for %s: %w", w.Issue.ID, w.Channel.Name(), err)
		}
		for i := range variants {
			variants[i].Key = n.choice.String()
		}
	}
	err = l.transact(ctx, "sending the latest issue", func(tx execer) error {
		if run == 0 {
			if run, err = l.insertRun(ctx, tx, p, map[string][]Variant{w.Channel.Name(): variants}); err != nil {
				return err
			}
		} else if err := addVariants(ctx, tx, run, w.Channel.Name(), variants); err != nil {
			return err
		}
		if err := addLatest(ctx, tx, run, w, n); err != nil {
			return err
		}
		return openLatest(ctx, tx, run, w.Now)
	})
	if errors.Is(err, errMoved) {
		return false, nil // somebody was faster
	}
	return err == nil, err
}

// latestRun finds the run that newcomers of this time are put into, 0 when there
// is none yet, and whether it has the content for a choice.
func (l *Ledger) latestRun(ctx context.Context, w Latest, c issue.Choice) (run int64, frozen bool, err error) {
	err = l.read.QueryRowContext(ctx, `SELECT r.id, CASE WHEN EXISTS (SELECT 1 FROM variants v
			WHERE v.run_id = r.id AND v.channel = $1 AND v.variant = $2) THEN 1 ELSE 0 END
		FROM runs r JOIN run_channels c ON c.run_id = r.id AND c.channel = $1
		WHERE r.issue_id = $3 AND r.revision = $4 AND r.scope = $5 AND r.state IN ('planned','paused','finished') AND r.created_at > $6
		ORDER BY r.id DESC LIMIT 1`,
		w.Channel.Name(), c.String(), w.Issue.ID, w.Revision.N, SelectLatest, millis(w.Now.Add(-latestFor))).Scan(&run, &frozen)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, fmt.Errorf("looking for a run of the latest issue: %w", err)
	}
	return run, frozen, nil
}

// addVariants adds content to a run that is on its way; what is there stays.
func addVariants(ctx context.Context, tx execer, run int64, channel string, variants []Variant) error {
	for _, v := range variants {
		var n int
		err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM variants WHERE run_id = $1 AND channel = $2 AND variant = $3`, run, channel, v.Key).Scan(&n)
		if err == nil && n == 0 {
			err = insertVariants(ctx, tx, run, channel, []Variant{v})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// addLatest adds the delivery; errMoved when there is one meanwhile.
func addLatest(ctx context.Context, tx execer, run int64, w Latest, n newcomer) error {
	who, more := w.query().who()
	args := append([]any{w.Channel.Name(), n.id - 1, n.id}, more...)
	at := len(args)
	args = append(args, run, n.choice.String(), millis(w.Now))
	res, err := tx.ExecContext(ctx, fmt.Sprintf(`INSERT INTO deliveries
		(run_id, issue_id, channel, subscriber_id, round, address, address_hash, link_epoch, variant, state, reason, due_at, updated_at)
		SELECT $%[2]d, $4, $1, w.subscriber_id, w.round, w.address, w.address_hash, w.link_epoch, $%[3]d, 'due', '', $%[4]d, $%[4]d
		FROM (%[1]s) w WHERE true
		ON CONFLICT (issue_id, channel, subscriber_id, round) DO NOTHING`, who, at+1, at+2, at+3), args...)
	if err != nil {
		return err
	}
	if added, err := res.RowsAffected(); err != nil || added == 0 {
		return errors.Join(err, errMoved)
	}
	return nil
}

// openLatest lets the run go on, or begin. One that was cancelled meanwhile stays
// so: the newcomer asks again.
func openLatest(ctx context.Context, tx execer, run int64, now time.Time) error {
	res, err := tx.ExecContext(ctx, `UPDATE runs SET state = CASE WHEN state = 'paused' THEN 'paused' ELSE 'planned' END,
			planned_at = CASE WHEN planned_at = 0 THEN $1 ELSE planned_at END, finished_at = 0
		WHERE id = $2 AND state <> 'cancelled'`, millis(now), run)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, errMoved)
	}
	_, err = tx.ExecContext(ctx, `UPDATE run_channels SET done = 1 WHERE run_id = $1`, run)
	return err
}
