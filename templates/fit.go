package templates

import "fmt"

// fit says how much of an issue a digest shows.
type fit struct {
	listed   int    // articles with a headline, from the first on
	led      int    // articles with a lead
	lead     int    // Han characters of a lead, at most
	note     int    // Han characters of an editorial that is shown in full, at most
	contents bool   // the contents with their jump links
	blocks   bool   // the whole text: the web page
	folder   string // where the web page finds the folder of pictures, relative to itself
	pictures bool   // WeChat article: the first picture of each article
}

// everything is more articles than any issue has.
const everything = 1 << 30

// noteMax is the length of an editor's note that is shown in full.
const noteMax = 600

// fitted renders with the most generous fit that stays below the limit.
func (s *Set) fitted(in Input) (Digest, error) {
	articles := len(in.articles())
	// No headline takes less than minRow bytes: more of them are not tried.
	const minRow = 100
	in.leads = leads(in.Issue)
	listed := min(articles, MaxHTML/minRow)
	try := func(f fit) (Digest, bool, error) {
		d, err := s.mail(in, f)
		return d, err == nil && len(d.HTML) <= MaxHTML, err
	}
	if listed == articles {
		for _, lead := range []int{leadMax, 80, 50} {
			d, ok, err := try(fit{listed: articles, led: articles, lead: lead, note: noteMax, contents: true})
			if ok || err != nil {
				return d, err
			}
		}
	}
	// From here on the first articles keep a short lead, the later ones have a
	// headline only; then the contents and the long note go; then headlines.
	for _, f := range []struct {
		most int
		make func(n int) fit
	}{
		{listed, func(n int) fit { return fit{listed: articles, led: n, lead: 50, note: noteMax, contents: true} }},
		{listed, func(n int) fit { return fit{listed: articles, led: n, lead: 50} }},
		{listed, func(n int) fit { return fit{listed: n} }},
	} {
		if listed < articles && f.make(0).listed == articles {
			continue
		}
		d, ok, err := largest(f.most, func(n int) (Digest, bool, error) { return try(f.make(n)) })
		if ok || err != nil {
			return d, err
		}
	}
	return Digest{}, fmt.Errorf("without any article the HTML is over %d bytes already: shorten email.html or email.css", MaxHTML)
}

// largest returns the digest of the largest n up to most that fits, by bisection.
func largest(most int, try func(int) (Digest, bool, error)) (best Digest, found bool, err error) {
	low, high := 0, most
	for low <= high {
		n := (low + high) / 2
		d, ok, err := try(n)
		if err != nil {
			return d, false, err
		}
		if ok {
			best, found, low = d, true, n+1
		} else {
			high = n - 1
		}
	}
	return best, found, nil
}

// shortfall counts the listed articles whose lead is shorter than it would be
// with all the room in the world, and those of them that have none.
func shortfall(in Input, v View) (short, dropped int) {
	entries := v.entries()
	for n, a := range in.articles() {
		if n == len(entries) {
			return short, dropped
		}
		e := entries[n]
		if e.Text != nil {
			continue
		}
		full := shorten(a, v.leads[e.N-1], leadMax)
		if e.Profile {
			full = shorten(a, v.leads[e.N-1], profileMax)
		}
		if e.Lead != full {
			short++
			if e.Lead == "" {
				dropped++
			}
		}
	}
	return short, dropped
}
