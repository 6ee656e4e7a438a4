package issue

// Style says how a reader saw a line set apart. Plain text knows little of it,
// Markdown a lot; the recogniser uses what there is.
type Style uint8

// The styles a line can have.
const (
	StylePlain   Style = iota
	StyleHeading       // Level 1 is the biggest
	StyleItem
	StyleQuote
	StyleImage
	StyleTable // one line for the whole table, its cells in Rows
	StyleBold  // nothing but bold text
)

// Line is one line of a file as the recogniser sees it. Readers leave blank
// lines out and count them in Gap.
type Line struct {
	// N is the 1-based number of the line in the file, Last the number of the
	// last line that the reader put into it (hard-wrapped text); else Last is N.
	N, Last int
	// Text is trimmed and free of markup.
	Text  string
	Style Style
	Level int
	// Gap is the number of blank lines before it, Indent the columns of white
	// space that were cut from its start.
	Gap, Indent int
	Spans       []Span
	Rows        [][]string
	// Size is that of its type in half points, 0 when the file does not say.
	Size int
	// Image is the picture of a StyleImage that the file carries; Text then is
	// what the file says of it, and may be empty.
	Image *Image
}

// findings collects the diagnostics of one reading.
type findings struct{ list []Diagnostic }

func (f *findings) add(code string, line int, sev Severity, text string) {
	f.list = append(f.list, Diagnostic{Code: code, Line: line, Severity: sev, Text: text})
}
