package dispatch

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// RunState is the stored state of a run. What it is doing meanwhile (sending,
// held, partial) follows from its rows: see [RunStatus].
type RunState string

// The states of a run.
const (
	RunPlanning  RunState = "planning"
	RunPlanned   RunState = "planned" // its rows may be sent
	RunPaused    RunState = "paused"
	RunCancelled RunState = "cancelled"
	RunFinished  RunState = "finished" // no row is open
)

// ErrPlanning says that a run is not planned yet.
var ErrPlanning = errors.New("the run is still being planned: wait for it, or cancel it")

// Pause stops the open runs of an issue before their next marker. It returns
// how many runs it paused, or ErrPlanning when one is not planned yet: that one
// would begin although it was paused.
func (l *Ledger) Pause(ctx context.Context, issueID string, now time.Time) (runs int64, err error) {
	err = l.transact(ctx, "pausing issue "+issueID, func(tx execer) error {
		var planning int
		if err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM runs WHERE issue_id = $1 AND state = 'planning'`, issueID).Scan(&planning); err != nil {
			return err
		}
		if planning > 0 {
			return ErrPlanning
		}
		runs, err = l.moveRuns(ctx, tx, issueID, RunPlanned, RunPaused)
		if err != nil || runs == 0 {
			return err
		}
		return l.unqueue(ctx, tx, issueID, now)
	})
	return runs, err
}

// Resume lets paused runs of an issue go on and frees the rows that wait as
// held. It returns how many runs and rows.
func (l *Ledger) Resume(ctx context.Context, issueID string, now time.Time) (runs, freed int64, err error) {
	err = l.transact(ctx, "resuming issue "+issueID, func(tx execer) error {
		// The time of the pause is not the recipients': their give_up begins anew.
		if _, err := tx.ExecContext(ctx, `UPDATE deliveries SET first_at = 0
			WHERE state = 'due' AND first_at > 0 AND run_id IN (SELECT id FROM runs WHERE issue_id = $1 AND state = 'paused')`, issueID); err != nil {
			return err
		}
		if runs, err = l.moveRuns(ctx, tx, issueID, RunPaused, RunPlanned); err != nil {
			return err
		}
		freed, err = l.free(ctx, tx, issueID, now)
		return err
	})
	return runs, freed, err
}

// Cancel ends the open runs of an issue, also one that is still being planned:
// what has not been handed over is skipped. It returns how many runs and rows.
func (l *Ledger) Cancel(ctx context.Context, issueID string, now time.Time) (runs, rows int64, err error) {
	return l.cancel(ctx, issueID, 0, now)
}

// CancelRun is Cancel for one of the runs of an issue.
func (l *Ledger) CancelRun(ctx context.Context, issueID string, run int64, now time.Time) (runs, rows int64, err error) {
	return l.cancel(ctx, issueID, run, now)
}

func (l *Ledger) cancel(ctx context.Context, issueID string, run int64, now time.Time) (runs, rows int64, err error) {
	err = l.transact(ctx, "cancelling issue "+issueID, func(tx execer) error {
		// What has nothing left to send is over, also while it is paused.
		if _, err := tx.ExecContext(ctx, `UPDATE runs SET state = 'finished', finished_at = $1
			WHERE issue_id = $2 AND state IN ('planned','paused')`+nothingOpen, millis(now), issueID); err != nil {
			return err
		}
		res, err := tx.ExecContext(ctx, `UPDATE runs SET state = $1 WHERE issue_id = $2 AND state IN ('planning','planned','paused') AND ($3 = 0 OR id = $3)`,
			RunCancelled, issueID, run)
		if err != nil {
			return err
		}
		if runs, err = res.RowsAffected(); err != nil {
			return err
		}
		rows, err = l.skipCancelled(ctx, tx, now)
		return err
	})
	return runs, rows, err
}

// skipCancelled carries out Cancelled for the rows of cancelled runs. It is
// repeated while the dispatcher runs, for rows that were marked when the run
// was cancelled and refused afterwards.
func (l *Ledger) skipCancelled(ctx context.Context, tx execer, now time.Time) (int64, error) {
	var rows int64
	for _, from := range []State{StateDue, StateQueued, StateLeased} {
		res, err := tx.ExecContext(ctx, `UPDATE deliveries SET
				state = CASE WHEN lost > 0 THEN 'unconfirmed' ELSE 'skipped' END,
				reason = CASE WHEN lost > 0 THEN $1 ELSE $2 END,
				claim = 0, due_at = 0, updated_at = $3
			WHERE state = '`+string(from)+`' AND run_id IN (SELECT id FROM runs WHERE state = 'cancelled')`, ReasonLostReply, ReasonCancelled, millis(now))
		if err != nil {
			return 0, err
		}
		n, err := res.RowsAffected()
		if err != nil {
			return 0, err
		}
		rows += n
	}
	return rows, nil
}

func (l *Ledger) moveRuns(ctx context.Context, tx execer, issueID string, from, to RunState) (int64, error) {
	res, err := tx.ExecContext(ctx, `UPDATE runs SET state = $1 WHERE issue_id = $2 AND state = $3`, to, issueID, from)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// unqueue takes the rows of paused runs out of the queue; the ids left there
// are refused when they are claimed.
func (l *Ledger) unqueue(ctx context.Context, tx execer, issueID string, now time.Time) error {
	_, err := tx.ExecContext(ctx, `UPDATE deliveries SET state = 'due', updated_at = $1
		WHERE state = 'queued'
			AND run_id IN (SELECT id FROM runs WHERE issue_id = $2 AND state = 'paused')`, millis(now), issueID)
	return err
}

// openRun is a run that may have rows to send.
type openRun struct {
	id       int64
	channels []string
}

// openRuns lists planned runs with rows that are due now and whose window is open,
// service runs first: one that only waits, perhaps for months until its one reader
// speaks, costs the feeder nothing.
func (l *Ledger) openRuns(ctx context.Context, now time.Time) ([]openRun, error) {
	rows, err := l.read.QueryContext(ctx, `SELECT r.id, r.schedule, c.channel FROM runs r JOIN run_channels c ON c.run_id = r.id
		WHERE r.state = 'planned' AND r.not_before <= $1
			AND EXISTS (SELECT 1 FROM deliveries d WHERE d.run_id = r.id AND d.channel = c.channel AND d.state = 'due' AND d.due_at <= $1)
		ORDER BY CASE WHEN r.kind = 'service' THEN 0 ELSE 1 END, r.id, c.channel`, millis(now))
	if err != nil {
		return nil, fmt.Errorf("reading open runs: %w", err)
	}
	defer rows.Close()
	var out []openRun
	for rows.Next() {
		var id int64
		var schedule, ch string
		if err := rows.Scan(&id, &schedule, &ch); err != nil {
			return nil, fmt.Errorf("reading open runs: %w", err)
		}
		if l.opens(schedule, now).After(now) {
			continue
		}
		if len(out) == 0 || out[len(out)-1].id != id {
			out = append(out, openRun{id: id})
		}
		out[len(out)-1].channels = append(out[len(out)-1].channels, ch)
	}
	return out, rows.Err()
}

// sending reports whether a run may be sent right now.
func (l *Ledger) sending(ctx context.Context, run int64, now time.Time) (bool, error) {
	var state RunState
	var schedule string
	if err := l.read.QueryRowContext(ctx, `SELECT state, schedule FROM runs WHERE id = $1`, run).Scan(&state, &schedule); err != nil {
		return false, fmt.Errorf("reading run %d: %w", run, err)
	}
	return state == RunPlanned && !l.opens(schedule, now).After(now), nil
}

// nothingOpen is the condition that a run has no open row.
const nothingOpen = ` AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.run_id = runs.id AND d.state = 'due')
	AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.run_id = runs.id AND (d.state = 'queued' OR d.state = 'leased' OR d.state = 'marked'))`

// finishRuns marks the planned runs as finished that have no open row, and
// returns their ids.
func (l *Ledger) finishRuns(ctx context.Context, now time.Time) ([]int64, error) {
	const none = `state = 'planned'` + nothingOpen
	done, err := ids(l.read.QueryContext(ctx, `SELECT id FROM runs WHERE `+none))
	if err != nil || len(done) == 0 {
		return nil, err
	}
	var finished []int64
	err = l.transact(ctx, "finishing runs", func(tx execer) error {
		finished, err = ids(tx.QueryContext(ctx, `UPDATE runs SET state = 'finished', finished_at = $1 WHERE `+none+` RETURNING id`, millis(now)))
		if err != nil {
			return err
		}
		return alertFinished(ctx, tx, finished, now)
	})
	return finished, err
}

// Corrects says whether a revision of an issue corrects one that was planned.
func (l *Ledger) Corrects(ctx context.Context, issueID string, revision int) (bool, error) {
	var older int
	err := l.read.QueryRowContext(ctx, `SELECT COUNT(*) FROM runs WHERE kind = $1 AND issue_id = $2 AND revision < $3 AND planned_at > 0`,
		KindIssue, issueID, revision).Scan(&older)
	if err != nil {
		return false, fmt.Errorf("looking for an older revision of issue %s: %w", issueID, err)
	}
	return older > 0, nil
}

// Publication is what was planned of an issue.
type Publication struct {
	Revision int       // the newest that was planned
	First    time.Time // when the first run of any revision was planned
	Changed  time.Time // when the first run of Revision was
}

// Published tells of every issue that was ever planned, by its id.
func (l *Ledger) Published(ctx context.Context) (map[string]Publication, error) {
	rows, err := l.read.QueryContext(ctx, `SELECT issue_id, revision, MIN(planned_at) FROM runs
		WHERE kind = $1 AND planned_at > 0 GROUP BY issue_id, revision ORDER BY issue_id, revision`, KindIssue)
	out := map[string]Publication{}
	err = each(rows, err, func(rows *sql.Rows) error {
		var id string
		var revision int
		var planned int64
		err := rows.Scan(&id, &revision, &planned)
		p := out[id]
		p.Revision, p.Changed = revision, instant(planned)
		if p.First.IsZero() || p.Changed.Before(p.First) {
			p.First = p.Changed
		}
		out[id] = p
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading what was published: %w", err)
	}
	return out, nil
}
