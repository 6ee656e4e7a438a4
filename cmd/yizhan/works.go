package main

import (
	"context"
	"sync"

	"yizhan/dispatch"
	"yizhan/dispatch/email"
	"yizhan/dispatch/wechat"
)

// works is everything of the daemon that goes on without being asked.
type works struct {
	dispatcher *dispatch.Dispatcher
	scheduler  *dispatch.Scheduler
	outbox     *dispatch.Outbox
	postman    *dispatch.Postman
	metrics    *dispatch.Metrics
	receiver   *wechat.Receiver // nil: no WeChat
}

// build makes the works of a daemon.
func (d *daemon) build(ctx context.Context) (w works, err error) {
	channels, err := d.channel()
	if err != nil {
		return works{}, err
	}
	schedules, err := d.schedules()
	if err != nil {
		return works{}, err
	}
	queue, err := d.queue(ctx)
	if err != nil {
		return works{}, err
	}
	limits, err := d.limits()
	if err != nil {
		return works{}, err
	}
	if w.metrics, err = dispatch.NewMetrics(dispatch.MetricsOptions{
		Ledger: d.ledger, Queue: queue, Channels: channels, Process: dispatch.ThisProcess(), Schedules: schedules,
	}); err != nil {
		return works{}, err
	}
	if w.dispatcher, err = dispatch.New(dispatch.Options{
		Ledger: d.ledger, Queue: queue, Routes: d.routes, People: suppressor{d.people},
		Process: dispatch.ThisProcess(), Logger: d.log, Observer: w.metrics, Limits: limits,
	}); err != nil {
		return works{}, err
	}
	if w.scheduler, err = d.scheduler(); err != nil {
		return works{}, err
	}
	if w.postman, err = dispatch.NewPostman(dispatch.PostmanOptions{
		Ledger: d.ledger, Inbox: d.desk, Channels: channels, Editions: editions{d.catalogue}, Logger: d.log,
	}); err != nil {
		return works{}, err
	}
	if w.receiver, err = d.receiver(); err != nil {
		return works{}, err
	}
	sinks, err := d.sinks()
	if err != nil {
		return works{}, err
	}
	w.outbox, err = dispatch.NewOutbox(dispatch.OutboxOptions{Ledger: d.ledger, Sinks: sinks, Zone: d.config.Timezone, Reason: reasonWord, Logger: d.log})
	return w, err
}

// run runs all of it until ctx ends and everything is written down. The first
// that cannot go on ends the others.
func (w works) run(ctx context.Context) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	runs := []func(context.Context) error{w.dispatcher.Run, w.scheduler.Run, w.outbox.Run, w.postman.Run}
	if w.receiver != nil {
		runs = append(runs, w.receiver.Run)
	}
	errs := make(chan error, len(runs))
	var all sync.WaitGroup
	for _, one := range runs {
		all.Go(func() {
			if err := one(ctx); err != nil {
				errs <- err
				stop(err)
			}
		})
	}
	all.Wait()
	select {
	case err := <-errs:
		return err
	default:
		return nil
	}
}

// sinks are those whom alerts go to. Each receiver is told by itself, so that
// one bad address does not keep the others from knowing.
func (i *instance) sinks() ([]dispatch.Sink, error) {
	var out []dispatch.Sink
	c := i.config.Channels.Email
	for _, to := range i.config.Alerts.To {
		roots, err := c.SMTP.Roots()
		if err != nil {
			return nil, err
		}
		n, err := email.NewNotifier(email.NotifierOptions{To: to, From: c.From, EnvelopeFrom: c.EnvelopeFrom, Hello: c.Hello, SMTP: relay(c, roots)})
		if err != nil {
			return nil, err
		}
		out = append(out, n)
	}
	if url := i.config.Alerts.Webhook; url.IsSet() {
		w, err := dispatch.NewWebhook(dispatch.WebhookOptions{URL: url.Reveal()})
		if err != nil {
			return nil, err
		}
		out = append(out, w)
	}
	return out, nil
}
