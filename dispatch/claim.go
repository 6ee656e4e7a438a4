package dispatch

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"encoding/base32"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"yizhan/subscribers"
)

// claimed is a row that this session has leased.
type claimed struct {
	id         int64
	run        int64
	channel    string
	variant    string
	subscriber string // public id
	address    string
	epoch      int    // of the subscriber's links when this was planned
	token      string // of its id at the carrier
	blocked    string // why it must not be sent
	single     bool   // of a Single variant: known when it is handed over
	progress   Progress
}

// feed takes up to limit due rows of a run and queues them; service runs go
// through the same statement. It returns their ids.
func (l *Ledger) feed(ctx context.Context, tx execer, run int64, channel, epoch string, limit int, now time.Time) ([]int64, error) {
	return ids(tx.QueryContext(ctx, `UPDATE deliveries SET state = 'queued', reason = '', epoch = $1, updated_at = $2
		WHERE state = 'due' AND id IN (
			SELECT id FROM deliveries WHERE run_id = $3 AND channel = $4 AND state = 'due' AND due_at <= $2
			ORDER BY due_at, id LIMIT $5)
		RETURNING id`, epoch, millis(now), run, channel, limit))
}

// feedSince is feed for rows that have become due again after since: not for the
// first time, with the whole run.
func (l *Ledger) feedSince(ctx context.Context, tx execer, run int64, channel, epoch string, limit int, since, now time.Time) ([]int64, error) {
	return ids(tx.QueryContext(ctx, `UPDATE deliveries SET state = 'queued', reason = '', epoch = $1, updated_at = $2
		WHERE state = 'due' AND id IN (
			SELECT id FROM deliveries WHERE run_id = $3 AND channel = $4 AND state = 'due' AND due_at <= $2 AND due_at > $5
				AND due_at > (SELECT planned_at FROM runs WHERE id = $3)
			ORDER BY due_at, id LIMIT $6)
		RETURNING id`, epoch, millis(now), run, channel, millis(since), limit))
}

// announce records the epoch of the queue that a session feeds from now on.
func (l *Ledger) announce(ctx context.Context, tx execer, session int64, epoch string) error {
	_, err := tx.ExecContext(ctx, `UPDATE sessions SET epoch = $1 WHERE id = $2`, epoch, session)
	return err
}

// requeue makes rows due again that the queue has forgotten: those of an epoch
// that no session feeds any more, and those that nobody claimed since before.
// What another session has in a queue of its own stays there: sessions that
// have lost sight of a shared queue must not take each other's rows in turns.
func (l *Ledger) requeue(ctx context.Context, tx execer, before, now time.Time) (int64, error) {
	res, err := tx.ExecContext(ctx, `UPDATE deliveries SET state = 'due', due_at = $1, updated_at = $1
		WHERE state = 'queued'
			AND (updated_at < $2 OR epoch NOT IN (SELECT s.epoch FROM sessions s WHERE s.closed_at = 0))`,
		millis(now), millis(before))
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// claim leases the queued rows among ids whose run is not paused, for a session
// that nobody took for dead. Rows that it does not return stay as they are.
func (l *Ledger) claim(ctx context.Context, tx execer, session int64, deliveries []int64, now time.Time) ([]claimed, error) {
	var out []claimed
	for part := range slices.Chunk(deliveries, maxList) {
		rows, err := l.claimPart(ctx, tx, session, part, now)
		if err != nil {
			return nil, err
		}
		out = append(out, rows...)
	}
	return out, nil
}

// maxList is how many ids one statement names. SQLite takes 32,766 values in one
// (sqlite.org/limits.html, read 2026-11).
const maxList = 10_000

// claimText claims the rows of a list of ids, the values of which begin with $3.
func claimText(in string) string {
	return `UPDATE deliveries SET state = 'leased', claim = $1, updated_at = $2
		WHERE id IN (` + in + `) AND state = 'queued'
			AND EXISTS (SELECT 1 FROM runs r WHERE r.id = deliveries.run_id AND r.state = 'planned')
			AND EXISTS (SELECT 1 FROM sessions s WHERE s.id = $1 AND s.closed_at = 0)
		RETURNING id, run_id, channel, variant, address, link_epoch, attempts, lost, first_at,
			(SELECT s.public_id FROM subscribers s WHERE s.id = deliveries.subscriber_id),
			(SELECT r.salt FROM runs r WHERE r.id = deliveries.run_id), ` + blocked("$2")
}

func (l *Ledger) claimPart(ctx context.Context, tx execer, session int64, deliveries []int64, now time.Time) ([]claimed, error) {
	args := []any{session, millis(now)}
	rows, err := tx.QueryContext(ctx, claimText(list(&args, deliveries)), args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []claimed
	for rows.Next() {
		c := claimed{progress: Progress{State: StateLeased}}
		var first int64
		var public sql.NullString
		var salt string
		if err := rows.Scan(&c.id, &c.run, &c.channel, &c.variant, &c.address, &c.epoch, &c.progress.Attempts, &c.progress.Lost,
			&first, &public, &salt, &c.blocked); err != nil {
			return nil, err
		}
		c.progress.FirstAt, c.subscriber, c.token = instant(first), public.String, token(salt, c.id)
		out = append(out, c)
	}
	return out, rows.Err()
}

var tokenEncoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// token names a delivery at the carrier, the same in every attempt, and says
// nothing about who it is for.
func token(salt string, delivery int64) string {
	mac := hmac.New(sha256.New, []byte(salt))
	fmt.Fprintf(mac, "delivery %d", delivery)
	return tokenEncoding.EncodeToString(mac.Sum(nil)[:16])
}

// messageID applies a variant's rule to a token.
func messageID(rule, token string) string { return strings.Replace(rule, "%s", token, 1) }

// batchKey names a hand-over of several deliveries: the same members in the same
// attempt have the same key, also when the answer to it was lost, so that a
// repeated call is known at the carrier.
func batchKey(rows []claimed) string {
	sum := sha256.New()
	for _, r := range rows {
		fmt.Fprintf(sum, "%s %d\n", r.token, r.progress.Attempts-r.progress.Lost)
	}
	return tokenEncoding.EncodeToString(sum.Sum(nil)[:16])
}

// blocked is why a row must not be sent, empty when it may: an issue only to
// those who are subscribed, a service mail or a reminder to whoever asked for it.
func blocked(now string) string {
	return `CASE (SELECT r.kind FROM runs r WHERE r.id = deliveries.run_id)
		WHEN '` + string(KindService) + `' THEN ` + subscribers.LetterBlocked + `
		WHEN '` + string(KindReminder) + `' THEN ` + subscribers.ReminderBlocked + `
		ELSE ` + subscribers.Blocked(now) + ` END`
}

var markText = `UPDATE deliveries SET state = 'marked', batch_id = $1, updated_at = $2
	WHERE id = $3 AND state = 'leased' AND claim = $4
		AND EXISTS (SELECT 1 FROM runs r WHERE r.id = deliveries.run_id AND r.state = 'planned')
		AND ` + blocked("$2") + ` = ''`

// commitMark is the late marker: only a row leased by this session, of a run
// that is neither paused nor cancelled, of a subscriber who may be sent to.
func (l *Ledger) commitMark(ctx context.Context, tx execer, session, delivery, batch int64, now time.Time) (granted bool, err error) {
	res, err := tx.ExecContext(ctx, markText, batch, millis(now), delivery, session)
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	return n == 1, err
}

// A reply may quote the address: of somebody who was erased meanwhile it is not kept.
const settleText = `UPDATE deliveries SET state = $1, reason = $2, due_at = $3, attempts = $4, lost = $5,
		first_at = $6, claim = $7, code = $8, reply = CASE WHEN address = '' THEN '' ELSE $9 END, updated_at = $10
	WHERE id = $11 AND claim = $12 AND state = $13`

// settle carries a change out on a row that this session has leased or marked,
// or that was taken from it meanwhile (unconfirmed). ok is false when the row
// is no longer this session's in that state; then nothing was changed.
func (l *Ledger) settle(ctx context.Context, tx execer, session, delivery int64, from State, c Change, o Outcome, now time.Time) (ok bool, err error) {
	claim := int64(0)
	if c.To == StateUnconfirmed {
		claim = session
	}
	res, err := tx.ExecContext(ctx, settleText,
		c.To, c.Reason, millis(c.DueAt), c.Attempts, c.Lost, millis(c.FirstAt), claim, o.Code, o.Reply, millis(now),
		delivery, session, from)
	if err != nil {
		return false, err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return false, err
	}
	if o.Status == Refused || o.Status == Lost {
		err = l.recordAttempt(ctx, tx, delivery, o, now)
	}
	return true, err
}

func (l *Ledger) recordAttempt(ctx context.Context, tx execer, delivery int64, o Outcome, now time.Time) error {
	outcome := "refused"
	if o.Status == Lost {
		outcome = "lost"
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO attempts (delivery_id, at, outcome, scope, reason, code, reply)
		SELECT id, $2, $3, $4, $5, $6, CASE WHEN address = '' THEN '' ELSE $7 END FROM deliveries WHERE id = $1`,
		delivery, millis(now), outcome, o.Failure.Scope, o.Failure.Reason, o.Code, o.Reply)
	return err
}

// giveBack makes rows due again that this session leased and did not begin.
func (l *Ledger) giveBack(ctx context.Context, tx execer, session int64, deliveries []int64, at time.Time, reason string, now time.Time) error {
	args := []any{millis(at), reason, millis(now), session}
	in := list(&args, deliveries)
	_, err := tx.ExecContext(ctx, `UPDATE deliveries SET state = 'due', claim = 0, due_at = $1, reason = $2, updated_at = $3
		WHERE claim = $4 AND state = 'leased' AND id IN (`+in+`)`, args...)
	return err
}

// release makes rows due again that came in a queue entry whose claim failed: the
// entry is gone, and whether they are still queued or leased by this session is
// not known.
func (l *Ledger) release(ctx context.Context, tx execer, session int64, deliveries []int64, now time.Time) error {
	args := []any{millis(now), session}
	in := list(&args, deliveries)
	_, err := tx.ExecContext(ctx, `UPDATE deliveries SET state = 'due', claim = 0, updated_at = $1
		WHERE (state = 'queued' OR state = 'leased' AND claim = $2) AND id IN (`+in+`)`, args...)
	return err
}

// unmark carries out Unmarked. The time of the marker makes sure that it is the
// one of which nobody knows, and no other.
func (l *Ledger) unmark(ctx context.Context, tx execer, session, delivery int64, marked, now time.Time) error {
	_, err := tx.ExecContext(ctx, `UPDATE deliveries SET state = 'leased', batch_id = 0, updated_at = $1
		WHERE id = $2 AND state = 'marked' AND claim = $3 AND updated_at = $4`, millis(now), delivery, session, millis(marked))
	return err
}

// standing is why a row was not granted its mark.
type standing struct {
	mine    bool // still leased by this session
	run     string
	blocked string
}

func (l *Ledger) standing(ctx context.Context, tx execer, session, delivery int64, now time.Time) (s standing, err error) {
	err = tx.QueryRowContext(ctx, `SELECT CASE WHEN state = 'leased' AND claim = $1 THEN 1 ELSE 0 END,
			(SELECT r.state FROM runs r WHERE r.id = deliveries.run_id), `+blocked("$3")+`
		FROM deliveries WHERE id = $2`, session, delivery, millis(now)).Scan(&s.mine, &s.run, &s.blocked)
	if errors.Is(err, sql.ErrNoRows) {
		return standing{}, nil // erased meanwhile
	}
	return s, err
}

// variant reads a frozen variant.
func (l *Ledger) variant(ctx context.Context, run int64, channel, key string) (Variant, error) {
	v := Variant{Key: key}
	err := l.read.QueryRowContext(ctx, `SELECT message_id, data, single FROM variants WHERE run_id = $1 AND channel = $2 AND variant = $3`,
		run, channel, key).Scan(&v.MessageID, &v.Data, &v.Single)
	if err != nil {
		return Variant{}, fmt.Errorf("reading variant %q of run %d for %s: %w", key, run, channel, err)
	}
	return v, nil
}
