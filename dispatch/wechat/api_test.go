package wechat

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"yizhan/dispatch/standin"
)

func quota(ctx context.Context, a *API) error {
	return a.Call(ctx, quotaPath, map[string]any{"cgi_path": "/cgi-bin/message/mass/send"}, nil)
}

func TestCodesAreKept(t *testing.T) {
	w := startStandin(t, 2, standin.WeChatOptions{})
	a := newAPI(t, w.URL(), nil)
	err := a.Call(t.Context(), quotaPath, map[string]any{"cgi_path": "/nothing"}, nil)
	var e *Error
	if !errors.As(err, &e) || e.Code != 76003 || e.API != quotaPath || len(e.RID) != 26 {
		t.Errorf("error %#v", err)
	}
}

// An answer with an errcode may hold more than that: 45065 names the first job.
func TestAnswerBesideAnErrcode(t *testing.T) {
	a := newAPI(t, answering(t, `{"errcode":45065,"errmsg":"clientmsgid exist","msg_id":34182}`), nil)
	var out struct {
		ID int64 `json:"msg_id"`
	}
	err := a.Call(t.Context(), "/cgi-bin/message/mass/send", nil, &out)
	var e *Error
	if !errors.As(err, &e) || e.Code != 45065 || out.ID != 34182 {
		t.Errorf("%v, %+v", err, out)
	}
}

// answering serves a token, and one answer for everything else.
func answering(t *testing.T, answer string) string {
	t.Helper()
	return serving(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, answer) })
}

func serving(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc(tokenPath, func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"access_token":"TOKEN-OF-THE-TEST","expires_in":7200}`)
	})
	mux.HandleFunc("/", h)
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s.URL
}

// What is not the platform's own answer is a fault, never a success, and shows
// neither token nor secret.
func TestFaults(t *testing.T) {
	away := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("nobody there") }}
	answers := map[string]struct {
		base   string
		status int
		unsent bool
		out    http.RoundTripper
	}{
		"500":        {base: serving(t, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(500); fmt.Fprint(w, r.URL) }), status: 500},
		"502":        {base: serving(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(502) }), status: 502},
		"redirect":   {base: serving(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) }), status: 302},
		"empty":      {base: answering(t, "")},
		"html":       {base: answering(t, "<html>TOKEN-OF-THE-TEST</html>")},
		"cut":        {base: answering(t, `{"errcode":0,"errm`)},
		"null":       {base: answering(t, "null")},
		"list":       {base: answering(t, "[]")},
		"other type": {base: answering(t, `{"errcode":"`+testSecret+`"}`)},
		"cut body": {base: serving(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "500")
			fmt.Fprint(w, `{"errcode":0`)
		})},
		"aborted": {base: serving(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })},
		"huge": {base: serving(t, func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, `{"errmsg":"`)
			for range 64 {
				w.Write(bytes.Repeat([]byte("x"), 1<<20))
			}
			fmt.Fprint(w, `"}`)
		})},
		"away": {base: "http://api.weixin.invalid", unsent: true, out: away},
	}
	for name, c := range answers {
		t.Run(name, func(t *testing.T) {
			err := quota(t.Context(), newAPI(t, c.base, func(o *APIOptions) { o.Transport = c.out }))
			var f *Fault
			if !errors.As(err, &f) {
				t.Fatalf("error %#v", err)
			}
			if f.Status != c.status || f.Unsent != c.unsent {
				t.Errorf("%+v, want status %d, unsent %v", f, c.status, c.unsent)
			}
			silent(t, err)
		})
	}
}

// silent fails when an error shows what nobody may see.
func silent(t *testing.T, err error) {
	t.Helper()
	for e := err; e != nil; e = errors.Unwrap(e) {
		for _, text := range []string{e.Error(), fmt.Sprintf("%+v", e)} {
			for _, secret := range []string{testSecret, "TOKEN-OF-THE-TEST", "access_token="} {
				if strings.Contains(text, secret) {
					t.Errorf("the error shows %q: %s", secret, text)
				}
			}
		}
	}
}

func TestErrmsgIsScrubbed(t *testing.T) {
	a := newAPI(t, answering(t, `{"errcode":40013,"errmsg":"appid with TOKEN-OF-THE-TEST and `+testSecret+strings.Repeat("字", 400)+`"}`), nil)
	err := quota(t.Context(), a)
	silent(t, err)
	var e *Error
	if !errors.As(err, &e) || len(e.Text) > maxErrmsg {
		t.Errorf("%v", err)
	}
}

// An answer that redirects would take the token to another host.
func TestRedirectsAreNotFollowed(t *testing.T) {
	followed := false
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { followed = true }))
	defer elsewhere.Close()
	base := serving(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, elsewhere.URL+"?"+r.URL.RawQuery, http.StatusTemporaryRedirect)
	})
	if err := quota(t.Context(), newAPI(t, base, nil)); err == nil || followed {
		t.Errorf("%v, followed: %v", err, followed)
	}
}

func TestContextEndsACall(t *testing.T) {
	hang := make(chan struct{})
	defer close(hang)
	begun := make(chan struct{}, 8)
	w := startStandin(t, 0, standin.WeChatOptions{Script: func(c standin.WeChatCall) standin.WeChatFault {
		if c.Path == quotaPath {
			begun <- struct{}{}
			return standin.WeChatFault{Before: hang}
		}
		return standin.WeChatFault{}
	}})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-begun
		cancel()
	}()
	if err := quota(ctx, newAPI(t, w.URL(), nil)); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	a := newAPI(t, w.URL(), func(o *APIOptions) { o.Timeout = 50 * time.Millisecond })
	err := quota(t.Context(), a)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("too slow: %v", err)
	}
	silent(t, err)
}

// Each account has its own way out, although the SDK has one client.
func TestTransportIsTheAccountsOwn(t *testing.T) {
	w := startStandin(t, 0, standin.WeChatOptions{})
	host := strings.TrimPrefix(w.URL(), "http://")
	through := &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, host)
	}}
	a := newAPI(t, "http://api.weixin.invalid", func(o *APIOptions) { o.Transport = through })
	if err := quota(t.Context(), a); err != nil {
		t.Error(err)
	}
	other := newAPI(t, w.URL(), nil)
	if err := quota(t.Context(), other); err != nil {
		t.Error(err)
	}
}

// The SDK names an uploaded file by its path, which tells the platform about
// this machine; the stand-in complains about that.
func TestUpload(t *testing.T) {
	w := startStandin(t, 0, standin.WeChatOptions{})
	a := newAPI(t, w.URL(), nil)
	var out struct {
		MediaID string `json:"media_id"`
	}
	err := a.Upload(t.Context(), "/cgi-bin/material/add_material", url.Values{"type": {"image"}}, "cover.png", testPNG(), &out)
	if err != nil || !bytes.Equal(w.Image(out.MediaID), testPNG()) {
		t.Errorf("%v, %+v", err, out)
	}
}
