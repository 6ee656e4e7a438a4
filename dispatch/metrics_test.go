package dispatch_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/common/expfmt"

	"yizhan/dispatch"
	"yizhan/dispatch/dispatchtest"
)

var update = flag.Bool("update", false, "write the golden files")

func newMetrics(t testing.TB, f *dispatchtest.Fixture, schedule dispatch.Schedule, channels ...dispatch.Channel) *dispatch.Metrics {
	t.Helper()
	m, err := dispatch.NewMetrics(dispatch.MetricsOptions{
		Ledger: f.Ledger, Queue: dispatch.NewMemory(), Channels: channels, Process: dispatch.ThisProcess(), Schedules: []dispatch.Schedule{schedule},
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestMetrics compares everything that is told in the middle of a run.
func TestMetrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := dispatchtest.Open(t)
		f.Subscribe(t, "email", "qq.com", 10)
		f.Subscribe(t, "email", "example.org", 20)
		c := &dispatchtest.Carrier{
			Limits: dispatch.Capacity{Domains: map[string]dispatch.DomainLimit{"qq.com": {}}},
			Script: func(a string, _ int) dispatchtest.Answer {
				switch a {
				case "reader1@qq.com":
					return dispatchtest.Answer{Outcome: dispatchtest.Refuse(dispatch.ScopeRecipient, true, 550, "no such user"), Early: true}
				case "reader2@qq.com", "reader2@example.org":
					return dispatchtest.Answer{Outcome: dispatchtest.Refuse(dispatch.ScopeRecipient, false, 452, "full"), Early: true}
				}
				return dispatchtest.Answer{}
			},
		}
		schedule := daily(t, time.Hour, c)
		m := newMetrics(t, f, schedule, c)
		follow(t, newScheduler(t, f, shelfOf(1), schedule), 61*time.Minute)
		d, err := dispatch.New(dispatch.Options{
			Ledger: f.Ledger, Queue: dispatch.NewMemory(), Routes: []dispatch.Route{{Channel: c, Policy: dispatchtest.Policy()}}, People: f,
			Process: dispatch.ThisProcess(), Observer: m,
		})
		if err != nil {
			t.Fatal(err)
		}
		run(t, d, 2*time.Second)
		pass(time.Minute)
		raise(t, f, "email")
		registry := prometheus.NewPedanticRegistry()
		registry.MustRegister(m)
		if problems, err := testutil.GatherAndLint(registry); err != nil || len(problems) > 0 {
			t.Errorf("lint: %v, %v", problems, err)
		}
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		var got bytes.Buffer
		for _, family := range families {
			if _, err := expfmt.MetricFamilyToText(&got, family); err != nil {
				t.Fatal(err)
			}
		}
		const golden = "testdata/metrics.txt"
		if *update {
			if err := os.MkdirAll("testdata", 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		expected, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(expected), got.String()); diff != "" {
			t.Errorf("metrics (-want +got):\n%s", diff)
		}
	})
}

// TestMetricsAreKept for five seconds, and tell when the ledger is away.
func TestMetricsAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := dispatchtest.Open(t)
		c := &dispatchtest.Carrier{}
		m := newMetrics(t, f, daily(t, time.Hour, c), c)
		alarms := func() int { return testutil.CollectAndCount(m, "yizhan_run_progress_ratio") }
		if n := alarms(); n != 0 {
			t.Errorf("%d runs before the first", n)
		}
		f.Plan(t, "142", c)
		pass(4 * time.Second)
		if n := alarms(); n != 0 {
			t.Error("the ledger was read again after four seconds")
		}
		pass(2 * time.Second)
		if n := alarms(); n != 1 {
			t.Errorf("%d runs after six seconds", n)
		}
		f.DB.Close()
		pass(time.Minute)
		if n := testutil.CollectAndCount(m, "yizhan_ledger_up", "yizhan_sessions"); n != 1 {
			t.Errorf("%d figures of a ledger that is away, want only ledger_up", n)
		}
	})
}

// TestBoard: the board and the page about metrics name only what there is, and
// the page all of it.
func TestBoard(t *testing.T) {
	golden, err := os.ReadFile("testdata/metrics.txt")
	if err != nil {
		t.Fatal(err)
	}
	board, err := os.ReadFile("../docs/grafana.json")
	if err != nil {
		t.Fatal(err)
	}
	if !json.Valid(board) {
		t.Error("docs/grafana.json is no JSON")
	}
	page, err := os.ReadFile("../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	there := map[string]bool{"yizhan_build_info": true} // the program's own
	for _, m := range regexp.MustCompile(`(?m)^# TYPE (\S+)`).FindAllStringSubmatch(string(golden), -1) {
		there[m[1]] = true
	}
	name := regexp.MustCompile(`yizhan_[a-z_]+`)
	for file, text := range map[string]string{"docs/grafana.json": string(board), "docs/metrics.md": string(page)} {
		for _, n := range name.FindAllString(text, -1) {
			if !there[n] {
				t.Errorf("%s has %s, which there is not", file, n)
			}
		}
	}
	for n := range there {
		if !strings.Contains(string(page), "`"+n+"`") {
			t.Errorf("docs/metrics.md does not explain %s", n)
		}
	}
}
