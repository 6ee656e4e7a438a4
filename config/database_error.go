package config

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// databaseError says what is wrong with the database at path. An error that it
// has no advice for comes back with its own words.
func databaseError(path string, err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("open the database %s: %w", path, err)
	}
	e := Error{File: path, Key: "data_dir", Code: "database", Text: "数据库出错：" + err.Error(), cause: err}
	switch databaseFault(err) {
	case faultDenied:
		e.Code, e.Text = "database-not-writable", "不能写数据库：没有权限，或者路径不对"
		e.Hint = "检查 data_dir，并让运行 yizhan 的用户拥有这个目录和里面的文件"
	case faultFull:
		e.Code, e.Text = "disk-full", "磁盘满了，写不了数据库"
		e.Hint = "腾出空间后再启动；已经写下的都还在"
	case faultForeign:
		e.Code, e.Text = "not-a-database", "这个文件不是 SQLite 数据库"
		e.Hint = "检查 data_dir；如果文件损坏了，从备份恢复"
	case faultCorrupt:
		e.Code, e.Text = "database-corrupt", "数据库文件损坏了"
		e.Hint = "停止 yizhan，从备份恢复；不要删除旁边的 -wal 文件"
	case faultBusy:
		e.Code, e.Text = "database-busy", "别的程序占着数据库，等了 "+busyTimeout.String()+" 还不放"
		e.Hint = "看看有没有别的程序打开了它，稍后再试"
	case faultSetting:
		e.Code, e.Text = "database-setting", "这里的文件系统不支持数据库需要的功能："+err.Error()
		e.Hint = "data_dir 要放在本机磁盘上，不要放在网络共享目录里"
	}
	return e
}

// newerError says that a newer program has migrated the database; named has the
// file and key to look at.
func newerError(named Error, table string, got, known int64) error {
	named.Code = "database-newer"
	named.Text = fmt.Sprintf("数据库是更新版本的 yizhan 建的（%s 是第 %d 版，本程序只认识到第 %d 版）", table, got, known)
	named.Hint = "请使用更新的 yizhan，或者恢复升级前的备份"
	return named
}

// fault is a kind of database error that has its own advice.
type fault int

const (
	faultOther fault = iota
	faultDenied
	faultFull
	faultForeign
	faultCorrupt
	faultBusy
	faultSetting
)

func databaseFault(err error) fault {
	if errors.Is(err, errSetting) {
		return faultSetting
	}
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return faultFull
	}
	var path *fs.PathError
	if errors.As(err, &path) {
		return faultDenied
	}
	var lite *sqlite.Error
	if !errors.As(err, &lite) {
		return faultOther
	}
	// The low byte is the primary code, what is above it only refines it.
	switch lite.Code() & 0xff {
	case sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM:
		return faultDenied
	case sqlite3.SQLITE_FULL:
		return faultFull
	case sqlite3.SQLITE_NOTADB:
		return faultForeign
	case sqlite3.SQLITE_CORRUPT:
		return faultCorrupt
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL:
		return faultBusy
	default:
		return faultOther
	}
}
