package issue

import (
	"regexp"
	"strings"
)

var (
	documentNumber = regexp.MustCompile(`^(?:(?:文号|发文字号|发文号)\s*[：:]\s*)?[（(]?\s*(?:[\p{Han}A-Za-z]{1,20}\s*[\[〔【（(﹝［]\s*(?:19|20)\d{2}\s*[\]〕】）)﹞］]\s*第?\s*\d{1,5}\s*号|(?:\p{Han}{2,30})?(?:19|20)\d{2}\s*年\s*第\s*\d{1,4}\s*号)\s*[）)]?$`)
	documentLabel  = regexp.MustCompile(`^(?:文号|发文字号|发文号)\s*[：:]\s*`)
	documentTitle  = regexp.MustCompile(`(?:通知|意见|通报|批复|公告|通告|决定|决议|请示|报告|函|办法|规定|方案|倡议书|邀请函|令|纪要|启事)(?:[（(].{1,12}[）)])?$`)
	documentOpens  = regexp.MustCompile(`关于(?:印发|转发|批转|公布|发布|下达|修订)?$`)
	contactLine    = regexp.MustCompile(`^(?:联\s*系\s*(?:人|电\s*话|方\s*式|地\s*址)|电\s*话|传\s*真|手\s*机|邮\s*箱|电子邮[箱件]|(?i:e-?mail)|邮\s*编|地\s*址|网\s*址|咨询电话|报名电话|QQ)\s*[：:]\s*\S`)
	releaseNote    = regexp.MustCompile(`^[（(](此件[^（()）]{2,12})[）)]$`)
	attachmentMark = regexp.MustCompile(`^附\s*件?\s*[\d一二三四五六七八九十]{0,2}\s*[：:]?$`)
)

func stripBrackets(s string) string {
	if in, ok := unbracket(s); ok {
		return in
	}
	return s
}

// document reads what an official document says of itself off its blocks, and
// marks the title of an attached document as a heading of level 0; it returns
// the block of that title, or -1.
func (r *recogniser) document(art *Article) int {
	if art.Kind != KindArticle || len(art.Blocks) == 0 {
		return -1
	}
	d := Document{}
	if art.Document != nil {
		d = *art.Document
	} else if !documentTitle.MatchString(art.Title) {
		return -1
	}
	if first := art.Blocks[0]; (first.Kind == BlockParagraph || first.Kind == BlockItem) && addressee(first.Text) {
		d.Addressee = first.Text
	}
	sign := signed(art.Blocks)
	if sign < 0 && d.Number == "" {
		return -1
	}
	attached := -1
	if sign >= 0 {
		d.Date = art.Blocks[sign+1].Text
		d.Signer = art.Blocks[sign].Text
		for k := sign; k <= sign+1; k++ {
			art.Blocks[k].Kind, art.Blocks[k].Level = BlockParagraph, 0
		}
		attached = r.attachment(art, &d, sign+2)
	}
	for _, b := range art.Blocks {
		if contactLine.MatchString(b.Text[:min(len(b.Text), 60)]) && shorterThan(b.Text, 81) {
			d.Contacts = append(d.Contacts, b.Text)
		}
	}
	if !d.empty() {
		art.Document = &d
	}
	return attached
}

func addressee(s string) bool {
	return (strings.HasSuffix(s, "：") || strings.HasSuffix(s, ":")) && shorterThan(s, 201) && !strings.ContainsAny(s, "。；") && !strings.Contains(s, "如下")
}

// signed returns the block with the signer whose next block is the date.
func signed(blocks []Block) int {
	for k := 0; k+1 < len(blocks); k++ {
		if s := blocks[k].Text; shorterThan(s, 41) && !endsSentence(s) && !isDateLine(s) && hanCount(s) >= 2 && !label.MatchString(s) && isDateLine(blocks[k+1].Text) {
			return k
		}
	}
	return -1
}

// attachment finds the release note and the title of the attached document
// behind the date, and returns the block of the latter.
func (r *recogniser) attachment(art *Article, d *Document, k int) int {
	for ; k < len(art.Blocks); k++ {
		b := &art.Blocks[k]
		if m := releaseNote.FindStringSubmatch(b.Text); m != nil {
			d.ReleaseNote = m[1]
			continue
		}
		if attachmentMark.MatchString(b.Text) {
			b.Kind, b.Level = BlockParagraph, 0
			continue
		}
		break
	}
	if k+1 >= len(art.Blocks) {
		return -1
	}
	b := &art.Blocks[k]
	if (b.Kind == BlockParagraph || b.Kind == BlockHeading) && shorterThan(b.Text, 61) && !titleStop.MatchString(b.Text) && !strings.Contains(b.Text, "。") && markerOf(b.Text).class == classNone && !contactLine.MatchString(b.Text) {
		b.Kind, b.Level = BlockHeading, 0
		d.Attachment = b.Text
		return k
	}
	return -1
}
