package redisqueue

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"
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

// Commands lists what an account needs to be allowed, in the words of Redis's
// ACL; HELLO and AUTH need no leave. INFO only tells the operator how the server
// is set up.
func Commands() []string {
	return []string{
		"ping", "info", "hget", "hset", "hsetnx", "del",
		"xadd", "xreadgroup", "xautoclaim", "xack", "xdel", "xlen", "xrange", "xgroup|create",
	}
}
