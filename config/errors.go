package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Error is one thing that is wrong, in words for the person who has to mend it.
type Error struct {
	File string `json:"file,omitempty"`
	Line int    `json:"line,omitempty"` // from 1; 0 when no line can be named
	Key  string `json:"key,omitempty"`  // dotted path, channels.email.from
	Code string `json:"code"`           // stable, for programs: kebab-case
	Text string `json:"text"`           // what is wrong, zh-CN
	Hint string `json:"hint,omitempty"` // how to mend it, zh-CN

	cause error
}

// Error gives "file:line: key: text。hint" as far as known.
func (e Error) Error() string {
	var b strings.Builder
	if e.File != "" {
		b.WriteString(e.File)
		if e.Line > 0 {
			fmt.Fprintf(&b, ":%d", e.Line)
		}
		b.WriteString(": ")
	}
	if e.Key != "" {
		b.WriteString(e.Key + ": ")
	}
	b.WriteString(e.Text)
	if e.Hint != "" {
		b.WriteString("。" + e.Hint)
	}
	return b.String()
}

// Unwrap gives the cause, when there is one.
func (e Error) Unwrap() error { return e.cause }

// Errors are all the errors of one file, in the order of its lines.
type Errors []Error

// Error gives one line per error.
func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, one := range e {
		lines[i] = one.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap lets errors.As find an Error among them.
func (e Errors) Unwrap() []error {
	all := make([]error, len(e))
	for i, one := range e {
		all[i] = one
	}
	return all
}

func (e Errors) sort() {
	slices.SortStableFunc(e, func(a, b Error) int { return cmp.Compare(a.Line, b.Line) })
}

// nearest gives the known key that was most likely meant, or "".
func nearest(key string, known []string) string {
	plain := strings.NewReplacer("-", "_", " ", "_").Replace(strings.ToLower(key))
	best, bound := "", 1+len(plain)/4
	for _, k := range known {
		if d := distance(plain, k); d <= bound {
			best, bound = k, d-1
		}
	}
	return best
}

// distance is the Levenshtein distance in bytes; keys are ASCII and short.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			substitute := diagonal
			if a[i] != b[j] {
				substitute++
			}
			diagonal = row[j+1]
			row[j+1] = min(substitute, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
