package subscribers

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestUnsubscribeAndUndo(t *testing.T) {
	for name, tt := range map[string]struct {
		before  State
		wechat  bool
		after   State
		channel string
	}{
		"only channel":         {before: Active, after: Unsubscribed, channel: Email},
		"one of two":           {before: Active, wechat: true, after: Active, channel: Email},
		"while paused":         {before: Paused, after: Unsubscribed, channel: Email},
		"while pending":        {before: Pending, after: Unsubscribed, channel: Email},
		"a channel they lack":  {before: Active, after: Active, channel: WeChat},
		"an unheard-of":        {before: Active, after: Active, channel: "telegram"},
		"all, of one":          {before: Active, after: Unsubscribed},
		"all, of two":          {before: Paused, wechat: true, after: Unsubscribed},
		"the other, then left": {before: Active, wechat: true, after: Active, channel: WeChat},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t)
			e := Entry{Addresses: []Address{mustEmail(t, "a@example.org")}, State: tt.before}
			if tt.wechat {
				e.Addresses = append(e.Addresses, mustWeChat(t, "oABCDEFGH"))
			}
			sub := mustAdd(t, s, e)
			for repeat := range 2 {
				if _, err := s.Unsubscribe(t.Context(), sub.PublicID, tt.channel, "link", noon().Add(time.Hour)); err != nil {
					t.Fatal(err)
				}
				got := mustGet(t, s, "1")
				if got.State != tt.after {
					t.Errorf("time %d: state %s, want %s", repeat+1, got.State, tt.after)
				}
				for _, a := range got.Addresses {
					if left := tt.channel == "" || tt.channel == a.Channel; left != (a.State == Unsubscribed) {
						t.Errorf("time %d: %s is %s", repeat+1, a.Channel, a.State)
					}
				}
			}
			for _, channel := range []string{Email, WeChat} {
				if _, err := s.Resubscribe(t.Context(), sub.PublicID, channel, noon()); err != nil {
					t.Fatal(err)
				}
			}
			got := mustGet(t, s, "1")
			got.UpdatedAt = sub.UpdatedAt
			if diff := cmp.Diff(sub, got, same()); diff != "" {
				t.Errorf("undo does not give back what was (-before +after):\n%s", diff)
			}
		})
	}
}

func TestUnsubscribeReportsChange(t *testing.T) {
	s := newStore(t)
	sub := mustAdd(t, s, Entry{Addresses: []Address{mustEmail(t, "a@example.org")}})
	for i, want := range []bool{true, false} {
		changed, err := s.Unsubscribe(t.Context(), sub.PublicID, Email, "one-click", noon().Add(time.Duration(i)*time.Hour))
		if err != nil || changed != want {
			t.Errorf("time %d: %t, %v", i+1, changed, err)
		}
	}
	got := mustGet(t, s, "1").Addresses[0]
	if got.Reason != "one-click" || !got.UpdatedAt.Equal(noon()) {
		t.Errorf("the first unsubscription was not kept: %+v", got)
	}
	if _, err := s.Unsubscribe(t.Context(), newPublicID(), Email, "link", noon()); !errors.Is(err, ErrNotFound) {
		t.Errorf("somebody unknown: %v, want ErrNotFound", err)
	}
}

func TestSetState(t *testing.T) {
	s := newStore(t)
	mustAdd(t, s, Entry{Addresses: []Address{mustEmail(t, "a@example.org")}, State: Pending})
	later := noon().Add(time.Hour)
	for _, tt := range []struct {
		state State
		err   error
	}{{Active, nil}, {Active, nil}, {Paused, nil}, {Unsubscribed, nil}, {Active, ErrUnsubscribed}, {Paused, ErrUnsubscribed}, {Unsubscribed, nil}} {
		if err := s.SetState(t.Context(), "a@example.org", tt.state, later); !errors.Is(err, tt.err) {
			t.Fatalf("to %s: %v, want %v", tt.state, err, tt.err)
		}
	}
	got := mustGet(t, s, "1")
	if got.State != Unsubscribed || got.Addresses[0].State != Unsubscribed || !got.ConfirmedAt.Equal(later) {
		t.Errorf("got %+v", got)
	}
	var bad *Invalid
	if err := s.SetState(t.Context(), "1", "asleep", later); !errors.As(err, &bad) {
		t.Errorf("unknown state: %v", err)
	}
	if err := s.SetState(t.Context(), "99", Active, later); !errors.Is(err, ErrNotFound) {
		t.Errorf("unknown subscriber: %v", err)
	}
}

func TestRemoveRemembersWhoUnsubscribed(t *testing.T) {
	s := newStore(t)
	stays, left := mustEmail(t, "stays@example.org"), mustEmail(t, "left@example.org")
	mustAdd(t, s, Entry{Addresses: []Address{stays}})
	mustAdd(t, s, Entry{Addresses: []Address{left}, State: Unsubscribed})
	for _, key := range []string{"stays@example.org", "left@example.org"} {
		if sub, err := s.Remove(t.Context(), key, noon()); err != nil || sub.Addresses[0].Value != key {
			t.Fatalf("Remove(%s) = %+v, %v", key, sub, err)
		}
		if _, err := s.Remove(t.Context(), key, noon()); !errors.Is(err, ErrNotFound) {
			t.Errorf("removing %s twice: %v", key, err)
		}
	}
	if _, err := s.Add(t.Context(), Entry{Addresses: []Address{stays}}, noon()); err != nil {
		t.Errorf("somebody who was only removed cannot come back: %v", err)
	}
	if _, err := s.Add(t.Context(), Entry{Addresses: []Address{left}}, noon()); !errors.Is(err, ErrSuppressed) {
		t.Errorf("somebody who unsubscribed and was removed: %v, want ErrSuppressed", err)
	}
}

// Whatever is done to a subscriber, they are Unsubscribed exactly when no
// address is left, and only resubscribe brings an address back.
func TestStatesHoldTogether(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sub := Subscriber{State: rapid.SampledFrom([]State{Active, Pending, Paused}).Draw(t, "state")}
		for _, channel := range []string{Email, WeChat}[:rapid.IntRange(1, 2).Draw(t, "addresses")] {
			sub.Addresses = append(sub.Addresses, ChannelAddress{Address: Address{Channel: channel}, State: Active})
		}
		sub.confirm(noon())
		first := sub.State
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			channel := rapid.SampledFrom([]string{Email, WeChat}).Draw(t, "channel")
			if rapid.Bool().Draw(t, "leave") {
				sub.unsubscribe(channel, "link", noon())
			} else {
				sub.resubscribe(channel, noon())
			}
			left := 0
			for _, a := range sub.Addresses {
				if a.State == Active {
					left++
				}
			}
			if (left == 0) != (sub.State == Unsubscribed) {
				t.Fatalf("%d addresses left, state %s", left, sub.State)
			}
			if left > 0 && sub.State != first {
				t.Fatalf("was %s, came back as %s", first, sub.State)
			}
		}
	})
}
