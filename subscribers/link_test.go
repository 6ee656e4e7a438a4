package subscribers

import (
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func newLinks(t testing.TB, secret string, old ...string) *Links {
	t.Helper()
	o := LinkOptions{PublicURL: "https://news.example.org/", Secret: []byte(secret)}
	for _, s := range old {
		o.Old = append(o.Old, []byte(s))
	}
	l, err := NewLinks(o)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

const (
	secretA = "the first secret, long enough"
	secretB = "the second secret, long enough"
)

func TestLinksOpenWhatTheySigned(t *testing.T) {
	l := newLinks(t, secretA)
	rapid.Check(t, func(t *rapid.T) {
		id := newPublicID()
		channel := rapid.StringMatching(`[a-z][a-z0-9]{0,15}`).Draw(t, "channel")
		purpose := rapid.SampledFrom(purposes()).Draw(t, "purpose")
		expires := rapid.SampledFrom([]time.Time{{}, noon().Add(time.Second)}).Draw(t, "expires")
		want := Token{purpose, id, channel, rapid.IntRange(0, 0xffff).Draw(t, "epoch"), expires}
		token := l.Sign(want)
		got, err := l.Open(purpose, token, noon())
		if err != nil || got != want {
			t.Fatalf("Open(%s) = %+v, %v", token, got, err)
		}
		if len(token) > maxToken || url.QueryEscape(token) != token {
			t.Fatalf("the token %s is too long or needs escaping", token)
		}
	})
}

func TestLinksHaveOneLength(t *testing.T) {
	l := newLinks(t, secretA)
	for _, p := range purposes() {
		want := len(l.Placeholder(p, Email))
		for _, token := range []Token{{Purpose: p, Channel: Email}, {Purpose: p, Channel: Email, Epoch: 0xffff, Expires: noon()}} {
			token.ID = newPublicID()
			if got := l.URL(token); len(got) != want {
				t.Errorf("%s has length %d, the placeholder %d", got, len(got), want)
			}
		}
	}
	want := len(l.Placeholder(ToUnsubscribe, Email))
	for range 100 {
		if got := l.Unsubscribe(newPublicID(), Email); len(got) != want || !strings.HasPrefix(got, "https://news.example.org/unsubscribe?t=v1.") {
			t.Fatalf("%s has length %d, the placeholder %d", got, len(got), want)
		}
	}
	u, err := url.Parse(l.Placeholder(ToUnsubscribe, Email))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Open(ToUnsubscribe, u.Query().Get("t"), noon()); !errors.Is(err, ErrLink) {
		t.Errorf("the placeholder opens: %v", err)
	}
}

func TestLinksRefuse(t *testing.T) {
	l, id := newLinks(t, secretA), newPublicID()
	good := l.Sign(Token{Purpose: ToUnsubscribe, ID: id, Channel: Email})
	for name, tt := range map[string]struct {
		purpose Purpose
		token   string
		want    error
	}{
		"empty":             {ToUnsubscribe, "", ErrLink},
		"other purpose":     {ToUndo, good, ErrLink},
		"unknown purpose":   {"rule", strings.Replace(good, "unsubscribe", "rule", 1), ErrLink},
		"another epoch":     {ToUnsubscribe, strings.Replace(good, ".0000.", ".0001.", 1), ErrLink},
		"renamed purpose":   {ToUndo, strings.Replace(good, "unsubscribe", "undo", 1), ErrLink},
		"other key":         {ToUnsubscribe, newLinks(t, secretB).Sign(Token{Purpose: ToUnsubscribe, ID: id, Channel: Email}), ErrLink},
		"another's id":      {ToUnsubscribe, strings.Replace(good, id, newPublicID(), 1), ErrLink},
		"another channel":   {ToUnsubscribe, strings.Replace(good, ".email.", ".wechat.", 1), ErrLink},
		"upper case":        {ToUnsubscribe, strings.ToUpper(good), ErrLink},
		"other version":     {ToUnsubscribe, strings.Replace(good, "v1.", "v2.", 1), ErrLink},
		"cut off":           {ToUnsubscribe, good[:len(good)-1], ErrLink},
		"something added":   {ToUnsubscribe, good + "a", ErrLink},
		"a field added":     {ToUnsubscribe, good + ".", ErrLink},
		"far too long":      {ToUnsubscribe, strings.Repeat("a", 1<<20), ErrLink},
		"expired":           {ToUndo, l.Sign(Token{Purpose: ToUndo, ID: id, Channel: Email, Expires: noon()}), ErrExpired},
		"longer than asked": {ToUndo, strings.Replace(l.Sign(Token{Purpose: ToUndo, ID: id, Channel: Email, Expires: noon().Add(-time.Hour)}), ".6", ".7", 1), ErrLink},
	} {
		if _, err := l.Open(tt.purpose, tt.token, noon()); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
}

func TestEveryBitOfALinkCounts(t *testing.T) {
	l := newLinks(t, secretA)
	for _, p := range purposes() {
		token := l.Sign(Token{Purpose: p, ID: newPublicID(), Channel: Email, Expires: noon().Add(time.Hour)})
		for i := range token {
			for bit := range 8 {
				flipped := []byte(token)
				flipped[i] ^= 1 << bit
				if _, err := l.Open(p, string(flipped), noon()); !errors.Is(err, ErrLink) {
					t.Fatalf("%s opens like %s: %v", flipped, token, err)
				}
			}
		}
	}
}

func TestLinksOutliveTheirKey(t *testing.T) {
	id := newPublicID()
	token := newLinks(t, secretA).Sign(Token{Purpose: ToUnsubscribe, ID: id, Channel: Email})
	rotated := newLinks(t, secretB, secretA)
	if got, err := rotated.Open(ToUnsubscribe, token, noon().AddDate(20, 0, 0)); err != nil || got.ID != id {
		t.Errorf("after a rotation and 20 years: %s, %v", got.ID, err)
	}
	if fresh := rotated.Sign(Token{Purpose: ToUnsubscribe, ID: id, Channel: Email}); fresh == token || fresh != newLinks(t, secretB).Sign(Token{Purpose: ToUnsubscribe, ID: id, Channel: Email}) {
		t.Error("the newest key does not sign")
	}
}

func TestNewLinksChecksItsOptions(t *testing.T) {
	for name, o := range map[string]LinkOptions{
		"no URL":       {Secret: []byte(secretA)},
		"relative":     {PublicURL: "/news", Secret: []byte(secretA)},
		"script":       {PublicURL: "javascript:alert(1)", Secret: []byte(secretA)},
		"query":        {PublicURL: "https://example.org/?a=b", Secret: []byte(secretA)},
		"password":     {PublicURL: "https://u:p@example.org/", Secret: []byte(secretA)},
		"no secret":    {PublicURL: "https://example.org"},
		"short secret": {PublicURL: "https://example.org", Secret: []byte("short")},
		"short old":    {PublicURL: "https://example.org", Secret: []byte(secretA), Old: [][]byte{nil}},
	} {
		if _, err := NewLinks(o); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func FuzzOpen(f *testing.F) {
	l := newLinks(f, secretA)
	id := strings.Repeat("a", idLength)
	good := l.Sign(Token{Purpose: ToUnsubscribe, ID: id, Channel: Email})
	f.Add(good)
	f.Add(l.Sign(Token{Purpose: ToUndo, ID: id, Channel: WeChat, Expires: noon()}))
	f.Add("v1......")
	f.Fuzz(func(t *testing.T, token string) {
		got, err := l.Open(ToUnsubscribe, token, noon())
		if err == nil && l.Sign(got) != token {
			t.Errorf("%q opens and was never signed", token)
		}
	})
}
