package config

// Level says how grave a broken lint is.
type Level string

// The levels: what is off is not looked at, what is an error keeps an issue from
// being approved.
const (
	LintOff   Level = "off"
	LintWarn  Level = "warn"
	LintError Level = "error"
)

// Lints are the rules that an issue is held against before it is approved.
type Lints struct {
	CreditMissing    Level // an article without author and source
	DeadAnchor       Level // a link within the mail or the web page that leads nowhere
	WeChatTitle      Level // a title longer than WeChat takes
	AdPrefix         Level // advertising, and the subject does not begin with 广告
	InternalMaterial Level // what the rules for printed internal bulletins want and forbid
}

func defaultLints() Lints {
	return Lints{CreditMissing: LintWarn, DeadAnchor: LintError, WeChatTitle: LintWarn, AdPrefix: LintWarn, InternalMaterial: LintOff}
}

// lints reads the table lints.
func (t *table) lints(l *Lints) {
	for _, one := range []struct {
		key string
		to  *Level
	}{
		{"credit_missing", &l.CreditMissing},
		{"dead_anchor", &l.DeadAnchor},
		{"wechat_title", &l.WeChatTitle},
		{"ad_prefix", &l.AdPrefix},
		{"internal_material", &l.InternalMaterial},
	} {
		choice(t, one.key, one.to, LintOff, LintWarn, LintError)
	}
	t.done()
}
