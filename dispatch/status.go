package dispatch

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Counts are the deliveries of a run in one channel, by state.
type Counts map[State]int64

// Open counts the deliveries to which something can still happen.
func (c Counts) Open() int64 {
	var n int64
	for s, k := range c {
		if s.Open() {
			n += k
		}
	}
	return n
}

// Total counts all deliveries.
func (c Counts) Total() int64 {
	var n int64
	for _, k := range c {
		n += k
	}
	return n
}

// Waiting is a group of rows that are due later.
type Waiting struct {
	Reason string     `json:"reason"`
	Until  *time.Time `json:"until,omitempty"` // the first of them; none: until an operator frees them, or the recipient
	Count  int64      `json:"count"`
}

// RunStatus is how far a run has come.
type RunStatus struct {
	run        int64
	ID         string            `json:"id"`
	Issue      string            `json:"issue"`
	Kind       RunKind           `json:"kind"`
	State      string            `json:"state"` // planning planned sending paused held partial finished cancelled
	Scope      Selection         `json:"scope"`
	Revision   int               `json:"revision"`
	Round      int               `json:"round"`
	Reason     string            `json:"reason"`
	Schedule   string            `json:"schedule,omitempty"` // whose slot it is
	Slot       *time.Time        `json:"slot,omitempty"`
	NotBefore  *time.Time        `json:"not_before,omitempty"`
	PlannedAt  *time.Time        `json:"planned_at"`
	FinishedAt *time.Time        `json:"finished_at"`
	Channels   map[string]Counts `json:"channels"`
	Waiting    []Waiting         `json:"waiting"`
	// Jobs are the hand-overs that carriers report on, by channel.
	Jobs map[string]Jobs `json:"jobs,omitempty"`
	// Remarks are what channels had to shorten or leave out, by channel.
	Remarks map[string][]string `json:"remarks,omitempty"`
}

// Total sums the counts of all channels.
func (r RunStatus) Total() Counts {
	sum := Counts{}
	for _, c := range r.Channels {
		for s, n := range c {
			sum[s] += n
		}
	}
	return sum
}

// Status lists the runs of an issue, oldest first; of all issues when issueID
// is empty: then only those that are open and the newest few that are not.
func (l *Ledger) Status(ctx context.Context, issueID string, now time.Time) ([]RunStatus, error) {
	runs, err := l.runs(ctx, issueID)
	if err != nil {
		return nil, err
	}
	for i := range runs {
		if err := l.fill(ctx, &runs[i], now); err != nil {
			return nil, err
		}
	}
	return runs, nil
}

// recentRuns is how many closed runs a status without an issue shows.
const recentRuns = 5

func (l *Ledger) runs(ctx context.Context, issueID string) ([]RunStatus, error) {
	const columns = `SELECT id, issue_id, kind, state, scope, revision, reason, schedule, slot, not_before, planned_at, finished_at FROM runs `
	text, args := columns+`WHERE issue_id = $1 ORDER BY id`, []any{issueID}
	if issueID == "" {
		text = columns + `WHERE state IN ('planning','planned','paused')
			OR id IN (SELECT id FROM runs WHERE kind = 'issue' ORDER BY id DESC LIMIT $1) ORDER BY id`
		args = []any{recentRuns}
	}
	rows, err := l.read.QueryContext(ctx, text, args...)
	if err != nil {
		return nil, fmt.Errorf("reading runs: %w", err)
	}
	defer rows.Close()
	var out []RunStatus
	for rows.Next() {
		r := RunStatus{Channels: map[string]Counts{}, Waiting: []Waiting{}, Jobs: map[string]Jobs{}, Remarks: map[string][]string{}, Round: 1}
		var slot, notBefore, planned, finished int64
		if err := rows.Scan(&r.run, &r.Issue, &r.Kind, &r.State, &r.Scope, &r.Revision, &r.Reason,
			&r.Schedule, &slot, &notBefore, &planned, &finished); err != nil {
			return nil, fmt.Errorf("reading runs: %w", err)
		}
		r.ID = strconv.FormatInt(r.run, 10)
		r.Slot, r.NotBefore, r.PlannedAt, r.FinishedAt = optional(slot), optional(notBefore), optional(planned), optional(finished)
		out = append(out, r)
	}
	return out, rows.Err()
}

func optional(ms int64) *time.Time {
	if ms == 0 || ms == Never.UnixMilli() {
		return nil
	}
	t := instant(ms)
	return &t
}

// count counts a run's rows by channel and state.
func (l *Ledger) count(ctx context.Context, r *RunStatus) error {
	channels, err := l.read.QueryContext(ctx, `SELECT channel, remarks FROM run_channels WHERE run_id = $1`, r.run)
	if err := each(channels, err, func(rows *sql.Rows) error {
		var ch, remarks string
		err := rows.Scan(&ch, &remarks)
		if remarks != "" {
			r.Remarks[ch] = strings.Split(remarks, "\n")
		}
		r.Channels[ch] = Counts{}
		for _, s := range States() {
			r.Channels[ch][s] = 0
		}
		return err
	}); err != nil {
		return fmt.Errorf("reading run %s: %w", r.ID, err)
	}
	counts, err := l.read.QueryContext(ctx, `SELECT channel, state, COUNT(*), MAX(round) FROM deliveries WHERE run_id = $1 GROUP BY channel, state`, r.run)
	if err := each(counts, err, func(rows *sql.Rows) error {
		var ch string
		var s State
		var n int64
		var round int
		err := rows.Scan(&ch, &s, &n, &round)
		if err == nil {
			r.Channels[ch][s] = n
			r.Round = max(r.Round, round)
		}
		return err
	}); err != nil {
		return fmt.Errorf("counting run %s: %w", r.ID, err)
	}
	return nil
}

// fill counts a run's rows and says what it is doing.
func (l *Ledger) fill(ctx context.Context, r *RunStatus, now time.Time) error {
	if err := l.count(ctx, r); err != nil {
		return err
	}
	if err := l.reported(ctx, r); err != nil {
		return err
	}
	waiting, err := l.read.QueryContext(ctx, `SELECT reason, MIN(due_at), COUNT(*) FROM deliveries
		WHERE run_id = $1 AND state = 'due' AND due_at > $2 GROUP BY reason ORDER BY 2, 1`, r.run, millis(now))
	if err := each(waiting, err, func(rows *sql.Rows) error {
		var w Waiting
		var until int64
		err := rows.Scan(&w.Reason, &until, &w.Count)
		w.Until = optional(until)
		r.Waiting = append(r.Waiting, w)
		return err
	}); err != nil {
		return fmt.Errorf("reading what run %s waits for: %w", r.ID, err)
	}
	r.waitForWindow(l.opens(r.Schedule, now), now)
	r.State = r.doing(now)
	return nil
}

// waitForWindow tells of the rows that could go out but for the time of day.
func (r *RunStatus) waitForWindow(opens, now time.Time) {
	if !opens.After(now) || RunState(r.State) != RunPlanned {
		return
	}
	due := r.Total()[StateDue]
	for _, w := range r.Waiting {
		due -= w.Count
	}
	if due > 0 {
		opens = opens.UTC()
		r.Waiting = append(r.Waiting, Waiting{Reason: ReasonWindow, Until: &opens, Count: due})
	}
}

// doing is what a stored state and the rows say together. A run is finished
// only when no row is open.
func (r RunStatus) doing(now time.Time) string {
	total := r.Total()
	if RunState(r.State) != RunPlanned {
		return r.State
	}
	if total.Open() == 0 {
		return string(RunFinished)
	}
	if r.NotBefore != nil && r.NotBefore.After(now) {
		return string(RunPlanned)
	}
	var later, held, window int64
	for _, w := range r.Waiting {
		later += w.Count
		switch {
		case w.Reason == ReasonHeld:
			held += w.Count
		case w.Reason == ReasonWindow:
			window += w.Count
		}
	}
	switch total.Open() {
	case held:
		return "held"
	case window:
		return string(RunPlanned)
	case later:
		return "partial"
	}
	return "sending"
}

// each scans all rows of a query.
func each(rows *sql.Rows, err error, scan func(*sql.Rows) error) error {
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// Record is one delivery as the ledger shows it.
type Record struct {
	ID         string `json:"id"`
	Run        string `json:"run"`
	Round      int    `json:"round"`
	Subscriber string `json:"subscriber"`
	Channel    string `json:"channel"`
	Address    string `json:"address"`
	State      State  `json:"state"`
	Reason     string `json:"reason"`
	// Variant is which sections of the issue it carries, as places in printed order
	// ("1+3"); empty: all.
	Variant   string     `json:"variant,omitempty"`
	Attempts  int        `json:"attempts"`
	Code      int        `json:"code"`
	Reply     string     `json:"reply"`
	MessageID string     `json:"message_id"`
	DueAt     *time.Time `json:"due_at"`
	UpdatedAt time.Time  `json:"updated_at"`
}

// Filter narrows a list of deliveries; empty fields take all.
type Filter struct {
	Issue   string
	State   State
	Channel string
}

// Deliveries passes the deliveries of an issue to yield, by run and id, until
// yield fails.
func (l *Ledger) Deliveries(ctx context.Context, f Filter, yield func(Record) error) error {
	rows, err := l.read.QueryContext(ctx, `SELECT d.id, d.run_id, d.round, COALESCE(s.public_id, ''), d.channel, d.address, d.state, d.reason, d.variant,
			d.attempts, d.code, d.reply, COALESCE(v.message_id, ''), r.salt, d.due_at, d.updated_at
		FROM deliveries d JOIN runs r ON r.id = d.run_id
		LEFT JOIN subscribers s ON s.id = d.subscriber_id
		LEFT JOIN variants v ON v.run_id = d.run_id AND v.channel = d.channel AND v.variant = d.variant
		WHERE d.run_id IN (SELECT id FROM runs WHERE issue_id = $1)
			AND ($2 = '' OR d.state = $2) AND ($3 = '' OR d.channel = $3)
		ORDER BY d.run_id, d.id`, f.Issue, string(f.State), f.Channel)
	return each(rows, err, func(rows *sql.Rows) error {
		var r Record
		var id, run, due, updated int64
		var rule, salt string
		if err := rows.Scan(&id, &run, &r.Round, &r.Subscriber, &r.Channel, &r.Address, &r.State, &r.Reason, &r.Variant,
			&r.Attempts, &r.Code, &r.Reply, &rule, &salt, &due, &updated); err != nil {
			return fmt.Errorf("reading deliveries: %w", err)
		}
		r.ID, r.Run = strconv.FormatInt(id, 10), strconv.FormatInt(run, 10)
		r.MessageID = messageID(rule, token(salt, id))
		if r.State == StateDue {
			r.DueAt = optional(due)
		}
		r.UpdatedAt = instant(updated)
		return yield(r)
	})
}

// Attempt is one try of a delivery that did not end in sent.
type Attempt struct {
	At     time.Time `json:"at"`
	Reason string    `json:"reason"`
	Code   int       `json:"code"`
	Reply  string    `json:"reply"`
}

// Attempts gives the tries that came to nothing, oldest first, by delivery.
func (l *Ledger) Attempts(ctx context.Context, issueID string) (map[string][]Attempt, error) {
	rows, err := l.read.QueryContext(ctx, `SELECT a.delivery_id, a.at, a.reason, a.code, a.reply
		FROM attempts a JOIN deliveries d ON d.id = a.delivery_id
		WHERE d.run_id IN (SELECT id FROM runs WHERE issue_id = $1) ORDER BY a.delivery_id, a.at`, issueID)
	out := map[string][]Attempt{}
	err = each(rows, err, func(rows *sql.Rows) error {
		var delivery, at int64
		var a Attempt
		err := rows.Scan(&delivery, &at, &a.Reason, &a.Code, &a.Reply)
		a.At = instant(at)
		id := strconv.FormatInt(delivery, 10)
		out[id] = append(out[id], a)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading attempts: %w", err)
	}
	return out, nil
}
