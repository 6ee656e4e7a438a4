package config

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// postgresError says what is wrong with a PostgreSQL; e names where the file
// tells of it. The driver leaves passwords out of its own words.
func postgresError(e Error, err error) error {
	if errors.Is(err, context.Canceled) {
		return fmt.Errorf("open the database: %w", err)
	}
	e.Code, e.Text, e.cause = "database", "数据库出错："+oneLine(err), err
	var refused *pgconn.PgError
	var unreached *pgconn.ConnectError
	switch {
	case errors.Is(err, errStandby):
		e.Code, e.Text = "database-not-writable", "这台 PostgreSQL 是只读的备库"
		e.Hint = "写主库的地址；有多台时列出全部主机并加上 ?target_session_attrs=read-write"
	case errors.Is(err, errNoSchema):
		e.Code, e.Text = "database-missing", "search_path 里没有已经存在的 schema"
		e.Hint = "先建好它：CREATE SCHEMA …；或者去掉网址里的 search_path"
	case errors.Is(err, errEncoding):
		e.Code, e.Text = "database-setting", "数据库的编码不是 UTF8，存不了中文"
		e.Hint = "重新建库：createdb -E UTF8 -T template0 yizhan"
	case errors.As(err, &refused):
		e.refused(refused)
	case errors.As(err, &unreached):
		e.Code, e.Text = "database-unreachable", "连不上 PostgreSQL："+oneLine(unreached)
		e.Hint = "检查 database 里的主机和端口，以及 PostgreSQL 是否在运行、是否接受这台机器的连接"
	}
	return e
}

// refused explains what the server answered; the codes are those of appendix A
// of the PostgreSQL 17 manual.
func (e *Error) refused(r *pgconn.PgError) {
	switch r.Code {
	case "28P01", "28000":
		e.Code, e.Text = "database-denied", "PostgreSQL 不让登录："+r.Message
		e.Hint = "检查 database 里的用户名和密码，以及服务器上的 pg_hba.conf"
	case "3D000":
		e.Code, e.Text = "database-missing", "PostgreSQL 里没有这个数据库："+r.Message
		e.Hint = "先建好它：createdb -E UTF8 -O 用户 数据库"
	case "42501":
		e.Code, e.Text = "database-not-writable", "数据库的权限不够："+r.Message
		e.Hint = "让这个用户拥有数据库，或者执行 GRANT CREATE ON SCHEMA public TO 用户"
	case "53300":
		e.Code, e.Text = "database-busy", "PostgreSQL 的连接用完了"
		e.Hint = fmt.Sprintf("每个 yizhan 进程最多用 %d 个；调大 max_connections 或少开几个进程", postgresWriters+postgresMarkers+postgresReaders)
	case "57P03":
		e.Code, e.Text, e.Hint = "database-busy", "PostgreSQL 正在启动或停止", "过一会儿再试"
	case "53100":
		e.Code, e.Text = "disk-full", "PostgreSQL 的磁盘满了"
		e.Hint = "腾出空间后再启动；已经写下的都还在"
	}
}

// oneLine leaves out the line breaks between the attempts of a connection.
func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }
