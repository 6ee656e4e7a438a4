package wechat

import (
	"bytes"
	"cmp"
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"yizhan/dispatch"
)

//go:embed rules.yaml
var builtinRules []byte

// Account is the kind of an official account.
type Account string

// A service account (服务号) sends to lists of openids; a subscription account
// (订阅号) to all or to a tag, once a day.
const (
	Service      Account = "service"
	Subscription Account = "subscription"
)

// Rules say what errcodes mean. They are data, with source and date. A Rules does
// not change and may be used by many goroutines at once.
type Rules struct{ rules []rule }

// rule is one line of the table. What it leaves empty fits everything.
type rule struct {
	Codes   string  `yaml:"codes"` // "40001 42001"
	API     string  `yaml:"api"`   // beginning of the path
	Account Account `yaml:"account"`
	// What it means; see [Verdict] and [dispatch.Failure].
	Answer    answer         `yaml:"answer"`
	Scope     dispatch.Scope `yaml:"scope"`
	Permanent bool           `yaml:"permanent"`
	Wait      time.Duration  `yaml:"wait"`
	Await     bool           `yaml:"await"` // until the follower does something
	Until     turn           `yaml:"until"`
	Reason    string         `yaml:"reason"`
	Source    string         `yaml:"source"` // where it is documented or was seen
	Date      string         `yaml:"date"`   // when that was read

	codes []int
}

// answer is what a code says beside a failure.
type answer string

const (
	accepted answer = "accepted" // the platform has it
	open     answer = "open"     // it may have it
)

// turn is when a quota begins anew, in Beijing.
type turn string

const (
	day   turn = "day"
	month turn = "month"
)

// Verdict is what the answer to a call means.
type Verdict struct {
	// Accepted: the platform has taken it, now or before.
	Accepted bool
	// Open: the platform may have taken it. The same call under the same id tells.
	Open    bool
	Failure dispatch.Failure
	// Until is the turn of the day or month that a quota waits for.
	Until time.Time
}

// BuiltinRules reads the table that comes with the program.
func BuiltinRules() (*Rules, error) { return ReadRules(builtinRules) }

// ReadRules reads a table in the form of rules.yaml.
func ReadRules(data []byte) (*Rules, error) {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	var file struct {
		Rules []rule `yaml:"rules"`
	}
	if err := dec.Decode(&file); err != nil {
		return nil, fmt.Errorf("read errcode rules: %w", err)
	}
	for i := range file.Rules {
		if err := file.Rules[i].compile(); err != nil {
			return nil, fmt.Errorf("read errcode rules: rule %d (%s): %w", i+1, file.Rules[i].Reason, err)
		}
	}
	return &Rules{rules: file.Rules}, nil
}

func (r *rule) compile() error {
	for _, word := range strings.Fields(r.Codes) {
		code, err := strconv.Atoi(word)
		if err != nil {
			return fmt.Errorf("code %q is not a number", word)
		}
		r.codes = append(r.codes, code)
	}
	scopes := []dispatch.Scope{dispatch.ScopeAccount, dispatch.ScopeContent, dispatch.ScopeRecipient}
	switch {
	case len(r.codes) == 0:
		return errors.New("it names no code")
	case r.Reason == "" || r.Source == "" || r.Date == "":
		return errors.New("reason, source and date are required")
	case r.Account != "" && r.Account != Service && r.Account != Subscription:
		return fmt.Errorf("account %q is unknown", r.Account)
	case r.Until != "" && r.Until != day && r.Until != month:
		return fmt.Errorf("until %q is unknown", r.Until)
	case r.Answer != "" && r.Answer != accepted && r.Answer != open:
		return fmt.Errorf("answer %q is unknown", r.Answer)
	case (r.Answer == "") != slices.Contains(scopes, r.Scope):
		return fmt.Errorf("it needs an answer, or one of the scopes %v", scopes)
	case r.Await && (r.Scope != dispatch.ScopeRecipient || r.Permanent):
		return errors.New("only a follower's own failure that is not for good waits for them")
	case r.Permanent && r.Scope == dispatch.ScopeAccount:
		return errors.New("an account's failure is never a delivery's end")
	}
	return nil
}

func (r *rule) fits(e *Error, kind Account) bool {
	return slices.Contains(r.codes, e.Code) && strings.HasPrefix(e.API, r.API) && (r.Account == "" || r.Account == kind)
}

// Classify says what the error of a call means for an account. It is pure.
//
// A call whose answer never came, or is none of the platform's, is open, unless
// the platform certainly has not seen it.
func (r *Rules) Classify(err error, kind Account, now time.Time) Verdict {
	var e *Error
	var f *Fault
	switch {
	case errors.As(err, &e):
	case errors.As(err, &f) && !f.Unsent:
		return Verdict{Open: true, Failure: dispatch.Failure{Scope: dispatch.ScopeAccount, Reason: "platform-unreadable"}}
	default:
		return Verdict{Failure: dispatch.Failure{Scope: dispatch.ScopeAccount, Reason: "platform-away"}}
	}
	i := slices.IndexFunc(r.rules, func(c rule) bool { return c.fits(e, kind) })
	if i < 0 {
		return Verdict{Failure: dispatch.Failure{Scope: dispatch.ScopeContent, Reason: "errcode-unknown"}}
	}
	c := r.rules[i]
	v := Verdict{
		Accepted: c.Answer == accepted, Open: c.Answer == open, Until: c.Until.after(now),
		Failure: dispatch.Failure{Scope: cmp.Or(c.Scope, dispatch.ScopeAccount), Permanent: c.Permanent, Wait: c.Wait, Await: c.Await, Reason: c.Reason},
	}
	if !v.Until.IsZero() {
		v.Failure.Wait = v.Until.Sub(now)
	}
	return v
}

// afterTurn is how long after midnight a quota is tried again: clocks differ.
const afterTurn = time.Minute

// after is when the quota begins anew, a little later than that; zero for no
// turn. China has one zone and no summer time.
func (t turn) after(now time.Time) time.Time {
	beijing := now.In(time.FixedZone("UTC+8", 8*60*60))
	y, m, d := beijing.Date()
	switch t {
	case day:
		return time.Date(y, m, d+1, 0, 0, 0, 0, beijing.Location()).Add(afterTurn)
	case month:
		return time.Date(y, m+1, 1, 0, 0, 0, 0, beijing.Location()).Add(afterTurn)
	}
	return time.Time{}
}
