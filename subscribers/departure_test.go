package subscribers

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

// TestDeparture: who leaves the account gets nothing there, the openid is forgotten,
// and all is as it was when they come back; who had unsubscribed stays away.
func TestDeparture(t *testing.T) {
	t.Parallel()
	d, _, reader, follower := chatDesk(t)
	now, from := chatNow(), follower.Addresses[0].Address
	if _, err := d.Do(t.Context(), Caller{ID: follower.PublicID, Channel: WeChat, Source: "chat"}, Choose{[]string{"政策"}}, now); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		gone, err := d.Depart(t.Context(), from, now)
		if err != nil || gone.State != Unsubscribed || gone.on(WeChat).Reason != Unfollowed {
			t.Fatalf("%+v, %v", gone, err)
		}
	}
	var csv bytes.Buffer
	if n, err := d.Export(t.Context(), &csv); err != nil || n != 1 || !strings.Contains(csv.String(), "shen@mail.example") {
		t.Errorf("exported %d, %v:\n%s", n, err, csv.String())
	}
	for _, table := range tables(t, d.Store) {
		_, rows := cells(t, d.Store, `SELECT * FROM `+table)
		for _, row := range rows {
			if strings.Contains(strings.Join(row, " "), from.Value) {
				t.Errorf("%s still has the openid: %v", table, row)
			}
		}
	}
	for range 2 {
		back, err := d.Return(t.Context(), from, now)
		if err != nil || back.ID != follower.ID || back.State != Active || back.on(WeChat).Value != from.Value || join(back.Sections) != "政策" {
			t.Fatalf("%+v, %v", back, err)
		}
	}
	// By their own word they stay away.
	if _, err := d.Do(t.Context(), Caller{ID: follower.PublicID, Channel: WeChat, Source: "chat"}, Unsubscribe{}, now); err != nil {
		t.Fatal(err)
	}
	if gone, err := d.Depart(t.Context(), from, now); err != nil || gone.on(WeChat).Reason != "chat" || gone.on(WeChat).Value != "" {
		t.Errorf("%+v, %v", gone, err)
	}
	if back, err := d.Return(t.Context(), from, now); err != nil || back.State != Unsubscribed || back.on(WeChat).Value != from.Value {
		t.Errorf("%+v, %v", back, err)
	}
	if _, err := d.Depart(t.Context(), mustWeChat(t, "oStranger_0001"), now); !errors.Is(err, ErrNotFound) {
		t.Errorf("a stranger: %v", err)
	}
	if got := mustGet(t, d.Store, reader.PublicID); got.State != Active {
		t.Errorf("somebody else: %+v", got)
	}
}
