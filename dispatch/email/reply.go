package email

import (
	"errors"
	"fmt"
	"net/textproto"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"yizhan/dispatch"
)

// Phase is the step of the conversation that was answered, or failed.
type Phase string

// The phases in their order.
const (
	PhaseDial     Phase = "dial"
	PhaseConnect  Phase = "connect" // the greeting
	PhaseHello    Phase = "hello"
	PhaseStartTLS Phase = "starttls"
	PhaseAuth     Phase = "auth"
	PhaseMail     Phase = "mail"
	PhaseRcpt     Phase = "rcpt"
	PhaseData     Phase = "data"
	PhaseDot      Phase = "dot"
)

// Reply is what a step came to when it did not succeed: the relay's words, or
// the error that came instead of them.
type Reply struct {
	Phase Phase
	Code  int    // 0 when Err is set
	Text  string // without the code; lines are divided by newlines
	Err   error
}

// Error says where and how, without the relay's words: they hold addresses.
func (r *Reply) Error() string {
	if r.Err != nil {
		return fmt.Sprintf("smtp %s: %v", r.Phase, r.Err)
	}
	return fmt.Sprintf("smtp %s: refused with %d", r.Phase, r.Code)
}

// Unwrap returns the error that came instead of a reply.
func (r *Reply) Unwrap() error { return r.Err }

// newReply makes a Reply of an error that net/textproto or go-mail returned.
func newReply(phase Phase, err error) *Reply {
	var refusal *textproto.Error
	if errors.As(err, &refusal) {
		return &Reply{Phase: phase, Code: refusal.Code, Text: refusal.Msg}
	}
	return &Reply{Phase: phase, Err: err}
}

// text is what the ledger keeps of a reply.
func (r *Reply) text() string {
	if r.Err != nil {
		return oneLine(r.Err.Error())
	}
	return oneLine(r.Text)
}

// oneLine makes hostile text harmless: one line, no control characters, valid
// UTF-8, at most [dispatch.MaxReply] bytes.
func oneLine(s string) string {
	s = strings.ToValidUTF8(s[:min(len(s), 2*dispatch.MaxReply)], "\uFFFD")
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.In(r, unicode.Zl, unicode.Zp, unicode.Bidi_Control) {
			return ' '
		}
		return r
	}, s)
	s = strings.TrimSpace(s)
	if len(s) <= dispatch.MaxReply {
		return s
	}
	cut := dispatch.MaxReply
	for !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut]
}

// maxJudged is how much of a reply is looked at: RFC 5321 allows 512 bytes a
// line, the longest known reply (Gmail's on authentication) has five lines.
const maxJudged = 4096

// enhancedCode is RFC 3463's status at the beginning of a line; IronPort writes
// "#5.1.1", some put it in brackets.
var enhancedCode = regexp.MustCompile(`^\s*[#(\[]?([245]\.\d{1,3}\.\d{1,3})\b[)\]:]?\s*`)

// words splits a reply into its enhanced status code and its text in one line.
// The code is read from the text whether the relay offered ENHANCEDSTATUSCODES
// or not, on whichever line it is, and taken out of all of them: senders of long
// replies repeat it in the middle of sentences.
func (r *Reply) words() (enhanced, text string) {
	lines := strings.Split(r.Text[:min(len(r.Text), maxJudged)], "\n")
	for i, line := range lines {
		if m := enhancedCode.FindStringSubmatchIndex(line); m != nil {
			if enhanced == "" {
				enhanced = line[m[2]:m[3]]
			}
			line = line[m[1]:]
		}
		lines[i] = strings.TrimSpace(line)
	}
	return enhanced, strings.TrimSpace(strings.Join(lines, " "))
}
