package config

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
)

// readerEnv makes the test binary a second process that reads the database in
// the directory which it names, once for every line on its standard input.
const readerEnv = "YIZHAN_TEST_READER"

func TestMain(m *testing.M) {
	if dir := os.Getenv(readerEnv); dir != "" {
		if err := readLines(dir); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func readLines(dir string) error {
	d, err := Open(context.Background(), at(dir))
	if err != nil {
		return err
	}
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		var n int
		if err := d.Read.QueryRow("SELECT count(*) FROM words").Scan(&n); err != nil {
			return err
		}
		fmt.Println(n)
	}
	return d.Close()
}

// at gives a configuration whose data is in dir.
func at(dir string) *Config {
	c := Default()
	c.DataDir = dir
	return c
}

func open(t *testing.T, c *Config) *Database {
	t.Helper()
	d, err := Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

// words gives a schema of so many versions.
func words(versions int) fstest.MapFS {
	all := []string{
		"CREATE TABLE words (word TEXT PRIMARY KEY);",
		"ALTER TABLE words ADD COLUMN meaning TEXT NOT NULL DEFAULT '';",
		"CREATE INDEX words_meaning ON words (meaning);",
	}
	files := fstest.MapFS{}
	for i, text := range all[:versions] {
		files[fmt.Sprintf("schema/%05d_words.sql", i+1)] = &fstest.MapFile{Data: []byte("-- +goose Up\n" + text + "\n-- +goose Down\nSELECT 1;\n")}
	}
	return files
}

func TestOpenSettings(t *testing.T) {
	for _, durability := range []Durability{DurabilityNormal, DurabilityFull} {
		t.Run(string(durability), func(t *testing.T) {
			// Characters that mean something in a URI must not end the path.
			c := at(filepath.Join(t.TempDir(), "资料 a?b#c%20&d"))
			c.Durability = durability
			d := open(t, c)
			if info, err := os.Stat(filepath.Join(c.DataDir, "yizhan.db")); err != nil || info.Size() == 0 {
				t.Errorf("the database is somewhere else: %v", err)
			}
			mark := map[Durability]string{DurabilityNormal: "1", DurabilityFull: "2"}[durability]
			wantSettings(t, d.Write, 1, map[string]string{"synchronous": "2", "query_only": "0"})
			wantSettings(t, d.Mark, 1, map[string]string{"synchronous": mark, "query_only": "0"})
			wantSettings(t, d.Read, readers, map[string]string{"synchronous": "2", "query_only": "1"})
			if _, err := d.Read.Exec("CREATE TABLE x (y TEXT)"); err == nil {
				t.Error("a reader may write")
			}
		})
	}
}

// wantSettings looks at every connection of a pool, all held at the same time.
func wantSettings(t *testing.T, db *sql.DB, size int, want map[string]string) {
	t.Helper()
	want["journal_mode"], want["foreign_keys"], want["busy_timeout"], want["secure_delete"] = "wal", "1", "5000", "1"
	if got := db.Stats().MaxOpenConnections; got != size {
		t.Errorf("%d connections, want %d", got, size)
	}
	for range size {
		conn, err := db.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		for name, value := range want {
			var got string
			if err := conn.QueryRowContext(t.Context(), "PRAGMA "+name).Scan(&got); err != nil || got != value {
				t.Errorf("%s is %q, %v, want %q", name, got, err, value)
			}
		}
	}
}

func TestVerify(t *testing.T) {
	d := open(t, at(t.TempDir()))
	if err := verify(t.Context(), d.Mark, writerSettings("FULL")); !errors.Is(err, errSetting) {
		t.Errorf("synchronous is not FULL, and verify says %v", err)
	}
}

func TestOpenModes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "data")
	d := open(t, at(dir))
	if err := d.Migrate(t.Context(), "words_version", words(1)); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]os.FileMode{".": 0o700, "yizhan.db": 0o600, "yizhan.db-wal": 0o600, "yizhan.db-shm": 0o600} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Error(err)
		} else if info.Mode().Perm() != want {
			t.Errorf("%s has mode %v, want %v", name, info.Mode().Perm(), want)
		}
	}
}

func TestOpenErrors(t *testing.T) {
	for _, one := range []struct {
		name, code string
		spoil      func(dir string) error
	}{
		{"garbage", "not-a-database", func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "yizhan.db"), []byte(strings.Repeat("garbage ", 1000)), 0o600)
		}},
		{"a directory instead of the file", "database-not-writable", func(dir string) error {
			return os.Mkdir(filepath.Join(dir, "yizhan.db"), 0o700)
		}},
		{"a file instead of the directory", "database-not-writable", func(dir string) error {
			return errors.Join(os.Remove(dir), os.WriteFile(dir, nil, 0o600))
		}},
	} {
		t.Run(one.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "data")
			if err := errors.Join(os.Mkdir(dir, 0o700), one.spoil(dir)); err != nil {
				t.Fatal(err)
			}
			_, err := Open(t.Context(), at(dir))
			wantError(t, err, one.code)
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Open(ctx, at(t.TempDir())); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: got %v", err)
	}
}

func wantError(t *testing.T, err error, code string) {
	t.Helper()
	var e Error
	if !errors.As(err, &e) || e.Code != code || e.Hint == "" || e.File == "" {
		t.Errorf("got %#v (%v), want %s", e, err, code)
	}
}

func TestDatabaseFull(t *testing.T) {
	d := open(t, at(t.TempDir()))
	if err := d.Migrate(t.Context(), "words_version", words(1)); err != nil {
		t.Fatal(err)
	}
	// SQLite does not go below what there is: from here on the disk is full.
	if _, err := d.Write.Exec("PRAGMA max_page_count = 1"); err != nil {
		t.Fatal(err)
	}
	wantError(t, d.Migrate(t.Context(), "words_version", words(3)), "disk-full")
}

func TestMigrate(t *testing.T) {
	c := at(t.TempDir())
	d := open(t, c)
	for _, versions := range []int{1, 1, 3, 3} {
		if err := d.Migrate(t.Context(), "words_version", words(versions)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := d.Write.Exec("INSERT INTO words (word, meaning) VALUES ('a', 'b')"); err != nil {
		t.Error(err)
	}
	// Owners are independent of each other.
	other := fstest.MapFS{"schema/00001_other.sql": {Data: []byte("-- +goose Up\nCREATE TABLE other (x TEXT);\n")}}
	if err := d.Migrate(t.Context(), "other_version", other); err != nil {
		t.Error(err)
	}
	wantError(t, d.Migrate(t.Context(), "words_version", words(2)), "database-newer")
}

func TestMigrateBroken(t *testing.T) {
	d := open(t, at(t.TempDir()))
	broken := words(2)
	broken["schema/00002_words.sql"] = &fstest.MapFile{Data: []byte("-- +goose Up\nCREATE TABLE half (x TEXT);\nCREATE NONSENSE;\n")}
	if err := d.Migrate(t.Context(), "words_version", broken); err == nil {
		t.Fatal("no error")
	}
	if _, err := d.Read.Exec("SELECT * FROM half"); err == nil {
		t.Error("half of a migration stayed")
	}
	if err := d.Migrate(t.Context(), "words_version", words(3)); err != nil {
		t.Errorf("mended: %v", err)
	}
}

// interrupted is a schema during whose first reading something happens.
type interrupted struct {
	fs.FS
	once   *sync.Once
	happen func()
}

func (i interrupted) Open(name string) (fs.File, error) {
	if strings.HasSuffix(name, ".sql") {
		i.once.Do(i.happen)
	}
	return i.FS.Open(name)
}

// Another process makes every step between our look at the version and our
// first step, then only the first of two.
func TestMigrateTogether(t *testing.T) {
	for _, theirs := range []int{3, 2} {
		dir := t.TempDir()
		d, other := open(t, at(dir)), open(t, at(dir))
		schema := interrupted{words(3), new(sync.Once), func() {
			if err := other.Migrate(t.Context(), "words_version", words(theirs)); err != nil {
				t.Error(err)
			}
		}}
		if err := d.Migrate(t.Context(), "words_version", schema); err != nil {
			t.Errorf("they made %d steps: %v", theirs, err)
		}
		if _, err := d.Read.Exec("SELECT meaning FROM words INDEXED BY words_meaning WHERE meaning = 'x'"); err != nil {
			t.Error(err)
		}
	}
}

// A second process opens and reads while the first is inside a transaction,
// and sees what was committed, no more.
func TestSecondProcess(t *testing.T) {
	dir := t.TempDir()
	d := open(t, at(dir))
	if err := d.Migrate(t.Context(), "words_version", words(1)); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Write.Exec("INSERT INTO words VALUES ('one')"); err != nil {
		t.Fatal(err)
	}
	tx, err := d.Write.Begin()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec("INSERT INTO words VALUES ('two')"); err != nil {
		t.Fatal(err)
	}

	reader := exec.CommandContext(t.Context(), os.Args[0])
	reader.Env = append(os.Environ(), readerEnv+"="+dir)
	ask, err := reader.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	answers, err := reader.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := reader.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(answers)
	count := func() string {
		if _, err := fmt.Fprintln(ask); err != nil {
			t.Fatal(err)
		}
		lines.Scan()
		return lines.Text()
	}
	if got := count(); got != "1" {
		t.Errorf("before the commit the reader says %q", got)
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	if got := count(); got != "2" {
		t.Errorf("after the commit the reader says %q", got)
	}
	if err := ask.Close(); err != nil {
		t.Fatal(err)
	}
	if err := reader.Wait(); err != nil {
		t.Error(err)
	}
}

// Write and Mark are two connections that may both want to write: one waits.
func TestWritersWait(t *testing.T) {
	d := open(t, at(t.TempDir()))
	if err := d.Migrate(t.Context(), "words_version", words(1)); err != nil {
		t.Fatal(err)
	}
	var both sync.WaitGroup
	for name, db := range map[string]*sql.DB{"write": d.Write, "mark": d.Mark} {
		both.Go(func() {
			for i := range 50 {
				if err := readThenInsert(db, fmt.Sprint(name, i)); err != nil {
					t.Errorf("%s: %v", name, err)
					return
				}
			}
		})
	}
	both.Wait()
	var n int
	if err := d.Read.QueryRow("SELECT count(*) FROM words").Scan(&n); err != nil || n != 100 {
		t.Errorf("%d rows, %v", n, err)
	}
}

func readThenInsert(db *sql.DB, word string) error {
	tx, err := db.Begin()
	if err != nil {
		return err
	}
	var n int
	if err := tx.QueryRow("SELECT count(*) FROM words").Scan(&n); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	if _, err := tx.Exec("INSERT INTO words VALUES ($1)", word); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}
