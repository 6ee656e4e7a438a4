package config

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"time"

	"go.yaml.in/yaml/v4"
)

// Schedule is one entry of schedules.
type Schedule struct {
	Name     string // its slots are kept under it
	Cron     Cron
	Channels []string      // names of channels; empty: all
	CatchUp  time.Duration // how late a slot may be planned that was missed
	Window   Window        // the part of the day in which its runs are sent; zero: all of it
}

const (
	defaultCatchUp = 24 * time.Hour
	maxCatchUp     = 31 * 24 * time.Hour
)

// Alerts says whom to tell what a person has to know.
type Alerts struct {
	To      []string // mail addresses
	Webhook Secret   // URL; it often has a token in it
}

// nameForm keeps the names of schedules fit for a command line.
var nameForm = regexp.MustCompile(`^[\p{L}\p{N}][\p{L}\p{N}_-]{0,39}$`)

// schedules reads the list of schedules, on the clock of zone.
func (t *table) schedules(key string, to *[]Schedule, zone *time.Location) {
	for _, entry := range t.tables(key, "写法例如：- {name: bimonthly, cron: \"0 9 10 1,3,5 *\"}") {
		s := Schedule{CatchUp: defaultCatchUp}
		entry.text("name", &s.Name)
		entry.require("name", "给它起个名字，例如：bimonthly")
		if s.Name != "" && !nameForm.MatchString(s.Name) {
			entry.wrong("name", s.Name, "bimonthly（文字、数字、_ 和 -，不超过 40 个）")
		}
		if slices.ContainsFunc(*to, func(other Schedule) bool { return s.Name != "" && other.Name == s.Name }) {
			entry.fail("name", "duplicate-name", "已经有一个叫 "+s.Name+" 的计划", "换一个名字：已经发过哪些期次是按名字记的")
		}
		entry.cron("cron", &s.Cron, zone)
		entry.texts("channels", &s.Channels)
		entry.duration("catch_up", &s.CatchUp, 0, maxCatchUp)
		entry.window("window", &s.Window)
		entry.done()
		*to = append(*to, s)
	}
}

// cron reads the five fields of a schedule.
func (t *table) cron(key string, to *Cron, zone *time.Location) {
	value := ""
	t.text(key, &value)
	t.require(key, `分、时、日、月、星期，例如："0 9 10 1,3,5,7,9,11 *" 是单月 10 日 9:00`)
	if value == "" {
		return
	}
	c, err := ParseCron(value, zone)
	switch {
	case errors.Is(err, errCronNever):
		t.fail(key, "never", "“"+value+"”永远不会到：没有这样的日期", "检查日和月，例如 2 月没有 30 日")
	case err != nil:
		t.fail(key, "bad-value", "看不懂“"+short40(value)+"”", `要五段：分、时、日、月、星期（0 是星期日），例如："0 9 10 1,3,5,7,9,11 *"；时区写在 timezone 里`)
	default:
		*to = c
	}
}

// window reads a part of the day.
func (t *table) window(key string, to *Window) {
	value := ""
	if t.text(key, &value); value == "" {
		return
	}
	w, err := ParseWindow(value)
	if err != nil {
		t.wrong(key, value, "08:00-21:00")
		return
	}
	*to = w
}

// alerts reads whom to tell.
func (t *table) alerts(a *Alerts) {
	t.addresses("to", &a.To)
	t.secret("webhook", &a.Webhook)
	if a.Webhook.IsSet() && !isWebURL(a.Webhook.Reveal()) {
		// The value is not shown: it may have a token in it.
		t.fail("webhook", "bad-value", "这不是一个网址", "写法例如：https://alerts.example.org/hook")
	}
	t.done()
}

// sequence gives the items of a list with the key path of each.
func (t *table) sequence(key, hint string) (items []*yaml.Node, names []string) {
	node := t.ask(key)
	if node == nil {
		return nil, nil
	}
	if node.Kind != yaml.SequenceNode || !coreTag(node) {
		t.fail(key, "wrong-type", "这里应该是一个列表", hint)
		return nil, nil
	}
	for i, item := range node.Content {
		name := key + "." + strconv.Itoa(i)
		t.doc.lines[t.at(name)] = item.Line
		items, names = append(items, resolve(item)), append(names, name)
	}
	return items, names
}

// tables gives the tables of a list.
func (t *table) tables(key, hint string) []*table {
	var out []*table
	items, names := t.sequence(key, hint)
	for i, item := range items {
		out = append(out, t.doc.table(item, t.at(names[i])))
	}
	return out
}

// texts reads a list of words.
func (t *table) texts(key string, to *[]string) {
	items, names := t.sequence(key, "写法例如：[email]")
	for i, item := range items {
		value, ok := t.scalarOf(names[i], item)
		switch {
		case !ok:
		case value == "" || reference.MatchString(value):
			t.wrong(names[i], value, "email")
		case slices.Contains(*to, value):
			t.fail(names[i], "duplicate-name", value+" 写了两次", "删掉其中一个")
		default:
			*to = append(*to, value)
		}
	}
}

// addresses reads a list of bare mail addresses.
func (t *table) addresses(key string, to *[]string) {
	items, names := t.sequence(key, "写法例如：[office@example.org]")
	for i, item := range items {
		value, ok := t.scalarOf(names[i], item)
		switch {
		case !ok:
		case !isAddress(value):
			t.wrong(names[i], value, "office@example.org")
		case slices.Contains(*to, value):
			t.fail(names[i], "duplicate-name", value+" 写了两次", "删掉其中一个")
		default:
			*to = append(*to, value)
		}
	}
}

// networks reads a list of networks, each an address or a prefix.
func (t *table) networks(key string, to *[]netip.Prefix) {
	items, names := t.sequence(key, "写法例如：[127.0.0.1, 10.0.0.0/8]")
	for i, item := range items {
		value, ok := t.scalarOf(names[i], item)
		if !ok {
			continue
		}
		prefix, err := netip.ParsePrefix(value)
		if one, addrErr := netip.ParseAddr(value); err != nil && addrErr == nil && one.Zone() == "" {
			prefix, err = one.Prefix(one.BitLen())
		}
		if err != nil {
			t.wrong(names[i], value, "127.0.0.1 或 10.0.0.0/8")
			continue
		}
		*to = append(*to, prefix.Masked())
	}
}

// secrets reads a list of secrets.
func (t *table) secrets(key string, to *[]Secret) {
	items, names := t.sequence(key, "写法例如：[file:secret.2026]")
	for i, item := range items {
		value, ok := t.scalarOf(names[i], item)
		if !ok {
			continue
		}
		var one Secret
		if t.secretOf(names[i], value, &one); !one.IsSet() {
			continue
		}
		if len(one.Reveal()) < minSecret {
			t.fail(names[i], "too-short", fmt.Sprintf("太短，至少要 %d 个字符", minSecret), "照抄以前 secret 里的值")
			continue
		}
		*to = append(*to, one)
	}
}
