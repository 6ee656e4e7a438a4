package dispatch

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Job is a hand-over that the carrier works on after it has taken it.
type Job struct {
	id   int64
	Name string // at the carrier
	At   time.Time
}

// Report is a carrier's late news about a job: a receipt.
type Report struct {
	Channel string `json:"-"`
	Job     string `json:"-"`
	// Failed: nobody got it. Reason is then the stable word for the deliveries.
	Failed bool   `json:"-"`
	Reason string `json:"-"`
	// Status is the carrier's own word, hostile text.
	Status string `json:"status"`
	// How many the job was for, how many of them were left after the carrier's
	// filters, and how many of those got it and did not.
	Total    int `json:"total"`
	Filtered int `json:"filtered"`
	Sent     int `json:"sent"`
	Errors   int `json:"errors"`
}

// Report records what a carrier says about a job, and makes the deliveries of a
// failed one failed: the only way out of sent. The first report that says so
// counts, whatever comes later. It reports whether anybody knows the job; one
// that is not known may come to be, when the report was faster than the answer.
func (l *Ledger) Report(ctx context.Context, r Report, now time.Time) (known bool, err error) {
	r.Status = cutReply(r.Status)
	text, err := json.Marshal(r)
	if err != nil {
		return false, fmt.Errorf("recording a report: %w", err)
	}
	err = l.transact(ctx, "recording a report", func(tx execer) error {
		var batch int64
		err := tx.QueryRowContext(ctx, `UPDATE batches SET report = $1, reported_at = $2 WHERE channel = $3 AND job = $4 AND job <> '' RETURNING id`,
			string(text), millis(now), r.Channel, r.Job).Scan(&batch)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if known = err == nil; !known || !r.Failed {
			return err
		}
		c, ok := Next(Progress{State: StateSent}, Event{Happening: Reported, Reason: r.Reason}, Policy{}, now)
		if !ok {
			return nil
		}
		_, err = tx.ExecContext(ctx, `UPDATE deliveries SET state = $1, reason = $2, reply = $3, updated_at = $4
			WHERE batch_id = $5 AND state = 'sent'`, c.To, c.Reason, r.Status, millis(now), batch)
		return err
	})
	return known, err
}

// Jobs sum up what a carrier said of a run's hand-overs. Accepted is not received:
// here is how many it filtered out, as far as it said so.
type Jobs struct {
	Jobs     int64 `json:"jobs"`
	Reported int64 `json:"reported"` // on so many of them
	Counted  int64 `json:"counted"`  // and with numbers on so many
	// As in [Report], of the counted ones.
	Total    int64 `json:"total"`
	Filtered int64 `json:"filtered"`
	Sent     int64 `json:"sent"`
	Errors   int64 `json:"errors"`
}

// reported sums up the reports on a run's jobs. Those of template messages, each of
// which is a job, are mostly the same text.
func (l *Ledger) reported(ctx context.Context, r *RunStatus) error {
	rows, err := l.read.QueryContext(ctx, `SELECT channel, report, COUNT(*) FROM batches WHERE run_id = $1 AND job <> '' GROUP BY channel, report`, r.run)
	err = each(rows, err, func(rows *sql.Rows) error {
		var ch, text string
		var n int64
		if err := rows.Scan(&ch, &text, &n); err != nil {
			return err
		}
		sum := r.Jobs[ch]
		sum.Jobs += n
		if text != "" {
			var one Report
			if err := json.Unmarshal([]byte(text), &one); err != nil {
				return err
			}
			sum.Reported += n
			if one.Total > 0 {
				sum.Counted += n
			}
			sum.Total += n * int64(one.Total)
			sum.Filtered += n * int64(one.Filtered)
			sum.Sent += n * int64(one.Sent)
			sum.Errors += n * int64(one.Errors)
		}
		r.Jobs[ch] = sum
		return nil
	})
	if err != nil {
		return fmt.Errorf("reading what was reported of run %s: %w", r.ID, err)
	}
	return nil
}

// jobAge is how long a carrier is asked about a job. WeChat tells nothing about
// one after some days, and reports within half an hour (read 2026-11).
const jobAge = 24 * time.Hour

// Jobs lists a channel's jobs without a report that are to be asked about now:
// after a minute for the first time, then whenever the job has grown by half.
func (l *Ledger) Jobs(ctx context.Context, channel string, now time.Time) ([]Job, error) {
	rows, err := l.read.QueryContext(ctx, `SELECT id, job, created_at FROM batches
		WHERE channel = $1 AND job <> '' AND reported_at = 0 AND created_at > $2 AND created_at <= $3
			AND ($4 - asked_at) * 3 >= $4 - created_at ORDER BY id LIMIT 100`,
		channel, millis(now.Add(-jobAge)), millis(now.Add(-time.Minute)), millis(now))
	var out []Job
	err = each(rows, err, func(rows *sql.Rows) error {
		var j Job
		var at int64
		err := rows.Scan(&j.id, &j.Name, &at)
		j.At = instant(at)
		out = append(out, j)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("looking for jobs without a report: %w", err)
	}
	return out, nil
}

// Asked records that the carrier was asked about a job.
func (l *Ledger) Asked(ctx context.Context, j Job, now time.Time) error {
	return l.transact(ctx, "recording a question", func(tx execer) error {
		_, err := tx.ExecContext(ctx, `UPDATE batches SET asked_at = $1 WHERE id = $2`, millis(now), j.id)
		return err
	})
}
