package wechat

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"yizhan/dispatch/standin"
)

const (
	testAppID  = "wx1234567890abcdef"
	testSecret = "0123456789abcdef0123456789abcdef"
	testToken  = "callbacktoken"
	testAESKey = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
)

// startStandin starts an account with n followers.
func startStandin(t testing.TB, n int, o standin.WeChatOptions) *standin.WeChat {
	t.Helper()
	o.AppID, o.Secret = testAppID, testSecret
	for i := range n {
		o.Followers = append(o.Followers, openid(i))
	}
	w, err := standin.NewWeChat(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if c := w.Complaints(); len(c) > 0 {
			t.Errorf("the platform would take amiss: %v", c)
		}
	})
	return w
}

// local calls a stand-in without a network, so that a bubble's time goes by.
type local struct{ standin http.Handler }

// RoundTrip implements [http.RoundTripper].
func (l local) RoundTrip(r *http.Request) (resp *http.Response, err error) {
	defer func() {
		if p := recover(); p == http.ErrAbortHandler {
			err = io.ErrUnexpectedEOF
		} else if p != nil {
			panic(p)
		}
	}()
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	if r.Body == nil {
		r.Body = http.NoBody
	}
	w := httptest.NewRecorder()
	l.standin.ServeHTTP(w, r)
	return w.Result(), nil
}

func openid(n int) string { return fmt.Sprintf("oFollower%06d", n) }

func newAPI(t testing.TB, base string, change func(*APIOptions)) *API {
	t.Helper()
	o := APIOptions{BaseURL: base, AppID: testAppID, Secret: testSecret, Timeout: 20 * time.Second}
	if change != nil {
		change(&o)
	}
	a, err := NewAPI(o)
	if err != nil {
		t.Fatal(err)
	}
	return a
}
