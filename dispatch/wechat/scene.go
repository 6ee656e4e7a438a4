package wechat

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"time"

	"github.com/silenceper/wechat/v2/util"
)

const (
	scenePath = "/cgi-bin/qrcode/create"
	oauthPath = "/sns/oauth2/access_token"
	// authorizeURL is where WeChat's own browser gives a code for its user (page of
	// web authorization, read 2026-11).
	authorizeURL = "https://open.weixin.qq.com/connect/oauth2/authorize"
)

// maxScene is how many characters a scene has (page of parametric QR codes, read
// 2026-11).
const maxScene = 64

// Scene asks for a QR code that tells us a scene when it is scanned, for so long. It
// returns the text to draw. Only a verified service account has them.
func (c *Channel) Scene(ctx context.Context, scene string, lives time.Duration) (text string, err error) {
	if scene == "" || len(scene) > maxScene {
		return "", fmt.Errorf("a scene has 1 to %d characters", maxScene)
	}
	in := map[string]any{
		"expire_seconds": int(lives.Seconds()), "action_name": "QR_STR_SCENE",
		"action_info": map[string]any{"scene": map[string]string{"scene_str": scene}},
	}
	var out struct {
		URL string `json:"url"`
	}
	if err := c.api.Call(ctx, scenePath, in, &out); err != nil {
		return "", err
	}
	if out.URL == "" {
		return "", errors.New("wechat: a QR code without a text")
	}
	return out.URL, nil
}

// Authorize is the URL that sends a visitor who reads in WeChat to the platform and
// back to a page of ours with a code, silently. state comes back too: up to 128
// letters and digits.
func (c *Channel) Authorize(back, state string) string {
	q := url.Values{"redirect_uri": {back}, "response_type": {"code"}, "scope": {"snsapi_base"}, "state": {state}}
	// The platform wants the parameters in this order (the same page).
	return authorizeURL + "?appid=" + url.QueryEscape(c.api.appID) + "&" + q.Encode() + "#wechat_redirect"
}

// ErrVisitor says that a code tells nobody: it is malformed, used, old, or of the
// made-up user of a page snapshot.
var ErrVisitor = errors.New("wechat: the code tells nobody")

var oauthCode = regexp.MustCompile(`^[A-Za-z0-9_-]{1,512}$`)

// Visitor finds out whose a code is that came back from [Channel.Authorize]. A
// code works once, for five minutes.
func (c *Channel) Visitor(ctx context.Context, code string) (openid string, err error) {
	if !oauthCode.MatchString(code) {
		return "", ErrVisitor
	}
	var out struct {
		OpenID   string `json:"openid"`
		Snapshot int    `json:"is_snapshotuser"`
	}
	query := url.Values{"appid": {c.api.appID}, "secret": {c.api.secret}, "code": {code}, "grant_type": {"authorization_code"}}
	if err := c.api.exchange(ctx, oauthPath, query, &out, code, util.HTTPGetContext); err != nil {
		// 40029 no such code, 40163 used, 42003 old (return codes, read 2026-11)
		if isCode(err, 40029) || isCode(err, 40163) || isCode(err, 42003) {
			return "", ErrVisitor
		}
		return "", err
	}
	if out.OpenID == "" || out.Snapshot != 0 {
		return "", ErrVisitor
	}
	return out.OpenID, nil
}
