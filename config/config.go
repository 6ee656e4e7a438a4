// Package config reads yizhan.yaml and opens the database and the Redis that it
// names.
//
// It promises to name every error of a file at once, each with its line and
// with what to do about it; to accept no option that has no effect; and never
// to show a secret.
package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"syscall"
	"time"
	_ "time/tzdata" // small images have no zone files
)

// maxFile bounds a configuration file; real ones have a few kilobytes.
const maxFile = 1 << 20

// minSecret is the least length of the instance's secret, in bytes: 128 bits
// even when it is written in hexadecimal.
const minSecret = 32

// Config is a whole, checked configuration. Paths are absolute, addresses are
// valid, and what the file leaves out has its default.
type Config struct {
	File          string         // where it came from
	Title         string         // of the periodical, for issues that do not say
	PublicURL     string         // scheme and host of the public pages, no slash at the end
	Timezone      *time.Location // of dates that people read
	DataDir       string         // holds the database
	Secret        Secret         // signs the links of subscribers
	OldSecrets    []Secret       // former secrets, newest first; the last one keys the addresses for ever
	Database      Secret         // URL of a PostgreSQL, with its password; unset: SQLite in DataDir
	Durability    Durability
	Redis         Secret // URL of the queue that several processes share; unset: none, see OpenRedis
	HTTP          HTTP
	ShutdownGrace time.Duration // how long a stop waits for replies that are under way
	Imprint       Imprint
	Pages         Pages
	Theme         Theme // colours, logo and signature
	Lints         Lints
	Templates     string // folder whose files replace the built-in templates; "" for none
	Channels      Channels
	Schedules     []Schedule
	Alerts        Alerts

	lines    map[string]int
	findings []Finding
}

// Durability says what a power failure may take back; a crash of the program
// takes nothing in either case.
type Durability string

// DurabilityNormal may lose the last second of marks when the power fails,
// DurabilityFull nothing. PostgreSQL loses nothing in either case.
const (
	DurabilityNormal Durability = "normal"
	DurabilityFull   Durability = "full"
)

// HTTP names the two listeners, each as HOST:PORT.
type HTTP struct {
	Listen string // public pages
	Admin  string // /metrics, /readyz, /healthz
	// networks of the proxies whose X-Forwarded-For is believed
	TrustedProxies []netip.Prefix
}

// Imprint is printed where the law asks for it.
type Imprint struct {
	Address string // postal address
	Contact string // telephone or mail address
	ICP     string // number of the site's ICP filing
}

// Channels has one section for each channel.
type Channels struct {
	Email  Email
	WeChat WeChat
}

// Default gives the configuration of an empty file. It lacks what has no
// default: PublicURL, Secret, and the sender and relay of the email channel.
func Default() *Config {
	zone, err := time.LoadLocation("Asia/Shanghai")
	if err != nil {
		panic("the embedded zone data lacks Asia/Shanghai: " + err.Error())
	}
	return &Config{
		Timezone:      zone,
		DataDir:       "data",
		Durability:    DurabilityNormal,
		HTTP:          HTTP{Listen: "127.0.0.1:8080", Admin: "127.0.0.1:8081"},
		ShutdownGrace: 30 * time.Second,
		Lints:         defaultLints(),
		Pages:         defaultPages(),
		Channels:      Channels{Email: defaultEmail(), WeChat: defaultWeChat()},
	}
}

// Load reads the file at path. getenv gives the values of ${NAME}; os.Getenv
// is the usual one. The error is of type Errors and has all that is wrong.
func Load(path string, getenv func(string) string) (*Config, error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, Errors{{File: path, Code: "file-unreadable", Text: "找不到当前目录：" + err.Error(), cause: err}}
	}
	data, info, err := readBounded(absolute, maxFile)
	if err != nil {
		return nil, Errors{unreadable(path, err)}
	}
	d := &document{file: path, dir: filepath.Dir(absolute), getenv: getenv, lines: make(map[string]int)}
	c := Default()
	c.File = path
	if top := d.parse(data); top != nil {
		top.config(c)
	}
	if d.literal && isExposed(info) {
		d.findings = append(d.findings, Finding{
			File: path, Code: "file-exposed",
			Text: "配置文件里写着密码，而本机的任何用户都能读到它", Hint: "chmod 600 " + path,
		})
	}
	if len(d.errs) > 0 {
		d.errs.sort()
		return nil, d.errs
	}
	c.lines, c.findings = d.lines, d.findings
	return c, nil
}

// config reads the root of the file into c.
func (t *table) config(c *Config) {
	t.text("title", &c.Title)
	t.origin("public_url", &c.PublicURL)
	t.require("public_url", "订户从邮件里点开的网址，例如：https://news.example.org")
	t.zone("timezone", &c.Timezone)
	c.DataDir = t.doc.resolve(c.DataDir)
	t.filePath("data_dir", &c.DataDir)
	t.secret("secret", &c.Secret)
	t.require("secret", "用 openssl rand -hex 32 生成一个；yizhan init 生成的文件里已经有了")
	if c.Secret.IsSet() && len(c.Secret.Reveal()) < minSecret {
		t.fail("secret", "too-short", fmt.Sprintf("太短，至少要 %d 个字符", minSecret), "用 openssl rand -hex 32 生成一个")
	}
	t.secrets("old_secrets", &c.OldSecrets)
	t.postgres("database", &c.Database)
	choice(t, "durability", &c.Durability, DurabilityNormal, DurabilityFull)
	t.redis("redis", &c.Redis)
	t.duration("shutdown_grace", &c.ShutdownGrace, 0, 10*time.Minute)
	t.folder("templates", &c.Templates)

	http := t.child("http")
	http.hostPort("listen", &c.HTTP.Listen, 0, true, "127.0.0.1:8080")
	http.hostPort("admin", &c.HTTP.Admin, 0, true, "127.0.0.1:8081")
	if c.HTTP.Listen == c.HTTP.Admin && !isPortZero(c.HTTP.Listen) {
		http.fail("admin", "conflict", "和 http.listen 是同一个地址", "换一个端口")
	}
	http.networks("trusted_proxies", &c.HTTP.TrustedProxies)
	http.done()

	imprint := t.child("imprint")
	imprint.text("address", &c.Imprint.Address)
	imprint.text("contact", &c.Imprint.Contact)
	imprint.text("icp", &c.Imprint.ICP)
	imprint.done()

	t.child("pages").pages(&c.Pages)

	t.child("theme").theme(&c.Theme)
	t.child("lints").lints(&c.Lints)

	channels := t.child("channels")
	channels.child("email").email(&c.Channels.Email, c.PublicURL)
	channels.child("wechat").wechat(&c.Channels.WeChat)
	channels.done()

	t.schedules("schedules", &c.Schedules, c.Timezone)
	t.child("alerts").alerts(&c.Alerts)
	t.done()
}

// zone reads a name of the zone database. "Local" is refused: it means another
// zone on another machine.
func (t *table) zone(key string, to **time.Location) {
	name := ""
	if t.text(key, &name); name == "" {
		return
	}
	zone, err := time.LoadLocation(name)
	if err != nil || name == "Local" {
		t.wrong(key, name, "Asia/Shanghai")
		return
	}
	*to = zone
}

// folder reads the path of a directory that must exist.
func (t *table) folder(key string, to *string) {
	path := ""
	if t.filePath(key, &path); path == "" {
		return
	}
	info, err := os.Stat(path)
	if err == nil && !info.IsDir() {
		t.fail(key, "file-unreadable", path+" 不是目录", "路径从配置文件所在的目录算起")
		return
	}
	if err != nil {
		t.fail(key, "file-unreadable", "读不了目录 "+path+"："+Reason(err), "路径从配置文件所在的目录算起")
		return
	}
	*to = path
}

// readBounded reads a regular file of at most limit bytes.
func readBounded(path string, limit int64) ([]byte, os.FileInfo, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return nil, nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, nil, err
	}
	if int64(len(data)) > limit {
		return nil, nil, errTooLarge
	}
	return data, info, nil
}

var errTooLarge = errors.New("file is too large")

func unreadable(path string, err error) Error {
	e := Error{File: path, Code: "file-unreadable", Text: "读不了配置文件：" + Reason(err), cause: err}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		e.Code, e.Hint = "file-missing", "用 yizhan init 生成一个，或者用 -c 指定文件"
	case errors.Is(err, errTooLarge):
		e.Code, e.Hint = "file-too-large", "检查 -c 指定的是不是配置文件"
	}
	return e
}

// Reason says in Chinese why a file could not be read or written.
func Reason(err error) string {
	var path *fs.PathError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "文件或它所在的目录不存在"
	case errors.Is(err, fs.ErrPermission):
		return "没有权限"
	case errors.Is(err, syscall.EISDIR):
		return "这是一个目录"
	case errors.Is(err, syscall.ENOTDIR):
		return "路径中间有一段不是目录"
	case errors.Is(err, syscall.EROFS):
		return "这里只能读，不能写"
	case errors.Is(err, syscall.ENOSPC):
		return "磁盘满了"
	case errors.Is(err, errTooLarge):
		return "文件太大"
	case errors.Is(err, errNoCertificate):
		return "里面没有证书"
	case errors.As(err, &path):
		return path.Err.Error()
	default:
		return err.Error()
	}
}
