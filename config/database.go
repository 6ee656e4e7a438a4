package config

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"
)

// Database is the open database. Its SQL is the same text in every dialect, and
// so are its promises: a transaction on Write runs alone, whatever other
// processes do, so that what it has read is still true when it writes; readers
// never wait for it.
type Database struct {
	// Write takes one transaction at a time. What it commits survives a power
	// failure, and so does everything that was committed on Mark before.
	Write *sql.DB
	// Mark is for claims, marks and settles: short transactions that only go
	// from one state of a row to the next. None of them runs while one on Write
	// does; on PostgreSQL those of several processes run at the same time.
	//
	// On SQLite, what it commits survives a crash of the program; a power failure
	// may take back what no commit on Write has followed: the one who uses it sees
	// to a commit on Write at least once a second. With durability full it is
	// Write.
	Mark *sql.DB
	// Read has a pool of connections that refuse to write.
	Read *sql.DB
	// Dialect is [SQLite] or [PostgreSQL].
	Dialect string

	explain func(error) error // puts an error of the database into words
	named   Error             // file and key that such words name
	lock    string            // PostgreSQL: taken while migrating
}

// The dialects.
const (
	SQLite     = "sqlite"
	PostgreSQL = "postgres"
)

const (
	readers     = 4
	busyTimeout = 5 * time.Second
)

// Open opens the database of c: the PostgreSQL that it names, else a file in its
// data directory, which it makes when there is none. It refuses a database whose
// settings are not as it asked: a file system without shared memory, for one,
// cannot give them. Errors have type Error and name the file.
func Open(ctx context.Context, c *Config) (*Database, error) {
	if c.Database.IsSet() {
		return openPostgreSQL(ctx, c)
	}
	path := filepath.Join(c.DataDir, "yizhan.db")
	if err := prepare(c.DataDir, path); err != nil {
		return nil, databaseError(path, err)
	}
	d := &Database{
		Dialect: SQLite, named: Error{File: path, Key: "data_dir"},
		explain: func(err error) error { return databaseError(path, err) },
	}
	var err error
	if d.Write, err = openHandle(ctx, path, writerSettings("FULL"), 1); err != nil {
		return nil, errors.Join(databaseError(path, err), d.Close())
	}
	d.Mark = d.Write
	if c.Durability != DurabilityFull {
		if d.Mark, err = openHandle(ctx, path, writerSettings("NORMAL"), 1); err != nil {
			return nil, errors.Join(databaseError(path, err), d.Close())
		}
	}
	if d.Read, err = openHandle(ctx, path, readerSettings(), readers); err != nil {
		return nil, errors.Join(databaseError(path, err), d.Close())
	}
	return d, nil
}

// prepare makes the directory and the file before SQLite does, which would
// let everybody read them. Its other files take the mode of this one.
func prepare(dir, path string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// setting is one PRAGMA that holds on every connection of a handle.
type setting struct {
	name, value string
	reads       string // what reading it back gives
}

func writerSettings(synchronous string) []setting {
	return []setting{
		{"busy_timeout", fmt.Sprint(busyTimeout.Milliseconds()), fmt.Sprint(busyTimeout.Milliseconds())},
		{"journal_mode", "WAL", "wal"},
		{"synchronous", synchronous, map[string]string{"NORMAL": "1", "FULL": "2"}[synchronous]},
		{"foreign_keys", "on", "1"},
		// An erased person must be gone from the file, too.
		{"secure_delete", "on", "1"},
	}
}

func readerSettings() []setting {
	return append(writerSettings("FULL"), setting{"query_only", "on", "1"})
}

// openHandle opens a pool. The settings are in its name, so that connections
// which the pool opens later have them as well.
func openHandle(ctx context.Context, path string, settings []setting, size int) (*sql.DB, error) {
	query := url.Values{"_dqs": {"0"}}
	writes := true
	for _, s := range settings {
		query.Add("_pragma", s.name+"("+s.value+")")
		writes = writes && s.name != "query_only"
	}
	if writes {
		// A transaction that reads first and then writes would fail at once,
		// without waiting, when somebody else has written in between.
		query.Set("_txlock", "immediate")
	}
	name := url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: query.Encode()}
	db, err := sql.Open("sqlite", name.String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(size)
	db.SetMaxIdleConns(size)
	if err := verify(ctx, db, settings); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// errSetting is a PRAGMA that SQLite took and did not follow.
var errSetting = errors.New("the database does not keep a setting")

// verify reads every setting back: SQLite answers most refusals with silence.
func verify(ctx context.Context, db *sql.DB, settings []setting) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	for _, s := range settings {
		var got string
		if err := conn.QueryRowContext(ctx, "PRAGMA "+s.name).Scan(&got); err != nil {
			return fmt.Errorf("read the setting %s: %w", s.name, err)
		}
		if !strings.EqualFold(got, s.reads) {
			return fmt.Errorf("%w: %s is %q, wanted %q", errSetting, s.name, got, s.reads)
		}
	}
	return nil
}

// Sweep makes the files forget what was deleted: on SQLite it moves the log of
// writes into the database, where deleted content is overwritten, and empties it.
// On PostgreSQL its own housekeeping does that in time.
func (d *Database) Sweep(ctx context.Context) error {
	if d.Dialect != SQLite {
		return nil
	}
	for try := 0; ; try++ {
		var busy, left, moved int
		err := d.Write.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &left, &moved)
		if err != nil {
			return fmt.Errorf("emptying the write-ahead log: %w", d.explain(err))
		}
		if busy == 0 {
			return nil
		}
		// Somebody is reading an old state; each try has waited for busyTimeout.
		if try == 2 {
			return errors.New("emptying the write-ahead log: the database is busy; do it again later")
		}
	}
}

// Close closes every handle. It may be called on a Database that is half open.
func (d *Database) Close() error {
	var err error
	if d.Read != nil {
		err = d.Read.Close()
	}
	if d.Mark != nil && d.Mark != d.Write {
		err = errors.Join(err, d.Mark.Close())
	}
	if d.Write != nil {
		err = errors.Join(err, d.Write.Close())
	}
	return err
}
