package wechat

import (
	"context"
	"errors"
	"slices"

	"yizhan/dispatch"
)

// The paths of tags. The SDK's calls take an error for an empty list.
const (
	tagListPath    = "/cgi-bin/tags/get"
	tagCreatePath  = "/cgi-bin/tags/create"
	tagMembersPath = "/cgi-bin/user/tag/get"
	tagAddPath     = "/cgi-bin/tags/members/batchtagging"
	tagRemovePath  = "/cgi-bin/tags/members/batchuntagging"
)

// maxTagging is how many openids are tagged in one call (page of batchtagging,
// read 2026-11).
const maxTagging = 50

// tagID finds the channel's tag, or creates it.
func (c *Channel) tagID(ctx context.Context) (int64, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.tag != 0 {
		return c.tag, nil
	}
	type tag struct {
		ID   int64  `json:"id"`
		Name string `json:"name"`
	}
	var list struct {
		Tags []tag `json:"tags"`
	}
	if err := c.api.Get(ctx, tagListPath, nil, &list); err != nil {
		return 0, err
	}
	if i := slices.IndexFunc(list.Tags, func(t tag) bool { return t.Name == c.options.Tag }); i >= 0 {
		c.tag = list.Tags[i].ID
		return c.tag, nil
	}
	var created struct {
		Tag tag `json:"tag"`
	}
	if err := c.api.Call(ctx, tagCreatePath, map[string]any{"tag": map[string]string{"name": c.options.Tag}}, &created); err != nil {
		return 0, err
	}
	if created.Tag.ID == 0 {
		return 0, &Fault{API: tagCreatePath, Err: errors.New("an answer without a tag")}
	}
	c.tag = created.Tag.ID
	return c.tag, nil
}

// tagged lists who has a tag.
func (c *Channel) tagged(ctx context.Context, tag int64) (map[string]bool, error) {
	members := map[string]bool{}
	for next := ""; ; {
		var page openidPage
		if err := c.api.Call(ctx, tagMembersPath, map[string]any{"tagid": tag, "next_openid": next}, &page); err != nil {
			return nil, err
		}
		before := len(members)
		for _, openid := range page.Data.OpenIDs {
			members[openid] = true
		}
		// The last page is empty; one that brings nobody new would come for ever.
		if next = page.Next; next == "" || len(members) == before {
			return members, nil
		}
	}
}

// openidPage is one page of followers.
type openidPage struct {
	Data struct {
		OpenIDs []string `json:"openid"`
	} `json:"data"`
	Next string `json:"next_openid"`
}

// tagAll brings the tag in step: it has the members of the batch and nobody else.
// Those who cannot be tagged, since they have left, have their answer afterwards.
func (h *handover) tagAll(ctx context.Context) (tag int64, err error) {
	c := h.channel
	if tag, err = c.tagID(ctx); err != nil {
		return 0, err
	}
	has, err := c.tagged(ctx, tag)
	if err != nil {
		if isCode(err, 45159) { // deleted in the console
			c.mu.Lock()
			c.tag = 0
			c.mu.Unlock()
		}
		return 0, err
	}
	place := map[string]int{}
	var add []string
	for i, d := range h.batch.Deliveries {
		place[d.Address] = i
		if !has[d.Address] {
			add = append(add, d.Address)
		}
		delete(has, d.Address)
	}
	gone, err := c.retag(ctx, tagAddPath, tag, add)
	if err != nil {
		return 0, err
	}
	for openid, why := range gone {
		v, code, reply := c.judge(why)
		h.out[place[openid]] = refused(v.Failure, code, reply)
	}
	var remove []string
	for openid := range has {
		remove = append(remove, openid)
	}
	_, err = c.retag(ctx, tagRemovePath, tag, remove)
	return tag, err
}

// untagStopped takes the tag from those who left between tag and marker.
func (h *handover) untagStopped(ctx context.Context, tag int64) error {
	var remove []string
	for i, d := range h.batch.Deliveries {
		if !h.granted[i] {
			remove = append(remove, d.Address)
		}
	}
	_, err := h.channel.retag(context.WithoutCancel(ctx), tagRemovePath, tag, remove)
	return err
}

// retag gives a tag to openids, or takes it away. One openid that is not a
// follower's makes the platform refuse all that stand beside it: then each is
// tried by itself, and gone has those who were refused.
func (c *Channel) retag(ctx context.Context, path string, tag int64, openids []string) (gone map[string]error, err error) {
	gone = map[string]error{}
	for part := range slices.Chunk(openids, maxTagging) {
		err := c.tagging(ctx, path, tag, part)
		if err == nil {
			continue
		}
		if !c.ofFollower(err) {
			return nil, err
		}
		for _, openid := range part {
			if err := c.tagging(ctx, path, tag, []string{openid}); c.ofFollower(err) {
				gone[openid] = err
			} else if err != nil {
				return nil, err
			}
		}
	}
	return gone, nil
}

func (c *Channel) tagging(ctx context.Context, path string, tag int64, openids []string) error {
	return c.api.Call(ctx, path, map[string]any{"openid_list": openids, "tagid": tag}, nil)
}

// ofFollower reports whether an error is about a follower.
func (c *Channel) ofFollower(err error) bool {
	if err == nil {
		return false
	}
	v, _, _ := c.judge(err)
	return v.Failure.Scope == dispatch.ScopeRecipient
}

func isCode(err error, code int) bool {
	var e *Error
	return errors.As(err, &e) && e.Code == code
}
