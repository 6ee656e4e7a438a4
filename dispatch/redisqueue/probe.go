package redisqueue

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"yizhan/dispatch"
)

// Probe does once what the queue will do, on keys of its own, which it removes
// again: an account that lacks a command or the keys is found out before a
// delivery depends on it.
func (q *Queue) Probe(ctx context.Context) error {
	o := q.o
	o.Prefix += ":probe-" + rand.Text() // two probes at a time do not meet
	p := &Queue{o: o, claimed: map[string]time.Time{}}
	err := p.tryAll(ctx)
	ctx, cancel := p.bounded(ctx, 0)
	defer cancel()
	for _, key := range []string{p.stream(probed), p.epochKey()} { // apart: a cluster has them in two places
		if gone := p.o.Client.Del(ctx, key).Err(); err == nil && gone != nil {
			err = fmt.Errorf("removing the probe from Redis: %w", gone)
		}
	}
	return err
}

// probed is the channel of a probe.
const probed = "probe"

func (q *Queue) tryAll(ctx context.Context) error {
	if _, err := q.Epoch(ctx); err != nil {
		return err
	}
	bounded, cancel := q.bounded(ctx, 0)
	defer cancel()
	if err := q.o.Client.HSet(bounded, q.epochKey(), epochName, rand.Text()).Err(); err != nil {
		return fmt.Errorf("naming an epoch in Redis: %w", err)
	}
	if err := q.Push(ctx, probed, []int64{1}); err != nil { // makes the stream and the group
		return err
	}
	n, err := q.Waiting(ctx, probed)
	if err != nil {
		return err
	}
	if n != 1 {
		return fmt.Errorf("of 1 delivery in the queue, Redis tells %d", n)
	}
	limit, stop := context.WithTimeout(ctx, q.o.Timeout)
	defer stop()
	e, err := q.Pull(limit, probed) // looks for forgotten entries first
	if err != nil {
		return err
	}
	return q.Ack(ctx, probed, e)
}

// Probe does once what the limits will do, on a key of its own.
func (l *Limits) Probe(ctx context.Context) error {
	o := l.o
	o.Prefix += ":probe-" + rand.Text()
	p, err := NewLimits(o)
	if err != nil {
		return err
	}
	if _, err = p.Reserve(ctx, probed, probed, 1, 1); err == nil {
		_, err = p.Defer(ctx, probed, probed, 1, 1)
	}
	ctx, cancel := p.bounded(ctx)
	defer cancel()
	for _, key := range p.key(probed, probed) {
		if gone := p.o.Client.Del(ctx, key).Err(); err == nil && gone != nil {
			err = fmt.Errorf("removing the probe from Redis: %w", gone)
		}
	}
	if err != nil {
		return err
	}
	// It takes the key away again when nobody holds anything.
	for _, want := range []int{1, 0} {
		if _, err := p.Share(ctx, probed, probed, dispatch.Demand{Holder: probed, Total: 1, Want: want, Lease: time.Minute}); err != nil {
			return err
		}
	}
	return nil
}

// Commands lists what an account needs to be allowed, in the words of Redis's
// ACL; HELLO and AUTH need no leave. INFO only tells the operator how the server
// is set up.
func Commands() []string {
	return []string{
		"ping", "info", "hget", "hset", "hsetnx", "del",
		"evalsha", "eval", "time", "hmget", "hgetall", "hdel", "pttl", "pexpire",
		"xadd", "xreadgroup", "xautoclaim", "xack", "xdel", "xlen", "xrange", "xgroup|create",
	}
}
