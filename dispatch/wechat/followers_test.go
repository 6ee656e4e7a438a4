package wechat

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"yizhan/dispatch/standin"
)

// Somebody leaves between two pages, the very one that the next page begins
// behind: nobody comes twice, and it ends.
func TestFollowersWhoLeaveMeanwhile(t *testing.T) {
	var w *standin.WeChat
	w = startStandin(t, 25, standin.WeChatOptions{PageSize: 10, Script: func(c standin.WeChatCall) standin.WeChatFault {
		if c.Path == followersPath && c.Nth == 2 {
			w.Unfollow(openid(9))
			w.Unfollow(openid(3))
			w.Unfollow(openid(12))
			w.Follow("oNewcomer")
		}
		return standin.WeChatFault{}
	}})
	c := newChannel(t, kinds()[0], newAPI(t, w.URL(), nil))
	var got []string
	if err := c.Followers(t.Context(), func(page []string) error { got = append(got, page...); return nil }); err != nil {
		t.Fatal(err)
	}
	var want []string
	for i := range 25 {
		if i != 12 {
			want = append(want, openid(i))
		}
	}
	want = append(want, "oNewcomer")
	if !slices.Equal(got, want) {
		t.Errorf("followers %v\nwant %v", got, want)
	}
	if n := w.Calls(followersPath); n > 5 {
		t.Errorf("%d pages were asked for", n)
	}
}

// A platform that gives the same page for ever does not hold us for ever.
func TestFollowersEnd(t *testing.T) {
	base := answering(t, `{"total":2,"count":2,"data":{"openid":["oA","oB"]},"next_openid":"oB"}`)
	c := newChannel(t, kinds()[0], newAPI(t, base, nil))
	var n int
	if err := c.Followers(t.Context(), func(page []string) error { n += len(page); return nil }); err != nil || n != 2 {
		t.Errorf("%d followers, %v", n, err)
	}
	stop := errors.New("stop")
	if err := c.Followers(t.Context(), func([]string) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("%v", err)
	}
}

func TestGone(t *testing.T) {
	c, w, _ := openAccount(t, kinds()[0], 250)
	var all, want []string
	for i := range 250 {
		all = append(all, openid(i))
		if i%60 == 7 {
			w.Unfollow(openid(i))
			want = append(want, openid(i))
		}
	}
	got, err := c.Gone(t.Context(), all)
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("gone %v, %v; want %v", got, err, want)
	}
	got, err = c.Gone(t.Context(), []string{openid(1), "oNeverHere", openid(7)})
	if err != nil || fmt.Sprint(got) != fmt.Sprint([]string{"oNeverHere", openid(7)}) {
		t.Errorf("gone %v, %v", got, err)
	}
}
