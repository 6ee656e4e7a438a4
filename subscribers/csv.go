package subscribers

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/encoding/simplifiedchinese"
)

// The CSV file of subscribers has a header row with these columns in any order:
// one for each channel (email, wechat), name, sections, groups, language, state.
// They may be in Chinese: 邮箱, 公众号 (an openid), 姓名, 栏目, 分组, 语言, 状态.
// Lists are separated by semicolons. One line is one subscriber: a cell cannot
// contain a line break, so that an unclosed quotation mark spoils one line and
// not the rest of the file. The file is UTF-8, or GB18030 as Excel writes it in
// China.
//
// State is active, pending, paused or unsubscribed. Who left some channels only
// has "active;unsubscribed:email". A pause that ends by itself is
// "paused;until:2026-10-01T00:00:00Z".

// maxLine is the longest line that is read, in bytes.
const maxLine = 64 << 10

// textColumns are the columns beside those of the channels.
func textColumns() []string { return []string{"name", "sections", "groups", "language", "state"} }

// chineseColumns are what people call the columns in their own tables.
func chineseColumns() map[string]string {
	return map[string]string{
		"邮箱": Email, "电子邮箱": Email, "邮件": Email, "电子邮件": Email, "邮箱地址": Email, "e-mail": Email, "公众号": WeChat, "微信": WeChat, "openid": WeChat,
		"姓名": "name", "名字": "name", "单位": "name", "姓名或单位": "name", "栏目": "sections", "分组": "groups", "组别": "groups", "语言": "language", "状态": "state",
	}
}

// columns are all columns, in the order in which Export writes them.
func (s *Store) columns() []string { return append(slices.Clone(s.channels), textColumns()...) }

// record is one line of the file, checked.
type record struct {
	line      int
	addresses []ChannelAddress // with hash, State only when the line says so
	present   map[string]bool  // columns of the header
	name      string
	sections  []string
	groups    []string
	language  string
	state     State           // "" when the line says nothing
	until     time.Time       // of "paused;until:TIME"
	left      map[string]bool // channels of "unsubscribed:CHANNEL"
}

// reader reads the lines of a CSV file.
type reader struct {
	text    *bufio.Reader
	line    int
	header  []string
	present map[string]bool
	total   int // lines in the file
}

// newReader finds out the encoding, which takes one pass over the file, and
// reads the header.
func (s *Store) newReader(file io.ReadSeeker) (*reader, error) {
	utf, lines, err := survey(file)
	if err != nil {
		return nil, err
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, fmt.Errorf("going back to the start of the file: %w", err)
	}
	var text io.Reader = file
	if !utf {
		text = simplifiedchinese.GB18030.NewDecoder().Reader(file)
	}
	r := &reader{text: bufio.NewReaderSize(text, maxLine), total: lines}
	head, err := r.next()
	if errors.Is(err, io.EOF) {
		return nil, invalid("empty", "the file is empty; its first line must name the columns: %s", strings.Join(s.columns(), ", "))
	}
	if err != nil {
		return nil, err
	}
	return r, r.setHeader(head, s.columns(), s.channels)
}

func (r *reader) setHeader(head, known, channels []string) error {
	r.present = map[string]bool{}
	reachable := false
	for _, cell := range head {
		column := strings.ToLower(strings.TrimSpace(cell))
		if ours, ok := chineseColumns()[column]; ok {
			column = ours
		}
		switch {
		case len(head) == 1 && strings.ContainsAny(cell, ";；，、\t"):
			return invalid("column-commas", "line 1 has no commas (%q): cells are separated by commas; save it as CSV with commas", cell)
		case !slices.Contains(known, column):
			return invalid("column-unknown", "the column %q in line 1 is unknown; the columns are: %s", cell, strings.Join(known, ", "))
		case r.present[column]:
			return invalid("column-twice", "the column %q is in line 1 twice", column)
		}
		r.present[column] = true
		r.header = append(r.header, column)
		reachable = reachable || slices.Contains(channels, column)
	}
	if !reachable {
		return invalid("column-missing", "line 1 names no column with addresses; one of these is needed: %s", strings.Join(channels, ", "))
	}
	return nil
}

// next returns the cells of the next line, io.EOF after the last, and an
// [*Invalid] for a line that is no CSV; the lines after it can still be read.
func (r *reader) next() ([]string, error) {
	raw, err := r.text.ReadSlice('\n')
	if errors.Is(err, io.EOF) && len(raw) > 0 {
		err = nil
	}
	if err == nil || errors.Is(err, bufio.ErrBufferFull) {
		r.line++
	}
	if errors.Is(err, bufio.ErrBufferFull) {
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = r.text.ReadSlice('\n')
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("reading line %d: %w", r.line, err)
		}
		return nil, invalid("line-long", "the line is longer than %d bytes", maxLine)
	}
	if errors.Is(err, io.EOF) {
		return nil, io.EOF
	}
	if err != nil {
		return nil, fmt.Errorf("reading line %d: %w", r.line+1, err)
	}
	text := strings.TrimRight(string(raw), "\r\n")
	if r.line == 1 {
		text = strings.TrimPrefix(text, "\ufeff")
	}
	if text == "" {
		return []string{""}, nil
	}
	cells, err := csv.NewReader(strings.NewReader(text)).Read()
	if err != nil {
		return nil, invalid("csv", "the quotation marks do not match; a cell cannot contain a line break")
	}
	return cells, nil
}

// record returns the next subscriber in the file. An [*Invalid] spoils only
// that line; blank lines are passed over.
func (s *Store) record(r *reader) (record, error) {
	for {
		cells, err := r.next()
		if err != nil {
			return record{line: r.line}, err
		}
		if strings.Trim(strings.Join(cells, ""), " \t") == "" {
			continue
		}
		rec := record{line: r.line, present: r.present}
		if len(cells) != len(r.header) {
			return rec, invalid("fields", "the line has %d cells, the header %d", len(cells), len(r.header))
		}
		for i, column := range r.header {
			if err := s.set(&rec, column, unescape(cells[i])); err != nil {
				return rec, err
			}
		}
		if len(rec.addresses) == 0 {
			return rec, invalid("no-address", "the line has no address")
		}
		return rec, nil
	}
}

func (s *Store) set(rec *record, column, cell string) (err error) {
	switch column {
	case "name":
		rec.name, err = cleanText(column, cell)
	case "sections":
		rec.sections, err = cleanList(column, []string{cell})
	case "groups":
		rec.groups, err = cleanList(column, []string{cell})
	case "language":
		rec.language, err = cleanLanguage(cell)
	case "state":
		rec.state, rec.until, rec.left, err = s.parseState(cell)
	default:
		if trim(cell) == "" {
			return nil
		}
		if !utf8.ValidString(cell) || strings.ContainsRune(cell, utf8.RuneError) {
			return invalid("encoding", "%s contains bytes that are no text", column)
		}
		a, err := ParseAddress(column, cell)
		if err != nil {
			return err
		}
		rec.addresses = append(rec.addresses, ChannelAddress{Address: a, hash: s.Hash(a)})
	}
	return err
}

func (s *Store) parseState(cell string) (state State, until time.Time, left map[string]bool, err error) {
	first, rest, _ := strings.Cut(strings.ToLower(strings.TrimSpace(cell)), ";")
	state = State(strings.TrimSpace(first))
	if !slices.Contains([]State{"", Active, Pending, Paused, Unsubscribed}, state) || (state == "" && rest != "") {
		return "", until, nil, invalid("state", "%q is not a state; the states are active, pending, paused, unsubscribed", cell)
	}
	left = map[string]bool{}
	for rest != "" {
		first, rest, _ = strings.Cut(rest, ";")
		first = strings.TrimSpace(first)
		if at, ok := strings.CutPrefix(first, "until:"); ok && state == Paused {
			if until, err = time.Parse(time.RFC3339, strings.ToUpper(at)); err != nil {
				return "", until, nil, invalid("state", "%q is no time such as until:2026-10-01T00:00:00Z", first)
			}
			continue
		}
		channel, ok := strings.CutPrefix(first, "unsubscribed:")
		if !ok || !slices.Contains(s.channels, channel) {
			return "", until, nil, invalid("state", "%q does not name a channel that was left, such as unsubscribed:email", first)
		}
		left[channel] = true
	}
	return state, until.UTC(), left, nil
}

// survey reads the whole file: whether it is UTF-8, and how many lines it has.
// Looking at a part would not do: the first Chinese name may be the last line's.
func survey(file io.ReadSeeker) (utf bool, lines int, err error) {
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return false, 0, fmt.Errorf("reading the file: %w", err)
	}
	utf = true
	in := bufio.NewReaderSize(file, maxLine)
	last := '\n'
	for {
		r, size, err := in.ReadRune()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return false, 0, fmt.Errorf("reading the file: %w", err)
		}
		switch {
		case r == 0:
			return false, 0, invalid("not-csv", "the file is not CSV text; save it as \"CSV UTF-8\"")
		case r == '\n':
			lines++
		case r == utf8.RuneError && size == 1:
			utf = false
		}
		last = r
	}
	if last != '\n' {
		lines++
	}
	return utf, lines, nil
}

// Spreadsheets run a cell as a formula when it starts with one of these, the
// full-width ones in Chinese and Japanese versions (OWASP "CSV Injection", read
// 2026-09).
const formula = "=+-@\t\r＝＋－＠"

// escape keeps a spreadsheet from running a cell. A cell that already looks
// escaped is escaped once more, so that unescape gives back every text.
func escape(cell string) string {
	if startsFormula(strings.TrimLeft(cell, "'")) {
		return "'" + cell
	}
	return cell
}

func unescape(cell string) string {
	if rest, ok := strings.CutPrefix(cell, "'"); ok && startsFormula(strings.TrimLeft(rest, "'")) {
		return rest
	}
	return cell
}

func startsFormula(text string) bool {
	r, size := utf8.DecodeRuneInString(text)
	return size > 0 && strings.ContainsRune(formula, r)
}
