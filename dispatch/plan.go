package dispatch

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"yizhan/issue"
)

// planChunk is how many rows one transaction of a plan adds: an unsubscribe
// never waits for more than that.
const planChunk = 10_000

// ErrPlanned says that an issue has had its first run in a channel already.
var ErrPlanned = errors.New("already planned")

// Planning is what a run is planned from.
type Planning struct {
	Kind      RunKind
	Issue     issue.Issue
	Revision  issue.Revision
	Selection Selection
	Target    string // SelectOne: the subscriber's public id
	Reason    string // why it is resent, for the record
	Channels  []Channel
	// Instead are channels for those who have left another (see
	// [subscribers.Unfollowed]), by the name of that: a first run has theirs, unless
	// it or an earlier one goes to everybody there.
	Instead   map[string]Channel
	NotBefore time.Time // zero: at once
	Schedule  string    // whose slot this is; "": an operator's run
	Slot      time.Time
	Now       time.Time
}

// Plan freezes content and audience into a run and adds its deliveries. After
// an error or a crash between two chunks the run stays in planning, is not
// sent, and [Ledger.FinishPlans] takes it up again. Progress may be nil; it is
// called after each chunk with the share that is done.
func (l *Ledger) Plan(ctx context.Context, p Planning, progress func(share float64)) (run int64, err error) {
	variants := map[string][]Variant{}
	for i, ch := range p.Channels {
		if _, twice := variants[ch.Name()]; twice {
			p.Channels = slices.Delete(slices.Clone(p.Channels), i, i+1)
			return l.Plan(ctx, p, progress)
		}
		if variants[ch.Name()], err = l.prepare(ctx, p, ch); err != nil {
			return 0, err
		}
	}
	for _, ch := range p.instead() {
		if variants[ch.Name()], err = l.prepare(ctx, p, ch); err != nil {
			return 0, err
		}
	}
	err = l.transact(ctx, "planning issue "+p.Issue.ID, func(tx execer) error {
		run, err = l.insertRun(ctx, tx, p, variants)
		return err
	})
	if err != nil {
		return 0, err
	}
	return run, l.finishPlan(ctx, run, p.Now, progress)
}

// instead gives the channels of Instead that a first run needs, by the name of the
// one that was left.
func (p Planning) instead() map[string]Channel {
	out := map[string]Channel{}
	if p.Selection != SelectFirst {
		return out
	}
	has := func(name string) bool {
		return slices.ContainsFunc(p.Channels, func(ch Channel) bool { return ch.Name() == name })
	}
	for left, ch := range p.Instead {
		if has(left) && !has(ch.Name()) {
			out[left] = ch
		}
	}
	return out
}

func (l *Ledger) insertRun(ctx context.Context, tx execer, p Planning, variants map[string][]Variant) (run int64, err error) {
	insteadOf := map[string]string{}
	for _, ch := range p.Channels {
		if p.Selection == SelectFirst {
			err = l.notPlanned(ctx, tx, p.Issue.ID, ch.Name())
		} else {
			insteadOf[ch.Name()], err = l.insteadOf(ctx, tx, p.Issue.ID, ch.Name(), p.Selection)
		}
		if err != nil {
			return 0, err
		}
	}
	err = tx.QueryRowContext(ctx, `INSERT INTO runs
		(kind, issue_id, revision, hash, scope, target, reason, state, salt, bound, not_before, created_at, schedule, slot)
		VALUES ($1, $2, $3, $4, $5, $6, $7, 'planning', $8, (SELECT COALESCE(MAX(id), 0) FROM subscribers), $9, $10, $11, $12)
		RETURNING id`,
		p.Kind, p.Issue.ID, p.Revision.N, p.Revision.Hash, p.Selection, p.Target, p.Reason, rand.Text(),
		millis(p.NotBefore), millis(p.Now), p.Schedule, millis(p.Slot)).Scan(&run)
	if err != nil {
		return 0, err
	}
	channels := slices.Clone(p.Channels)
	for left, ch := range p.instead() {
		channels, insteadOf[ch.Name()] = append(channels, ch), left
	}
	for _, ch := range channels {
		if err := insertChannel(ctx, tx, run, p, ch, insteadOf[ch.Name()], variants[ch.Name()]); err != nil {
			return 0, err
		}
	}
	return run, nil
}

// insertChannel freezes the content of one channel into a run.
func insertChannel(ctx context.Context, tx execer, run int64, p Planning, ch Channel, insteadOf string, variants []Variant) error {
	firstOf := sql.NullString{String: p.Issue.ID, Valid: p.Selection == SelectFirst && insteadOf == ""}
	outline, err := frozenOutline(p, ch)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO run_channels (run_id, channel, first_of, outline, instead_of, remarks) VALUES ($1, $2, $3, $4, $5, $6)`,
		run, ch.Name(), firstOf, outline, insteadOf, remarks(variants)); err != nil {
		return err
	}
	return insertVariants(ctx, tx, run, ch.Name(), variants)
}

// insertVariants adds content to a run that has none of it yet.
func insertVariants(ctx context.Context, tx execer, run int64, channel string, variants []Variant) error {
	for _, v := range variants {
		if _, err := tx.ExecContext(ctx, `INSERT INTO variants (run_id, channel, variant, message_id, data, single)
			VALUES ($1, $2, $3, $4, $5, $6)`, run, channel, v.Key, v.MessageID, v.Data, boolInt(v.Single)); err != nil {
			return err
		}
	}
	return nil
}

// remarks are what the channel said of its variants, each once, one a line.
func remarks(variants []Variant) string {
	var all []string
	for _, v := range variants {
		for _, one := range v.Remarks {
			if one = strings.Join(strings.Fields(one), " "); !slices.Contains(all, one) {
				all = append(all, one)
			}
		}
	}
	return strings.Join(all, "\n")
}

// FinishPlans takes up plans that were begun before a time: whoever began them
// is gone, or is helped. It returns how many became planned.
func (l *Ledger) FinishPlans(ctx context.Context, before, now time.Time) (int, error) {
	runs, err := ids(l.read.QueryContext(ctx, `SELECT id FROM runs WHERE state = 'planning' AND created_at < $1 ORDER BY id`, millis(before)))
	if err != nil {
		return 0, fmt.Errorf("looking for unfinished plans: %w", err)
	}
	for _, run := range runs {
		if err := l.finishPlan(ctx, run, now, nil); err != nil {
			return 0, err
		}
	}
	return len(runs), nil
}

// plan is a run that is being planned, as the ledger has it.
type plan struct {
	run       int64
	bound     int64
	notBefore int64
	query     query
	selective *selective // nil: everybody gets the whole issue
}

func (l *Ledger) finishPlan(ctx context.Context, run int64, now time.Time, progress func(float64)) error {
	p := plan{run: run, query: query{now: now}}
	err := l.read.QueryRowContext(ctx, `SELECT issue_id, revision, scope, target, bound, not_before FROM runs WHERE id = $1`, run).
		Scan(&p.query.issue, &p.query.revision, &p.query.selection, &p.query.target, &p.bound, &p.notBefore)
	if err != nil {
		return fmt.Errorf("reading run %d: %w", run, err)
	}
	channels, err := l.runChannels(ctx, run)
	if err != nil {
		return err
	}
	for i, ch := range channels {
		p.query.channel = ch
		err := l.read.QueryRowContext(ctx, `SELECT instead_of FROM run_channels WHERE run_id = $1 AND channel = $2`, run, ch).Scan(&p.query.insteadOf)
		if err != nil {
			return fmt.Errorf("reading run %d: %w", run, err)
		}
		if p.selective, err = l.selective(ctx, run, ch); err != nil {
			return fmt.Errorf("reading run %d: %w", run, err)
		}
		for done := false; !done; {
			var cursor int64
			err := l.transact(ctx, fmt.Sprintf("planning run %d for %s", run, ch), func(tx execer) (err error) {
				cursor, done, err = p.chunk(ctx, tx, now)
				return err
			})
			if errors.Is(err, errMoved) {
				continue
			}
			if err != nil {
				return err
			}
			if progress != nil && p.bound > 0 {
				progress((float64(i) + float64(cursor)/float64(p.bound)) / float64(len(channels)))
			}
		}
	}
	return l.transact(ctx, fmt.Sprintf("finishing the plan of run %d", run), func(tx execer) error {
		_, err := tx.ExecContext(ctx, `UPDATE runs SET state = 'planned', planned_at = $1 WHERE id = $2 AND state = 'planning'`, millis(now), run)
		return err
	})
}

// chunk plans the next planChunk subscribers of one channel. Another process
// may be doing the same: the cursor moves by compare-and-set.
func (p plan) chunk(ctx context.Context, tx execer, now time.Time) (cursor int64, done bool, err error) {
	var over bool // planned, or cancelled meanwhile
	err = tx.QueryRowContext(ctx, `SELECT c.cursor, CASE WHEN c.done = 1 OR r.state <> 'planning' THEN 1 ELSE 0 END
		FROM run_channels c JOIN runs r ON r.id = c.run_id WHERE c.run_id = $1 AND c.channel = $2`, p.run, p.query.channel).Scan(&cursor, &over)
	if err != nil || over {
		return p.bound, true, err
	}
	who, more := p.query.who()
	args := append([]any{p.query.channel, cursor, p.bound}, more...)
	var last sql.NullInt64
	var n, choosy int
	err = tx.QueryRowContext(ctx, fmt.Sprintf(`SELECT MAX(subscriber_id), COUNT(*), COUNT(CASE WHEN sections <> '' THEN 1 END)
		FROM (%s ORDER BY a.subscriber_id LIMIT %d) w`, who, planChunk), args...).Scan(&last, &n, &choosy)
	if err != nil {
		return 0, false, err
	}
	next := p.bound
	if n == planChunk {
		next = last.Int64
	}
	args[2] = next
	// Where nobody chose, which is most often, a plan does not look for choices.
	variant, reason, choices := `''`, `w.blocked`, ``
	at := len(args)
	if choosy > 0 && p.selective != nil {
		if err := p.settleChoices(ctx, tx, who, args); err != nil {
			return 0, false, err
		}
		variant, reason = `COALESCE(c.variant, '')`, `CASE WHEN w.blocked = '' THEN COALESCE(c.reason, '') ELSE w.blocked END`
		choices = fmt.Sprintf(`LEFT JOIN choices c ON c.run_id = $%d AND c.channel = $1 AND c.sections = w.sections`, at+1)
	}
	args = append(args, p.run, max(millis(now), p.notBefore), millis(now))
	_, err = tx.ExecContext(ctx, fmt.Sprintf(`INSERT INTO deliveries
		(run_id, issue_id, channel, subscriber_id, round, address, address_hash, link_epoch, variant, state, reason, due_at, updated_at)
		SELECT $%[2]d, $4, $1, w.subscriber_id, w.round, w.address, w.address_hash, w.link_epoch,
			%[5]s, CASE WHEN %[6]s = '' THEN 'due' ELSE 'skipped' END, %[6]s, $%[3]d, $%[4]d
		FROM (%[1]s) w %[7]s WHERE true
		ON CONFLICT (issue_id, channel, subscriber_id, round) DO NOTHING`, who, at+1, at+2, at+3, variant, reason, choices), args...)
	if err != nil {
		return 0, false, err
	}
	res, err := tx.ExecContext(ctx, `UPDATE run_channels SET cursor = $1, done = $2 WHERE run_id = $3 AND channel = $4 AND cursor = $5 AND done = 0`,
		next, boolInt(n < planChunk), p.run, p.query.channel, cursor)
	if err != nil {
		return 0, false, err
	}
	if moved, err := res.RowsAffected(); err != nil || moved == 0 {
		return cursor, false, errors.Join(err, errMoved)
	}
	return next, n < planChunk, nil
}

// errMoved rolls a chunk back that another process has planned meanwhile.
var errMoved = errors.New("another process is planning this run")

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// runChannels lists the channels of a run.
func (l *Ledger) runChannels(ctx context.Context, run int64) ([]string, error) {
	rows, err := l.read.QueryContext(ctx, `SELECT channel FROM run_channels WHERE run_id = $1 ORDER BY channel`, run)
	if err != nil {
		return nil, fmt.Errorf("reading the channels of run %d: %w", run, err)
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var c string
		if err := rows.Scan(&c); err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, rows.Err()
}
