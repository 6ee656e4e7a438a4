package wechat

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"path"
	"sync"
	"time"

	"yizhan/dispatch"
	"yizhan/issue"
	"yizhan/templates"
)

// Pictures gives the pictures of issues; [issue.Store] has them.
type Pictures interface {
	Picture(ctx context.Context, issueID, name string) (issue.Picture, error)
}

// Uploads remember what the platform calls something that was uploaded, so that a
// restart uploads nothing again; [dispatch.Ledger] does.
type Uploads interface {
	// Upload gives "" for what was never uploaded.
	Upload(ctx context.Context, channel, key string) (name string, err error)
	KeepUpload(ctx context.Context, channel, key, name string, now time.Time) error
}

// remembered are uploads for as long as the process lives.
type remembered struct{ names sync.Map }

func (r *remembered) Upload(_ context.Context, _, key string) (string, error) {
	name, _ := r.names.Load(key)
	s, _ := name.(string)
	return s, nil
}

func (r *remembered) KeepUpload(_ context.Context, _, key, name string, _ time.Time) error {
	r.names.Store(key, name)
	return nil
}

// The paths of uploads. A picture of an article has to be JPEG or PNG and below
// 1 MB, and is in no library (page of uploadimg, read 2026-11): the store keeps
// none that is larger.
const (
	picturePath = "/cgi-bin/media/uploadimg"
	coverPath   = "/cgi-bin/material/add_material"
)

// uploaded gives the platform's name of a file: it uploads what it has not uploaded
// before, or what is wanted anew. A memory that fails costs an upload, no more.
func (c *Channel) uploaded(ctx context.Context, kind string, data []byte, anew bool, upload func() (string, error)) (string, error) {
	c.uploading.Lock()
	defer c.uploading.Unlock()
	sum := sha256.Sum256(data)
	key := kind + " " + c.api.appID + " " + hex.EncodeToString(sum[:])
	if !anew {
		name, err := c.options.Uploads.Upload(ctx, Name, key)
		if err != nil {
			c.log.Warn("what was uploaded before is not known; uploading it again", "error", err)
		}
		if name != "" {
			return name, nil
		}
	}
	name, err := upload()
	if err != nil {
		return "", err
	}
	if err := c.options.Uploads.KeepUpload(context.WithoutCancel(ctx), Name, key, name, time.Now()); err != nil {
		c.log.Warn("an upload could not be recorded; it will be made again", "error", err)
	}
	return name, nil
}

// cover gives the permanent material of a cover.
func (c *Channel) cover(ctx context.Context, png []byte, anew bool) (media string, err error) {
	return c.uploaded(ctx, "cover", png, anew, func() (string, error) {
		var out struct {
			MediaID string `json:"media_id"`
		}
		err := c.api.Upload(ctx, coverPath, url.Values{"type": {"image"}}, "cover.png", png, &out)
		if err == nil && out.MediaID == "" {
			err = &Fault{API: coverPath, Err: errors.New("an answer without a media_id")}
		}
		return out.MediaID, err
	})
}

// picture gives the address of a picture that may stand in an article.
func (c *Channel) picture(ctx context.Context, p issue.Picture) (address string, err error) {
	return c.uploaded(ctx, "picture", p.Data, false, func() (string, error) {
		var out struct {
			URL string `json:"url"`
		}
		err := c.api.Upload(ctx, picturePath, nil, "picture"+path.Ext(p.Name), p.Data, &out)
		if err == nil && !templates.KeepsPicture(out.URL) {
			err = &Fault{API: picturePath, Err: errors.New("an answer without an address that an article may show")}
		}
		return out.URL, err
	})
}

// pictureTries is how often a picture is uploaded when it is not the picture that
// the platform dislikes, a moment between the tries.
const (
	pictureTries = 3
	pictureWait  = time.Second
)

// insist tries a picture again when the platform or the network is at fault.
func (c *Channel) insist(ctx context.Context, p issue.Picture) (address string, err error) {
	for try := 1; ; try++ {
		if address, err = c.picture(ctx, p); err == nil || try == pictureTries {
			return address, err
		}
		if v, _, _ := c.judge(err); v.Failure.Scope == dispatch.ScopeContent {
			return "", err
		}
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-time.After(pictureWait):
		}
	}
}

// illustrate uploads what an article shows, and gives the addresses. What cannot be
// had is left out, and a remark says so: an issue does not wait for a picture. When
// the platform takes nothing at all, it is not asked for each.
func (c *Channel) illustrate(ctx context.Context, in templates.Input) (addresses map[string]string, remarks []string, err error) {
	wanted := templates.Illustrations(in)
	if c.options.Pictures == nil {
		return nil, nil, nil
	}
	addresses = map[string]string{}
	for i, one := range wanted {
		p, err := c.options.Pictures.Picture(ctx, in.Issue.ID, one.Name)
		if errors.Is(err, issue.ErrNotFound) {
			remarks = append(remarks, fmt.Sprintf("《%s》的图片不在库里，没有放进公众号文章", one.Article))
			continue
		}
		if err != nil {
			return nil, nil, fmt.Errorf("prepare WeChat article: %w", err)
		}
		address, err := c.insist(ctx, p)
		if ctx.Err() != nil {
			return nil, nil, fmt.Errorf("prepare WeChat article: %w", ctx.Err())
		}
		if err == nil {
			addresses[one.Name] = address
			continue
		}
		v, code, reply := c.judge(err)
		c.log.Warn("a picture was not uploaded", "issue", in.Issue.ID, "picture", one.Name, "reason", v.Failure.Reason, "error", err)
		if v.Failure.Scope != dispatch.ScopeContent {
			return addresses, append(remarks, fmt.Sprintf("公众平台现在不收图片（%d %s），%d 篇的图片没有放进公众号文章", code, reply, len(wanted)-i)), nil
		}
		remarks = append(remarks, fmt.Sprintf("公众平台不收《%s》的图片（%d %s），没有放进公众号文章", one.Article, code, reply))
	}
	return addresses, remarks, nil
}
