package subscribers

import (
	"database/sql"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// deliveries makes a table with the columns that Blocked reads.
func deliveries(t *testing.T, s *Store) {
	t.Helper()
	exec(t, s.write, `CREATE TABLE deliveries (id INTEGER PRIMARY KEY, subscriber_id BIGINT, channel TEXT, address_hash TEXT, state TEXT)`)
}

func exec(t *testing.T, db *sql.DB, query string, args ...any) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), query, args...); err != nil {
		t.Fatal(err)
	}
}

func TestBlocked(t *testing.T) {
	email := func(t *testing.T) Address { return mustEmail(t, "a@example.org") }
	for name, tt := range map[string]struct {
		entry Entry
		then  func(t *testing.T, s *Store, sub Subscriber)
		want  string
	}{
		"active":  {want: ""},
		"paused":  {entry: Entry{State: Paused}, want: "paused"},
		"pending": {entry: Entry{State: Pending}, want: "pending"},
		"paused until now": {entry: Entry{State: Paused}, want: "", then: func(t *testing.T, s *Store, _ Subscriber) {
			exec(t, s.write, `UPDATE subscribers SET paused_until = $1`, noon().UnixMilli())
		}},
		"paused until later": {entry: Entry{State: Paused}, want: "paused", then: func(t *testing.T, s *Store, _ Subscriber) {
			exec(t, s.write, `UPDATE subscribers SET paused_until = $1`, noon().UnixMilli()+1)
		}},
		"unsubscribed": {want: "unsubscribed", then: func(t *testing.T, s *Store, sub Subscriber) {
			if _, err := s.Unsubscribe(t.Context(), sub.PublicID, Email, "link", noon()); err != nil {
				t.Fatal(err)
			}
		}},
		"unsubscribed from email only": {
			entry: Entry{Addresses: []Address{{Channel: WeChat, Value: "oABCDEFGH"}}}, want: "unsubscribed",
			then: func(t *testing.T, s *Store, sub Subscriber) {
				if _, err := s.Unsubscribe(t.Context(), sub.PublicID, Email, "link", noon()); err != nil {
					t.Fatal(err)
				}
			},
		},
		"unsubscribed from wechat only": {
			entry: Entry{Addresses: []Address{{Channel: WeChat, Value: "oABCDEFGH"}}}, want: "",
			then: func(t *testing.T, s *Store, sub Subscriber) {
				if _, err := s.Unsubscribe(t.Context(), sub.PublicID, WeChat, "link", noon()); err != nil {
					t.Fatal(err)
				}
			},
		},
		"suppressed": {want: "suppressed", then: func(t *testing.T, s *Store, _ Subscriber) {
			if _, err := s.Suppress(t.Context(), email(t), "bounced", "", noon()); err != nil {
				t.Fatal(err)
			}
		}},
		"somebody else suppressed": {want: "", then: func(t *testing.T, s *Store, _ Subscriber) {
			if _, err := s.Suppress(t.Context(), mustEmail(t, "b@example.org"), "bounced", "", noon()); err != nil {
				t.Fatal(err)
			}
		}},
		"removed": {want: "removed", then: func(t *testing.T, s *Store, _ Subscriber) {
			if _, err := s.Remove(t.Context(), "1", noon()); err != nil {
				t.Fatal(err)
			}
		}},
		"erased": {want: "removed", then: func(t *testing.T, s *Store, _ Subscriber) {
			if _, err := s.Erase(t.Context(), "1", noon()); err != nil {
				t.Fatal(err)
			}
		}},
		"another address by now": {want: "removed", then: func(t *testing.T, s *Store, _ Subscriber) {
			exec(t, s.write, `UPDATE addresses SET hash = 'other' WHERE channel = 'email'`)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t)
			deliveries(t, s)
			tt.entry.Addresses = append(tt.entry.Addresses, email(t))
			sub := mustAdd(t, s, tt.entry)
			exec(t, s.write, `INSERT INTO deliveries VALUES (1, $1, 'email', $2, 'leased')`, sub.ID, s.Hash(email(t)))
			if tt.then != nil {
				tt.then(t, s, sub)
			}
			var got string
			if err := s.read.QueryRowContext(t.Context(), `SELECT `+Blocked("$1")+` FROM deliveries`, noon().UnixMilli()).Scan(&got); err != nil {
				t.Fatal(err)
			}
			if got != tt.want {
				t.Errorf("blocked is %q, want %q", got, tt.want)
			}
			exec(t, s.write, `UPDATE deliveries SET state = 'marked' WHERE id = 1 AND `+Blocked("$1")+` = ''`, noon().UnixMilli())
			var state string
			if err := s.read.QueryRowContext(t.Context(), `SELECT state FROM deliveries`).Scan(&state); err != nil {
				t.Fatal(err)
			}
			if (state == "marked") != (tt.want == "") {
				t.Errorf("the update left state %q", state)
			}
		})
	}
}

func TestAudience(t *testing.T) {
	s := newStore(t)
	for _, e := range []Entry{
		{Addresses: []Address{mustEmail(t, "one@example.org")}, Sections: []string{"甲", "乙"}, Language: "en"},
		{Addresses: []Address{mustEmail(t, "two@qq.com"), mustWeChat(t, "oTWOTWOTWO")}},
		{Addresses: []Address{mustWeChat(t, "oTHREETHREE")}},
		{Addresses: []Address{mustEmail(t, "paused@example.org")}, State: Paused},
		{Addresses: []Address{mustEmail(t, "pending@example.org")}, State: Pending},
		{Addresses: []Address{mustEmail(t, "left@example.org")}, State: Unsubscribed},
		{Addresses: []Address{mustEmail(t, "bounced@example.org")}},
		{Addresses: []Address{mustEmail(t, "beyond@example.org")}},
	} {
		mustAdd(t, s, e)
	}
	if _, err := s.Suppress(t.Context(), mustEmail(t, "bounced@example.org"), "bounced", "", noon()); err != nil {
		t.Fatal(err)
	}
	type row struct {
		ID                                                           int64
		PublicID, Address, Hash, Domain, Blocked, Sections, Language string
		ConfirmedAt                                                  int64
	}
	audience := func(channel string, after, bound int64) (got []row) {
		t.Helper()
		rows, err := s.read.QueryContext(t.Context(), `SELECT subscriber_id, public_id, address, address_hash, domain, blocked, sections, language, confirmed_at
FROM (`+Audience(noon())+`) a ORDER BY subscriber_id`, channel, after, bound)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			var r row
			if err := rows.Scan(&r.ID, &r.PublicID, &r.Address, &r.Hash, &r.Domain, &r.Blocked, &r.Sections, &r.Language, &r.ConfirmedAt); err != nil {
				t.Fatal(err)
			}
			got = append(got, r)
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		return got
	}
	expect := func(key, channel, blocked string) row {
		sub := mustGet(t, s, key)
		a := sub.on(channel)
		return row{sub.ID, sub.PublicID, a.Value, s.Hash(a.Address), a.Domain, blocked, join(sub.Sections), sub.Language, noon().UnixMilli()}
	}
	for name, tt := range map[string]struct{ got, want []row }{
		"email":        {audience(Email, 0, 7), []row{expect("1", Email, ""), expect("2", Email, ""), expect("7", Email, "suppressed")}},
		"email, later": {audience(Email, 1, 8), []row{expect("2", Email, ""), expect("7", Email, "suppressed"), expect("8", Email, "")}},
		"wechat":       {audience(WeChat, 0, 8), []row{expect("2", WeChat, ""), expect("3", WeChat, "")}},
		"nobody":       {audience("telegram", 0, 8), nil},
	} {
		if diff := cmp.Diff(tt.want, tt.got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// Both are run for every delivery of every run: they must not read whole tables.
func TestQueriesUseIndexes(t *testing.T) {
	s := newStore(t)
	deliveries(t, s)
	for name, tt := range map[string]struct {
		query string
		args  []any
	}{
		"blocked":  {query: `UPDATE deliveries SET state = 'marked' WHERE id = 1 AND ` + Blocked("$1") + ` = ''`, args: []any{0}},
		"audience": {query: `SELECT * FROM (` + Audience(noon()) + `) a ORDER BY subscriber_id LIMIT 10`, args: []any{Email, 0, 10}},
	} {
		rows, err := s.write.QueryContext(t.Context(), `EXPLAIN QUERY PLAN `+tt.query, tt.args...)
		if err != nil {
			t.Fatal(err)
		}
		var plan []string
		for rows.Next() {
			var id, parent, unused int
			var detail string
			if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
				t.Fatal(err)
			}
			plan = append(plan, detail)
		}
		rows.Close()
		text := strings.Join(plan, "\n")
		if strings.Contains(text, "SCAN") || strings.Contains(text, "TEMP B-TREE") {
			t.Errorf("%s reads or sorts a whole table:\n%s", name, text)
		}
		if name == "audience" && !strings.Contains(text, "SEARCH s USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)") {
			t.Errorf("the audience is not read by id:\n%s", text)
		}
	}
}
