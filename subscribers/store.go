package subscribers

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Options of a [Store]. Everything but Channels is required.
type Options struct {
	// Write is the handle whose commits survive a power cut, Read may be a pool.
	Write, Read *sql.DB
	// Secret keys the hashes of addresses; at least 16 bytes. Changing it orphans
	// the suppression list.
	Secret []byte
	// Channels have a column of their own in the CSV file. Default: email, wechat.
	Channels []string
}

// Store keeps subscribers, their addresses and the suppression list in SQL.
type Store struct {
	write, read *sql.DB
	key         []byte
	channels    []string
}

// New returns a store on migrated databases (see [Schema]).
func New(o Options) (*Store, error) {
	if o.Write == nil || o.Read == nil {
		return nil, errors.New("subscribers: Options.Write and Options.Read are required")
	}
	key, err := deriveKey(o.Secret, "address")
	if err != nil {
		return nil, fmt.Errorf("subscribers: %w", err)
	}
	channels := o.Channels
	if len(channels) == 0 {
		channels = []string{Email, WeChat}
	}
	for _, c := range channels {
		if !channelName.MatchString(c) || slices.Contains(textColumns(), c) {
			return nil, fmt.Errorf("subscribers: %q cannot be the name of a channel", c)
		}
	}
	return &Store{write: o.Write, read: o.Read, key: key, channels: slices.Clone(channels)}, nil
}

// Hash returns the keyed hash by which tables know the address.
func (s *Store) Hash(a Address) string { return code(s.key, a.identity()) }

// Add adds one subscriber. It returns [ErrTaken] or [ErrUnsubscribed] when
// somebody has or had one of the addresses, [ErrSuppressed] when one must not be
// sent to, an [*Invalid] when the entry breaks a rule.
func (s *Store) Add(ctx context.Context, e Entry, now time.Time) (Subscriber, error) {
	sub, err := s.fresh(e, now)
	if err != nil {
		return Subscriber{}, err
	}
	err = s.inTx(ctx, func(tx *sql.Tx) error {
		for _, a := range sub.Addresses {
			owner, err := one(ctx, tx, `WHERE id = (SELECT subscriber_id FROM addresses WHERE channel = $1 AND hash = $2)`, a.Channel, a.hash)
			switch {
			case err == nil && owner.on(a.Channel).State == Unsubscribed:
				return ErrUnsubscribed
			case err == nil:
				return ErrTaken
			case !errors.Is(err, ErrNotFound):
				return err
			}
			suppressed, err := s.suppressed(ctx, tx, a.Channel, []string{a.hash})
			if err != nil {
				return err
			}
			if len(suppressed) > 0 {
				return ErrSuppressed
			}
		}
		w, err := newWriter(ctx, tx)
		if err != nil {
			return err
		}
		defer w.close()
		return w.insert(ctx, &sub)
	})
	if err != nil {
		return Subscriber{}, fmt.Errorf("adding a subscriber: %w", err)
	}
	return sub, nil
}

// fresh checks an entry and makes the subscriber of it.
func (s *Store) fresh(e Entry, now time.Time) (Subscriber, error) {
	now = now.UTC().Truncate(time.Millisecond)
	sub := Subscriber{PublicID: newPublicID(), State: e.State, Consent: e.Consent, CreatedAt: now, UpdatedAt: now}
	if sub.State == "" {
		sub.State = Active
	}
	if len(e.Addresses) == 0 {
		return sub, invalid("no-address", "a subscriber needs at least one address")
	}
	var err error
	if sub.Name, err = cleanText("name", e.Name); err != nil {
		return sub, err
	}
	if sub.Sections, err = cleanList("sections", e.Sections); err != nil {
		return sub, err
	}
	if sub.Groups, err = cleanList("groups", e.Groups); err != nil {
		return sub, err
	}
	if sub.Language, err = cleanLanguage(e.Language); err != nil {
		return sub, err
	}
	for _, a := range e.Addresses {
		if sub.on(a.Channel) != nil {
			return sub, invalid("address-twice", "a subscriber has one address on the channel %s", a.Channel)
		}
		sub.Addresses = append(sub.Addresses, ChannelAddress{Address: a, State: Active, UpdatedAt: now, hash: s.Hash(a)})
	}
	slices.SortFunc(sub.Addresses, func(a, b ChannelAddress) int { return strings.Compare(a.Channel, b.Channel) })
	switch sub.State {
	case Active, Pending, Paused:
	case Unsubscribed:
		sub.State = Active // what undoing goes back to
		sub.unsubscribe("", "added", now)
	default:
		return sub, invalid("state", "%q is not a state; the states are active, pending, paused, unsubscribed", e.State)
	}
	sub.confirm(now)
	return sub, nil
}

// Get finds one subscriber by id, public id or an address on any channel.
func (s *Store) Get(ctx context.Context, key string) (Subscriber, error) {
	sub, err := s.find(ctx, s.read, key)
	if err != nil {
		return Subscriber{}, fmt.Errorf("looking up a subscriber: %w", err)
	}
	return sub, nil
}

func (s *Store) find(ctx context.Context, q queryer, key string) (Subscriber, error) {
	key = strings.TrimSpace(key)
	if id, err := strconv.ParseInt(key, 10, 64); err == nil {
		if sub, err := one(ctx, q, `WHERE id = $1`, id); !errors.Is(err, ErrNotFound) {
			return sub, err
		}
	}
	if isID(key) {
		if sub, err := one(ctx, q, `WHERE public_id = $1`, key); !errors.Is(err, ErrNotFound) {
			return sub, err
		}
	}
	for _, channel := range s.channels {
		a, err := ParseAddress(channel, key)
		if err != nil {
			continue // not an address of this channel
		}
		sub, err := one(ctx, q, `WHERE id = (SELECT subscriber_id FROM addresses WHERE channel = $1 AND hash = $2)`, channel, s.Hash(a))
		if !errors.Is(err, ErrNotFound) {
			return sub, err
		}
	}
	return Subscriber{}, ErrNotFound
}

// Filter chooses subscribers; its zero value chooses all.
type Filter struct {
	State State
	// At is when they are in that state: a pause whose date has come is over. Zero:
	// what is stored counts.
	At    time.Time
	Group string
	// After and Limit page by id: the next page starts after the last id seen.
	// Limit 0 means no limit.
	After int64
	Limit int
}

// where returns the condition of a filter and its parameters $1 to $4.
func (f Filter) where() (string, []any) {
	escaped := strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(f.Group)
	// LOWER, because LIKE tells cases apart in one dialect and not in the other.
	return `WHERE id > $1 AND ($2 = '' OR CASE WHEN state = 'paused' AND paused_until > 0 AND paused_until <= $4 THEN 'active' ELSE state END = $2) AND ($3 = '' OR LOWER(';' || groups || ';') LIKE LOWER('%;' || $3 || ';%') ESCAPE '\')`,
		[]any{f.After, string(f.State), escaped, zeroMillis(f.At)}
}

// List returns the subscribers that a filter chooses, by id.
func (s *Store) List(ctx context.Context, f Filter) ([]Subscriber, error) {
	where, args := f.where()
	if f.Limit > 0 {
		where += ` ORDER BY id LIMIT $5`
		args = append(args, f.Limit)
	}
	subs, err := load(ctx, s.read, where, args...)
	if err != nil {
		return nil, fmt.Errorf("listing subscribers: %w", err)
	}
	return subs, nil
}

// Count returns how many subscribers a filter chooses, whatever its Limit.
func (s *Store) Count(ctx context.Context, f Filter) (int, error) {
	where, args := f.where()
	var n int
	if err := s.read.QueryRowContext(ctx, `SELECT COUNT(*) FROM subscribers `+where, args...).Scan(&n); err != nil {
		return 0, fmt.Errorf("counting subscribers: %w", err)
	}
	return n, nil
}

// inTx runs f in a transaction on the durable handle. That handle begins by
// taking the write lock, so what f read is still true when it writes.
func (s *Store) inTx(ctx context.Context, f func(*sql.Tx) error) error {
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("beginning a transaction: %w", err)
	}
	defer tx.Rollback() // does nothing after the commit
	if err := f(tx); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("committing: %w", err)
	}
	return nil
}
