package dispatch

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// sampleRuns counts the deliveries of the runs that are not over, and of the
// newest run, whose end a scrape might miss.
func (l *Ledger) sampleRuns(ctx context.Context, s *sample, channels []Channel) error {
	runs, err := l.runs(ctx, "")
	if err != nil {
		return err
	}
	sums := map[string]Counts{}
	for _, ch := range channels {
		sums[ch.Name()] = Counts{}
	}
	for i, r := range runs {
		over := r.State == string(RunFinished) || r.State == string(RunCancelled)
		if over && i < len(runs)-1 {
			continue
		}
		if err := l.count(ctx, &r); err != nil {
			return err
		}
		for _, ch := range sortedKeys(r.Channels) {
			n := r.Channels[ch]
			for _, state := range States() {
				s.set(s.d.runDeliveries, float64(n[state]), r.ID, r.Issue, ch, string(state))
				if sum := sums[ch]; sum != nil && !over {
					sum[state] += n[state]
				}
			}
			ratio := 1.0
			if total := n.Total(); total > 0 {
				ratio = 1 - float64(n.Open())/float64(total)
			}
			s.set(s.d.progress, ratio, r.ID, r.Issue, ch)
		}
	}
	for _, ch := range sortedKeys(sums) {
		for _, state := range States() {
			s.set(s.d.deliveries, float64(sums[ch][state]), ch, string(state))
		}
	}
	return nil
}

// sampleDue looks how many rows could go out now, and since when. A run that is
// paused, or whose window is shut, is not late.
func (l *Ledger) sampleDue(ctx context.Context, s *sample, channels []Channel) error {
	open, err := l.openRuns(ctx, s.now)
	if err != nil {
		return err
	}
	due, oldest := map[string]int64{}, map[string]time.Time{}
	for _, run := range open {
		rows, err := l.read.QueryContext(ctx, `SELECT channel, COUNT(*), MIN(due_at) FROM deliveries
			WHERE run_id = $1 AND state = 'due' AND due_at <= $2 GROUP BY channel`, run.id, millis(s.now))
		if err := each(rows, err, func(rows *sql.Rows) error {
			var ch string
			var n, first int64
			err := rows.Scan(&ch, &n, &first)
			due[ch] += n
			if at := instant(first); oldest[ch].IsZero() || at.Before(oldest[ch]) {
				oldest[ch] = at
			}
			return err
		}); err != nil {
			return fmt.Errorf("counting what is due: %w", err)
		}
	}
	for _, ch := range channels {
		s.set(s.d.due, float64(due[ch.Name()]), ch.Name())
		behind := 0.0
		if at := oldest[ch.Name()]; !at.IsZero() {
			behind = s.now.Sub(at).Round(time.Second).Seconds()
		}
		s.set(s.d.behind, behind, ch.Name())
	}
	return nil
}

// unsentAlerts counts what the receivers of alerts have not got yet.
func (l *Ledger) unsentAlerts(ctx context.Context, now time.Time) (n int64, err error) {
	err = l.read.QueryRowContext(ctx, `SELECT COUNT(*) `+openAlerts, millis(now), millis(now.Add(-alertOver))).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("counting alerts: %w", err)
	}
	return n, nil
}
