package redisqueue

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"yizhan/dispatch"
)

// LimitOptions are what [Limits] need. Client and Prefix are required.
type LimitOptions struct {
	// Client repeats nothing by itself and has ContextTimeoutEnabled: a slot that
	// was taken twice is only lost, and a share asked for twice is the same.
	Client redis.UniversalClient
	// Prefix begins every key; it is this instance's own.
	Prefix string
	// Timeout bounds each command. 0: 1 s.
	Timeout time.Duration
}

// Limits are [dispatch.Limits] in Redis, one script to a question and one key to
// a script:
//
//	PREFIX:{CHANNEL}:limit:NAME   hash. Of a rate: "next" and "line", the first slot
//	                              and the first place in the line that are free, in µs.
//	                              Of connections: a field for each holder, see share.
//
// NAME is a word of ours and the name of a domain group from the configuration;
// holders are numbers of sessions. The time is Redis's own, so the processes'
// clocks need not agree. Every key ends by itself when nobody asks any more.
type Limits struct {
	o                      LimitOptions
	reserve, putOff, share *redis.Script
}

// NewLimits returns limits, or what is wrong with its options. It does not speak
// to Redis yet.
func NewLimits(o LimitOptions) (*Limits, error) {
	if o.Client == nil || o.Prefix == "" {
		return nil, errors.New("redis limits: Client and Prefix are needed")
	}
	if o.Timeout == 0 {
		o.Timeout = time.Second
	}
	return &Limits{o: o, reserve: redis.NewScript(reserveText), putOff: redis.NewScript(deferText), share: redis.NewScript(shareText)}, nil
}

// Numbers are printed with string.format: Lua's own way has 14 digits, and
// microseconds since 1970 have 16. Everything is decided as in
// dispatch.MemoryLimits; the same suite runs on both.

// reserveText takes slots.
//
// KEYS[1]  the rate's hash
// ARGV[1]  interval in µs
// ARGV[2]  number of slots
// ARGV[3]  how late a slot may still be used, in µs
//
// It answers with the µs until the first.
const reserveText = `
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local interval, n, late = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local next = tonumber(redis.call('HGET', KEYS[1], 'next') or now + interval)
local first = math.max(next, now - late)
next = first + n * interval
redis.call('HSET', KEYS[1], 'next', string.format('%.0f', next))
if redis.call('PTTL', KEYS[1]) < (next - now) / 1000 + 60000 then
	redis.call('PEXPIRE', KEYS[1], string.format('%.0f', math.ceil((next - now) / 1000) + 3600000))
end
return string.format('%.0f', math.max(0, first - now))
`

// deferText takes places in the line.
//
// KEYS[1]  the rate's hash
// ARGV[1]  interval in µs
// ARGV[2]  number of places
// ARGV[3]  how far off a new line begins, in µs
// ARGV[4]  after how long without a slot taken the line is over, in µs
//
// It answers with the µs until the first.
const deferText = `
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local interval, n, begins, over = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local known = redis.call('HMGET', KEYS[1], 'next', 'line')
local next = tonumber(known[1] or now + interval)
local first = math.max(tonumber(known[2] or 0), now + begins)
if now - next > over then
	first = now + begins
end
local line = first + n * interval
redis.call('HSET', KEYS[1], 'next', string.format('%.0f', next), 'line', string.format('%.0f', line))
if redis.call('PTTL', KEYS[1]) < (line - now) / 1000 + 60000 then
	redis.call('PEXPIRE', KEYS[1], string.format('%.0f', math.ceil((line - now) / 1000) + 3600000))
end
return string.format('%.0f', first - now)
`

// shareText gives a holder its part of the connections.
//
// KEYS[1]  hash: holder → "HELD WANT UNTIL", the last in µs
// ARGV[1]  holder
// ARGV[2]  how many there are in all
// ARGV[3]  how many it wants
// ARGV[4]  how many it has now
// ARGV[5]  lease in µs
// ARGV[6]  in µs, how long some go without when there are more holders than connections
//
// It answers with how many the holder may use.
const shareText = `
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local holder, total, want, held = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local wants, names, others = {}, {}, 0
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
	local has, wish, till = string.match(all[i + 1], '^(%d+) (%d+) (%d+)$')
	if not till or tonumber(till) <= now then
		redis.call('HDEL', KEYS[1], all[i])
	elseif all[i] ~= holder then
		others = others + tonumber(has)
		wants[all[i]] = tonumber(wish)
	end
end
wants[holder] = want
for name, wish in pairs(wants) do
	if wish > 0 then
		names[#names + 1] = name
	end
end
table.sort(names)
local n, turn, place = #names, 0, {}
if n > total then
	turn = math.floor(now / tonumber(ARGV[6])) % n
end
for i, name in ipairs(names) do
	place[name] = (i - 1 - turn) % n
end
table.sort(names, function(a, b)
	if wants[a] ~= wants[b] then
		return wants[a] < wants[b]
	end
	return place[a] < place[b]
end)
local left, part = total, 0
for i, name in ipairs(names) do
	local got = math.min(wants[name], math.floor(left / (n - i + 1)))
	if name == holder then
		part = got
	end
	left = left - got
end
local granted = math.max(0, math.min(part, total - others))
if want > 0 or held > 0 then
	local has = math.max(granted, held)
	redis.call('HSET', KEYS[1], holder, string.format('%d %d %.0f', has, want, now + tonumber(ARGV[5])))
	redis.call('PEXPIRE', KEYS[1], string.format('%.0f', math.ceil(tonumber(ARGV[5]) / 1000)))
else
	redis.call('HDEL', KEYS[1], holder)
end
return granted
`

func (l *Limits) key(channel, name string) []string {
	return []string{l.o.Prefix + ":{" + channel + "}:limit:" + name}
}

// bounded gives a script its time; see [Queue.bounded].
func (l *Limits) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), l.o.Timeout)
}

// Reserve implements [dispatch.Limits].
func (l *Limits) Reserve(ctx context.Context, channel, name string, perSecond float64, n int) (time.Duration, error) {
	ctx, cancel := l.bounded(ctx)
	defer cancel()
	us, err := l.reserve.Run(ctx, l.o.Client, l.key(channel, name), interval(perSecond), n, dispatch.CatchUp.Microseconds()).Int64()
	if err != nil {
		return 0, fmt.Errorf("taking slots of a rate in Redis: %w", err)
	}
	return time.Duration(us) * time.Microsecond, nil
}

// Defer implements [dispatch.Limits].
func (l *Limits) Defer(ctx context.Context, channel, name string, perSecond float64, n int) (time.Duration, error) {
	ctx, cancel := l.bounded(ctx)
	defer cancel()
	us, err := l.putOff.Run(ctx, l.o.Client, l.key(channel, name), interval(perSecond), n,
		dispatch.LineBegins.Microseconds(), dispatch.LineOver.Microseconds()).Int64()
	if err != nil {
		return 0, fmt.Errorf("taking places in a line in Redis: %w", err)
	}
	return time.Duration(us) * time.Microsecond, nil
}

// Share implements [dispatch.Limits].
func (l *Limits) Share(ctx context.Context, channel, name string, d dispatch.Demand) (int, error) {
	ctx, cancel := l.bounded(ctx)
	defer cancel()
	granted, err := l.share.Run(ctx, l.o.Client, l.key(channel, name), d.Holder, d.Total, d.Want, d.Held,
		d.Lease.Microseconds(), dispatch.ShareTurn.Microseconds()).Int()
	if err != nil {
		return 0, fmt.Errorf("asking Redis for a share of the connections: %w", err)
	}
	return granted, nil
}

// interval is in µs, with a fraction: rounding would make a high rate another.
func interval(perSecond float64) float64 {
	return float64(dispatch.SlotInterval(perSecond)) / float64(time.Microsecond)
}

var _ dispatch.Limits = (*Limits)(nil)
