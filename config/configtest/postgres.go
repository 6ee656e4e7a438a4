// Package configtest starts PostgreSQL servers for tests. They listen on a
// socket in a directory of their own and are gone when the test binary is.
package configtest

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
)

// Cluster is one PostgreSQL server.
type Cluster struct {
	dir     string
	bin     string
	as      *syscall.Credential // nil: whoever runs the test
	alive   io.Closer           // the server lives until it is closed, at the latest by the end of this process
	schemas atomic.Int64
}

// errAbsent says that PostgreSQL is not installed.
var errAbsent = errors.New("PostgreSQL is not installed: apt-get install -y postgresql")

// shared is the server that most tests of a binary use, each in a schema of its
// own: starting one takes seconds.
var shared = sync.OnceValues(func() (*Cluster, error) {
	if dir := os.Getenv(databaseEnv); dir != "" {
		return &Cluster{dir: dir}, nil // of the binary that started this one
	}
	return start()
})

// URL returns the URL of an empty schema on a server that all tests of the binary
// share. It skips the test when PostgreSQL is not installed.
func URL(t testing.TB) string {
	t.Helper()
	c, err := shared()
	check(t, err)
	return c.URL(t)
}

// Start starts a server for one test, which may stop it. It skips the test when
// PostgreSQL is not installed.
func Start(t testing.TB) *Cluster {
	t.Helper()
	c, err := start()
	check(t, err)
	t.Cleanup(func() { c.alive.Close() })
	return c
}

func check(t testing.TB, err error) {
	t.Helper()
	if errors.Is(err, errAbsent) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func start() (*Cluster, error) {
	c := &Cluster{}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		path, err := exec.LookPath("initdb")
		if err != nil {
			return nil, errAbsent
		}
		found = []string{path}
	}
	c.bin = filepath.Dir(found[len(found)-1])
	if c.dir, err = os.MkdirTemp("", "yizhan-postgres-"); err != nil {
		return nil, err
	}
	if os.Getuid() == 0 { // which PostgreSQL refuses
		if err := c.become("postgres"); err != nil {
			return nil, err
		}
	}
	if err := c.run("initdb", "-D", c.data(), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "-N"); err != nil {
		return nil, err
	}
	// These tests are about processes that die, not about machines that do.
	settings := fmt.Sprintf("listen_addresses = ''\nunix_socket_directories = '%s'\nfsync = off\nfull_page_writes = off\ndeadlock_timeout = 100ms\n", c.dir)
	if err := os.WriteFile(filepath.Join(c.data(), "postgresql.auto.conf"), []byte(settings), 0o600); err != nil {
		return nil, err
	}
	// Who has the name "locked" needs a password.
	hba := []byte("local all locked scram-sha-256\nlocal all all trust\n")
	if err := os.WriteFile(filepath.Join(c.data(), "pg_hba.conf"), hba, 0o600); err != nil {
		return nil, err
	}
	if err := c.Resume(); err != nil {
		return nil, err
	}
	return c, c.endWithBinary()
}

// become makes everything of the cluster belong to a user.
func (c *Cluster) become(name string) error {
	u, err := user.Lookup(name)
	if err != nil {
		return err
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	c.as = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return os.Chown(c.dir, uid, gid)
}

func (c *Cluster) data() string { return filepath.Join(c.dir, "data") }

func (c *Cluster) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Dir = c.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: c.as}
	return cmd
}

// run runs one of PostgreSQL's programs. Its output is in a file: a server that
// keeps a pipe open would keep us waiting.
func (c *Cluster) run(program string, args ...string) error {
	out, err := os.CreateTemp("", "yizhan-postgres-log-")
	if err != nil {
		return err
	}
	defer os.Remove(out.Name())
	defer out.Close()
	cmd := c.command(filepath.Join(c.bin, program), args...)
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Run(); err != nil {
		text, _ := os.ReadFile(out.Name())
		return fmt.Errorf("%s: %w: %s", program, err, bytes.TrimSpace(text))
	}
	return nil
}

// endWithBinary leaves somebody behind who waits for the end of this process,
// however it comes, and then stops the server.
func (c *Cluster) endWithBinary() error {
	watch := c.command("/bin/sh", "-c", `cat >/dev/null; "$0/pg_ctl" -D "$1/data" -m immediate stop >/dev/null 2>&1; rm -rf "$1"`, c.bin, c.dir)
	watch.SysProcAttr.Setpgid = true // an interrupt from the keyboard is not for it
	var err error
	if c.alive, err = watch.StdinPipe(); err != nil {
		return err
	}
	return watch.Start()
}

// Crash stops the server as a power failure would end its processes: open
// transactions are gone, what was committed is there.
func (c *Cluster) Crash() error {
	return c.run("pg_ctl", "-D", c.data(), "-m", "immediate", "-w", "stop")
}

// Resume starts the server and waits until it answers.
func (c *Cluster) Resume() error {
	return c.run("pg_ctl", "-D", c.data(), "-l", filepath.Join(c.dir, "log"), "-w", "start")
}

// URL returns the URL of a new, empty schema on the server.
func (c *Cluster) URL(t testing.TB) string {
	t.Helper()
	schema := fmt.Sprintf("test_%d_%d", os.Getpid(), c.schemas.Add(1))
	db, err := sql.Open("pgx", c.url("postgres", "", ""))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(context.Background(), "CREATE SCHEMA "+schema); err != nil {
		t.Fatal(err)
	}
	return c.url("postgres", "", schema)
}

// As returns the server's URL for somebody with a name and a password.
func (c *Cluster) As(name, password string) string { return c.url(name, password, "") }

func (c *Cluster) url(name, password, schema string) string {
	q := url.Values{"host": {c.dir}}
	if schema != "" {
		q.Set("search_path", schema)
	}
	u := url.URL{Scheme: "postgres", User: url.User(name), Path: "/postgres", RawQuery: q.Encode()}
	if password != "" {
		u.User = url.UserPassword(name, password)
	}
	return u.String()
}
