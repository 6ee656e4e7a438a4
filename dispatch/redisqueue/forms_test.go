package redisqueue_test

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"yizhan/config"
	"yizhan/dispatch"
	"yizhan/dispatch/dispatchtest"
	"yizhan/dispatch/redisqueue"
	"yizhan/dispatch/standin"
)

// configured opens the Redis of a URL as the daemon does.
func configured(t testing.TB, url string) *config.Redis {
	t.Helper()
	c := config.Default()
	c.Secret, c.Redis = config.NewSecret("0123456789abcdef0123456789abcdef"), config.NewSecret(url)
	r, err := config.OpenRedis(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

func shared(t testing.TB, r *config.Redis) *redisqueue.Queue {
	t.Helper()
	q, err := redisqueue.New(redisqueue.Options{Client: r.Client, Prefix: r.Prefix, Block: 50 * time.Millisecond, Timeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// works checks a Redis and brings an entry through.
func works(t testing.TB, url string) *config.Redis {
	t.Helper()
	r := configured(t, url)
	state, findings, err := r.Check(t.Context())
	if err != nil || len(findings) > 0 || state.Policy != "noeviction" || state.Version == "" {
		t.Fatalf("%+v, %v, %v", state, findings, err)
	}
	q := shared(t, r)
	if err := q.Probe(t.Context()); err != nil {
		t.Fatal(err)
	}
	push(t, q, "email", 1, 2)
	if e := pull(t, q, "email"); !slices.Equal(e.Deliveries, []int64{1, 2}) {
		t.Errorf("pulled %v", e)
	}
	return r
}

// port finds one that nobody listens on.
func port(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, p, _ := net.SplitHostPort(l.Addr().String())
	return p
}

func TestPasswordAndDatabase(t *testing.T) {
	s := dispatchtest.StartRedis(t, "--requirepass", "pa ss/word")
	r := works(t, "unix://:pa%20ss%2Fword@"+s.Socket+"?db=3")
	if n := r.Client.DBSize(t.Context()).Val(); n != 2 {
		t.Errorf("%d keys in database 3", n)
	}
	for _, url := range []string{"unix://" + s.Socket, "unix://:wrong-one@" + s.Socket} {
		_, _, err := configured(t, url).Check(t.Context())
		var e config.Error
		if !errors.As(err, &e) || e.Code != "redis-refused" || strings.Contains(err.Error(), "wrong-one") {
			t.Errorf("%s: %v", url, err)
		}
	}
}

func TestTLS(t *testing.T) {
	dir := t.TempDir()
	certificate, ca, err := standin.SelfSigned("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	key, err := x509.MarshalPKCS8PrivateKey(certificate.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"ca.pem": ca, "key.pem": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p := port(t)
	dispatchtest.StartRedis(t, "--tls-port", p, "--tls-auth-clients", "no",
		"--tls-cert-file", filepath.Join(dir, "ca.pem"), "--tls-key-file", filepath.Join(dir, "key.pem"))
	works(t, "rediss://127.0.0.1:"+p+"?ca="+filepath.Join(dir, "ca.pem"))
	if _, _, err := configured(t, "rediss://127.0.0.1:"+p).Check(t.Context()); err == nil {
		t.Error("a certificate of nobody's was trusted")
	}
}

func TestSentinel(t *testing.T) {
	masterPort, sentinelPort := port(t), port(t)
	dispatchtest.StartRedis(t, "--port", masterPort)
	conf := filepath.Join(t.TempDir(), "sentinel.conf")
	if err := os.WriteFile(conf, fmt.Appendf(nil, "sentinel monitor news 127.0.0.1 %s 1\n", masterPort), 0o600); err != nil {
		t.Fatal(err)
	}
	dispatchtest.StartSentinel(t, conf, sentinelPort)
	works(t, "redis://127.0.0.1:"+sentinelPort+"?master_name=news")
}

// TestCluster: the keys of a channel are on one node, those of another channel or
// the epoch may be elsewhere, and a node that loses all it has is noticed.
func TestCluster(t *testing.T) {
	var ports []string
	var nodes []*redis.Client
	for range 2 {
		p := port(t)
		s := dispatchtest.StartRedis(t, "--port", p, "--cluster-enabled", "yes", "--cluster-port", port(t), "--cluster-node-timeout", "2000")
		ports, nodes = append(ports, p), append(nodes, client(t, "unix", s.Socket))
	}
	ctx := t.Context()
	for i, slots := range [][2]int{{0, 8191}, {8192, 16383}} {
		if err := nodes[i].ClusterAddSlotsRange(ctx, slots[0], slots[1]).Err(); err != nil {
			t.Fatal(err)
		}
	}
	bus := nodes[1].ConfigGet(ctx, "cluster-port").Val()["cluster-port"]
	if err := nodes[0].Do(ctx, "CLUSTER", "MEET", "127.0.0.1", ports[1], bus).Err(); err != nil {
		t.Fatal(err)
	}
	patience := time.After(30 * time.Second)
	for _, n := range nodes {
		for !strings.Contains(n.ClusterInfo(ctx).Val(), "cluster_state:ok") || !strings.Contains(n.ClusterInfo(ctx).Val(), "cluster_known_nodes:2") {
			select {
			case <-patience:
				t.Fatal(n.ClusterInfo(ctx).Val())
			case <-time.After(20 * time.Millisecond):
			}
		}
	}
	rule := []any{"ACL", "SETUSER", "yizhan", "on", ">secret", "resetkeys", "~yizhan:*", "~test:*", "-@all", "+cluster|slots", "+command"}
	for _, command := range redisqueue.Commands() {
		rule = append(rule, "+"+command)
	}
	for _, n := range nodes {
		if err := n.Do(ctx, rule...).Err(); err != nil {
			t.Fatal(err)
		}
	}
	r := works(t, "redis://yizhan:secret@127.0.0.1:"+ports[0]+"?addr=127.0.0.1:"+ports[1])
	if state, err := r.State(ctx); err != nil || state.Nodes != 2 {
		t.Errorf("%+v, %v", state, err)
	}
	q := shared(t, r)
	dispatchtest.ExerciseQueue(t, func(t *testing.T) dispatch.Queue { return patient(t, r.Client) })
	dispatchtest.ExerciseLimits(t, func(t *testing.T) dispatch.Limits { return limits(t, r.Client) })

	epochs, err := nodes[0].ClusterKeySlot(ctx, r.Prefix+":epoch").Result()
	if err != nil {
		t.Fatal(err)
	}
	// A channel whose stream is on the node that does not have the epoch.
	far, home := "", nodes[epochs/8192]
	for i := 0; far == ""; i++ {
		name := fmt.Sprint("channel", i)
		if slot := nodes[0].ClusterKeySlot(ctx, r.Prefix+":{"+name+"}:queue").Val(); slot/8192 != epochs/8192 {
			far = name
		}
	}
	push(t, q, far, 1)
	before := epoch(t, q)
	other := nodes[1-slices.Index(nodes, home)]
	if err := other.FlushAll(ctx).Err(); err != nil {
		t.Fatal(err)
	}
	limit, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
	defer cancel()
	if e, err := q.Pull(limit, far); err == nil {
		t.Errorf("pulled %v out of nothing", e)
	}
	if after := epoch(t, q); after == before {
		t.Error("the loss of one node was not noticed")
	}
}

// What a server says about itself decides whether it is relied on.
func TestCheck(t *testing.T) {
	s := dispatchtest.StartRedis(t)
	admin := client(t, "unix", s.Socket)
	r := configured(t, "unix://"+s.Socket)
	for policy, want := range map[string]string{
		"noeviction": "", "allkeys-lru": "error redis-evicts", "allkeys-random": "error redis-evicts", "volatile-lru": "finding redis-policy",
	} {
		admin.ConfigSet(t.Context(), "maxmemory-policy", policy)
		if got := verdict(r.Check(t.Context())); got != want {
			t.Errorf("%s: %q, want %q", policy, got, want)
		}
	}
	admin.ConfigSet(t.Context(), "maxmemory-policy", "noeviction")
	admin.ConfigSet(t.Context(), "maxmemory", "50mb")
	if state, err := r.State(t.Context()); err != nil || state.MaxMemory != 50<<20 || state.Nodes != 1 {
		t.Errorf("%+v, %v", state, err)
	}
	admin.Do(t.Context(), "ACL", "SETUSER", "modest", "on", ">secret", "~yizhan:*", "-@all", "+ping")
	if got := verdict(configured(t, "unix://modest:secret@"+s.Socket).Check(t.Context())); got != "finding redis-hidden" {
		t.Errorf("without INFO: %q", got)
	}
	s.Kill()
	if got := verdict(r.Check(t.Context())); got != "error redis-unreachable" {
		t.Errorf("after its end: %q", got)
	}
}

func verdict(_ config.RedisState, findings []config.Finding, err error) string {
	var e config.Error
	switch {
	case errors.As(err, &e):
		return "error " + e.Code
	case err != nil:
		return err.Error()
	case len(findings) > 0:
		return "finding " + findings[0].Code
	}
	return ""
}
