package issue

import (
	"regexp"
	"slices"
	"strings"
)

const numeralOrDigits = `(\d{1,6}|[一二三四五六七八九十百零〇○]{1,8})`

// supplementWords are the names of a number outside the regular count. 专刊 and
// 特刊 are themes of regular numbers too, so they count only right behind a date
// or alone on their line.
const supplementWords = `增刊|[年月日号]度?\s*\p{Han}{0,6}(?:专刊|特刊|号外)|^[(\[【]\p{Han}{0,8}(?:专刊|特刊|号外)[)\]】]$|^(?:专刊|特刊|号外)$|(?i:\bsupplement\b|\bspecial (?:issue|edition)\b)`

var (
	supplementMark = regexp.MustCompile(supplementWords)
	supplementWord = regexp.MustCompile(`增刊|专刊|特刊|号外|(?i:supplement|special (?:issue|edition))`)

	issueLine  = regexp.MustCompile(`总\s*(?:期数?|刊?号)?\s*[：:]?\s*第?\s*[\d一二三四五六七八九十百〇○零#]|第\s*[\d一二三四五六七八九十百〇○零#]{1,8}[^。，]{0,14}期|(?i:\bno\.?\s*\d|\bvol\.?\s*\d|\bissue\s*\d)|` + supplementWords + `|年\s*\d{1,2}(?:\s*[、-]\s*\d{1,2})?\s*月\s*(?:合刊|号|刊)`)
	totalMark  = regexp.MustCompile(`总\s*(?:期数?|刊?号)?\s*[：:]?\s*第?\s*` + numeralOrDigits + `\s*(?:[-—–~至、,和]\s*第?\s*` + numeralOrDigits + `\s*)?(?:期|号|\s*\)|$)`)
	numberMark = regexp.MustCompile(`第\s*` + numeralOrDigits + `\s*(?:[-—–~至、,和/]\s*第?\s*` + numeralOrDigits + `\s*)?(?:期|号)`)
	noMark     = regexp.MustCompile(`(?i)\bno\.?\s*(\d{1,6})`)
	yearMark   = regexp.MustCompile(`((?:19|20)\d{2}|` + chineseDigit + `{4})\s*年(?:度)?`)
	monthMark  = regexp.MustCompile(`年(?:度)?\s*((?:\d{1,2}|[一二三四五六七八九十]{1,2})\s*月?(?:\s*[-—–~至、,和/]\s*(?:\d{1,2}|[一二三四五六七八九十]{1,2})\s*月?)*)(月?)`)
	monthSplit = regexp.MustCompile(`\s*(月)?\s*([-—–~至、,和/])\s*`)
	yearMonth  = regexp.MustCompile(`(?:^|[\s(（])((?:19|20)\d{2})\s?[./-]\s?(0?[1-9]|1[0-2])(?:$|[\s)）])`)
	dateLabel  = regexp.MustCompile(`^(?:出版|发行|印刷|印发|编印|出刊)?\s*(?:日期|时间|日)\s*[：:]\s*`)
)

// issueNumbers reads a line such as 2015年3、4月合刊第2期总第142期; what is left of
// it is the title or a notice.
func (r *recogniser) issueNumbers(i int, free *[]int) bool {
	h := narrow(r.lines[i].Text)
	if !shorterThan(h, 90) || (isProse(h) && strings.Contains(h, "。")) {
		return false
	}
	has := issueLine.MatchString(h)
	year := yearMark.MatchString(h) && shorterThan(h, 24) && !orgEnd.MatchString(h)
	if !has && !(year && onlyPeriod(h)) {
		return false
	}
	is := &r.issue
	rest := h
	cut := func(s string) { rest = strings.Replace(rest, s, " ", 1) }
	if date, printed := dateIn(h); date != "" {
		r.setDate(i, date)
		cut(printed)
	}
	if m := totalMark.FindStringSubmatch(rest); m != nil && is.Total == 0 {
		is.Total = number(m[1])
		r.numberRange(i, m)
		cut(m[0])
	} else if m != nil && number(m[1]) == is.Total {
		cut(m[0])
	}
	if m := englishIssue.FindStringSubmatch(rest); m != nil && is.Total == 0 {
		is.Total = number(m[1])
		cut(m[0])
	}
	if v := englishVolume.FindStringSubmatch(rest); v != nil {
		r.volume = number(v[1])
		cut(v[0])
	}
	yearNext := yearThenNumber.MatchString(rest)
	if m := numberMark.FindStringSubmatch(rest); m != nil && is.Number == 0 {
		r.looseNumber(number(m[1]), yearNext)
		r.numberRange(i, m)
		cut(m[0])
	} else if m != nil && (number(m[1]) == is.Number || number(m[1]) == is.Total) {
		cut(m[0])
	} else if m := noMark.FindStringSubmatch(rest); m != nil && is.Number == 0 {
		r.looseNumber(number(m[1]), yearNext)
		cut(m[0])
	}
	if m := monthMark.FindStringSubmatch(rest); m != nil && len(is.Months) == 0 && strings.Contains(m[0], "月") {
		is.Months = months(m[1])
		printed := strings.TrimPrefix(strings.TrimPrefix(m[0], "年度"), "年")
		cut(printed + "刊")
		cut(printed)
	}
	if m := yearMonth.FindStringSubmatch(rest); m != nil && is.Year == 0 && len(is.Months) == 0 {
		is.Year, is.Months = number(m[1]), []int{number(m[2])}
		cut(m[0])
	}
	for _, m := range yearMark.FindAllStringSubmatch(rest, 4) {
		if is.Year == 0 {
			is.Year = number(m[1])
		}
		if number(m[1]) == is.Year {
			cut(m[0])
		}
	}
	if strings.Contains(rest, "合刊") {
		is.Combined = true
		cut("合刊")
	}
	if supplementMark.MatchString(h) {
		is.Supplement = supplementWord.FindString(h)
		r.supplementAt = i
		cut(is.Supplement)
	}
	r.put(i, PlaceMasthead)
	r.leftover(i, rest, free)
	return true
}

// supplement says what a supplement needs. A 专刊 with a number within the year is
// a regular issue with a theme.
func (r *recogniser) supplement() {
	word := r.issue.Supplement
	switch {
	case word == "":
	case r.issue.Number > 0 && (word == "专刊" || word == "特刊"):
		r.issue.Supplement = ""
		r.find("masthead-line", r.supplementAt, Info, "有年内期号，按正刊编号；“"+word+"”没有对应的栏位，未收入")
	default:
		r.find("supplement", r.supplementAt, Warning, "这是"+word+"，不能用正刊的期号作编号；编号由 --number N 指定，不要与正刊相同")
	}
}

var (
	emptyBrackets  = regexp.MustCompile(`[(\[【]\s*[)\]】]`)
	yearThenNumber = regexp.MustCompile(`年(?:度)?(?:[^第\d]{0,4}|\s*[\d、~至和-]{1,8}\s*月?(?:合刊)?)\s*\(?(?:第|(?i:no))`)
	periodRest     = regexp.MustCompile(`^[\s()\d、第年月季春夏秋冬度号刊~至和/-]*(?:合刊)?[\s()]*$`)
)

// onlyPeriod tells whether a line is nothing but a year and months.
func onlyPeriod(h string) bool { return periodRest.MatchString(strings.Map(chineseToDigit, h)) }

func chineseToDigit(r rune) rune {
	if digit(r) >= 0 || r == '十' {
		return '1'
	}
	return r
}

// looseNumber places a number without 总: it counts within the year when it
// stands right behind the year or is small enough for a weekly.
func (r *recogniser) looseNumber(n int, behindYear bool) {
	const issuesOfAWeekly = 53
	if !behindYear && n > issuesOfAWeekly && r.issue.Total == 0 {
		r.issue.Total = n
		return
	}
	r.issue.Number = n
}

func (r *recogniser) numberRange(i int, m []string) {
	if m[2] != "" {
		r.issue.Combined = true
		r.find("combined-number", i, Info, "合刊印了两个期号（"+strings.TrimSpace(m[0])+"），取前一个；如要另取，请用 --number 或 --total")
	}
}

// leftover gives what an issue line has beside its numbers to the title, the
// sponsor or the notice.
func (r *recogniser) leftover(i int, rest string, free *[]int) {
	rest = strings.Trim(strings.Join(strings.Fields(emptyBrackets.ReplaceAllString(rest, " ")), " "), "()（）,，.。·|/-—:： ")
	if name, theme, ok := strings.Cut(rest, ":"); ok && r.issue.Title == "" && hanCount(name) >= 2 && hanCount(theme) >= 2 && !orgLabel.MatchString(r.printed(i, rest)) { // 湖畔周刊（第 12 期）：春天来了
		r.find("masthead-line", i, Info, "期号行里的“"+clip(strings.TrimSpace(theme))+"”没有对应的栏位，未收入")
		rest = strings.TrimSpace(name)
	}
	if rest == "" || rest == "期" || rest == "号" || rest == "月" || rest == "出版" {
		return
	}
	printed := r.printed(i, rest)
	switch {
	case fold(printed) == fold(r.issue.Title):
	case r.organisation(printed, i, PlaceMasthead):
	case noticeLine.MatchString(printed):
		r.issue.Notice = strings.TrimSpace(r.issue.Notice + " " + printed)
	case hanCount(printed) >= 2 && r.issue.Title == "" && shorterThan(printed, 25) && !slices.ContainsFunc(*free, func(j int) bool {
		return shorterThan(r.lines[j].Text, 25) && !orgEnd.MatchString(r.lines[j].Text)
	}):
		r.issue.Title = unbook(printed)
	default:
		r.find("masthead-line", i, Info, "期号行里的“"+clip(printed)+"”没有对应的栏位，未收入")
	}
}

// printed finds the spelling that the line has for a piece of its narrow form.
func (r *recogniser) printed(i int, piece string) string {
	line := []rune(r.lines[i].Text)
	low := []rune(narrow(r.lines[i].Text))
	want := []rune(piece)
	for at := 0; at+len(want) <= len(low); at++ {
		if slices.Equal(low[at:at+len(want)], want) {
			return string(line[at : at+len(want)])
		}
	}
	return piece
}

// months reads 3、4 or 1-3 or 十一、十二.
func months(s string) []int {
	s = strings.TrimSuffix(strings.TrimSpace(s), "月")
	var out []int
	add := func(n int) {
		if n >= 1 && n <= 12 && !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	seps := monthSplit.FindAllStringSubmatch(s, -1)
	for i, part := range monthSplit.Split(s, -1) {
		n := number(strings.TrimSuffix(part, "月"))
		if i > 0 && len(out) > 0 && strings.Contains("-—–~至", seps[i-1][2]) {
			for m := out[len(out)-1] + 1; m < n && m <= 12; m++ {
				add(m)
			}
		}
		add(n)
	}
	return out
}

func (r *recogniser) setDate(i int, date string) {
	if r.issue.Date == "" {
		r.issue.Date = date
	} else if r.issue.Date != date {
		r.find("date-twice", i, Warning, "又有一个日期 "+date+"，已取前一个 "+r.issue.Date+"；可用 --date 说明")
	}
	if r.issue.Year == 0 {
		r.issue.Year = number(date[:4])
	}
}

func (r *recogniser) dateLine(i int) bool {
	t := r.lines[i].Text
	bare := t
	if shorterThan(t, 60) {
		bare = dateLabel.ReplaceAllString(t, "")
	}
	date, printed := dateIn(bare)
	if date == "" || !shorterThan(t, 40) {
		return false
	}
	around := strings.Replace(narrow(bare), printed, "", 1)
	around = strings.TrimSpace(strings.Trim(strings.TrimSpace(around), "出版印刷发行编 ()"))
	if !dateAround.MatchString(around) {
		if !strings.HasPrefix(narrow(bare), printed) {
			return false
		}
		r.find("masthead-line", i, Info, "日期后面的“"+clip(around)+"”没有对应的栏位，未收入")
	}
	r.setDate(i, date)
	r.put(i, PlaceMasthead)
	return true
}
