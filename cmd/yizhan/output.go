package main

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// sheet is a table for people. Its columns line up with Chinese in them.
type sheet struct{ writer table.Writer }

// newSheet makes a table with a header; a header that ends with "#" is of a
// column of numbers.
func newSheet(header ...string) *sheet {
	w := table.NewWriter()
	style := table.StyleLight
	style.Options = table.OptionsNoBordersAndSeparators
	style.Format.Header = text.FormatDefault
	style.Box.PaddingLeft = ""
	style.Box.PaddingRight = "  "
	w.SetStyle(style)
	w.SuppressTrailingSpaces()
	row := make(table.Row, len(header))
	var columns []table.ColumnConfig
	for i, h := range header {
		name, numeric := strings.CutSuffix(h, "#")
		row[i] = name
		if numeric {
			columns = append(columns, table.ColumnConfig{Number: i + 1, Align: text.AlignRight, AlignHeader: text.AlignRight})
		}
	}
	w.SetColumnConfigs(columns)
	w.AppendHeader(row)
	return &sheet{w}
}

func (s *sheet) add(cells ...any) {
	row := make(table.Row, len(cells))
	for i, c := range cells {
		row[i] = plain(fmt.Sprint(c))
	}
	s.writer.AppendRow(row)
}

func (s *sheet) write(to io.Writer) error {
	_, err := fmt.Fprintln(to, s.writer.Render())
	return err
}

// plain keeps imported text and carriers' replies from steering the terminal.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			return ' '
		}
		return r
	}, s)
}

// clock is how people read a time: in the zone of the configuration.
func (i *instance) clock(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(i.config.Timezone).Format("2006-01-02 15:04:05")
}

// clockOf is clock for a time that may be missing.
func (i *instance) clockOf(t *time.Time) string {
	if t == nil {
		return ""
	}
	return i.clock(*t)
}

func joined(words []string) string { return strings.Join(words, "、") }

// word gives the Chinese of a state or another short word of the ledger; what it
// does not know it leaves.
func word(s string) string {
	if zh, ok := map[string]string{
		// runs
		"planning": "计划中", "planned": "待发", "sending": "发送中", "paused": "已暂停", "held": "待处理",
		"partial": "部分待重试", "finished": "已完成", "cancelled": "已取消",
		// deliveries
		"due": "待发", "queued": "排队", "leased": "处理中", "marked": "已交出",
		"sent": "已送出", "failed": "失败", "skipped": "跳过", "unconfirmed": "未确认",
		// scopes
		"first": "首发", "unsent": "未送达", "new": "新订户", "outdated": "旧版本", "one": "一人", "latest": "新订户索取", "asked": "要提醒的人",
		// subscribers
		"active": "有效", "pending": "待确认", "unsubscribed": "已退订",
		// issues
		"draft": "草稿", "approved": "已批准", "withdrawn": "已撤回",
		// severities
		"info": "提示", "warning": "警告", "error": "错误",
	}[s]; ok {
		return zh
	}
	return s
}
