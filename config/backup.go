package config

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// Backup writes a copy of the database to a new file at path, which only its
// owner may read. It may be called while any number of processes work on the
// database: the copy is what was committed when it began. It is for SQLite; a
// server has ways of its own, and the error then has code backup-server. A file
// that is there already is left alone: code file-exists.
func (d *Database) Backup(ctx context.Context, path string) error {
	if d.Dialect != SQLite {
		return Error{
			Code: "backup-server", Text: "数据库不在 data_dir 里，不能这样备份",
			Hint: "PostgreSQL 用 pg_dump 备份，见 docs/operate.md",
		}
	}
	// VACUUM INTO takes an empty file, and would let everybody read a new one.
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return Error{File: path, Code: "file-exists", Text: "这个文件已经有了，没有改动它", Hint: "换一个文件名，例如带上日期", cause: err}
	}
	if err != nil {
		return Error{File: path, Code: "file-unwritable", Text: "写不了备份文件：" + Reason(err), Hint: "换一个能写的目录", cause: err}
	}
	// Write, as query_only refuses it; it takes no lock that keeps others from writing.
	_, err = d.Write.ExecContext(ctx, "VACUUM INTO $1", path)
	// The copy comes to the disk before anybody is told that there is a backup.
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(fmt.Errorf("back up the database to %s: %w", path, err), os.Remove(path))
	}
	return nil
}
