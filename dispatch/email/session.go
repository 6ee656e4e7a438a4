package email

import (
	"cmp"
	"context"
	"errors"
	"net/textproto"
	"strings"
	"time"

	"github.com/wneessen/go-mail/smtp"

	"yizhan/dispatch"
)

// How long the relay may take for its part of a transaction: RFC 5321 section
// 4.5.3.2. The last is long on purpose: whoever gives up earlier does not know
// what became of the mail, and sends it twice.
const (
	mailLimit  = 5 * time.Minute
	rcptLimit  = 5 * time.Minute
	dataLimit  = 2 * time.Minute
	blockLimit = 3 * time.Minute
	dotLimit   = 10 * time.Minute
	resetLimit = mailLimit
)

// finalDot ends a mail whose last line has ended.
var finalDot = []byte(".\r\n")

// session is one connection to the relay. go-mail's client brings it up to MAIL;
// the transaction itself is ours: the marker stands inside of it.
type session struct {
	raw        *wire
	client     *smtp.Client
	text       *textproto.Conn
	pipelining bool
	utf8       bool

	born, used time.Time
	served     int  // transactions
	dirty      bool // the last one was refused: RSET before the next
	closed     bool
	// stale: it broke before it answered anything in this transaction, as a
	// connection does that the relay had closed while it was idle.
	stale bool
}

// transaction is one mail to one recipient.
type transaction struct {
	to     address
	body   []byte
	mark   dispatch.MarkFunc
	grace  time.Duration
	marked bool // from here on only the relay knows
}

// abort cuts the connection, from any goroutine. Nothing more is written: no
// QUIT, no dot.
func (s *session) abort() { _ = s.raw.Close() }

// close is abort by the goroutine that uses the session.
func (s *session) close() {
	s.closed = true
	s.abort()
}

// reused reports whether the connection was in the pool.
func (s *session) reused() bool { return !s.used.IsZero() }

// step does one thing within a time.
func (s *session) step(phase Phase, limit time.Duration, do func() error) error {
	err := s.raw.begin(limit)
	if err == nil {
		err = do()
	}
	if err != nil {
		return newReply(phase, err)
	}
	return nil
}

// transact offers the mail up to its last line, asks for the mark and, when it is
// granted, ends the mail. Until then the end of ctx cuts the connection; after
// it, ctx only shortens the wait for the reply.
func (s *session) transact(ctx context.Context, c *Channel, t *transaction) dispatch.Outcome {
	s.stale = false
	stop := context.AfterFunc(ctx, s.abort)
	err := s.offer(c, t)
	if !stop() {
		s.close()
		return dispatch.Outcome{Status: dispatch.Returned}
	}
	if err != nil {
		return s.refused(c, t, err)
	}
	granted, err := t.mark(ctx)
	if err != nil || len(granted) != 1 || !granted[0] {
		s.close() // the relay throws away a mail that was not ended
		if err != nil {
			return dispatch.Outcome{Status: dispatch.Returned}
		}
		return dispatch.Outcome{Status: dispatch.Stopped}
	}
	t.marked = true
	return s.finish(ctx, c, t)
}

// offer does everything before the marker: envelope, DATA, the mail up to its
// last line.
func (s *session) offer(c *Channel, t *transaction) error {
	answered := false
	if s.dirty {
		if err := s.command(PhaseMail, "RSET", resetLimit); err != nil {
			s.stale = s.reused()
			s.close() // even when it was a clean refusal: nothing else clears the last mail
			return err
		}
		s.dirty, answered = false, true
	}
	if !t.to.ascii() && !s.utf8 {
		return errNeedsUTF8
	}
	var err error
	if s.pipelining {
		err = s.envelope(c.sender, t, &answered)
	} else {
		err = s.lockstep(c.sender, t, &answered)
	}
	if err != nil {
		s.stale = !answered && s.reused()
		return err
	}
	return s.step(PhaseData, blockLimit, func() error { return s.write(t.body) })
}

// commands are MAIL, RCPT and DATA. SMTPUTF8 is asked for only where it is
// needed: some old relay further on would return such a mail.
func (t *transaction) commands(sender string) [3]string {
	mail := "MAIL FROM:" + sender
	if !t.to.ascii() {
		mail += " SMTPUTF8"
	}
	return [3]string{mail, "RCPT TO:<" + t.to.spec + ">", "DATA"}
}

// lockstep sends one command after the other's reply.
func (s *session) lockstep(sender string, t *transaction, answered *bool) error {
	commands := t.commands(sender)
	if err := s.command(PhaseMail, commands[0], mailLimit); err != nil {
		*answered = isReply(err)
		return err
	}
	*answered = true
	if err := s.command(PhaseRcpt, commands[1], rcptLimit); err != nil {
		return err
	}
	return s.command(PhaseData, commands[2], dataLimit)
}

// envelope sends all three at once and reads the replies in their order
// (RFC 2920). The relay may ask for the mail although it refused the only
// recipient: then it gets an empty one, to nobody, and never the body.
func (s *session) envelope(sender string, t *transaction, answered *bool) error {
	commands := t.commands(sender)
	err := s.step(PhaseMail, mailLimit, func() error {
		return s.write([]byte(strings.Join(commands[:], "\r\n") + "\r\n"))
	})
	if err != nil {
		return err
	}
	mail := s.reply(PhaseMail, mailLimit, 2)
	*answered = isReply(mail)
	if !*answered {
		return mail
	}
	rcpt := s.reply(PhaseRcpt, rcptLimit, 2)
	refusal := cmp.Or(mail, rcpt)
	if !isReply(rcpt) {
		s.close()
		return refusal
	}
	data := s.reply(PhaseData, dataLimit, 3)
	switch {
	case refusal == nil:
		return data
	case data == nil && rcpt == nil:
		// It would take a mail from a sender that it refused. No dot for that.
		s.close()
	case data == nil:
		if !isReply(s.command(PhaseDot, ".", dotLimit)) {
			s.close()
		}
	case !isReply(data):
		s.close()
	}
	return refusal
}

// finish ends the mail and waits for the reply, whatever happens to ctx.
func (s *session) finish(ctx context.Context, c *Channel, t *transaction) dispatch.Outcome {
	before := s.raw.written
	err := s.raw.begin(dotLimit)
	// Registered after the long limit was set, so that it can only shorten it.
	stop := context.AfterFunc(ctx, func() { _ = s.raw.SetDeadline(time.Now().Add(t.grace)) })
	defer stop()
	if err == nil {
		err = s.write(finalDot)
	}
	if err != nil && s.raw.written == before {
		s.close() // not a byte of the dot went out: certainly not delivered
		return c.judge(newReply(PhaseDot, err), t.to)
	}
	var code int
	var text string
	if err == nil {
		code, text, err = s.text.ReadResponse(0)
	}
	if err != nil || code/100 == 1 || code/100 == 3 {
		s.close()
		r := newReply(PhaseDot, err)
		o := dispatch.Outcome{
			Status: dispatch.Lost, Code: code, Reply: r.text(),
			Failure: dispatch.Failure{Scope: dispatch.ScopeConnection, Reason: "reply-lost"},
		}
		if ctx.Err() != nil { // we did not wait for it any longer
			o.Status, o.Failure.Reason = dispatch.Abandoned, dispatch.ReasonShutdown
		}
		return o
	}
	if code/100 == 2 {
		s.served++
		return dispatch.Outcome{Status: dispatch.Sent, Code: code, Reply: oneLine(text)}
	}
	return s.refused(c, t, &Reply{Phase: PhaseDot, Code: code, Text: text})
}

// refused turns a failed step into an outcome, and says whether the connection
// can go on: after a clean refusal with a RSET, after anything else not at all.
func (s *session) refused(c *Channel, t *transaction, err error) dispatch.Outcome {
	if errors.Is(err, errNeedsUTF8) {
		return refused(dispatch.Failure{Scope: dispatch.ScopeRecipient, Permanent: true, Reason: "address-needs-smtputf8"}, 0, "")
	}
	if isRefusal(err) {
		s.dirty = true
		s.served++
	} else {
		s.close()
	}
	return c.judge(err, t.to)
}

// command sends a line and wants a reply of the class that belongs to the phase.
func (s *session) command(phase Phase, line string, limit time.Duration) error {
	want := 2
	if phase == PhaseData {
		want = 3
	}
	if err := s.step(phase, limit, func() error { return s.write([]byte(line + "\r\n")) }); err != nil {
		return err
	}
	return s.reply(phase, limit, want)
}

// reply reads one reply. Its error is a *Reply.
func (s *session) reply(phase Phase, limit time.Duration, class int) error {
	var code int
	var text string
	err := s.step(phase, limit, func() (err error) {
		code, text, err = s.text.ReadResponse(0)
		return err
	})
	if err == nil && code/100 != class {
		err = &Reply{Phase: phase, Code: code, Text: text}
	}
	return err
}

// write puts bytes on the connection at once. A large slice goes past the buffer
// in one piece.
func (s *session) write(p []byte) error {
	if _, err := s.text.W.Write(p); err != nil {
		return err
	}
	return s.text.W.Flush()
}

// isReply reports whether a step was answered and the connection lives: the
// answers of a pipeline still follow each other. After a refused command 503 is
// the right answer to the next.
func isReply(err error) bool {
	var r *Reply
	return err == nil || errors.As(err, &r) && r.Err == nil && r.Code != 421
}

// isRefusal reports whether an error is a reply after which the connection can
// be used again. 421 closes it; after 503 client and relay disagree where they
// are.
func isRefusal(err error) bool {
	var r *Reply
	return errors.As(err, &r) && r.Err == nil && r.Code/100 >= 4 && r.Code != 421 && r.Code != 503
}
