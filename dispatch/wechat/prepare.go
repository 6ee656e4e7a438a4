package wechat

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"yizhan/dispatch"
	"yizhan/templates"
)

// frozen is a run's content: one of an article with its cover, a template message, a
// card, a reminder.
type frozen struct {
	Article  *article  `json:"article,omitempty"`
	Cover    []byte    `json:"cover,omitempty"`
	Message  *filled   `json:"message,omitempty"`
	Card     *card     `json:"card,omitempty"`
	Reminder *reminder `json:"reminder,omitempty"`
}

// article is what draft/add wants, but for the id of the cover.
type article struct {
	Title   string `json:"title"`
	Author  string `json:"author"`
	Digest  string `json:"digest"`
	Content string `json:"content"`
	Source  string `json:"source"`
}

func (f *frozen) unmarshal(data []byte) error {
	if err := json.Unmarshal(data, f); err != nil {
		return fmt.Errorf("read frozen article: %w", err)
	}
	if f.Article == nil && f.Message == nil && f.Card == nil && f.Reminder == nil {
		return errors.New("read frozen article: it holds nothing to send")
	}
	return nil
}

// Prepare implements [dispatch.Channel]: one variant, which everybody gets, or one for
// each reminder. Section choices do not apply: a mass send has one article for all. It
// uploads the article's pictures, since their addresses are part of what is frozen.
func (c *Channel) Prepare(ctx context.Context, content dispatch.Content) ([]dispatch.Variant, error) {
	if content.Kind == dispatch.KindService {
		return nil, errors.New("prepare WeChat article: the channel sends no service mails")
	}
	in := templates.Input{
		Issue: content.Issue, Revision: content.Revision, Language: c.options.Language,
		PublicURL: c.options.PublicURL, Imprint: c.options.Imprint, Correction: content.Correction, Zone: c.options.Zone,
	}
	if c.options.Locked != nil {
		in.Locked = c.options.Locked(content.Issue)
	}
	var remarks []string
	whole := c.options.Mode == Mass && !content.OnDemand && content.Kind == dispatch.KindIssue
	if whole {
		var err error
		if in.Pictures, remarks, err = c.illustrate(ctx, in); err != nil {
			return nil, err
		}
	}
	a, err := c.options.Render.Article(in)
	if err != nil {
		return nil, fmt.Errorf("prepare WeChat article: %w", err)
	}
	switch {
	case content.Kind == dispatch.KindReminder:
		var out []dispatch.Variant
		for _, r := range content.Reminders {
			m := c.newReminder(r, content.Issue, a)
			v, err := freeze(frozen{Reminder: &m})
			if err != nil {
				return nil, err
			}
			v.Key, v.Single = r.Key(), true
			out = append(out, v)
		}
		return out, nil
	case content.OnDemand:
		one := newCard(content.Issue, a)
		v, err := freeze(frozen{Card: &one})
		v.Single = true
		return []dispatch.Variant{v}, err
	case !whole:
		m := c.options.Message.fill(content.Issue, a)
		v, err := freeze(frozen{Message: &m})
		return []dispatch.Variant{v}, err
	}
	cover, err := c.options.Render.Cover(in)
	if err != nil {
		return nil, fmt.Errorf("prepare WeChat cover: %w", err)
	}
	v, err := freeze(frozen{
		Article: &article{Title: clean(a.Title), Author: clean(a.Author), Digest: clean(a.Digest), Content: clean(a.Content), Source: a.SourceURL},
		Cover:   cover.PNG,
	})
	for _, d := range slices.Concat(a.Diagnostics, cover.Diagnostics) {
		remarks = append(remarks, d.Text)
	}
	v.Remarks = remarks
	return []dispatch.Variant{v}, err
}

// freeze makes a variant of what everybody gets who has it.
func freeze(f frozen) (dispatch.Variant, error) {
	data, err := json.Marshal(f)
	if err != nil {
		return dispatch.Variant{}, fmt.Errorf("prepare WeChat article: %w", err)
	}
	return dispatch.Variant{Data: data, MessageID: "%s"}, nil
}

// clean takes out what JSON can only write with an escape, which the platform
// shows as it is: U+2028, U+2029 and control characters but line feed and tab.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r == 0x7f || r == '\u2028' || r == '\u2029' {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
}
