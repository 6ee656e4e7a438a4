package wechat

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Event is what the platform tells: a message of a follower, an event, the end
// of a job. The SDK's type takes a mass job's MsgID for a template's.
type Event struct {
	From    string `xml:"FromUserName" json:"from"`
	To      string `xml:"ToUserName" json:"to,omitempty"` // the account's original id
	Created int64  `xml:"CreateTime" json:"created"`      // seconds
	Type    string `xml:"MsgType" json:"type"`            // text, event
	Event   string `xml:"Event" json:"event,omitempty"`
	Key     string `xml:"EventKey" json:"key,omitempty"`
	Message string `xml:"MsgId" json:"message,omitempty"` // of a follower's message
	Text    string `xml:"Content" json:"text,omitempty"`
	// Of a job.
	Job      string `xml:"MsgID" json:"job,omitempty"`
	Status   string `xml:"Status" json:"status,omitempty"`
	Total    int    `xml:"TotalCount" json:"total,omitempty"`
	Filtered int    `xml:"FilterCount" json:"filtered,omitempty"`
	Sent     int    `xml:"SentCount" json:"sent,omitempty"`
	Errors   int    `xml:"ErrorCount" json:"errors,omitempty"`
}

// The events that are worked on.
const (
	EventFollow       = "subscribe"
	EventUnfollow     = "unsubscribe"
	EventScan         = "SCAN"
	EventClick        = "CLICK"
	EventMassDone     = "MASSSENDJOBFINISH"
	EventTemplateDone = "TEMPLATESENDJOBFINISH"
	EventPublishDone  = "PUBLISHJOBFINISH"
)

var errNoEvent = errors.New("not an event of the platform")

// parseEvent reads the XML of an event. Go's reader knows no entities but XML's
// five, so that nothing outside is read and nothing grows.
func parseEvent(text []byte) (Event, error) {
	var root struct {
		XMLName xml.Name `xml:"xml"`
		Event
	}
	if err := xml.Unmarshal(text, &root); err != nil {
		return Event{}, fmt.Errorf("%w: %v", errNoEvent, err)
	}
	if e := root.Event; e.From == "" || e.Type == "" || e.Created <= 0 || len(e.From) > 64 || len(e.To) > 64 || len(e.Job) > 32 || len(e.Message) > 32 {
		return Event{}, errNoEvent
	}
	return root.Event, nil
}

// id is the same for the same event, however often the platform sends it: by
// the number of a message, else by who, when and what (page of events, read
// 2026-11).
func (e Event) id() string {
	if e.Message != "" && strings.Trim(e.Message, "0123456789") == "" {
		return "message " + e.Message
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %d %q %q %q", e.From, e.Created, e.Event, e.Key, e.Job))
	return "event " + hex.EncodeToString(sum[:16])
}

// message reports whether a follower has sent us something: a text, or what is
// answered like a text that nobody understands.
func (e Event) message() bool {
	switch e.Type {
	case "text", "image", "voice", "video", "shortvideo", "location", "link":
		return true
	}
	return false
}

// chat reports whether a follower does something that may be answered.
func (e Event) chat() bool {
	if e.Type != "event" {
		return e.message()
	}
	return e.Event == EventFollow || e.Event == EventScan || e.Event == EventClick
}

// How long a follower may be sent customer-service messages (page of those, read
// 2026-11).
const (
	afterMessage = 48 * time.Hour
	afterOther   = time.Minute // a button, a scan, following
)

// open is until when a follower may be spoken to because of an event; zero when they
// may not.
func (e Event) open() time.Time {
	at := time.Unix(e.Created, 0)
	switch {
	case e.message():
		return at.Add(afterMessage)
	case e.chat():
		return at.Add(afterOther)
	}
	return time.Time{}
}

// kept reports whether anything is done with such an event.
func (e Event) kept() bool {
	if e.Type != "event" {
		return e.message()
	}
	switch e.Event {
	case EventFollow, EventUnfollow, EventScan, EventClick, EventMassDone, EventTemplateDone, EventPublishDone:
		return true
	}
	return false
}
