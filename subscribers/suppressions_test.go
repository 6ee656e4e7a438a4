package subscribers

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestSuppressions(t *testing.T) {
	s := newStore(t)
	a, b := mustEmail(t, "a@example.org"), mustWeChat(t, "oABCDEFGH")
	for i, want := range []bool{true, false} {
		isNew, err := s.Suppress(t.Context(), a, []string{"bounced", "complaint"}[i], "550", noon().Add(time.Duration(i)*time.Hour))
		if err != nil || isNew != want {
			t.Errorf("time %d: %t, %v", i+1, isNew, err)
		}
	}
	if _, err := s.Suppress(t.Context(), b, "manual", "", noon()); err != nil {
		t.Fatal(err)
	}
	email := Suppression{Channel: Email, Hash: s.Hash(a), Address: "a@example.org", Reason: "bounced", Detail: "550", CreatedAt: noon()}
	wechat := Suppression{Channel: WeChat, Hash: s.Hash(b), Address: "oABCDEFGH", Reason: "manual", CreatedAt: noon()}
	for _, tt := range []struct {
		filter SuppressionFilter
		want   []Suppression
	}{
		{SuppressionFilter{}, []Suppression{email, wechat}},
		{SuppressionFilter{Limit: 1}, []Suppression{email}},
		{SuppressionFilter{After: ChannelAndHash{Email, s.Hash(a)}, Limit: 1}, []Suppression{wechat}},
		{SuppressionFilter{After: ChannelAndHash{WeChat, s.Hash(b)}}, []Suppression{}},
		{SuppressionFilter{Channel: WeChat}, []Suppression{wechat}},
		{SuppressionFilter{Reason: "bounced"}, []Suppression{email}},
	} {
		got, err := s.Suppressions(t.Context(), tt.filter)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("Suppressions(%+v) (-want +got):\n%s", tt.filter, diff)
		}
	}
	if err := s.Unsuppress(t.Context(), "A@example.org"); err != nil {
		t.Errorf("by address: %v", err)
	}
	if err := s.Unsuppress(t.Context(), s.Hash(b)); err != nil {
		t.Errorf("by hash: %v", err)
	}
	if err := s.Unsuppress(t.Context(), "a@example.org"); !errors.Is(err, ErrNotFound) {
		t.Errorf("twice: %v, want ErrNotFound", err)
	}
	if got, err := s.Suppressions(t.Context(), SuppressionFilter{}); err != nil || len(got) != 0 {
		t.Errorf("left over: %v, %v", got, err)
	}
}

func TestHashIsKeyedAndNormalised(t *testing.T) {
	s, other := newStore(t), newStore(t)
	other.key = []byte("another key")
	a := mustEmail(t, "Li.Na@example.org")
	if s.Hash(a) != s.Hash(mustEmail(t, "li.na@EXAMPLE.org")) {
		t.Error("the case of a mailbox changes its hash: a suppressed person would be mailed")
	}
	if s.Hash(a) == other.Hash(a) {
		t.Error("the hash does not depend on the key")
	}
	if s.Hash(Address{Channel: "x", Value: "same"}) == s.Hash(Address{Channel: "y", Value: "same"}) {
		t.Error("the hash does not depend on the channel")
	}
	if !isID(s.Hash(a)) {
		t.Errorf("hash %q", s.Hash(a))
	}
}
