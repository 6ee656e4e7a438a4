package dispatch

import (
	"context"
	"time"

	"yizhan/issue"
)

// Channel carries deliveries to one kind of address: email, WeChat. One folder
// implements it, one line in cmd/yizhan/channels.go adds it; see
// dispatchtest.ExerciseChannel for what every channel must keep to.
type Channel interface {
	// Name is the word in tables, commands and configuration: "email".
	Name() string

	// Capacity says how much the channel takes at a time. It is asked once.
	Capacity() Capacity

	// Prepare renders and encodes a run's content, once, when it is planned.
	// What it returns is frozen with the run: every attempt of every delivery
	// is made from it and from the delivery alone, byte for byte the same.
	Prepare(ctx context.Context, c Content) ([]Variant, error)

	// Deliver hands one batch of one run to the carrier and answers for each
	// delivery, in the batch's order. It calls mark once, at the last moment
	// at which the carrier certainly has not taken responsibility, and hands
	// over only those that mark granted. It answers even when ctx ends: what
	// was not marked as Returned, what was marked as what became of it.
	Deliver(ctx context.Context, b Batch, mark MarkFunc) []Outcome
}

// Resizable is a [Channel] that keeps connections and has to know how many it may
// keep at present: others want to use the rest. It is called again whenever that
// changes, beginning with what [Capacity] says.
type Resizable interface {
	Resize(lanes int)
}

// Reminding is a [Channel] that can remind people of an issue.
type Reminding interface {
	Channel
	// Reminds reports whether it does so as it is configured.
	Reminds() bool
}

// Reminds reports whether a channel can remind people of an issue.
func Reminds(ch Channel) bool {
	r, ok := ch.(Reminding)
	return ok && r.Reminds()
}

// MarkFunc commits the late marker for a batch and reports, in the batch's
// order, which deliveries may be handed over. One that is not granted has been
// unsubscribed, suppressed, paused, cancelled or taken away meanwhile: the
// ledger knows why, the channel answers Stopped. On an error nothing is granted.
//
// After mark has granted a delivery the channel must not return Returned for it.
type MarkFunc func(ctx context.Context) (granted []bool, err error)

// Capacity is what a channel takes at a time.
type Capacity struct {
	Lanes int // batches in work at once: connections
	Batch int // deliveries in a batch, at most
	// Least is how many deliveries a batch needs, 0 meaning 1. A last one that lacks
	// some takes them from the one before, so that fewer come only when there are no
	// more.
	Least int
	// Repeat is how long the carrier knows a hand-over by its key. So long, one
	// whose answer is missing is made again under the same key and with the same
	// members, also after our own crash, until an answer comes. 0: the carrier
	// knows no keys.
	Repeat time.Duration
	Rate   float64 // deliveries per second over all lanes; 0: no limit
	// Domains are narrower limits for recipients at one domain group.
	Domains map[string]DomainLimit
	// Group names the domain group that shares limits with this domain
	// (foxmail.com: qq.com); nil: every domain by itself.
	Group func(domain string) string
	// Groups are the groups that Group knows; metrics tell them apart.
	Groups []string
}

// DomainLimit limits what goes to one domain group at a time; 0 means no limit.
type DomainLimit struct {
	Rate  float64 // deliveries per second
	Lanes int     // deliveries in work at once
}

// RunKind says what a run carries.
type RunKind string

// The kinds of runs. Service mails (confirmations) belong to no issue and go first.
// A reminder tells those who asked for it, once, that an issue is out.
const (
	KindIssue    RunKind = "issue"
	KindService  RunKind = "service"
	KindReminder RunKind = "reminder"
)

// Content is what a run is planned with.
type Content struct {
	Kind     RunKind
	Issue    issue.Issue
	Revision issue.Revision
	// Sections are those that the message is about; nil: all. Only a [Selective]
	// channel is given others.
	Sections  issue.Choice
	PlannedAt time.Time // the Date of every message
	// Correction says that whoever gets this was sent an older revision.
	Correction bool
	// OnDemand says that it is for one person, whom an operator names: a channel that
	// sends to many at once may have another way to them.
	OnDemand bool
	// Letters are the service mails of KindService, which has no issue: one variant
	// for each.
	Letters []Letter
	// Reminders are those of KindReminder: one variant for each.
	Reminders []Reminder
}

// Variant is one frozen form of a run's content in one channel.
type Variant struct {
	Key string // "" is the variant that everybody gets who has no other
	// Data is the channel's own form; nobody else reads it.
	Data []byte
	// MessageID is the rule for the id of a delivery at the carrier: its one
	// %s takes the delivery's token ("<%s.142@news.example.org>").
	MessageID string
	// Single says that it is handed over to one recipient at a time and that the
	// carrier knows the hand-over by no key, whatever the channel's Capacity is: one
	// whose answer is missing is never made again.
	Single bool
	// Remarks tell the operator what the channel had to shorten or leave out.
	Remarks []string
}

// Batch is what a channel hands over in one go: deliveries of one run and one
// variant.
type Batch struct {
	// Key names this hand-over at the carrier. It is in the ledger with its
	// members before the carrier hears of them and stays the same when the
	// call is repeated. Only channels with a batch above 1, or whose carrier knows
	// keys, have one; a Single variant has none.
	Key        string
	Run        int64
	Variant    Variant
	Deliveries []Handover
}

// Handover is what a channel needs to know of one delivery.
type Handover struct {
	Delivery   int64
	Subscriber string // public id, for the subscriber's links
	LinkEpoch  int    // of those links, frozen when this was planned
	Address    string
	MessageID  string // by the variant's rule; the same in every attempt
	Attempt    int    // 1 for the first
}

// Status is what became of one delivery of a batch.
type Status int

// The answers a channel can give.
const (
	// Sent: the carrier took responsibility.
	Sent Status = iota
	// Refused: certainly not delivered; Failure says by whom and for how long.
	Refused
	// Lost: handed over after the marker, and the answer never came: the network
	// or the carrier failed.
	Lost
	// Abandoned: handed over after the marker, and we did not wait for the answer:
	// the process stops, or something of ours broke. Never sent again by itself.
	Abandoned
	// Stopped: the ledger did not grant the mark; nothing was handed over.
	Stopped
	// Returned: not begun, or cut off before the marker; due again at once.
	Returned
)

// Outcome answers for one delivery.
type Outcome struct {
	Status  Status
	Failure Failure // when Refused, Lost or Abandoned
	// Code and Reply are the carrier's words; Reply is hostile text, at most
	// MaxReply bytes of it are kept.
	Code  int
	Reply string
	// Job is the carrier's own name of the hand-over that this delivery was sent
	// with, by which later reports are told apart; "" where there are none.
	Job string
}

// MaxReply is how many bytes of a carrier's reply the ledger keeps.
const MaxReply = 500

// Scope says what a failure is about. It comes before the question whether it
// is permanent: only a recipient's own failure can ever suppress a person.
type Scope string

// The scopes of failures.
const (
	ScopeConnection Scope = "connection" // dial, TLS, EOF, timeout, protocol
	ScopeAccount    Scope = "account"    // credentials, policy, sender identity, quota of the account
	ScopeDomain     Scope = "domain"     // the recipient's provider limits us: rate, reputation
	ScopeContent    Scope = "content"    // this message is refused, whoever gets it
	ScopeRecipient  Scope = "recipient"  // this mailbox
)

// Failure is why a delivery was refused.
type Failure struct {
	Scope     Scope
	Permanent bool
	// Suppress asks that the address is never sent to again. It needs
	// ScopeRecipient and Permanent.
	Suppress bool
	// Wait is how long the provider wants to be left alone; 0: not said.
	Wait time.Duration
	// Crowded: the relay takes no further connection at present; those that it has
	// taken may go on. It needs ScopeAccount.
	Crowded bool
	// Await: nothing but what the recipient does themselves lets it through. It waits
	// for that, see [Ledger.Heard]; no attempt is counted, and nobody gives up. It
	// needs ScopeRecipient.
	Await bool
	// Reason is a short stable word for tables and metrics: "mailbox-unknown".
	Reason string
}
