package issue

import (
	"regexp"
	"slices"
	"strings"
)

// The fields that can stand as a list right below the title of an article.
const (
	fieldKind        = "类型"
	fieldByline      = "作者"
	fieldSpeaker     = "主讲"
	fieldSource      = "来源"
	fieldExcerpted   = "摘自"
	fieldSummary     = "摘要"
	fieldNumber      = "文号"
	fieldAddressee   = "主送"
	fieldSigner      = "署名"
	fieldDate        = "成文日期"
	fieldContact     = "联系"
	fieldAttachment  = "附件"
	fieldReleaseNote = "附注"
	fieldMembership  = "会员"
	fieldScope       = "经营范围"
	fieldWebsite     = "网址"
	fieldSignature   = "落款"
	fieldLink        = "链接"
)

var fieldLine = regexp.MustCompile(`^(类型|链接|作者|主讲|来源|摘自|摘要|文号|主送|署名|成文日期|联系|附件|附注|会员|经营范围|网址|落款)(?:：|:)[ \t]*(.*)$`)

const (
	kindEditorial = "卷首"
	kindProfile   = "会员简介"
	kindArticle   = "文章"
)

// canonicalReader builds an issue from the canonical form, word for word.
type canonicalReader struct {
	issue  Issue
	placed map[int]Place
	f      *findings
	sec    *Section
	art    *Article
	fields bool // a field may stand here
	listed bool // one did

	heads []canonicalHead // for the comparison with the contents
}

// canonicalHead is a heading of the file.
type canonicalHead struct {
	line, level int
	title       string
	text        bool // a section whose text follows it directly
}

func readCanonical(blocks []markdownBlock, base Issue, entries []int, f *findings) (Result, *ReadError) {
	r := canonicalReader{issue: base, placed: map[int]Place{}, f: f}
	for _, b := range blocks {
		p := r.block(b)
		for n := b.N; n <= b.Last && p != ""; n++ {
			r.placed[n] = p
		}
	}
	r.closeSection()
	r.check(entries)
	return Result{Issue: r.issue, Placed: r.placed}, nil
}

func (r *canonicalReader) closeArticle() {
	if r.art != nil {
		r.sec.Articles = append(r.sec.Articles, *r.art)
		r.art = nil
	}
}

func (r *canonicalReader) closeSection() {
	r.closeArticle()
	if r.sec != nil {
		r.issue.Sections = append(r.issue.Sections, *r.sec)
		r.sec = nil
	}
}

func (r *canonicalReader) block(b markdownBlock) Place {
	if b.Style == StyleHeading && b.Level <= 2 && !b.attached {
		return r.title(b)
	}
	if r.sec == nil {
		r.f.add("line-unplaced", b.N, Warning, "第一个栏目（# 栏目名）之前的文字没有位置，未收入：“"+clip(b.Text)+"”")
		return ""
	}
	if r.art == nil { // a section that is one text
		r.art = &Article{Kind: KindEditorial, Title: r.sec.Name}
		if n := len(r.heads); n > 0 {
			r.heads[n-1].text = true
		}
	}
	if b.Style == StyleHeading {
		r.heads = append(r.heads, canonicalHead{line: b.N, level: b.Level, title: b.Text})
	}
	if r.fields && b.Style == StyleItem && !(r.listed && b.Gap > 0) {
		if m := fieldLine.FindStringSubmatch(b.raw); m != nil {
			r.listed = true
			r.field(m[1], strings.TrimSpace(m[2]), b)
			return PlaceCredit
		}
	}
	r.fields = false
	if b.Style == StyleItem && fieldLine.MatchString(b.raw) && !r.listed {
		r.f.add("credit-in-text", b.N, Info, "“"+clip(b.Text)+"”像是一项说明，但它不在文章标题下面，只当作正文；标题是不是删掉了？")
	}
	if c := parseCredit(b.Text); c.ok && c.bracketed && b.Style == StylePlain {
		r.f.add("credit-in-text", b.N, Info, "这一行像是来源或作者，但在标准格式里只当作正文；如是，请改写到文章标题下面，如“- 来源：……”")
	}
	r.art.Blocks = append(r.art.Blocks, b.model())
	return PlaceBody
}

// title opens a section or an article.
func (r *canonicalReader) title(b markdownBlock) Place {
	r.fields, r.listed = true, false
	r.heads = append(r.heads, canonicalHead{line: b.N, level: b.Level, title: b.Text})
	if b.Level == 1 {
		r.closeSection()
		r.sec = &Section{Name: b.Text}
		return PlaceSection
	}
	if r.sec == nil {
		r.sec = &Section{}
		r.f.add("no-sections", b.N, Info, "文章“"+clip(b.Text)+"”前面没有栏目（# 栏目名）")
	}
	r.closeArticle()
	r.art = &Article{Kind: KindArticle, Title: b.Text}
	return PlaceTitle
}

func (b markdownBlock) model() Block {
	out := Block{Kind: BlockParagraph, Text: b.Text, Spans: b.Spans}
	switch b.Style {
	case StyleHeading:
		out.Kind, out.Level = BlockHeading, max(1, min(2, b.Level-2))
		if b.attached {
			out.Level = 0
		}
	case StyleItem:
		out.Kind = BlockItem
	case StyleQuote:
		out.Kind = BlockQuote
	case StyleImage:
		out.Kind, out.Image = BlockImage, b.Image
	case StyleTable:
		out.Kind, out.Rows = BlockTable, b.Rows
	}
	return out
}

func (r *canonicalReader) field(name, value string, b markdownBlock) {
	if value == "" {
		return
	}
	a := r.art
	doc := func() *Document {
		if a.Document == nil {
			a.Document = &Document{}
		}
		return a.Document
	}
	prof := func() *Profile {
		if a.Profile == nil {
			a.Profile = &Profile{}
		}
		return a.Profile
	}
	var to *string
	switch name {
	case fieldKind:
		r.kind(value, b)
		return
	case fieldContact:
		doc().Contacts = append(doc().Contacts, value)
		return
	case fieldLink:
		if !validHref(value) {
			r.f.add("field-value", b.N, Warning, "链接“"+clip(value)+"”不是 http(s) 地址，未收入")
			return
		}
		to = &a.Link
	case fieldByline:
		to = &a.Byline
	case fieldSpeaker:
		to = &a.Speaker
	case fieldSource:
		to = &a.Source
	case fieldExcerpted:
		to = &a.ExcerptedFrom
	case fieldSummary:
		to = &a.Summary
	case fieldNumber:
		to = &doc().Number
	case fieldAddressee:
		to = &doc().Addressee
	case fieldSigner:
		to = &doc().Signer
	case fieldDate:
		to = &doc().Date
	case fieldAttachment:
		to = &doc().Attachment
	case fieldReleaseNote:
		to = &doc().ReleaseNote
	case fieldMembership:
		to = &prof().Membership
	case fieldScope:
		to = &prof().Scope
	case fieldWebsite:
		to = &prof().Website
	case fieldSignature:
		to = &prof().Signature
	}
	if *to != "" {
		r.f.add("field-twice", b.N, Warning, "“"+name+"”写了两次，取后一个")
	}
	*to = value
}

func (r *canonicalReader) kind(value string, b markdownBlock) {
	k := slices.Index([]string{kindArticle, kindEditorial, kindProfile}, value)
	if k < 0 {
		r.f.add("field-value", b.N, Warning, "类型“"+clip(value)+"”不认识，只能是 "+kindArticle+"、"+kindEditorial+"、"+kindProfile)
		return
	}
	r.art.Kind = []ArticleKind{KindArticle, KindEditorial, KindProfile}[k]
}
