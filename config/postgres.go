package config

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// Connections that one process may have open, in all eight: twelve processes fit
// into the hundred that PostgreSQL allows unless it is told otherwise. Write and
// Mark are lined up by a lock, so more connections would only wait.
const (
	postgresWriters = 2
	postgresMarkers = 2
	postgresReaders = 4
	// postgresIdle is how long a connection that nobody needs is kept.
	postgresIdle = 5 * time.Minute
	// connectWithin bounds one attempt to connect, unless the URL says otherwise.
	connectWithin = 10 * time.Second
)

// openPostgreSQL opens the database that c names by URL.
func openPostgreSQL(ctx context.Context, c *Config) (*Database, error) {
	d := &Database{Dialect: PostgreSQL, named: Error{File: c.File, Line: lineOf(c.lines, "database"), Key: "database"}}
	d.explain = func(err error) error { return postgresError(d.named, err) }
	settings, err := postgresSettings(c.Database.Reveal())
	if err != nil {
		return nil, d.explain(err)
	}
	d.Read = pool(connector(settings, "SET default_transaction_read_only = on"), postgresReaders)
	schema, err := verifyPostgres(ctx, d.Read)
	if err != nil {
		return nil, errors.Join(d.explain(err), d.Close())
	}
	// One lock for each schema, as each may hold an instance of its own.
	alone := lockKey("yizhan " + schema)
	d.lock = lockKey("yizhan migrating " + schema)
	writer := connector(settings, "")
	d.Write = pool(lined{writer, "pg_advisory_xact_lock(" + alone + ")"}, postgresWriters)
	d.Mark = pool(lined{writer, "pg_advisory_xact_lock_shared(" + alone + ")"}, postgresMarkers)
	return d, nil
}

// postgresSettings reads a URL. Environment variables of libpq, such as
// PGPASSFILE and PGSSLROOTCERT, fill in what it leaves open.
func postgresSettings(url string) (*pgx.ConnConfig, error) {
	settings, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	if settings.RuntimeParams["application_name"] == "" {
		settings.RuntimeParams["application_name"] = "yizhan"
	}
	if settings.ConnectTimeout == 0 {
		settings.ConnectTimeout = connectWithin
	}
	return settings, nil
}

// connector makes connections that keep the settings which the promises need.
// They are set, and not sent when connecting, because poolers refuse the latter;
// a pooler must leave a connection to us as long as we have it (PgBouncer:
// pool_mode = session).
func connector(settings *pgx.ConnConfig, also string) driver.Connector {
	// Who stops in the middle of a transaction would stop everybody: the lock of
	// lined is released before its session is taken for dead.
	const always = `SET idle_in_transaction_session_timeout = '15s';
		SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off';`
	return stdlib.GetConnector(*settings, stdlib.OptionAfterConnect(func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, always+also)
		return err
	}))
}

func pool(c driver.Connector, size int) *sql.DB {
	db := sql.OpenDB(c)
	db.SetMaxOpenConns(size)
	db.SetMaxIdleConns(size)
	db.SetConnMaxIdleTime(postgresIdle)
	return db
}

// lockKey is the number of an advisory lock.
func lockKey(name string) string {
	h := fnv.New64a()
	_, _ = h.Write([]byte(name)) // a hash takes everything
	return strconv.FormatInt(int64(h.Sum64()), 10)
}

// The databases that cannot hold the ledger.
var (
	errStandby  = errors.New("the server is a standby")
	errNoSchema = errors.New("the search path names no schema that exists")
	errEncoding = errors.New("the encoding is not UTF8")
)

// verifyPostgres looks whether the database is fit, and gives its schema.
func verifyPostgres(ctx context.Context, db *sql.DB) (schema string, err error) {
	var standby bool
	var encoding string
	var found sql.NullString
	err = db.QueryRowContext(ctx, `SELECT pg_is_in_recovery(), current_setting('server_encoding'), current_schema()`).Scan(&standby, &encoding, &found)
	switch {
	case err != nil:
		return "", err
	case standby:
		return "", errStandby
	case encoding != "UTF8":
		return "", fmt.Errorf("%w: %s", errEncoding, encoding)
	case !found.Valid:
		return "", errNoSchema
	}
	return found.String, nil
}

// lined makes connections whose transactions begin by taking a lock of the
// instance: shared on Mark, alone on Write. It gives PostgreSQL what SQLite has
// by nature: whoever writes knows that nothing else changes meanwhile. See
// docs/adr/011-postgresql.md for what that costs.
type lined struct {
	driver.Connector
	lock string
}

// Connect implements [driver.Connector].
func (l lined) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := l.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	plain, ok := conn.(*stdlib.Conn)
	if !ok {
		return nil, errors.Join(fmt.Errorf("the driver gave a %T", conn), conn.Close())
	}
	return linedConn{plain, l.lock}, nil
}

// linedConn is one such connection.
type linedConn struct {
	*stdlib.Conn
	lock string
}

// BeginTx implements [driver.ConnBeginTx]. Each statement after it sees all that
// was committed before the lock was taken, and that holds only at this isolation
// level: the others keep the view from before the wait.
func (c linedConn) BeginTx(ctx context.Context, _ driver.TxOptions) (driver.Tx, error) {
	conn := c.Conn.Conn()
	if conn.IsClosed() {
		return nil, driver.ErrBadConn
	}
	tx, err := conn.BeginTx(ctx, pgx.TxOptions{BeginQuery: "BEGIN ISOLATION LEVEL READ COMMITTED; SELECT " + c.lock})
	if err != nil {
		if ctx.Err() == nil && isAway(err) {
			return nil, driver.ErrBadConn // nothing has been done: database/sql takes another connection
		}
		return nil, err
	}
	return linedTx{ctx, tx}, nil
}

// isAway reports whether an error is of the connection and not of a statement.
func isAway(err error) bool {
	var refused *pgconn.PgError
	return !errors.As(err, &refused) || strings.HasPrefix(refused.Code, "57")
}

// linedTx is a transaction as database/sql wants it.
type linedTx struct {
	ctx context.Context
	tx  pgx.Tx
}

// Commit implements [driver.Tx].
func (t linedTx) Commit() error { return t.tx.Commit(t.ctx) }

// Rollback implements [driver.Tx].
func (t linedTx) Rollback() error { return t.tx.Rollback(t.ctx) }

// postgres reads the URL of a PostgreSQL. No message shows it: it may hold a
// password.
func (t *table) postgres(key string, to *Secret) {
	literal := t.doc.literal
	var url Secret
	if t.secret(key, &url); !url.IsSet() {
		return
	}
	const example = "写法例如：postgres://yizhan:密码@db.example.org/yizhan；密码里的特殊字符用 %XX 表示"
	scheme, _, _ := strings.Cut(url.Reveal(), "://")
	if scheme != "postgres" && scheme != "postgresql" {
		t.fail(key, "bad-value", "这不是 PostgreSQL 的网址", example+"。用 SQLite 就留空")
		return
	}
	settings, err := postgresSettings(url.Reveal())
	if err != nil {
		t.fail(key, "bad-value", "看不懂这个 PostgreSQL 网址", example)
		return
	}
	if settings.Password == "" {
		t.doc.literal = literal // anybody may read it
	}
	*to = url
}
