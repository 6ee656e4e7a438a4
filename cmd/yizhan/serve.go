package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"regexp"
	"strings"
	"time"

	"yizhan/config"
	"yizhan/dispatch"
	"yizhan/subscribers"
)

// serveCmd runs the daemon.
type serveCmd struct{}

// Run implements the command.
func (s *serveCmd) Run(ctx context.Context, c *call) error {
	i, err := c.open(ctx, c.newLog())
	if err != nil {
		return err
	}
	defer i.close()
	// Before the ports: a second daemon would only hear that they are taken.
	if err := i.alone(ctx); err != nil {
		return err
	}
	public, err := listen("http.listen", i.config.HTTP.Listen)
	if err != nil {
		return err
	}
	defer public.Close()
	admin, err := listen("http.admin", i.config.HTTP.Admin)
	if err != nil {
		return err
	}
	defer admin.Close()
	d := daemon{instance: i, public: public, admin: admin, manager: notifier{c.getenv("NOTIFY_SOCKET")}}
	return d.run(ctx, func() error {
		if err := d.manager.ready(); err != nil {
			return err
		}
		urls := map[string]string{"ready": "http://" + public.Addr().String(), "admin": "http://" + admin.Addr().String()}
		if done, err := c.answer(urls); done {
			return err
		}
		c.printf("ready %s", urls["ready"])
		c.printf("admin %s", urls["admin"])
		return nil
	})
}

// listen opens a listener; key names it in the configuration.
func listen(key, address string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, problem{Code: "listen", Text: fmt.Sprintf("%s：不能在 %s 上监听：%v", key, address, err), Hint: "换一个端口，或者停掉占用它的程序", cause: err}
	}
	return l, nil
}

// daemon delivers what the ledger holds and serves the pages.
type daemon struct {
	*instance
	public, admin net.Listener
	// more is served beside the pages; nil: nothing.
	more    http.Handler
	works   works
	manager notifier
}

const (
	// afterGrace is how long the dispatcher may take beyond shutdown_grace to
	// write down what became of the last deliveries.
	afterGrace = 10 * time.Second
	// lastPages is how long open requests may take when everything else is done.
	lastPages = 5 * time.Second
)

// run works until ctx ends, then drains: nothing new is begun, what was handed
// over is awaited for shutdown_grace, and the pages answer until the end. It
// calls ready when the listeners answer.
func (d *daemon) run(ctx context.Context, ready func() error) error {
	var err error
	if d.works, err = d.build(ctx); err != nil {
		return err
	}
	metrics, err := d.metricsPage()
	if err != nil {
		return err
	}
	if err := d.keepConsent(ctx); err != nil {
		return err
	}
	pages, err := d.pages()
	if err != nil {
		return err
	}
	working, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	servers := []*http.Server{d.server(pages), d.server(d.adminPages(working, metrics))}
	for n, listener := range []net.Listener{d.public, d.admin} {
		go func() {
			if err := servers[n].Serve(listener); !errors.Is(err, http.ErrServerClosed) {
				stop(fmt.Errorf("serving %s: %w", listener.Addr(), err))
			}
		}()
	}
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		if err := d.works.run(working); err != nil {
			stop(fmt.Errorf("dispatching: %w", err))
		}
	}()
	d.log.Info("ready", "url", "http://"+d.public.Addr().String(), "admin", "http://"+d.admin.Addr().String())
	if err := ready(); err != nil {
		stop(err)
	}
	<-working.Done()
	d.drain(drained, servers)
	if ctx.Err() != nil {
		return nil // it was asked to stop
	}
	return context.Cause(working)
}

// drain waits for the dispatcher, and no longer than the configuration allows.
func (d *daemon) drain(drained <-chan struct{}, servers []*http.Server) {
	d.log.Info("stopping", "grace", d.config.ShutdownGrace)
	if err := d.manager.stopping(d.config.ShutdownGrace + afterGrace + lastPages); err != nil {
		d.log.Warn("stopping", "error", err)
	}
	limit := time.NewTimer(d.config.ShutdownGrace + afterGrace)
	defer limit.Stop()
	select {
	case <-drained:
	case <-limit.C:
		d.log.Warn("leaving with deliveries in work; they will be shown as unconfirmed")
	}
	ctx, cancel := context.WithTimeout(context.Background(), lastPages)
	defer cancel()
	for _, s := range servers {
		if err := s.Shutdown(ctx); err != nil {
			d.log.Warn("leaving with requests in work", "error", err)
		}
	}
	d.log.Info("stopped")
}

// alone refuses a second daemon on one database when the queue and the limits
// are one process's. Several share the work on PostgreSQL with Redis between them.
func (i *instance) alone(ctx context.Context) error {
	if i.redis != nil && i.db.Dialect == config.PostgreSQL {
		return nil
	}
	sessions, err := i.ledger.Sessions(ctx, dispatch.ThisProcess(), time.Now())
	if err != nil || len(sessions) == 0 {
		return err
	}
	s := sessions[0]
	hint := "先停掉它；如果它在另一台机器上异常退出，过 30 秒再试"
	if i.db.Dialect == config.PostgreSQL {
		hint += "。要几个服务一起发，请给每一个配上同一个 redis"
	}
	return problem{
		Code: "already-running",
		Text: fmt.Sprintf("这个数据库已经有一个服务在用：进程 %d，从 %s 起", s.Process.PID, i.clock(s.Opened)),
		Hint: hint,
	}
}

// server has limits that keep one slow or greedy client from holding the rest up.
func (d *daemon) server(h http.Handler) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      time.Minute,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(d.log.Handler(), slog.LevelWarn),
	}
}

// newLog makes the daemon's log: for programs with --json, else for people.
func (c *call) newLog() *slog.Logger {
	o := &slog.HandlerOptions{ReplaceAttr: masked}
	if c.json {
		return slog.New(slog.NewJSONHandler(c.stderr, o))
	}
	return slog.New(slog.NewTextHandler(c.stderr, o))
}

// mailAddress finds addresses in a text, rather too many than too few.
var mailAddress = regexp.MustCompile(`[^\s<>"'@=:,;()\[\]]+@[^\s<>"'@=:,;()\[\]]+`)

// masked hides addresses that reached the log inside somebody else's words.
func masked(_ []string, a slog.Attr) slog.Attr {
	text := ""
	switch v := a.Value.Resolve(); {
	case v.Kind() == slog.KindString:
		text = v.String()
	case v.Kind() == slog.KindAny:
		err, ok := v.Any().(error)
		if !ok {
			return a
		}
		text = err.Error()
	default:
		return a
	}
	if !strings.Contains(text, "@") {
		return a
	}
	return slog.String(a.Key, mailAddress.ReplaceAllStringFunc(text, func(s string) string { return subscribers.Mask(subscribers.Email, s) }))
}
