package email

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"yizhan/dispatch"
	"yizhan/templates"
)

// letterVersion is the first byte of a service mail's variant, in front of its
// head and of what an issue's mail has.
const letterVersion = 0x82

// letterHead is what is frozen of a service mail beside its text: which link its
// readers get, and until when that works.
type letterHead struct {
	Kind    string    `json:"kind"`
	Expires time.Time `json:"expires"` // zero: it has no link
}

// prepareLetters makes a variant for each service mail.
func (c *Channel) prepareLetters(content dispatch.Content) ([]dispatch.Variant, error) {
	var out []dispatch.Variant
	for _, letter := range content.Letters {
		link, expires := c.options.Links.LetterPlaceholder(letter.Kind, content.PlannedAt)
		if link != "" && !isLink(link) {
			return nil, fmt.Errorf("prepare letter: the link %q would have to be escaped", link)
		}
		expires = expires.UTC()
		digest, err := c.options.Digest.Letter(templates.Letter{
			Kind: letter.Kind, Language: letter.Language, Title: c.options.Title, Link: link, Valid: expires.Sub(content.PlannedAt), Imprint: c.options.Imprint,
		})
		if err != nil {
			return nil, fmt.Errorf("prepare letter %s: %w", letter.Key(), err)
		}
		v, err := c.freeze(content, digest, link)
		if err != nil {
			return nil, fmt.Errorf("prepare letter %s: %w", letter.Key(), err)
		}
		v.Key = letter.Key()
		if v.Data, err = (letterHead{letter.Kind, expires}).prepend(v.Data); err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

// prepend puts the head in front of a frozen mail.
func (h letterHead) prepend(mail []byte) ([]byte, error) {
	head, err := json.Marshal(h)
	if err != nil {
		return nil, fmt.Errorf("freeze a letter: %w", err)
	}
	out := binary.AppendUvarint([]byte{letterVersion}, uint64(len(head)))
	return append(append(out, head...), mail...), nil
}

// cutLetter divides a variant into its head, nil when it is no service mail, and
// the frozen mail.
func cutLetter(data []byte) (*letterHead, []byte, error) {
	if len(data) == 0 || data[0] != letterVersion {
		return nil, data, nil
	}
	size, n := binary.Uvarint(data[1:])
	if n <= 0 || size > uint64(len(data)-1-n) {
		return nil, nil, errors.New("read a letter: damaged")
	}
	data = data[1+n:]
	h := &letterHead{}
	if err := json.Unmarshal(data[:size], h); err != nil {
		return nil, nil, fmt.Errorf("read a letter: %w", err)
	}
	return h, data[size:], nil
}
