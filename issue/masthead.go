package issue

import (
	"regexp"
	"slices"
	"strings"
)

var (
	orgEnd      = regexp.MustCompile(`(?:协会|学会|商会|联合会|研究会|委员会|促进会|理事会|基金会|中心|公司|集团|局|厅|委|研究院|学院|大学|研究所|社|联盟|办公室|编辑部|编委会|秘书处|工会|总会|分会|联谊会|支部|图书馆|政府)$`)
	orgLine     = regexp.MustCompile(`^(.{2,60}?)\s*(主\s*办|承\s*办|协\s*办|主\s*管|编\s*印|编辑出版|出\s*版|编\s*制|印\s*发|出\s*品|主\s*编|编)((?:[，,。 ].*)?)$`)
	orgLabel    = regexp.MustCompile(`(主\s*办(?:单位|方)?|承\s*办(?:单位)?|协\s*办(?:单位)?|主\s*管(?:单位)?|编\s*印(?:单位)?|编辑出版(?:单位)?|出\s*版(?:单位)?|编\s*制(?:单位)?|出\s*品(?:单位|方)?|编辑单位)\s*[：:]\s*`)
	ownStaff    = regexp.MustCompile(`编辑(?:部|组|室)$|编委会$`)
	noticeLine  = regexp.MustCompile(`内部(?:资料|刊物|交流|参考|使用|发行|赠阅)|会员(?:资料|内刊|刊物)|注意保存|免费(?:交流|赠阅|发放)|仅供参考|请勿外传|注意保密|赠阅|非卖品`)
	bookAndKind = regexp.MustCompile(`^《([^《》]+)》\s*((?:半月|双月|月|周|旬|季|半年|年)刊|(?:[内会]部?)?刊物?|电子版)$`)
	latinLine   = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9 .,&'’()·|/-]*$`)
)

// masthead reads the lines before the contents or the first section.
func (r *recogniser) masthead(end int) {
	var free []int // lines that say nothing of themselves: title, publisher
	at := -1       // the line with the number of the issue
	english := !slices.ContainsFunc(r.lines[:end], func(l Line) bool { return hanCount(clip(l.Text)) > 0 })
	for i := range end {
		switch {
		case r.issueNumbers(i, &free):
			if at < 0 {
				at = i
			}
		case r.organisation(r.lines[i].Text, i, PlaceMasthead), r.editors(i, PlaceMasthead):
		case r.dateLine(i), r.notice(i), r.englishLine(i):
		case !english && isLatinName(r.lines[i].Text) && len(strings.Fields(r.lines[i].Text)) > 1 && r.issue.PublisherEN == "":
			r.issue.PublisherEN = r.lines[i].Text
			r.put(i, PlaceMasthead)
		case imprint.MatchString(narrow(r.lines[i].Text)):
			r.find("masthead-line", i, Info, "刊头的这一行没有对应的栏位，未收入：“"+clip(r.lines[i].Text)+"”")
		default:
			free = append(free, i)
		}
	}
	if r.issue.Number == 0 && r.issue.Total == 0 {
		r.issue.Total = r.volume
	}
	r.supplement()
	r.nameAndPublisher(free, at)
	if r.issue.Publisher == "" {
		r.issue.Publisher = r.issue.Sponsor
	}
}

// nameAndPublisher chooses the title among the lines that carry no label: a
// heading, else the line nearest before the number of the issue, else the first.
func (r *recogniser) nameAndPublisher(free []int, at int) {
	title := -1
	for _, i := range free {
		t := r.lines[i].Text
		if _, in := unbracket(t); in || isProse(t) || !shorterThan(t, 41) {
			continue
		}
		org := orgEnd.MatchString(t)
		switch {
		case r.issue.Title != "":
		case title < 0,
			r.lines[i].Style == StyleHeading && r.lines[title].Style != StyleHeading,
			orgEnd.MatchString(r.lines[title].Text) && !org,
			i < at && !org && unbook(r.lines[title].Text) == r.lines[title].Text && hanCount(t) > 0 && r.lines[title].Style != StyleHeading:
			title = i
		}
	}
	if title >= 0 {
		r.issue.Title = unbook(r.lines[title].Text)
		r.put(title, PlaceMasthead)
		if m := bookAndKind.FindStringSubmatch(r.issue.Title); m != nil { // 《武陵茶讯》双月刊
			r.issue.Title = m[1]
			r.find("masthead-line", title, Info, "刊名后面的“"+m[2]+"”没有对应的栏位，未收入")
		}
	}
	for _, i := range free {
		t := r.lines[i].Text
		switch {
		case i == title:
		case unbook(t) == r.issue.Title && t != "":
			r.put(i, PlaceMasthead)
		case r.issue.Publisher == "" && orgEnd.MatchString(t) && shorterThan(t, 41):
			r.issue.Publisher = t
			r.put(i, PlaceMasthead)
		case r.issue.PublisherEN == "" && isLatinName(t):
			r.issue.PublisherEN = t
			r.put(i, PlaceMasthead)
		}
	}
}

var latinDate = regexp.MustCompile(`(?i)\b(?:19|20)\d{2}\b|^(?:spring|summer|autumn|fall|winter|january|february|march|april|may|june|july|august|september|october|november|december)\b|^(?:no|vol|issue)\b`)

// isLatinName tells the name of an organisation or of the periodical in Latin
// letters from a date, a season or a number.
func isLatinName(t string) bool {
	return len(t) < 200 && latinLine.MatchString(t) && !latinDate.MatchString(t)
}

func unbook(s string) string {
	if t, ok := strings.CutPrefix(s, "《"); ok {
		if t, ok = strings.CutSuffix(t, "》"); ok {
			return strings.TrimSpace(t)
		}
	}
	return s
}

func (r *recogniser) notice(i int) bool {
	t := r.lines[i].Text
	if !shorterThan(t, 40) || !noticeLine.MatchString(t) || strings.ContainsAny(t, "：:") {
		return false
	}
	r.issue.Notice = strings.TrimSpace(r.issue.Notice + " " + strings.Trim(t, signs+" "))
	r.put(i, PlaceMasthead)
	return true
}

// organisation reads who sponsors and who publishes, with the word behind the
// name or a label before it.
func (r *recogniser) organisation(t string, i int, p Place) bool {
	if !shorterThan(t, 120) {
		return false
	}
	if m := orgLine.FindStringSubmatch(t); m != nil && !strings.ContainsAny(t, "：:；") && !strings.ContainsAny(m[1], "，。") && hanCount(m[1]) >= 4 {
		r.setOrg(strings.Join(strings.Fields(m[2]), ""), strings.TrimSpace(m[1]), i, p)
		if rest := strings.Trim(r.cutDate(i, m[3]), "，,。 "); rest != "" {
			r.find("masthead-line", i, Info, "“"+clip(rest)+"”没有对应的栏位，未收入")
		}
		return true
	}
	at := orgLabel.FindAllStringSubmatchIndex(t, -1)
	if at == nil || at[0][0] != 0 {
		return false
	}
	for k, m := range at {
		end := len(t)
		if k+1 < len(at) {
			end = at[k+1][0]
		}
		r.setOrg(strings.Join(strings.Fields(t[m[2]:m[3]]), ""), strings.Trim(r.cutDate(i, t[m[1]:end]), " 　,，;；|｜/\t"), i, p)
	}
	return true
}

// cutDate takes the date of publication off the end of what a masthead line
// says of an organisation.
func (r *recogniser) cutDate(i int, s string) string {
	date, printed := dateIn(s)
	low := narrow(s)
	at := strings.LastIndex(low, printed)
	if date == "" || at <= 0 && strings.TrimSpace(low[:max(at, 0)]) != "" || !dateAround.MatchString(low[at+len(printed):]) {
		return s
	}
	r.setDate(i, date)
	return string([]rune(s)[:runeCount(low[:at])])
}

func (r *recogniser) setOrg(role, name string, i int, p Place) {
	switch {
	case name == "":
		return
	case strings.HasPrefix(role, "主办") && r.issue.Sponsor == "":
		r.issue.Sponsor = name
	case (strings.HasPrefix(role, "编") || strings.HasPrefix(role, "出")) && r.issue.Publisher == "" && !ownStaff.MatchString(name):
		r.issue.Publisher = name
	case strings.HasPrefix(role, "主办") && r.issue.Sponsor != name:
		r.issue.Sponsor += "、" + name
	case name == r.issue.Sponsor || name == r.issue.Publisher:
	default:
		r.find("masthead-line", i, Info, "“"+role+"："+clip(name)+"”没有对应的栏位，未收入")
		return
	}
	r.put(i, p)
}
