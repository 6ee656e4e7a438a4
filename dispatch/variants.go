package dispatch

import (
	"context"
	"sync"
	"time"
)

// variants keeps the frozen content of the runs that are being sent.
type variants struct {
	mu   sync.Mutex
	kept map[variantKey]Variant
}

type variantKey struct {
	run     int64
	variant string
}

// keptVariants bounds the cache; few runs are sent at a time.
const keptVariants = 2 * maxVariants

func (v *variants) get(ctx context.Context, l *Ledger, run int64, channel, key string) (Variant, error) {
	k := variantKey{run, key}
	v.mu.Lock()
	defer v.mu.Unlock()
	if got, ok := v.kept[k]; ok {
		return got, nil
	}
	got, err := l.variant(context.WithoutCancel(ctx), run, channel, key)
	if err != nil {
		return Variant{}, err
	}
	if v.kept == nil || len(v.kept) >= keptVariants {
		v.kept = map[variantKey]Variant{}
	}
	v.kept[k] = got
	return got, nil
}

// runStates remembers for a moment whether runs may be sent, so that a lane
// does not begin a delivery that the marker would refuse.
type runStates struct {
	mu   sync.Mutex
	read map[int64]runSeen
}

type runSeen struct {
	sending bool
	at      time.Time
}

// seenFor is how long a run's state is believed; the marker reads it again.
const seenFor = 200 * time.Millisecond

func (r *runStates) sending(ctx context.Context, l *Ledger, run int64, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s, ok := r.read[run]; ok && now.Sub(s.at) < seenFor {
		return s.sending
	}
	ok, err := l.sending(ctx, run, now)
	if err != nil {
		return true // the marker decides
	}
	if r.read == nil {
		r.read = map[int64]runSeen{}
	}
	r.read[run] = runSeen{ok, now}
	return ok
}
