package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"

	"yizhan/config"
	"yizhan/dispatch/standin"
)

// demoCmd shows the whole path of the data on one machine: a sample issue, a
// list of subscribers, a relay that misbehaves as real ones do, an official account.
// Nothing but these and the people is made up: what runs is the daemon that serve
// runs.
type demoCmd struct {
	HTTP string `name:"http" placeholder:"ADDR" help:"网页的地址；默认 127.0.0.1:8025，被占用就另选一个端口。 [listen address]"`
	Dir  string `placeholder:"DIR" help:"数据留在这个目录里，目录要是空的；默认用临时目录，结束时删掉。 [keep the data here]"`
	Exit bool   `help:"发行完就结束；和剧本一致时退出码是 0。 [end after the run]"`

	pace time.Duration // of the relay for each mail; 0: demoPace
}

const (
	demoListen = "127.0.0.1:8025"
	// demoPace with four connections: some forty mails in about four seconds.
	demoPace = 350 * time.Millisecond
)

//go:embed sample/*
var sampleFiles embed.FS

// The files of the sample; the demo lays them into its directory.
const (
	sampleIssue       = "issue-37.txt"
	sampleSubscribers = "subscribers.csv"
)

// Run implements the command.
func (d *demoCmd) Run(ctx context.Context, c *call) (err error) {
	s := &stage{call: c, exit: d.Exit, script: &script{
		mishaps: mishaps(), curtain: make(chan struct{}), pace: cmp.Or(d.pace, demoPace),
	}}
	defer func() { err = errors.Join(err, s.clear()) }()
	if err := s.build(ctx, d); err != nil {
		return err
	}
	return s.run(ctx)
}

// stage is what the demo runs on.
type stage struct {
	*call
	*instance
	script  *script
	sink    *standin.Sink
	account *standin.WeChat
	openids []string // that follow the account at the beginning
	public  net.Listener
	admin   net.Listener
	dir     string // absolute
	exit    bool

	undo []func() error
}

// later remembers what is to be undone at the end, last thing first.
func (s *stage) later(f func() error) { s.undo = append(s.undo, f) }

func (s *stage) clear() error {
	var errs []error
	for _, f := range slices.Backward(s.undo) {
		if err := f(); !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// build makes the directory, opens the listeners, the relay and the account, writes a
// configuration for them and opens the instance that it describes.
func (s *stage) build(ctx context.Context, d *demoCmd) error {
	if err := s.furnish(d.Dir); err != nil {
		return err
	}
	var err error
	if s.public, err = s.listen(d.HTTP); err != nil {
		return err
	}
	s.later(s.public.Close)
	if s.admin, err = listen("http.admin", "127.0.0.1:0"); err != nil {
		return err
	}
	s.later(s.admin.Close)
	if s.sink, err = standin.New(standin.Options{Dir: s.dir, Script: s.script.fault}); err != nil {
		return err
	}
	publicURL := reachable(d.HTTP, s.public.Addr())
	o, err := s.newAccount(publicURL)
	if err != nil {
		return err
	}
	s.openids = o.Followers
	if s.account, err = standin.NewWeChat(o); err != nil {
		return err
	}
	s.configFile = filepath.Join(s.dir, config.FileName)
	if err := os.WriteFile(s.configFile, s.configuration(publicURL, o), 0o600); err != nil {
		return err
	}
	log, err := os.Create(filepath.Join(s.dir, "yizhan.log"))
	if err != nil {
		return err
	}
	s.later(log.Close)
	s.instance, err = s.open(ctx, slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{ReplaceAttr: masked})))
	if err != nil {
		return err
	}
	s.later(s.instance.close)
	return nil
}

// furnish makes the directory and lays the sample into it. A directory in which
// there is something may be a real instance: it is refused.
func (s *stage) furnish(dir string) error {
	if dir == "" {
		made, err := os.MkdirTemp("", "yizhan-demo-")
		if err != nil {
			return err
		}
		dir = made
		s.later(func() error { return os.RemoveAll(made) })
	}
	var err error
	if s.dir, err = filepath.Abs(dir); err != nil {
		return err
	}
	if err := os.MkdirAll(s.dir, 0o755); err != nil {
		return err
	}
	there, err := os.ReadDir(s.dir)
	if err != nil {
		return err
	}
	if len(there) > 0 {
		return problem{Code: "not-empty", Text: "目录 " + s.dir + " 不是空的", Hint: "用 --dir 指定一个空目录，或者不写 --dir", usage: true}
	}
	for _, name := range []string{sampleIssue, sampleSubscribers} {
		data, err := fs.ReadFile(sampleFiles, "sample/"+name)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(s.dir, name), data, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// listen opens the listener of the pages. Only where nobody asked for a port is
// another as good.
func (s *stage) listen(address string) (net.Listener, error) {
	if address != "" {
		return listen("--http", address)
	}
	l, err := listen("--http", demoListen)
	if err != nil {
		return listen("--http", "127.0.0.1:0")
	}
	return l, nil
}

// reachable is where a browser on this machine finds a listener.
func reachable(asked string, at net.Addr) string {
	host, port, _ := net.SplitHostPort(at.String())
	if name, _, _ := net.SplitHostPort(asked); name != "" && net.ParseIP(name) == nil {
		host = name
	} else if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port)
}

// configuration is that of the demo: short waits, a relay and an account on this
// machine.
func (s *stage) configuration(publicURL string, o standin.WeChatOptions) []byte {
	return fmt.Appendf(nil, `# 演示用的配置。邮件和公众号消息只到本机的替身，不会发到外面。
title: 港城茗讯
public_url: %q
data_dir: data
secret: %q
shutdown_grace: 5s
imprint: {address: 澜港市仓前街 1 号, contact: 协会秘书处}
http: {listen: %q, admin: %q}
channels:
  email:
    from: "澜港市茶叶与咖啡行业协会 <news@langang-tea.example>"
    smtp: {address: %q, tls: none}
    connections: 4
    rate: 100/s
    retry: [1s, 2s]        # 真用的时候从 5m 起
    give_up: 1m
    after_lost_reply: retry
  wechat:
    account: service
    app_id: %s
    app_secret: %q
    token: %q
    aes_key: %q
    api_url: %q
    retry: [1s, 2s]
    give_up: 1m
`, publicURL, rand.Text()+rand.Text(), s.public.Addr(), s.admin.Addr(), s.sink.Addr(), o.AppID, o.Secret, o.Token, o.AESKey, s.account.URL())
}

// run starts the relay, the account and the daemon, lets the play go on, and stops
// them: the other sides last, for they still have answers to give.
func (s *stage) run(ctx context.Context) error {
	others, closeOthers := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan error, 2)
	go func() { ended <- s.sink.Run(others) }()
	go func() { ended <- s.account.Run(others) }()
	err := s.serve(ctx)
	closeOthers()
	return errors.Join(err, <-ended, <-ended)
}

func (s *stage) serve(ctx context.Context) error {
	pages, err := s.pages()
	if err != nil {
		return err
	}
	d := daemon{instance: s.instance, public: s.public, admin: s.admin, more: pages}
	working, stop := context.WithCancelCause(ctx)
	ready, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		stop(d.run(working, func() error { close(ready); return nil }))
	}()
	defer func() {
		stop(nil)
		<-ended
	}()
	select {
	case <-ready:
	case <-working.Done():
		return context.Cause(working)
	}
	fmt.Fprintln(s.stdout, "ready", s.config.PublicURL)
	if err := s.play(working); err != nil {
		if ctx.Err() != nil && !s.exit {
			return nil // somebody has seen enough
		}
		return err
	}
	if s.exit {
		return nil
	}
	s.invite()
	<-working.Done()
	if ctx.Err() != nil {
		return nil
	}
	return context.Cause(working)
}
