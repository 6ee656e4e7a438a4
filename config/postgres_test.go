package config

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"sync"
	"testing"

	"yizhan/config/configtest"
)

// on gives a configuration whose database is a PostgreSQL.
func on(url string) *Config {
	c := Default()
	c.File, c.Database = "yizhan.yaml", NewSecret(url)
	return c
}

func TestPostgresSettings(t *testing.T) {
	d := open(t, on(configtest.URL(t)))
	for name, handle := range map[string]struct {
		db       *sql.DB
		readOnly string
	}{"write": {d.Write, "off"}, "mark": {d.Mark, "off"}, "read": {d.Read, "on"}} {
		for setting, want := range map[string]string{
			"synchronous_commit": "on", "application_name": "yizhan", "default_transaction_read_only": handle.readOnly,
			"idle_in_transaction_session_timeout": "15s", "transaction_isolation": "read committed",
		} {
			var got string
			if err := handle.db.QueryRow("SHOW " + setting).Scan(&got); err != nil || got != want {
				t.Errorf("%s: %s is %q, %v; want %q", name, setting, got, err, want)
			}
		}
	}
	if _, err := d.Read.Exec("CREATE TABLE x (y TEXT)"); err == nil {
		t.Error("a reader may write")
	}
}

// What an administrator has switched off or set otherwise for all, the promises
// switch on again for us.
func TestPostgresOwnSettings(t *testing.T) {
	url := configtest.URL(t)
	plain, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	for _, text := range []string{
		"CREATE ROLE hasty SUPERUSER LOGIN", "ALTER ROLE hasty SET synchronous_commit = off",
		"ALTER ROLE hasty SET default_transaction_isolation = 'repeatable read'",
	} {
		if _, err := plain.Exec(text); err != nil {
			t.Fatal(err)
		}
	}
	d := open(t, on(strings.Replace(url, "//postgres@", "//hasty@", 1)))
	tx, err := d.Mark.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	for setting, want := range map[string]string{"synchronous_commit": "on", "transaction_isolation": "read committed"} {
		var got string
		if err := tx.QueryRow("SHOW " + setting).Scan(&got); err != nil || got != want {
			t.Errorf("%s is %q, %v; want %q", setting, got, err, want)
		}
	}
}

func TestPostgresMigrate(t *testing.T) {
	d := open(t, on(configtest.URL(t)))
	for _, versions := range []int{1, 1, 3, 3} {
		if err := d.Migrate(t.Context(), "words_version", words(versions)); err != nil {
			t.Fatal(err)
		}
	}
	wantError(t, d.Migrate(t.Context(), "words_version", words(2)), "database-newer")
}

// Many processes that start at once all find the tables made.
func TestPostgresMigrateTogether(t *testing.T) {
	url := configtest.URL(t)
	var all sync.WaitGroup
	for range 6 {
		d := open(t, on(url))
		all.Go(func() {
			if err := d.Migrate(t.Context(), "words_version", words(3)); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

// Transactions on Write run alone, in whatever process they are; those on Mark
// run beside each other, and not beside one on Write.
func TestPostgresTransactionsLineUp(t *testing.T) {
	url := configtest.URL(t)
	d, other := open(t, on(url)), open(t, on(url))
	begin := func(db *sql.DB) *sql.Tx {
		t.Helper()
		tx, err := db.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		return tx
	}
	waits := func(name string, db *sql.DB, holder *sql.Tx) {
		t.Helper()
		begun := make(chan *sql.Tx, 1)
		go func() {
			tx, err := db.BeginTx(context.WithoutCancel(t.Context()), nil)
			if err != nil {
				t.Error(err)
			}
			begun <- tx
		}()
		var waiting int
		for waiting == 0 { // until the server says so
			if err := d.Read.QueryRow("SELECT COUNT(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted").Scan(&waiting); err != nil {
				t.Fatal(err)
			}
			select {
			case tx := <-begun:
				t.Errorf("%s did not wait", name)
				begun <- tx
				waiting = 1
			default:
			}
		}
		if err := holder.Commit(); err != nil {
			t.Error(err)
		}
		if err := (<-begun).Rollback(); err != nil {
			t.Error(err)
		}
	}
	waits("a second writer", other.Write, begin(d.Write))
	waits("a marker", other.Mark, begin(d.Write))
	waits("a writer", other.Write, begin(d.Mark))
	a, b := begin(d.Mark), begin(other.Mark)
	if err := errors.Join(a.Rollback(), b.Rollback()); err != nil {
		t.Error(err)
	}
}

// What one writer has read is still true when it writes.
func TestPostgresWritersWait(t *testing.T) {
	url := configtest.URL(t)
	d, other := open(t, on(url)), open(t, on(url))
	if _, err := d.Write.Exec("CREATE TABLE counter (n BIGINT)"); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Write.Exec("INSERT INTO counter VALUES (0)"); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for _, db := range []*sql.DB{d.Write, d.Write, other.Write, other.Write} {
		all.Go(func() {
			for range 25 {
				if err := readThenCount(db); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	var n int
	if err := d.Read.QueryRow("SELECT n FROM counter").Scan(&n); err != nil || n != 100 {
		t.Errorf("counted to %d, %v", n, err)
	}
}

func readThenCount(db *sql.DB) error {
	tx, err := db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback()
	var n int
	if err := tx.QueryRow("SELECT n FROM counter").Scan(&n); err != nil {
		return err
	}
	if _, err := tx.Exec("UPDATE counter SET n = $1", n+1); err != nil {
		return err
	}
	return tx.Commit()
}

// A server that was restarted costs no transaction that had not begun.
func TestPostgresRestart(t *testing.T) {
	c := configtest.Start(t)
	d := open(t, on(c.URL(t)))
	for _, db := range []*sql.DB{d.Write, d.Mark} {
		tx, err := db.Begin()
		if err != nil {
			t.Fatal(err)
		}
		if err := tx.Rollback(); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(c.Crash(), c.Resume()); err != nil {
		t.Fatal(err)
	}
	for _, db := range []*sql.DB{d.Write, d.Mark} {
		tx, err := db.Begin()
		if err != nil {
			t.Fatal(err)
		}
		if err := tx.Rollback(); err != nil {
			t.Error(err)
		}
	}
}

func TestPostgresErrors(t *testing.T) {
	c := configtest.Start(t)
	plain, err := sql.Open("pgx", c.As("postgres", ""))
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	for _, text := range []string{
		"CREATE ROLE locked LOGIN PASSWORD 'the right one'", "CREATE ROLE guest LOGIN",
		"CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0",
	} {
		if _, err := plain.Exec(text); err != nil {
			t.Fatal(err)
		}
	}
	for code, url := range map[string]string{
		"database-denied":      c.As("locked", "hunter2hunter2"),
		"database-missing":     strings.Replace(c.As("postgres", ""), "/postgres?", "/nowhere?", 1),
		"database-setting":     strings.Replace(c.As("postgres", ""), "/postgres?", "/latin?", 1),
		"database-unreachable": "postgres://postgres:hunter2hunter2@127.0.0.1:1/postgres",
	} {
		_, err := Open(t.Context(), on(url))
		wantError(t, err, code)
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the password is in %q", err)
		}
	}
	_, err = Open(t.Context(), on(c.As("postgres", "")+"&search_path=nowhere"))
	wantError(t, err, "database-missing")
	wantError(t, open(t, on(c.As("guest", ""))).Migrate(t.Context(), "words_version", words(1)), "database-not-writable")
	if err := c.Crash(); err != nil {
		t.Fatal(err)
	}
	_, err = Open(t.Context(), on(c.As("postgres", "")))
	wantError(t, err, "database-unreachable")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Open(ctx, on(c.As("postgres", ""))); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: got %v", err)
	}
}

func TestLoadDatabase(t *testing.T) {
	c := load(t, minimal+"database: postgres://yizhan:hunter2hunter2@db.example.org/yizhan\n")
	if c.Database.Reveal() != "postgres://yizhan:hunter2hunter2@db.example.org/yizhan" || strings.Contains(show(c), "hunter2") {
		t.Errorf("database is %q, shown as %s", c.Database.Reveal(), show(c))
	}
	t.Setenv("PGPASSWORD", "")
	if c := load(t, minimal+"database: postgres:///yizhan?host=/run/postgresql\n"); !c.Database.IsSet() {
		t.Error("a URL without a host is not read")
	}
}
