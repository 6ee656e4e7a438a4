package dispatch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// Claims belong to a session: one life of one process. This has nothing to do
// with how long a carrier may take to answer.
const (
	heartbeatEvery = 5 * time.Second
	// sessionDead is how long a session on another machine may be silent before
	// its claims are taken away. On this machine the process table is asked.
	sessionDead = 30 * time.Second
)

// Process identifies a process beyond the reuse of its pid.
type Process struct {
	BootID  string
	PID     int
	Started string
}

// ThisProcess identifies the running process.
func ThisProcess() Process {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		host, _ := os.Hostname()
		boot = []byte("host:" + host)
	}
	p := Process{BootID: strings.TrimSpace(string(boot)), PID: os.Getpid()}
	// Containers of one machine share its boot, and see different processes.
	if space, err := os.Readlink("/proc/self/ns/pid"); err == nil {
		p.BootID += " " + space
	}
	p.Started, _ = started(p.PID)
	return p
}

// started returns the start time of a process in clock ticks since boot, field
// 22 of /proc/PID/stat (proc_pid_stat(5)); ok is false when it does not run.
func started(pid int) (ticks string, ok bool) {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return "", false
	}
	// The second field is the command in brackets and may hold blanks.
	i := strings.LastIndexByte(string(stat), ')')
	if i < 0 {
		return "", false
	}
	fields := strings.Fields(string(stat[i+1:]))
	const startTime = 22 - 3 // the state is field 3 and comes first here
	if len(fields) <= startTime || fields[0] == "Z" {
		return "", false
	}
	return fields[startTime], true
}

// gone reports whether a process certainly does not run any more, as seen from
// here. A process of another machine is never known to be gone.
func (p Process) gone(here Process) bool {
	if p.BootID != here.BootID || here.Started == "" {
		return false
	}
	ticks, ok := started(p.PID)
	return !ok || ticks != p.Started
}

// Session is one process's right to claim deliveries.
type Session struct {
	ID      int64
	Process Process
	Opened  time.Time
	Beat    time.Time
}

// OpenSession opens a session and takes away what dead ones held.
func (l *Ledger) OpenSession(ctx context.Context, p Process, now time.Time) (Session, error) {
	s := Session{Process: p, Opened: now, Beat: now}
	err := l.transact(ctx, "opening a session", func(tx execer) error {
		return tx.QueryRowContext(ctx, `INSERT INTO sessions (boot_id, pid, started, opened_at, heartbeat_at)
			VALUES ($1, $2, $3, $4, $5) RETURNING id`, p.BootID, p.PID, p.Started, millis(now), millis(now)).Scan(&s.ID)
	})
	if err != nil {
		return Session{}, err
	}
	_, _, err = l.Reap(ctx, p, now)
	return s, err
}

// Beat says that a session lives. It fails with ErrSessionLost when the session
// was taken for dead: its claims are gone, and it must open a new one.
func (l *Ledger) Beat(ctx context.Context, s Session, now time.Time) error {
	return l.transact(ctx, "session heartbeat", func(tx execer) error {
		res, err := tx.ExecContext(ctx, `UPDATE sessions SET heartbeat_at = $1 WHERE id = $2 AND closed_at = 0`, millis(now), s.ID)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, ErrSessionLost)
		}
		return nil
	})
}

// ErrSessionLost says that others have taken a session for dead.
var ErrSessionLost = errors.New("this process was taken for dead; its claims were given to others")

// CloseSession ends a session that holds no claims any more.
func (l *Ledger) CloseSession(ctx context.Context, s Session, now time.Time) error {
	return l.transact(ctx, "closing the session", func(tx execer) error {
		return l.endSession(ctx, tx, s.ID, now)
	})
}

// Sessions lists the sessions that are open and not known to be dead.
func (l *Ledger) Sessions(ctx context.Context, here Process, now time.Time) ([]Session, error) {
	all, err := l.openSessions(ctx)
	if err != nil {
		return nil, err
	}
	var live []Session
	for _, s := range all {
		if !s.dead(here, now) {
			live = append(live, s)
		}
	}
	return live, nil
}

func (s Session) dead(here Process, now time.Time) bool {
	return s.Process.gone(here) || now.Sub(s.Beat) > sessionDead
}

func (l *Ledger) openSessions(ctx context.Context) ([]Session, error) {
	rows, err := l.read.QueryContext(ctx, `SELECT id, boot_id, pid, started, opened_at, heartbeat_at FROM sessions WHERE closed_at = 0 ORDER BY id`)
	if err != nil {
		return nil, fmt.Errorf("reading sessions: %w", err)
	}
	defer rows.Close()
	var out []Session
	for rows.Next() {
		var s Session
		var opened, beat int64
		if err := rows.Scan(&s.ID, &s.Process.BootID, &s.Process.PID, &s.Process.Started, &opened, &beat); err != nil {
			return nil, fmt.Errorf("reading sessions: %w", err)
		}
		s.Opened, s.Beat = instant(opened), instant(beat)
		out = append(out, s)
	}
	return out, rows.Err()
}

// Reap takes the claims of dead sessions away: what was leased is due again,
// what was marked is unconfirmed. It returns how many there were of each.
func (l *Ledger) Reap(ctx context.Context, here Process, now time.Time) (leased, marked int64, err error) {
	sessions, err := l.openSessions(ctx)
	if err != nil {
		return 0, 0, err
	}
	err = l.transact(ctx, "taking over from dead sessions", func(tx execer) error {
		for _, s := range sessions {
			if s.Process == here || !s.dead(here, now) {
				continue // its own end is for the heartbeat to notice
			}
			// It may have beaten since it was read.
			_, err := tx.ExecContext(ctx, `UPDATE sessions SET closed_at = $1 WHERE id = $2 AND closed_at = 0 AND heartbeat_at = $3`,
				millis(now), s.ID, millis(s.Beat))
			if err != nil {
				return err
			}
		}
		leased, marked, err = l.takeOver(ctx, tx, now)
		return err
	})
	return leased, marked, err
}

// endSession closes a session and takes away what it still holds.
func (l *Ledger) endSession(ctx context.Context, tx execer, session int64, now time.Time) error {
	if _, err := tx.ExecContext(ctx, `UPDATE sessions SET closed_at = $1 WHERE id = $2 AND closed_at = 0`, millis(now), session); err != nil {
		return err
	}
	_, _, err := l.takeOver(ctx, tx, now)
	return err
}

// takeOver carries out SessionDied for all claims of closed sessions, also of
// one that claimed while it was being closed. An unconfirmed row keeps the
// claim, so that a late answer to that very session still counts.
func (l *Ledger) takeOver(ctx context.Context, tx execer, now time.Time) (leased, marked int64, err error) {
	const closed = ` AND claim IN (SELECT id FROM sessions WHERE closed_at > 0)`
	res, err := tx.ExecContext(ctx, `UPDATE deliveries SET state = 'due', claim = 0, due_at = $1, updated_at = $1
		WHERE state = 'leased'`+closed, millis(now))
	if err != nil {
		return 0, 0, err
	}
	if leased, err = res.RowsAffected(); err != nil {
		return 0, 0, err
	}
	// What the carrier knows by its key is made again: see worker.repeat.
	_, err = tx.ExecContext(ctx, `UPDATE deliveries SET claim = 0, reason = $1, updated_at = $2
		WHERE state = 'marked'
			AND batch_id IN (SELECT id FROM batches WHERE repeat_until > $2)`+closed, ReasonCrash, millis(now))
	if err != nil {
		return 0, 0, err
	}
	res, err = tx.ExecContext(ctx, `UPDATE deliveries SET state = 'unconfirmed', reason = $1, updated_at = $2, attempts = attempts + 1
		WHERE state = 'marked'`+closed, ReasonCrash, millis(now))
	if err != nil {
		return 0, 0, err
	}
	marked, err = res.RowsAffected()
	return leased, marked, err
}
