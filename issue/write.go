package issue

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v4"
)

// ImageFolder is where the canonical form looks for its pictures, beside itself.
const ImageFolder = "images"

// Markdown writes an issue in the canonical form. For every issue that [Read]
// gives, reading the result gives the same model again.
func Markdown(i Issue) []byte {
	var b bytes.Buffer
	b.WriteString("---\n")
	head, err := yaml.Dump(matterOf(i))
	if err != nil {
		panic("issue: front matter does not marshal: " + err.Error()) // plain data: cannot happen
	}
	b.Write(head)
	b.WriteString("---\n")
	for _, s := range i.Sections {
		b.WriteString("\n" + writeHeading(1, s.Name, false, nil) + "\n")
		for k, a := range s.Articles {
			writeArticle(&b, a, s, k == 0)
		}
	}
	return b.Bytes()
}

func writeArticle(b *bytes.Buffer, a Article, s Section, first bool) {
	fields := articleFields(a)
	// A section that is one text needs no title for it.
	implied := first && a.Kind == KindEditorial && a.Title == s.Name && len(fields)+len(a.Blocks) > 0
	if !implied {
		b.WriteString("\n" + writeHeading(2, a.Title, false, nil) + "\n")
		kind := map[ArticleKind]string{KindEditorial: kindEditorial, KindProfile: kindProfile}[a.Kind]
		if kind != "" {
			fields = append([][2]string{{fieldKind, kind}}, fields...)
		}
	}
	if len(fields) > 0 {
		b.WriteByte('\n')
	}
	for _, f := range fields {
		b.WriteString("- " + f[0] + "：" + f[1] + "\n")
	}
	for k, bl := range a.Blocks {
		if k == 0 || bl.Kind != BlockItem || a.Blocks[k-1].Kind != BlockItem {
			b.WriteByte('\n')
		}
		s := writeBlock(bl)
		if k == 0 && bl.Kind == BlockItem {
			s = unlikeField(s)
		}
		b.WriteString(s + "\n")
	}
}

// unlikeField writes the colon of an item that would be taken for a field as an
// entity.
func unlikeField(s string) string {
	if !fieldLine.MatchString(strings.TrimPrefix(s, "- ")) {
		return s
	}
	full, half := strings.Index(s, "："), strings.Index(s, ":")
	if full >= 0 && (half < 0 || full < half) {
		return strings.Replace(s, "：", "&#xFF1A;", 1)
	}
	return strings.Replace(s, ":", "&#58;", 1)
}

func articleFields(a Article) [][2]string {
	var out [][2]string
	add := func(name, value string) {
		if value != "" {
			out = append(out, [2]string{name, value})
		}
	}
	add(fieldLink, a.Link)
	add(fieldByline, a.Byline)
	add(fieldSpeaker, a.Speaker)
	add(fieldSource, a.Source)
	add(fieldExcerpted, a.ExcerptedFrom)
	add(fieldSummary, a.Summary)
	if d := a.Document; d != nil {
		add(fieldNumber, d.Number)
		add(fieldAddressee, d.Addressee)
		add(fieldSigner, d.Signer)
		add(fieldDate, d.Date)
		for _, c := range d.Contacts {
			add(fieldContact, c)
		}
		add(fieldAttachment, d.Attachment)
		add(fieldReleaseNote, d.ReleaseNote)
	}
	if p := a.Profile; p != nil {
		add(fieldMembership, p.Membership)
		add(fieldScope, p.Scope)
		add(fieldWebsite, p.Website)
		add(fieldSignature, p.Signature)
	}
	return out
}

// writeBlock writes a block with as few escapes as its reading back allows.
func writeBlock(b Block) string {
	if b.Kind == BlockHeading {
		level := b.Level + 2
		return writeHeading(max(level, 3), b.Text, b.Level == 0, b.Spans)
	}
	var s string
	for _, write := range []func(string, []Span) string{writeLight, writePlainly} {
		s = blockSource(b, write)
		got := markdownBlocks(s, 1, true, folder{}, &findings{})
		if len(got) == 1 && sameBlock(got[0].model(), b) {
			return s
		}
	}
	return s
}

func blockSource(b Block, write func(string, []Span) string) string {
	switch b.Kind {
	case BlockItem:
		return "- " + write(b.Text, b.Spans)
	case BlockQuote:
		return "> " + write(b.Text, b.Spans)
	case BlockImage:
		if i := b.Image; i != nil {
			return fmt.Sprintf(`![%s](%s/%s "%dx%d")`, write(b.Text, nil), ImageFolder, i.Name, i.Width, i.Height)
		}
		href := ""
		if len(b.Spans) > 0 {
			href = b.Spans[0].Href
		}
		return "![" + write(b.Text, nil) + "](<" + href + ">)"
	case BlockTable:
		var rows []string
		for k, row := range b.Rows {
			s, rule := "|", "|"
			for _, c := range row {
				s += " " + escapeBars(write(c, nil)) + " |"
				rule += " --- |"
			}
			rows = append(rows, s)
			if k == 0 {
				rows = append(rows, rule)
			}
		}
		return strings.Join(rows, "\n")
	}
	return write(b.Text, b.Spans)
}

// escapeBars escapes the bars that no backslash stands before.
func escapeBars(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s):
			b.WriteByte(s[i])
			i++
		case s[i] == '|':
			b.WriteByte('\\')
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func sameBlock(a, b Block) bool {
	return (a.Image == nil) == (b.Image == nil) && (a.Image == nil || *a.Image == *b.Image) && a.Kind == b.Kind && a.Level == b.Level && a.Text == b.Text &&
		len(a.Spans) == len(b.Spans) && (len(a.Spans) == 0 || reflect.DeepEqual(a.Spans, b.Spans)) &&
		len(a.Rows) == len(b.Rows) && (len(a.Rows) == 0 || reflect.DeepEqual(a.Rows, b.Rows))
}

func writeHeading(level int, text string, attached bool, spans []Span) string {
	var s string
	for _, write := range []func(string, []Span) string{writeLight, writePlainly} {
		s = strings.TrimSpace(strings.Repeat("#", level) + " " + write(text, spans))
		if attached {
			s += " {附件}"
		}
		got := markdownBlocks(s, 1, true, folder{}, &findings{})
		if len(got) == 1 && got[0].Style == StyleHeading && got[0].Level == level && got[0].Text == text && got[0].attached == attached &&
			len(got[0].Spans) == len(spans) && (len(spans) == 0 || reflect.DeepEqual(got[0].Spans, spans)) {
			return s
		}
	}
	return s
}

// writeLight escapes only what usually needs it, and leaves bare addresses
// bare.
func writeLight(text string, spans []Span) string {
	return writeInline(text, spans, true, func(s string) string { return lightEscapes.Replace(s) })
}

var lightEscapes = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `[`, `\[`, `]`, `\]`, `<`, `\<`, "`", "\\`")

// writePlainly escapes every sign that could ever mean something, so that it
// reads back for certain.
func writePlainly(text string, spans []Span) string {
	return writeInline(text, spans, false, func(s string) string {
		var b strings.Builder
		for i := range len(s) {
			if isPunct(s[i]) {
				b.WriteByte('\\')
			}
			b.WriteByte(s[i])
		}
		return b.String()
	})
}

func writeInline(text string, spans []Span, bare bool, escape func(string) string) string {
	var b strings.Builder
	at := 0
	for _, sp := range spans {
		b.WriteString(escape(text[at:sp.From]))
		part := text[sp.From:sp.To]
		at = sp.To
		if bare && sp.Href != "" && !sp.Strong && !sp.Em && addressOf(part) == sp.Href && strings.HasPrefix(sp.Href, "http") {
			b.WriteString(part)
			continue
		}
		marks := ""
		if sp.Em {
			marks = "*"
		}
		if sp.Strong {
			marks += "**"
		}
		part = marks + escape(part) + marks
		if sp.Href != "" {
			part = "[" + part + "](<" + sp.Href + ">)"
			if !strings.ContainsAny(sp.Href, "()") {
				part = part[:len(part)-len(sp.Href)-3] + sp.Href + ")"
			}
		}
		b.WriteString(part)
	}
	b.WriteString(escape(text[at:]))
	return b.String()
}
