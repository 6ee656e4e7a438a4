package standin

import (
	"crypto/rand"
	"encoding/base64"
	"time"
	"unicode/utf8"
)

// maxSceneLife is the longest life of a temporary QR code, in seconds (page of
// parametric QR codes, read 2026-11).
const maxSceneLife = 2_592_000

// sceneCreate gives a QR code for a scene.
func (w *WeChat) sceneCreate(r *request) *refusal {
	var in struct {
		Lives  int    `json:"expire_seconds"`
		Action string `json:"action_name"`
		Info   struct {
			Scene struct {
				Text string `json:"scene_str"`
			} `json:"scene"`
		} `json:"action_info"`
	}
	if refused := r.read(&in); refused != nil {
		return refused
	}
	n := utf8.RuneCountInString(in.Info.Scene.Text)
	if in.Action != "QR_STR_SCENE" || n < 1 || n > 64 || in.Lives < 1 || in.Lives > maxSceneLife {
		return refuse(40053, "invalid action info")
	}
	var ticket [48]byte
	_, _ = rand.Read(ticket[:])
	ticket[0], ticket[1], ticket[2] = 0xfb, 0xff, 0xbf // tickets have + and /
	text := "http://weixin.qq.com/q/" + base64.RawURLEncoding.EncodeToString(ticket[:18])
	w.scenes = append(w.scenes, in.Info.Scene.Text)
	r.answer = map[string]any{"ticket": base64.StdEncoding.EncodeToString(ticket[:]), "expire_seconds": in.Lives, "url": text}
	return nil
}

// Scenes are those of the QR codes that were made, in order.
func (w *WeChat) Scenes() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]string(nil), w.scenes...)
}

// visitor is whose a code of the web authorization is.
type visitor struct {
	openid   string
	snapshot bool
	used     bool
	at       time.Time
}

// visitorLife is how long a code works (page of web authorization, read 2026-11).
const visitorLife = 5 * time.Minute

// Visit gives the code with which somebody comes back from the web authorization;
// of a page snapshot it is a made-up user's.
func (w *WeChat) Visit(openid string, snapshot bool) (code string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	code = rand.Text()
	w.visits[code] = &visitor{openid: openid, snapshot: snapshot, at: w.now()}
	return code
}

// visitorToken tells whose a code is.
func (w *WeChat) visitorToken(r *request) *refusal {
	q := r.http.URL.Query()
	switch {
	case q.Get("appid") != w.options.AppID:
		return refuse(40013, "invalid appid")
	case q.Get("secret") != w.options.Secret:
		return refuse(40125, "invalid appsecret")
	case q.Get("grant_type") != "authorization_code":
		return refuse(40002, "invalid grant_type")
	}
	v := w.visits[q.Get("code")]
	switch {
	case v == nil:
		return refuse(40029, "invalid code")
	case v.used:
		return refuse(40163, "code been used")
	case w.now().Sub(v.at) > visitorLife:
		return refuse(42003, "code expired")
	}
	v.used = true
	r.answer = map[string]any{"access_token": rand.Text(), "expires_in": 7200, "refresh_token": rand.Text(), "openid": v.openid, "scope": "snsapi_base"}
	if v.snapshot {
		r.answer["is_snapshotuser"] = 1
	}
	return nil
}
