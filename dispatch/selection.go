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

// Selection says whom a run is for.
type Selection string

// The selections. All but First are the scopes of a resend; they look at the
// newest delivery of each subscriber and never take one that is still open.
const (
	SelectFirst       Selection = "first"       // everybody, the issue's first sending
	SelectFailed      Selection = "failed"      // newest delivery failed
	SelectUnsent      Selection = "unsent"      // in the first audience, and nothing was sent or may have been
	SelectUnconfirmed Selection = "unconfirmed" // newest delivery is unconfirmed
	SelectNew         Selection = "new"         // can be sent to now and has no delivery: came after the first plan
	SelectOutdated    Selection = "outdated"    // newest sent delivery is of an older revision, and none of this one may have come
	SelectOne         Selection = "one"         // one subscriber, also if already sent
)

// Resends lists the selections that a resend can have.
func Resends() []Selection {
	return []Selection{SelectFailed, SelectUnsent, SelectUnconfirmed, SelectNew, SelectOutdated, SelectOne}
}

// query is what a selection is about in one channel.
type query struct {
	selection Selection
	channel   string
	insteadOf string // only for who has left this channel; "": for all
	issue     string
	revision  int    // SelectOutdated: the revision that is current
	target    string // the subscriber's public id: SelectOne, and SelectOutdated about one
	now       time.Time
}

// open is a SQL condition over the newest delivery n.
const open = "n.state IN ('due','queued','leased','marked')"

// who returns the SELECT of everybody a selection takes in one channel with
// subscriber id in ($2,$3], and its arguments after these: $1 is the channel.
// Columns: subscriber_id, public_id, address, address_hash, blocked, sections, link_epoch, round.
func (q query) who() (text string, args []any) {
	args = []any{q.issue}
	var where string
	switch q.selection {
	case SelectFirst:
		where = "n.id IS NULL"
	case SelectFailed:
		where = "n.state = 'failed'"
	case SelectUnconfirmed:
		where = "n.state = 'unconfirmed'"
	case SelectUnsent:
		where = `n.state IN ('failed','skipped') AND n.reason <> 'no-section' AND a.blocked = '' AND NOT EXISTS (
			SELECT 1 FROM deliveries x WHERE x.issue_id = $4 AND x.channel = $1
			AND x.subscriber_id = a.subscriber_id AND x.state IN ('sent','unconfirmed'))`
	case SelectNew:
		where = "n.id IS NULL AND a.blocked = ''"
	case SelectOutdated:
		args = append(args, q.revision)
		where = `NOT (` + open + `) AND a.blocked = '' AND (
			SELECT r.revision FROM deliveries x JOIN runs r ON r.id = x.run_id
			WHERE x.issue_id = $4 AND x.channel = $1 AND x.subscriber_id = a.subscriber_id AND x.state = 'sent'
			ORDER BY x.round DESC LIMIT 1) < $5 AND NOT EXISTS (
			SELECT 1 FROM deliveries x JOIN runs r ON r.id = x.run_id
			WHERE x.issue_id = $4 AND x.channel = $1 AND x.subscriber_id = a.subscriber_id
				AND x.state IN ('sent','unconfirmed') AND r.revision >= $5)`
		if q.target != "" {
			args = append(args, q.target)
			where += " AND a.public_id = $6"
		}
	case SelectLatest:
		args = append(args, q.target)
		where = "n.id IS NULL AND a.blocked = '' AND a.public_id = $5"
	case SelectOne:
		args = append(args, q.target)
		where = "a.public_id = $5 AND (n.id IS NULL OR NOT (" + open + "))"
	}
	if q.insteadOf != "" && (q.selection == SelectFirst || q.selection == SelectNew) {
		args = append(args, q.insteadOf)
		where += " AND " + subscribers.HasUnfollowed("a.subscriber_id", "$5")
	}
	// The range is said for both tables: else PostgreSQL, which knows nothing of a
	// table that has just been filled, reads all deliveries for each step of a plan.
	return `SELECT a.subscriber_id, a.public_id, a.address, a.address_hash, a.blocked, a.sections, a.link_epoch, COALESCE(n.round, 0) + 1 AS round
		FROM (` + subscribers.Audience(q.now) + `) a
		LEFT JOIN deliveries n ON n.issue_id = $4 AND n.channel = $1 AND n.subscriber_id = a.subscriber_id
			AND n.subscriber_id > $2 AND n.subscriber_id <= $3
			AND n.round = (SELECT MAX(m.round) FROM deliveries m
				WHERE m.issue_id = $4 AND m.channel = $1 AND m.subscriber_id = a.subscriber_id)
		WHERE ` + where, args
}

// Selected is one subscriber that a resend would reach.
type Selected struct {
	ID      string `json:"id"`
	Channel string `json:"channel"`
	Address string `json:"address"`
	// Blocked is why nothing will be sent all the same: "suppressed", "no-section".
	// The row is planned and skipped, so that the ledger shows it.
	Blocked string `json:"blocked,omitempty"`
}

// Select lists whom a resend of an issue would reach in one channel, by id.
func (l *Ledger) Select(ctx context.Context, r Resend, channel string, now time.Time) ([]Selected, error) {
	q, err := l.resendQuery(ctx, r, channel, now)
	if err != nil {
		return nil, err
	}
	text, args := q.who()
	args = append([]any{channel, int64(0), Never.UnixMilli()}, args...)
	rows, err := l.read.QueryContext(ctx, text+" ORDER BY a.subscriber_id", args...)
	if err != nil {
		return nil, fmt.Errorf("selecting subscribers: %w", err)
	}
	defer rows.Close()
	var out []Selected
	for rows.Next() {
		s := Selected{Channel: channel}
		var id int64
		var hash, sections string
		var epoch, round int
		if err := rows.Scan(&id, &s.ID, &s.Address, &hash, &s.Blocked, &sections, &epoch, &round); err != nil {
			return nil, fmt.Errorf("selecting subscribers: %w", err)
		}
		if _, ok := r.Outline.Choose(subscribers.SplitList(sections)); !ok && s.Blocked == "" {
			s.Blocked = ReasonNoSection
		}
		out = append(out, s)
	}
	return out, rows.Err()
}

// Resend says what is sent again, and to whom.
type Resend struct {
	Issue     string
	Revision  int // the approved one
	Selection Selection
	Target    string // the public id of one subscriber: SelectOne needs it, SelectOutdated may have it
	// Outline of what is sent again, where subscribers' choices count; else nil.
	Outline issue.Outline
}

func (l *Ledger) resendQuery(ctx context.Context, r Resend, channel string, now time.Time) (query, error) {
	q := query{selection: r.Selection, channel: channel, issue: r.Issue, revision: r.Revision, target: r.Target, now: now}
	var err error
	q.insteadOf, err = l.insteadOf(ctx, l.read, r.Issue, channel, r.Selection)
	return q, err
}

// corrects says whether a run corrects what its readers have: they all were sent
// an older revision.
func (l *Ledger) corrects(ctx context.Context, p Planning, channel string) (bool, error) {
	switch p.Selection {
	case SelectOutdated:
		return true, nil
	case SelectOne:
		who, err := l.Select(ctx, Resend{Issue: p.Issue.ID, Revision: p.Revision.N, Selection: SelectOutdated, Target: p.Target}, channel, p.Now)
		if errors.Is(err, ErrNoRun) {
			return false, nil // nobody has any revision of it by this channel
		}
		return len(who) > 0, err
	}
	return false, nil
}

// rower is what *sql.DB and *sql.Tx have in common for reading one row.
type rower interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// notPlanned returns ErrPlanned when an issue has had its first run in a channel.
func (l *Ledger) notPlanned(ctx context.Context, db rower, issueID, channel string) error {
	var at int64
	err := db.QueryRowContext(ctx, `SELECT r.created_at FROM run_channels c JOIN runs r ON r.id = c.run_id
		WHERE c.channel = $1 AND c.first_of = $2`, channel, issueID).Scan(&at)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil
	case err != nil:
		return fmt.Errorf("looking up the first run: %w", err)
	}
	return fmt.Errorf("issue %s on %s was planned at %s: %w", issueID, channel, instant(at).Format(time.RFC3339), ErrPlanned)
}

// insteadOf gives the channel that those have left whom an issue was first sent to
// in a channel; "" when it was sent to all, ErrNoRun when to nobody. One person may get
// it by another channel than those of its first runs.
func (l *Ledger) insteadOf(ctx context.Context, db rower, issueID, channel string, s Selection) (left string, err error) {
	err = db.QueryRowContext(ctx, `SELECT c.instead_of FROM run_channels c JOIN runs r ON r.id = c.run_id
		WHERE c.channel = $1 AND (c.first_of = $2 OR c.instead_of <> '' AND r.issue_id = $2) ORDER BY c.instead_of LIMIT 1`, channel, issueID).Scan(&left)
	if errors.Is(err, sql.ErrNoRows) && s == SelectOne {
		err = db.QueryRowContext(ctx, `SELECT '' FROM run_channels WHERE first_of = $1 LIMIT 1`, issueID).Scan(&left)
	}
	if errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("issue %s on %s: %w", issueID, channel, ErrNoRun)
	}
	if err != nil {
		return "", fmt.Errorf("looking up the first run: %w", err)
	}
	return left, nil
}
