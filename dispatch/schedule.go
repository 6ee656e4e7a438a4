package dispatch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"yizhan/issue"
)

// Slots are the instants at which a schedule comes due.
type Slots interface {
	// Next is the first slot after an instant, Last the last one until then;
	// zero when there is none.
	Next(after time.Time) time.Time
	Last(until time.Time) time.Time
	// String is all that the slots follow from. Another string is another
	// schedule, none of whose slots was missed.
	String() string
}

// Schedule plans, at each of its slots and for each of its channels, the oldest
// approved issue without a first run there.
type Schedule struct {
	Name     string // of the schedule, for ever: its slots are recorded under it
	Slots    Slots
	Channels []Channel
	// CatchUp is how late a slot may be planned that was missed. Of several
	// that were missed only the last is planned.
	CatchUp time.Duration
}

// Shelf holds the issues that may be sent.
type Shelf interface {
	// Approved lists the ids of the approved issues, oldest first.
	Approved(ctx context.Context) ([]string, error)
	// Content is what was approved of one of them.
	Content(ctx context.Context, id string) (issue.Issue, issue.Revision, error)
}

// SchedulerOptions are what a [Scheduler] needs; all but Logger are required.
type SchedulerOptions struct {
	Ledger    *Ledger
	Shelf     Shelf
	Schedules []Schedule
	Instead   map[string]Channel // see [Planning]
	Logger    *slog.Logger       // nil: silent
}

// Scheduler plans runs when their slots come. Any number of them may work on
// one ledger: each slot is planned once.
type Scheduler struct {
	o SchedulerOptions
}

// NewScheduler returns a scheduler, or what is wrong with its options.
func NewScheduler(o SchedulerOptions) (*Scheduler, error) {
	if o.Ledger == nil || o.Shelf == nil {
		return nil, errors.New("scheduler: Ledger and Shelf are needed")
	}
	for i, s := range o.Schedules {
		if s.Name == "" || s.Slots == nil || len(s.Channels) == 0 {
			return nil, fmt.Errorf("scheduler: schedule %d needs Name, Slots and at least one channel", i+1)
		}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Scheduler{o: o}, nil
}

const (
	// wakeEvery bounds how long a clock that is set, or a machine that slept,
	// goes unnoticed (robfig/cron issues 154, 352, 509: it sleeps until the slot).
	wakeEvery = 30 * time.Second
	// onTime is how late a slot may be planned however small CatchUp is.
	onTime = time.Minute
	// clockSlack is how far a clock may be behind one that planned before.
	clockSlack = 2 * time.Minute
)

// Run plans what comes due until ctx ends, then returns nil.
func (s *Scheduler) Run(ctx context.Context) error {
	if len(s.o.Schedules) == 0 {
		<-ctx.Done()
		return nil
	}
	for ctx.Err() == nil {
		now := time.Now()
		wake := now.Add(wakeEvery)
		for _, sc := range s.o.Schedules {
			if err := s.tick(ctx, sc, now); err != nil && ctx.Err() == nil {
				s.o.Logger.Error("a schedule could not be followed; trying again", "schedule", sc.Name, "error", err)
			}
			if next := sc.Slots.Next(now); !next.IsZero() && next.Before(wake) {
				wake = next
			}
		}
		pause(ctx, time.Until(wake))
	}
	return nil
}

// tick plans a schedule's last slot when it has come and was not decided yet.
func (s *Scheduler) tick(ctx context.Context, sc Schedule, now time.Time) error {
	mark, err := s.o.Ledger.scheduleMark(ctx, sc, now)
	if err != nil {
		return err
	}
	if behind := mark.Sub(now); behind > clockSlack {
		return s.o.Ledger.Raise(ctx, AlarmClock, sc.Name, mark.UTC().Format(time.RFC3339), now)
	}
	if next := sc.Slots.Next(mark); next.IsZero() || next.After(now) {
		return s.o.Ledger.Clear(ctx, AlarmClock, sc.Name, now)
	}
	slot := sc.Slots.Last(now)
	if late := now.Sub(slot); late > max(sc.CatchUp, onTime) {
		s.o.Logger.Warn("a slot was missed and is too old to be caught up", "schedule", sc.Name, "slot", slot)
		return s.o.Ledger.missSlot(ctx, sc, slot, now)
	}
	return s.due(ctx, sc, slot, now)
}

// due plans a slot that has come. What fails is an alarm until it succeeds or is
// too late.
func (s *Scheduler) due(ctx context.Context, sc Schedule, slot, now time.Time) error {
	decided, err := s.decide(ctx, sc, slot, false, now)
	if err != nil {
		return errors.Join(err, s.o.Ledger.Raise(ctx, AlarmSchedule, sc.Name, err.Error(), now))
	}
	if decided.Fresh {
		s.o.Logger.Info("a slot was decided", "schedule", sc.Name, "slot", slot, "state", decided.State, "runs", decided.Runs)
	}
	return s.o.Ledger.Clear(ctx, AlarmSchedule, sc.Name, now)
}

// Errors of [Scheduler.Plan].
var (
	ErrNoSchedule = errors.New("no such schedule")
	ErrNoSlot     = errors.New("not a slot of the schedule")
)

// Plan plans one slot of a schedule on an operator's word; a slot in the future
// is sent when it comes. What was planned of it stays as it is, what was missed
// or had no issue is tried again. Without an issue nothing is recorded.
func (s *Scheduler) Plan(ctx context.Context, name string, slot, now time.Time) (Decision, error) {
	i := slices.IndexFunc(s.o.Schedules, func(sc Schedule) bool { return sc.Name == name })
	if i < 0 {
		return Decision{}, fmt.Errorf("schedule %s: %w", name, ErrNoSchedule)
	}
	sc := s.o.Schedules[i]
	if slot.IsZero() {
		slot = sc.Slots.Last(now)
	}
	if slot.IsZero() || !sc.Slots.Last(slot).Equal(slot) {
		return Decision{}, fmt.Errorf("schedule %s at %s: %w", name, slot.Format(time.RFC3339), ErrNoSlot)
	}
	return s.decide(ctx, sc, slot, true, now)
}

// decisions is how often a slot is tried that others decide at the same time.
const decisions = 5

// decide plans what is open of a slot. again tries what had no issue or was
// missed once more.
func (s *Scheduler) decide(ctx context.Context, sc Schedule, slot time.Time, again bool, now time.Time) (d Decision, err error) {
	for range decisions {
		d, err = s.attempt(ctx, sc, slot, again, now)
		// Somebody was faster, with the slot or with one of its issues.
		if !errors.Is(err, errSlotTaken) && !errors.Is(err, ErrPlanned) {
			return d, err
		}
	}
	return d, err
}

func (s *Scheduler) attempt(ctx context.Context, sc Schedule, slot time.Time, again bool, now time.Time) (Decision, error) {
	l := s.o.Ledger
	open, err := l.openChannels(ctx, sc, slot, again)
	if err != nil {
		return Decision{}, err
	}
	if len(open) == 0 {
		if err := l.leave(ctx, sc, slot, again); err != nil {
			return Decision{}, err
		}
		return l.decision(ctx, sc, slot)
	}
	c := choice{schedule: sc, slot: slot, again: again}
	failed := s.choose(ctx, &c, open, now)
	fresh, err := l.decideSlot(ctx, c, failed == nil, now)
	if err != nil {
		return Decision{}, err
	}
	d, err := l.decision(ctx, sc, slot)
	d.Fresh = fresh
	return d, errors.Join(failed, err)
}

// choice is what a slot is to do in the channels where it is open.
type choice struct {
	schedule Schedule
	slot     time.Time
	again    bool
	plans    []prepared
	empty    []string // channels without an issue
}

// prepared is a run that only needs to be written down.
type prepared struct {
	planning Planning
	variants map[string][]Variant
}

// choose finds each channel's issue and prepares it. A channel that fails does
// not keep the others from their issue.
func (s *Scheduler) choose(ctx context.Context, c *choice, open []Channel, now time.Time) error {
	approved, err := s.o.Shelf.Approved(ctx)
	if err != nil {
		return err
	}
	var errs error
	for _, ch := range open {
		id, err := s.o.Ledger.firstUnsent(ctx, ch.Name(), approved)
		switch {
		case err != nil:
			errs = errors.Join(errs, err)
		case id == "":
			c.empty = append(c.empty, ch.Name())
		default:
			errs = errors.Join(errs, s.prepare(ctx, c, ch, id, now))
		}
	}
	return errs
}

// prepare adds a channel to the run of its issue.
func (s *Scheduler) prepare(ctx context.Context, c *choice, ch Channel, id string, now time.Time) error {
	at := slices.IndexFunc(c.plans, func(p prepared) bool { return p.planning.Issue.ID == id })
	var p prepared
	if at >= 0 {
		p = c.plans[at]
	} else {
		is, revision, err := s.o.Shelf.Content(ctx, id)
		if err != nil {
			return err
		}
		p = prepared{variants: map[string][]Variant{}, planning: Planning{
			Kind: KindIssue, Issue: is, Revision: revision, Selection: SelectFirst, Schedule: c.schedule.Name, Slot: c.slot, Instead: s.o.Instead, Now: now,
		}}
		if c.slot.After(now) {
			p.planning.NotBefore = c.slot
		}
	}
	variants, err := s.o.Ledger.prepare(ctx, p.planning, ch)
	if err != nil {
		return err
	}
	p.variants[ch.Name()] = variants
	p.planning.Channels = append(p.planning.Channels, ch)
	for _, other := range p.planning.instead() {
		if p.variants[other.Name()] != nil {
			continue
		}
		if p.variants[other.Name()], err = s.o.Ledger.prepare(ctx, p.planning, other); err != nil {
			return err
		}
	}
	if at >= 0 {
		c.plans[at] = p
	} else {
		c.plans = append(c.plans, p)
	}
	return nil
}
