package dispatch

import (
	"context"
	"fmt"
	"time"
)

// The codes of alarms.
const (
	AlarmChannelStopped = "channel-stopped" // the account or relay refuses; subject: channel
	AlarmHeld           = "domain-held"     // subject: issue channel domain
)

// Alarm is something that an operator has to know until it is over.
type Alarm struct {
	Code    string    `json:"code"`
	Subject string    `json:"subject"`
	Text    string    `json:"text"`
	Since   time.Time `json:"since"`
}

// Raise records an alarm. One that is raised already keeps its time.
func (l *Ledger) Raise(ctx context.Context, code, subject, text string, now time.Time) error {
	return l.transact(ctx, "raising an alarm", func(tx execer) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO alarms (code, subject, text, since) VALUES ($1, $2, $3, $4)
			ON CONFLICT (code, subject) DO UPDATE SET text = excluded.text`, code, subject, text, millis(now))
		return err
	})
}

// Clear ends an alarm; it is no error when there is none.
func (l *Ledger) Clear(ctx context.Context, code, subject string) error {
	return l.transact(ctx, "clearing an alarm", func(tx execer) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM alarms WHERE code = $1 AND subject = $2`, code, subject)
		return err
	})
}

// Alarms lists what is raised, oldest first: alarms of the daemon and domains
// that are held.
func (l *Ledger) Alarms(ctx context.Context) ([]Alarm, error) {
	rows, err := l.read.QueryContext(ctx, `SELECT code, subject, text, since FROM alarms
		UNION ALL
		SELECT $1, r.issue_id || ' ' || h.channel || ' ' || h.domain, '', h.since
		FROM holds h JOIN runs r ON r.id = h.run_id WHERE h.freed_at = 0 AND r.state IN ('planned','paused')
		ORDER BY 4, 1, 2`, AlarmHeld)
	if err != nil {
		return nil, fmt.Errorf("reading alarms: %w", err)
	}
	defer rows.Close()
	out := []Alarm{}
	for rows.Next() {
		var a Alarm
		var since int64
		if err := rows.Scan(&a.Code, &a.Subject, &a.Text, &since); err != nil {
			return nil, fmt.Errorf("reading alarms: %w", err)
		}
		if a.Code == AlarmHeld {
			a.Text = "这个域名有太多收件人被永久拒收，其余的先不发；看过 yizhan deliveries 里的原因后，用 yizhan resume 放行"
		}
		a.Since = instant(since)
		out = append(out, a)
	}
	return out, rows.Err()
}

// tell raises or clears the alarm of a channel when its gate has changed.
func (w *worker) tell(ctx context.Context, now time.Time) error {
	why := w.gate.stopped()
	if (why == "") == (w.alarmed == "") {
		return nil
	}
	var err error
	if why == "" {
		err = w.ledger.Clear(ctx, AlarmChannelStopped, w.name)
	} else {
		err = w.ledger.Raise(ctx, AlarmChannelStopped, w.name, why, now)
	}
	if err == nil {
		w.alarmed = why
	}
	return err
}
