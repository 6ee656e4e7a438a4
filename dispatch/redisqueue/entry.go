package redisqueue

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// maxEntry bounds what is taken for an entry of ours; the feeder's have at most
// a channel's batch, 10,000 for WeChat.
const maxEntry = 100_000

var errForeign = errors.New("not an entry of this queue")

// encode writes ids as text: the first, then the step to each next one, in base
// 36 with blanks between. A chunk of neighbours takes two bytes an id.
func encode(ids []int64) string {
	var b strings.Builder
	last := int64(0)
	for i, id := range ids {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(strconv.FormatInt(id-last, 36))
		last = id
	}
	return b.String()
}

// decode is the reverse of encode.
func decode(text string) ([]int64, error) {
	n := count(text)
	if n > maxEntry {
		return nil, fmt.Errorf("%w: %d ids", errForeign, n)
	}
	ids := make([]int64, 0, n)
	last := int64(0)
	for word := range strings.SplitSeq(text, " ") {
		step, err := strconv.ParseInt(word, 36, 64)
		if err != nil {
			return nil, errForeign
		}
		last += step
		ids = append(ids, last)
	}
	return ids, nil
}

// count tells how many ids a text has without reading them.
func count(text string) int { return strings.Count(text, " ") + 1 }
