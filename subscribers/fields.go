package subscribers

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/language"
)

// Limits of what people type: generous for names, small enough that nobody
// keeps a document in one.
const (
	maxText = 200 // characters
	maxList = 100 // items
)

// cleanText returns a field on one line without spaces around it.
func cleanText(field, text string) (string, error) {
	text = strings.Join(strings.Fields(text), " ")
	for _, r := range text {
		if r == utf8.RuneError {
			return "", invalid("encoding", "%s contains bytes that are no text", field)
		}
		if unicode.IsControl(r) {
			return "", invalid("control", "%s contains the control character %U", field, r)
		}
	}
	if n := utf8.RuneCountInString(text); n > maxText {
		return "", invalid("too-long", "%s has %d characters, at most %d are allowed", field, n, maxText)
	}
	return text, nil
}

// cleanList cleans every item, splits it at semicolons, and leaves out empty
// and repeated ones.
func cleanList(field string, list []string) ([]string, error) {
	out := []string{}
	for _, text := range list {
		for item := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == ';' || r == '；' }) {
			item, err := cleanText(field, item)
			if err != nil {
				return nil, err
			}
			if item != "" && !slices.Contains(out, item) {
				out = append(out, item)
			}
		}
	}
	if len(out) > maxList {
		return nil, invalid("too-long", "%s has %d items, at most %d are allowed", field, len(out), maxList)
	}
	return out, nil
}

// cleanLanguage returns the canonical form of a BCP 47 tag: zh_cn becomes zh-CN.
func cleanLanguage(text string) (string, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return "", nil
	}
	if len(text) > 35 { // the longest tag that RFC 5646 4.4.1 asks to keep room for
		return "", invalid("language", "the language is no BCP 47 tag such as zh-CN or en")
	}
	tag, err := language.Parse(text)
	if err != nil {
		return "", invalid("language", "%q is no BCP 47 tag such as zh-CN or en", text)
	}
	return tag.String(), nil
}
