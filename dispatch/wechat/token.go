package wechat

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// Token is an access token.
type Token struct {
	Value   string    `json:"value"`
	Expires time.Time `json:"expires"`
}

// Shared is where several processes keep one account's token. None of them needs
// it: when it fails, each asks the platform for the same stable token.
type Shared interface {
	// Load gives the token, or the zero Token.
	Load(ctx context.Context) (Token, error)
	Save(ctx context.Context, t Token) error
	// Drop forgets a token unless another has taken its place.
	Drop(ctx context.Context, value string) error
	// Claim says to one of all processes that it may force a refresh, and to the
	// others, for so long, that somebody has.
	Claim(ctx context.Context, d time.Duration) (bool, error)
}

const (
	// A token is not used in the last part of its life: a tenth, at most this
	// long. The platform gives out another 5 minutes before its end.
	maxMargin = 5 * time.Minute
	// forceEvery is what is taken for one incident. The platform allows a forced
	// refresh 20 times a day, 30 seconds apart (page of stable_token, read 2026-11).
	forceEvery = 2 * time.Hour
	// sharedLimit bounds what a shared place may cost a call.
	sharedLimit = time.Second
)

// tokens keeps the account's token and fetches it once for all who wait.
type tokens struct {
	fetch  func(ctx context.Context, force bool) (Token, error)
	shared Shared // may be nil
	log    *slog.Logger

	turn chan struct{} // holds one value: who has it may fetch

	mu       sync.Mutex
	token    Token
	renew    time.Time // token is used until then
	rejected string    // the platform did not take this one
	forced   time.Time // when a refresh was last forced
}

func newTokens(fetch func(context.Context, bool) (Token, error), shared Shared, log *slog.Logger) *tokens {
	t := &tokens{fetch: fetch, shared: shared, log: log, turn: make(chan struct{}, 1)}
	t.turn <- struct{}{}
	return t
}

// get returns a token that is good as far as anybody knows.
func (t *tokens) get(ctx context.Context) (string, error) {
	if value := t.held(); value != "" {
		return value, nil
	}
	select {
	case <-ctx.Done():
		return "", &Fault{API: tokenPath, Unsent: true, Err: ctx.Err()}
	case <-t.turn:
	}
	defer func() { t.turn <- struct{}{} }()
	if value := t.held(); value != "" {
		return value, nil // somebody was faster
	}
	if token, ok := t.load(ctx); ok {
		t.hold(token)
		return token.Value, nil
	}
	token, err := t.renewed(ctx)
	if err != nil {
		return "", err
	}
	t.hold(token)
	t.share(ctx, func(ctx context.Context) error { return t.shared.Save(ctx, token) })
	return token.Value, nil
}

// renewed asks the platform. It forces a refresh only when the platform gives
// out the very token that it does not take, once an incident.
func (t *tokens) renewed(ctx context.Context) (Token, error) {
	token, err := t.fetch(ctx, false)
	t.mu.Lock()
	stuck := err == nil && token.Value == t.rejected
	force := stuck && (t.forced.IsZero() || time.Since(t.forced) >= forceEvery)
	t.mu.Unlock()
	if !force {
		return token, err
	}
	mine := true
	t.share(ctx, func(ctx context.Context) error {
		claimed, err := t.shared.Claim(ctx, forceEvery)
		mine = claimed || err != nil
		return err
	})
	if !mine {
		return token, nil
	}
	t.mu.Lock()
	t.forced = time.Now()
	t.mu.Unlock()
	t.log.Warn("the platform gives out an access token that it does not take; forcing a new one")
	return t.fetch(ctx, true)
}

func (t *tokens) held() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.token.Value == "" || !time.Now().Before(t.renew) {
		return ""
	}
	return t.token.Value
}

func (t *tokens) hold(token Token) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.token = token
	left := time.Until(token.Expires)
	t.renew = token.Expires.Add(-min(maxMargin, left/10))
}

// load finds a usable token in the shared place.
func (t *tokens) load(ctx context.Context) (token Token, ok bool) {
	t.share(ctx, func(ctx context.Context) (err error) {
		token, err = t.shared.Load(ctx)
		return err
	})
	t.mu.Lock()
	defer t.mu.Unlock()
	left := time.Until(token.Expires)
	return token, token.Value != "" && token.Value != t.rejected && left > maxMargin/10
}

// invalidate is called with a token that the platform did not take.
func (t *tokens) invalidate(ctx context.Context, value string) {
	t.mu.Lock()
	t.rejected = value
	if t.token.Value == value {
		t.token = Token{}
	}
	t.mu.Unlock()
	t.share(ctx, func(ctx context.Context) error { return t.shared.Drop(ctx, value) })
}

// share uses the shared place, if there is one, and does without when it fails.
func (t *tokens) share(ctx context.Context, use func(context.Context) error) {
	if t.shared == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, sharedLimit)
	defer cancel()
	if err := use(ctx); err != nil && ctx.Err() != context.Canceled {
		t.log.Warn("the shared access token is out of reach; going on with this process's own", "error", err)
	}
}
