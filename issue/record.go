package issue

import (
	"encoding/json"
	"errors"
	"regexp"
	"time"
)

// The refusals of the store that callers tell apart.
var (
	ErrNotFound    = errors.New("no such issue")
	ErrNotApproved = errors.New("the issue is not approved")
	ErrFaulty      = errors.New("the issue has errors; mend the file and import it again")
	ErrChanged     = errors.New("the issue was changed since it was looked at")
	ErrSettled     = errors.New("the revision is approved: what is said of it stays")
	ErrLongNote    = errors.New("the note is too long")
	ErrBadID       = errors.New("an issue's id has 1 to 64 letters, digits, dots, hyphens or underscores and begins with a letter or digit")
)

// MaxNote is how long the note of a correction may be, in bytes: some 300 Han.
const MaxNote = 1000

// storeID keeps ids safe in paths, file names and command lines.
var storeID = regexp.MustCompile(`^[\p{L}\p{N}][\p{L}\p{N}._-]{0,63}$`)

// State says how far an issue has come.
type State string

// The states of an issue. Only the current revision of an Approved one is sent.
const (
	Draft     State = "draft"
	Approved  State = "approved"
	Withdrawn State = "withdrawn"
)

// Change says what Save did.
type Change string

// What Save can do with an issue.
const (
	Added     Change = "added"     // it was not there
	Unchanged Change = "unchanged" // the same content was there
	Replaced  Change = "replaced"  // the draft was replaced; its revision was never approved
	Revised   Change = "revised"   // a new revision, and no longer approved
)

// Record is one revision of an issue in the store, by default the current one.
type Record struct {
	Issue
	Diagnostics []Diagnostic `json:"diagnostics"`
	State       State        `json:"state"` // of the issue
	Revision    Revision     `json:"revision"`
	ImportedAt  time.Time    `json:"imported_at"`
	// ApprovedAt and ApprovedBy tell of the revision's last approval, even when
	// the issue was withdrawn since.
	ApprovedAt time.Time `json:"approved_at,omitzero"`
	ApprovedBy string    `json:"approved_by,omitempty"`
	// Change is set by Save.
	Change Change `json:"-"`
}

// MarshalJSON writes empty lists as [] and not as null.
func (r Record) MarshalJSON() ([]byte, error) {
	type plain Record
	r.Months, r.Editors, r.Contents = list(r.Months), list(r.Editors), list(r.Contents)
	r.Diagnostics = list(r.Diagnostics)
	sections := make([]Section, len(r.Sections))
	for i, s := range r.Sections {
		articles := make([]Article, len(s.Articles))
		for j, a := range s.Articles {
			a.Blocks = list(a.Blocks)
			articles[j] = a
		}
		s.Articles = articles
		sections[i] = s
	}
	r.Sections = sections
	return json.Marshal(plain(r))
}

func list[T any](items []T) []T {
	if items == nil {
		return []T{}
	}
	return items
}

// Summary is one line of the list of issues.
type Summary struct {
	ID         string    `json:"id"`
	Title      string    `json:"title"`
	Label      string    `json:"label"` // 2015年3、4月合刊 第2期 总第142期
	State      State     `json:"state"`
	Revision   Revision  `json:"revision"`
	ImportedAt time.Time `json:"imported_at"`
	ApprovedAt time.Time `json:"approved_at,omitzero"` // zero unless approved now
	ApprovedBy string    `json:"approved_by,omitempty"`
}
