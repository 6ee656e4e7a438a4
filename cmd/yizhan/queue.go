package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"yizhan/config"
	"yizhan/dispatch"
	"yizhan/dispatch/redisqueue"
)

// queueCheckLimit bounds the first look at Redis.
const queueCheckLimit = 10 * time.Second

// queue gives the queue that the configuration asks for: in this process, or in
// Redis and in this process while that is away. A Redis that cannot be reached
// at present is no reason not to begin; one that refuses us or throws entries
// away is.
func (i *instance) queue(ctx context.Context) (dispatch.Queue, error) {
	if i.redis == nil {
		return dispatch.NewMemory(), nil
	}
	shared, err := i.sharedQueue()
	if err != nil {
		return nil, err
	}
	_, findings, err := i.checkQueue(ctx, shared)
	for _, f := range findings {
		i.log.Warn("redis", "finding", f.String())
	}
	var setting config.Error
	switch {
	case errors.As(err, &setting) && setting.Code == "redis-unreachable":
		i.log.Warn("Redis is away; beginning without it", "error", err)
	case err != nil:
		return nil, err
	}
	return dispatch.NewFallback(dispatch.FallbackOptions{Shared: shared, Logger: i.log})
}

// limits are kept where the queue is, and by this process's part while that is
// away.
func (i *instance) limits() (dispatch.Limits, error) {
	if i.redis == nil {
		return dispatch.NewMemoryLimits(), nil
	}
	shared, err := i.sharedLimits()
	if err != nil {
		return nil, err
	}
	return dispatch.NewFallbackLimits(dispatch.FallbackLimitsOptions{
		Shared: shared, Ledger: i.ledger, Process: dispatch.ThisProcess(), Logger: i.log,
	})
}

func (i *instance) sharedLimits() (*redisqueue.Limits, error) {
	return redisqueue.NewLimits(redisqueue.LimitOptions{Client: i.redis.Client, Prefix: i.redis.Prefix})
}

func (i *instance) sharedQueue() (*redisqueue.Queue, error) {
	return redisqueue.New(redisqueue.Options{Client: i.redis.Client, Prefix: i.redis.Prefix, Logger: i.log})
}

// checkQueue looks at Redis's settings and tries what the queue does there.
func (i *instance) checkQueue(ctx context.Context, shared *redisqueue.Queue) (config.RedisState, []config.Finding, error) {
	ctx, cancel := context.WithTimeout(ctx, queueCheckLimit)
	defer cancel()
	state, findings, err := i.redis.Check(ctx)
	if err != nil {
		return state, findings, err
	}
	err = shared.Probe(ctx)
	if err == nil {
		var limits *redisqueue.Limits
		if limits, err = i.sharedLimits(); err == nil {
			err = limits.Probe(ctx)
		}
	}
	if err != nil {
		return state, findings, problem{
			Code: "redis-probe", Text: "Redis 能连上，但队列用不了：" + err.Error(),
			Hint: "检查这个用户的 ACL（见 docs/redis.md）和 Redis 的内存上限", cause: err,
		}
	}
	return state, findings, nil
}

// probeRedis tries Redis for check --live.
func (i *instance) probeRedis(ctx context.Context) (probed, []config.Finding) {
	result := probed{Service: "redis"}
	shared, err := i.sharedQueue()
	if err != nil {
		return probed{Service: "redis", Text: plain(err.Error())}, nil
	}
	state, findings, err := i.checkQueue(ctx, shared)
	if err != nil {
		result.Text = plain(err.Error())
		return result, findings
	}
	result.OK, result.Text = true, "试着放入、取出都成功"
	if state.Version != "" {
		limit := "没有内存上限"
		if state.MaxMemory > 0 {
			limit = fmt.Sprintf("内存上限 %d MB", state.MaxMemory>>20)
		}
		result.Text += fmt.Sprintf("；版本 %s，%d 个主节点，%s，%s", state.Version, state.Nodes, state.Policy, limit)
	}
	return result, findings
}
