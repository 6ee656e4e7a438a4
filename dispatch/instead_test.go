package dispatch_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"yizhan/dispatch"
	"yizhan/dispatch/dispatchtest"
	"yizhan/subscribers"
)

// Who has stopped following gets the issue by mail when they have an address and
// would not get it by mail anyway; nobody else does, and nobody twice.
func TestInstead(t *testing.T) {
	f := dispatchtest.Open(t)
	mail, chat := &dispatchtest.Carrier{}, &dispatchtest.Carrier{ChannelName: "wechat"}
	now := time.Now()
	add := func(email, openid string) subscribers.Subscriber {
		t.Helper()
		var addresses []subscribers.Address
		for channel, value := range map[string]string{subscribers.Email: email, subscribers.WeChat: openid} {
			if value == "" {
				continue
			}
			a, err := subscribers.ParseAddress(channel, value)
			if err != nil {
				t.Fatal(err)
			}
			addresses = append(addresses, a)
		}
		sub, err := f.People.Add(t.Context(), subscribers.Entry{Addresses: addresses, State: subscribers.Active, Consent: subscribers.Consent{At: now, Source: "test"}}, now)
		if err != nil {
			t.Fatal(err)
		}
		return sub
	}
	leave := func(sub subscribers.Subscriber, channel, reason string) {
		t.Helper()
		if _, err := f.People.Unsubscribe(t.Context(), sub.PublicID, channel, reason, now); err != nil {
			t.Fatal(err)
		}
	}
	add("stays@example.org", "oStays0001")
	add("mail@example.org", "")
	gone := add("gone@example.org", "oGone00001")
	leave(gone, subscribers.WeChat, subscribers.Unfollowed)
	asked := add("asked@example.org", "oAsked0001")
	leave(asked, subscribers.WeChat, "link")
	both := add("both@example.org", "oBoth00001")
	leave(both, subscribers.WeChat, subscribers.Unfollowed)
	leave(both, subscribers.Email, "link")
	alone := add("", "oAlone0001")
	leave(alone, subscribers.WeChat, subscribers.Unfollowed)
	later := add("later@example.org", "oLater0001")

	instead := map[string]dispatch.Channel{"wechat": mail}
	plan := func(id string, s dispatch.Selection, channels ...dispatch.Channel) error {
		t.Helper()
		p := dispatchtest.Planning(id, s, channels...)
		p.Instead = instead
		_, err := f.Ledger.Plan(t.Context(), p, nil)
		return err
	}
	have := func(id string, want ...string) {
		t.Helper()
		var got []string
		for _, r := range f.Records(t, id) {
			got = append(got, r.Address)
		}
		slices.Sort(got)
		want = slices.Sorted(slices.Values(want))
		if !slices.Equal(got, want) {
			t.Errorf("issue %s goes to %v, want %v", id, got, want)
		}
	}
	if err := plan("142", dispatch.SelectFirst, chat); err != nil {
		t.Fatal(err)
	}
	have("142", "oStays0001", "oLater0001", "gone@example.org")

	// Somebody else leaves: they are new by mail, and the rest of the readers by mail
	// are not.
	leave(later, subscribers.WeChat, subscribers.Unfollowed)
	if err := plan("142", dispatch.SelectNew, mail); err != nil {
		t.Fatal(err)
	}
	have("142", "oStays0001", "oLater0001", "gone@example.org", "later@example.org")

	// The first run by mail is still to come, and leaves out who has it.
	if err := plan("142", dispatch.SelectFirst, mail); err != nil {
		t.Fatal(err)
	}
	have("142", "oStays0001", "oLater0001", "gone@example.org", "later@example.org", "stays@example.org", "mail@example.org", "asked@example.org")
	if err := plan("142", dispatch.SelectFirst, mail); !errors.Is(err, dispatch.ErrPlanned) {
		t.Errorf("twice: %v", err)
	}

	// A run by mail, too, needs nothing instead; nor does one after it.
	if err := plan("143", dispatch.SelectFirst, chat, mail); err != nil {
		t.Fatal(err)
	}
	all := []string{"oStays0001", "stays@example.org", "mail@example.org", "gone@example.org", "asked@example.org", "later@example.org"}
	have("143", all...)
	if err := plan("144", dispatch.SelectFirst, mail); err != nil {
		t.Fatal(err)
	}
	have("144", all[1:]...)
	if err := plan("144", dispatch.SelectFirst, chat); err != nil {
		t.Fatal(err)
	}
	have("144", all...)
}
