package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"

	"yizhan/config"
	"yizhan/dispatch"
	"yizhan/issue"
	"yizhan/subscribers"
	"yizhan/templates"
)

// instance is one periodical at work: its configuration, its database and what
// is built on them. Any number of processes may have it open at once.
type instance struct {
	config    *config.Config
	db        *config.Database
	issues    *issue.Store
	people    *subscribers.Store
	desk      *subscribers.Desk
	links     *subscribers.Links
	templates *templates.Set
	ledger    *dispatch.Ledger
	redis     *config.Redis // nil: the queue is in this process
	catalogue *catalogue
	chat      *subscribers.Conversation // nil: not made yet
	log       *slog.Logger

	openers []opener
	routes  []dispatch.Route // opened by route
}

// open opens the instance that the configuration file describes and brings its
// database up to date. The caller closes it.
func (c *call) open(ctx context.Context, log *slog.Logger) (*instance, error) {
	settings, err := config.Load(c.configFile, c.getenv)
	if err != nil {
		return nil, err
	}
	return c.openWith(ctx, settings, log)
}

// openWith opens the instance of a configuration that has been read.
func (c *call) openWith(ctx context.Context, settings *config.Config, log *slog.Logger) (*instance, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	i := &instance{config: settings, log: log, openers: configured(c.channels, settings)}
	var err error
	i.templates, err = templates.New(templates.Options{Dir: settings.Templates, Theme: theme(settings.Theme)})
	var unreadable templates.ContrastError
	if errors.As(err, &unreadable) {
		return nil, illegible(settings, err)
	}
	if err != nil {
		return nil, problem{Code: "template", Text: "模板有问题：" + err.Error(), Hint: "改好配置里 templates 目录下的文件，或删掉它以使用自带的", cause: err}
	}
	if err := i.scheduleChannels(); err != nil {
		return nil, err
	}
	// Links are signed with the newest secret; addresses are keyed with the oldest for
	// ever, since of some only their keyed hash is left.
	secret := []byte(settings.Secret.Reveal())
	links := subscribers.LinkOptions{PublicURL: settings.PublicURL, Secret: secret}
	for _, old := range settings.OldSecrets {
		secret = []byte(old.Reveal())
		links.Old = append(links.Old, secret)
	}
	if i.links, err = subscribers.NewLinks(links); err != nil {
		return nil, err
	}
	if settings.Redis.IsSet() {
		if i.redis, err = config.OpenRedis(settings); err != nil {
			return nil, err
		}
	}
	if i.db, err = config.Open(ctx, settings); err != nil {
		return nil, errors.Join(err, i.close())
	}
	if err := i.build(ctx, secret); err != nil {
		return nil, errors.Join(err, i.close())
	}
	return i, nil
}

// build migrates the database and makes the stores on it.
func (i *instance) build(ctx context.Context, secret []byte) error {
	if err := i.migrate(ctx); err != nil {
		return err
	}
	var err error
	if i.issues, err = issue.NewStore(issue.StoreOptions{Write: i.db.Write, Read: i.db.Read}); err != nil {
		return err
	}
	if i.people, err = subscribers.New(subscribers.Options{Write: i.db.Write, Read: i.db.Read, Secret: secret, Channels: i.addressNames()}); err != nil {
		return err
	}
	if err := i.people.CheckKey(ctx); errors.Is(err, subscribers.ErrKey) {
		return problem{
			Code: "secret-changed", Text: "这个数据库是用另一个 secret 建的，现在的 secret 认不出名单里的地址",
			Hint: "把以前的 secret 写进配置里的 old_secrets，建库时用的那个放在最后", cause: err,
		}
	} else if err != nil {
		return err
	}
	if i.ledger, err = dispatch.NewLedger(dispatch.LedgerOptions{Write: i.db.Write, Mark: i.db.Mark, Read: i.db.Read, Windows: i.windows()}); err != nil {
		return err
	}
	i.catalogue = newCatalogue(i)
	i.desk, err = subscribers.NewDesk(subscribers.DeskOptions{Store: i.people, Books: i.ledger, Log: i.log, Sweep: i.db.Sweep})
	return err
}

// migrate brings the tables of every owner up to date. The ledger's refer to the
// subscribers'.
func (i *instance) migrate(ctx context.Context) error {
	if err := i.db.Migrate(ctx, issueSchema, issue.Schema); err != nil {
		return err
	}
	if err := i.db.Migrate(ctx, subscribersSchema, subscribers.Schema); err != nil {
		return err
	}
	return i.db.Migrate(ctx, dispatch.SchemaTable, dispatch.Schema)
}

// The version tables of the packages that do not name theirs.
const (
	issueSchema       = "issue_schema"
	subscribersSchema = "subscribers_schema"
)

// close closes the channels, Redis and the database, as far as they are open.
func (i *instance) close() error {
	var errs []error
	for _, r := range i.routes {
		if ch, ok := r.Channel.(io.Closer); ok {
			errs = append(errs, ch.Close())
		}
	}
	if i.redis != nil {
		errs = append(errs, i.redis.Close())
	}
	if i.db != nil {
		errs = append(errs, i.db.Close())
	}
	return errors.Join(errs...)
}

// route opens the channel called name, or gives the one that is open.
func (i *instance) route(name string) (dispatch.Route, error) {
	for _, r := range i.routes {
		if r.Channel.Name() == name {
			return r, nil
		}
	}
	at := i.opener(name)
	if at < 0 {
		return dispatch.Route{}, known(name, i.channelNames())
	}
	r, err := i.openers[at].open(i)
	if err != nil {
		return dispatch.Route{}, problem{Code: "channel", Text: fmt.Sprintf("渠道 %s 的配置不能用：%v", name, err), Hint: "改好配置里的 channels." + name, cause: err}
	}
	i.routes = append(i.routes, r)
	return r, nil
}

// opener is where the channel called name is in the openers, or -1.
func (i *instance) opener(name string) int {
	return slices.IndexFunc(i.openers, func(o opener) bool { return o.name == name })
}

// known refuses a name that is none of the channels.
func known(name string, channels []string) error {
	if slices.Contains(channels, name) {
		return nil
	}
	return misused(fmt.Sprintf("没有叫 %q 的渠道", plain(name)), "渠道有："+joined(channels))
}

// channel gives the channels called names; all that there are when names is empty.
func (i *instance) channel(names ...string) ([]dispatch.Channel, error) {
	if len(names) == 0 {
		names = i.channelNames()
	}
	var out []dispatch.Channel
	for _, name := range names {
		r, err := i.route(name)
		if err != nil {
			return nil, err
		}
		out = append(out, r.Channel)
	}
	return out, nil
}

func (i *instance) channelNames() []string {
	var names []string
	for _, o := range i.openers {
		names = append(names, o.name)
	}
	return names
}

// addressNames are the channels of which subscribers may have an address: the
// columns of the CSV file.
func (i *instance) addressNames() []string {
	names := []string{subscribers.Email, subscribers.WeChat}
	for _, name := range i.channelNames() {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

func (i *instance) imprint() templates.Imprint {
	return templates.Imprint{Address: i.config.Imprint.Address, Contact: i.config.Imprint.Contact, ICP: i.config.Imprint.ICP}
}

// digest is what a digest of an issue is rendered from.
func (i *instance) digest(is issue.Issue, r issue.Revision) templates.Input {
	return templates.Input{
		Issue: is, Revision: r, PublicURL: i.config.PublicURL,
		UnsubscribeURL: i.links.Placeholder(subscribers.ToUnsubscribe, subscribers.Email), Imprint: i.imprint(), Zone: i.config.Timezone,
		Locked: i.locked(is),
	}
}

// published is what the page of an issue is rendered from, or its preview: it
// says so when it corrects what readers have.
func (i *instance) published(ctx context.Context, is issue.Issue, r issue.Revision) (templates.Input, error) {
	in := i.digest(is, r)
	var err error
	in.Correction, err = i.ledger.Corrects(ctx, is.ID, r.N)
	return in, err
}
