package config

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// Cron says when a schedule has its slots: five fields as in crontab(5), on the
// clock of a zone.
//
// Slots are found on the clock's face alone, as if it never were put forward or
// back, and only then become instants. So each of them exists exactly once: one
// that the clock skips comes at the first instant after the gap, one that the
// clock shows twice comes the first time. Slots that become the same instant
// are one slot.
type Cron struct {
	text string
	zone *time.Location
	spec *cron.SpecSchedule
}

var (
	errCronForm  = errors.New("not five fields of digits, names and * , - /")
	errCronNever = errors.New("there is no such day")
)

// cronForm lets through only what a field may be made of. What it keeps out is
// what the parser's other features and its panics are reached by: TZ=, @every, ?.
var cronForm = regexp.MustCompile(`^[0-9A-Za-z*,/-]{1,60}(?: +[0-9A-Za-z*,/-]{1,60}){4}$`)

// ParseCron reads "0 9 10 1,3,5 *": minute, hour, day of month, month, day of
// the week (0 is Sunday). A text that never comes true, such as the 30th of
// February, is refused.
func ParseCron(text string, zone *time.Location) (c Cron, err error) {
	if !cronForm.MatchString(text) {
		return Cron{}, fmt.Errorf("cron %q: %w", text, errCronForm)
	}
	// robfig/cron v3.0.1 panics on some texts (its issues 365, 470, 554). The
	// form above keeps out those that are known.
	defer func() {
		if p := recover(); p != nil {
			c, err = Cron{}, fmt.Errorf("cron %q: %v", text, p)
		}
	}()
	parsed, err := cron.NewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow).Parse(text)
	if err != nil {
		return Cron{}, fmt.Errorf("cron %q: %w", text, err)
	}
	spec, ok := parsed.(*cron.SpecSchedule)
	if !ok {
		return Cron{}, fmt.Errorf("cron %q: %w", text, errCronForm)
	}
	// Whatever comes true at all does so within the five years that are searched
	// from a leap year on.
	if spec.Next(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)).IsZero() {
		return Cron{}, fmt.Errorf("cron %q: %w", text, errCronNever)
	}
	return Cron{strings.Join(strings.Fields(text), " "), zone, spec}, nil
}

// Text is the five fields.
func (c Cron) Text() string { return c.text }

// String is the five fields and the zone: all that the slots follow from.
func (c Cron) String() string { return c.text + " " + c.zone.String() }

// Next is the first slot after an instant, zero when none comes within five
// years.
func (c Cron) Next(after time.Time) time.Time {
	face := faceOf(after.In(c.zone))
	for {
		face = c.spec.Next(face)
		if face.IsZero() {
			return time.Time{}
		}
		// While the clock shows an hour again, its slots are over already.
		if slot := shows(face, c.zone); slot.After(after) {
			return slot
		}
	}
}

// Last is the last slot until an instant, zero when there was none within eight
// years: the longest that February can be without a 29th.
func (c Cron) Last(until time.Time) time.Time {
	const day = 24 * time.Hour
	for _, span := range []time.Duration{time.Hour, day, 32 * day, 366 * day, 8 * 366 * day} {
		var last time.Time
		for slot := c.Next(until.Add(-span)); !slot.IsZero() && !slot.After(until); slot = c.Next(slot) {
			last = slot
		}
		if !last.IsZero() {
			return last
		}
	}
	return time.Time{}
}

// faceOf is what the clock shows at t, as if it were a time in UTC.
func faceOf(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
}

// shows is when the clock of zone shows face: the first time when it does so
// twice, the end of the gap when it never does. time.Date says that its own
// choice in these cases is not defined.
func shows(face time.Time, zone *time.Location) time.Time {
	t := time.Date(face.Year(), face.Month(), face.Day(), face.Hour(), face.Minute(), face.Second(), face.Nanosecond(), zone)
	start, end := t.ZoneBounds()
	switch shown := faceOf(t); {
	case shown.Before(face):
		return end
	case shown.After(face):
		return start
	}
	if start.IsZero() {
		return t
	}
	_, before := start.Add(-time.Nanosecond).Zone()
	if first := face.Add(-time.Duration(before) * time.Second).In(zone); first.Before(start) && faceOf(first).Equal(face) {
		return first
	}
	return t
}

// star marks a field of robfig/cron that is * or */n.
const star = 1 << 63

// EitherDay reports whether both the day of the month and the day of the week
// are given. Then a day that fits one of them is enough, which few people mean:
// "0 8 1 * 1" is the 1st and every Monday.
func (c Cron) EitherDay() bool { return c.spec.Dom&star == 0 && c.spec.Dow&star == 0 }

var (
	plainNumber = regexp.MustCompile(`^[0-9]+$`)
	plainList   = regexp.MustCompile(`^[0-9]+(?:,[0-9]+)*$`)
)

// Words says the usual schedules in Chinese; others it gives as they are written.
func (c Cron) Words() string {
	f := strings.Fields(c.text)
	minute, hour, day, month, weekday := f[0], f[1], f[2], f[3], f[4]
	if !plainNumber.MatchString(minute) || !plainNumber.MatchString(hour) {
		return c.text
	}
	at := fmt.Sprintf(" %02s:%02s", hour, minute)
	months := "每月"
	if month != "*" {
		months = strings.ReplaceAll(month, ",", "、") + " 月"
	}
	switch {
	case month != "*" && !plainList.MatchString(month):
		return c.text
	case day == "*" && weekday == "*" && month == "*":
		return "每天" + at
	case plainList.MatchString(day) && weekday == "*":
		return months + " " + strings.ReplaceAll(day, ",", "、") + " 日" + at
	case day == "*" && month == "*" && plainList.MatchString(weekday):
		return "每周" + strings.NewReplacer("0", "日", "1", "一", "2", "二", "3", "三", "4", "四", "5", "五", "6", "六", ",", "、").Replace(weekday) + at
	}
	return c.text
}
