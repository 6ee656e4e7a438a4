package subscribers

import "time"

// Command is one thing that a subscriber can ask for. Pages make commands of
// their forms, the chat of what somebody writes; [Desk.Do] carries all of them
// out, so that both can do the same and leave the same records.
type Command interface{ command() }

// Commands of anybody. They are written down and worked on later, so that nobody
// learns from the answer whether an address is known.
type (
	// Subscribe asks to be subscribed: a stranger gets a mail to confirm, a
	// subscriber one with a link to manage.
	Subscribe struct {
		Address  Address
		Name     string
		Sections []string
		Language string // of the mails to them: zh-CN or en
		Text     string // version of the consent text that was shown
	}
	// SendLink asks for a mail with a link to manage.
	SendLink struct {
		Address  Address
		Language string
	}
)

// Commands of a subscriber, whom the [Caller] names.
type (
	// Confirm says that a sign-up was theirs. It also brings back who had left.
	Confirm struct{}
	// Unsubscribe ends the subscription on the caller's channel, or on all.
	Unsubscribe struct{ All bool }
	// Undo takes Unsubscribe back for the caller's channel.
	Undo struct{}
	// Explain says why they left, in their words.
	Explain struct{ Reason string }
	// Pause stops deliveries until a time; zero: until Resume.
	Pause struct{ Until time.Time }
	// Resume ends a pause.
	Resume struct{}
	// Choose wants these sections of each issue; none means all.
	Choose struct{ Sections []string }
	// Speak chooses the language of mails and pages; "" is the periodical's own.
	Speak struct{ Language string }
	// Rename corrects the name.
	Rename struct{ Name string }
	// Move wants another address on its channel: it is confirmed there, and the
	// old one is told.
	Move struct{ To Address }
	// Stay drops a move that is not confirmed yet.
	Stay struct{}
	// ConfirmMove says that the new address is theirs. The caller's ID is the
	// move's, as in a link [ToMove].
	ConfirmMove struct{}
	// Revoke makes all links that were sent before worthless, but those to
	// unsubscribe.
	Revoke struct{}
	// Export gives everything that is kept about them.
	Export struct{}
	// Erase deletes everything that is kept about them.
	Erase struct{}
)

func (Subscribe) command()   {}
func (SendLink) command()    {}
func (Confirm) command()     {}
func (Unsubscribe) command() {}
func (Undo) command()        {}
func (Explain) command()     {}
func (Pause) command()       {}
func (Resume) command()      {}
func (Choose) command()      {}
func (Speak) command()       {}
func (Rename) command()      {}
func (Move) command()        {}
func (Stay) command()        {}
func (ConfirmMove) command() {}
func (Revoke) command()      {}
func (Export) command()      {}
func (Erase) command()       {}

// Caller is who gives a command and how.
type Caller struct {
	// ID is their public id; "" for the commands of anybody.
	ID string
	// Channel that they speak on, or whose link they followed.
	Channel string
	// Source is for the record: the page, one-click, or the name of the chat.
	Source string
	// Network is where the request comes from, for the limits of the commands of
	// anybody and of Move.
	Network string
}

// Reply is what came of a command.
type Reply struct {
	// Changed is whether anything did. Of what is worked on later it says only
	// that it was written down.
	Changed bool
	// Subscriber is the caller as they are now: after the commands of a subscriber
	// but Erase.
	Subscriber Subscriber
	// Data is what Export gives.
	Data PersonalData
}
