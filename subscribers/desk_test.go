package subscribers

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// waiting lists the letters that no run has taken, as "kind address language".
func waiting(t testing.TB, s *Store) []string {
	t.Helper()
	rows, err := s.read.QueryContext(t.Context(), `SELECT kind, address, language FROM (`+WaitingLetters+`) w ORDER BY id`, int64(1)<<50)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	out := []string{}
	for rows.Next() {
		var kind, address, language string
		if err := rows.Scan(&kind, &address, &language); err != nil {
			t.Fatal(err)
		}
		out = append(out, kind+" "+address+" "+language)
	}
	return out
}

func count(t testing.TB, s *Store, query string) (n int) {
	t.Helper()
	if err := s.read.QueryRowContext(t.Context(), query).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// ask does a command of anybody and works on it.
func ask(t testing.TB, d *Desk, c Command, now time.Time) {
	t.Helper()
	if _, err := d.Do(t.Context(), Caller{Channel: Email, Source: "/subscribe", Network: "192.0.2.0/24"}, c, now); err != nil {
		t.Fatal(err)
	}
	if err := d.Attend(t.Context(), now); err != nil {
		t.Fatal(err)
	}
}

func do(t testing.TB, d *Desk, id string, c Command, now time.Time) Reply {
	t.Helper()
	reply, err := d.Do(t.Context(), Caller{ID: id, Channel: Email, Source: "/manage"}, c, now)
	if err != nil {
		t.Fatal(err)
	}
	return reply
}

func TestWhoSignsUpGetsWhichLetter(t *testing.T) {
	const address = "li@example.org"
	for name, tt := range map[string]struct {
		before func(t *testing.T, s *Store)
		want   []string // of Subscribe
		link   []string // of SendLink
		state  State
	}{
		"a stranger": {want: []string{"confirm " + address + " en"}, state: Pending},
		"a subscriber": {
			before: func(t *testing.T, s *Store) {
				mustAdd(t, s, Entry{Addresses: []Address{mustEmail(t, address)}, Language: "zh-CN"})
			},
			want: []string{"manage " + address + " zh-CN"}, link: []string{"manage " + address + " zh-CN"}, state: Active,
		},
		"somebody paused": {
			before: func(t *testing.T, s *Store) {
				mustAdd(t, s, Entry{Addresses: []Address{mustEmail(t, address)}, State: Paused})
			},
			want: []string{"manage " + address + " en"}, link: []string{"manage " + address + " en"}, state: Paused,
		},
		"somebody who left": {
			before: func(t *testing.T, s *Store) {
				mustAdd(t, s, Entry{Addresses: []Address{mustEmail(t, address)}, State: Unsubscribed})
			},
			want: []string{"confirm " + address + " en"}, link: []string{"confirm " + address + " en"}, state: Unsubscribed,
		},
		"a dead mailbox": {
			before: func(t *testing.T, s *Store) {
				if _, err := s.Suppress(t.Context(), mustEmail(t, address), "bounced", "", noon()); err != nil {
					t.Fatal(err)
				}
			},
		},
		"somebody erased": {
			before: func(t *testing.T, s *Store) {
				mustAdd(t, s, Entry{Addresses: []Address{mustEmail(t, address)}})
				if _, err := s.Erase(t.Context(), address, noon()); err != nil {
					t.Fatal(err)
				}
			},
			want: []string{"confirm " + address + " en"}, state: Pending,
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, c := range []Command{
				Subscribe{Address: mustEmail(t, address), Name: "李", Sections: []string{"要闻"}, Language: "en", Text: "v"},
				SendLink{Address: mustEmail(t, address), Language: "en"},
			} {
				s := newStore(t)
				d, _ := newDesk(t, s)
				if tt.before != nil {
					tt.before(t, s)
				}
				var before Subscriber
				known := false
				if sub, err := s.Get(t.Context(), address); err == nil {
					before, known = sub, true
				}
				ask(t, d, c, noon())
				want := tt.want
				if _, link := c.(SendLink); link {
					want = tt.link
				}
				if diff := cmp.Diff(append([]string{}, want...), waiting(t, s)); diff != "" {
					t.Errorf("%T (-want +got):\n%s", c, diff)
				}
				if known {
					if diff := cmp.Diff(before, mustGet(t, s, address), same()); diff != "" {
						t.Errorf("%T changed a subscriber (-want +got):\n%s", c, diff)
					}
				} else if _, link := c.(SendLink); !link && tt.state != "" {
					if got := mustGet(t, s, address); got.State != tt.state || got.Name != "李" || !slices.Equal(got.Sections, []string{"要闻"}) || !got.ConfirmedAt.IsZero() {
						t.Errorf("got %+v", got)
					}
				}
				if n := count(t, s, `SELECT COUNT(*) FROM requests WHERE content <> ''`); n != 0 {
					t.Errorf("%d requests that are done still hold what was entered", n)
				}
			}
		})
	}
}

// TestConfirm: confirming makes a subscriber, brings back who left, may be
// repeated, and is in the log with the version of the text.
func TestConfirm(t *testing.T) {
	for name, before := range map[string]func(t *testing.T, s *Store){
		"a stranger": func(*testing.T, *Store) {},
		"who left": func(t *testing.T, s *Store) {
			mustAdd(t, s, Entry{Addresses: []Address{mustEmail(t, "li@example.org")}, State: Unsubscribed})
		},
		"who left while paused": func(t *testing.T, s *Store) {
			sub := mustAdd(t, s, Entry{Addresses: []Address{mustEmail(t, "li@example.org")}, State: Paused})
			if _, err := s.Unsubscribe(t.Context(), sub.PublicID, Email, "link", noon()); err != nil {
				t.Fatal(err)
			}
		},
		"erased": func(t *testing.T, s *Store) {
			mustAdd(t, s, Entry{Addresses: []Address{mustEmail(t, "li@example.org")}})
			if _, err := s.Erase(t.Context(), "li@example.org", noon()); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t)
			d, _ := newDesk(t, s)
			before(t, s)
			ask(t, d, Subscribe{Address: mustEmail(t, "li@example.org"), Text: "zh-CN 1234"}, noon())
			id := mustGet(t, s, "li@example.org").PublicID
			for _, want := range []bool{true, false} {
				if reply := do(t, d, id, Confirm{}, noon().Add(time.Minute)); reply.Changed != want || reply.Subscriber.State != Active {
					t.Errorf("got %+v, want changed %t", reply, want)
				}
			}
			got := mustGet(t, s, id)
			if got.State != Active || got.on(Email).State != Active || got.Consent != (Consent{At: noon().Add(time.Minute), Source: "/manage", Text: "zh-CN 1234"}) {
				t.Errorf("got %+v", got)
			}
			if n := count(t, s, `SELECT COUNT(*) FROM suppressions`); n != 0 {
				t.Errorf("%d addresses are still suppressed", n)
			}
			log, err := s.Consents(t.Context(), got.ID)
			if err != nil {
				t.Fatal(err)
			}
			last := log[len(log)-1]
			if last != (ConsentEntry{At: noon().Add(time.Minute), Act: actConfirmed, Channel: Email, Source: "/manage", Text: "zh-CN 1234"}) {
				t.Errorf("the log ends with %+v", last)
			}
		})
	}
}

// A complaint or a dead mailbox is not lifted by a confirmation.
func TestConfirmLiftsNoBounce(t *testing.T) {
	s := newStore(t)
	d, _ := newDesk(t, s)
	ask(t, d, Subscribe{Address: mustEmail(t, "li@example.org")}, noon())
	if _, err := s.Suppress(t.Context(), mustEmail(t, "li@example.org"), "complaint", "", noon()); err != nil {
		t.Fatal(err)
	}
	do(t, d, mustGet(t, s, "li@example.org").PublicID, Confirm{}, noon())
	if n := count(t, s, `SELECT COUNT(*) FROM suppressions`); n != 1 {
		t.Errorf("%d suppressions, want 1", n)
	}
}

func TestCommands(t *testing.T) {
	s := newStore(t)
	d, _ := newDesk(t, s)
	id := mustAdd(t, s, Entry{Addresses: []Address{mustEmail(t, "li@example.org")}}).PublicID
	later := noon().AddDate(0, 1, 0)
	for _, tt := range []struct {
		command Command
		changed bool
		check   func(Subscriber) bool
	}{
		{Choose{Sections: []string{"要闻", " 会员 "}}, true, func(s Subscriber) bool { return slices.Equal(s.Sections, []string{"要闻", "会员"}) }},
		{Choose{Sections: []string{"要闻", "会员"}}, false, nil},
		{Choose{}, true, func(s Subscriber) bool { return len(s.Sections) == 0 }},
		{Speak{"en"}, true, func(s Subscriber) bool { return s.Language == "en" }},
		{Rename{" 李  娜 "}, true, func(s Subscriber) bool { return s.Name == "李 娜" }},
		{Pause{later}, true, func(s Subscriber) bool {
			return s.StateAt(noon()) == Paused && s.StateAt(later.Add(-1)) == Paused && s.StateAt(later) == Active
		}},
		{Pause{later}, false, nil},
		{Pause{}, true, func(s Subscriber) bool { return s.StateAt(noon().AddDate(9, 0, 0)) == Paused }},
		{Resume{}, true, func(s Subscriber) bool { return s.State == Active && s.PausedUntil.IsZero() }},
		{Resume{}, false, nil},
		{Unsubscribe{}, true, func(s Subscriber) bool { return s.State == Unsubscribed }},
		{Unsubscribe{}, false, nil},
		{Explain{"too-often"}, true, nil},
		{Pause{later}, false, nil},
		{Undo{}, true, func(s Subscriber) bool { return s.State == Active }},
		{Undo{}, false, nil},
		{Unsubscribe{All: true}, true, func(s Subscriber) bool { return s.State == Unsubscribed }},
		{Undo{}, true, func(s Subscriber) bool { return s.State == Active }},
		{Revoke{}, true, func(s Subscriber) bool { return s.LinkEpoch == 1 }},
		{Stay{}, false, nil},
	} {
		reply := do(t, d, id, tt.command, noon())
		stored := mustGet(t, s, id)
		if reply.Changed != tt.changed || tt.check != nil && !tt.check(stored) {
			t.Errorf("%T: changed %t, %+v", tt.command, reply.Changed, stored)
		}
		if diff := cmp.Diff(stored, reply.Subscriber, same()); diff != "" {
			t.Errorf("%T: the reply is not what is stored (-stored +reply):\n%s", tt.command, diff)
		}
	}
	for _, c := range []Command{
		Pause{noon()},
		Pause{noon().AddDate(2, 0, 0)},
		Speak{"!"},
		Rename{strings.Repeat("长", 201)},
		Choose{[]string{strings.Repeat("长", 201)}},
		Explain{strings.Repeat("长", 501)},
	} {
		var bad *Invalid
		if _, err := d.Do(t.Context(), Caller{ID: id, Channel: Email}, c, noon()); !errors.As(err, &bad) {
			t.Errorf("%T: %v, want Invalid", c, err)
		}
	}
	if _, err := d.Do(t.Context(), Caller{ID: newPublicID(), Channel: Email}, Resume{}, noon()); !errors.Is(err, ErrNotFound) {
		t.Errorf("a stranger: %v", err)
	}
}

// TestMove: the new address is asked and the old one told; a link that went to one
// address confirms no other; afterwards the links that went to the old one are
// worthless.
func TestMove(t *testing.T) {
	s := newStore(t)
	d, _ := newDesk(t, s)
	sub := mustAdd(t, s, Entry{Addresses: []Address{mustEmail(t, "old@example.org")}, Language: "en"})
	first, second := mustEmail(t, "first@example.org"), mustEmail(t, "second@example.org")
	who := Caller{ID: sub.PublicID, Channel: Email, Source: "/manage", Network: "n"}
	for _, to := range []Address{first, second} {
		if _, err := d.Do(t.Context(), who, Move{To: to}, noon()); err != nil {
			t.Fatal(err)
		}
		if err := d.Attend(t.Context(), noon()); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]string{
		"move first@example.org en", "moving old@example.org en", "move second@example.org en", "moving old@example.org en",
	}, waiting(t, s)); diff != "" {
		t.Errorf("letters (-want +got):\n%s", diff)
	}
	arrive := func(to Address) error {
		_, err := d.Do(t.Context(), Caller{ID: s.MoveID(sub.PublicID, to), Channel: Email, Source: "/confirm/address"}, ConfirmMove{}, noon())
		return err
	}
	if err := arrive(first); !errors.Is(err, ErrNotFound) {
		t.Errorf("the link to the first address: %v", err)
	}
	if err := arrive(second); err != nil {
		t.Fatal(err)
	}
	if err := arrive(second); !errors.Is(err, ErrNotFound) {
		t.Errorf("the second time: %v", err)
	}
	got := mustGet(t, s, sub.PublicID)
	if got.on(Email).Value != second.Value || got.LinkEpoch != 1 || got.State != Active {
		t.Errorf("got %+v", got)
	}
	if letters := waiting(t, s); letters[len(letters)-1] != "moved old@example.org en" {
		t.Errorf("the old address is not told: %v", letters)
	}
}

func TestMoveToSomebodyElses(t *testing.T) {
	s := newStore(t)
	d, _ := newDesk(t, s)
	mover := mustAdd(t, s, Entry{Addresses: []Address{mustEmail(t, "old@example.org")}})
	mustAdd(t, s, Entry{Addresses: []Address{mustEmail(t, "taken@example.org")}})
	who := Caller{ID: mover.PublicID, Channel: Email, Network: "n"}
	for _, to := range []string{"taken@example.org", "old@example.org", "new@example.org"} {
		if _, err := d.Do(t.Context(), who, Move{To: mustEmail(t, to)}, noon()); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Attend(t.Context(), noon()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"manage taken@example.org zh-CN", "move new@example.org zh-CN", "moving old@example.org zh-CN"}, waiting(t, s)); diff != "" {
		t.Errorf("letters (-want +got):\n%s", diff)
	}
	// Taken while the mail was on its way.
	mustAdd(t, s, Entry{Addresses: []Address{mustEmail(t, "new@example.org")}})
	_, err := d.Do(t.Context(), Caller{ID: s.MoveID(mover.PublicID, mustEmail(t, "new@example.org")), Channel: Email}, ConfirmMove{}, noon())
	if !errors.Is(err, ErrTaken) {
		t.Errorf("got %v, want ErrTaken", err)
	}
	if reply := do(t, d, mover.PublicID, Stay{}, noon()); !reply.Changed {
		t.Error("there was nothing to drop")
	}
}

// TestBombing: ten thousand posts from one network and from many leave bounded
// rows and mails, and one address gets few whoever asks.
func TestBombing(t *testing.T) {
	for name, network := range map[string]func(i int) string{
		"one network":   func(int) string { return "192.0.2.0/24" },
		"many networks": func(i int) string { return fmt.Sprintf("10.%d.%d.0/24", i/256, i%256) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t)
			d, _ := newDesk(t, s)
			now := noon()
			for i := range 10_000 {
				c := Subscribe{Address: mustEmail(t, fmt.Sprintf("victim%d@example.org", i)), Language: "en"}
				if _, err := d.Do(t.Context(), Caller{Source: "/subscribe", Network: network(i)}, c, now); err != nil {
					t.Fatal(err)
				}
				if i%500 == 0 {
					if err := d.Attend(t.Context(), now); err != nil {
						t.Fatal(err)
					}
					now = now.Add(time.Second)
				}
			}
			for range 10 {
				if err := d.Attend(t.Context(), now); err != nil {
					t.Fatal(err)
				}
			}
			limit := perHour
			if name == "one network" {
				limit = perNetworkMinute
			}
			if n := len(waiting(t, s)); n == 0 || n > limit {
				t.Errorf("%d mails, at most %d", n, limit)
			}
			if n := count(t, s, `SELECT COUNT(*) FROM subscribers`); n > limit {
				t.Errorf("%d subscribers, at most %d", n, limit)
			}
			if n := count(t, s, `SELECT COUNT(*) FROM requests`); n > maxWaiting+limit {
				t.Errorf("%d requests, at most %d", n, maxWaiting+limit)
			}
			if n := count(t, s, `SELECT COUNT(*) FROM requests WHERE done_at = 0`); n > maxWaiting {
				t.Errorf("%d requests wait, at most %d", n, maxWaiting)
			}
			// What has waited does not go out at once.
			before := len(waiting(t, s))
			now = now.Add(2 * time.Hour)
			for range 30 {
				if err := d.Attend(t.Context(), now); err != nil {
					t.Fatal(err)
				}
			}
			if n := len(waiting(t, s)) - before; n > perHour {
				t.Errorf("%d mails in one go, at most %d", n, perHour)
			}
		})
	}
	t.Run("one address", func(t *testing.T) {
		s := newStore(t)
		d, _ := newDesk(t, s)
		now := noon()
		for i := range 200 {
			c := Subscribe{Address: mustEmail(t, "victim@example.org")}
			if _, err := d.Do(t.Context(), Caller{Network: fmt.Sprint(i)}, c, now); err != nil {
				t.Fatal(err)
			}
			if err := d.Attend(t.Context(), now); err != nil {
				t.Fatal(err)
			}
			now = now.Add(5 * time.Minute) // sixteen hours in all
		}
		if n := len(waiting(t, s)); n != perAddressDay {
			t.Errorf("%d mails, want %d", n, perAddressDay)
		}
	})
}

// TestTidy: who never confirmed is gone after a week, without a trace, and can
// come again; old requests go as well.
func TestTidy(t *testing.T) {
	s := newStore(t)
	d, _ := newDesk(t, s)
	imported := mustAdd(t, s, Entry{Addresses: []Address{mustEmail(t, "imported@example.org")}, State: Pending})
	ask(t, d, Subscribe{Address: mustEmail(t, "never@example.org")}, noon())
	ask(t, d, Subscribe{Address: mustEmail(t, "confirmed@example.org")}, noon())
	do(t, d, mustGet(t, s, "confirmed@example.org").PublicID, Confirm{}, noon())
	if n, err := d.Tidy(t.Context(), noon().Add(pendingKept)); n != 0 || err != nil {
		t.Errorf("too soon: %d, %v", n, err)
	}
	if n, err := d.Tidy(t.Context(), noon().Add(pendingKept+time.Second)); n != 1 || err != nil {
		t.Errorf("removed %d, %v", n, err)
	}
	if _, err := s.Get(t.Context(), "never@example.org"); !errors.Is(err, ErrNotFound) {
		t.Errorf("still there: %v", err)
	}
	mustGet(t, s, imported.PublicID)
	mustGet(t, s, "confirmed@example.org")
	if _, err := d.Tidy(t.Context(), noon().Add(requestsKept+time.Second)); err != nil {
		t.Fatal(err)
	}
	if n := count(t, s, `SELECT COUNT(*) FROM requests`); n != 0 {
		t.Errorf("%d requests are left", n)
	}
	ask(t, d, Subscribe{Address: mustEmail(t, "never@example.org")}, noon().Add(requestsKept+time.Second))
	mustGet(t, s, "never@example.org")
}

// TestPersonalDataOfThisPackage walks the tables: what a row of the person holds
// is in what they download.
func TestPersonalDataOfThisPackage(t *testing.T) {
	s := newStore(t)
	d, _ := newDesk(t, s)
	sub := mustAdd(t, s, Entry{Addresses: []Address{mustEmail(t, "li@example.org"), mustWeChat(t, "oLILILILI")}, Name: "李娜", Sections: []string{"要闻"}, Groups: []string{"理事"}, Language: "en"})
	ask(t, d, SendLink{Address: mustEmail(t, "li@example.org")}, noon())
	who := Caller{ID: sub.PublicID, Channel: Email, Source: "/manage", Network: "n"}
	for _, c := range []Command{Move{To: mustEmail(t, "li.na@example.org")}, Unsubscribe{}, Explain{"来得太频繁"}, Undo{}} {
		if _, err := d.Do(t.Context(), who, c, noon()); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Attend(t.Context(), noon()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Suppress(t.Context(), mustEmail(t, "li@example.org"), "bounced", "550 no such user", noon()); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Bind(t.Context(), "2222-222A", mustWeChat(t, "oLILILILI"), "chat", noon()); !errors.Is(err, ErrCode) {
		t.Fatal(err)
	}
	if _, err := s.write.ExecContext(t.Context(), `INSERT INTO bindings (code, scene, subscriber_id, channel, expires_at) VALUES ('c', 's', $1, 'wechat', $2)`, sub.ID, noon().UnixMilli()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Remind(t.Context(), mustWeChat(t, "oLILILILI"), 143, "zh-CN", noon()); err != nil {
		t.Fatal(err)
	}
	data, err := d.PersonalData(t.Context(), sub.PublicID)
	if err != nil {
		t.Fatal(err)
	}
	body, err := json.Marshal(data)
	if err != nil {
		t.Fatal(err)
	}
	hashes := `'` + s.Hash(mustEmail(t, "li@example.org")) + `', '` + s.Hash(mustWeChat(t, "oLILILILI")) + `'`
	theirs := map[string]string{
		"subscribers": `id = 1`, "addresses": `subscriber_id = 1`, "consents": `subscriber_id = 1`, "moves": `subscriber_id = 1`,
		"bindings": `subscriber_id = 1`, "binding_tries": `hash IN (` + hashes + `)`,
		"reminders": `hash IN (` + hashes + `)`,
		"letters":   `subscriber_id = 1`, "requests": `hash IN (` + hashes + `)`, "suppressions": `hash IN (` + hashes + `)`,
	}
	impersonal := []string{"address_key", "consent_texts", "subscribers_schema", "sqlite_sequence"}
	for _, table := range tables(t, s) {
		if slices.Contains(impersonal, table) {
			continue
		}
		where, ok := theirs[table]
		if !ok {
			t.Errorf("nothing is known about the table %s: add it here and to PersonalData", table)
			continue
		}
		columns, rows := cells(t, s, `SELECT * FROM `+table+` WHERE `+where)
		if len(rows) == 0 {
			t.Errorf("%s has no row of the person: the test shows nothing about it", table)
		}
		for _, row := range rows {
			for i, cell := range row {
				// Keyed hashes and numbers of rows are ours; domain is part of the address.
				if cell == "" || slices.Contains([]string{"hash", "address_hash", "domain", "id", "subscriber_id"}, columns[i]) || len(cell) < 2 {
					continue
				}
				if n, err := time.ParseDuration(cell + "ms"); err == nil && len(cell) == 13 {
					cell = time.UnixMilli(n.Milliseconds()).UTC().Format(time.RFC3339)[:19]
				}
				if !strings.Contains(string(body), cell) {
					t.Errorf("%s.%s = %q is not in the personal data", table, columns[i], cell)
				}
			}
		}
	}
}

// tables lists the tables of the database.
func tables(t testing.TB, s *Store) (names []string) {
	t.Helper()
	query := `SELECT name FROM sqlite_master WHERE type = 'table'`
	if _, err := s.read.ExecContext(t.Context(), `SELECT 1 FROM sqlite_master`); err != nil {
		query = `SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()`
	}
	_, rows := cells(t, s, query)
	for _, row := range rows {
		names = append(names, row[0])
	}
	return names
}

func cells(t testing.TB, s *Store, query string) (columns []string, out [][]string) {
	t.Helper()
	rows, err := s.read.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	if columns, err = rows.Columns(); err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		row, targets := make([]*string, len(columns)), make([]any, len(columns))
		for i := range row {
			targets[i] = &row[i]
		}
		if err := rows.Scan(targets...); err != nil {
			t.Fatal(err)
		}
		var line []string
		for _, cell := range row {
			if cell == nil {
				cell = new(string)
			}
			line = append(line, *cell)
		}
		out = append(out, line)
	}
	return columns, out
}

func TestAnotherSecretIsNoticed(t *testing.T) {
	s := newStore(t)
	for range 2 {
		if err := s.CheckKey(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	other, err := New(Options{Write: s.write, Read: s.read, Secret: []byte(secretB)})
	if err != nil {
		t.Fatal(err)
	}
	if err := other.CheckKey(t.Context()); !errors.Is(err, ErrKey) {
		t.Errorf("got %v, want ErrKey", err)
	}
}
