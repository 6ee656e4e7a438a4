package subscribers

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Library is where the issues are that a conversation is about.
type Library interface {
	// Printed lists the issues that were sent, newest first.
	Printed(ctx context.Context) ([]Printed, error)
	// Contents gives what is in an issue of those.
	Contents(ctx context.Context, id string) ([]PrintedSection, error)
	// Sections are the names of the sections there are to choose from.
	Sections(ctx context.Context) ([]string, error)
}

// Printed is an issue that was sent.
type Printed struct {
	ID     string
	Number int // in its year
	Total  int // running number
	Year   int
	Name   string // 2015年第2期（总第142期）
	NameEN string // No. 2, 2015 (issue 142)
	URL    string
}

// PrintedSection is a section of an issue with its headlines.
type PrintedSection struct {
	Name   string
	Titles []string
}

// Said is what somebody says or does in a chat.
type Said struct {
	From     Address
	Text     string // typed
	Key      string // of a button of the menu: a [Verb]
	Scene    string // of a QR code that was scanned
	Followed bool   // the account, just now
}

// ConversationOptions of a [Conversation]; all but Remind are required.
type ConversationOptions struct {
	Desk    *Desk
	Links   *Links
	Library Library
	// Title of the periodical, PublicURL of its pages.
	Title, PublicURL string
	// Zone is where dates are said.
	Zone *time.Location
	Log  *slog.Logger
	// Remind is the page where people agree to be reminded of the next issue: the
	// platform has to ask them, the chat cannot. Empty: there are no reminders.
	Remind string
}

// Conversation answers what subscribers say in the chat of an account. All that it
// changes it changes by the commands of the pages.
type Conversation struct{ o ConversationOptions }

// NewConversation returns a conversation, or what is wrong with its options.
func NewConversation(o ConversationOptions) (*Conversation, error) {
	if o.Desk == nil || o.Links == nil || o.Library == nil || o.PublicURL == "" || o.Zone == nil || o.Log == nil {
		return nil, errors.New("subscribers: ConversationOptions.Desk, Links, Library, PublicURL, Zone and Log are required")
	}
	return &Conversation{o}, nil
}

const (
	// sourceChat is how the records call what was said in a chat.
	sourceChat = "chat"
	// chatLinkFor is how long a link works that was given in a chat, where it stays.
	chatLinkFor = 30 * time.Minute
	// listed is how many issues a list in a chat has.
	listed = 8
)

// talk is one answer on its way.
type talk struct {
	*Conversation
	said  Said
	asked Utterance
	sub   Subscriber // the zero value when nobody is known
	known bool
	tongue
	now time.Time
}

// Answer works on what somebody said, and gives the text to answer with. It may be
// repeated: what was done already stays done.
func (c *Conversation) Answer(ctx context.Context, said Said, now time.Time) (string, error) {
	now = now.In(c.o.Zone)
	t := talk{Conversation: c, said: said, asked: Understand(said.Text, now), now: now}
	if said.Key != "" {
		t.asked = Utterance{Verb: Verb(said.Key)}
	}
	var err error
	if t.sub, err = c.o.Desk.Get(ctx, said.From.Value); err == nil {
		t.known = true
	} else if !errors.Is(err, ErrNotFound) {
		return "", err
	}
	t.tongue = t.mother()
	c.o.Log.Info("chat", "verb", string(t.asked.Verb), "scene", said.Scene != "", "followed", said.Followed, "subscriber", t.sub.PublicID)
	switch {
	case strings.HasPrefix(said.Scene, scenePrefix):
		return t.scanned(ctx)
	case said.Followed:
		return t.welcome(ctx)
	case said.Scene != "": // of a code that the association has on paper
		t.asked.Verb = VerbLatest
	}
	return t.answer(ctx)
}

// mother is the language to answer in: that of the words, else that of the record.
func (t *talk) mother() tongue {
	switch {
	case t.asked.English:
		return true
	case hasHan(t.said.Text):
		return false
	case t.asked.Verb == VerbNone:
		if words := foldChat(t.said.Text); len(words) > 2 && inEnglish(words) {
			return true
		}
	}
	return tongue(strings.HasPrefix(t.sub.Language, "en"))
}

func (t *talk) answer(ctx context.Context) (string, error) {
	switch t.asked.Verb {
	case VerbHelp:
		return t.help(t.asked.Topic), nil
	case VerbSubscribe:
		return t.subscribe(ctx)
	case VerbUnsubscribe:
		return t.unsubscribe(ctx)
	case VerbPause:
		return t.pause(ctx)
	case VerbResume:
		return t.resume(ctx)
	case VerbSections:
		return t.sections(ctx)
	case VerbLanguage:
		return t.speak(ctx)
	case VerbLatest, VerbIssue, VerbContents:
		return t.issue(ctx)
	case VerbArchive:
		return t.archive(ctx)
	case VerbMe:
		return t.me(ctx)
	case VerbBind, VerbConfirm:
		return t.bind(ctx)
	case VerbDecline:
		return t.decline(ctx)
	case VerbUnbind:
		return t.unbind(ctx)
	case VerbRemind:
		return t.remind(ctx)
	case VerbUnremind:
		return t.unremind(ctx)
	}
	return t.short(), nil
}

// do carries out a command of the person who talks.
func (t *talk) do(ctx context.Context, c Command) (Reply, error) {
	r, err := t.o.Desk.Do(ctx, Caller{ID: t.sub.PublicID, Channel: t.said.From.Channel, Source: sourceChat}, c, t.now)
	if err == nil {
		t.sub = r.Subscriber
	}
	return r, err
}

// here is the address that they talk from.
func (t *talk) here() *ChannelAddress { return t.sub.on(t.said.From.Channel) }

// gets reports whether issues come to them here, but for a pause.
func (t *talk) gets() bool {
	return t.known && t.sub.State != Unsubscribed && t.sub.State != Pending && t.here() != nil && t.here().State == Active
}

func (t *talk) subscribe(ctx context.Context) (string, error) {
	if t.gets() && t.sub.StateAt(t.now) == Active {
		return t.already(), nil
	}
	if !t.known {
		sub, err := t.o.Desk.enroll(ctx, t.said.From, sourceChat, t.now)
		if err != nil {
			return "", err
		}
		t.sub, t.known = sub, true
	} else if !t.gets() {
		if _, err := t.do(ctx, Confirm{}); err != nil {
			return "", err
		}
	}
	if _, err := t.do(ctx, Resume{}); err != nil {
		return "", err
	}
	return t.subscribed(ctx)
}

func (t *talk) unsubscribe(ctx context.Context) (string, error) {
	var err error
	if t.known {
		_, err = t.do(ctx, Unsubscribe{All: t.asked.All})
	} else { // who is in no list may have asked to be reminded
		_, err = t.o.Desk.Unremind(ctx, t.said.From)
	}
	if err != nil {
		return "", err
	}
	return t.left(), nil
}

// remind says where to agree to a reminder.
func (t *talk) remind(ctx context.Context) (string, error) {
	if t.o.Remind == "" {
		return t.noReminders(), nil
	}
	all, err := t.o.Desk.Reminders(ctx, t.said.From)
	if err != nil {
		return "", err
	}
	if slices.ContainsFunc(all, func(r Reminder) bool { return !r.Used }) {
		return t.reminded(), nil
	}
	return t.askReminder(), nil
}

func (t *talk) unremind(ctx context.Context) (string, error) {
	there, err := t.o.Desk.Unremind(ctx, t.said.From)
	if err != nil {
		return "", err
	}
	return t.unreminded(there), nil
}

func (t *talk) pause(ctx context.Context) (string, error) {
	if !t.gets() {
		return t.notSubscribed(), nil
	}
	var invalid *Invalid
	if _, err := t.do(ctx, Pause{Until: t.asked.Until}); errors.As(err, &invalid) {
		return t.pauseRefused(), nil
	} else if err != nil {
		return "", err
	}
	return t.paused(), nil
}

func (t *talk) resume(ctx context.Context) (string, error) {
	if !t.gets() {
		return t.subscribe(ctx)
	}
	r, err := t.do(ctx, Resume{})
	if err != nil {
		return "", err
	}
	return t.resumed(r.Changed), nil
}

func (t *talk) speak(ctx context.Context) (string, error) {
	t.tongue = t.asked.Language == "en"
	if t.known {
		if _, err := t.do(ctx, Speak{Language: t.asked.Language}); err != nil {
			return "", err
		}
	}
	return t.spoken(), nil
}

// sections lists them, or chooses some of them.
func (t *talk) sections(ctx context.Context) (string, error) {
	all, err := t.o.Library.Sections(ctx)
	if err != nil {
		return "", err
	}
	if len(t.asked.Sections) == 0 && !t.asked.All {
		return t.sectionList(all, ""), nil
	}
	if !t.gets() {
		return t.notSubscribed(), nil
	}
	var chosen []string
	for _, said := range t.asked.Sections {
		name, ok := section(all, said)
		if !ok {
			return t.sectionList(all, said), nil
		}
		if !slices.Contains(chosen, name) {
			chosen = append(chosen, name)
		}
	}
	if _, err := t.do(ctx, Choose{Sections: chosen}); err != nil {
		return "", err
	}
	return t.chosen(), nil
}

// section finds the section that somebody means by its place in the list, by its
// name, or by a part of it that no other has.
func section(all []string, said string) (name string, ok bool) {
	if n, err := strconv.Atoi(said); err == nil {
		if n < 1 || n > len(all) {
			return "", false
		}
		return all[n-1], true
	}
	for _, one := range all {
		switch folded := tight(foldChat(one)); {
		case folded == said:
			return one, true
		case strings.Contains(folded, said):
			if name != "" {
				return "", false
			}
			name = one
		}
	}
	return name, name != ""
}

// issue shows the issue that is asked for, or what is in it.
func (t *talk) issue(ctx context.Context) (string, error) {
	all, err := t.o.Library.Printed(ctx)
	if err != nil {
		return "", err
	}
	if len(all) == 0 {
		return t.noIssue(), nil
	}
	p, ok := named(all, t.asked.Issue)
	if !ok {
		return t.noSuchIssue(all), nil
	}
	contents, err := t.o.Library.Contents(ctx, p.ID)
	if err != nil {
		return "", err
	}
	if t.asked.Verb == VerbContents {
		return t.contents(p, contents), nil
	}
	return t.card(p, contents), nil
}

// named finds an issue: by its running number, by year and number, by its place
// before the latest. A number that nobody has as running number is that of the
// newest year that has it.
func named(all []Printed, n IssueName) (Printed, bool) {
	if n == (IssueName{}) {
		return all[0], true
	}
	if n.Back > 0 {
		if n.Back >= len(all) {
			return Printed{}, false
		}
		return all[n.Back], true
	}
	for _, fits := range []func(Printed) bool{
		func(p Printed) bool { return n.Year == 0 && (p.ID == strconv.Itoa(n.Number) || p.Total == n.Number) },
		func(p Printed) bool { return (n.Year == 0 || p.Year == n.Year) && p.Number == n.Number },
	} {
		if i := slices.IndexFunc(all, fits); i >= 0 {
			return all[i], true
		}
	}
	return Printed{}, false
}

func (t *talk) archive(ctx context.Context) (string, error) {
	all, err := t.o.Library.Printed(ctx)
	if err != nil || len(all) == 0 {
		return t.noIssue(), err
	}
	return t.issues(all), nil
}

// manage is a link to the page of the person who talks, for a short time.
func (t *talk) manage() string {
	return t.o.Links.URL(Token{
		Purpose: ToManage, ID: t.sub.PublicID, Channel: t.said.From.Channel, Epoch: t.sub.LinkEpoch, Expires: t.now.Add(chatLinkFor),
	})
}
