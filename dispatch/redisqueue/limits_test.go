package redisqueue_test

import (
	"crypto/rand"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"yizhan/dispatch"
	"yizhan/dispatch/dispatchtest"
	"yizhan/dispatch/redisqueue"
)

func limits(t testing.TB, c redis.UniversalClient) *redisqueue.Limits {
	t.Helper()
	l, err := redisqueue.NewLimits(redisqueue.LimitOptions{Client: c, Prefix: "test:" + rand.Text(), Timeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestLimitsOnMiniredis(t *testing.T) {
	dispatchtest.ExerciseLimits(t, func(t *testing.T) dispatch.Limits {
		return limits(t, client(t, "tcp", miniredis.RunT(t).Addr()))
	})
}

func TestLimitsOnRedis(t *testing.T) {
	s := dispatchtest.StartRedis(t)
	c := client(t, "unix", s.Socket)
	dispatchtest.ExerciseLimits(t, func(t *testing.T) dispatch.Limits { return limits(t, c) })
}
