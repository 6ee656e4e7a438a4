package dispatch

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"
)

// When this many recipients of one domain have failed for good, and they are
// more than this share of those that were answered, the relay or the list is
// at fault, not the people: the rest of the domain waits for an operator.
const (
	holdFailures = 20
	holdShare    = 0.05
)

// domainOf is the part of an address that names the recipient's provider; ""
// for channels whose addresses have none.
func domainOf(address string) string {
	if i := strings.LastIndexByte(address, '@'); i >= 0 {
		return strings.ToLower(address[i+1:])
	}
	return ""
}

// atDomain is the pattern of a domain's addresses for LIKE … ESCAPE '!'.
func atDomain(domain string) string {
	return "%@" + strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(domain)
}

// valve counts answers by run, channel and domain, and says when to hold.
type valve struct {
	ledger *Ledger
	counts map[valveKey]*valveCount
}

type valveKey struct {
	run             int64
	channel, domain string
}

type valveCount struct {
	failed, settled int
	held, freed     bool
}

func newValve(l *Ledger) *valve { return &valve{ledger: l, counts: map[valveKey]*valveCount{}} }

// count is called for each final answer, in the transaction that settles it and
// before it is settled. It reports whether this row is to be held instead of
// failed. trip is true when the domain has just been held: the rest of its rows
// then are in the same transaction.
func (v *valve) count(ctx context.Context, tx execer, run int64, channel, address string, failed bool, now time.Time) (hold, trip bool, err error) {
	domain := domainOf(address)
	if domain == "" {
		return false, false, nil
	}
	key := valveKey{run, channel, domain}
	c := v.counts[key]
	if c == nil {
		if !failed {
			return false, false, nil // nobody has failed here since this process began
		}
		if c, err = v.load(ctx, tx, key); err != nil {
			return false, false, err
		}
		v.counts[key] = c
	}
	if !failed {
		c.settled++
		return false, false, nil
	}
	if c.held && !c.freed {
		if err := v.reload(ctx, tx, key, c); err != nil {
			return false, false, err
		}
		if !c.freed {
			return true, false, nil
		}
	}
	if c.freed || c.failed+1 < holdFailures || float64(c.failed+1) <= holdShare*float64(c.settled+1) {
		c.failed++
		c.settled++
		return false, false, nil
	}
	c.held = true
	return true, true, v.hold(ctx, tx, key, *c, now)
}

// load reads what earlier processes have counted.
func (v *valve) load(ctx context.Context, tx execer, k valveKey) (*valveCount, error) {
	c := &valveCount{}
	err := tx.QueryRowContext(ctx, `SELECT COUNT(CASE WHEN state = 'failed' THEN 1 END), COUNT(*) FROM deliveries
		WHERE run_id = $1 AND channel = $2 AND state IN ('sent','failed') AND address LIKE $3 ESCAPE '!'`,
		k.run, k.channel, atDomain(k.domain)).Scan(&c.failed, &c.settled)
	if err != nil {
		return nil, fmt.Errorf("counting failures at a domain: %w", err)
	}
	return c, v.reload(ctx, tx, k, c)
}

// reload looks up whether the domain is held and whether an operator freed it.
func (v *valve) reload(ctx context.Context, tx execer, k valveKey, c *valveCount) error {
	var freed int64
	err := tx.QueryRowContext(ctx, `SELECT freed_at FROM holds WHERE run_id = $1 AND channel = $2 AND domain = $3`, k.run, k.channel, k.domain).Scan(&freed)
	if err == sql.ErrNoRows {
		return nil
	}
	if err != nil {
		return fmt.Errorf("looking up holds: %w", err)
	}
	c.held, c.freed = true, freed > 0
	return nil
}

// hold makes all rows of the domain wait that nobody works on.
func (v *valve) hold(ctx context.Context, tx execer, k valveKey, c valveCount, now time.Time) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO holds (run_id, channel, domain, failed, settled, since) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (run_id, channel, domain) DO NOTHING`, k.run, k.channel, k.domain, c.failed, c.settled, millis(now))
	if err != nil {
		return fmt.Errorf("holding a domain: %w", err)
	}
	_, err = tx.ExecContext(ctx, `UPDATE deliveries SET state = 'due', reason = $1, due_at = $2, claim = 0, updated_at = $3
		WHERE run_id = $4 AND channel = $5 AND state IN ('due','queued') AND address LIKE $6 ESCAPE '!'`,
		ReasonHeld, Never.UnixMilli(), millis(now), k.run, k.channel, atDomain(k.domain))
	if err != nil {
		return fmt.Errorf("holding a domain: %w", err)
	}
	return nil
}

// free makes the held rows of an issue due, and lets the same domains fail
// without being held again: the operator has looked.
func (l *Ledger) free(ctx context.Context, tx execer, issueID string, now time.Time) (int64, error) {
	res, err := tx.ExecContext(ctx, `UPDATE deliveries SET due_at = $1, reason = '', updated_at = $1
		WHERE state = 'due' AND due_at = $2 AND run_id IN (SELECT id FROM runs WHERE issue_id = $3)`,
		millis(now), Never.UnixMilli(), issueID)
	if err != nil {
		return 0, err
	}
	rows, err := res.RowsAffected()
	if err != nil {
		return 0, err
	}
	_, err = tx.ExecContext(ctx, `UPDATE holds SET freed_at = $1 WHERE freed_at = 0 AND run_id IN (SELECT id FROM runs WHERE issue_id = $2)`, millis(now), issueID)
	return rows, err
}
