package email

import (
	"errors"
	"fmt"
	"net/mail"
	"strings"

	"golang.org/x/net/idna"
)

// address is a mail address in the form that goes into an envelope and between
// the angle brackets of a header field: quoted where it has to be, the domain in
// ASCII.
type address struct{ spec string }

// maxAddress is the longest path that SMTP carries (RFC 5321 section 4.5.3.1.3).
const maxAddress = 254

var errAddress = errors.New("not a mail address")

// parseAddress reads what the ledger holds. Everything that could end the line
// or the brackets that the address will stand in is refused or quoted here.
func parseAddress(s string) (address, error) {
	local, domain, ok := strings.Cut(s, "@")
	if ok && isDotAtom(local) && isDotAtom(domain) && len(s) <= maxAddress {
		return address{spec: s}, nil
	}
	a, err := mail.ParseAddress(s)
	if err != nil || a.Name != "" || strings.ContainsAny(s, "<>\r\n\x00") {
		return address{}, errAddress
	}
	at := strings.LastIndexByte(a.Address, '@')
	ascii, err := idna.Lookup.ToASCII(a.Address[at+1:])
	if err != nil || ascii == "" {
		return address{}, fmt.Errorf("%w: domain: %w", errAddress, err)
	}
	a.Address = a.Address[:at+1] + ascii
	spec := strings.TrimSuffix(strings.TrimPrefix(a.String(), "<"), ">")
	if len(spec) > maxAddress {
		return address{}, errAddress
	}
	for i := range len(spec) {
		if spec[i] < ' ' || spec[i] == 0x7f {
			return address{}, errAddress
		}
	}
	return address{spec: spec}, nil
}

func (a address) domain() string {
	return strings.ToLower(a.spec[strings.LastIndexByte(a.spec, '@')+1:])
}

// ascii reports whether the address can go out without SMTPUTF8.
func (a address) ascii() bool { return isASCII(a.spec) }

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// isDotAtom reports whether s is a dot-atom of RFC 5322 section 3.2.3 in ASCII.
func isDotAtom(s string) bool {
	last := byte('.')
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case c == '.' && last != '.':
		case strings.IndexByte("!#$%&'*+-/=?^_`{|}~", c) >= 0:
		default:
			return false
		}
		last = c
	}
	return last != '.'
}
