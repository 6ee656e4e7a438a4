package dispatch

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// MetricsOptions are what [Metrics] need; all but Schedules are required.
type MetricsOptions struct {
	Ledger    *Ledger
	Queue     Queue
	Channels  []Channel
	Process   Process
	Schedules []Schedule
}

// Metrics tell Prometheus what this process does and how the ledger stands.
// They are a collector for a registry and the [Observer] of a dispatcher.
//
// The counters are this process's; the gauges come from the ledger, which is
// everybody's: of several processes take one (max, not sum). The ledger is read
// when somebody asks, at most every [metricsAge], and for at most a twentieth
// of the time.
type Metrics struct {
	o        MetricsOptions
	attempts *prometheus.CounterVec
	groups   map[string][]string // of each channel

	mu    sync.Mutex
	read  []prometheus.Metric
	until time.Time
}

const (
	// metricsAge is how old gauges may be.
	metricsAge = 5 * time.Second
	// metricsShare is how many times as long as reading them took they are kept.
	metricsShare = 20
	// metricsLimit is below the 10 s that Prometheus waits for an answer.
	metricsLimit = 8 * time.Second
)

// otherGroup stands for all domains that are no group of their own: whoever
// subscribes must not be able to add a time series.
const otherGroup = "other"

// NewMetrics returns metrics, or what is wrong with their options.
func NewMetrics(o MetricsOptions) (*Metrics, error) {
	if o.Ledger == nil || o.Queue == nil || len(o.Channels) == 0 {
		return nil, errors.New("metrics: Ledger, Queue and at least one channel are needed")
	}
	m := &Metrics{o: o, groups: map[string][]string{}, attempts: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "yizhan_attempts_total", Help: "Hand-overs to carriers by this process, by what became of them and by the recipients' domain group.",
	}, []string{"channel", "outcome", "group"})}
	for _, ch := range o.Channels {
		c := ch.Capacity()
		m.groups[ch.Name()] = append(sortedKeys(c.Domains), c.Groups...)
		for _, outcome := range []string{"sent", "temporary", "permanent", "lost"} {
			m.attempts.WithLabelValues(ch.Name(), outcome, otherGroup) // there from the beginning, so that rate() sees the first
		}
	}
	return m, nil
}

// Answered implements [Observer].
func (m *Metrics) Answered(channel, group string, o Outcome) {
	outcome := ""
	switch {
	case o.Status == Sent:
		outcome = "sent"
	case o.Status == Lost:
		outcome = "lost"
	case o.Status == Refused && o.Failure.Permanent:
		outcome = "permanent"
	case o.Status == Refused:
		outcome = "temporary"
	default:
		return // nothing was tried
	}
	if !slices.Contains(m.groups[channel], group) {
		group = otherGroup
	}
	m.attempts.WithLabelValues(channel, outcome, group).Inc()
}

// gauge describes one of the ledger's figures.
func gauge(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("yizhan_"+name, help, labels, nil)
}

// descriptions are those of the gauges.
type descriptions struct {
	up, took, deliveries, runDeliveries, progress, due, behind, queue, alarms, sessions, alerts, next, last *prometheus.Desc
}

func describe() descriptions {
	return descriptions{
		up:            gauge("ledger_up", "1 when the ledger could be read."),
		took:          gauge("ledger_read_seconds", "How long reading these figures took."),
		deliveries:    gauge("deliveries", "Deliveries of the runs that are not over, by state.", "channel", "state"),
		runDeliveries: gauge("run_deliveries", "Deliveries of each run that is not over, and of the newest, by state.", "run", "issue", "channel", "state"),
		progress:      gauge("run_progress_ratio", "Share of a run's deliveries that are settled.", "run", "issue", "channel"),
		due:           gauge("due_deliveries", "Deliveries that may go out now and are in no queue.", "channel"),
		behind:        gauge("behind_seconds", "Age of the oldest delivery that may go out now.", "channel"),
		queue:         gauge("queue_deliveries", "Deliveries in the queue.", "channel"),
		alarms:        gauge("alarms", "Open alarms by code.", "code"),
		sessions:      gauge("sessions", "Processes at work on the ledger."),
		alerts:        gauge("alerts_unsent", "Alerts that somebody has not got yet."),
		next:          gauge("schedule_next_timestamp_seconds", "The next slot of a schedule.", "schedule"),
		last:          gauge("schedule_last_timestamp_seconds", "The last slot of a schedule that was decided.", "schedule", "state"),
	}
}

// Describe implements [prometheus.Collector].
func (m *Metrics) Describe(out chan<- *prometheus.Desc) {
	m.attempts.Describe(out)
	d := describe()
	for _, one := range []*prometheus.Desc{
		d.up, d.took, d.deliveries, d.runDeliveries, d.progress, d.due, d.behind, d.queue, d.alarms, d.sessions, d.alerts, d.next, d.last,
	} {
		out <- one
	}
}

// Collect implements [prometheus.Collector].
func (m *Metrics) Collect(out chan<- prometheus.Metric) {
	m.attempts.Collect(out)
	m.mu.Lock()
	defer m.mu.Unlock()
	if began := time.Now(); !began.Before(m.until) {
		m.read = m.gauges(began)
		ended := time.Now()
		m.until = ended.Add(max(metricsAge, metricsShare*ended.Sub(began)))
	}
	for _, one := range m.read {
		out <- one
	}
}

// gauges reads the ledger. When that fails there is only ledger_up.
func (m *Metrics) gauges(now time.Time) []prometheus.Metric {
	ctx, cancel := context.WithTimeout(context.Background(), metricsLimit)
	defer cancel()
	s := sample{now: now, d: describe()}
	err := errors.Join(
		m.o.Ledger.sampleRuns(ctx, &s, m.o.Channels),
		m.o.Ledger.sampleDue(ctx, &s, m.o.Channels),
		m.rest(ctx, &s),
	)
	if err != nil {
		return []prometheus.Metric{prometheus.MustNewConstMetric(s.d.up, prometheus.GaugeValue, 0)}
	}
	s.set(s.d.up, 1)
	s.set(s.d.took, time.Since(now).Seconds())
	return s.metrics
}

// rest are the figures that cost nothing.
func (m *Metrics) rest(ctx context.Context, s *sample) error {
	var errs error
	for _, ch := range m.o.Channels {
		n, err := m.o.Queue.Waiting(ctx, ch.Name())
		errs = errors.Join(errs, err)
		s.set(s.d.queue, float64(n), ch.Name())
	}
	alarms, err := m.o.Ledger.Alarms(ctx)
	errs = errors.Join(errs, err)
	// Those that are known are there before they are raised.
	codes := map[string]int{AlarmChannelStopped: 0, AlarmHeld: 0, AlarmSchedule: 0, AlarmClock: 0, AlarmUnanswered: 0}
	for _, a := range alarms {
		codes[a.Code]++
	}
	for code, n := range codes {
		s.set(s.d.alarms, float64(n), code)
	}
	sessions, err := m.o.Ledger.Sessions(ctx, m.o.Process, s.now)
	errs = errors.Join(errs, err)
	s.set(s.d.sessions, float64(len(sessions)))
	unsent, err := m.o.Ledger.unsentAlerts(ctx, s.now)
	errs = errors.Join(errs, err)
	s.set(s.d.alerts, float64(unsent))
	last, err := m.o.Ledger.LastSlots(ctx)
	for _, sc := range m.o.Schedules {
		if next := sc.Slots.Next(s.now); !next.IsZero() {
			s.set(s.d.next, float64(next.Unix()), sc.Name)
		}
		if d, ok := last[sc.Name]; ok {
			s.set(s.d.last, float64(d.Slot.Unix()), sc.Name, string(d.State))
		}
	}
	return errors.Join(errs, err)
}

// sample is one reading of the ledger.
type sample struct {
	now     time.Time
	d       descriptions
	metrics []prometheus.Metric
}

func (s *sample) set(d *prometheus.Desc, value float64, labels ...string) {
	s.metrics = append(s.metrics, prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...))
}

var (
	_ prometheus.Collector = (*Metrics)(nil)
	_ Observer             = (*Metrics)(nil)
)
