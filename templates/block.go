package templates

import (
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"

	"yizhan/issue"
)

// Block is one block of an article on the web page.
type Block struct {
	Kind issue.BlockKind
	// Level is a heading's: 4 to 6, below the article's h3 without one left out.
	Level int
	Runs  []Piece
	Rows  [][]string
	Text  string
	// Picture is of an image that the issue carries.
	Picture *Picture
	// Bullet is true of an item that has no printed mark or number of its own.
	Bullet bool
}

// printedMark is what an item begins with that the file has numbered or marked:
// 1. （一） ① ■ 第三条
var printedMark = regexp.MustCompile(`^(?:[（(]?\s*(?:\d{1,3}|[一二三四五六七八九十百]{1,5}|[A-Za-z])\s*[）)、．.:：]|[①-⑳㈠-㈩■-◿★☆✦❖➤♦※§•·—–-]|第\s*[一二三四五六七八九十百\d]{1,5}\s*[条章节款项、，])`)

// Picture is a picture on the web page, which has it at Src, relative to itself.
type Picture struct {
	Src           string
	Width, Height int
}

// pictureSrc is where a web page finds a picture whose folder is in another.
func pictureSrc(folder, name string) string {
	return folder + "/img/" + url.PathEscape(name)
}

// Piece is a part of a block's text with one look. Href is empty unless it is
// an absolute web or mail address.
type Piece struct {
	Text       string
	Strong, Em bool
	Href       string
}

// blocks makes the whole text of an article for a web page, which finds the
// issue's pictures in a folder.
func blocks(folder string, a issue.Article) []Block {
	top := 9
	for _, b := range a.Blocks {
		if b.Kind == issue.BlockHeading {
			top = min(top, b.Level)
		}
	}
	var out []Block
	last := 3 // the article's own heading
	for _, b := range a.Blocks {
		block := Block{Kind: b.Kind, Text: text(b.Text), Runs: pieces(b)}
		if b.Image != nil {
			block.Picture = &Picture{pictureSrc(folder, b.Image.Name), b.Image.Width, b.Image.Height}
		}
		if block.Text == "" && len(b.Rows) == 0 && block.Picture == nil {
			continue
		}
		if b.Kind == issue.BlockHeading {
			last = min(4+max(b.Level-top, 0), last+1, 6)
			block.Level = last
		}
		block.Bullet = b.Kind == issue.BlockItem && !printedMark.MatchString(block.Text)
		for _, row := range b.Rows {
			cells := make([]string, len(row))
			for i, c := range row {
				cells[i] = text(c)
			}
			block.Rows = append(block.Rows, cells)
		}
		out = append(out, block)
	}
	return out
}

// pieces divides a block's text at its spans. A span that is out of order or
// range loses its look, never its text.
func pieces(b issue.Block) []Piece {
	var out []Piece
	add := func(p Piece) {
		raw := p.Text
		if raw == "" {
			return
		}
		// text trims; the space between two pieces is part of the sentence.
		p.Text = text(raw)
		if p.Text == "" || strings.HasPrefix(raw, " ") {
			p.Text = " " + p.Text
		}
		if p.Text != " " && strings.HasSuffix(raw, " ") {
			p.Text += " "
		}
		out = append(out, linked(p)...)
	}
	at := 0
	for _, s := range b.Spans {
		if s.From < at || s.To <= s.From || s.To > len(b.Text) || !border(b.Text, s.From) || !border(b.Text, s.To) {
			continue
		}
		add(Piece{Text: b.Text[at:s.From]})
		add(Piece{Text: b.Text[s.From:s.To], Strong: s.Strong, Em: s.Em, Href: web(s.Href)})
		at = s.To
	}
	add(Piece{Text: b.Text[at:]})
	return out
}

// address finds a web address in running text; Han, brackets and the marks of the
// sentence do not belong to it.
var address = regexp.MustCompile(`(?:https?://|www\.)[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+(?::[0-9]+)?(?:/[A-Za-z0-9/_.~%?#=&+@-]*)?`)

// linked makes links of the addresses in a piece that is none itself.
func linked(p Piece) []Piece {
	if p.Href != "" {
		return []Piece{p}
	}
	var out []Piece
	part := func(s, href string) {
		if s != "" {
			out = append(out, Piece{Text: s, Strong: p.Strong, Em: p.Em, Href: href})
		}
	}
	at := 0
	for _, m := range address.FindAllStringIndex(p.Text, -1) {
		found := strings.TrimRight(p.Text[m[0]:m[1]], ".?-&")
		part(p.Text[at:m[0]], "")
		part(found, web(found))
		at = m[0] + len(found)
	}
	part(p.Text[at:], "")
	return out
}

func border(s string, i int) bool { return i == len(s) || utf8.RuneStart(s[i]) }
