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
// at fault, not the people: the rest of the domain waits for an operator. When
// the failures are spread over so many domains, the rest of the run does.
const (
	holdFailures = 20
	holdShare    = 0.05
	holdDomains  = 10
)

// everyDomain stands for the whole run in holds.
const everyDomain = "*"

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

// valve counts answers by run, channel and domain, and says when to hold. It
// counts what this process has seen: one that begins again looks anew. Only the
// committer's goroutine uses it.
type valve struct{ counts map[valveKey]*valveCount }

type valveKey struct {
	run             int64
	channel, domain string
}

type valveCount struct {
	failed, settled int
	domains         int // of the whole run: in how many somebody failed
}

type holdState int

const (
	neverHeld holdState = iota
	held
	freed // an operator has looked: it is not held again
)

func newValve() *valve { return &valve{counts: map[valveKey]*valveCount{}} }

func (v *valve) at(k valveKey) *valveCount {
	c := v.counts[k]
	if c == nil {
		c = &valveCount{}
		v.counts[k] = c
	}
	return c
}

// count is called for each final answer, in the transaction that settles it and
// before it is settled. It reports whether a failed row is to be held instead;
// when that is new, tripped is the domain (or everyDomain) whose other rows are
// held in the same transaction.
func (v *valve) count(ctx context.Context, tx grouped, run int64, channel, address string, failed bool, now time.Time) (hold bool, tripped string, err error) {
	domain := domainOf(address)
	if domain == "" {
		return false, "", nil
	}
	one, all := v.at(valveKey{run, channel, domain}), v.at(valveKey{run, channel, everyDomain})
	if failed {
		for _, k := range []valveKey{{run, channel, domain}, {run, channel, everyDomain}} {
			state, err := k.state(ctx, tx)
			c := *v.at(k)
			switch {
			case err != nil:
				return false, "", err
			case state == held:
				return true, "", nil
			case state == neverHeld && c.trips(k.domain, one.failed == 0):
				return true, k.domain, k.hold(ctx, tx, c, now)
			}
		}
	}
	before, beforeAll := *one, *all
	tx.onRollback(func() { *one, *all = before, beforeAll })
	one.settled++
	all.settled++
	if failed {
		if one.failed == 0 {
			all.domains++
		}
		one.failed++
		all.failed++
	}
	return false, "", nil
}

// trips reports whether one more failure is too much.
func (c valveCount) trips(domain string, newDomain bool) bool {
	domains := c.domains
	if newDomain {
		domains++
	}
	return c.failed+1 >= holdFailures && float64(c.failed+1) > holdShare*float64(c.settled+1) &&
		(domain != everyDomain || domains >= holdDomains)
}

// state looks up whether a domain is held, by whichever process, and whether an
// operator freed it. Only issues are ever held: whoever signs up does not wait for
// those who mistyped their address.
func (k valveKey) state(ctx context.Context, tx execer) (holdState, error) {
	var freedAt sql.NullInt64
	err := tx.QueryRowContext(ctx, `SELECT CASE WHEN r.kind <> 'issue' THEN 1 ELSE h.freed_at END FROM runs r
		LEFT JOIN holds h ON h.run_id = r.id AND h.channel = $2 AND h.domain = $3 WHERE r.id = $1`, k.run, k.channel, k.domain).Scan(&freedAt)
	switch {
	case err != nil:
		return neverHeld, fmt.Errorf("looking up holds: %w", err)
	case !freedAt.Valid:
		return neverHeld, nil
	case freedAt.Int64 > 0:
		return freed, nil
	}
	return held, nil
}

// hold makes all rows of the domain wait that nobody works on.
func (k valveKey) hold(ctx context.Context, tx execer, c valveCount, now time.Time) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO holds (run_id, channel, domain, failed, settled, since) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (run_id, channel, domain) DO NOTHING`, k.run, k.channel, k.domain, c.failed, c.settled, millis(now))
	if err != nil {
		return fmt.Errorf("holding a domain: %w", err)
	}
	if err := alertHeld(ctx, tx, k, now); err != nil {
		return fmt.Errorf("holding a domain: %w", err)
	}
	pattern := atDomain(k.domain)
	if k.domain == everyDomain {
		pattern = "%"
	}
	_, err = tx.ExecContext(ctx, `UPDATE deliveries SET state = 'due', reason = $1, due_at = $2, claim = 0, updated_at = $3
		WHERE run_id = $4 AND channel = $5 AND state IN ('due','queued') AND address LIKE $6 ESCAPE '!'`,
		ReasonHeld, Never.UnixMilli(), millis(now), k.run, k.channel, pattern)
	if err != nil {
		return fmt.Errorf("holding a domain: %w", err)
	}
	return nil
}

// free makes the held rows of an issue due, and lets the same domains fail
// without being held again: the operator has looked.
func (l *Ledger) free(ctx context.Context, tx execer, issueID string, now time.Time) (int64, error) {
	res, err := tx.ExecContext(ctx, `UPDATE deliveries SET due_at = $1, reason = '', first_at = 0, updated_at = $1
		WHERE state = 'due' AND due_at = $2 AND reason = $3 AND run_id IN (SELECT id FROM runs WHERE issue_id = $4)`,
		millis(now), Never.UnixMilli(), ReasonHeld, issueID)
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
