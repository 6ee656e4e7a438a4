package wechat

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"yizhan/dispatch"
	"yizhan/dispatch/dispatchtest"
	"yizhan/dispatch/standin"
	"yizhan/issue"
)

// album has pictures by name.
type album map[string]string

func (a album) Picture(_ context.Context, _, name string) (issue.Picture, error) {
	data, ok := a[name]
	if !ok {
		return issue.Picture{}, issue.ErrNotFound
	}
	return issue.Picture{Image: issue.Image{Name: name}, Data: []byte(data)}, nil
}

// illustrated is an issue with n articles, the k-th with the picture k.png.
func illustrated(n int) dispatch.Content {
	is := issue.Issue{ID: "142", Title: "港城茗讯", Sections: []issue.Section{{Name: "要闻"}}}
	for k := range n {
		is.Sections[0].Articles = append(is.Sections[0].Articles, issue.Article{Kind: issue.KindArticle, Title: fmt.Sprintf("新茶%d", k), Blocks: []issue.Block{
			{Kind: issue.BlockParagraph, Text: "第一批春茶今天到港。"},
			{Kind: issue.BlockImage, Image: &issue.Image{Name: fmt.Sprintf("%d.png", k)}},
		}})
	}
	return dispatch.Content{Kind: dispatch.KindIssue, Issue: is, Revision: issue.Revision{N: 1}, PlannedAt: time.Now()}
}

const pngMagic = "\x89PNG\r\n\x1a\n"

// TestPictures: the pictures of an article are uploaded when it is frozen, each
// content once, also by another process; what the platform does not take, or nobody
// has, is left out, and the operator reads which.
func TestPictures(t *testing.T) {
	s := newScript()
	w := startStandin(t, 3, standin.WeChatOptions{Script: s.fault})
	ledger := dispatchtest.Open(t).Ledger
	k := kinds()[0]
	k.change = func(o *Options) {
		o.Uploads = ledger
		// 0 and 1 are the same picture, 3 is no picture, 4 is not there.
		o.Pictures = album{"0.png": pngMagic + "a", "1.png": pngMagic + "a", "2.png": pngMagic + "b", "3.png": "nothing"}
	}
	for process := range 2 {
		c := newChannel(t, k, newAPI(t, w.URL(), nil))
		v, err := c.Prepare(t.Context(), illustrated(5))
		if err != nil {
			t.Fatal(err)
		}
		if said := strings.Join(v[0].Remarks, "\n"); len(v[0].Remarks) != 2 || !strings.Contains(said, "《新茶3》的图片（40005") || !strings.Contains(said, "《新茶4》的图片不在库里") {
			t.Errorf("remarks %q", said)
		}
		b := prepared(t, c, 3)
		b.Key, b.Variant = fmt.Sprint("batch", process), v[0]
		if o := c.Deliver(t.Context(), b, granting(3))[0]; o.Status != dispatch.Sent {
			t.Fatalf("%+v", o)
		}
		// The refused one is tried again by each process; prepared freezes another issue.
		if pictures, covers := w.Calls(picturePath), w.Calls(coverPath); pictures != 3+process || covers != 1 {
			t.Errorf("process %d: %d uploads of pictures, %d of covers", process, pictures, covers)
		}
	}
	got := w.Messages()[0].Article.Content
	for _, line := range strings.Split(got, `<img src="`)[1:] {
		address, _, _ := strings.Cut(line, `"`)
		if len(w.Image(address)) == 0 {
			t.Errorf("%s was never uploaded", address)
		}
	}
	if n := strings.Count(got, "<img"); n != 3 {
		t.Errorf("%d pictures in %s", n, got)
	}
}

// When the platform takes nothing, an issue does not wait for its pictures, and
// each is not tried.
func TestNoPicturesAtPresent(t *testing.T) {
	s := newScript()
	account := startStandin(t, 3, standin.WeChatOptions{Script: s.fault})
	synctest.Test(t, func(t *testing.T) {
		k := kinds()[0]
		k.change = func(o *Options) {
			o.Pictures = album{"0.png": pngMagic + "a", "1.png": pngMagic + "b", "2.png": pngMagic + "c"}
		}
		c := newChannel(t, k, newAPI(t, "http://api.weixin.invalid", func(o *APIOptions) { o.Transport = local{account} }))
		// A hiccup costs nothing, a refusal of this machine all that is left.
		s.next(picturePath, standin.WeChatFault{Status: 502}, standin.WeChatFault{})
		for range pictureTries {
			s.next(picturePath, standin.WeChatFault{Code: 40164, Text: "invalid ip 192.0.2.1"})
		}
		v, err := c.Prepare(t.Context(), illustrated(3))
		if err != nil {
			t.Fatal(err)
		}
		if len(v[0].Remarks) != 1 || !strings.Contains(v[0].Remarks[0], "40164 invalid ip 192.0.2.1") || !strings.Contains(v[0].Remarks[0], "2 篇") {
			t.Errorf("remarks %q", v[0].Remarks)
		}
		if n, shown := account.Calls(picturePath), strings.Count(string(v[0].Data), "mmbiz.qpic.cn"); n != 2+pictureTries || shown != 1 {
			t.Errorf("%d calls, %d pictures", n, shown)
		}
	})
}
