package dispatch

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"yizhan/issue"
	"yizhan/subscribers"
)

// Selective is a [Channel] that carries another form of an issue for each choice
// of sections. Its Prepare is called once for each choice that there is among the
// audience; of a channel that is none, everybody gets the whole issue.
type Selective interface {
	Channel
	// BySection reports whether it does so as it is configured.
	BySection() bool
}

// BySection reports whether subscribers' choices count in a channel.
func BySection(ch Channel) bool {
	s, ok := ch.(Selective)
	return ok && s.BySection()
}

// maxVariants bounds the forms of an issue in one run and channel. When the
// audience has more choices than that, the most frequent ones get a form of their
// own; each of the others gets the smallest form that has all they chose, so that
// nobody misses anything.
const maxVariants = 64

// prepare makes the content of one channel: the whole issue, and what the choices
// of the audience leave of it.
func (l *Ledger) prepare(ctx context.Context, p Planning, ch Channel) ([]Variant, error) {
	correction, err := l.corrects(ctx, p, ch.Name())
	if err != nil {
		return nil, err
	}
	choices := []issue.Choice{nil}
	if p.Kind == KindIssue && BySection(ch) {
		chosen, err := l.chosen(ctx, p, ch.Name())
		if err != nil {
			return nil, err
		}
		choices = append(choices, frequent(p.Issue.Outline(), chosen)...)
	}
	var out []Variant
	for _, c := range choices {
		made, err := ch.Prepare(ctx, Content{Kind: p.Kind, Issue: p.Issue, Revision: p.Revision, Sections: c, PlannedAt: p.Now, Correction: correction, OnDemand: p.Selection == SelectOne})
		if err != nil {
			return nil, fmt.Errorf("preparing issue %s for %s: %w", p.Issue.ID, ch.Name(), err)
		}
		for _, v := range made {
			v.Key = c.String()
			out = append(out, v)
		}
	}
	return out, nil
}

// chosen counts the lists of sections among the audience of a planning. For a
// first run it is about all subscribers, with or without an address in the channel:
// so it reads one table once, however many they are.
func (l *Ledger) chosen(ctx context.Context, p Planning, channel string) (map[string]int64, error) {
	text, args := subscribers.Chosen, []any(nil)
	if p.Selection != SelectFirst {
		q := query{selection: p.Selection, channel: channel, issue: p.Issue.ID, revision: p.Revision.N, target: p.Target, now: p.Now}
		who, more := q.who()
		text = `SELECT w.sections, COUNT(*) FROM (` + who + `) w WHERE w.sections <> '' GROUP BY w.sections`
		args = append([]any{channel, int64(0), Never.UnixMilli()}, more...)
	}
	rows, err := l.read.QueryContext(ctx, text, args...)
	out := map[string]int64{}
	err = each(rows, err, func(rows *sql.Rows) error {
		var sections string
		var n int64
		err := rows.Scan(&sections, &n)
		out[sections] = n
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading which sections were chosen: %w", err)
	}
	return out, nil
}

// frequent gives the choices that get a form of their own, the most frequent
// first.
func frequent(o issue.Outline, chosen map[string]int64) []issue.Choice {
	counts := map[string]int64{}
	for sections, n := range chosen {
		if c, ok := o.Choose(subscribers.SplitList(sections)); ok && c != nil {
			counts[c.String()] += n
		}
	}
	keys := sortedKeys(counts)
	slices.SortStableFunc(keys, func(a, b string) int { return cmp.Compare(counts[b], counts[a]) })
	var out []issue.Choice
	for _, key := range keys[:min(len(keys), maxVariants-1)] {
		c, err := issue.ParseChoice(key)
		if err == nil { // it was written a moment ago
			out = append(out, c)
		}
	}
	return out
}

// selective is what a run of a selective channel was frozen with.
type selective struct {
	outline  issue.Outline
	variants []issue.Choice
}

// frozenOutline is what insertRun keeps of an issue's sections for a channel.
func frozenOutline(p Planning, ch Channel) (string, error) {
	if p.Kind != KindIssue || !BySection(ch) {
		return "", nil
	}
	data, err := json.Marshal(p.Issue.Outline())
	if err != nil {
		return "", fmt.Errorf("encoding the sections: %w", err)
	}
	return string(data), nil
}

// selective reads what insertRun froze; nil when everybody gets the whole issue.
func (l *Ledger) selective(ctx context.Context, run int64, channel string) (*selective, error) {
	var outline string
	err := l.read.QueryRowContext(ctx, `SELECT outline FROM run_channels WHERE run_id = $1 AND channel = $2`, run, channel).Scan(&outline)
	if err != nil || outline == "" {
		return nil, err
	}
	s := &selective{}
	if err := json.Unmarshal([]byte(outline), &s.outline); err != nil {
		return nil, fmt.Errorf("reading the sections of run %d: %w", run, err)
	}
	rows, err := l.read.QueryContext(ctx, `SELECT variant FROM variants WHERE run_id = $1 AND channel = $2`, run, channel)
	err = each(rows, err, func(rows *sql.Rows) error {
		var key string
		if err := rows.Scan(&key); err != nil {
			return err
		}
		c, err := issue.ParseChoice(key)
		s.variants = append(s.variants, c)
		return err
	})
	return s, err
}

// choose decides what a list of sections comes to: a variant, or the reason to
// send nothing.
func (s *selective) choose(sections string) (variant, reason string) {
	c, ok := s.outline.Choose(subscribers.SplitList(sections))
	if !ok {
		return "", ReasonNoSection
	}
	best := issue.Choice(nil) // the whole issue is always there
	for _, v := range s.variants {
		if !v.Covers(c) || v == nil {
			continue
		}
		if best == nil || len(v) < len(best) || len(v) == len(best) && strings.Compare(v.String(), best.String()) < 0 {
			best = v
		}
	}
	return best.String(), ""
}

// settleChoices decides about the lists of sections in a part of the audience that
// this run has not met yet.
func (p plan) settleChoices(ctx context.Context, tx execer, who string, args []any) error {
	at := len(args)
	args = append(slices.Clone(args), p.run)
	rows, err := tx.QueryContext(ctx, fmt.Sprintf(`SELECT DISTINCT w.sections FROM (%s) w WHERE w.sections <> '' AND NOT EXISTS (
		SELECT 1 FROM choices c WHERE c.run_id = $%d AND c.channel = $1 AND c.sections = w.sections)`, who, at+1), args...)
	var fresh []string
	if err := each(rows, err, func(rows *sql.Rows) error {
		var sections string
		err := rows.Scan(&sections)
		fresh = append(fresh, sections)
		return err
	}); err != nil {
		return err
	}
	for _, sections := range fresh {
		variant, reason := p.selective.choose(sections)
		if _, err := tx.ExecContext(ctx, `INSERT INTO choices (run_id, channel, sections, variant, reason) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (run_id, channel, sections) DO NOTHING`, p.run, p.query.channel, sections, variant, reason); err != nil {
			return err
		}
	}
	return nil
}
