package wechat

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/silenceper/wechat/v2/officialaccount/draft"

	"yizhan/dispatch"
)

// The paths of mass sends.
const (
	massListPath    = "/cgi-bin/message/mass/send"
	massAllPath     = "/cgi-bin/message/mass/sendall"
	massPreviewPath = "/cgi-bin/message/mass/preview"
	massGetPath     = "/cgi-bin/message/mass/get"
)

// massCall is a mass send of any kind. The SDK's has no clientmsgid, without
// which the platform takes every batch of one article for the same.
type massCall struct {
	ToUser  any         `json:"touser,omitempty"` // list of openids; one of them for a preview
	Filter  *massFilter `json:"filter,omitempty"`
	News    massNews    `json:"mpnews"`
	MsgType string      `json:"msgtype"`
	// Reprint 0 stops a job that the platform takes for a reprint; 1 would let it
	// send the original's text instead of ours.
	Reprint int    `json:"send_ignore_reprint"`
	Key     string `json:"clientmsgid,omitempty"`
}

type massFilter struct {
	ToAll bool  `json:"is_to_all"`
	Tag   int64 `json:"tag_id,omitempty"`
}

type massNews struct {
	MediaID string `json:"media_id"`
}

func newMass(media, key string) massCall {
	return massCall{News: massNews{media}, MsgType: "mpnews", Key: key}
}

// name is an id that the platform writes as a number or as a string.
type name string

// UnmarshalJSON implements [encoding/json.Unmarshaler].
func (n *name) UnmarshalJSON(data []byte) error {
	*n = name(strings.Trim(string(data), `"`))
	return nil
}

// send makes the call and gives the name of the job, also of one that the
// platform knew already.
func (c *Channel) send(ctx context.Context, path string, call massCall) (job string, err error) {
	var out struct {
		ID name `json:"msg_id"`
	}
	// From the marker on the answer is waited for, for as long as a call may take:
	// a stop must not make anybody wonder.
	err = c.api.Call(context.WithoutCancel(ctx), path, call, &out)
	return string(out.ID), err
}

// massList sends to a list of openids.
func (h *handover) massList(ctx context.Context, f frozen, mark dispatch.MarkFunc) []dispatch.Outcome {
	alone := refused(dispatch.Failure{Scope: dispatch.ScopeContent, Permanent: true, Reason: "mass-needs-two"}, 40130, "群发至少要两个 openid")
	if len(h.batch.Deliveries) < minOpenIDs {
		return h.all(alone)
	}
	media, err := h.draft(ctx, f)
	if err != nil {
		return h.before(ctx, err)
	}
	members, ok := h.mark(ctx, mark)
	if !ok || len(members) == 0 {
		h.discard(ctx, media)
		return h.all(dispatch.Outcome{Status: dispatch.Returned})
	}
	if len(members) < minOpenIDs {
		h.discard(ctx, media)
		return h.all(alone)
	}
	call := newMass(media, h.batch.Key)
	call.ToUser = members
	job, err := h.channel.send(ctx, massListPath, call)
	if isCode(err, 40007) {
		h.channel.forget(h.batch.Run) // it has not outlived its first send
	}
	return h.after(err, job)
}

// massAll sends a subscription account's article to its tag, or to all.
func (h *handover) massAll(ctx context.Context, f frozen, mark dispatch.MarkFunc) []dispatch.Outcome {
	c := h.channel
	filter := massFilter{ToAll: c.options.ToAll}
	if !filter.ToAll {
		var err error
		if filter.Tag, err = h.tagAll(ctx); err != nil {
			return h.before(ctx, err)
		}
	}
	media, err := c.draft(ctx, f)
	if err != nil {
		return h.before(ctx, err)
	}
	members, ok := h.mark(ctx, mark)
	if !ok || len(members) == 0 {
		c.discard(ctx, media)
		return h.all(dispatch.Outcome{Status: dispatch.Returned})
	}
	if !filter.ToAll {
		if err := h.untagStopped(ctx, filter.Tag); err != nil {
			v, code, reply := c.judge(err)
			return h.all(refused(h.whole(v.Failure), code, reply))
		}
	}
	call := newMass(media, h.batch.Key)
	call.Filter = &filter
	job, err := c.send(ctx, massAllPath, call)
	return h.after(err, job)
}

const (
	draftAddPath    = "/cgi-bin/draft/add"
	draftDeletePath = "/cgi-bin/draft/delete"
)

// A cover that was just uploaded is not known everywhere for some seconds
// (40007, developers' forum, read 2026-11).
const (
	freshCover  = time.Second
	coverTries  = 4
	coverUpload = 2 // from this try on it is uploaded anew: it was deleted
)

// draft gives a draft of the article: a fresh one, unless the run has one for all.
func (h *handover) draft(ctx context.Context, f frozen) (media string, err error) {
	c := h.channel
	if !c.options.OneDraft {
		return c.draft(ctx, f)
	}
	c.mu.Lock()
	media = c.drafts[h.batch.Run]
	c.mu.Unlock()
	if media != "" {
		return media, nil
	}
	if media, err = c.draft(ctx, f); err != nil {
		return "", err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drafts[h.batch.Run] = media
	return media, nil
}

// discard deletes a draft that nobody will send.
func (h *handover) discard(ctx context.Context, media string) {
	if !h.channel.options.OneDraft {
		h.channel.discard(ctx, media)
	}
}

// forget lets the next batch of a run have a fresh draft.
func (c *Channel) forget(run int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.drafts, run)
}

// draft makes a draft of the article.
func (c *Channel) draft(ctx context.Context, f frozen) (media string, err error) {
	if f.Article == nil {
		return "", errors.New("wechat: the run was planned for template messages")
	}
	for try := 1; ; try++ {
		cover, err := c.cover(ctx, f.Cover, try == coverUpload+1)
		if err != nil {
			return "", err
		}
		call := map[string]any{"articles": []draft.Article{{
			Title: f.Article.Title, Author: f.Article.Author, Digest: f.Article.Digest, Content: f.Article.Content,
			ContentSourceURL: f.Article.Source, ThumbMediaID: cover,
		}}}
		var out struct {
			MediaID string `json:"media_id"`
		}
		err = c.api.Call(ctx, draftAddPath, call, &out)
		var e *Error
		switch {
		case err == nil && out.MediaID == "":
			return "", &Fault{API: draftAddPath, Err: errors.New("an answer without a media_id")}
		case err == nil:
			return out.MediaID, nil
		case !errors.As(err, &e) || e.Code != 40007 || try == coverTries:
			return "", err
		}
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-time.After(freshCover):
		}
	}
}

// discard deletes a draft that will not be sent. One that stays does no harm.
func (c *Channel) discard(ctx context.Context, media string) {
	err := c.api.Call(context.WithoutCancel(ctx), draftDeletePath, map[string]string{"media_id": media}, nil)
	if err != nil {
		c.log.Debug("a draft that was not sent stays in the account", "error", err)
	}
}

// Preview shows a run's article to one follower, by the call that is made for
// that: the SDK's turns later sends into previews, or previews into sends.
func (c *Channel) Preview(ctx context.Context, v dispatch.Variant, openid string) error {
	var f frozen
	if err := f.unmarshal(v.Data); err != nil {
		return err
	}
	media, err := c.draft(ctx, f)
	if err != nil {
		return err
	}
	defer c.discard(ctx, media)
	call := newMass(media, "")
	call.ToUser = openid
	return c.api.Call(ctx, massPreviewPath, call, nil)
}
