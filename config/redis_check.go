package config

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
)

// RedisState is what a Redis says about itself; on a cluster, its first node, and
// of what may differ the worst.
type RedisState struct {
	Version   string
	Policy    string // maxmemory-policy
	MaxMemory int64  // bytes; 0: no limit
	Nodes     int    // that take writes
}

// errRedisHidden says that the account may not see the settings.
var errRedisHidden = errors.New("the account may not use INFO")

// State asks every node that takes writes for its settings.
func (r *Redis) State(ctx context.Context) (RedisState, error) {
	var infos []string
	ask := func(ctx context.Context, c *redis.Client) error {
		info, err := c.Info(ctx).Result()
		if redis.IsPermissionError(err) {
			return errRedisHidden
		}
		infos = append(infos, info)
		return err
	}
	var err error
	switch c := r.Client.(type) {
	case *redis.ClusterClient:
		masters := make(chan *redis.Client, 1000) // Redis Cluster's recommended most
		err = c.ForEachMaster(ctx, func(_ context.Context, node *redis.Client) error {
			masters <- node // concurrently
			return nil
		})
		close(masters)
		for node := range masters {
			err = errors.Join(err, ask(ctx, node))
		}
	case *redis.Client:
		err = ask(ctx, c)
	}
	if err != nil {
		return RedisState{}, err
	}
	return readInfo(infos), nil
}

// readInfo reads the answers to INFO: lines of NAME:VALUE.
func readInfo(infos []string) RedisState {
	s := RedisState{Nodes: len(infos)}
	for _, info := range infos {
		one := map[string]string{}
		for line := range strings.Lines(info) {
			if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
				one[name] = value
			}
		}
		if s.Version == "" {
			s.Version = one["redis_version"]
		}
		if s.Policy == "" || s.Policy == keepsAll {
			s.Policy = one["maxmemory_policy"]
		}
		if most, err := strconv.ParseInt(one["maxmemory"], 10, 64); err == nil && most > 0 && (s.MaxMemory == 0 || most < s.MaxMemory) {
			s.MaxMemory = most
		}
	}
	return s
}

const (
	// keepsAll is the one policy that never throws away what was accepted.
	keepsAll = "noeviction"
	// redisOldest is the first version whose XAUTOCLAIM forgets what was deleted
	// (redis.io/docs/latest/commands/xautoclaim, read 2026-11).
	redisOldest = 7
)

// Check asks the Redis whether it can be relied on. It fails when it cannot be
// reached, refuses the account, is too old or throws entries away; it finds what
// is only unwise. Errors have type Error.
func (r *Redis) Check(ctx context.Context) (RedisState, []Finding, error) {
	problem := func(code, text, hint string, cause error) Error {
		return Error{File: r.file, Line: r.line, Key: "redis", Code: code, Text: text, Hint: hint, cause: cause}
	}
	if err := r.Client.Ping(ctx).Err(); err != nil {
		return RedisState{}, nil, refusal(problem, err)
	}
	hidden := Finding(problem("redis-hidden", "看不到 Redis 的设置",
		"请确认 maxmemory-policy 是 noeviction，或者给这个用户加上 +info", nil))
	state, err := r.State(ctx)
	switch {
	case errors.Is(err, errRedisHidden):
		return state, []Finding{hidden}, nil
	case err != nil:
		return state, nil, refusal(problem, err)
	}
	if major, err := strconv.Atoi(strings.Split(state.Version, ".")[0]); err == nil && major < redisOldest {
		return state, nil, problem("redis-old", fmt.Sprintf("Redis %s 太旧", state.Version), fmt.Sprintf("要 %d.0 以上", redisOldest), nil)
	}
	switch {
	case state.Policy == "":
		return state, []Finding{hidden}, nil
	case strings.HasPrefix(state.Policy, "allkeys-"):
		return state, nil, problem("redis-evicts", "内存满了以后，这个 Redis 会扔掉队列（maxmemory-policy 是 "+state.Policy+"）",
			"改成 noeviction，或者另用一个 Redis", nil)
	case state.Policy != keepsAll:
		// The queue's keys have no time to live, so these policies spare them.
		return state, []Finding{Finding(problem("redis-policy", "maxmemory-policy 是 "+state.Policy+"，不是 noeviction",
			"建议改成 noeviction", nil))}, nil
	}
	return state, nil, nil
}

// refusal says why a Redis does not answer. The words of the server hold no
// password.
func refusal(problem func(code, text, hint string, cause error) Error, err error) error {
	if redis.IsAuthError(err) || redis.IsPermissionError(err) || redis.HasErrorPrefix(err, "ERR") {
		return problem("redis-refused", "Redis 不让登录："+err.Error(), "检查网址里的用户和密码，以及 Redis 的 ACL", err)
	}
	return problem("redis-unreachable", "连不上 Redis："+err.Error(), "检查地址和端口，Redis 是否在运行", err)
}
