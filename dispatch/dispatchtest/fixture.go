// Package dispatchtest holds what tests of the dispatch need: a ledger in a
// temporary directory, a carrier that follows a script, and the suites that
// every queue and every channel has to pass.
package dispatchtest

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"yizhan/config"
	"yizhan/config/configtest"
	"yizhan/dispatch"
	"yizhan/issue"
	"yizhan/subscribers"
)

// Fixture is a database with subscribers and a ledger.
type Fixture struct {
	home   *config.Config
	DB     *config.Database
	People *subscribers.Store
	Ledger *dispatch.Ledger
}

// Open opens a fixture that ends with the test: on SQLite, or on PostgreSQL in a
// binary that configtest.Again has started.
func Open(t testing.TB) *Fixture {
	t.Helper()
	return OpenAt(t, configtest.Database(t))
}

// OpenAt opens a fixture on the PostgreSQL at a URL; "" is SQLite.
func OpenAt(t testing.TB, url string) *Fixture {
	t.Helper()
	c := config.Default()
	c.DataDir, c.Database = t.TempDir(), config.NewSecret(url)
	return open(t, c)
}

// Dir is the data directory.
func (f *Fixture) Dir() string { return f.home.DataDir }

// Again opens the database of a fixture once more, as another process would.
func (f *Fixture) Again(t testing.TB) *Fixture {
	t.Helper()
	return open(t, f.home)
}

func open(t testing.TB, c *config.Config) *Fixture {
	t.Helper()
	ctx := context.Background()
	db, err := config.Open(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if err := db.Migrate(ctx, "subscribers_schema", subscribers.Schema); err != nil {
		t.Fatal(err)
	}
	if err := db.Migrate(ctx, dispatch.SchemaTable, dispatch.Schema); err != nil {
		t.Fatal(err)
	}
	people, err := subscribers.New(subscribers.Options{
		Write: db.Write, Read: db.Read, Secret: []byte("a secret of the tests"),
		Channels: []string{"email", "wechat", "toy"},
	})
	if err != nil {
		t.Fatal(err)
	}
	ledger, err := dispatch.NewLedger(dispatch.LedgerOptions{Write: db.Write, Mark: db.Mark, Read: db.Read})
	if err != nil {
		t.Fatal(err)
	}
	return &Fixture{home: c, DB: db, People: people, Ledger: ledger}
}

// Subscribe adds n subscribers reader1@DOMAIN, reader2@DOMAIN, … on a channel.
func (f *Fixture) Subscribe(t testing.TB, channel, domain string, n int) []subscribers.Subscriber {
	t.Helper()
	var out []subscribers.Subscriber
	for i := range n {
		out = append(out, f.SubscribeOne(t, channel, fmt.Sprintf("reader%d@%s", i+1, domain)))
	}
	return out
}

// SubscribeOne adds one subscriber, who may choose sections.
func (f *Fixture) SubscribeOne(t testing.TB, channel, address string, sections ...string) subscribers.Subscriber {
	t.Helper()
	a, err := subscribers.ParseAddress(channel, address)
	if err != nil {
		t.Fatal(err)
	}
	s, err := f.People.Add(context.Background(), subscribers.Entry{Addresses: []subscribers.Address{a}, Sections: sections, State: subscribers.Active}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Suppress makes the fixture's subscribers a [dispatch.Suppressor].
func (f *Fixture) Suppress(ctx context.Context, channel, address, reason, detail string, now time.Time) error {
	a, err := subscribers.ParseAddress(channel, address)
	if err != nil {
		return err
	}
	_, err = f.People.Suppress(ctx, a, reason, detail, now)
	return err
}

// Issue is a small issue to plan runs with.
func Issue(id string) issue.Issue {
	return issue.Issue{ID: id, Title: "港城茗讯", Sections: []issue.Section{{
		Name:     "要闻",
		Articles: []issue.Article{{Kind: issue.KindArticle, Title: "春茶上市", Blocks: []issue.Block{{Kind: issue.BlockParagraph, Text: "第一批春茶今天到港。"}}}},
	}}}
}

// Plan plans the first run of an issue for channels.
func (f *Fixture) Plan(t testing.TB, id string, channels ...dispatch.Channel) int64 {
	t.Helper()
	run, err := f.Ledger.Plan(context.Background(), Planning(id, dispatch.SelectFirst, channels...), nil)
	if err != nil {
		t.Fatal(err)
	}
	return run
}

// Planning is what a run of an issue is planned from.
func Planning(id string, s dispatch.Selection, channels ...dispatch.Channel) dispatch.Planning {
	is := Issue(id)
	return dispatch.Planning{
		Kind: dispatch.KindIssue, Issue: is, Revision: issue.Revision{N: 1, Hash: is.Hash()},
		Selection: s, Channels: channels, Now: time.Now(),
	}
}

// Policy gives up within minutes: a dispatcher looks at its ledger several times
// a second, in a bubble's time too.
func Policy() dispatch.Policy {
	return dispatch.Policy{Retry: []time.Duration{5 * time.Second, time.Minute}, GiveUp: 10 * time.Minute, AfterLostReply: dispatch.RetryLost}
}

// Dispatcher returns a dispatcher of the fixture with an in-process queue.
func (f *Fixture) Dispatcher(t testing.TB, channels ...dispatch.Channel) *dispatch.Dispatcher {
	t.Helper()
	var routes []dispatch.Route
	for _, ch := range channels {
		routes = append(routes, dispatch.Route{Channel: ch, Policy: Policy()})
	}
	d, err := dispatch.New(dispatch.Options{
		Ledger: f.Ledger, Queue: dispatch.NewMemory(), Routes: routes, People: f,
		Process: dispatch.ThisProcess(), Logger: slog.New(slog.NewTextHandler(t.Output(), nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// Records lists the deliveries of an issue.
func (f *Fixture) Records(t testing.TB, id string) []dispatch.Record {
	t.Helper()
	var out []dispatch.Record
	if err := f.Ledger.Deliveries(context.Background(), dispatch.Filter{Issue: id}, func(r dispatch.Record) error {
		out = append(out, r)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return out
}

// Count counts the deliveries of an issue by state.
func (f *Fixture) Count(t testing.TB, id string) map[dispatch.State]int {
	t.Helper()
	out := map[dispatch.State]int{}
	for _, r := range f.Records(t, id) {
		out[r.State]++
	}
	return out
}
