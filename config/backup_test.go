package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// A backup has what was committed, while somebody else has a transaction open
// and the log of the database has not been written back.
func TestBackup(t *testing.T) {
	c := Default()
	c.DataDir = t.TempDir()
	d, err := Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if _, err := d.Write.Exec("CREATE TABLE t (n INTEGER); INSERT INTO t VALUES (1), (2)"); err != nil {
		t.Fatal(err)
	}
	open, err := d.Write.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer open.Rollback()
	if _, err := open.Exec("INSERT INTO t VALUES (3)"); err != nil {
		t.Fatal(err)
	}

	other, err := Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	copied := Default()
	copied.DataDir = t.TempDir()
	path := filepath.Join(copied.DataDir, "yizhan.db")
	if err := other.Backup(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	b, err := Open(t.Context(), copied)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	var check string
	var n int
	if err := b.Read.QueryRow("SELECT count(*) FROM t").Scan(&n); err != nil || n != 2 {
		t.Errorf("the copy has %d rows: %v", n, err)
	}
	if err := b.Read.QueryRow("PRAGMA integrity_check").Scan(&check); err != nil || check != "ok" {
		t.Errorf("integrity: %s, %v", check, err)
	}
}

func TestBackupRefuses(t *testing.T) {
	c := Default()
	c.DataDir = t.TempDir()
	d, err := Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	there := filepath.Join(t.TempDir(), "there")
	if err := os.WriteFile(there, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{there: "file-exists", filepath.Join(there, "below"): "file-unwritable"} {
		err := d.Backup(t.Context(), path)
		if e, ok := errors.AsType[Error](err); !ok || e.Code != want {
			t.Errorf("%s: got %v, want %s", path, err, want)
		}
	}
	if text, err := os.ReadFile(there); fmt.Sprint(string(text), err) != "mine<nil>" {
		t.Errorf("the file was changed: %s %v", text, err)
	}
	server := Database{Dialect: PostgreSQL}
	if e, ok := errors.AsType[Error](server.Backup(t.Context(), there+"2")); !ok || e.Code != "backup-server" {
		t.Error("a server is backed up to a file")
	}
}
