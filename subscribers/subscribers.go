// Package subscribers owns the people who get the periodical: who they are, on
// which channels they can be reached, what they agreed to, and the suppression
// list. It owns the links in their mails and the page behind those, and the CSV
// file in which an association keeps its members.
//
// It promises that an unsubscribe always wins: no import, no administrator's
// change of state and no second sign-up by somebody else undoes it, and it needs
// nothing but the database. Addresses appear in logs only in masked form; other
// tables know them by a keyed hash.
package subscribers

import (
	"errors"
	"time"
)

// State says whether a subscriber gets the periodical.
type State string

// The states of a subscriber. An address has only Active and Unsubscribed; a
// subscriber is Unsubscribed exactly when every address is.
const (
	Active       State = "active"
	Pending      State = "pending" // not confirmed yet
	Paused       State = "paused"
	Unsubscribed State = "unsubscribed"
)

// The refusals that callers tell apart.
var (
	ErrNotFound     = errors.New("no such subscriber or address")
	ErrTaken        = errors.New("address already belongs to a subscriber")
	ErrUnsubscribed = errors.New("subscriber unsubscribed; only they can come back")
	ErrSuppressed   = errors.New("address is on the suppression list")
)

// Invalid is input that breaks a rule: an address, a field of a subscriber, a
// row or the header of a CSV file. Code is a stable word, Text says what to mend.
type Invalid struct {
	Code string
	Text string
}

func (e *Invalid) Error() string { return e.Text }

// Subscriber is one person with every address that they can be reached at.
type Subscriber struct {
	ID int64 `json:"id,string"`
	// PublicID names the subscriber in links: 26 characters, random, says nothing.
	PublicID string   `json:"public_id"`
	Name     string   `json:"name"`
	Sections []string `json:"sections"` // chosen sections; none means all
	Groups   []string `json:"groups"`
	Language string   `json:"language"` // BCP 47, "" means the periodical's own
	State    State    `json:"state"`
	// PausedUntil ends the state Paused by itself; zero: they resume when they like.
	PausedUntil time.Time `json:"paused_until,omitzero"`
	// LinkEpoch is in their links; raising it revokes those that were made before.
	LinkEpoch int `json:"link_epoch"`
	// Addresses are in the order of their channels, one a channel.
	Addresses []ChannelAddress `json:"addresses"`
	Consent   Consent          `json:"consent"`
	CreatedAt time.Time        `json:"created_at"`
	// ConfirmedAt is zero until the subscriber confirmed; an import sets it.
	ConfirmedAt time.Time `json:"confirmed_at,omitzero"`
	UpdatedAt   time.Time `json:"updated_at"`

	prior State // before Unsubscribed
}

// ChannelAddress is an address of a subscriber and whether it is still wanted.
type ChannelAddress struct {
	Address
	State     State     `json:"state"`
	Reason    string    `json:"reason,omitempty"` // why it is in that state
	UpdatedAt time.Time `json:"updated_at"`

	hash string
}

// Consent is the record of what a subscriber agreed to.
type Consent struct {
	At     time.Time `json:"at,omitzero"`
	Source string    `json:"source"`         // where: a page, a file, an administrator
	Text   string    `json:"text,omitempty"` // the wording, or its version
}

// Entry is what a new subscriber is added with. State "" means Active.
type Entry struct {
	Addresses []Address
	Name      string
	Sections  []string
	Groups    []string
	Language  string
	State     State
	Consent   Consent
}

// StateAt is the subscriber's state at a time: a pause whose date has come is over.
func (s *Subscriber) StateAt(now time.Time) State {
	if s.State == Paused && !s.PausedUntil.IsZero() && !now.Before(s.PausedUntil) {
		return Active
	}
	return s.State
}

// on returns the subscriber's address on a channel, nil when there is none.
func (s *Subscriber) on(channel string) *ChannelAddress {
	for i := range s.Addresses {
		if s.Addresses[i].Channel == channel {
			return &s.Addresses[i]
		}
	}
	return nil
}

// unsubscribe marks the address on a channel, or every one when channel is "",
// as no longer wanted, and the subscriber when none is left. It reports whether
// anything changed.
func (s *Subscriber) unsubscribe(channel, reason string, now time.Time) bool {
	changed, left := false, 0
	for i := range s.Addresses {
		a := &s.Addresses[i]
		if (channel == "" || a.Channel == channel) && a.State != Unsubscribed {
			a.State, a.Reason, a.UpdatedAt = Unsubscribed, reason, now
			changed = true
		}
		if a.State != Unsubscribed {
			left++
		}
	}
	if left == 0 && s.State != Unsubscribed {
		s.prior, s.State = s.State, Unsubscribed
		changed = true
	}
	return changed
}

// resubscribe takes unsubscribe back for one channel.
func (s *Subscriber) resubscribe(channel string, now time.Time) bool {
	a := s.on(channel)
	if a == nil || a.State != Unsubscribed {
		return false
	}
	a.State, a.Reason, a.UpdatedAt = Active, "", now
	if s.State == Unsubscribed {
		switch {
		case s.prior != "":
			s.State = s.prior
		case s.ConfirmedAt.IsZero():
			s.State = Pending
		default:
			s.State = Active
		}
		s.prior = ""
	}
	return true
}

// confirm notes the first time at which the subscriber was more than pending.
func (s *Subscriber) confirm(now time.Time) {
	if s.State != Pending && s.ConfirmedAt.IsZero() {
		s.ConfirmedAt = now
	}
}
