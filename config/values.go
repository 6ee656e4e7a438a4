package config

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Rate is a number of deliveries per second; 0 is no limit.
type Rate float64

// maxRate is far above what one relay takes and keeps nonsense out.
const maxRate = 1_000_000

var rateForm = regexp.MustCompile(`^([0-9]{1,9}(?:\.[0-9]{1,6})?)/(s|m|h)$`)

// ParseRate reads "20/s", "300/m" or "1000/h".
func ParseRate(text string) (Rate, error) {
	m := rateForm.FindStringSubmatch(text)
	if m == nil {
		return 0, fmt.Errorf("rate %q is not of the form 20/s, 300/m or 1000/h", text)
	}
	n, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		return 0, fmt.Errorf("rate %q: %w", text, err)
	}
	switch m[2] {
	case "m":
		n /= 60
	case "h":
		n /= 3600
	}
	if n <= 0 || n > maxRate {
		return 0, fmt.Errorf("rate %q is not above 0 and at most %d/s", text, maxRate)
	}
	return Rate(n), nil
}

// Window is a part of the day, from one minute up to and without another. A
// window whose end is not after its start goes over midnight.
type Window struct {
	From, To int // minutes after midnight
}

var windowForm = regexp.MustCompile(`^([01][0-9]|2[0-3]):([0-5][0-9])-(?:([01][0-9]|2[0-3]):([0-5][0-9])|24:00)$`)

// ParseWindow reads "08:00-21:00"; "24:00" is allowed as the end. A window
// that starts and ends at the same time is refused: it could mean all or none.
func ParseWindow(text string) (Window, error) {
	m := windowForm.FindStringSubmatch(text)
	if m == nil {
		return Window{}, fmt.Errorf("window %q is not of the form 08:00-21:00", text)
	}
	w := Window{From: minutes(m[1], m[2]), To: 24 * 60}
	if m[3] != "" {
		w.To = minutes(m[3], m[4])
	}
	if w.From == w.To {
		return Window{}, fmt.Errorf("window %q is empty", text)
	}
	return w, nil
}

// minutes counts from midnight; the caller's pattern has checked both numbers.
func minutes(hour, minute string) int {
	h, _ := strconv.Atoi(hour)
	m, _ := strconv.Atoi(minute)
	return h*60 + m
}

// Contains reports whether t's clock, in t's own zone, is in the window.
func (w Window) Contains(t time.Time) bool {
	now := t.Hour()*60 + t.Minute()
	if w.From < w.To {
		return w.From <= now && now < w.To
	}
	return now >= w.From || now < w.To
}

// IsZero reports whether there is no window: sending is allowed all day.
func (w Window) IsZero() bool { return w == Window{} }

// Opens is from when on the window is open, on the clock of t's own zone: t
// itself when it is open now.
func (w Window) Opens(t time.Time) time.Time {
	if w.IsZero() || w.Contains(t) {
		return t
	}
	face := time.Date(t.Year(), t.Month(), t.Day(), 0, w.From, 0, 0, time.UTC)
	for {
		if opens := shows(face, t.Location()); opens.After(t) {
			return opens
		}
		face = face.AddDate(0, 0, 1)
	}
}

// String gives the form that ParseWindow reads.
func (w Window) String() string {
	return fmt.Sprintf("%02d:%02d-%02d:%02d", w.From/60, w.From%60, w.To/60, w.To%60)
}

// localForm is stricter than RFC 5321: quoted local parts and the characters
// that old relays take for routing (% and !) are refused.
var localForm = regexp.MustCompile(`^[A-Za-z0-9_+&'*/=?^{|}~$#-]+(?:\.[A-Za-z0-9_+&'*/=?^{|}~$#-]+)*$`)

var hostForm = regexp.MustCompile(`^[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$`)

// isAddress reports whether text may stand between < and >: ASCII, 64 bytes
// before the @ and 254 in all (RFC 5321 4.5.3.1, RFC 3696 erratum 1690).
func isAddress(text string) bool {
	local, domain, found := strings.Cut(text, "@")
	return found && len(local) <= 64 && len(text) <= 254 && localForm.MatchString(local) && hostForm.MatchString(domain)
}

// domainOf gives the part behind the @, in lower case.
func domainOf(address string) string {
	return strings.ToLower(address[strings.LastIndexByte(address, '@')+1:])
}
