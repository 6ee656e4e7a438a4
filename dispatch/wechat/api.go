package wechat

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/silenceper/wechat/v2/util"
)

// APIOptions are what an [API] needs.
type APIOptions struct {
	BaseURL       string // https://api.weixin.qq.com, an egress proxy or the stand-in; required
	AppID, Secret string // required
	Shared        Shared // where other processes find the token; nil: nowhere
	// Timeout bounds one call; 0: 30 seconds.
	Timeout   time.Duration
	Transport http.RoundTripper // nil: the system's
	Logger    *slog.Logger      // nil: silent
}

// API calls the platform for one account: it adds the access token, keeps error
// codes, bounds every call and every answer, and never shows token or secret in
// an error. It is safe for concurrent use.
type API struct {
	base, appID, secret string
	timeout             time.Duration
	transport           http.RoundTripper
	tokens              *tokens
}

const defaultTimeout = 30 * time.Second

// NewAPI makes an API. It calls nobody.
func NewAPI(o APIOptions) (*API, error) {
	u, err := url.Parse(o.BaseURL)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("wechat: api_url %q is not an address", o.BaseURL)
	case o.AppID == "" || o.Secret == "":
		return nil, errors.New("wechat: app_id and app_secret are required")
	}
	install()
	a := &API{
		base: strings.TrimRight(o.BaseURL, "/"), appID: o.AppID, secret: o.Secret,
		timeout: cmp.Or(o.Timeout, defaultTimeout), transport: o.Transport,
	}
	if a.transport == nil {
		a.transport = http.DefaultTransport
	}
	a.tokens = newTokens(a.fetchToken, o.Shared, cmp.Or(o.Logger, slog.New(slog.DiscardHandler)))
	return a, nil
}

// Error is an errcode of the platform.
type Error struct {
	API  string // path of the call
	Code int
	Text string // errmsg, hostile text
	RID  string // by which the platform finds the call
}

// Error implements [error].
func (e *Error) Error() string { return fmt.Sprintf("wechat %s: %d %s", e.API, e.Code, e.Text) }

// Fault is a call without an answer that can be read.
type Fault struct {
	API    string
	Status int  // of HTTP; 0: there was no answer
	Unsent bool // the platform certainly has not seen the call
	Err    error
}

// Error implements [error].
func (f *Fault) Error() string { return fmt.Sprintf("wechat %s: %v", f.API, f.Err) }

// Unwrap implements the interface of [errors.Is].
func (f *Fault) Unwrap() error { return f.Err }

// Call posts in as JSON and reads the answer into out, which may be nil. An
// errcode is an error of type *Error, and out is filled all the same: 45065 comes
// with the id of the first call. Anything else that goes wrong is a *Fault.
func (a *API) Call(ctx context.Context, path string, in, out any) error {
	return a.call(ctx, path, nil, out, func(ctx context.Context, uri string) ([]byte, error) {
		return util.PostJSONContext(ctx, uri, in)
	})
}

// Get reads the answer of a call without a body into out.
func (a *API) Get(ctx context.Context, path string, query url.Values, out any) error {
	return a.call(ctx, path, query, out, util.HTTPGetContext)
}

// Upload posts a file in the field "media", under a name that tells nothing.
func (a *API) Upload(ctx context.Context, path string, query url.Values, name string, data []byte, out any) error {
	var form bytes.Buffer
	fields := multipart.NewWriter(&form)
	part, err := fields.CreateFormFile("media", name)
	if err == nil {
		_, err = part.Write(data)
	}
	if err = errors.Join(err, fields.Close()); err != nil {
		return &Fault{API: path, Unsent: true, Err: err}
	}
	header := map[string]string{"Content-Type": fields.FormDataContentType()}
	return a.call(ctx, path, query, out, func(ctx context.Context, uri string) ([]byte, error) {
		return util.HTTPPostContext(ctx, uri, form.Bytes(), header)
	})
}

// sender makes one request.
type sender func(ctx context.Context, uri string) ([]byte, error)

// call makes a call with a token; when the platform does not take the token, it
// makes it once more with another.
func (a *API) call(ctx context.Context, path string, query url.Values, out any, send sender) error {
	for repeated := false; ; repeated = true {
		token, err := a.tokens.get(ctx)
		if err != nil {
			return err
		}
		with := url.Values{"access_token": {token}}
		for key, values := range query {
			with[key] = values
		}
		err = a.exchange(ctx, path, with, out, token, send)
		if !isTokenRefusal(err) {
			return err
		}
		a.tokens.invalidate(ctx, token)
		if repeated {
			return err
		}
	}
}

// isTokenRefusal reports whether the platform did not work on a call because of
// its token (list of return codes, read 2026-11).
func isTokenRefusal(err error) bool {
	var e *Error
	return errors.As(err, &e) && slices.Contains([]int{40001, 40014, 41001, 42001}, e.Code)
}

// exchange makes one request and reads its answer.
func (a *API) exchange(ctx context.Context, path string, query url.Values, out any, token string, send sender) error {
	ctx, cancel := context.WithTimeout(ctx, a.timeout)
	defer cancel()
	uri := a.base + path
	if len(query) > 0 {
		uri += "?" + query.Encode()
	}
	body, err := send(outward(ctx, a.transport), uri)
	if err != nil {
		return a.fault(path, token, err)
	}
	if err := a.decode(path, token, body, out); err != nil {
		return err
	}
	return nil
}

// fault keeps of an SDK's error what may be shown.
func (a *API) fault(path, token string, err error) error {
	f := &Fault{API: path, Err: err}
	var inner *Fault
	if errors.As(err, &inner) { // without the address that stands around it
		f.Status, f.Unsent, f.Err = inner.Status, inner.Unsent, inner.Err
	}
	if errors.Is(f.Err, context.Canceled) || errors.Is(f.Err, context.DeadlineExceeded) {
		return f // their texts are known
	}
	if text := f.Err.Error(); a.scrub(text, token) != text {
		f.Err = errors.New(a.scrub(text, token))
	}
	return f
}

func (a *API) scrub(text, token string) string {
	text = strings.ReplaceAll(text, a.secret, "[secret]")
	if token != "" {
		text = strings.ReplaceAll(text, token, "[token]")
	}
	return text
}

// errNotJSON is an answer that is not the platform's own.
var errNotJSON = errors.New("the answer is not the JSON object that the platform sends")

var ridForm = regexp.MustCompile(`\s*rid: ([0-9a-f]+(?:-[0-9a-f]+)*)`)

// maxErrmsg is how many bytes of an errmsg are kept.
const maxErrmsg = 300

// decode reads an answer: its errcode, and out.
func (a *API) decode(path, token string, body []byte, out any) error {
	var common struct {
		Code int    `json:"errcode"`
		Text string `json:"errmsg"`
	}
	if trimmed := bytes.TrimSpace(body); len(trimmed) == 0 || trimmed[0] != '{' || json.Unmarshal(body, &common) != nil {
		return &Fault{API: path, Err: errNotJSON}
	}
	if out != nil {
		if err := json.Unmarshal(body, out); err != nil && common.Code == 0 {
			return &Fault{API: path, Err: fmt.Errorf("%w: %s", errNotJSON, a.scrub(err.Error(), token))}
		}
	}
	if common.Code == 0 {
		return nil
	}
	e := &Error{API: path, Code: common.Code, Text: a.scrub(common.Text, token)}
	if m := ridForm.FindStringSubmatch(e.Text); m != nil {
		e.RID = m[1]
	}
	if len(e.Text) > maxErrmsg {
		e.Text = strings.ToValidUTF8(e.Text[:maxErrmsg], "")
	}
	return e
}

// tokenPath gives access tokens that no other process's refresh ends (page of
// stable_token, read 2026-11).
const tokenPath = "/cgi-bin/stable_token"

// fetchToken asks for an access token; force ends the present one.
func (a *API) fetchToken(ctx context.Context, force bool) (Token, error) {
	in := map[string]any{"grant_type": "client_credential", "appid": a.appID, "secret": a.secret}
	if force {
		in["force_refresh"] = true
	}
	var out struct {
		Token string `json:"access_token"`
		Lives int64  `json:"expires_in"` // seconds
	}
	err := a.exchange(ctx, tokenPath, nil, &out, "", func(ctx context.Context, uri string) ([]byte, error) {
		return util.PostJSONContext(ctx, uri, in)
	})
	if err == nil && (out.Token == "" || out.Lives <= 0) {
		err = &Fault{API: tokenPath, Err: errors.New("an answer without a token")}
	}
	if err != nil {
		return Token{}, err
	}
	return Token{Value: out.Token, Expires: time.Now().Add(time.Duration(out.Lives) * time.Second)}, nil
}
