package email

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"yizhan/dispatch"
)

func builtin(tb testing.TB) *Rules {
	tb.Helper()
	r, err := BuiltinRules()
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

// tableLine is one line of testdata/replies.txt.
var tableLine = regexp.MustCompile(`^(\w+) (\S+) (\d{3})[ -]?(.*?) => (\w+) ([tps]) (\S+?)(, crowded)?$`)

type tableCase struct {
	reply  Reply
	domain string
	want   dispatch.Failure // without Wait
}

func replyTable(tb testing.TB) map[string]tableCase {
	tb.Helper()
	data, err := os.ReadFile("testdata/replies.txt")
	if err != nil {
		tb.Fatal(err)
	}
	cases := map[string]tableCase{}
	for n, line := range strings.Split(string(data), "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		m := tableLine.FindStringSubmatch(line)
		if m == nil {
			tb.Fatalf("testdata/replies.txt:%d does not have the form: %s", n+1, line)
		}
		code, _ := strconv.Atoi(m[3])
		cases[fmt.Sprintf("%d %.60s", n+1, line)] = tableCase{
			reply:  Reply{Phase: Phase(m[1]), Code: code, Text: strings.ReplaceAll(m[4], `\n`, "\n")},
			domain: m[2],
			want:   dispatch.Failure{Scope: dispatch.Scope(m[5]), Permanent: m[6] != "t", Suppress: m[6] == "s", Reason: m[7], Crowded: m[8] != ""},
		}
	}
	return cases
}

func TestClassifyTable(t *testing.T) {
	rules, cases := builtin(t), replyTable(t)
	if len(cases) < 150 {
		t.Errorf("only %d replies in the table", len(cases))
	}
	for name, c := range cases {
		got := rules.Classify(c.reply, c.domain, "relay.example.org")
		got.Wait = 0
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("line %s\n%s", name, diff)
		}
		// Nobody is given up on for our rate, our standing or our mistakes.
		if got.Permanent && slices.Contains([]string{"rate-limited", "reputation", "policy", "sender-identity", "greylisting"}, got.Reason) {
			t.Errorf("line %s: permanent for %s", name, got.Reason)
		}
	}
}

// A relay that belongs to the provider limits our account, not one domain.
func TestClassifyRelaysOwnLimit(t *testing.T) {
	rules := builtin(t)
	reply := Reply{Phase: PhaseDot, Code: 550, Text: "Sender frequency limited"}
	for relay, want := range map[string]dispatch.Scope{
		"smtp.exmail.qq.com": dispatch.ScopeAccount,
		"smtp.qq.com":        dispatch.ScopeAccount,
		"notsmtp.qq.com.cn":  dispatch.ScopeDomain,
		"mail.example.org":   dispatch.ScopeDomain,
		"smtp.163.com":       dispatch.ScopeDomain,
	} {
		if got := rules.Classify(reply, "qq.com", relay); got.Scope != want || got.Wait == 0 || got.Permanent {
			t.Errorf("%s: %+v, want scope %s and a wait", relay, got, want)
		}
	}
}

func TestClassifyWaits(t *testing.T) {
	rules := builtin(t)
	for text, minutes := range map[string]float64{
		"550 Ip frequency limited":    60,
		"451 DT:SPM,please try again": 2,
		"451 MI:SFQ":                  15,
		"421 HL:ICC":                  15,
		"450 4.2.0 Greylisted":        5,
		"451 4.3.0 try later":         0,
	} {
		code, _ := strconv.Atoi(text[:3])
		if got := rules.Classify(Reply{Phase: PhaseDot, Code: code, Text: text[4:]}, "qq.com", ""); got.Wait.Minutes() != minutes {
			t.Errorf("%s: wait %s, want %v minutes", text, got.Wait, minutes)
		}
	}
}

func TestClassifyErrors(t *testing.T) {
	rules := builtin(t)
	for _, c := range []struct {
		phase  Phase
		err    error
		scope  dispatch.Scope
		reason string
	}{
		{PhaseDial, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, dispatch.ScopeAccount, "dial-failed"},
		{PhaseDial, &net.DNSError{Err: "no such host", IsNotFound: true}, dispatch.ScopeAccount, "dial-failed"},
		{PhaseDial, &net.DNSError{Err: "timeout", IsTimeout: true}, dispatch.ScopeAccount, "timeout"},
		{PhaseRcpt, io.EOF, dispatch.ScopeConnection, "connection-lost"},
		{PhaseData, fmt.Errorf("write: %w", syscall.ECONNRESET), dispatch.ScopeConnection, "connection-lost"},
		{PhaseMail, os.ErrDeadlineExceeded, dispatch.ScopeConnection, "timeout"},
		{PhaseMail, textproto.ProtocolError("short line"), dispatch.ScopeConnection, "protocol"},
		{PhaseMail, errFlood, dispatch.ScopeConnection, "protocol"},
		{PhaseAuth, io.EOF, dispatch.ScopeAccount, "connection-lost"},
		{PhaseAuth, errNoAuth, dispatch.ScopeAccount, "auth-missing"},
		{PhaseAuth, errors.New("invalid server signature"), dispatch.ScopeAccount, "auth-failed"},
		{PhaseStartTLS, errNoStartTLS, dispatch.ScopeAccount, "starttls-missing"},
		{PhaseStartTLS, &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}, dispatch.ScopeAccount, "tls-certificate"},
		{PhaseStartTLS, tls.RecordHeaderError{Msg: "not TLS"}, dispatch.ScopeAccount, "tls-failed"},
	} {
		want := dispatch.Failure{Scope: c.scope, Reason: c.reason}
		if diff := cmp.Diff(want, rules.Classify(Reply{Phase: c.phase, Err: c.err}, "qq.com", "")); diff != "" {
			t.Errorf("%s %v:\n%s", c.phase, c.err, diff)
		}
	}
}

func TestGroup(t *testing.T) {
	rules := builtin(t)
	for domain, want := range map[string]string{
		"foxmail.com": "qq.com", "VIP.qq.com": "qq.com", "126.com": "163.com", "hotmail.com": "outlook.com",
		"example.org": "example.org",
	} {
		if got := rules.Group(domain); got != want {
			t.Errorf("Group(%s) = %s, want %s", domain, got, want)
		}
	}
}

func TestReadRulesRefuses(t *testing.T) {
	ok := `rules: [{codes: 5xx, text: x, scope: recipient, permanent: true, suppress: true, reason: r, source: s, date: d}]`
	if _, err := ReadRules([]byte(ok)); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string][2]string{
		"unknown field":              {"reason: r", "reason: r, raeson: r"},
		"unknown scope":              {"scope: recipient", "scope: person"},
		"suppress without recipient": {"scope: recipient", "scope: domain"},
		"suppress without permanent": {"permanent: true, ", ""},
		"no source":                  {"source: s, ", ""},
		"no reason":                  {"reason: r, ", ""},
		"fits everything":            {"codes: 5xx, text: x, ", ""},
		"bad regexp":                 {"text: x", "text: '('"},
	} {
		if _, err := ReadRules([]byte(strings.Replace(ok, change[0], change[1], 1))); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// Whatever a relay says: nothing before RCPT concerns a recipient, only a 5xx is
// permanent, only a permanent failure of the mailbox suppresses.
func FuzzClassify(f *testing.F) {
	rules := builtin(f)
	for _, c := range replyTable(f) {
		f.Add(string(c.reply.Phase), c.reply.Code, c.reply.Text, c.domain)
	}
	f.Fuzz(func(t *testing.T, phase string, code int, text, domain string) {
		r := Reply{Phase: Phase(phase), Code: code, Text: text}
		got := rules.Classify(r, domain, "relay.example.org")
		switch {
		case got.Reason == "" || got.Scope == "":
			t.Errorf("empty answer %+v", got)
		case got.Suppress && (!got.Permanent || got.Scope != dispatch.ScopeRecipient),
			got.Permanent && code/100 != 5,
			got.Permanent && got.Scope != dispatch.ScopeRecipient && got.Scope != dispatch.ScopeContent,
			beforeRcpt(r.Phase) && (got.Scope == dispatch.ScopeRecipient || got.Permanent),
			code == 503 && got.Scope != dispatch.ScopeConnection:
			t.Errorf("%+v for %s %d %q", got, phase, code, text)
		}
		line := r.text()
		if len(line) > dispatch.MaxReply || strings.ContainsAny(line, "\r\n\x00\x1b") {
			t.Errorf("kept %q", line)
		}
	})
}
