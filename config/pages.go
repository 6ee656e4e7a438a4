package config

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Pages says what of the issues the web pages show, and to whom.
type Pages struct {
	Visibility      Visibility // of the full text
	MembersSections []string   // sections whose full text is for members, whatever Visibility says
	PublicSections  []string   // sections whose full text is for everybody, whatever Visibility says
	Members         []string   // the groups whose subscribers are members; none: every subscriber is
	Originals       Originals  // which files of the editor's can be downloaded with their issue
}

// Visibility says who may read a text.
type Visibility string

// VisibilityPublic is everybody, VisibilityMembers those who are members and come
// with their personal link; others see titles and summaries.
const (
	VisibilityPublic  Visibility = "public"
	VisibilityMembers Visibility = "members"
)

// Originals says which of the editor's own files can be downloaded.
type Originals string

// OriginalsText is plain text and Markdown, in which nothing is hidden;
// OriginalsAll are all formats, with what an editor may have left in them.
const (
	OriginalsNone Originals = "none"
	OriginalsText Originals = "text"
	OriginalsAll  Originals = "all"
)

func defaultPages() Pages {
	return Pages{Visibility: VisibilityPublic, Originals: OriginalsText}
}

func (t *table) pages(p *Pages) {
	choice(t, "visibility", &p.Visibility, VisibilityPublic, VisibilityMembers)
	t.names("members_sections", &p.MembersSections, "会员资料")
	t.names("public_sections", &p.PublicSections, "协会要闻")
	for _, name := range p.PublicSections {
		if slices.Contains(p.MembersSections, name) {
			t.fail("public_sections", "conflict", fmt.Sprintf("栏目 %s 也写在 members_sections 里", name), "两处只能写一处")
		}
	}
	t.names("members", &p.Members, "会员")
	choice(t, "originals", &p.Originals, OriginalsNone, OriginalsText, OriginalsAll)
	t.done()
}

// maxName is more than any section or group is called, in characters.
const maxName = 200

// names reads a list of words.
func (t *table) names(key string, to *[]string, example string) {
	items, at := t.sequence(key, "写法例如：["+example+"]")
	for i, item := range items {
		value, ok := t.scalarOf(at[i], item)
		value = strings.TrimSpace(value)
		switch {
		case !ok:
		case value == "" || utf8.RuneCountInString(value) > maxName || strings.ContainsAny(value, ";；"):
			t.wrong(at[i], value, example)
		case slices.Contains(*to, value):
			t.fail(at[i], "duplicate-name", value+" 写了两次", "删掉其中一个")
		default:
			*to = append(*to, value)
		}
	}
}
