package wechat

import "context"

const menuPath = "/cgi-bin/menu/create"

// Button is a button of the account's menu: it opens a page, says its key in the
// chat ([EventClick]), or opens further buttons.
type Button struct {
	Name string // 4 Han characters are shown, 7 of a button below another
	URL  string
	Key  string
	// Buttons are up to five below this one, which then does nothing else.
	Buttons []Button
}

// menuButton is a button as the platform has it.
type menuButton struct {
	Type    string       `json:"type,omitempty"`
	Name    string       `json:"name"`
	URL     string       `json:"url,omitempty"`
	Key     string       `json:"key,omitempty"`
	Buttons []menuButton `json:"sub_button,omitempty"`
}

func menuButtons(buttons []Button) []menuButton {
	var out []menuButton
	for _, b := range buttons {
		one := menuButton{Name: b.Name, URL: b.URL, Key: b.Key, Buttons: menuButtons(b.Buttons)}
		switch {
		case len(b.Buttons) > 0:
		case b.Key != "":
			one.Type = "click"
		default:
			one.Type = "view"
		}
		out = append(out, one)
	}
	return out
}

// SetMenu replaces the menu under the account's chat. The platform takes up to
// three buttons with up to five below each; followers see them within a day (page
// of menu/create, read 2026-11).
func (c *Channel) SetMenu(ctx context.Context, buttons []Button) error {
	return c.api.Call(ctx, menuPath, map[string]any{"button": menuButtons(buttons)}, nil)
}
