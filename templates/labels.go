package templates

import (
	"fmt"
	"strings"
	"time"
	"unicode"

	"yizhan/issue"
)

// Labels are the words that the templates print around the text of an issue,
// in one language.
type Labels struct {
	Lang string // language tag of the words: zh-CN, en

	Skip, Contents, ReadMore, ReadOnline, BackToContents string
	Source, ExcerptedFrom, Byline, Speaker, Document     string
	Summary, Website, Sponsor, Untitled                  string
	Manage, Unsubscribe, Address, Contact                string
	Footnotes, SeeSource                                 string // WeChat article

	correction, correctedOn, corrected string

	Colon string // between a label and a value
	Comma string // between names
	gap   string // between two sentences

	semicolon string // between two headlines

	reason, total, chosen, shortened, dropped, unlisted, revision string
	articleTotal, articleBrief                                    string
}

// Language is that of the words around an issue's own text: English when its
// masthead has Latin letters and no Han, else Chinese.
func Language(i issue.Issue) string {
	mast := i.Title + i.Publisher + i.Sponsor
	if mast == "" {
		for _, s := range i.Sections {
			mast += s.Name
			for _, a := range s.Articles {
				mast += a.Title
			}
		}
	}
	if mast == "" || strings.ContainsFunc(mast, wide) || !strings.ContainsFunc(mast, unicode.IsLetter) {
		return "zh-CN"
	}
	return "en"
}

func (in Input) language() string { return or(in.Language, Language(in.Issue)) }

func labels(language string) Labels {
	if strings.HasPrefix(strings.ToLower(language), "en") {
		return Labels{
			Lang: "en",
			Skip: "Skip to the text", Contents: "In this issue", ReadMore: "Read more", ReadOnline: "Read online", BackToContents: "Contents",
			Source: "Source: ", ExcerptedFrom: "Excerpted from: ", Byline: "By ", Speaker: "Speaker: ", Document: "No. ",
			Summary: "Summary", Website: "Website: ", Sponsor: "Published by ", Untitled: "Untitled",
			Manage: "Change your subscription", Unsubscribe: "Unsubscribe", Address: "Address: ", Contact: "Contact: ",
			Colon:      ": ",
			Comma:      ", ",
			gap:        " ",
			semicolon:  "; ",
			chosen:     "%[2]d articles of the sections that you chose: %[1]s. ",
			reason:     "You receive this mail because you subscribed to “%s”.",
			total:      "%d articles in this issue",
			shortened:  "%d articles in all; the summaries of %d are shortened here, see the web page.",
			dropped:    "%d articles in all; the summaries of another %d are on the web page.",
			unlisted:   "%d articles in all; the summaries of another %d are on the web page, and the headlines of %d of them too.",
			revision:   "Revision %d",
			correction: "[Correction]", correctedOn: "This issue was corrected on %s.", corrected: "This issue was corrected.",

			Footnotes: "Links", SeeSource: "Tap “Read more” (阅读原文) below for the full text of this issue.",
			articleTotal: "%d articles in this issue, here in summary",
			articleBrief: "%d articles in this issue, here in summary; of %d there is only the headline for want of room",
		}
	}
	return Labels{
		Lang: "zh-CN",
		Skip: "跳到正文", Contents: "本期目录", ReadMore: "阅读全文", ReadOnline: "在线阅读", BackToContents: "返回目录",
		Source: "来源：", ExcerptedFrom: "摘自：", Byline: "作者：", Speaker: "讲话：", Document: "文号：",
		Summary: "摘要", Website: "网址：", Sponsor: "主办：", Untitled: "（无题）",
		Manage: "更改订阅", Unsubscribe: "退订", Address: "地址：", Contact: "联系方式：",
		Colon:      "：",
		Comma:      "、",
		semicolon:  "；",
		chosen:     "按您选的栏目编发 %[2]d 篇：%[1]s。",
		reason:     "您收到这封邮件，是因为您订阅了《%s》。",
		total:      "本期共 %d 篇",
		shortened:  "全文共 %d 篇，其中 %d 篇的摘要在邮件里有所缩短，详见网页版。",
		dropped:    "全文共 %d 篇，另有 %d 篇摘要请见网页版。",
		unlisted:   "全文共 %d 篇，另有 %d 篇摘要请见网页版，其中 %d 篇连标题也只在网页版上列出。",
		revision:   "第 %d 版",
		correction: "[更正]", correctedOn: "本期已于 %s 更正。", corrected: "本期已更正。",

		Footnotes: "文中链接", SeeSource: "点击文末“阅读原文”，在网页上看本期全文。",
		articleTotal: "本期共 %d 篇，以下为摘要",
		articleBrief: "本期共 %d 篇，以下为摘要；限于篇幅，其中 %d 篇只列标题",
	}
}

// correctionOf is the note that goes with a correction: when and what was corrected.
func (l Labels) correctionOf(in Input) string {
	if !in.Correction {
		return ""
	}
	s := l.corrected
	if at := in.Revision.Approved; !at.IsZero() {
		s = fmt.Sprintf(l.correctedOn, l.day(in.in(at)))
	}
	if note := text(in.Revision.Note); note != "" {
		s += l.gap + note
	}
	return s
}

// day is a date as people write it.
func (l Labels) day(t time.Time) string {
	if l.Lang == "en" {
		return t.Format("2 January 2006")
	}
	return t.Format("2006年1月2日")
}

// printedDay is the date of an issue, YYYY-MM-DD, as people write it.
func (l Labels) printedDay(date string) string {
	t, err := time.Parse(time.DateOnly, date)
	if err != nil {
		return date
	}
	return l.day(t)
}

// Heading sets a section's name off in the text part, where there is no type.
func (l Labels) Heading(name string) string {
	if l.Lang == "en" {
		return "[" + name + "]"
	}
	return "【" + name + "】"
}

// Pair joins a label and a value as a line of the colophon does: 编辑：林婷.
func (l Labels) Pair(label, value string) string { return label + l.Colon + value }

// issueName is the issue's short name in running text: 2015年第2期（总第142期）.
func (l Labels) issueName(i issue.Issue) string {
	if l.Lang == "en" {
		return issueNameEN(i)
	}
	var s string
	if i.Year > 0 {
		s = fmt.Sprintf("%d年", i.Year)
	}
	if i.Number > 0 {
		s += fmt.Sprintf("第%d期", i.Number)
	}
	s += i.Supplement
	switch {
	case i.Total > 0 && s != "":
		s += fmt.Sprintf("（总第%d期）", i.Total)
	case i.Total > 0:
		s = fmt.Sprintf("总第%d期", i.Total)
	case s == "":
		s = line(i.ID)
	}
	return s
}

func issueNameEN(i issue.Issue) string {
	var parts []string
	if i.Number > 0 {
		parts = append(parts, fmt.Sprintf("No. %d", i.Number))
	}
	if i.Year > 0 {
		parts = append(parts, fmt.Sprint(i.Year))
	}
	if i.Supplement != "" {
		parts = append(parts, i.Supplement)
	}
	s := strings.Join(parts, ", ")
	switch {
	case i.Total > 0 && s != "":
		s += fmt.Sprintf(" (issue %d)", i.Total)
	case i.Total > 0:
		s = fmt.Sprintf("Issue %d", i.Total)
	case s == "":
		s = line(i.ID)
	}
	return s
}

// issueLine is the issue line of the masthead.
func (l Labels) issueLine(i issue.Issue) string {
	if s := i.Label(); s != "" && l.Lang == "zh-CN" {
		return s
	}
	if months := monthsEN(i); months != "" && l.Lang == "en" {
		parts := []string{months}
		if i.Number > 0 {
			parts = append(parts, fmt.Sprintf("No. %d", i.Number))
		}
		if i.Total > 0 {
			parts = append(parts, fmt.Sprintf("Issue %d", i.Total))
		}
		return strings.Join(parts, partsEN)
	}
	return l.issueName(i)
}

// partsEN stands between the parts of an English issue line.
const partsEN = " · "

// issueParts divides an issue line where it may break.
func (l Labels) issueParts(line string) []string {
	if l.Lang == "en" {
		return strings.Split(line, partsEN)
	}
	return strings.Fields(line)
}

// monthsEN is March–April 2015.
func monthsEN(i issue.Issue) string {
	var names []string
	for _, m := range i.Months {
		if m >= 1 && m <= 12 {
			names = append(names, time.Month(m).String())
		}
	}
	if len(names) == 0 {
		return ""
	}
	s := names[0]
	if len(names) > 1 {
		s += "–" + names[len(names)-1]
	}
	if i.Year > 0 {
		s += fmt.Sprintf(" %d", i.Year)
	}
	return s
}
