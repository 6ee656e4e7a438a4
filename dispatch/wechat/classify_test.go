package wechat

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"yizhan/dispatch"
)

const (
	massPath  = "/cgi-bin/message/mass/send"
	otherPath = "/cgi-bin/draft/add"
)

func builtin(t testing.TB) *Rules {
	t.Helper()
	r, err := BuiltinRules()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestClassify(t *testing.T) {
	const account, content, recipient = dispatch.ScopeAccount, dispatch.ScopeContent, dispatch.ScopeRecipient
	table := []struct {
		codes  []int
		api    string // massPath
		kind   Account
		answer string // accepted, open
		want   dispatch.Failure
	}{
		{codes: []int{45065}, answer: "accepted", want: dispatch.Failure{Scope: account, Reason: "accepted"}},
		{codes: []int{45066}, answer: "open", want: dispatch.Failure{Scope: account, Wait: time.Minute, Reason: "repeated-too-soon"}},
		{codes: []int{89504, 89505}, answer: "open", want: dispatch.Failure{Scope: account, Wait: 5 * time.Minute, Reason: "awaiting-admin"}},
		{codes: []int{-1}, answer: "open", want: dispatch.Failure{Scope: account, Wait: 5 * time.Second, Reason: "platform-busy"}},
		{codes: []int{-1}, api: otherPath, want: dispatch.Failure{Scope: account, Reason: "platform-busy"}},
		{codes: []int{40001, 40125, 40243}, api: tokenPath, want: dispatch.Failure{Scope: account, Wait: 5 * time.Minute, Reason: "secret-refused"}},
		{codes: []int{40001, 40014, 41001, 42001}, want: dispatch.Failure{Scope: account, Wait: time.Minute, Reason: "token-refused"}},
		{codes: []int{40013, 40125, 40243, 50004, 50007, 61023}, want: dispatch.Failure{Scope: account, Wait: 5 * time.Minute, Reason: "account-refused"}},
		{codes: []int{40164, 45035, 61004}, want: dispatch.Failure{Scope: account, Wait: 5 * time.Minute, Reason: "ip-not-listed"}},
		{codes: []int{89501, 89503}, want: dispatch.Failure{Scope: account, Wait: 5 * time.Minute, Reason: "ip-awaiting-admin"}},
		{codes: []int{89506}, want: dispatch.Failure{Scope: account, Wait: 24 * time.Hour, Reason: "ip-refused"}},
		{codes: []int{89507}, want: dispatch.Failure{Scope: account, Wait: time.Hour, Reason: "ip-refused"}},
		// 2026-11-23 22:00 in Beijing: two hours and a minute to the next day, 7 days
		// more to the next month.
		{codes: []int{45028}, kind: Subscription, want: dispatch.Failure{Scope: account, Wait: 2*time.Hour + time.Minute, Reason: "mass-quota"}},
		{codes: []int{45028}, want: dispatch.Failure{Scope: account, Wait: 7*24*time.Hour + 2*time.Hour + time.Minute, Reason: "mass-quota"}},
		{codes: []int{45009}, want: dispatch.Failure{Scope: account, Wait: 2*time.Hour + time.Minute, Reason: "api-quota"}},
		{codes: []int{48006}, want: dispatch.Failure{Scope: account, Wait: 7*24*time.Hour + 2*time.Hour + time.Minute, Reason: "api-quota"}},
		{codes: []int{45011, 42010, 53501}, want: dispatch.Failure{Scope: account, Wait: time.Minute, Reason: "api-rate"}},
		{codes: []int{48001, 48008, 65400}, want: dispatch.Failure{Scope: account, Wait: 5 * time.Minute, Reason: "no-right"}},
		{codes: []int{45062}, want: dispatch.Failure{Scope: account, Wait: time.Hour, Reason: "no-right"}},
		{codes: []int{48003}, want: dispatch.Failure{Scope: account, Wait: 5 * time.Minute, Reason: "mass-not-agreed"}},
		{codes: []int{48004, 50002, 53500}, want: dispatch.Failure{Scope: account, Wait: time.Hour, Reason: "account-banned"}},
		{codes: []int{45074}, want: dispatch.Failure{Scope: account, Wait: time.Hour, Reason: "library-full"}},
		{codes: []int{40037}, want: dispatch.Failure{Scope: account, Wait: 5 * time.Minute, Reason: "template-unknown"}},
		{codes: []int{43116, 48011}, want: dispatch.Failure{Scope: account, Wait: time.Hour, Reason: "template-banned"}},
		{codes: []int{45056, 45157, 45158, 45159}, want: dispatch.Failure{Scope: account, Wait: 5 * time.Minute, Reason: "tag-refused"}},
		{codes: []int{43004, 46004, 50005}, want: dispatch.Failure{Scope: recipient, Permanent: true, Reason: "not-following"}},
		{codes: []int{40003}, want: dispatch.Failure{Scope: recipient, Permanent: true, Reason: "openid-unknown"}},
		{codes: []int{43019, 48002}, want: dispatch.Failure{Scope: recipient, Permanent: true, Reason: "follower-blocks"}},
		{codes: []int{43101}, want: dispatch.Failure{Scope: recipient, Permanent: true, Reason: "no-consent"}},
		{codes: []int{43117}, want: dispatch.Failure{Scope: recipient, Wait: 24 * time.Hour, Reason: "follower-limit"}},
		{codes: []int{45015, 45047}, want: dispatch.Failure{Scope: recipient, Await: true, Reason: "no-conversation"}},
		{codes: []int{-1}, api: customPath, want: dispatch.Failure{Scope: account, Wait: 5 * time.Second, Reason: "platform-busy"}},
		{codes: []int{-1}, api: remindPath, want: dispatch.Failure{Scope: account, Wait: 5 * time.Second, Reason: "platform-busy"}},
		{codes: []int{48001, 48008, 65400}, api: customPath, want: dispatch.Failure{Scope: content, Permanent: true, Reason: "no-right"}},
		{codes: []int{48001, 48008}, api: remindPath, want: dispatch.Failure{Scope: content, Permanent: true, Reason: "no-right"}},
		{codes: []int{40037}, api: remindPath, want: dispatch.Failure{Scope: content, Permanent: true, Reason: "template-unknown"}},
		{codes: []int{43116, 48011}, api: remindPath, want: dispatch.Failure{Scope: content, Permanent: true, Reason: "template-banned"}},
		{codes: []int{45009}, api: customPath, want: dispatch.Failure{Scope: content, Wait: 2*time.Hour + time.Minute, Reason: "api-quota"}},
		{codes: []int{45009}, api: remindPath, want: dispatch.Failure{Scope: content, Wait: 2*time.Hour + time.Minute, Reason: "api-quota"}},
		{codes: []int{40007}, want: dispatch.Failure{Scope: content, Reason: "media-unknown"}},
		{
			codes: []int{44003, 45002, 45003, 45004, 45005, 45006, 45008, 45110, 45166, 44997, 53402, 88000, 48015},
			want:  dispatch.Failure{Scope: content, Permanent: true, Reason: "article-refused"},
		},
		{codes: []int{40005, 40006, 40009, 45001}, want: dispatch.Failure{Scope: content, Permanent: true, Reason: "image-refused"}},
		{codes: []int{40066, 41039, 45082}, want: dispatch.Failure{Scope: content, Permanent: true, Reason: "link-refused"}},
		{codes: []int{47003}, want: dispatch.Failure{Scope: content, Permanent: true, Reason: "template-fields"}},
		{codes: []int{48021, 53503, 53504, 53505}, want: dispatch.Failure{Scope: content, Permanent: true, Reason: "draft-unusable"}},
		{
			codes: []int{40002, 40004, 40008, 40016, 40032, 40059, 40097, 40114, 40130, 41005, 43001, 43002, 44001, 44002, 44004, 45007, 45064, 45067, 47001, 53502, 53600, 76003},
			want:  dispatch.Failure{Scope: content, Permanent: true, Reason: "call-refused"},
		},
		{codes: []int{1, 99999, 45099}, want: dispatch.Failure{Scope: content, Reason: "errcode-unknown"}},
	}
	rules := builtin(t)
	now := time.Date(2026, 11, 23, 14, 0, 0, 0, time.UTC)
	tried := map[int]bool{}
	for _, c := range table {
		if c.api == "" {
			c.api = massPath
		}
		if c.kind == "" {
			c.kind = Service
		}
		for _, code := range c.codes {
			tried[code] = true
			v := rules.Classify(&Error{API: c.api, Code: code}, c.kind, now)
			if v.Failure != c.want || v.Accepted != (c.answer == "accepted") || v.Open != (c.answer == "open") {
				t.Errorf("%s %d (%s): %+v, want %+v %s", c.api, code, c.kind, v, c.want, c.answer)
			}
		}
	}
	for _, r := range rules.rules {
		for _, code := range r.codes {
			if !tried[code] {
				t.Errorf("no test of %d (%s)", code, r.Reason)
			}
		}
	}
}

func TestClassifyFaults(t *testing.T) {
	rules, now := builtin(t), time.Now()
	for name, c := range map[string]struct {
		err    error
		open   bool
		reason string
	}{
		"502":       {&Fault{API: massPath, Status: 502, Err: errors.New("x")}, true, "platform-unreadable"},
		"timeout":   {&Fault{API: massPath, Err: context.DeadlineExceeded}, true, "platform-unreadable"},
		"not JSON":  {&Fault{API: massPath, Err: errNotJSON}, true, "platform-unreadable"},
		"no dial":   {&Fault{API: massPath, Unsent: true, Err: errors.New("refused")}, false, "platform-away"},
		"something": {errors.New("x"), false, "platform-away"},
	} {
		v := rules.Classify(c.err, Service, now)
		if v.Open != c.open || v.Accepted || v.Failure.Reason != c.reason || v.Failure.Scope != dispatch.ScopeAccount {
			t.Errorf("%s: %+v", name, v)
		}
	}
}

// The quotas turn in Beijing, wherever the daemon is.
func TestTurns(t *testing.T) {
	for _, c := range []struct{ now, day, month string }{
		{"2026-11-23T15:59:59Z", "2026-11-23T16:01:00Z", "2026-11-30T16:01:00Z"},
		{"2026-11-23T16:00:00Z", "2026-11-24T16:01:00Z", "2026-11-30T16:01:00Z"},
		{"2026-12-31T23:30:00+08:00", "2027-01-01T00:01:00+08:00", "2027-01-01T00:01:00+08:00"},
		{"2026-12-31T20:00:00-05:00", "2027-01-02T00:01:00+08:00", "2027-02-01T00:01:00+08:00"},
		{"2028-02-29T12:00:00+08:00", "2028-03-01T00:01:00+08:00", "2028-03-01T00:01:00+08:00"},
	} {
		parse := func(s string) time.Time {
			at, err := time.Parse(time.RFC3339, s)
			if err != nil {
				t.Fatal(err)
			}
			return at
		}
		if got := day.after(parse(c.now)); !got.Equal(parse(c.day)) {
			t.Errorf("%s: the next day is %s, want %s", c.now, got, c.day)
		}
		if got := month.after(parse(c.now)); !got.Equal(parse(c.month)) {
			t.Errorf("%s: the next month is %s, want %s", c.now, got, c.month)
		}
	}
}

func TestReadRules(t *testing.T) {
	const ok = "codes: '1', scope: account, reason: r, source: s, date: d"
	if _, err := ReadRules([]byte("rules: [{" + ok + "}]")); err != nil {
		t.Error(err)
	}
	for text, want := range map[string]string{
		"rules: 1": "", "rules: [{colour: red}]": "",
		"rules: [{scope: account, reason: r, source: s, date: d}]":                           "no code",
		"rules: [{codes: x, scope: account, reason: r, source: s, date: d}]":                 "not a number",
		"rules: [{codes: '1', scope: account, reason: r, source: s}]":                        "date",
		"rules: [{codes: '1', scope: domain, reason: r, source: s, date: d}]":                "scopes",
		"rules: [{codes: '1', reason: r, source: s, date: d}]":                               "scopes",
		"rules: [{codes: '1', answer: open, scope: account, reason: r, source: s, date: d}]": "scopes",
		"rules: [{codes: '1', answer: maybe, reason: r, source: s, date: d}]":                "maybe",
		"rules: [{" + ok + ", until: year}]":                                                 "year",
		"rules: [{" + ok + ", account: personal}]":                                           "personal",
		"rules: [{" + ok + ", permanent: true}]":                                             "never",
	} {
		if _, err := ReadRules([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}
