package subscribers

import "net/http"

// RemindPage is what the template "remind" gets.
type RemindPage struct {
	// State is done (they agreed), declined, or elsewhere (it has to be opened in
	// WeChat).
	State string
	Title string // of the periodical
}

// Reminded shows what came of somebody's wish to be reminded of the next issue.
func (p *Pages) Reminded(w http.ResponseWriter, r *http.Request, page RemindPage) {
	page.Title = p.o.Title
	p.serve(w, r, func(v *visit) { p.show(v, http.StatusOK, "remind", page) })
}
