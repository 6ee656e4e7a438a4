package issue

import (
	"html"
	"regexp"
	"strings"
)

// Markdown as the world writes it has more than the canonical form: tags of HTML,
// links by reference, pictures inside a line, notes. foreignMarkdown writes all
// that with what the reader of blocks knows, line by line, so that the numbers of
// the lines stay.

// longestLine is more than anybody writes in one line; a longer one stays as it is.
const longestLine = 64 << 10

// cut stands in a line where another line begins: <br>, a picture.
const cut = "\uE000"

var (
	comment      = regexp.MustCompile(`(?s)<!--.*?-->`)
	markup       = regexp.MustCompile(`(?i)<(/?)(b|strong|i|em|u|s|del|ins|font|span|div|p|center|br|hr|small|big|sup|sub|a|img|kbd|mark|section|figure|figcaption|details|summary|picture|source|abbr|time)((?:\s+[^<>]*)?)/?>`)
	anchor       = regexp.MustCompile(`(?i)<a\s`)
	anchorEnd    = regexp.MustCompile(`(?i)</a>`)
	attributeIn  = regexp.MustCompile(`(?i)\b(href|src|alt)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))`)
	autolink     = regexp.MustCompile(`<((?:https?://|mailto:)[^<>\s]+)>`)
	definition   = regexp.MustCompile(`^ {0,3}\[([^\[\]^][^\[\]]*)\]:[ \t]*<?([^\s<>]+)>?(?:[ \t]+(?:"[^"]*"|'[^']*'|\([^()]*\)))?[ \t]*$`)
	noteText     = regexp.MustCompile(`^ {0,3}\[\^([^\[\]\s]{1,20})\]:[ \t]*(\S.*)$`)
	noteAnchor   = regexp.MustCompile(`\[\^([^\[\]\s]{1,20})\]`)
	byReference  = regexp.MustCompile(`(!?)\[([^\[\]]+)\](?:\[([^\[\]]*)\])?`)
	pictureIn    = regexp.MustCompile(`\[?!\[((?:[^\[\]\\]|\\.)*)\]\((<[^<>]*>|[^()\s]+)(?:[ \t]+"[^"]*")?\)(\]\([^()\s]*\))?`)
	codeInline   = regexp.MustCompile("`+[^`]*`+")
	blockMarkup  = map[string]bool{"div": true, "p": true, "center": true, "br": true, "hr": true, "section": true, "figure": true, "figcaption": true, "details": true, "summary": true}
	strongMarkup = map[string]bool{"b": true, "strong": true}
	italicMarkup = map[string]bool{"i": true, "em": true}
)

// foreignMarkdown rewrites a text that begins at line first of the file.
func foreignMarkdown(text string, first int, f *findings) string {
	text = strings.ReplaceAll(text, cut, " ")
	text = comment.ReplaceAllStringFunc(text, func(s string) string { return strings.Repeat("\n", strings.Count(s, "\n")) })
	lines := strings.Split(text, "\n")
	refs := references(lines)
	w := foreign{refs: refs}
	fenced := false
	for k, l := range lines {
		if fence.MatchString(strings.TrimSpace(l)) {
			fenced = !fenced
			continue
		}
		if fenced || len(l) > longestLine || !strings.ContainsAny(l, "<[") {
			continue
		}
		if definition.MatchString(l) {
			lines[k] = ""
			continue
		}
		lines[k] = w.line(l)
		if w.links > 0 {
			f.add("link-open", first+k, Info, "这一行的 <a> 没有在同一行里结束，链接未收入")
			w.links = 0
		}
	}
	return strings.Join(lines, "\n")
}

// references are the addresses that links refer to by name.
func references(lines []string) map[string]string {
	refs := map[string]string{}
	for _, l := range lines {
		if m := definition.FindStringSubmatch(l); m != nil {
			if key := refKey(m[1]); refs[key] == "" {
				refs[key] = m[2]
			}
		}
	}
	return refs
}

func refKey(s string) string { return strings.ToLower(strings.Join(strings.Fields(s), " ")) }

// foreign rewrites one line after another.
type foreign struct {
	refs  map[string]string
	links int // lines whose <a> ends in another one
}

func (w *foreign) line(l string) string {
	if m := noteText.FindStringSubmatch(l); m != nil {
		return "- [" + m[1] + "] " + w.line(m[2])
	}
	var b strings.Builder
	at := 0
	for _, m := range codeInline.FindAllStringIndex(l, -1) { // code stays as it is
		b.WriteString(w.outside(l[at:m[0]]))
		b.WriteString(l[m[0]:m[1]])
		at = m[1]
	}
	b.WriteString(w.outside(l[at:]))
	out := b.String()
	if strings.HasPrefix(strings.TrimSpace(l), "|") || !strings.Contains(out, cut) { // a row of a table has one line
		return strings.ReplaceAll(out, cut, " ")
	}
	return out
}

func (w *foreign) outside(s string) string {
	s = w.tags(s)
	s = autolink.ReplaceAllString(s, "$1")
	s = noteAnchor.ReplaceAllString(s, "[$1]")
	if len(w.refs) > 0 {
		s = w.resolve(s)
	}
	if strings.Contains(s, "![") {
		s = pictureIn.ReplaceAllString(s, cut+"![$1]($2)"+cut)
	}
	return s
}

// tags writes the tags of a line as Markdown.
func (w *foreign) tags(s string) string {
	if !strings.Contains(s, "<") {
		return s
	}
	var hrefs []string
	ends := len(anchor.FindAllString(s, -1)) == len(anchorEnd.FindAllString(s, -1))
	if !ends {
		w.links++
	}
	return markup.ReplaceAllStringFunc(s, func(tag string) string {
		m := markup.FindStringSubmatch(tag)
		name, closing := strings.ToLower(m[2]), m[1] != ""
		has := map[string]string{}
		for _, a := range attributeIn.FindAllStringSubmatch(m[3], -1) {
			has[strings.ToLower(a[1])] = html.UnescapeString(a[2] + a[3] + a[4])
		}
		switch {
		case strongMarkup[name]:
			return "**"
		case italicMarkup[name]:
			return "*"
		case blockMarkup[name]:
			return cut
		case name == "img" && has["src"] != "":
			return "![" + strings.Map(noBrackets, has["alt"]) + "](<" + strings.Map(noBrackets, has["src"]) + ">)"
		case name == "a" && !closing:
			hrefs = append(hrefs, has["href"])
			if !ends || !validHref(has["href"]) {
				return ""
			}
			return "["
		case name == "a" && len(hrefs) > 0:
			href := hrefs[len(hrefs)-1]
			hrefs = hrefs[:len(hrefs)-1]
			if !ends || !validHref(href) {
				return ""
			}
			return "](<" + href + ">)"
		}
		return ""
	})
}

func noBrackets(r rune) rune {
	if strings.ContainsRune("[]<>\n", r) {
		return -1
	}
	return r
}

// resolve writes links by reference as links.
func (w *foreign) resolve(s string) string {
	var b strings.Builder
	at := 0
	for _, m := range byReference.FindAllStringSubmatchIndex(s, -1) {
		if m[1] < len(s) && (s[m[1]] == '(' || s[m[1]] == ':') || m[0] > 0 && s[m[0]-1] == '\\' {
			continue
		}
		text := s[m[4]:m[5]]
		key := text
		if m[6] >= 0 && m[7] > m[6] {
			key = s[m[6]:m[7]]
		}
		if href := w.refs[refKey(key)]; href != "" {
			b.WriteString(s[at:m[0]] + s[m[2]:m[3]] + "[" + text + "](<" + href + ">)")
			at = m[1]
		}
	}
	b.WriteString(s[at:])
	return b.String()
}
