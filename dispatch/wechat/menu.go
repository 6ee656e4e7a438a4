package wechat

import "context"

const menuPath = "/cgi-bin/menu/create"

// Button is a button of the account's menu that opens a page.
type Button struct {
	Name string // at most 4 Han characters are shown
	URL  string
}

// SetMenu replaces the menu under the account's chat. The platform takes up to
// three buttons; followers see them within a day (page of menu/create, read
// 2026-11).
func (c *Channel) SetMenu(ctx context.Context, buttons []Button) error {
	type view struct {
		Type string `json:"type"`
		Name string `json:"name"`
		URL  string `json:"url"`
	}
	var in struct {
		Buttons []view `json:"button"`
	}
	for _, b := range buttons {
		in.Buttons = append(in.Buttons, view{"view", b.Name, b.URL})
	}
	return c.api.Call(ctx, menuPath, in, nil)
}
