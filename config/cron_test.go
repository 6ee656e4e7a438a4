package config

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func mustZone(t testing.TB, name string) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

// TestSlots shows the slots of a few days around the changes of clocks, as the
// clock and as the offset from UTC.
func TestSlots(t *testing.T) {
	for _, c := range []struct {
		name, zone, cron, after string
		want                    []string
	}{
		{"New York springs forward: 02:30 comes at the end of the gap", "America/New_York", "30 2 * * *", "2027-03-12T12:00", []string{
			"2027-03-13 02:30 -0500", "2027-03-14 03:00 -0400", "2027-03-15 02:30 -0400",
		}},
		{"New York falls back: 01:30 comes once, the first time", "America/New_York", "30 1 * * *", "2026-10-30T12:00", []string{
			"2026-10-31 01:30 -0400", "2026-11-01 01:30 -0400", "2026-11-02 01:30 -0500",
		}},
		{"the slots of a gap are one", "America/New_York", "*/30 * * * *", "2027-03-14T01:00", []string{
			"2027-03-14 01:30 -0500", "2027-03-14 03:00 -0400", "2027-03-14 03:30 -0400",
		}},
		{"an hour that is shown again has no slots", "America/New_York", "*/30 * * * *", "2026-11-01T01:00", []string{
			"2026-11-01 01:30 -0400", "2026-11-01 02:00 -0500", "2026-11-01 02:30 -0500",
		}},
		{"Lord Howe goes forward by half an hour", "Australia/Lord_Howe", "15 2 * * *", "2026-10-02T12:00", []string{
			"2026-10-03 02:15 +1030", "2026-10-04 02:30 +1100", "2026-10-05 02:15 +1100",
		}},
		{"Lord Howe goes back by half an hour", "Australia/Lord_Howe", "45 1 * * *", "2027-04-02T12:00", []string{
			"2027-04-03 01:45 +1100", "2027-04-04 01:45 +1100", "2027-04-05 01:45 +1030",
		}},
		{"Berlin springs forward", "Europe/Berlin", "30 2 * * *", "2026-03-27T12:00", []string{
			"2026-03-28 02:30 +0100", "2026-03-29 03:00 +0200", "2026-03-30 02:30 +0200",
		}},
		{"Berlin falls back: where time.Date takes the second 02:30", "Europe/Berlin", "30 2 * * *", "2026-10-23T12:00", []string{
			"2026-10-24 02:30 +0200", "2026-10-25 02:30 +0200", "2026-10-26 02:30 +0100",
		}},
		{"Shanghai had summer time in 1988", "Asia/Shanghai", "30 2 * * *", "1988-04-16T00:00", []string{
			"1988-04-16 02:30 +0800", "1988-04-17 03:00 +0900", "1988-04-18 02:30 +0900",
		}},
		{"and left it on 11 September", "Asia/Shanghai", "30 1 * * *", "1988-09-10T00:00", []string{
			"1988-09-10 01:30 +0900", "1988-09-11 01:30 +0900", "1988-09-12 01:30 +0800",
		}},
		{"Apia had no 30 December 2011", "Pacific/Apia", "0 9 * * *", "2011-12-28T12:00", []string{
			"2011-12-29 09:00 -1000", "2011-12-31 00:00 +1400", "2011-12-31 09:00 +1400",
		}},
		{"every second month, as in the documentation", "Asia/Shanghai", "0 9 10 1,3,5,7,9,11 *", "2026-09-10T09:00", []string{
			"2026-11-10 09:00 +0800", "2027-01-10 09:00 +0800", "2027-03-10 09:00 +0800",
		}},
		{"a leap day", "Asia/Shanghai", "0 9 29 2 *", "2026-01-01T00:00", []string{
			"2028-02-29 09:00 +0800", "2032-02-29 09:00 +0800", "2036-02-29 09:00 +0800",
		}},
		{"either day", "Asia/Shanghai", "0 8 1 * 1", "2026-09-29T00:00", []string{
			"2026-10-01 08:00 +0800", "2026-10-05 08:00 +0800", "2026-10-12 08:00 +0800",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			zone := mustZone(t, c.zone)
			after, err := time.ParseInLocation("2006-01-02T15:04", c.after, zone)
			if err != nil {
				t.Fatal(err)
			}
			cron, err := ParseCron(c.cron, zone)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for slot := cron.Next(after); len(got) < len(c.want); slot = cron.Next(slot) {
				got = append(got, slot.In(zone).Format("2006-01-02 15:04 -0700"))
				if last := cron.Last(slot); !last.Equal(slot) {
					t.Errorf("Last(%s) = %s", slot, last)
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("slots (-want +got):\n%s", diff)
			}
		})
	}
}

// TestSlotsOfADay: whatever the clocks do, a daily schedule has one slot for
// every date, in order; what the clock skips comes at the end of the gap.
func TestSlotsOfADay(t *testing.T) {
	zones := []string{"America/New_York", "Australia/Lord_Howe", "Europe/Berlin", "Asia/Shanghai", "Pacific/Apia", "America/Sao_Paulo", "Africa/Casablanca", "Asia/Kathmandu", "Antarctica/Troll"}
	rapid.Check(t, func(t *rapid.T) {
		zone, err := time.LoadLocation(rapid.SampledFrom(zones).Draw(t, "zone"))
		if err != nil {
			t.Fatal(err)
		}
		day := time.Date(rapid.IntRange(1985, 2035).Draw(t, "year"), 1, 1+rapid.IntRange(0, 364).Draw(t, "day"), 0, 0, 0, 0, time.UTC)
		minute := rapid.IntRange(0, 24*60-1).Draw(t, "minute")
		face := day.Add(time.Duration(minute) * time.Minute)
		slot := shows(face, zone)
		if shown := faceOf(slot); !shown.Equal(face) {
			// A gap: a nanosecond before, the clock showed less than face.
			if before := faceOf(slot.Add(-time.Nanosecond)); !before.Before(face) || !shown.After(face) {
				t.Fatalf("%s in %s became %s, before which it was %s", face, zone, slot, before)
			}
		}
		// The order of the face is the order of the instants.
		later := face.Add(time.Duration(rapid.IntRange(1, 3*24*60).Draw(t, "later")) * time.Minute)
		if shows(later, zone).Before(slot) {
			t.Fatalf("%s and then %s are in the wrong order in %s", face, later, zone)
		}
	})
}

// TestNextMissesNothing compares Next with all minutes of the face.
func TestNextMissesNothing(t *testing.T) {
	crons := []string{"*/20 * * * *", "30 2 * * *", "15 1,2,3 * * *", "0 0 * * *", "59 23 * * 0"}
	rapid.Check(t, func(t *rapid.T) {
		zone, err := time.LoadLocation(rapid.SampledFrom([]string{"America/New_York", "Australia/Lord_Howe", "Europe/Berlin", "Pacific/Apia"}).Draw(t, "zone"))
		if err != nil {
			t.Fatal(err)
		}
		cron, err := ParseCron(rapid.SampledFrom(crons).Draw(t, "cron"), zone)
		if err != nil {
			t.Fatal(err)
		}
		// Within two days of a change of that zone's clock.
		changes := []time.Time{
			time.Date(2026, 3, 29, 1, 0, 0, 0, time.UTC), time.Date(2026, 10, 25, 1, 0, 0, 0, time.UTC), time.Date(2027, 3, 14, 7, 0, 0, 0, time.UTC),
			time.Date(2026, 11, 1, 6, 0, 0, 0, time.UTC), time.Date(2026, 10, 3, 15, 30, 0, 0, time.UTC), time.Date(2011, 12, 30, 10, 0, 0, 0, time.UTC),
		}
		from := rapid.SampledFrom(changes).Draw(t, "change").Add(time.Duration(rapid.IntRange(-2*24*60, 24*60).Draw(t, "minutes")) * time.Minute)
		until := from.Add(36 * time.Hour)
		var want []time.Time
		for face := faceOf(from.In(zone)).Add(-26 * time.Hour); face.Before(faceOf(until.In(zone)).Add(26 * time.Hour)); face = face.Add(time.Minute) {
			slot := shows(face, zone)
			if cron.spec.Next(face.Add(-time.Second)).Equal(face) && slot.After(from) && !slot.After(until) && !slices.ContainsFunc(want, slot.Equal) {
				want = append(want, slot)
			}
		}
		var got []time.Time
		for slot := cron.Next(from); !slot.After(until); slot = cron.Next(slot) {
			got = append(got, slot)
		}
		if !slices.EqualFunc(got, want, time.Time.Equal) {
			t.Fatalf("slots of %s after %s:\n got %v\nwant %v", cron, from, got, want)
		}
	})
}

func TestParseCronRefuses(t *testing.T) {
	for _, text := range []string{
		"", "* * * *", "* * * * * *", "TZ=UTC 0 8 1 *", "TZ=Asia/Shanghai", "CRON_TZ=UTC", "@every 1s", "@daily", "0 8 30 2 *", "0 8 31 4,6,9,11 *",
		"60 * * * *", "* 24 * * *", "* * 0 * *", "* * 32 * *", "* * * 13 *", "* * * * 7", "*/0 * * * *", "5-1 * * * *", "a * * * *", "? * * * *",
		"* * L * *", "* * * * 1#2", "1.5 * * * *", "*\t*\t*\t*\t*", "99999999999999999999 * * * *", strings.Repeat("1,", 40) + "1 * * * *",
	} {
		if c, err := ParseCron(text, time.UTC); err == nil {
			t.Errorf("ParseCron(%q) = %v, want an error", text, c)
		}
	}
}

func FuzzParseCron(f *testing.F) {
	for _, text := range []string{"0 9 10 1,3,5 *", "*/5 0-6/2 * JAN-MAR mon", "TZ=UTC", "0 8 30 2 *", "@every 1s"} {
		f.Add(text)
	}
	now := time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, text string) {
		c, err := ParseCron(text, time.UTC)
		if err != nil {
			return
		}
		if next := c.Next(now); !next.IsZero() && !next.After(now) {
			t.Errorf("Next of %q is %s", text, next)
		}
		again, err := ParseCron(c.Text(), time.UTC)
		if err != nil || again.String() != c.String() {
			t.Errorf("%q is written %q, which is read as %v, %v", text, c.Text(), again, err)
		}
	})
}

func TestCronWords(t *testing.T) {
	for text, want := range map[string]string{
		"0 9 10 1,3,5,7,9,11 *": "1、3、5、7、9、11 月 10 日 09:00",
		"30 8 * * *":            "每天 08:30",
		"0 8 1 * *":             "每月 1 日 08:00",
		"0 8 * * 1,4":           "每周一、四 08:00",
		"0 8 1 * 1":             "0 8 1 * 1",
		"*/5 * * * *":           "*/5 * * * *",
		"0 8 * JAN *":           "0 8 * JAN *",
	} {
		c, err := ParseCron(text, time.UTC)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Words(); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

func TestWindowOpens(t *testing.T) {
	for _, c := range []struct{ window, zone, at, want string }{
		{"08:00-21:00", "Asia/Shanghai", "2026-09-10T09:00", "2026-09-10T09:00"},
		{"08:00-21:00", "Asia/Shanghai", "2026-09-10T08:00", "2026-09-10T08:00"},
		{"08:00-21:00", "Asia/Shanghai", "2026-09-10T07:59", "2026-09-10T08:00"},
		{"08:00-21:00", "Asia/Shanghai", "2026-09-10T21:00", "2026-09-11T08:00"},
		{"22:00-06:00", "Asia/Shanghai", "2026-09-10T05:59", "2026-09-10T05:59"},
		{"22:00-06:00", "Asia/Shanghai", "2026-09-10T06:00", "2026-09-10T22:00"},
		{"02:30-05:00", "Europe/Berlin", "2026-03-29T01:00", "2026-03-29T03:00"},
		{"08:00-24:00", "Asia/Shanghai", "2026-12-31T00:00", "2026-12-31T08:00"},
	} {
		w, err := ParseWindow(c.window)
		if err != nil {
			t.Fatal(err)
		}
		zone := mustZone(t, c.zone)
		at, err := time.ParseInLocation("2006-01-02T15:04", c.at, zone)
		if err != nil {
			t.Fatal(err)
		}
		if got := w.Opens(at).In(zone).Format("2006-01-02T15:04"); got != c.want {
			t.Errorf("%s at %s opens %s, want %s", c.window, c.at, got, c.want)
		}
	}
	now := time.Date(2026, 9, 10, 3, 0, 0, 0, time.UTC)
	if got := (Window{}).Opens(now); !got.Equal(now) {
		t.Errorf("no window opens %s", got)
	}
}
