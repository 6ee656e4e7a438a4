// Package redisqueue is a [dispatch.Queue] on Redis Streams: any number of
// processes share one. It promises what the interface does and no more, because
// the ledger mends the rest: an entry may come twice, and all of them may be
// lost, which the epoch then tells.
//
// # What is in Redis
//
//	PREFIX:epoch            hash: "name" of the queue's content, and one field for each
//	                        channel whose stream has been made under it or before
//	PREFIX:{CHANNEL}:queue  stream, one entry a chunk; field "d": ids as text
//
// Ids of deliveries and nothing else: no address, no name, no text. The braces
// are a hash tag: on Redis Cluster every command stays on one node, and channels
// may be on different ones. Each stream has one group ("workers") with one
// consumer ("worker") that all processes share: who read an entry does not
// matter to anybody, only that somebody did and how long ago.
//
// # Which commands
//
//	Epoch     HSETNX epoch name, HGET        one round trip; the HSETNX makes a Redis that
//	                                         is full or a replica fail here, not at the push
//	Push      XADD queue NOMKSTREAM          nil: the stream is gone, see below
//	Pull      XREADGROUP BLOCK COUNT 1, and now and then XAUTOCLAIM COUNT 1
//	Ack       XDEL, XACK                     the stream holds what waits and nothing else.
//	                                         Not MULTI: a full Redis refuses that. Nor the
//	                                         other way round: what is pending and deleted,
//	                                         XAUTOCLAIM forgets (Redis 7.0)
//	Waiting   XLEN, XRANGE COUNT 256
//	a lost group   XGROUP CREATE 0 MKSTREAM, HSETNX epoch CHANNEL, HSET epoch name
//
// A group that is not there (FLUSHALL, DEL, XGROUP DESTROY, a restart without
// persistence) is made again, from the stream's beginning, by whoever finds out
// first. Where the channel had a stream before, that one also names a new epoch:
// its content is gone although the epoch is not. Between the commands the process
// may die; then the ledger's minute without a claim serves.
//
// # Retries
//
// The client must not repeat commands by itself (MaxRetries -1): a push whose
// answer was lost fails, and the entry may be there all the same. Commands are
// bounded by their context (ContextTimeoutEnabled), see Options.Timeout.
package redisqueue

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"yizhan/dispatch"
)

const (
	group    = "workers"
	consumer = "worker"
	field    = "d"

	// The fields of the epoch's hash.
	epochName = "name"
	epochMade = "made:" // and the channel

	// sample is how many entries Waiting looks into: more than the feeder's
	// window ever has.
	sample = 256
)

// Options are what a [Queue] needs. Client and Prefix are required.
type Options struct {
	// Client repeats nothing by itself and has ContextTimeoutEnabled.
	Client redis.UniversalClient
	// Prefix begins every key; it is this instance's own.
	Prefix string
	// Block is how long one read waits in Redis, and so how late a Pull may notice
	// that its context has ended. 0: 200 ms.
	Block time.Duration
	// Timeout bounds each command, without Block. 0: 1 s.
	Timeout time.Duration
	// MinIdle is how long an entry may be read and not acknowledged before
	// somebody else gets it. Entries are acknowledged right after their claim, so
	// this has nothing to do with how long a delivery takes; it should be less than
	// the minute after which the ledger gives up on the queue. 0: 30 s.
	MinIdle time.Duration
	Logger  *slog.Logger // nil: silent
}

// Queue is the queue. Its methods may be called from many goroutines.
type Queue struct {
	o Options

	mu      sync.Mutex
	claimed map[string]time.Time // by channel: when unacknowledged entries were last looked for
}

// New returns a queue, or what is wrong with its options. It does not speak to
// Redis yet.
func New(o Options) (*Queue, error) {
	if o.Client == nil || o.Prefix == "" {
		return nil, errors.New("redis queue: Client and Prefix are needed")
	}
	if o.Block == 0 {
		o.Block = 200 * time.Millisecond
	}
	if o.Timeout == 0 {
		o.Timeout = time.Second
	}
	if o.MinIdle == 0 {
		o.MinIdle = 30 * time.Second
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Queue{o: o, claimed: map[string]time.Time{}}, nil
}

func (q *Queue) epochKey() string { return q.o.Prefix + ":epoch" }

func (q *Queue) stream(channel string) string { return q.o.Prefix + ":{" + channel + "}:queue" }

// bounded gives a command its time. It runs to its end also when ctx ends
// meanwhile: an answer that nobody reads may have been an entry.
func (q *Queue) bounded(ctx context.Context, more time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), q.o.Timeout+more)
}

// Epoch implements [dispatch.Queue]. It fails when Redis takes no writes.
func (q *Queue) Epoch(ctx context.Context) (string, error) {
	ctx, cancel := q.bounded(ctx, 0)
	defer cancel()
	var epoch *redis.StringCmd
	_, err := q.o.Client.Pipelined(ctx, func(p redis.Pipeliner) error {
		p.HSetNX(ctx, q.epochKey(), epochName, rand.Text())
		epoch = p.HGet(ctx, q.epochKey(), epochName)
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("asking Redis for the queue's epoch: %w", err)
	}
	return epoch.Val(), nil
}

// Push implements [dispatch.Queue]. After an error the entry may be there or not.
func (q *Queue) Push(ctx context.Context, channel string, deliveries []int64) error {
	if len(deliveries) == 0 {
		return nil
	}
	ctx, cancel := q.bounded(ctx, 0)
	defer cancel()
	entry := &redis.XAddArgs{Stream: q.stream(channel), NoMkStream: true, Values: []string{field, encode(deliveries)}}
	err := q.o.Client.XAdd(ctx, entry).Err()
	if errors.Is(err, redis.Nil) {
		if err := q.restore(ctx, channel); err != nil {
			return err
		}
		err = q.o.Client.XAdd(ctx, entry).Err()
	}
	if err != nil {
		return fmt.Errorf("pushing to Redis: %w", err)
	}
	return nil
}

// Pull implements [dispatch.Queue].
func (q *Queue) Pull(ctx context.Context, channel string) (dispatch.Entry, error) {
	for {
		if ctx.Err() != nil {
			return dispatch.Entry{}, context.Cause(ctx)
		}
		m, err := q.next(ctx, channel)
		switch {
		case err == nil:
			return q.entry(ctx, channel, m)
		case errors.Is(err, redis.Nil):
		case redis.HasErrorPrefix(err, "NOGROUP"), redis.HasErrorPrefix(err, "UNBLOCKED"):
			if err := q.restore(ctx, channel); err != nil {
				return dispatch.Entry{}, err
			}
		default:
			return dispatch.Entry{}, fmt.Errorf("reading the queue in Redis: %w", err)
		}
	}
}

// next gives one entry: one that somebody has read and forgotten, or the next
// that nobody has. The error is redis.Nil when there is none in Options.Block.
func (q *Queue) next(ctx context.Context, channel string) (redis.XMessage, error) {
	ctx, cancel := q.bounded(ctx, q.o.Block)
	defer cancel()
	if m, err := q.forgotten(ctx, channel); !errors.Is(err, redis.Nil) {
		return m, err
	}
	streams, err := q.o.Client.XReadGroup(ctx, &redis.XReadGroupArgs{
		Group: group, Consumer: consumer, Streams: []string{q.stream(channel), ">"}, Count: 1, Block: q.o.Block,
	}).Result()
	if err != nil {
		return redis.XMessage{}, err
	}
	if len(streams) == 0 || len(streams[0].Messages) == 0 {
		return redis.XMessage{}, redis.Nil
	}
	return streams[0].Messages[0], nil
}

// forgotten looks, a few times in MinIdle, for an entry that was read and not
// acknowledged in it. The error is redis.Nil when there is none.
func (q *Queue) forgotten(ctx context.Context, channel string) (redis.XMessage, error) {
	if !q.due(channel, time.Now()) {
		return redis.XMessage{}, redis.Nil
	}
	for cursor := "0-0"; ; {
		found, next, err := q.o.Client.XAutoClaim(ctx, &redis.XAutoClaimArgs{
			Stream: q.stream(channel), Group: group, Consumer: consumer, MinIdle: q.o.MinIdle, Start: cursor, Count: 1,
		}).Result()
		if err != nil {
			return redis.XMessage{}, err
		}
		if len(found) > 0 {
			q.o.Logger.Info("a queue entry was read and not claimed; taking it up", "channel", channel, "entry", found[0].ID)
			q.again(channel)
			return found[0], nil
		}
		if next == "0-0" {
			return redis.XMessage{}, redis.Nil
		}
		cursor = next
	}
}

// due says whether it is time to look for forgotten entries, and notes that it
// is done.
func (q *Queue) due(channel string, now time.Time) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if now.Sub(q.claimed[channel]) < q.o.MinIdle/6 {
		return false
	}
	q.claimed[channel] = now
	return true
}

// again makes it time at once: where one was there may be more.
func (q *Queue) again(channel string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.claimed, channel)
}

// entry reads a message. One that is not ours is removed, so that it does not
// come again and again.
func (q *Queue) entry(ctx context.Context, channel string, m redis.XMessage) (dispatch.Entry, error) {
	text, _ := m.Values[field].(string)
	ids, err := decode(text)
	if err != nil {
		err = fmt.Errorf("entry %s of the queue in Redis: %w; it was removed", m.ID, err)
		return dispatch.Entry{}, errors.Join(err, q.Ack(ctx, channel, dispatch.Entry{ID: m.ID}))
	}
	return dispatch.Entry{ID: m.ID, Deliveries: ids}, nil
}

// restore makes the group of a channel when it is not there, and then names a
// new epoch if there was one before: what the stream held may be gone.
func (q *Queue) restore(ctx context.Context, channel string) error {
	ctx, cancel := q.bounded(ctx, 0)
	defer cancel()
	// From 0: an entry that is still there was never acknowledged.
	err := q.o.Client.XGroupCreateMkStream(ctx, q.stream(channel), group, "0").Err()
	if redis.HasErrorPrefix(err, "BUSYGROUP") {
		return nil // somebody else was faster, and names the epoch
	}
	if err != nil {
		return fmt.Errorf("making the queue in Redis: %w", err)
	}
	first, err := q.o.Client.HSetNX(ctx, q.epochKey(), epochMade+channel, "1").Result()
	if err == nil && !first {
		q.o.Logger.Warn("the queue in Redis was lost and is made anew", "channel", channel)
		err = q.o.Client.HSet(ctx, q.epochKey(), epochName, rand.Text()).Err()
	}
	if err != nil {
		return fmt.Errorf("naming the queue's epoch in Redis: %w", err)
	}
	return nil
}

// Ack implements [dispatch.Queue].
func (q *Queue) Ack(ctx context.Context, channel string, e dispatch.Entry) error {
	ctx, cancel := q.bounded(ctx, 0)
	defer cancel()
	_, err := q.o.Client.Pipelined(ctx, func(p redis.Pipeliner) error {
		p.XDel(ctx, q.stream(channel), e.ID)
		p.XAck(ctx, q.stream(channel), group, e.ID)
		return nil
	})
	if err != nil {
		return fmt.Errorf("acknowledging an entry in Redis: %w", err)
	}
	return nil
}

// Waiting implements [dispatch.Queue]. An entry that was pulled counts until it
// is acknowledged. Beyond 256 entries the rest is taken to be like these.
func (q *Queue) Waiting(ctx context.Context, channel string) (int, error) {
	ctx, cancel := q.bounded(ctx, 0)
	defer cancel()
	var length *redis.IntCmd
	var first *redis.XMessageSliceCmd
	_, err := q.o.Client.Pipelined(ctx, func(p redis.Pipeliner) error {
		length = p.XLen(ctx, q.stream(channel))
		first = p.XRangeN(ctx, q.stream(channel), "-", "+", sample)
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("counting what waits in Redis: %w", err)
	}
	n := 0
	for _, m := range first.Val() {
		text, _ := m.Values[field].(string)
		n += count(text)
	}
	if looked, all := len(first.Val()), int(length.Val()); looked == sample && all > looked {
		n = n * all / looked
	}
	return n, nil
}

var _ dispatch.Queue = (*Queue)(nil)
