package wechat

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/png"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"yizhan/dispatch/standin"
)

func testPNG() []byte {
	var out bytes.Buffer
	if err := png.Encode(&out, image.NewGray(image.Rect(0, 0, 9, 4))); err != nil {
		panic(err)
	}
	return out.Bytes()
}

func TestOneTokenForAll(t *testing.T) {
	w := startStandin(t, 0, standin.WeChatOptions{})
	a := newAPI(t, w.URL(), nil)
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if err := quota(t.Context(), a); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := w.Calls(tokenPath); n != 1 {
		t.Errorf("the token was fetched %d times", n)
	}
}

// 40001 makes the token worthless for all, and the call is made once more.
func TestRefusedTokenIsReplaced(t *testing.T) {
	w := startStandin(t, 0, standin.WeChatOptions{})
	a := newAPI(t, w.URL(), nil)
	for range 3 {
		if err := quota(t.Context(), a); err != nil {
			t.Fatal(err)
		}
		w.Revoke(false)
	}
	if n, forced := w.Calls(tokenPath), w.Forced(); n != 3 || forced != 0 {
		t.Errorf("fetched %d times, forced %d, want 3 and 0", n, forced)
	}
}

// When the platform gives out the very token that it refuses, a refresh is
// forced: once, however often that goes on.
func TestForcedOnceAnIncident(t *testing.T) {
	w := startStandin(t, 0, standin.WeChatOptions{})
	a := newAPI(t, w.URL(), nil)
	if err := quota(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	w.Revoke(true)
	if err := quota(t.Context(), a); err != nil || w.Forced() != 1 {
		t.Fatalf("%v, forced %d times", err, w.Forced())
	}
	w.Revoke(true)
	for range 5 {
		var e *Error
		if err := quota(t.Context(), a); !errors.As(err, &e) || e.Code != 40001 {
			t.Errorf("still stuck: %v", err)
		}
	}
	if w.Forced() != 1 {
		t.Errorf("forced %d times", w.Forced())
	}
	if n := w.Calls(quotaPath); n != 1+2+2*5 {
		t.Errorf("%d calls: each is made twice at most", n)
	}
}

// The platform's answer to a wrong secret is told as it is, without the secret.
func TestWrongSecret(t *testing.T) {
	w := startStandin(t, 0, standin.WeChatOptions{})
	a := newAPI(t, w.URL(), func(o *APIOptions) { o.Secret = "wrong-wrong-wrong-wrong-wrong" })
	err := quota(t.Context(), a)
	var e *Error
	if !errors.As(err, &e) || e.Code != 40125 || e.API != tokenPath || strings.Contains(err.Error(), "wrong-wrong") {
		t.Errorf("%v", err)
	}
}

func TestAnswerWithoutToken(t *testing.T) {
	for _, answer := range []string{`{}`, `{"access_token":"","expires_in":7200}`, `{"access_token":"x"}`} {
		var f *Fault
		if err := quota(t.Context(), newAPI(t, serveAll(t, answer), nil)); !errors.As(err, &f) {
			t.Errorf("%s: %v", answer, err)
		}
	}
}

func serveAll(t *testing.T, answer string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, answer) }))
	t.Cleanup(s.Close)
	return s.URL
}

// A token near its end is used no more, and one with little life left is no
// trap: the SDK cannot store it and fails every call.
func TestLifeOfAToken(t *testing.T) {
	for _, c := range []struct{ lives, used time.Duration }{
		{2 * time.Hour, 2*time.Hour - 5*time.Minute},
		{345 * time.Second, 345*time.Second - 34500*time.Millisecond},
		{10 * time.Second, 9 * time.Second},
	} {
		tok := newTokens(nil, nil, slog.New(slog.DiscardHandler))
		expires := time.Now().Add(c.lives)
		tok.hold(Token{Value: "t", Expires: expires})
		if off := tok.renew.Sub(expires.Add(c.used - c.lives)); off.Abs() > 5*time.Second {
			t.Errorf("a token that lives %s is used until %s before its end", c.lives, expires.Sub(tok.renew))
		}
		if tok.held() != "t" {
			t.Errorf("a token that lives %s is not used at all", c.lives)
		}
	}
}

func startRedis(t *testing.T) (*miniredis.Miniredis, redis.UniversalClient) {
	t.Helper()
	server := miniredis.RunT(t)
	client := redis.NewClient(&redis.Options{Addr: server.Addr(), MaxRetries: -1, DialTimeout: time.Second})
	t.Cleanup(func() { client.Close() })
	return server, client
}

// Two processes use one token, and learn from each other's 40001.
func TestSharedToken(t *testing.T) {
	w := startStandin(t, 0, standin.WeChatOptions{})
	_, client := startRedis(t)
	shared := func(o *APIOptions) { o.Shared = NewRedisTokens(client, testAppID) }
	one, two := newAPI(t, w.URL(), shared), newAPI(t, w.URL(), shared)
	for _, a := range []*API{one, two} {
		if err := quota(t.Context(), a); err != nil {
			t.Fatal(err)
		}
	}
	if n := w.Calls(tokenPath); n != 1 {
		t.Errorf("two processes fetched %d tokens", n)
	}
	w.Revoke(true)
	for _, a := range []*API{one, two} {
		if err := quota(t.Context(), a); err != nil {
			t.Error(err)
		}
	}
	if w.Forced() != 1 {
		t.Errorf("forced %d times", w.Forced())
	}
	w.Revoke(true)
	for _, a := range []*API{one, two} {
		if err := quota(t.Context(), a); err == nil {
			t.Error("a token that is refused was good")
		}
	}
	if w.Forced() != 1 {
		t.Errorf("two processes forced %d times in one incident", w.Forced())
	}
}

// Redis that goes away in the middle costs nothing but the sharing.
func TestRedisDown(t *testing.T) {
	w := startStandin(t, 0, standin.WeChatOptions{})
	server, client := startRedis(t)
	a := newAPI(t, w.URL(), func(o *APIOptions) { o.Shared = NewRedisTokens(client, testAppID) })
	if err := quota(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	server.Close()
	for range 3 {
		if err := quota(t.Context(), a); err != nil {
			t.Error(err)
		}
	}
	w.Revoke(false)
	for range 3 {
		if err := quota(t.Context(), a); err != nil {
			t.Error(err)
		}
	}
	if n := w.Calls(tokenPath); n != 2 {
		t.Errorf("the token was fetched %d times, want once before and once after it was revoked", n)
	}
}

// stubborn is a shared place that forgets nothing.
type stubborn struct {
	mu    sync.Mutex
	token Token
}

func (s *stubborn) Load(context.Context) (Token, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.token, nil
}

func (s *stubborn) Save(_ context.Context, t Token) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.token.Value == "" {
		s.token = t
	}
	return nil
}

func (s *stubborn) Drop(context.Context, string) error { return errors.New("away") }

func (s *stubborn) Claim(context.Context, time.Duration) (bool, error) { return true, nil }

// A token that was refused is not taken back from the shared place.
func TestRefusedTokenIsNotLoaded(t *testing.T) {
	w := startStandin(t, 0, standin.WeChatOptions{})
	a := newAPI(t, w.URL(), func(o *APIOptions) { o.Shared = &stubborn{} })
	for range 2 {
		if err := quota(t.Context(), a); err != nil {
			t.Error(err)
		}
		w.Revoke(false)
	}
}

func TestRedisTokens(t *testing.T) {
	server, client := startRedis(t)
	r := NewRedisTokens(client, testAppID)
	ctx := context.Background()
	load := func() string {
		tok, err := r.Load(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return tok.Value
	}
	if load() != "" {
		t.Error("a token out of nothing")
	}
	for _, life := range []time.Duration{time.Hour, time.Minute, 2 * time.Second} {
		value := fmt.Sprint("token-", life)
		if err := r.Save(ctx, Token{Value: value, Expires: time.Now().Add(life)}); err != nil {
			t.Fatal(err)
		}
		if load() != value || server.TTL(r.key) > life {
			t.Errorf("%s: token %q, kept for %s", life, load(), server.TTL(r.key))
		}
	}
	if err := r.Save(ctx, Token{Value: "over", Expires: time.Now()}); err != nil || load() == "over" {
		t.Errorf("a token without life: %v, %s", err, load())
	}
	if err := r.Drop(ctx, "token-1m0s"); err != nil || load() != "token-2s" {
		t.Errorf("dropping another: %v, %q is left", err, load())
	}
	if err := r.Drop(ctx, "token-2s"); err != nil || load() != "" {
		t.Errorf("dropping: %v, %q is left", err, load())
	}
	server.Set(r.key, "not ours")
	if load() != "" {
		t.Error("something else was taken for a token")
	}
	for i, want := range []bool{true, false} {
		if got, err := r.Claim(ctx, time.Minute); got != want || err != nil {
			t.Errorf("claim %d: %v, %v", i, got, err)
		}
	}
	server.FastForward(2 * time.Minute)
	if got, err := r.Claim(ctx, time.Minute); !got || err != nil {
		t.Errorf("a claim after the first is over: %v, %v", got, err)
	}
}
