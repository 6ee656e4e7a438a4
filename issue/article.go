package issue

import (
	"regexp"
	"slices"
	"strings"
)

var (
	summaryLabel = regexp.MustCompile(`^[【\[［〔（(]?\s*(?:(?:内容|文章|本文)?\s*(?:摘\s*要|提\s*要|导\s*读)|核心提示|内容简介)\s*(?:[】\]］〕）)]\s*[：:]?|[：:])\s*`)
	subtitle     = regexp.MustCompile(`^(?:——|—|--|―)\s*[^—\-\s].*$`)
	plainByline  = regexp.MustCompile(`^(?:\p{Han}{2,20}\s+)?(?:[` + surnames + `]\s{0,3}\p{Han}\s?\p{Han}?)(?:[\s、]+[` + surnames + `]\s{0,3}\p{Han}\s?\p{Han}?){0,4}$`)
	roleName     = regexp.MustCompile(`^\p{Han}{0,12}(?:长|师|员|学生|教授|博士|主任|经理|记者|职工|教工|人|主编|校友|书记|干事|院士|医师)\s+\p{Han}{2,3}$`)
	notName      = regexp.MustCompile(`^(?:前言|引言|导语|导言|背景|概述|概况|简介|序言?|摘要|目的|意义|总论|综述|缘起|开头|引子|楔子|正文|通知|公告|现状|问题|简讯|快讯|编者按)$`)
	transcript   = regexp.MustCompile(`文字实录|讲话(?:实录|全文)|演讲(?:实录|全文)|发言(?:实录|全文)`)
	// editorialTitle is what the text that opens or closes an issue is called.
	editorialTitle = regexp.MustCompile(`^(?:编者按|编者的?话|编者寄语|编辑寄语|主编寄语|编后(?:记|语|话)?|卷首(?:语|寄语)?|刊首(?:语|寄语)?|寄语|开篇(?:语|的话)?|致读者)$`)
	speakerLabel   = regexp.MustCompile(`^(\p{Han}{2,4})[：:]`)
)

// surnames are the commonest Chinese family names: they tell a byline without
// a label from other short lines.
const surnames = `王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林郑谢罗梁宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤聂林施`

// article reads one article.
func (r *recogniser) article(a articleRange, s sectionRange) Article {
	art := Article{Kind: KindArticle, Title: a.name}
	line := -1
	if a.title < 0 {
		art.Kind, art.Title = KindEditorial, s.name
	} else {
		line = r.lines[a.title].N
		for i := a.title; i < a.from; i++ {
			r.put(i, PlaceTitle)
		}
		name, as := membership(a.name)
		art.Link = linkedTo(r.lines[a.title])
		r.matchTitle(a.title, a.entry, name, false)
		if as != "" {
			art.Kind, art.Title, art.Profile = KindProfile, name, &Profile{Membership: as}
		} else if in := stripBrackets(name); editorialTitle.MatchString(in) {
			art.Kind, art.Title = KindEditorial, in
		}
	}
	r.titles = append(r.titles, line)
	from := r.header(&art, a)
	to := a.to
	r.profile(&art, from, to)
	r.body(&art, from, to)
	if a.title < 0 && r.shape.sectionLevel > 0 && slices.ContainsFunc(art.Blocks, func(b Block) bool { return b.Kind == BlockItem || b.Kind == BlockTable }) {
		art.Kind = KindArticle // a list of links and the like, and no editorial
	}
	r.levels(&art, r.document(&art))
	r.poems(&art)
	art.Blocks = r.illustrate(art.Blocks, r.at, to)
	return art
}

// header reads the lines between the title and the text and returns the first
// line of the text.
func (r *recogniser) header(art *Article, a articleRange) int {
	i, text := a.from, a.to
	for ; i < a.to; i++ {
		t := r.lines[i].Text
		switch {
		case a.title >= 0 && i == a.from && subtitle.MatchString(t) && shorterThan(t, 51) && !r.credits[i].ok:
			art.Title += t
			r.put(i, PlaceTitle)
		case a.title >= 0 && art.Document == nil && documentNumber.MatchString(t):
			art.Document = &Document{Number: strings.TrimSpace(documentLabel.ReplaceAllString(stripBrackets(t), ""))}
			r.put(i, PlaceCredit)
		case art.Summary == "" && summaryLabel.MatchString(t) && r.lines[i].Style != StyleHeading:
			i = r.summary(art, i, a.to)
		case r.credits[i].ok:
			i = r.gather(i, a.to)
			r.credit(art, i)
		case a.title >= 0 && art.Source == "" && art.Byline == "" && organBelow(t) && r.textFollows(i+1, a.to):
			r.credits[i] = bareName(t)
			r.credit(art, i)
		case a.title >= 0 && art.Byline == "" && shorterThan(t, 26) && (isByline(t) || personName.MatchString(t) && hanCount(t) < 4 && !notName.MatchString(t)) && i+1 < a.to && !titleStop.MatchString(t) && r.textFollows(i+1, a.to):
			art.Byline = strings.Join(strings.Fields(t), " ")
			r.put(i, PlaceCredit)
			if r.whereFrom(i+1, a.to) {
				i++
				art.Byline += r.lines[i].Text
				r.put(i, PlaceCredit)
			}
		case a.title >= 0 && art.Byline == "" && r.poetBelow(i, a.to):
			art.Byline = strings.Join(strings.Fields(t), " ")
			r.put(i, PlaceCredit)
		case a.title >= 0 && i == a.from && isDateLine(stripBrackets(t)) && i+1 < a.to && r.nameBelow(i+1, a.to):
			text = i // 2022年12月10日 between the title of a speech and the speaker
		default:
			return min(i, text)
		}
	}
	return min(i, text)
}

// nameBelow tells whether line i is a name that text follows.
func (r *recogniser) nameBelow(i, to int) bool {
	t := r.lines[i].Text
	return r.credits[i].ok || shorterThan(t, 26) && (plainByline.MatchString(t) || isPersonOf(t)) && r.textFollows(i+1, to)
}

// whereFrom tells whether line i, below the author's name, says in brackets
// where the author belongs to: （化学系1982级）.
func (r *recogniser) whereFrom(i, to int) bool {
	in, ok := unbracket(r.lines[min(i, to-1)].Text)
	return ok && i+1 < to && shorterThan(in, 21) && hanCount(in) >= 3 && r.marks[i].class == classNone && !r.credits[i].ok && isProse(r.lines[i+1].Text)
}

func (r *recogniser) textFollows(i, to int) bool {
	return i < to && (r.whereFrom(i, to) || isProse(r.lines[i].Text) || addressee(r.lines[i].Text) || r.credits[i].ok || summaryLabel.MatchString(r.lines[i].Text))
}

// summary takes the abstract that begins at line i; it returns its last line.
func (r *recogniser) summary(art *Article, i, to int) int {
	parts := []string{strings.TrimSpace(summaryLabel.ReplaceAllString(r.lines[i].Text, ""))}
	r.put(i, PlaceCredit)
	for i+1 < to && (parts[0] == "" || !endsSentence(parts[len(parts)-1]) && hanCount(parts[len(parts)-1]) >= breakLeast) {
		next := r.lines[i+1].Text
		if r.credits[i+1].ok || r.marks[i+1].class != classNone || r.lines[i+1].Style == StyleHeading {
			break
		}
		i++
		parts = append(parts, next)
		r.put(i, PlaceCredit)
		if parts[0] == "" {
			parts = parts[1:]
		}
	}
	art.Summary = joinPieces(parts)
	return i
}

// gather joins the credits in no brackets that follow line i and name somebody;
// it returns the last of them.
func (r *recogniser) gather(i, to int) int {
	for i+1 < to && r.credits[i].namesOnly() && r.credits[i+1].namesOnly() {
		r.credits[i+1] = r.credits[i].with(r.credits[i+1])
		r.put(i, PlaceCredit)
		i++
	}
	return i
}

func (r *recogniser) credit(art *Article, i int) {
	c := r.credits[i]
	for _, sp := range r.lines[i].Spans {
		if text := r.lines[i].Text[sp.From:sp.To]; sp.Href != "" && !strings.Contains(sp.Href, text) {
			r.find("credit-unplaced", i, Info, "来源是纯文字，链接 "+sp.Href+" 未收入；要保留请写在正文里")
		}
	}
	c.give(art)
	r.put(i, PlaceCredit)
	r.looseParts(c, i)
}

// looseParts reports what a credit says that the model has no field for.
func (r *recogniser) looseParts(c credit, i int) {
	for _, s := range c.loose {
		r.find("credit-unplaced", i, Info, "“"+clip(s)+"”没有对应的栏位，未收入")
	}
}

// body reads the lines of the text: it takes out the credits, joins what a page
// break parted, and tells headings from paragraphs.
func (r *recogniser) body(art *Article, from, to int) {
	var text []int
	last := to - 1 // the last line that is no credit
	for last > from && (r.place[last] != "" || r.credits[last].ok) {
		last--
	}
	for i := from; i < to; i++ {
		switch {
		case r.place[i] != "":
		case r.credits[i].ok && (r.credits[i].bracketed || to-i <= 3):
			i = r.gather(i, to)
			r.credit(art, i)
			if r.credits[i].bracketed && i > from && endsSentence(r.lines[i-1].Text) && i < last {
				r.find("credit-inside", i, Warning, "这一行像是一篇文章的结尾，后面的文字却归入同一篇“"+clip(art.Title)+"”；如是另一篇，请给它单独一行标题，前面空一行")
			}
		case i > from && i == last && bareName(r.lines[i].Text).ok:
			r.credits[i] = bareName(r.lines[i].Text)
			r.credit(art, i)
		default:
			text = append(text, i)
		}
	}
	j := newJoiner(r, text)
	r.at = r.at[:0]
	for k := 0; k < len(text); k++ {
		i := text[k]
		r.put(i, PlaceBody)
		r.at = append(r.at, i)
		b, style := r.block(text, k)
		if style {
			art.Blocks = append(art.Blocks, b)
			continue
		}
		p := newPiece(r.lines[i])
		for k+1 < len(text) && j.continues(p, text[k], text[k+1]) {
			k++
			p.add(r.lines[text[k]])
			r.put(text[k], PlaceBody)
			r.joined = append(r.joined, text[k])
		}
		b.Text, b.Spans = p.done()
		r.lastCredit(art, &b, k == len(text)-1)
		art.Blocks = append(art.Blocks, b)
	}
	r.speaker(art)
	art.fromLead()
}

// lead is how a newspaper opens a report: 本报讯（记者 宁可 通讯员 顾盼）.
var lead = regexp.MustCompile(`^(?:【?本[报刊网台][讯消息]{1,2}】?)\s*[（(【]([^（）()【】]{2,40})[）)】]`)

// fromLead takes the byline out of the words that open the text; they stay.
func (a *Article) fromLead() {
	if a.Byline != "" || len(a.Blocks) == 0 {
		return
	}
	if m := lead.FindStringSubmatch(a.Blocks[0].Text); m != nil && reporter.MatchString(m[1]) {
		a.Byline = strings.Join(strings.Fields(m[1]), " ")
	}
}

// lastCredit splits a credit off the end of the last paragraph.
func (r *recogniser) lastCredit(art *Article, b *Block, last bool) {
	if !last {
		return
	}
	s, c := splitCredit(b.Text)
	if !c.ok {
		return
	}
	c.give(art)
	r.looseParts(c, r.at[len(r.at)-1])
	b.Text = s
	b.Spans = tidySpans(s, b.Spans)
}

// block says what line text[k] is by itself; done tells that nothing can be
// joined to it.
func (r *recogniser) block(text []int, k int) (b Block, done bool) {
	i := text[k]
	l := r.lines[i]
	b = Block{Kind: BlockParagraph, Text: l.Text, Spans: l.Spans}
	switch l.Style {
	case StyleHeading:
		b.Kind, b.Level, b.Spans = BlockHeading, max(1, min(2, l.Level-max(r.shape.articleLevel, r.shape.sectionLevel))), tidySpans(l.Text, l.Spans)
		return b, true
	case StyleItem:
		b.Kind = BlockItem
		return b, true
	case StyleQuote:
		b.Kind = BlockQuote
		return b, true
	case StyleTable:
		b.Kind, b.Rows = BlockTable, l.Rows
		return b, true
	}
	if r.isHeading(text, k) {
		b.Kind = BlockHeading
		return b, true
	}
	if m := r.marks[i]; m.n > 0 && m.class != classWord && m.class != classPart || m.class == "●" || m.class == "◆" || m.class == "■" || m.class == "•" {
		b.Kind = BlockItem
	}
	return b, false
}

// speaker finds whose words a transcript prints: 以下是文字实录：, then 张三：……
func (r *recogniser) speaker(art *Article) {
	for k := 0; k+1 < len(art.Blocks) && art.Speaker == ""; k++ {
		if b := art.Blocks[k]; shorterThan(b.Text, 41) && transcript.MatchString(b.Text) {
			if m := speakerLabel.FindStringSubmatch(art.Blocks[k+1].Text); m != nil {
				art.Speaker = m[1]
			}
		}
	}
}

// checkCredits reports articles without any credit in an issue where others
// have one.
func (r *recogniser) checkCredits() {
	with := 0
	for _, s := range r.issue.Sections {
		for _, a := range s.Articles {
			if a.Source+a.ExcerptedFrom+a.Byline != "" {
				with++
			}
		}
	}
	if with == 0 {
		return
	}
	k := -1
	for _, s := range r.issue.Sections {
		for _, a := range s.Articles {
			if k++; r.titles[k] < 0 {
				continue // a section that is one text
			}
			if a.Document != nil && a.Document.Signer != "" {
				continue // whoever signed it wrote it
			}
			if editorialTitle.MatchString(s.Name) && len(s.Articles) == 1 {
				continue // the editors wrote it
			}
			if a.Kind == KindArticle && a.Source+a.ExcerptedFrom+a.Byline+a.Link == "" {
				r.f.add("credit-missing", r.titles[k], Warning, "文章“"+clip(a.Title)+"”没有来源或作者；请在文末补一行（来源：……），或在标题下写 作者：……")
			}
		}
	}
}
