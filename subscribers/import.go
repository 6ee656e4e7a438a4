package subscribers

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// importBatch is how many lines share a transaction: enough to be fast, few
// enough that an unsubscribe never waits for long.
const importBatch = 1000

// ImportOptions of one import; both may be left out.
type ImportOptions struct {
	// Source is kept in the consent record of those who are added: "members.csv".
	Source string
	// Progress is called after each transaction with lines of the file.
	Progress func(done, total int)
}

// ImportResult counts the lines of an imported file and tells every bad one.
type ImportResult struct {
	Added     int       `json:"added"`
	Changed   int       `json:"changed"`
	Unchanged int       `json:"unchanged"`
	Bad       []BadLine `json:"bad"`
}

// BadLine is a line of an imported file that changed nothing.
type BadLine struct {
	Line int    `json:"line"`
	Code string `json:"code"`
	Text string `json:"text"`
}

// Import reads a CSV file of subscribers. A line whose address is known changes
// that subscriber, any other adds one. Only columns that the file has are
// changed; a blank cell clears a name or a list, but leaves an address and the
// state as they are.
//
// An import brings nobody back: a line for somebody who unsubscribed is bad
// ("unsubscribed") unless it says so itself, and so is one that would add an
// address of the suppression list ("suppressed").
//
// A file with a bad header is an [*Invalid] and changes nothing. When an error
// ends the import half-way the result counts what was done; importing the file
// again does the rest.
func (s *Store) Import(ctx context.Context, file io.ReadSeeker, o ImportOptions, now time.Time) (ImportResult, error) {
	result := ImportResult{Bad: []BadLine{}}
	r, err := s.newReader(file)
	if err != nil {
		return result, fmt.Errorf("importing subscribers: %w", err)
	}
	im := importer{store: s, options: o, now: now.UTC().Truncate(time.Millisecond), seen: map[ChannelAndHash]int{}}
	for more := true; more; {
		var batch []record
		for len(batch) < importBatch && more {
			rec, err := s.record(r)
			if err == nil {
				err = im.duplicate(rec)
			}
			var bad *Invalid
			switch {
			case err == nil:
				batch = append(batch, rec)
			case errors.Is(err, io.EOF):
				more = false
			case errors.As(err, &bad):
				result.Bad = append(result.Bad, BadLine{rec.line, bad.Code, bad.Text})
			default:
				return result, fmt.Errorf("importing subscribers: %w", err)
			}
		}
		if err := im.batch(ctx, batch, &result); err != nil {
			return result, fmt.Errorf("importing subscribers, up to line %d: %w", r.line, err)
		}
		if o.Progress != nil {
			o.Progress(r.line, r.total)
		}
	}
	slices.SortStableFunc(result.Bad, func(a, b BadLine) int { return a.Line - b.Line })
	return result, nil
}

type importer struct {
	store   *Store
	options ImportOptions
	now     time.Time
	seen    map[ChannelAndHash]int // the line that an address was first in
}

// duplicate refuses a line with an address that an earlier line had.
func (im *importer) duplicate(rec record) error {
	for _, a := range rec.addresses {
		if line := im.seen[ChannelAndHash{a.Channel, a.hash}]; line > 0 {
			return invalid("duplicate", "line %d has the same %s address", line, a.Channel)
		}
	}
	for _, a := range rec.addresses {
		im.seen[ChannelAndHash{a.Channel, a.hash}] = rec.line
	}
	return nil
}

// batch merges lines in one transaction; result counts them once it committed.
func (im *importer) batch(ctx context.Context, batch []record, result *ImportResult) error {
	if len(batch) == 0 {
		return nil
	}
	var done ImportResult
	err := im.store.inTx(ctx, func(tx *sql.Tx) error {
		known, suppressed, err := im.look(ctx, tx, batch)
		if err != nil {
			return err
		}
		w, err := newWriter(ctx, tx)
		if err != nil {
			return err
		}
		defer w.close()
		for _, rec := range batch {
			owner, err := im.merge(ctx, w, rec, known, suppressed, &done)
			var bad *Invalid
			if errors.As(err, &bad) {
				done.Bad = append(done.Bad, BadLine{rec.line, bad.Code, bad.Text})
				continue
			}
			if err != nil {
				return fmt.Errorf("line %d: %w", rec.line, err)
			}
			for _, a := range owner.Addresses {
				known[ChannelAndHash{a.Channel, a.hash}] = owner
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	result.Added += done.Added
	result.Changed += done.Changed
	result.Unchanged += done.Unchanged
	result.Bad = append(result.Bad, done.Bad...)
	return nil
}

// look finds who has the addresses of a batch, and which are suppressed.
func (im *importer) look(ctx context.Context, tx *sql.Tx, batch []record) (known map[ChannelAndHash]*Subscriber, suppressed map[ChannelAndHash]string, err error) {
	known, suppressed = map[ChannelAndHash]*Subscriber{}, map[ChannelAndHash]string{}
	byID := map[int64]*Subscriber{}
	hashes := map[string][]string{}
	for _, rec := range batch {
		for _, a := range rec.addresses {
			hashes[a.Channel] = append(hashes[a.Channel], a.hash)
		}
	}
	for channel, all := range hashes {
		for chunk := range slices.Chunk(all, 100) { // parameters of a statement are few everywhere
			marks, args := placeholders(2, chunk)
			subs, err := load(ctx, tx, `WHERE id IN (SELECT subscriber_id FROM addresses WHERE channel = $1 AND hash IN (`+marks+`))`, append([]any{channel}, args...)...)
			if err != nil {
				return nil, nil, err
			}
			for i := range subs {
				sub := &subs[i]
				if byID[sub.ID] == nil {
					byID[sub.ID] = sub
				}
				for _, a := range sub.Addresses {
					known[ChannelAndHash{a.Channel, a.hash}] = byID[sub.ID]
				}
			}
			reasons, err := im.store.suppressed(ctx, tx, channel, chunk)
			if err != nil {
				return nil, nil, err
			}
			for hash, reason := range reasons {
				suppressed[ChannelAndHash{channel, hash}] = reason
			}
		}
	}
	return known, suppressed, nil
}

// merge writes one line and returns the subscriber as they now are.
func (im *importer) merge(ctx context.Context, w *writer, rec record, known map[ChannelAndHash]*Subscriber, suppressed map[ChannelAndHash]string, done *ImportResult) (*Subscriber, error) {
	var owner *Subscriber
	for _, a := range rec.addresses {
		sub := known[ChannelAndHash{a.Channel, a.hash}]
		if sub != nil && owner != nil && sub != owner {
			return nil, invalid("conflict", "the addresses belong to two subscribers, %d and %d", owner.ID, sub.ID)
		}
		if sub != nil {
			owner = sub
		}
	}
	for _, a := range rec.addresses {
		if reason, ok := suppressed[ChannelAndHash{a.Channel, a.hash}]; ok && known[ChannelAndHash{a.Channel, a.hash}] == nil {
			return nil, invalid("suppressed", "the %s address is on the suppression list (%s)", a.Channel, reason)
		}
	}
	if owner == nil {
		sub := im.added(rec)
		if err := w.insert(ctx, &sub); err != nil {
			return nil, err
		}
		done.Added++
		return &sub, nil
	}
	next, changed, err := rec.apply(owner, im.now)
	if err != nil {
		return nil, err
	}
	if !changed {
		done.Unchanged++
		return owner, nil
	}
	if err := w.update(ctx, owner, &next); err != nil {
		return nil, err
	}
	done.Changed++
	*owner = next
	return owner, nil
}

// added makes a new subscriber of a line.
func (im *importer) added(rec record) Subscriber {
	sub := Subscriber{
		PublicID: newPublicID(), Name: rec.name, Sections: rec.sections, Groups: rec.groups, Language: rec.language, State: rec.state,
		Consent: Consent{At: im.now, Source: strings.TrimSpace("import " + im.options.Source)}, CreatedAt: im.now, UpdatedAt: im.now,
	}
	if sub.State == "" || sub.State == Unsubscribed {
		sub.State = Active // of somebody who left: what undoing goes back to
	}
	if sub.State == Paused {
		sub.PausedUntil = rec.until
	}
	for _, a := range rec.addresses {
		a.State, a.UpdatedAt = Active, im.now
		sub.Addresses = append(sub.Addresses, a)
	}
	sub.confirm(im.now)
	rec.leave(&sub, im.now)
	return sub
}

// apply returns what a line makes of a known subscriber, and whether that is a
// change.
func (rec record) apply(old *Subscriber, now time.Time) (next Subscriber, changed bool, err error) {
	next = *old
	next.Addresses = slices.Clone(old.Addresses)
	if old.State == Unsubscribed && rec.state != Unsubscribed {
		return next, false, invalid("unsubscribed", "this subscriber unsubscribed; only they can come back")
	}
	for _, a := range rec.addresses {
		have := next.on(a.Channel)
		switch {
		case have == nil:
			a.State, a.UpdatedAt = Active, now
			next.Addresses = append(next.Addresses, a)
			changed = true
		// Not even another address: the old one would be forgotten as one that left.
		case have.State == Unsubscribed && (have.hash != a.hash || rec.state != Unsubscribed && !rec.left[a.Channel]):
			return next, false, invalid("unsubscribed", "this subscriber unsubscribed from %s; only they can come back", a.Channel)
		case have.Value != a.Value:
			have.Address, have.hash, have.UpdatedAt = a.Address, a.hash, now
			changed = true
		}
	}
	if rec.present["name"] && next.Name != rec.name {
		next.Name, changed = rec.name, true
	}
	if rec.present["sections"] && !slices.Equal(next.Sections, rec.sections) {
		next.Sections, changed = rec.sections, true
	}
	if rec.present["groups"] && !slices.Equal(next.Groups, rec.groups) {
		next.Groups, changed = rec.groups, true
	}
	if rec.present["language"] && next.Language != rec.language {
		next.Language, changed = rec.language, true
	}
	if rec.state != "" && rec.state != Unsubscribed && (next.State != rec.state || !next.PausedUntil.Truncate(time.Second).Equal(rec.until)) {
		next.State, next.PausedUntil, changed = rec.state, rec.until, true
		next.confirm(now)
	}
	if rec.leave(&next, now) {
		changed = true
	}
	if changed {
		next.UpdatedAt = now
	}
	return next, changed, nil
}

// leave unsubscribes from what the line says was left.
func (rec record) leave(sub *Subscriber, now time.Time) bool {
	if rec.state == Unsubscribed {
		return sub.unsubscribe("", "import", now)
	}
	changed := false
	for channel := range rec.left {
		if sub.on(channel) != nil && sub.unsubscribe(channel, "import", now) {
			changed = true
		}
	}
	return changed
}
