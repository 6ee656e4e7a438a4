package dispatch

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// The codes of alarms.
const (
	AlarmChannelStopped = "channel-stopped"      // the account or relay refuses; subject: channel
	AlarmHeld           = "domain-held"          // subject: issue channel domain
	AlarmUnanswered     = "hand-over-unanswered" // repeated again and again; subject: channel
	AlarmSchedule       = "schedule-failed"      // a slot could not be planned; subject: schedule
	AlarmClock          = "clock-back"           // the clock is behind the last slot; subject: schedule
)

// Alarm is something that an operator has to know until it is over.
type Alarm struct {
	Code    string    `json:"code"`
	Subject string    `json:"subject"`
	Text    string    `json:"text"`
	Since   time.Time `json:"since"`
}

// Raise records an alarm and alerts. One that is raised already keeps its time
// and alerts nobody.
func (l *Ledger) Raise(ctx context.Context, code, subject, text string, now time.Time) error {
	return l.transact(ctx, "raising an alarm", func(tx execer) error {
		var since int64
		if err := tx.QueryRowContext(ctx, `INSERT INTO alarms (code, subject, text, since) VALUES ($1, $2, $3, $4)
			ON CONFLICT (code, subject) DO UPDATE SET text = excluded.text RETURNING since`,
			code, subject, text, millis(now)).Scan(&since); err != nil {
			return err
		}
		return recordAlert(ctx, tx, Alert{
			Key: alarmKey(code, subject, since), Event: code, Subject: subject, Detail: text, At: instant(since),
		})
	})
}

func alarmKey(code, subject string, since int64) string {
	return fmt.Sprintf("%s %s %d", code, subject, since)
}

// Clear ends an alarm, and tells those who were told of it when that is news;
// it is no error when there is none.
func (l *Ledger) Clear(ctx context.Context, code, subject string, now time.Time) error {
	raised, err := l.raised(ctx, code, subject)
	if err != nil || !raised {
		return err
	}
	return l.transact(ctx, "clearing an alarm", func(tx execer) error {
		var since int64
		err := tx.QueryRowContext(ctx, `DELETE FROM alarms WHERE code = $1 AND subject = $2 RETURNING since`, code, subject).Scan(&since)
		if errors.Is(err, sql.ErrNoRows) {
			return nil // another process did it
		}
		if err != nil {
			return err
		}
		return mended(ctx, tx, code, subject, since, now)
	})
}

// raised reports whether there is an alarm.
func (l *Ledger) raised(ctx context.Context, code, subject string) (bool, error) {
	var n int
	err := l.read.QueryRowContext(ctx, `SELECT COUNT(*) FROM alarms WHERE code = $1 AND subject = $2`, code, subject).Scan(&n)
	if err != nil {
		return false, fmt.Errorf("reading alarms: %w", err)
	}
	return n > 0, nil
}

// silence ends an alarm without a word.
func (l *Ledger) silence(ctx context.Context, tx execer, code, subject string) error {
	_, err := tx.ExecContext(ctx, `DELETE FROM alarms WHERE code = $1 AND subject = $2`, code, subject)
	return err
}

// stillStopped tells why a channel was stopped when the last process ended, ""
// when it was not: its gate then begins with a probe. Where nothing waits to be
// sent, nobody needs to know of the alarm any more.
func (l *Ledger) stillStopped(ctx context.Context, channel string) (why string, err error) {
	err = l.read.QueryRowContext(ctx, `SELECT text FROM alarms WHERE code = $1 AND subject = $2`, AlarmChannelStopped, channel).Scan(&why)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("reading alarms: %w", err)
	}
	var open int
	if err := l.read.QueryRowContext(ctx, `SELECT COUNT(*) FROM runs r JOIN run_channels c ON c.run_id = r.id
		WHERE r.state IN ('planning','planned','paused') AND c.channel = $1`, channel).Scan(&open); err != nil {
		return "", fmt.Errorf("reading open runs: %w", err)
	}
	if open > 0 {
		return why, nil
	}
	return "", l.transact(ctx, "clearing an alarm", func(tx execer) error {
		return l.silence(ctx, tx, AlarmChannelStopped, channel)
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
		err = w.ledger.Clear(ctx, AlarmChannelStopped, w.name, now)
	} else {
		err = w.ledger.Raise(ctx, AlarmChannelStopped, w.name, why, now)
	}
	if err == nil {
		w.alarmed = why
	}
	return err
}
