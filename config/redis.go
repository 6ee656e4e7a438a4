package config

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// Redis is the open Redis. Everything that is put into it begins with Prefix.
type Redis struct {
	Client redis.UniversalClient
	// Prefix is this instance's own: several may share one Redis. It depends on
	// the instance's secret, so all of its processes have the same.
	Prefix string

	file string
	line int
}

// redisParameters are what a URL may have behind its question mark. The others
// that go-redis knows are ours to decide: timeouts, retries, routing.
func redisParameters() []string {
	return []string{"db", "addr", "master_name", "username", "password", "pool_size", "ca"}
}

const redisForms = "写法例如：redis://用户:密码@redis.example.org:6379/0，密码里的特殊字符写成 %XX"

// redis reads the URL of a Redis. No message shows any part of it: where a
// password is not escaped, every part may be one.
func (t *table) redis(key string, to *Secret) {
	value := Secret{}
	if t.secret(key, &value); !value.IsSet() {
		return
	}
	form, err := parseRedis(value.Reveal())
	switch {
	case errors.Is(err, errRedisCA):
		t.fail(key, "file-unreadable", "读不了 ca 指的证书文件", "要一个 PEM 格式的证书，路径以 / 开头；只有 rediss:// 才用得着它")
	case errors.Is(err, errRedisParameter):
		t.fail(key, "bad-value", "网址里有不认识的参数", "问号后面可以有："+strings.Join(redisParameters(), "、"))
	case err != nil:
		t.fail(key, "bad-value", "这不是一个 Redis 的网址", redisForms)
	case form.isOpen():
		t.fail(key, "redis-open", "这个 Redis 不在本机，也没有密码：谁都能连上它",
			"给 Redis 设置密码（requirepass 或 ACL），写进网址")
	default:
		*to = value
	}
}

var (
	errRedisForm      = errors.New("not a URL of a Redis")
	errRedisParameter = errors.New("a parameter that has no effect here")
	errRedisCA        = errors.New("the CA file is of no use")
)

// redisForm is one of the three ways to reach a Redis; the other two are nil.
type redisForm struct {
	single   *redis.Options
	sentinel *redis.FailoverOptions
	cluster  *redis.ClusterOptions
}

// parseRedis reads the URL forms of go-redis: master_name makes it a Sentinel,
// addr without it a Cluster. Its errors show nothing of the URL.
func parseRedis(text string) (f redisForm, err error) {
	u, err := url.Parse(text)
	if err != nil || !slices.Contains([]string{"redis", "rediss", "unix"}, u.Scheme) || u.Fragment != "" {
		return f, errRedisForm
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return f, errRedisForm
	}
	for name := range query {
		if !slices.Contains(redisParameters(), name) {
			return f, errRedisParameter
		}
	}
	roots, err := redisRoots(query.Get("ca"), u.Scheme)
	if err != nil {
		return f, err
	}
	query.Del("ca")
	u.RawQuery = query.Encode()
	switch {
	case query.Has("master_name"):
		f.sentinel, err = redis.ParseFailoverURL(u.String())
	case query.Has("addr"):
		f.cluster, err = redis.ParseClusterURL(u.String())
	default:
		f.single, err = redis.ParseURL(u.String())
	}
	if err != nil || u.Scheme != "unix" && u.Hostname() == "" {
		return redisForm{}, errRedisForm
	}
	f.settle(roots)
	return f, nil
}

func redisRoots(path, scheme string) (*x509.CertPool, error) {
	if path == "" {
		return nil, nil
	}
	data, err := os.ReadFile(path)
	pool := x509.NewCertPool()
	if err != nil || scheme != "rediss" || !pool.AppendCertsFromPEM(data) {
		return nil, errRedisCA
	}
	return pool, nil
}

const (
	redisDial  = time.Second
	redisReply = 2 * time.Second // where a command's context asks for nothing shorter
)

// settle sets what is not the operator's to choose. Nothing is repeated by the
// client: by default it would send any command again after a broken connection,
// and a push would be there twice. Commands end with their context.
func (f redisForm) settle(roots *x509.CertPool) {
	secure := func(c *tls.Config) {
		if c != nil {
			c.RootCAs, c.MinVersion = roots, tls.VersionTLS12
		}
	}
	if o := f.single; o != nil {
		o.MaxRetries, o.ContextTimeoutEnabled, o.DialerRetries, o.DisableIdentity = -1, true, 1, true
		o.DialTimeout, o.ReadTimeout, o.WriteTimeout = redisDial, redisReply, redisReply
		o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
		secure(o.TLSConfig)
	}
	if o := f.sentinel; o != nil {
		o.MaxRetries, o.ContextTimeoutEnabled, o.DialerRetries, o.DisableIdentity = -1, true, 1, true
		o.DialTimeout, o.ReadTimeout, o.WriteTimeout = redisDial, redisReply, redisReply
		secure(o.TLSConfig)
	}
	if o := f.cluster; o != nil {
		o.MaxRetries, o.ContextTimeoutEnabled, o.DialerRetries, o.DisableIdentity = -1, true, 1, true
		o.DialTimeout, o.ReadTimeout, o.WriteTimeout = redisDial, redisReply, redisReply
		o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
		secure(o.TLSConfig)
	}
}

// isOpen reports whether everybody who reaches this Redis may use it: it asks for
// no password and is not on this machine.
func (f redisForm) isOpen() bool { return f.password() == "" && !f.isLocal() }

func (f redisForm) password() string {
	switch {
	case f.sentinel != nil:
		return f.sentinel.Password
	case f.cluster != nil:
		return f.cluster.Password
	default:
		return f.single.Password
	}
}

func (f redisForm) isLocal() bool {
	var addresses []string
	switch {
	case f.sentinel != nil:
		addresses = f.sentinel.SentinelAddrs
	case f.cluster != nil:
		addresses = f.cluster.Addrs
	case f.single.Network == "unix":
		return true
	default:
		addresses = []string{f.single.Addr}
	}
	return !slices.ContainsFunc(addresses, func(a string) bool {
		host, _, err := net.SplitHostPort(a)
		return err != nil || !isLoopback(host)
	})
}

func (f redisForm) isPlain() bool {
	switch {
	case f.sentinel != nil:
		return f.sentinel.TLSConfig == nil
	case f.cluster != nil:
		return f.cluster.TLSConfig == nil
	default:
		return f.single.TLSConfig == nil
	}
}

// OpenRedis opens the Redis of c, which must have one. It does not speak to it:
// a Redis that is away must not keep a program from starting. See [Redis.Check].
func OpenRedis(c *Config) (*Redis, error) {
	form, err := parseRedis(c.Redis.Reveal())
	if err != nil {
		return nil, fmt.Errorf("open the Redis of %s: %w", c.File, err)
	}
	// Everything that it logs comes back as the error of a command, too.
	logging.Disable()
	mac := hmac.New(sha256.New, []byte(c.Secret.Reveal()))
	mac.Write([]byte("redis prefix"))
	r := &Redis{Prefix: "yizhan:" + hex.EncodeToString(mac.Sum(nil)[:6]), file: c.File, line: lineOf(c.lines, "redis")}
	switch {
	case form.sentinel != nil:
		r.Client = redis.NewFailoverClient(form.sentinel)
	case form.cluster != nil:
		r.Client = redis.NewClusterClient(form.cluster)
	default:
		r.Client = redis.NewClient(form.single)
	}
	return r, nil
}

// Close closes all connections.
func (r *Redis) Close() error { return r.Client.Close() }

// checkRedis looks for what is unwise in the URL.
func (c *Config) checkRedis(add addFunc) {
	if !c.Redis.IsSet() {
		return
	}
	form, err := parseRedis(c.Redis.Reveal())
	if err == nil && form.isPlain() && !form.isLocal() {
		add("redis", "plain-redis", "Redis 的密码会以明文经过网络", "改成 rediss://；只在可信的内网里可以不理会")
	}
}
