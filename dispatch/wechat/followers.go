package wechat

import (
	"context"
	"errors"
	"net/url"
	"slices"
)

const (
	followersPath = "/cgi-bin/user/get"
	peoplePath    = "/cgi-bin/user/info/batchget"
	// maxPeople is how many openids batchget takes (its page, read 2026-11).
	maxPeople = 100
)

// Followers calls page with the openids of everybody who follows the account, up
// to 10,000 at a time, none twice. Who leaves or comes meanwhile may be missing
// or not: the SDK begins anew when the number changes, and never ends while
// people come and go.
func (c *Channel) Followers(ctx context.Context, page func(openids []string) error) error {
	seen := map[string]bool{}
	for next := ""; ; {
		var out openidPage
		if err := c.api.Get(ctx, followersPath, url.Values{"next_openid": {next}}, &out); err != nil {
			return err
		}
		var fresh []string
		for _, openid := range out.Data.OpenIDs {
			if !seen[openid] {
				seen[openid] = true
				fresh = append(fresh, openid)
			}
		}
		if len(fresh) == 0 {
			return nil
		}
		if err := page(fresh); err != nil {
			return err
		}
		if next = out.Next; next == "" {
			return nil
		}
	}
}

// Gone tells which of some openids do not follow the account. It asks for each:
// that one is missing from a list says little.
func (c *Channel) Gone(ctx context.Context, openids []string) (gone []string, err error) {
	for part := range slices.Chunk(openids, maxPeople) {
		some, err := c.gone(ctx, part)
		var e *Error
		if errors.As(err, &e) && e.Code == 40003 && len(part) > 1 {
			// One of them was never a follower of this account.
			some = nil
			for _, openid := range part {
				one, err := c.Gone(ctx, []string{openid})
				if err != nil {
					return nil, err
				}
				some = append(some, one...)
			}
		} else if isCode(err, 40003) {
			some = part
		} else if err != nil {
			return nil, err
		}
		gone = append(gone, some...)
	}
	return gone, nil
}

func (c *Channel) gone(ctx context.Context, openids []string) (gone []string, err error) {
	type person struct {
		OpenID    string `json:"openid"`
		Following *int   `json:"subscribe,omitempty"`
	}
	var in struct {
		List []person `json:"user_list"`
	}
	for _, openid := range openids {
		in.List = append(in.List, person{OpenID: openid})
	}
	var out struct {
		People []person `json:"user_info_list"`
	}
	if err := c.api.Call(ctx, peoplePath, in, &out); err != nil {
		return nil, err
	}
	for _, p := range out.People {
		if p.Following != nil && *p.Following == 0 {
			gone = append(gone, p.OpenID)
		}
	}
	return gone, nil
}
