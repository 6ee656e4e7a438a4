package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const canary = "p4ssw0rd"

func TestParseRedis(t *testing.T) {
	for text, want := range map[string]string{
		"redis://127.0.0.1":                                                 "single 127.0.0.1:6379 0 local plain",
		"redis://u:" + canary + "@r.example.org:7000/3":                     "single r.example.org:7000 3 password plain",
		"rediss://:" + canary + "@r.example.org":                            "single r.example.org:6379 0 password",
		"unix:///run/redis.sock?db=2":                                       "single /run/redis.sock 2 local plain",
		"redis://r.example.org":                                             "single r.example.org:6379 0 open plain",
		"redis://[::1]:6379":                                                "single [::1]:6379 0 local plain",
		"redis://LOCALHOST:6379?pool_size=5":                                "single LOCALHOST:6379 0 local plain",
		"redis://127.0.0.1:1?addr=127.0.0.1:2":                              "cluster 127.0.0.1:1,127.0.0.1:2 local plain",
		"redis://127.0.0.1:1?addr=r.example.org:2":                          "cluster 127.0.0.1:1,r.example.org:2 open plain",
		"rediss://u:" + canary + "@a:1?addr=b:2&addr=c:3":                   "cluster a:1,b:2,c:3 password",
		"redis://s1:26379/4?addr=s2:26379&master_name=m&password=" + canary: "sentinel s1:26379,s2:26379 m 4 password plain",
		"redis://x:" + canary + "@s1:26379?master_name=m":                   "sentinel s1:26379 m 0 open plain", // the Sentinel's password, not the Redis's
	} {
		f, err := parseRedis(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := described(f); got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
}

func described(f redisForm) (s string) {
	switch {
	case f.sentinel != nil:
		s = fmt.Sprintf("sentinel %s %s %d", strings.Join(f.sentinel.SentinelAddrs, ","), f.sentinel.MasterName, f.sentinel.DB)
	case f.cluster != nil:
		s = "cluster " + strings.Join(f.cluster.Addrs, ",")
	default:
		s = fmt.Sprintf("single %s %d", f.single.Addr, f.single.DB)
	}
	if f.password() == canary {
		s += " password"
	}
	if f.isLocal() {
		s += " local"
	}
	if f.isOpen() {
		s += " open"
	}
	if f.isPlain() {
		s += " plain"
	}
	return s
}

// Whatever the URL says, the client repeats nothing and ends with its context.
func TestRedisSettings(t *testing.T) {
	f, err := parseRedis("redis://127.0.0.1")
	if o := f.single; err != nil || o.MaxRetries != -1 || !o.ContextTimeoutEnabled {
		t.Errorf("%+v, %v", o, err)
	}
	f, err = parseRedis("redis://127.0.0.1:1?addr=127.0.0.1:2")
	if o := f.cluster; err != nil || o.MaxRetries != -1 || !o.ContextTimeoutEnabled {
		t.Errorf("%+v, %v", o, err)
	}
	f, err = parseRedis("redis://127.0.0.1:1?master_name=m")
	if o := f.sentinel; err != nil || o.MaxRetries != -1 || !o.ContextTimeoutEnabled {
		t.Errorf("%+v, %v", o, err)
	}
}

// A URL that is refused is not shown, nor any part of it.
func TestLoadRefusesRedis(t *testing.T) {
	notPEM := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(notPEM, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	for text, code := range map[string]string{
		"x":                                    "bad-value",
		"redis://":                             "bad-value",
		"http://r.example.org":                 "bad-value",
		"redis+sentinel://" + canary + "@x":    "bad-value",
		"redis://:" + canary + "#1@127.0.0.1":  "bad-value",
		"redis://:" + canary + "%zz@127.0.0.1": "bad-value",
		"redis://127.0.0.1/" + canary:          "bad-value",
		"redis://127.0.0.1:" + canary:          "bad-value",
		"redis://:x?" + canary + "@127.0.0.1":  "bad-value",
		"redis://127.0.0.1?read_timeout=3":     "bad-value",
		"redis://127.0.0.1?max_retries=3":      "bad-value",
		"redis://127.0.0.1?addr=" + canary:     "bad-value",
		"redis://127.0.0.1?" + canary + "=1":   "bad-value",
		"redis://redis.internal:6379":          "redis-open",
		"rediss://redis.internal:6379":         "redis-open",
		"redis://s:26379?master_name=m":        "redis-open",
		"rediss://127.0.0.1?ca=/" + canary:     "file-unreadable",
		"rediss://127.0.0.1?ca=" + notPEM:      "file-unreadable",
		"redis://127.0.0.1?ca=/" + canary:      "file-unreadable",
		"${REDIS_URL}":                         "variable-unset",
		"[redis://127.0.0.1]":                  "wrong-type",
	} {
		_, err := Load(write(t, minimal+"redis: "+quoteYAML(text)+"\n"), noEnv)
		var e Error
		if !errors.As(err, &e) || e.Code != code || e.Key != "redis" {
			t.Errorf("%s: got %v, want %s", text, err, code)
			continue
		}
		if strings.Contains(err.Error(), canary) {
			t.Errorf("%s: shown in %q", text, err)
		}
	}
}

func quoteYAML(text string) string {
	if strings.HasPrefix(text, "[") {
		return text
	}
	return "'" + text + "'"
}

func TestRedisIsASecret(t *testing.T) {
	c := load(t, minimal+"redis: redis://:"+canary+"@r.example.org\n")
	if got := fmt.Sprintf("%+v %v", c, c.Check()); strings.Contains(got, canary) {
		t.Errorf("shown: %s", got)
	}
	codes := ""
	for _, f := range c.Check() {
		codes += f.Key + " " + f.Code + "\n"
	}
	if !strings.Contains(codes, "redis plain-redis") {
		t.Errorf("findings:\n%s", codes)
	}
	r, err := OpenRedis(c)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	other := load(t, strings.Replace(minimal, "secret: ", "secret: other", 1)+"redis: redis://127.0.0.1\n")
	o, err := OpenRedis(other)
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	if r.Prefix == o.Prefix || !strings.HasPrefix(r.Prefix, "yizhan:") || strings.Contains(r.Prefix, c.Secret.Reveal()[:4]) {
		t.Errorf("prefixes %q and %q", r.Prefix, o.Prefix)
	}
}

func TestReadInfo(t *testing.T) {
	a := "# Server\r\nredis_version:7.0.15\r\n# Memory\r\nmaxmemory:200\r\nmaxmemory_policy:noeviction\r\n"
	b := "redis_version:7.0.15\r\nmaxmemory:100\r\nmaxmemory_policy:allkeys-lru\r\n"
	want := RedisState{Version: "7.0.15", Policy: "allkeys-lru", MaxMemory: 100, Nodes: 2}
	for _, infos := range [][]string{{a, b}, {b, a}} {
		if got := readInfo(infos); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
	if got := readInfo([]string{"maxmemory:0\r\n"}); got != (RedisState{Nodes: 1}) {
		t.Errorf("got %+v", got)
	}
}

func FuzzParseRedis(f *testing.F) {
	f.Add("redis://u:p@h:6379/0?addr=x:1")
	f.Add("unix:///a?db=1")
	f.Fuzz(func(t *testing.T, text string) {
		form, err := parseRedis(text)
		if err != nil {
			return
		}
		form.isOpen()
		form.isPlain()
	})
}
