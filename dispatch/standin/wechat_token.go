package standin

import (
	"crypto/rand"
	"fmt"
	"time"
)

// The life of an access token, and how long before its end a new one is given
// (page of stable_token, read 2026-11).
const (
	tokenLife  = 2 * time.Hour
	tokenRenew = 5 * time.Minute
)

// tokens are the access tokens of the account.
type tokens struct {
	value   string
	expires time.Time
	revoked bool // value is refused
	stuck   bool // and given out all the same, unless a refresh is forced
	forced  []time.Time
}

func (t *tokens) check(value string, now time.Time) *refusal {
	switch {
	case value == "":
		return refuse(41001, "access_token missing")
	case value != t.value || t.revoked:
		return refuse(40001, "invalid credential, access_token is invalid or not latest, could get access_token by getStableAccessToken, more details at https://mmbizurl.cn/s/JtxxFh33r")
	case !now.Before(t.expires):
		return refuse(42001, "access_token expired")
	}
	return nil
}

func (w *WeChat) stableToken(r *request) *refusal {
	var in struct {
		GrantType    string `json:"grant_type"`
		AppID        string `json:"appid"`
		Secret       string `json:"secret"`
		ForceRefresh bool   `json:"force_refresh"`
	}
	if refused := r.read(&in); refused != nil {
		return refused
	}
	switch {
	case in.AppID != w.options.AppID:
		return refuse(40013, "invalid appid")
	case in.Secret != w.options.Secret:
		return refuse(40125, "invalid appsecret")
	case in.GrantType != "client_credential":
		return refuse(40002, "invalid grant_type")
	}
	now, t := w.now(), &w.tokens
	if in.ForceRefresh {
		var today int
		for _, at := range t.forced {
			if now.Sub(at) < 30*time.Second {
				return refuse(45011, "api minute-quota reach limit")
			}
			if beijing(at).Format(time.DateOnly) == beijing(now).Format(time.DateOnly) {
				today++
			}
		}
		if today >= 20 {
			return refuse(45009, "reach max api daily quota limit")
		}
		t.forced = append(t.forced, now)
	}
	if in.ForceRefresh || t.value == "" || t.revoked && !t.stuck || t.expires.Sub(now) < tokenRenew {
		*t = tokens{value: fmt.Sprintf("%d_%s%s", w.next(), rand.Text(), rand.Text()), expires: now.Add(tokenLife), forced: t.forced}
	}
	r.answer = map[string]any{"access_token": t.value, "expires_in": int(t.expires.Sub(now).Seconds())}
	return nil
}

// Revoke makes the present access token worthless, as somebody else's refresh
// does. When stuck, only a forced refresh gives another.
func (w *WeChat) Revoke(stuck bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tokens.revoked, w.tokens.stuck = true, stuck
}

// Forced returns how often a refresh was forced.
func (w *WeChat) Forced() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.tokens.forced)
}

// beijing is the clock by which the platform counts days and months.
func beijing(t time.Time) time.Time { return t.In(time.FixedZone("CST", 8*60*60)) }
