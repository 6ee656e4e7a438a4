package dispatch

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"
)

// Personal is one delivery as it is shown to the person whom it was for.
type Personal struct {
	Issue     string            `json:"issue,omitempty"` // none: a service mail
	Run       int64             `json:"run,string"`
	Delivery  int64             `json:"delivery,string"`
	Channel   string            `json:"channel"`
	Round     int               `json:"round"`
	Address   string            `json:"address"`
	Variant   string            `json:"variant,omitempty"`
	State     State             `json:"state"`
	Reason    string            `json:"reason,omitempty"`
	Attempts  int               `json:"attempts"`
	Code      int               `json:"code,omitempty"`
	Reply     string            `json:"reply,omitempty"`
	UpdatedAt time.Time         `json:"updated_at"`
	Refused   []PersonalAttempt `json:"refused,omitempty"`
}

// PersonalAttempt is one try that did not end in sent.
type PersonalAttempt struct {
	At      time.Time `json:"at"`
	Outcome string    `json:"outcome"`
	Scope   Scope     `json:"scope"`
	Reason  string    `json:"reason"`
	Code    int       `json:"code,omitempty"`
	Reply   string    `json:"reply,omitempty"`
}

// ofPerson chooses the deliveries of subscriber $1. It names the first columns of
// their key, so that not all deliveries are read; those of service mails and of
// reminders have no issue in it.
const ofPerson = `subscriber_id = $1 AND issue_id IN (SELECT r.issue_id FROM runs r UNION SELECT '') AND channel IN (SELECT c.channel FROM run_channels c)`

// History is all deliveries of a person, oldest first.
func (l *Ledger) History(ctx context.Context, subscriber int64) (any, error) {
	out := []Personal{}
	rows, err := l.read.QueryContext(ctx, `SELECT (SELECT r.issue_id FROM runs r WHERE r.id = run_id), run_id, id, channel, round, address, variant, state, reason, attempts, code, reply, updated_at
		FROM deliveries WHERE `+ofPerson+` ORDER BY id`, subscriber)
	err = each(rows, err, func(rows *sql.Rows) error {
		var p Personal
		var updated int64
		err := rows.Scan(&p.Issue, &p.Run, &p.Delivery, &p.Channel, &p.Round, &p.Address, &p.Variant, &p.State, &p.Reason, &p.Attempts, &p.Code, &p.Reply, &updated)
		p.UpdatedAt = instant(updated)
		out = append(out, p)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading a person's deliveries: %w", err)
	}
	rows, err = l.read.QueryContext(ctx, `SELECT a.delivery_id, a.at, a.outcome, a.scope, a.reason, a.code, a.reply
		FROM attempts a WHERE a.delivery_id IN (SELECT id FROM deliveries WHERE `+ofPerson+`) ORDER BY a.delivery_id, a.at`, subscriber)
	err = each(rows, err, func(rows *sql.Rows) error {
		var id, at int64
		var a PersonalAttempt
		if err := rows.Scan(&id, &at, &a.Outcome, &a.Scope, &a.Reason, &a.Code, &a.Reply); err != nil {
			return err
		}
		a.At = instant(at)
		i, found := slices.BinarySearchFunc(out, id, func(p Personal, id int64) int { return int(p.Delivery - id) })
		if found {
			out[i].Refused = append(out[i].Refused, a)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading a person's deliveries: %w", err)
	}
	return out, nil
}
