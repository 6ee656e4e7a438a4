package templates

import (
	"regexp"
	"strings"

	"yizhan/issue"
)

// The lengths of a lead, in Han characters.
const (
	leadMin = 80
	leadMax = 120
)

// summary returns what the digest says of an article: its own abstract (摘要),
// else the passage that says most of it, see [passage], cut at a sentence end
// between 80 and 120 Han characters and never inside a word, number, bracket or
// quotation. A first sentence that is longer ends at a comma, with an ellipsis.
// Headings, addressees, dates and labels such as 以下是文字实录： are passed over.
// Of a member's profile it returns the scope of business. It is empty for an
// article without text. limit is how many Han characters a lead may have; below
// leadMax the article's own abstract is cut too.
func summary(a issue.Article, limit int) string {
	return shorten(a, lead(a), limit)
}

// shorten is summary of an article whose lead is known.
func shorten(a issue.Article, lead string, limit int) string {
	if limit <= 0 {
		return ""
	}
	own := text(a.Summary)
	if own != "" && limit >= leadMax {
		return own
	}
	return cut(or(own, lead), limit*leadMin/leadMax, limit)
}

// leads are the leads of an issue's articles in printed order. They are found once
// and shortened as often as it takes until a mail fits.
func leads(i issue.Issue) []string {
	var out []string
	for _, sec := range i.Sections {
		for _, a := range sec.Articles {
			out = append(out, lead(a))
		}
	}
	return out
}

// lead returns the running text that says most of an article.
func lead(a issue.Article) string {
	if text(a.Summary) != "" {
		return "" // the editor's own wins
	}
	if a.Kind == issue.KindProfile && a.Profile != nil {
		if scope := text(a.Profile.Scope); scope != "" {
			return scope
		}
	}
	if out := passage(a); out != "" {
		return out
	}
	return firstText(a)
}

// textFrom returns the running text of an article from a block on, without its
// first skip bytes: its paragraph, and those after it as long as there is too
// little.
func textFrom(a issue.Article, block, skip int) string {
	var out string
	for n, b := range a.Blocks[block:] {
		p := text(b.Text)
		if n == 0 {
			p = p[skip:]
		} else if !running(a, b.Kind, p) {
			break // what follows a heading is another matter
		}
		if last := lastRune(out); out != "" && (wordRune(last) || strings.ContainsRune(".,;:!?)", last)) {
			out += " "
		}
		out += profileLabel.ReplaceAllString(p, "")
		if han(out) >= leadMin || len(out) >= 8*leadMax || !strings.ContainsRune("。！？…；：”.!?", lastRune(out)) {
			break
		}
	}
	return out
}

// firstText is the lead of an article that has no running text: the first
// thing that is not a heading.
func firstText(a issue.Article) string {
	for _, b := range a.Blocks {
		p := text(b.Text)
		if p != "" && b.Kind != issue.BlockHeading && b.Kind != issue.BlockTable && p != text(a.Title) {
			return p
		}
	}
	return ""
}

var (
	labelled = regexp.MustCompile(`^(联\s*系\s*人|联系电话|联系方式|电\s*话|传\s*真|地\s*址|邮\s*编|邮\s*箱|网\s*址|单位网址|附\s*件|抄\s*送|主\s*送|来\s*源|摘\s*自|作\s*者|编\s*辑|责任编辑|时\s*间|地\s*点)\s*[:：]`)
	dateLine = regexp.MustCompile(`^[0-9０-９〇零一二三四五六七八九十\s]+年[0-9０-９一二三四五六七八九十\s]+月([0-9０-９一二三四五六七八九十\s]+日)?$`)
	// profileLabel opens the paragraphs of a member's profile; the words after
	// it are what counts.
	profileLabel = regexp.MustCompile(`^(主要业务)?(经营范围|业务范围|会员企业情况介绍|企业情况介绍|企业介绍|企业简介|公司简介|单位简介|会员简介)\s*[:：]\s*`)
)

// running says whether a block is running text that a lead may begin with.
func running(a issue.Article, kind issue.BlockKind, p string) bool {
	switch kind {
	case issue.BlockHeading, issue.BlockImage, issue.BlockTable:
		return false
	}
	if p == "" || p == text(a.Title) || labelled.MatchString(p) || dateLine.MatchString(p) {
		return false
	}
	if d := a.Document; d != nil {
		for _, own := range append([]string{d.Number, d.Addressee, d.Signer, d.Date, d.Attachment}, d.Contacts...) {
			if p == text(own) {
				return false
			}
		}
	}
	// An addressee, a speaker (聂林海：) or an announcement ends in a colon and
	// says nothing by itself.
	if strings.HasSuffix(p, "：") || strings.HasSuffix(p, ":") {
		return strings.ContainsAny(p, "。！？") && profileLabel.ReplaceAllString(p, "") != ""
	}
	if t := analyse(head(p, leadMax)); markKind(t.r[0]) == '(' && t.close[0] == len([]rune(p))-1 {
		return false // （此件公开发布）
	}
	return strings.ContainsAny(p, "。！？；，…、.!?,;") || han(p) >= 15 || len(strings.Fields(p)) >= 5
}
