package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"

	"yizhan/config"
)

// maxReadiness bounds the answer of /readyz: a few alarms.
const maxReadiness = 1 << 20

// askReady asks the daemon on this machine whether it works: the health check of
// an image that has no other program in it.
func (c *call) askReady(ctx context.Context) error {
	settings, err := config.Load(c.configFile, c.getenv)
	if err != nil {
		return err
	}
	state, err := fetchReadiness(ctx, settings.HTTP.Admin)
	if err != nil {
		return problem{Code: "not-running", Text: "服务没有应答：" + err.Error(), Hint: "用 yizhan serve 启动它；它和这条命令要用同一个配置文件", cause: err}
	}
	if !state.Ready {
		return problem{Code: "not-ready", Text: "服务还不正常：" + state.Error, Hint: "看服务的日志"}
	}
	if done, err := c.answer(state); done {
		return err
	}
	c.printf("服务正常，警报 %d 条", len(state.Alarms))
	return nil
}

// fetchReadiness asks the admin listener at address; one that listens everywhere
// is asked at home.
func fetchReadiness(ctx context.Context, address string) (state readiness, err error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return state, err
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	ctx, cancel := context.WithTimeout(ctx, 2*readyLimit)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+"/readyz", nil)
	if err != nil {
		return state, err
	}
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return state, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxReadiness))
	if err != nil {
		return state, err
	}
	if err := json.Unmarshal(body, &state); err != nil {
		return state, fmt.Errorf("%s: somebody else answers there: %w", address, err)
	}
	return state, nil
}
