package subscribers

import "net/http"

// RemindPage is what the template "remind" gets.
type RemindPage struct {
	// State is done (they agreed), declined, elsewhere (it has to be opened in WeChat),
	// or expired (what came back is old, or of another browser: once more).
	State string
	Title string // of the periodical
}

// Reminded shows what came of somebody's wish to be reminded of the next issue, a state
// of [RemindPage].
func (p *Pages) Reminded(w http.ResponseWriter, r *http.Request, status int, state string) {
	p.serve(w, r, func(v *visit) { p.show(v, status, "remind", RemindPage{State: state, Title: p.o.Title}) })
}
