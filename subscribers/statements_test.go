package subscribers

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"net/http"
	"net/netip"
	"net/url"
	"path/filepath"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"yizhan/config"
)

// TestStatements: what a page does in the database is the same whoever's address
// was entered, so that not even its time tells whether it is known.
func TestStatements(t *testing.T) {
	dir := t.TempDir()
	db, err := config.Open(t.Context(), &config.Config{DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if err := db.Migrate(t.Context(), "subscribers_schema", Schema); err != nil {
		t.Fatal(err)
	}
	log := new(statements)
	open := func(query string) *sql.DB {
		handle := sql.OpenDB(logging{db.Write.Driver(), "file:" + filepath.Join(dir, "yizhan.db") + query, log})
		handle.SetMaxOpenConns(1)
		t.Cleanup(func() { handle.Close() })
		return handle
	}
	s, err := New(Options{Write: open("?_txlock=immediate&_pragma=foreign_keys(on)"), Read: open("?_pragma=query_only(on)"), Secret: []byte(testSecret)})
	if err != nil {
		t.Fatal(err)
	}
	for address, state := range map[string]State{
		"active@example.org": Active, "paused@example.org": Paused, "pending@example.org": Pending, "left@example.org": Unsubscribed,
	} {
		mustAdd(t, s, Entry{Addresses: []Address{mustEmail(t, address)}, State: state})
	}
	if _, err := s.Suppress(t.Context(), mustEmail(t, "dead@example.org"), "bounced", "", noon()); err != nil {
		t.Fatal(err)
	}
	w := serveOn(t, s)
	for _, path := range []string{"/subscribe", "/manage/link"} {
		var want []string
		wantAnswer := ""
		for i, address := range []string{"nobody@example.org", "active@example.org", "paused@example.org", "pending@example.org", "left@example.org", "dead@example.org"} {
			exec(t, s.write, `DELETE FROM requests`)
			log.take()
			status, _, body := w.visited(t, http.MethodPost, path, url.Values{"email": {address}, "agree": {"yes"}}.Encode(), nil)
			got := log.take()
			if i == 0 {
				want, wantAnswer = got, body
			}
			if status != 202 || body != wantAnswer || len(got) == 0 {
				t.Errorf("%s for %s: %d %q", path, address, status, body)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s for %s does something else (-nobody +they):\n%s", path, address, diff)
			}
		}
	}
}

// TestRefusedPostOnlyReads: what an attack sends beyond the limits never takes the
// lock of those who write.
func TestRefusedPostOnlyReads(t *testing.T) {
	s := newStore(t)
	d, _ := newDesk(t, s)
	for i := range perNetworkMinute {
		if reply, err := d.Do(t.Context(), Caller{Network: "n"}, SendLink{Address: mustEmail(t, "li@example.org")}, noon()); err != nil || !reply.Changed {
			t.Fatalf("request %d: %+v, %v", i, reply, err)
		}
	}
	s.write.Close() // whoever writes now fails
	for range 10 {
		if reply, err := d.Do(t.Context(), Caller{Network: "n"}, SendLink{Address: mustEmail(t, "li@example.org")}, noon()); err != nil || reply.Changed {
			t.Errorf("beyond the limit: %+v, %v", reply, err)
		}
	}
}

// statements are the texts that a database was given.
type statements struct {
	mu    sync.Mutex
	texts []string
}

func (s *statements) add(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.texts = append(s.texts, text)
}

func (s *statements) take() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.texts
	s.texts = nil
	return out
}

// logging is a driver's connector that keeps the statements.
type logging struct {
	driver driver.Driver
	name   string
	log    *statements
}

func (l logging) Driver() driver.Driver { return l.driver }

func (l logging) Connect(context.Context) (driver.Conn, error) {
	conn, err := l.driver.Open(l.name)
	return logged{conn, l.log}, err
}

type logged struct {
	driver.Conn
	log *statements
}

func (c logged) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	c.log.add(query)
	return c.Conn.(driver.ExecerContext).ExecContext(ctx, query, args)
}

func (c logged) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	c.log.add(query)
	return c.Conn.(driver.QueryerContext).QueryContext(ctx, query, args)
}

func (c logged) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	c.log.add(query)
	return c.Conn.(driver.ConnPrepareContext).PrepareContext(ctx, query)
}

func (c logged) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	c.log.add("BEGIN")
	return c.Conn.(driver.ConnBeginTx).BeginTx(ctx, o)
}

func mustPrefix(t testing.TB, text string) netip.Prefix {
	t.Helper()
	p, err := netip.ParsePrefix(text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}
