package subscribers

import (
	"regexp"
	"strings"
	"time"
)

// numerals are Chinese digits and their units, after folding.
const numerals = "〇○零一二三四五六七八九十百千两廿卅"

var (
	// 第142期, 总第142期, 142, 一四二期, 第一百四十二期, no. 142, issue 142, the 142nd issue
	numberedIssue = regexp.MustCompile(`^(?:总?第?|no\.? ?|nr\.? ?|issue (?:no\.? ?)?|number |the )([0-9]{1,6}|[` + numerals + `]{1,9})(?:st|nd|rd|th)?(?: issue)?[期号刊]?$`)
	// 2015年第2期, 二〇一五年第二期, 今年第3期, 2015-2
	issueOfYear = regexp.MustCompile(`^(今年|去年|前年|[0-9〇○零一二三四五六七八九]{4}[年./ -])的?第?([0-9]{1,3}|[` + numerals + `]{1,5})期?$`)
	// no. 2 of 2015
	ofYear = regexp.MustCompile(`^(?:no\.? ?|issue |number )([0-9]{1,3}) (?:of|in) ([0-9]{4})$`)
)

// issueName reads the name of an issue.
func issueName(s string, now time.Time) (IssueName, bool) {
	t := tight(s)
	if n := before(t); n > 0 {
		return IssueName{Back: n}, true
	}
	if m := numberedIssue.FindStringSubmatch(t); m != nil {
		n, ok := numeral(m[1])
		// 一 alone is a word, 一期 is an issue.
		if ok && n > 0 && (m[1] != t || t[0] <= '9' || len([]rune(t)) > 1) {
			return IssueName{Number: n}, true
		}
		return IssueName{}, false
	}
	if m := ofYear.FindStringSubmatch(t); m != nil {
		return inYear(m[2], m[1], now)
	}
	if m := issueOfYear.FindStringSubmatch(t); m != nil {
		return inYear(m[1], m[2], now)
	}
	return IssueName{}, false
}

func inYear(year, number string, now time.Time) (IssueName, bool) {
	y, ok := now.Year(), true
	switch year {
	case "今年":
	case "去年":
		y--
	case "前年":
		y -= 2
	default:
		y, ok = numeral(strings.TrimRight(year, "年./ -"))
	}
	n, fine := numeral(number)
	return IssueName{Number: n, Year: y}, ok && fine && y >= 1800 && y < 2200 && n > 0 && n < 400
}

// numeral reads 142, 一四二, 一百四十二, 一百零二, 两千, 廿三.
func numeral(s string) (n int, ok bool) {
	runes := []rune(s)
	if len(runes) == 0 || len(runes) > 9 {
		return 0, false
	}
	if !strings.ContainsAny(s, "十百千廿卅") {
		for _, r := range runes {
			d := chineseDigit(r)
			if d < 0 {
				return 0, false
			}
			n = 10*n + d
		}
		return n, true
	}
	digit, least := -1, 10_000 // the unit before has to be a greater one
	for i, r := range runes {
		unit := map[rune]int{'十': 10, '廿': 10, '卅': 10, '百': 100, '千': 1000}[r]
		if unit == 0 {
			d := chineseDigit(r)
			if d < 0 || digit > 0 {
				return 0, false
			}
			digit = d
			continue
		}
		times := digit
		switch {
		case r == '廿':
			times = 2
		case r == '卅':
			times = 3
		case digit <= 0:
			times = 1 // 十二, 百零二
		}
		if unit >= least || digit > 0 && r != '十' && unit == 10 || i > 0 && digit < 0 && unit > 10 {
			return 0, false
		}
		n, least, digit = n+times*unit, unit, -1
	}
	return n + max(digit, 0), true
}

func chineseDigit(r rune) int {
	switch {
	case r >= '0' && r <= '9':
		return int(r - '0')
	case r == '○' || r == '零':
		return 0
	case r == '两':
		return 2
	}
	for d, c := range []rune("〇一二三四五六七八九") {
		if r == c {
			return d
		}
	}
	return -1
}

// maxPauseYears bounds a pause; who wants a longer one says so again.
const maxPauseYears = 1

var (
	// 三个月, 2周, 半年, for 3 months
	pauseFor = regexp.MustCompile(`^(?:for )?([0-9]{1,3}|[` + numerals + `]{1,5}|半|an?|one|two|three|six) ?(个月|月|周|个星期|星期|个礼拜|礼拜|天|日|年|months?|weeks?|days?|years?)$`)
	// 到明年3月, 到12月31日, until 2027-03-01
	pauseDate = regexp.MustCompile(`^(?:到|至|until |till )?(?:(今年|明年|后年|[0-9]{4})[年./-]?)?([0-9]{1,2}|[` + numerals + `]{1,2})[月./-](?:([0-9]{1,2}|[` + numerals + `]{1,3})[日号]?)?(?:为止|止)?$`)
)

// pauseUntil reads how long a pause is to be.
func pauseUntil(s string, now time.Time) (until time.Time, ok bool) {
	t := tight(s)
	if m := pauseFor.FindStringSubmatch(t); m != nil {
		until, ok = after(now, m[1], m[2])
	} else if m := pauseDate.FindStringSubmatch(t); m != nil {
		until, ok = dateAfter(now, m[1], m[2], m[3])
	}
	if !ok || !until.After(now) || until.After(now.AddDate(maxPauseYears, 0, 0)) {
		return time.Time{}, false
	}
	return until, true
}

// after is now and a length of time.
func after(now time.Time, count, unit string) (time.Time, bool) {
	half := count == "半"
	n, ok := map[string]int{"半": 1, "a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "six": 6}[count]
	if !ok {
		if n, ok = numeral(count); !ok {
			return time.Time{}, false
		}
	}
	switch strings.TrimSuffix(strings.TrimPrefix(unit, "个"), "s") {
	case "年", "year":
		if half {
			return now.AddDate(0, 6, 0), true
		}
		return now.AddDate(n, 0, 0), true
	case "月", "month":
		if half {
			return now.AddDate(0, 0, 15), true
		}
		return now.AddDate(0, n, 0), true
	case "周", "星期", "礼拜", "week":
		return now.AddDate(0, 0, 7*n), !half
	}
	return now.AddDate(0, 0, n), !half // days
}

// dateAfter is the beginning of a day, the next such one when no year is given.
func dateAfter(now time.Time, year, month, day string) (time.Time, bool) {
	y := now.Year()
	m, ok := numeral(month)
	d := 1
	if day != "" {
		var fine bool
		d, fine = numeral(day)
		ok = ok && fine
	}
	date := func(y int) time.Time { return time.Date(y, time.Month(m), d, 0, 0, 0, 0, now.Location()) }
	switch year {
	case "今年":
	case "明年":
		y++
	case "后年":
		y += 2
	case "":
		if !date(y).After(now) {
			y++
		}
	default:
		y, _ = numeral(year)
	}
	return date(y), ok && m >= 1 && m <= 12 && date(y).Day() == d
}
