package wechat

import (
	"context"
	"fmt"
	"strings"

	"yizhan/dispatch"
	"yizhan/issue"
	"yizhan/templates"
)

const customPath = "/cgi-bin/message/custom/send"

// A customer-service message of kind news has one card (page of customer-service
// messages, read 2026-11; more were allowed before 2018). How long its texts may be is
// written nowhere: what is longer is cut off on a telephone.
const (
	maxCardTitle = 64
	maxCardText  = 120
)

// card links to an issue, for one follower who asked for it or for whom an operator
// sends it again.
type card struct {
	Title string `json:"title"`
	Text  string `json:"description"`
	URL   string `json:"url"`
}

// newCard makes the card of an issue.
func newCard(i issue.Issue, a templates.Article) card {
	var lines []string
	for _, s := range i.Sections {
		for _, one := range s.Articles {
			if title := oneLine(one.Title); title != "" {
				lines = append(lines, title)
			}
		}
	}
	return card{Title: cutRunes(oneLine(a.Title), maxCardTitle), Text: cutRunes(strings.Join(lines, "；"), maxCardText), URL: a.SourceURL}
}

// oneLine is a text without line breaks and without what the platform shows badly.
func oneLine(s string) string { return strings.Join(strings.Fields(clean(s)), " ") }

// cutRunes keeps at most n characters.
func cutRunes(s string, n int) string {
	runes := []rune(s)
	if len(runes) > n {
		return string(runes[:n-1]) + "…"
	}
	return s
}

// custom hands a card to one follower, who has to have done something of late: 5
// messages are allowed within 48 hours after a message of theirs, 3 within a minute
// after a button, a scan or following (page of customer-service messages, read
// 2026-11).
func (h *handover) custom(ctx context.Context, c card, mark dispatch.MarkFunc) []dispatch.Outcome {
	return h.single(ctx, mark, customPath, func(openid string) any {
		type news struct {
			Articles []card `json:"articles"`
		}
		return struct {
			ToUser string `json:"touser"`
			Type   string `json:"msgtype"`
			News   news   `json:"news"`
		}{openid, "news", news{[]card{c}}}
	})
}

// single makes a call for one follower which the platform knows by no key. The ledger
// knows that: one whose answer is lost is never made again.
func (h *handover) single(ctx context.Context, mark dispatch.MarkFunc, path string, call func(openid string) any) []dispatch.Outcome {
	if len(h.batch.Deliveries) != 1 {
		return h.all(refused(dispatch.Failure{Scope: dispatch.ScopeContent, Reason: "batch-too-large"}, 0, fmt.Sprintf("%d", len(h.batch.Deliveries))))
	}
	if ctx.Err() != nil {
		return h.all(dispatch.Outcome{Status: dispatch.Returned})
	}
	// A token that is refused is asked for again, which takes its time: before the marker.
	if _, err := h.channel.api.tokens.get(ctx); err != nil {
		return h.before(ctx, err)
	}
	members, ok := h.mark(ctx, mark)
	if !ok || len(members) == 0 {
		return h.all(dispatch.Outcome{Status: dispatch.Returned})
	}
	return h.after(h.channel.api.Call(context.WithoutCancel(ctx), path, call(members[0]), nil), "")
}
