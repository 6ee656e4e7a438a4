package subscribers

import (
	"bytes"
	"database/sql"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"yizhan/config"
	"yizhan/config/configtest"
)

const testSecret = "a secret of thirty-two characters"

// noon is when these tests happen.
func noon() time.Time { return time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC) }

// newStore returns an empty store on a database of its own.
func newStore(t testing.TB) *Store {
	t.Helper()
	db, err := config.Open(t.Context(), &config.Config{DataDir: t.TempDir(), Database: config.NewSecret(configtest.Database(t))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if err := db.Migrate(t.Context(), "subscribers_schema", Schema); err != nil {
		t.Fatal(err)
	}
	s, err := New(Options{Write: db.Write, Read: db.Read, Secret: []byte(testSecret)})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestOnPostgreSQL runs what is tested here on PostgreSQL, too.
func TestOnPostgreSQL(t *testing.T) { configtest.Again(t, ".", "TestQueriesUseIndexes|TestStatements") }

func mustEmail(t testing.TB, text string) Address {
	t.Helper()
	a, err := ParseEmail(text)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func mustWeChat(t testing.TB, text string) Address {
	t.Helper()
	a, err := ParseWeChat(text)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func mustAdd(t testing.TB, s *Store, e Entry) Subscriber {
	t.Helper()
	sub, err := s.Add(t.Context(), e, noon())
	if err != nil {
		t.Fatal(err)
	}
	return sub
}

func mustGet(t testing.TB, s *Store, key string) Subscriber {
	t.Helper()
	sub, err := s.Get(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	return sub
}

// same compares what is stored of subscribers, the unexported parts included.
func same() cmp.Option { return cmp.AllowUnexported(Subscriber{}, ChannelAddress{}) }

func TestAddAndGet(t *testing.T) {
	s := newStore(t)
	added := mustAdd(t, s, Entry{
		Addresses: []Address{mustWeChat(t, "oABCDEFGHIJKLMNOPQRSTUVWXYZ1"), mustEmail(t, "Li.Na@Example.ORG")},
		Name:      " 李　娜 ", Sections: []string{"行业动态", "政策法规;行业动态"}, Groups: []string{"理事"}, Language: "zh_cn",
		Consent: Consent{At: noon(), Source: "test", Text: "v1"},
	})
	if !isID(added.PublicID) || added.ID == 0 {
		t.Fatalf("added without ids: %+v", added)
	}
	want := Subscriber{
		ID: added.ID, PublicID: added.PublicID, Name: "李 娜", Sections: []string{"行业动态", "政策法规"}, Groups: []string{"理事"},
		Language: "zh-CN", State: Active, Consent: Consent{At: noon(), Source: "test", Text: "v1"},
		CreatedAt: noon(), ConfirmedAt: noon(), UpdatedAt: noon(),
		Addresses: []ChannelAddress{
			{Address: Address{Email, "Li.Na@example.org", "example.org"}, State: Active, UpdatedAt: noon()},
			{Address: Address{WeChat, "oABCDEFGHIJKLMNOPQRSTUVWXYZ1", ""}, State: Active, UpdatedAt: noon()},
		},
	}
	if diff := cmp.Diff(want, added, same(), cmpopts.IgnoreFields(ChannelAddress{}, "hash")); diff != "" {
		t.Errorf("Add (-want +got):\n%s", diff)
	}
	for _, key := range []string{"1", added.PublicID, "li.na@EXAMPLE.org", "ｌi.na＠example．org", "oABCDEFGHIJKLMNOPQRSTUVWXYZ1"} {
		if diff := cmp.Diff(added, mustGet(t, s, key), same()); diff != "" {
			t.Errorf("Get(%q) (-want +got):\n%s", key, diff)
		}
	}
	for _, key := range []string{"", "2", "other@example.org", strings.Repeat("a", 26), "oabcdefghijklmnopqrstuvwxyz1"} {
		if _, err := s.Get(t.Context(), key); !errors.Is(err, ErrNotFound) {
			t.Errorf("Get(%q) = %v, want ErrNotFound", key, err)
		}
	}
}

func TestAddRefuses(t *testing.T) {
	s := newStore(t)
	taken, left, suppressed := mustEmail(t, "taken@example.org"), mustEmail(t, "left@example.org"), mustEmail(t, "bounced@example.org")
	mustAdd(t, s, Entry{Addresses: []Address{taken}})
	gone := mustAdd(t, s, Entry{Addresses: []Address{left}})
	if _, err := s.Unsubscribe(t.Context(), gone.PublicID, Email, "link", noon()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Suppress(t.Context(), suppressed, "bounced", "", noon()); err != nil {
		t.Fatal(err)
	}
	fresh := mustEmail(t, "new@example.org")
	for name, tt := range map[string]struct {
		entry Entry
		want  error
		code  string
	}{
		"taken":        {entry: Entry{Addresses: []Address{mustEmail(t, "TAKEN@example.org")}}, want: ErrTaken},
		"unsubscribed": {entry: Entry{Addresses: []Address{left}}, want: ErrUnsubscribed},
		"suppressed":   {entry: Entry{Addresses: []Address{suppressed}}, want: ErrSuppressed},
		"no address":   {entry: Entry{}, code: "no-address"},
		"two emails":   {entry: Entry{Addresses: []Address{fresh, taken}}, code: "address-twice"},
		"state":        {entry: Entry{Addresses: []Address{fresh}, State: "asleep"}, code: "state"},
		"long name":    {entry: Entry{Addresses: []Address{fresh}, Name: strings.Repeat("名", 201)}, code: "too-long"},
		"control":      {entry: Entry{Addresses: []Address{fresh}, Name: "a\x07b"}, code: "control"},
		"not text":     {entry: Entry{Addresses: []Address{fresh}, Name: "a\xffb"}, code: "encoding"},
		"language":     {entry: Entry{Addresses: []Address{fresh}, Language: "Klingon!"}, code: "language"},
	} {
		_, err := s.Add(t.Context(), tt.entry, noon())
		var bad *Invalid
		switch {
		case tt.want != nil && !errors.Is(err, tt.want):
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		case tt.code != "" && (!errors.As(err, &bad) || bad.Code != tt.code):
			t.Errorf("%s: %v, want code %s", name, err, tt.code)
		}
	}
	if n, err := s.Count(t.Context(), Filter{}); err != nil || n != 2 {
		t.Errorf("refused entries were stored: %d, %v", n, err)
	}
}

func TestNewNeedsItsOptions(t *testing.T) {
	db := new(sql.DB)
	for name, o := range map[string]Options{
		"no handles":   {Secret: []byte(testSecret)},
		"short secret": {Write: db, Read: db, Secret: []byte("short")},
		"bad channel":  {Write: db, Read: db, Secret: []byte(testSecret), Channels: []string{"name"}},
	} {
		if _, err := New(o); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestListPagesAndFilters(t *testing.T) {
	s := newStore(t)
	for i, e := range []Entry{
		{Groups: []string{"理事", "会员"}},
		{Groups: []string{"会员"}, State: Paused},
		{Groups: []string{"100%_"}},
		{State: Pending},
		{State: Unsubscribed, Groups: []string{"会员"}},
	} {
		e.Addresses = []Address{mustEmail(t, string(rune('a'+i))+"@example.org")}
		mustAdd(t, s, e)
	}
	ids := func(f Filter) (ids []int64) {
		t.Helper()
		subs, err := s.List(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		for _, sub := range subs {
			ids = append(ids, sub.ID)
		}
		f.Limit = 0
		if n, err := s.Count(t.Context(), f); err != nil || (n != len(ids) && f.After == 0 && len(ids) != 2) {
			t.Errorf("Count(%+v) = %d, %v; List has %d", f, n, err, len(ids))
		}
		return ids
	}
	for _, tt := range []struct {
		filter Filter
		want   []int64
	}{
		{Filter{}, []int64{1, 2, 3, 4, 5}},
		{Filter{Limit: 2}, []int64{1, 2}},
		{Filter{After: 2, Limit: 2}, []int64{3, 4}},
		{Filter{After: 5}, nil},
		{Filter{State: Active}, []int64{1, 3}},
		{Filter{State: Pending}, []int64{4}},
		{Filter{Group: "会员"}, []int64{1, 2, 5}},
		{Filter{Group: "会"}, nil},
		{Filter{Group: "%"}, nil},
		{Filter{Group: "100%_"}, []int64{3}},
		{Filter{Group: "会员", State: Paused}, []int64{2}},
	} {
		if diff := cmp.Diff(tt.want, ids(tt.filter)); diff != "" {
			t.Errorf("List(%+v) (-want +got):\n%s", tt.filter, diff)
		}
	}
}

// A pause whose date has come is over for whoever looks for a state.
func TestPausesThatAreOver(t *testing.T) {
	s := newStore(t)
	d, _ := newDesk(t, s)
	sub := mustAdd(t, s, Entry{Addresses: []Address{mustEmail(t, "li@example.org")}})
	if _, err := d.Do(t.Context(), Caller{ID: sub.PublicID, Channel: Email}, Pause{Until: noon().Add(time.Hour)}, noon()); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		state State
		at    time.Time
		want  int
	}{
		{Paused, noon(), 1},
		{Active, noon(), 0},
		{Paused, noon().Add(time.Hour), 0},
		{Active, noon().Add(time.Hour), 1},
		{Paused, time.Time{}, 1},
		{"", noon(), 1},
	} {
		if n, err := s.Count(t.Context(), Filter{State: c.state, At: c.at}); err != nil || n != c.want {
			t.Errorf("%d are %q at %v, %v; want %d", n, c.state, c.at, err, c.want)
		}
	}
}

func TestIDsAreNeverUsedAgain(t *testing.T) {
	s := newStore(t)
	first := mustAdd(t, s, Entry{Addresses: []Address{mustEmail(t, "a@example.org")}})
	if _, err := s.Remove(t.Context(), "a@example.org", noon()); err != nil {
		t.Fatal(err)
	}
	second := mustAdd(t, s, Entry{Addresses: []Address{mustEmail(t, "b@example.org")}})
	if second.ID == first.ID {
		t.Error("a removed subscriber's id, to which deliveries refer, went to somebody else")
	}
}

func TestEraseLeavesOnlyTheHash(t *testing.T) {
	s := newStore(t)
	email, openid := mustEmail(t, "remember.me@example.org"), mustWeChat(t, "oREMEMBERME1234567890123456")
	sub := mustAdd(t, s, Entry{Addresses: []Address{email, openid}, Name: "难忘的名字"})
	if _, err := s.Suppress(t.Context(), email, "complaint", "550 <remember.me@example.org> said no", noon()); err != nil {
		t.Fatal(err)
	}
	gone, err := s.Erase(t.Context(), "remember.me@example.org", noon())
	if err != nil {
		t.Fatal(err)
	}
	want := Erasure{ID: sub.ID, PublicID: sub.PublicID, Hashes: []ChannelAndHash{{Email, s.Hash(email)}, {WeChat, s.Hash(openid)}}}
	if diff := cmp.Diff(want, gone); diff != "" {
		t.Errorf("Erase (-want +got):\n%s", diff)
	}
	list, err := s.Suppressions(t.Context(), SuppressionFilter{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Suppression{
		{Channel: Email, Hash: s.Hash(email), Reason: "complaint", CreatedAt: noon()},
		{Channel: WeChat, Hash: s.Hash(openid), Reason: "erased", CreatedAt: noon()},
	}, list); diff != "" {
		t.Errorf("suppressions (-want +got):\n%s", diff)
	}
	if text := dump(t, s.read); strings.Contains(text, "remember.me") || strings.Contains(text, "REMEMBERME") || strings.Contains(text, "难忘") {
		t.Errorf("a table still knows the erased person:\n%s", text)
	}
	if _, err := s.Add(t.Context(), Entry{Addresses: []Address{email}}, noon()); !errors.Is(err, ErrSuppressed) {
		t.Errorf("adding an erased address: %v, want ErrSuppressed", err)
	}
	if _, err := s.Erase(t.Context(), "stranger@example.org", noon()); !errors.Is(err, ErrNotFound) {
		t.Errorf("erasing a stranger: %v, want ErrNotFound", err)
	}
}

func TestEraseFromTheSuppressionListAlone(t *testing.T) {
	s := newStore(t)
	a := mustEmail(t, "spam.trap@example.org")
	if _, err := s.Suppress(t.Context(), a, "bounced", "550 spam.trap unknown", noon()); err != nil {
		t.Fatal(err)
	}
	gone, err := s.Erase(t.Context(), "SPAM.trap@example.org", noon())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Erasure{Hashes: []ChannelAndHash{{Email, s.Hash(a)}}}, gone); diff != "" {
		t.Errorf("Erase (-want +got):\n%s", diff)
	}
	if text := dump(t, s.read); strings.Contains(text, "spam.trap") {
		t.Errorf("the suppression list still has the address:\n%s", text)
	}
}

// dump returns everything in this package's tables.
func dump(t testing.TB, db *sql.DB) string {
	t.Helper()
	var text bytes.Buffer
	for _, table := range []string{"subscribers", "addresses", "suppressions", "consents", "requests", "moves", "letters", "consent_texts", "address_key"} {
		rows, err := db.QueryContext(t.Context(), "SELECT * FROM "+table+" ORDER BY "+map[bool]string{true: "1, 2", false: "1"}[table != "address_key"])
		if err != nil {
			t.Fatal(err)
		}
		columns, err := rows.Columns()
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			cells, targets := make([]sql.NullString, len(columns)), make([]any, len(columns))
			for i := range cells {
				targets[i] = &cells[i]
			}
			if err := rows.Scan(targets...); err != nil {
				t.Fatal(err)
			}
			text.WriteString(table)
			for i, c := range cells {
				text.WriteString("|" + columns[i] + "=" + c.String)
			}
			text.WriteString("\n")
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		rows.Close()
	}
	return text.String()
}
