// Package issue is the model of one number of a periodical and everything that
// reads one: the readers turn a file into a flat list of styled lines, one
// recogniser finds masthead, contents, sections, articles and colophon in it,
// and the store keeps drafts, revisions and approvals.
//
// Nothing of an imported file is dropped silently: a line is either in the
// model or in a [Diagnostic].
package issue

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// Issue is one number of the periodical, as printed.
//
// Empty fields were not in the file; nothing is invented.
type Issue struct {
	// ID names the issue everywhere: the running number ("142"), else
	// YEAR-NUMBER ("2015-2"), else what the importer was told. Of a supplement
	// it is always what the importer was told.
	ID string `json:"id"`
	// Number counts within the year, Total over the life of the periodical.
	Number   int   `json:"number"`
	Total    int   `json:"total"`
	Year     int   `json:"year"`
	Months   []int `json:"months"`
	Combined bool  `json:"combined"`
	// Supplement is the word by which a number outside the regular count calls
	// itself (增刊, 特刊), empty for a regular one.
	Supplement string `json:"supplement,omitempty"`

	Title       string `json:"title"`
	Publisher   string `json:"publisher"`
	PublisherEN string `json:"publisher_en"`
	Sponsor     string `json:"sponsor"`
	Notice      string `json:"notice"`
	// Date is the day of publication as YYYY-MM-DD, empty when not printed.
	Date string `json:"date"`

	Editors  []Editor        `json:"editors"`
	Contents []ContentsEntry `json:"contents"`
	Sections []Section       `json:"sections"`
}

// Editor is one line of the colophon, role as printed (责任编辑).
type Editor struct {
	Role string `json:"role"`
	Name string `json:"name"`
}

// ContentsEntry is one line of the printed table of contents. Page 0 means none
// was printed.
type ContentsEntry struct {
	Title   string `json:"title"`
	Page    int    `json:"page,omitempty"`
	Section bool   `json:"section,omitempty"`
}

// Section is one 栏目 with its articles in printed order.
type Section struct {
	Name     string    `json:"name"`
	Articles []Article `json:"articles"`
}

// ArticleKind says what an entry is, so that the digest can set it fittingly.
type ArticleKind string

// The kinds of entries.
const (
	KindArticle   ArticleKind = "article"
	KindEditorial ArticleKind = "editorial" // a section that is one text without a title of its own
	KindProfile   ArticleKind = "profile"   // a member's profile
)

// Article is one entry of a section.
type Article struct {
	Kind  ArticleKind `json:"kind"`
	Title string      `json:"title"`
	// Link is the address on the web that the title links to.
	Link string `json:"link,omitempty"`
	// Byline is the author as printed, without a label such as 作者：.
	Byline string `json:"byline"`
	// Speaker is whose words a transcript prints (文字实录).
	Speaker string `json:"speaker,omitempty"`
	// Source is where the text comes from (来源), ExcerptedFrom where it was
	// excerpted from (摘自, 转自).
	Source        string `json:"source"`
	ExcerptedFrom string `json:"excerpted_from"`
	// Summary is the editor's own abstract (摘要), never a generated one.
	Summary  string    `json:"summary"`
	Document *Document `json:"document,omitempty"`
	Profile  *Profile  `json:"profile,omitempty"`
	Blocks   []Block   `json:"blocks"`
}

// Document holds what an official document printed in the bulletin says of
// itself. Everything but Number is in the article's blocks too.
type Document struct {
	Number     string   `json:"number,omitempty"` // 商办电函[2015]116 号
	Addressee  string   `json:"addressee,omitempty"`
	Signer     string   `json:"signer,omitempty"`
	Date       string   `json:"date,omitempty"` // as printed
	Contacts   []string `json:"contacts,omitempty"`
	Attachment string   `json:"attachment,omitempty"` // title of the attached document
	// ReleaseNote says who may read it (此件公开发布), without its brackets.
	ReleaseNote string `json:"release_note,omitempty"`
}

// Profile holds the labelled fields of a member's profile; Scope and Website
// are in the article's blocks too.
type Profile struct {
	Membership string `json:"membership,omitempty"` // 会员单位
	Scope      string `json:"scope,omitempty"`      // 主要业务经营范围
	Website    string `json:"website,omitempty"`
	Signature  string `json:"signature,omitempty"` // the bracketed name that closes it
}

// BlockKind says what a block of an article is.
type BlockKind string

// The kinds of blocks.
const (
	BlockParagraph BlockKind = "paragraph"
	BlockHeading   BlockKind = "heading"
	BlockItem      BlockKind = "item" // one item of a list, or a run-in numbered paragraph
	BlockQuote     BlockKind = "quote"
	BlockImage     BlockKind = "image"
	BlockTable     BlockKind = "table"
)

// Block is one paragraph, heading or other block of an article's body.
type Block struct {
	Kind BlockKind `json:"kind"`
	// Level of a heading: 0 is the title of an attached document, 1 and 2 are
	// headings below the article's title.
	Level int `json:"level,omitempty"`
	// Text is the block's plain text, line breaks joined.
	Text string `json:"text"`
	// Spans mark parts of Text; they are in order and do not overlap.
	Spans []Span `json:"spans,omitempty"`
	// Rows are the cells of a table; Text then is the cells joined by tabs and
	// newlines.
	Rows [][]string `json:"rows,omitempty"`
	// Image is the picture of a [BlockImage] that the issue carries; Text is what
	// the file says of it, and may be empty. A picture on the web has none, but a
	// span over all of Text with its address.
	Image *Image `json:"image,omitempty"`
}

// Image names a picture that the issue carries, see [Picture].
type Image struct {
	// Name is made from the picture's content: 32 hexadecimal digits and .jpg or
	// .png.
	Name string `json:"name"`
	// Width and Height are in pixels.
	Width  int `json:"width"`
	Height int `json:"height"`
}

// Span marks the bytes [From,To) of a block's text.
type Span struct {
	From   int    `json:"from"`
	To     int    `json:"to"`
	Strong bool   `json:"strong,omitempty"`
	Em     bool   `json:"em,omitempty"`
	Href   string `json:"href,omitempty"` // absolute http(s) or mailto
}

// Images returns the names of the pictures that the issue carries, each once.
func (i Issue) Images() []string {
	var out []string
	for _, s := range i.Sections {
		for _, a := range s.Articles {
			for _, b := range a.Blocks {
				if b.Image != nil && !slices.Contains(out, b.Image.Name) {
					out = append(out, b.Image.Name)
				}
			}
		}
	}
	return out
}

// Paragraphs returns the plain text of every block, headings included.
func (a Article) Paragraphs() []string {
	out := make([]string, len(a.Blocks))
	for i, b := range a.Blocks {
		out[i] = b.Text
	}
	return out
}

// MarshalJSON adds paragraphs, the plain text of every block, for readers that
// need no more than that.
func (a Article) MarshalJSON() ([]byte, error) {
	type plain Article
	return json.Marshal(struct {
		plain
		Paragraphs []string `json:"paragraphs"`
	}{plain(a), a.Paragraphs()})
}

// Severity of a diagnostic.
type Severity string

// The severities: an error keeps the file from being stored.
const (
	Info    Severity = "info"
	Warning Severity = "warning"
	Error   Severity = "error"
)

// Diagnostic is one finding of the import.
type Diagnostic struct {
	Code     string   `json:"code"`
	Line     int      `json:"line"` // 1-based; 0 when it belongs to no line
	Severity Severity `json:"severity"`
	Text     string   `json:"text"`
}

// Revision is one state of an issue: N counts from 1, Hash is over the model.
type Revision struct {
	N    int    `json:"n"`
	Hash string `json:"hash"`
	// Note says what was corrected, in the editor's words. Readers see it when an
	// older revision was sent.
	Note string `json:"note,omitempty"`
	// Approved is when the revision was last approved, zero when it never was; in
	// JSON a [Record] says so.
	Approved time.Time `json:"-"`
}

// Hash returns the content hash that an approval is bound to.
func (i Issue) Hash() string {
	b, err := json.Marshal(i)
	if err != nil {
		panic(fmt.Sprintf("issue: model does not marshal: %v", err)) // plain data: cannot happen
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// AutoID returns the id that follows from the printed numbers, or "" when
// neither a running number nor year and number are known. A supplement has none:
// the numbers printed on it can be those of a regular issue.
func (i Issue) AutoID() string {
	switch {
	case i.Supplement != "":
		return ""
	case i.Total > 0:
		return strconv.Itoa(i.Total)
	case i.Year > 0 && i.Number > 0:
		return fmt.Sprintf("%d-%d", i.Year, i.Number)
	}
	return ""
}

// Label returns the issue line of the masthead: 2015年3、4月合刊 第2期 总第142期.
func (i Issue) Label() string {
	var s string
	if i.Year > 0 {
		s = fmt.Sprintf("%d年", i.Year)
	}
	for n, m := range i.Months {
		if n > 0 {
			s += "、"
		}
		s += strconv.Itoa(m)
	}
	if len(i.Months) > 0 {
		s += "月"
	}
	if i.Combined {
		s += "合刊"
	}
	s += i.Supplement
	for _, part := range []struct {
		n      int
		prefix string
	}{{i.Number, "第"}, {i.Total, "总第"}} {
		if part.n > 0 {
			if s != "" {
				s += " "
			}
			s += fmt.Sprintf("%s%d期", part.prefix, part.n)
		}
	}
	return s
}
