package subscribers

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Verb is what a message in a chat asks for.
type Verb string

// The verbs of the chat. What they change is carried out as the pages' commands
// are; the others are answered.
const (
	VerbNone        Verb = "" // not understood
	VerbHelp        Verb = "help"
	VerbSubscribe   Verb = "subscribe"
	VerbUnsubscribe Verb = "unsubscribe"
	VerbPause       Verb = "pause"
	VerbResume      Verb = "resume"
	VerbSections    Verb = "sections" // to list them, or to choose some
	VerbContents    Verb = "contents" // of an issue
	VerbArchive     Verb = "archive"
	VerbIssue       Verb = "issue"
	VerbLatest      Verb = "latest"
	VerbBind        Verb = "bind"
	VerbUnbind      Verb = "unbind"
	VerbConfirm     Verb = "confirm" // what was asked before
	VerbDecline     Verb = "decline" // the same
	VerbMe          Verb = "me"
	VerbLanguage    Verb = "language"
	VerbRemind      Verb = "remind"
	VerbUnremind    Verb = "unremind"
)

// Utterance is a message of a chat as it was understood.
type Utterance struct {
	Verb Verb
	// English says that the words were, so that the answer can be.
	English bool
	// Topic, with VerbHelp, is the verb about which somebody asks how.
	Topic Verb
	// Issue, with VerbIssue and VerbContents, is which one; the zero value is the
	// latest.
	Issue IssueName
	// Sections, with VerbSections, are names or places in a list.
	Sections []string
	// All, with VerbSections, chooses all; with VerbUnsubscribe, it is for mails too.
	All bool
	// Until, with VerbPause, is its end; zero when nobody said.
	Until time.Time
	// Code, with VerbBind, is in its normal form; empty when nobody gave one.
	Code string
	// Language, with VerbLanguage, is zh-CN or en.
	Language string
}

// IssueName is how people name an issue: the 142nd, no. 2 of 2015, the one
// before the latest.
type IssueName struct {
	Number int // running number; with Year the number in it
	Year   int
	Back   int // so many before the latest
}

// maxUtterance is how many bytes of a message are looked at: commands are short,
// and a message may have 2,048.
const maxUtterance = 240

// Understand reads a message of a chat. It forgives what a telephone's keyboard
// does: full-width forms, spaces, punctuation, traditional characters, Chinese
// numerals; and it forgives courtesy. Apart from that the whole message has to be
// a command: who writes about unsubscribing is not unsubscribed, and who asks how
// to is told.
func Understand(text string, now time.Time) Utterance {
	if len(text) > maxUtterance {
		return Utterance{}
	}
	said := foldChat(text)
	if said == "" {
		if strings.ContainsAny(text, "?？") {
			return Utterance{Verb: VerbHelp}
		}
		return Utterance{}
	}
	for _, inner := range withoutCourtesy(said) {
		if u, ok := command(inner, now); ok {
			return u
		}
		if inner == "" { // a greeting, or thanks
			return Utterance{Verb: VerbHelp, English: !hasHan(said)}
		}
		asked, isQuestion := withoutQuestion(inner)
		if !isQuestion {
			continue
		}
		for _, inner := range withoutCourtesy(asked) {
			if u, ok := command(inner, now); ok {
				return u.explained()
			}
		}
	}
	return Utterance{}
}

// explained is what somebody gets who asks how something is done: what only
// looks something up is done, the rest is explained.
func (u Utterance) explained() Utterance {
	switch u.Verb {
	case VerbContents, VerbArchive, VerbIssue, VerbLatest, VerbMe, VerbHelp:
		return u
	case VerbSections:
		if len(u.Sections) == 0 && !u.All {
			return u
		}
	}
	return Utterance{Verb: VerbHelp, Topic: u.Verb, English: u.English}
}

// command reads folded words from which courtesy was taken off.
func command(s string, now time.Time) (Utterance, bool) {
	if name, ok := issueName(s, now); ok {
		return Utterance{Verb: VerbIssue, Issue: name, English: inEnglish(s)}, true
	}
	first, _ := utf8.DecodeRuneInString(s)
	for _, p := range phrasesFrom[first] {
		rest, ok := p.cut(s)
		if !ok {
			continue
		}
		u := Utterance{Verb: p.verb, English: inEnglish(p.text), Language: p.language, All: p.all}
		if rest = strings.TrimSpace(rest); rest == "" && !p.needs || rest != "" && u.argument(rest, now) {
			return u, true
		}
	}
	if head, ok := cutContents(s); ok {
		if name, ok := issueName(head, now); ok {
			return Utterance{Verb: VerbContents, Issue: name, English: inEnglish(s)}, true
		}
	}
	if c, ok := BindingCode(s); ok {
		return Utterance{Verb: VerbBind, Code: c}, true
	}
	return Utterance{}, false
}

// maxChosen bounds how many sections are chosen at once.
const maxChosen = 30

// argument reads what stands behind a phrase, and reports whether it fits.
func (u *Utterance) argument(rest string, now time.Time) (ok bool) {
	switch u.Verb {
	case VerbContents:
		u.Issue, ok = issueName(rest, now)
	case VerbSections:
		if u.All = slices.Contains(everySection, tight(rest)); !u.All {
			u.Sections = strings.Fields(rest)
		}
		ok = len(u.Sections) <= maxChosen
	case VerbPause:
		u.Until, ok = pauseUntil(rest, now)
	case VerbBind:
		// An address is not bound by whoever writes it: the answer says how.
		if ok = strings.Contains(rest, "@"); !ok {
			u.Code, ok = BindingCode(rest)
		}
	}
	return ok
}

const (
	// bindingAlphabet has no character that is taken for another.
	bindingAlphabet = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
	bindingLength   = 8
)

// BindingCode reads the code of a binding as people type it, and returns its
// normal form: four characters, a dash, four characters. There is always a digit
// in it and a letter, so that it is neither a number nor a word.
func BindingCode(text string) (string, bool) {
	var code []rune
	digits := 0
	for _, r := range strings.ToUpper(text) {
		switch {
		case r == ' ' || r == '-' || r == '.':
			continue
		case len(code) == bindingLength || !strings.ContainsRune(bindingAlphabet, r):
			return "", false
		case r <= '9':
			digits++
		}
		code = append(code, r)
	}
	if len(code) != bindingLength || digits == 0 || digits == bindingLength {
		return "", false
	}
	return string(code[:bindingLength/2]) + "-" + string(code[bindingLength/2:]), true
}
