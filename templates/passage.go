package templates

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"yizhan/issue"
)

// Where a summary may begin: at a paragraph among the first ones, and at any
// sentence of the very first ones.
const (
	passageParagraphs = 16
	passageSentences  = 3 // paragraphs
)

// passage returns the stretch of running text that a summary is cut from. Each place
// where one may begin is scored, and the best wins:
//
//   - position: the beginning says most, 1 for the first paragraph, less for each
//     further one and each sentence in it;
//   - the title: the share of its words (pairs of Han, Latin words) that come up, in
//     the first sentence and in what there is room for;
//   - length: whether there is enough from here on to fill a summary;
//   - against it: a beginning that needs what stands before (但、他、其次), a
//     question, a speaker.
//
// It is one stretch and not sentences picked from everywhere: those read as if
// something had been left out, which it had.
func passage(a issue.Article) string {
	title := terms(a.Title)
	best, bestScore, order := "", 0.0, 0
	for n, b := range a.Blocks {
		p := text(b.Text)
		if !running(a, b.Kind, p) {
			continue
		}
		if order++; order > passageParagraphs {
			break
		}
		for k, at := range beginnings(p) {
			if k > 0 && order > passageSentences {
				break
			}
			s := textFrom(a, n, at)
			if s == "" {
				continue
			}
			score := 0.9 / (1 + 0.3*float64(order-1) + 0.2*float64(k))
			if score += worth(s, title); best != "" && dependent.MatchString(s) {
				score -= 0.5
			}
			if best == "" || score > bestScore {
				best, bestScore = s, score
			}
		}
	}
	return best
}

// worth scores a stretch of text for itself, see passage.
func worth(s string, title []string) float64 {
	shown := head(s, leadMax*5/4)
	score := 0.0
	first := shown
	if at := beginnings(shown); len(at) > 1 {
		first = shown[:at[1]]
	}
	score += share(title, first)/2 + share(title, shown)/2
	switch length := weights(shown) / 2; {
	case length >= leadMin:
		score += 0.3
	case length >= leadMin/2:
		score += 0.15
	}
	if strings.ContainsAny(head(first, 40), "？?") || speaker.MatchString(s) {
		score -= 0.3
	}
	return score
}

// share is how much of a title comes up in a text, 0 to 1.
func share(title []string, s string) float64 {
	if len(title) == 0 {
		return 0
	}
	s = strings.ToLower(s)
	found := 0
	for _, w := range title {
		if strings.Contains(s, w) {
			found++
		}
	}
	return float64(found) / float64(len(title))
}

var (
	// dependent is how a sentence begins that leans on the one before it.
	dependent = regexp.MustCompile(`^(一方面|另一方面|他|她|它|这|那[是些个种]|其|此|该|但|而|因此|所以|同时|另外|然而|不过|于是|也|还|第[二三四五六七八九]|[二三四五六七八九]是|[（(]?[二三四五六七八九十][、）)]|[（(]?[2-9][、.．）)]|And |But |This |That |It |They |He |She |These |However|Also )`)
	// speaker begins what somebody says in an interview.
	speaker = regexp.MustCompile(`^\S{1,8}[：:]`)
)

// beginnings are the places in a paragraph where a sentence begins, 0 the first.
func beginnings(p string) []int {
	out := []int{0}
	const looked = 400 // runes
	t := analyse(head(p, looked))
	at, ended := 0, false
	for i, c := range t.r {
		ended = ended || i > 0 && t.depth[i] == 0 && t.sentenceEnd(i)
		if ended && !unicode.IsSpace(c) && len(out) < 8 {
			out, ended = append(out, at), false
		}
		at += utf8.RuneLen(c)
	}
	return out
}

// terms are what a title and a text can have in common: pairs of neighbouring Han,
// and Latin words of three letters or more, in lower case, each once.
func terms(s string) []string {
	var out []string
	add := func(w string) {
		if !slices.Contains(out, w) {
			out = append(out, w)
		}
	}
	var before rune
	var word strings.Builder
	end := func() {
		if word.Len() >= 3 {
			add(strings.ToLower(word.String()))
		}
		word.Reset()
	}
	for _, c := range head(s, lineMax) {
		if wordRune(c) {
			word.WriteRune(c)
			before = 0
			continue
		}
		end()
		if !isHan(c) {
			before = 0
			continue
		}
		if before != 0 {
			add(string([]rune{before, c}))
		}
		before = c
	}
	end()
	return out
}
