package issue

import (
	"fmt"
	"regexp"
	"strings"
	"time"
)

const chineseDigit = `[〇○零一二三四五六七八九]`

var (
	datePattern = regexp.MustCompile(
		`((?:19|20)\d{2}|` + chineseDigit + `{4})\s*[年./-]\s*(\d{1,2}|[一二三四五六七八九十]{1,3})\s*[月./-]\s*(\d{1,2}|[一二三四五六七八九十]{1,3})\s*日?`)
	dateAround = regexp.MustCompile(`^[\s(\[（）。,，]*(?:星期[一二三四五六日天]|周[一二三四五六日天])?[\s)\]（）。,，]*$`)
)

// dateIn finds a whole date (with its day) in s and returns it as YYYY-MM-DD
// with the text that it takes up in narrow(s); "" when there is none.
func dateIn(s string) (date, printed string) {
	if !shorterThan(s, 200) {
		return "", ""
	}
	m := datePattern.FindStringSubmatch(narrow(s))
	if m == nil {
		return "", ""
	}
	y, mo, d := number(m[1]), number(m[2]), number(m[3])
	t := time.Date(y, time.Month(mo), d, 0, 0, 0, 0, time.UTC)
	if t.Year() != y || int(t.Month()) != mo || t.Day() != d {
		return "", ""
	}
	return fmt.Sprintf("%04d-%02d-%02d", y, mo, d), m[0]
}

// isDateLine tells whether a line is nothing but a date.
func isDateLine(s string) bool {
	date, printed := dateIn(s)
	return date != "" && dateAround.MatchString(strings.Replace(narrow(s), printed, "", 1))
}
