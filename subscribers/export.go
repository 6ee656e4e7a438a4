package subscribers

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// Export writes every subscriber as CSV: UTF-8 with a byte order mark and CRLF,
// which Excel needs to show Chinese, and with cells escaped that a spreadsheet
// would run as a formula. Importing the file again changes nobody. It returns
// how many subscribers it wrote.
func (s *Store) Export(ctx context.Context, out io.Writer) (int, error) {
	if _, err := io.WriteString(out, "\ufeff"); err != nil {
		return 0, fmt.Errorf("exporting subscribers: %w", err)
	}
	w := csv.NewWriter(out)
	w.UseCRLF = true
	columns := s.columns()
	if err := w.Write(columns); err != nil {
		return 0, fmt.Errorf("exporting subscribers: %w", err)
	}
	count := 0
	page := Filter{Limit: importBatch}
	for {
		subs, err := s.List(ctx, page)
		if err != nil {
			return count, fmt.Errorf("exporting subscribers: %w", err)
		}
		for i := range subs {
			if !slices.ContainsFunc(subs[i].Addresses, func(a ChannelAddress) bool { return a.Value != "" }) {
				continue // has left, and the address is forgotten
			}
			if err := w.Write(subs[i].cells(columns)); err != nil {
				return count, fmt.Errorf("exporting subscribers: %w", err)
			}
			count++
		}
		if w.Flush(); w.Error() != nil {
			return count, fmt.Errorf("exporting subscribers: %w", w.Error())
		}
		if len(subs) < page.Limit {
			return count, nil
		}
		page.After = subs[len(subs)-1].ID
	}
}

// cells are the subscriber's cells in the CSV file.
func (s *Subscriber) cells(columns []string) []string {
	cells := make([]string, len(columns))
	for i, column := range columns {
		var text string
		switch column {
		case "name":
			text = s.Name
		case "sections":
			text = join(s.Sections)
		case "groups":
			text = join(s.Groups)
		case "language":
			text = s.Language
		case "state":
			text = s.stateCell()
		default:
			if a := s.on(column); a != nil {
				text = a.Value
			}
		}
		cells[i] = escape(text)
	}
	return cells
}

func (s *Subscriber) stateCell() string {
	if s.State == Unsubscribed {
		return string(Unsubscribed)
	}
	var text strings.Builder
	text.WriteString(string(s.State))
	if s.State == Paused && !s.PausedUntil.IsZero() {
		text.WriteString(";until:" + s.PausedUntil.UTC().Format(time.RFC3339))
	}
	for _, a := range s.Addresses {
		if a.State == Unsubscribed {
			text.WriteString(";unsubscribed:" + a.Channel)
		}
	}
	return text.String()
}
