package wechat

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// RedisTokens keeps an account's access token in Redis. It implements [Shared].
// The token is a secret; it expires there with its life.
type RedisTokens struct {
	client redis.UniversalClient
	key    string
}

// NewRedisTokens returns the place for an account's token. One hash tag keeps
// both keys on one node of a cluster.
func NewRedisTokens(client redis.UniversalClient, appID string) *RedisTokens {
	return &RedisTokens{client: client, key: "yizhan:{wechat:" + appID + "}:token"}
}

// Load implements [Shared].
func (r *RedisTokens) Load(ctx context.Context) (Token, error) {
	data, err := r.client.Get(ctx, r.key).Bytes()
	if errors.Is(err, redis.Nil) {
		return Token{}, nil
	}
	if err != nil {
		return Token{}, fmt.Errorf("load access token: %w", err)
	}
	var t Token
	if json.Unmarshal(data, &t) != nil {
		return Token{}, nil // somebody else's: as good as none
	}
	return t, nil
}

// Save implements [Shared].
func (r *RedisTokens) Save(ctx context.Context, t Token) error {
	left := time.Until(t.Expires)
	if left < time.Second { // Redis refuses to keep anything for less than a millisecond
		return nil
	}
	data, err := json.Marshal(t)
	if err != nil {
		return fmt.Errorf("save access token: %w", err)
	}
	if err := r.client.Set(ctx, r.key, data, left).Err(); err != nil {
		return fmt.Errorf("save access token: %w", err)
	}
	return nil
}

// dropToken deletes the token unless it is another by now.
// KEYS[1]: the token's key. ARGV[1]: the value that was refused.
const dropToken = `
local data = redis.call('GET', KEYS[1])
if data and string.find(data, ARGV[1], 1, true) then
	return redis.call('DEL', KEYS[1])
end
return 0`

// Drop implements [Shared].
func (r *RedisTokens) Drop(ctx context.Context, value string) error {
	quoted, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("drop access token: %w", err)
	}
	if err := r.client.Eval(ctx, dropToken, []string{r.key}, string(quoted)).Err(); err != nil {
		return fmt.Errorf("drop access token: %w", err)
	}
	return nil
}

// Claim implements [Shared].
func (r *RedisTokens) Claim(ctx context.Context, d time.Duration) (bool, error) {
	err := r.client.SetArgs(ctx, r.key+":forced", "1", redis.SetArgs{Mode: "NX", TTL: d}).Err()
	if errors.Is(err, redis.Nil) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("claim a forced refresh: %w", err)
	}
	return true, nil
}

var _ Shared = (*RedisTokens)(nil)
