package dispatch

import (
	"cmp"
	"slices"
	"time"
)

// holding is what is remembered of a holder of connections.
type holding struct {
	held, want int
	until      time.Time
}

// part is a holder's fair part of total: nobody gets more than it wants, what
// those do not want is divided among the others, and where there are more holders
// than connections they take turns. All holders come to the same parts.
func part(holder string, total int, wants map[string]int, now time.Time) int {
	var names []string
	for name, want := range wants {
		if want > 0 {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	n := len(names)
	if n > total {
		turn := int(now.UnixMicro() / ShareTurn.Microseconds() % int64(n))
		names = slices.Concat(names[turn:], names[:turn])
	}
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(wants[a], wants[b]) })
	left := total
	for i, name := range names {
		got := min(wants[name], left/(n-i))
		if name == holder {
			return got
		}
		left -= got
	}
	return 0
}
