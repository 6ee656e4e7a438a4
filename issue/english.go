package issue

import (
	"fmt"
	"regexp"
	"strings"
	"time"
)

// Bulletins in English: the same parts under other words.
var (
	englishIssue  = regexp.MustCompile(`(?i)\bissue\s*(?:no\.?\s*)?#?(\d{1,6})\b`)
	englishVolume = regexp.MustCompile(`(?i)\bvol(?:ume|\.)?\s*(\d{1,4})\b`)
	englishMonth  = regexp.MustCompile(`(?i)^(january|february|march|april|may|june|july|august|september|october|november|december)\s+(?:(\d{1,2}),?\s+)?((?:19|20)\d{2})$`)
	englishSeason = regexp.MustCompile(`(?i)^(?:spring|summer|autumn|fall|winter)[\s,]+((?:19|20)\d{2})$`)
	englishMaker  = regexp.MustCompile(`(?i)^(?:published|issued)\s+by\s+(?:the\s+)?(\S.*)$`)
	englishNotice = regexp.MustCompile(`(?i)^(?:for members only|for internal use(?: only)?|not for sale)$`)
	englishEditor = regexp.MustCompile(`^((?:Managing |Deputy |Guest )?Editors?|Design|Layout|Proofreading|Proofreader)\s*:\s*([A-Z][^:]{1,60})$`)
	englishByline = regexp.MustCompile(`^(?i:by)\s+([A-Z][\w.'’-]*(?:\s+[A-Z][\w.'’-]*){1,4})$`)
	englishLabel  = regexp.MustCompile(`(?i)^(source|author|text|words|photos?(?: by)?|excerpted from|reprinted from|adapted from|first published in)\s*:\s*(\S.{0,80})$|^(?:excerpted|reprinted|adapted) from\s+(\S.{0,80})$`)
	englishPrint  = regexp.MustCompile(`(?i)^(?:printed (?:by|at|in)|address|phone|e-?mail|website)\b`)
	capitalLine   = regexp.MustCompile(`^[A-Z][A-Z0-9 &'’,/-]{3,38}$`)
)

// englishLine reads a line of an English masthead.
func (r *recogniser) englishLine(i int) bool {
	t := r.lines[i].Text
	if len(t) > 100 {
		return false
	}
	if m := englishMonth.FindStringSubmatch(t); m != nil {
		month := monthNamed(m[1])
		r.issue.Year = number(m[3])
		if m[2] != "" {
			if d := englishDate(t); d != "" {
				r.setDate(i, d)
			}
		} else if len(r.issue.Months) == 0 {
			r.issue.Months = []int{month}
		}
		r.put(i, PlaceMasthead)
		return true
	}
	if m := englishSeason.FindStringSubmatch(t); m != nil {
		r.issue.Year = number(m[1])
		r.put(i, PlaceMasthead)
		return true
	}
	if m := englishMaker.FindStringSubmatch(t); m != nil && r.issue.Publisher == "" {
		r.issue.Publisher = m[1]
		r.put(i, PlaceMasthead)
		return true
	}
	if englishNotice.MatchString(t) {
		r.issue.Notice = strings.TrimSpace(r.issue.Notice + " " + t)
		r.put(i, PlaceMasthead)
		return true
	}
	return false
}

func monthNamed(name string) int {
	for k := time.January; k <= time.December; k++ {
		if strings.EqualFold(k.String(), name) {
			return int(k)
		}
	}
	return 0
}

// englishDate reads March 4, 2024 as YYYY-MM-DD, "" when it is no date.
func englishDate(s string) string {
	m := englishMonth.FindStringSubmatch(s)
	if m == nil || m[2] == "" {
		return ""
	}
	date, _ := dateIn(fmt.Sprintf("%s-%d-%s", m[3], monthNamed(m[1]), m[2]))
	return date
}

// englishCredit reads Source: Port Authority and the like.
func englishCredit(s string) credit {
	m := englishLabel.FindStringSubmatch(s)
	if m == nil || !shorterThan(s, 100) || strings.Contains(s, ". ") {
		return credit{}
	}
	c := credit{ok: true}
	switch label := strings.ToLower(m[1]); label {
	case "source":
		c.source = m[2]
	case "author", "text", "words", "photo", "photos", "photo by", "photos by":
		c.by, c.names = []string{s}, []string{m[2]}
	default:
		c.excerpted = m[2] + m[3]
	}
	return c
}
