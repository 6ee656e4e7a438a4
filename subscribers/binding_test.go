package subscribers

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// otherBooks are the books of the rest of the program; they note who adopts whom.
type otherBooks struct{ adopted [][2]int64 }

func (*otherBooks) Scrub(context.Context, int64, time.Time) error           { return nil }
func (*otherBooks) Forget(context.Context, string, string, time.Time) error { return nil }
func (*otherBooks) History(context.Context, int64) (any, error)             { return nil, nil }
func (b *otherBooks) Adopt(_ context.Context, _ *sql.Tx, from, to int64, channel string) error {
	if channel == WeChat {
		b.adopted = append(b.adopted, [2]int64{from, to})
	}
	return nil
}

// chatDesk is a desk with somebody who reads by mail, and a follower.
func chatDesk(t *testing.T) (d *Desk, books *otherBooks, reader, follower Subscriber) {
	t.Helper()
	books = &otherBooks{}
	d, err := NewDesk(DeskOptions{Store: newStore(t), Books: books, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	reader = mustAdd(t, d.Store, Entry{Addresses: []Address{mustEmail(t, "shen@mail.example")}, Name: "沈", Consent: Consent{At: chatNow(), Source: "import", Text: "v1"}})
	follower = mustAdd(t, d.Store, Entry{Addresses: []Address{mustWeChat(t, "oFollower_0001")}, Consent: Consent{At: chatNow(), Source: "wechat"}})
	return d, books, reader, follower
}

func offer(t *testing.T, d *Desk, sub Subscriber, now time.Time) Offer {
	t.Helper()
	o, err := d.OfferBinding(t.Context(), sub.PublicID, WeChat, now)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// addresses are the channels of a subscriber and their states.
func channelStates(s Subscriber) map[string]State {
	out := map[string]State{}
	for _, a := range s.Addresses {
		out[a.Channel] = a.State
	}
	return out
}

func TestBindByCode(t *testing.T) {
	t.Parallel()
	d, books, reader, follower := chatDesk(t)
	now := chatNow()
	o := offer(t, d, reader, now)
	if normal, ok := BindingCode(o.Code); !ok || normal != o.Code || !o.Expires.Equal(now.Add(10*time.Minute)) || len(o.Scene) > 64 {
		t.Fatalf("offer %+v", o)
	}
	from := follower.Addresses[0].Address
	for range 2 { // the same again comes to the same
		sub, err := d.Bind(t.Context(), o.Code, from, "chat", now.Add(9*time.Minute))
		if err != nil || sub.ID != reader.ID {
			t.Fatalf("bound to %d, %v", sub.ID, err)
		}
	}
	sub, err := d.Get(t.Context(), from.Value)
	if err != nil || sub.ID != reader.ID {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]State{Email: Active, WeChat: Active}, channelStates(sub)); diff != "" {
		t.Error(diff)
	}
	if _, err := d.Get(t.Context(), follower.PublicID); !errors.Is(err, ErrNotFound) {
		t.Errorf("the follower's own record: %v", err)
	}
	if diff := cmp.Diff([][2]int64{{follower.ID, reader.ID}}, books.adopted); diff != "" {
		t.Error(diff)
	}
	// Both consents are on record, and the binding.
	log, err := d.Consents(t.Context(), sub.ID)
	if err != nil {
		t.Fatal(err)
	}
	var acts []string
	for _, e := range log {
		acts = append(acts, e.Act+" "+e.Channel+" "+e.Source)
	}
	if diff := cmp.Diff([]string{"confirmed wechat wechat", "bound wechat chat"}, acts); diff != "" || sub.Consent.Source != "import" {
		t.Errorf("%s; %+v", diff, sub.Consent)
	}
	// Nobody else can use the code, and no offer is made to who has a WeChat.
	other := mustWeChat(t, "oStranger_0001")
	if _, err := d.Bind(t.Context(), o.Code, other, "chat", now); !errors.Is(err, ErrCode) {
		t.Errorf("the code again, from another: %v", err)
	}
	if _, err := d.OfferBinding(t.Context(), reader.PublicID, WeChat, now); !errors.Is(err, ErrOther) {
		t.Errorf("a second offer: %v", err)
	}
}

func TestBindingExpires(t *testing.T) {
	t.Parallel()
	d, _, reader, follower := chatDesk(t)
	now, from := chatNow(), follower.Addresses[0].Address
	first := offer(t, d, reader, now)
	o := offer(t, d, reader, now)
	if _, err := d.Bind(t.Context(), first.Code, from, "chat", now); !errors.Is(err, ErrCode) {
		t.Errorf("an offer that was replaced: %v", err)
	}
	if _, err := d.Bind(t.Context(), o.Code, from, "chat", now.Add(10*time.Minute)); !errors.Is(err, ErrExpired) {
		t.Errorf("after ten minutes: %v", err)
	}
	if _, err := d.Scan(t.Context(), o.Scene, from, now.Add(10*time.Minute)); !errors.Is(err, ErrExpired) {
		t.Errorf("scanned after ten minutes: %v", err)
	}
}

// TestTheftOfACode: who guesses is not listened to after five wrong codes, not even
// with the right one; its owner is not kept from using it.
func TestTheftOfACode(t *testing.T) {
	t.Parallel()
	d, _, reader, follower := chatDesk(t)
	now := chatNow()
	thief := mustWeChat(t, "oThief_000001")
	o := offer(t, d, reader, now)
	wrong := []string{"2222-222A", "2222-222B", "2222-222C", "2222-222D", "2222-222E"}
	for _, code := range wrong {
		if _, err := d.Bind(t.Context(), code, thief, "chat", now); !errors.Is(err, ErrCode) {
			t.Fatalf("%s: %v", code, err)
		}
	}
	if _, err := d.Bind(t.Context(), o.Code, thief, "chat", now.Add(time.Minute)); !errors.Is(err, ErrTries) {
		t.Errorf("the sixth: %v", err)
	}
	sub, err := d.Bind(t.Context(), o.Code, follower.Addresses[0].Address, "chat", now.Add(2*time.Minute))
	if err != nil || sub.ID != reader.ID {
		t.Errorf("its owner: %v", err)
	}
	if _, err := d.Bind(t.Context(), wrong[0], thief, "chat", now.Add(time.Hour)); !errors.Is(err, ErrCode) {
		t.Errorf("an hour later: %v", err)
	}
}

func TestBindByScene(t *testing.T) {
	t.Parallel()
	d, _, reader, follower := chatDesk(t)
	now, from := chatNow(), follower.Addresses[0].Address
	if _, err := d.Bind(t.Context(), "", from, "chat", now); !errors.Is(err, ErrNobody) {
		t.Errorf("confirmed without a scan: %v", err)
	}
	o := offer(t, d, reader, now)
	if sub, err := d.Scan(t.Context(), o.Scene, from, now); err != nil || sub.ID != reader.ID {
		t.Fatal(err)
	}
	if got, err := d.Get(t.Context(), from.Value); err != nil || got.ID != follower.ID {
		t.Errorf("bound without a word: %v", err)
	}
	if _, err := d.Scan(t.Context(), o.Scene, mustWeChat(t, "oStranger_0001"), now); !errors.Is(err, ErrCode) {
		t.Errorf("scanned by a second: %v", err)
	}
	for range 2 {
		if sub, err := d.Bind(t.Context(), "", from, "chat", now); err != nil || sub.ID != reader.ID {
			t.Fatal(err)
		}
	}
	if _, err := d.Scan(t.Context(), "bind-none", from, now); !errors.Is(err, ErrCode) {
		t.Errorf("a scene of nobody: %v", err)
	}
	if there, err := d.Decline(t.Context(), from); err != nil || there {
		t.Errorf("what is bound is not declined: %v, %v", there, err)
	}
}

func TestDeclineBinding(t *testing.T) {
	t.Parallel()
	d, _, reader, follower := chatDesk(t)
	now, from := chatNow(), follower.Addresses[0].Address
	o := offer(t, d, reader, now)
	if _, err := d.Scan(t.Context(), o.Scene, from, now); err != nil {
		t.Fatal(err)
	}
	if there, err := d.Decline(t.Context(), from); err != nil || !there {
		t.Errorf("%v, %v", there, err)
	}
	if _, err := d.Bind(t.Context(), "", from, "chat", now); !errors.Is(err, ErrNobody) {
		t.Errorf("confirmed after all: %v", err)
	}
	if _, err := d.Bind(t.Context(), o.Code, from, "chat", now); !errors.Is(err, ErrCode) {
		t.Errorf("the code of what was declined: %v", err)
	}
}

// TestBindOther: nobody's other address is taken away by a binding.
func TestBindOther(t *testing.T) {
	t.Parallel()
	d, _, reader, follower := chatDesk(t)
	now := chatNow()
	bound := mustAdd(t, d.Store, Entry{Addresses: []Address{mustEmail(t, "gu@mail.example"), mustWeChat(t, "oGu_00000001")}})
	o := offer(t, d, reader, now)
	if _, err := d.Bind(t.Context(), o.Code, bound.Addresses[1].Address, "chat", now); !errors.Is(err, ErrOther) {
		t.Errorf("a WeChat with another mail address: %v", err)
	}
	// The offer is still there for its owner, and a stranger may take it: a new address.
	stranger := mustWeChat(t, "oStranger_0001")
	if sub, err := d.Bind(t.Context(), o.Code, stranger, "chat", now); err != nil || sub.on(WeChat).Value != stranger.Value {
		t.Errorf("somebody who is no subscriber: %v", err)
	}
	if got, err := d.Get(t.Context(), follower.Addresses[0].Value); err != nil || got.ID != follower.ID {
		t.Error("an unconcerned follower changed")
	}
}

func TestUnbind(t *testing.T) {
	t.Parallel()
	d, books, reader, follower := chatDesk(t)
	now, from := chatNow(), follower.Addresses[0].Address
	if changed, err := d.Unbind(t.Context(), reader.PublicID, WeChat, "chat", now); err != nil || changed {
		t.Errorf("who has only one address: %v, %v", changed, err)
	}
	o := offer(t, d, reader, now)
	if _, err := d.Bind(t.Context(), o.Code, from, "chat", now); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Do(t.Context(), Caller{ID: reader.PublicID, Channel: WeChat, Source: "chat"}, Choose{[]string{"政策"}}, now); err != nil {
		t.Fatal(err)
	}
	if changed, err := d.Unbind(t.Context(), reader.PublicID, WeChat, "manage", now); err != nil || !changed {
		t.Fatalf("%v, %v", changed, err)
	}
	own, err := d.Get(t.Context(), from.Value)
	if err != nil || own.ID == reader.ID || own.ID == follower.ID {
		t.Fatalf("%+v, %v", own, err)
	}
	rest, err := d.Get(t.Context(), reader.PublicID)
	if err != nil || len(rest.Addresses) != 1 || rest.LinkEpoch != 1 {
		t.Errorf("%+v, %v", rest, err)
	}
	if !slices.Equal(own.Sections, []string{"政策"}) || !slices.Equal(rest.Sections, []string{"政策"}) || own.Consent.Source == "" || own.PublicID == rest.PublicID {
		t.Errorf("%+v and %+v", own, rest)
	}
	if diff := cmp.Diff([2]int64{reader.ID, own.ID}, books.adopted[len(books.adopted)-1]); diff != "" {
		t.Error(diff)
	}
	// The old code binds nobody again.
	if _, err := d.Bind(t.Context(), o.Code, from, "chat", now); !errors.Is(err, ErrCode) {
		t.Errorf("the code of a binding that was undone: %v", err)
	}
}

func TestMerged(t *testing.T) {
	t.Parallel()
	early, late := day(2027, 1, 1), day(2027, 2, 1)
	mail := []ChannelAddress{{Address: Address{Channel: Email}, State: Active}}
	chat := []ChannelAddress{{Address: Address{Channel: WeChat}, State: Active}}
	gone := []ChannelAddress{{Address: Address{Channel: WeChat}, State: Unsubscribed}}
	both := slices.Concat(mail, chat)
	for name, c := range map[string]struct{ into, from, want Subscriber }{
		"all and some": {
			Subscriber{State: Active, Addresses: mail},
			Subscriber{State: Active, Addresses: chat, Sections: []string{"甲"}, Name: "沈", Groups: []string{"理事"}},
			Subscriber{State: Active, Addresses: both, Sections: []string{"甲"}, Name: "沈", Groups: []string{"理事"}},
		},
		"some and some": {
			Subscriber{State: Active, Addresses: mail, Sections: []string{"甲", "乙"}, Language: "en"},
			Subscriber{State: Active, Addresses: chat, Sections: []string{"乙", "丙"}, Language: "zh-CN"},
			Subscriber{State: Active, Addresses: both, Sections: []string{"乙"}, Language: "en"},
		},
		"nothing in common": {
			Subscriber{State: Active, Addresses: mail, Sections: []string{"甲"}},
			Subscriber{State: Active, Addresses: chat, Sections: []string{"丙"}},
			Subscriber{State: Active, Addresses: both, Sections: []string{"甲"}},
		},
		"one is paused": {
			Subscriber{State: Active, Addresses: mail},
			Subscriber{State: Paused, PausedUntil: late, Addresses: chat},
			Subscriber{State: Paused, PausedUntil: late, Addresses: both},
		},
		"both are paused": {
			Subscriber{State: Paused, PausedUntil: early, Addresses: mail},
			Subscriber{State: Paused, PausedUntil: late, Addresses: chat},
			Subscriber{State: Paused, PausedUntil: late, Addresses: both},
		},
		"one is paused without an end": {
			Subscriber{State: Paused, PausedUntil: early, Addresses: mail},
			Subscriber{State: Paused, Addresses: chat},
			Subscriber{State: Paused, Addresses: both},
		},
		"the follower has left": {
			Subscriber{State: Active, Addresses: mail},
			Subscriber{State: Unsubscribed, prior: Active, Addresses: gone},
			Subscriber{State: Active, Addresses: slices.Concat(mail, gone)},
		},
		"the reader has left": {
			Subscriber{State: Unsubscribed, prior: Active, Addresses: []ChannelAddress{{Address: Address{Channel: Email}, State: Unsubscribed}}},
			Subscriber{State: Active, Addresses: chat},
			Subscriber{State: Active, Addresses: []ChannelAddress{{Address: Address{Channel: Email}, State: Unsubscribed}, chat[0]}},
		},
	} {
		got := merged(c.into, c.from)
		if diff := cmp.Diff(c.want, got, cmp.AllowUnexported(Subscriber{}, ChannelAddress{}), cmp.Transformer("none", func(s []string) []string { return slices.Clip(append([]string{}, s...)) })); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
