package email

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net"
	"net/mail"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"yizhan/dispatch"
)

// RFC 2047 section 2: an encoded-word has at most 75 characters and a header
// line that holds one at most 76. go-mail folds a field at its spaces; the first
// word has to fit behind the longest name that gets one ("Subject: ", and
// go-mail keeps two characters free).
const (
	wordOverhead = len("=?UTF-8?B??=")
	wordBytes    = (75 - wordOverhead) / 4 * 3
	firstBytes   = (63 - wordOverhead) / 4 * 3
)

// clean makes one line of a title: control characters and line breaks, with
// which a title could begin a header field, and runs of white space become one
// space.
func clean(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r) || r == '\u2028' || r == '\u2029'
	}), " ")
}

// encodeText returns a clean text as it stands in a header field, with a space
// wherever the field can be folded.
func encodeText(s string) string {
	if isPlain(s) {
		return s
	}
	return strings.Join(encodeWords(s), " ")
}

// isPlain reports whether a text can stand in a header field as it is: ASCII,
// with places to fold, and nothing in it that reads like an encoded-word.
func isPlain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	for word := range strings.SplitSeq(s, " ") {
		if len(word) > 60 {
			return false
		}
	}
	return !strings.Contains(s, "=?")
}

// encodeWords splits a text into encoded-words, never inside a character.
// Spaces are inside the words: those between words vanish when they are decoded.
func encodeWords(s string) []string {
	var words []string
	room := firstBytes
	for len(s) > 0 {
		n := 0
		for n < len(s) {
			_, size := utf8.DecodeRuneInString(s[n:])
			if n+size > room {
				break
			}
			n += size
		}
		words = append(words, "=?UTF-8?B?"+base64.StdEncoding.EncodeToString([]byte(s[:n]))+"?=")
		s, room = s[n:], wordBytes
	}
	return words
}

// mailbox is a name with its address in a header field.
func mailbox(a mail.Address) string {
	name := clean(a.Name)
	if name == "" || isPlain(name) {
		return (&mail.Address{Name: name, Address: a.Address}).String()
	}
	return encodeText(name) + " " + (&mail.Address{Address: a.Address}).String()
}

// listID names the list for good, by the host of the periodical's pages, below
// the sender's domain where these have no name (RFC 2919). One instance is one
// periodical: filters in readers' mail programs hang on the id, so it must not
// change with the title. title is what a mail program may show.
func listID(title, publicURL, domain string) string {
	host := domain
	if u, err := url.Parse(publicURL); err == nil && strings.Contains(u.Hostname(), ".") && net.ParseIP(u.Hostname()) == nil && isASCII(u.Hostname()) {
		host = strings.ToLower(u.Hostname())
	}
	id := "<issues." + host + ">"
	switch {
	case title == "":
		return id
	case isPlain(title):
		return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(title) + `" ` + id
	}
	return encodeText(title) + " " + id
}

// feedbackID is by what Gmail sums up complaints: issue, kind, product, sender.
// The sender has 5 to 15 characters and never changes
// (support.google.com/a/answer/6254652, read 2026-11).
func feedbackID(content dispatch.Content, domain string) string {
	sender := slug(domain)
	if len(sender) < 5 {
		sender += "-mail"
	}
	return subject(content) + ":" + string(content.Kind) + ":yizhan:" + sender[:min(len(sender), 15)]
}

// slug is a text as lower-case ASCII letters and digits with hyphens between.
func slug(s string) string {
	return strings.ToLower(strings.Join(strings.FieldsFunc(s, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9')
	}), "-"))
}

// atom is an issue's id as it can stand in a Message-ID: an id that is not ASCII
// ("增刊1") becomes a hash, for two such ids must stay different.
func atom(id string) string {
	if s := slug(id); isASCII(id) && s != "" {
		return s
	}
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:6])
}
