package wechat

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
)

// Subject is what a [Finding] is about.
type Subject string

// The subjects. The platform does not list an account's rights: that a call is not
// refused shows that the account has it.
const (
	SubjectSecret  Subject = "secret"  // app id and secret
	SubjectAddress Subject = "address" // whether this machine is on the list
	SubjectRight   Subject = "right"   // to one kind of calls
	SubjectQuota   Subject = "quota"   // of the day, of one call
)

// Finding is one thing that was found out about the account.
type Finding struct {
	Subject Subject
	// Name is what the right is to ("群发"), or the path that the quota is of.
	Name string
	Err  error // nil: all is well
	// Of a quota: calls in a day.
	Limit, Used, Remain int64
}

// The paths that are only looked at.
const (
	quotaPath      = "/cgi-bin/openapi/quota/get"
	draftCountPath = "/cgi-bin/draft/count"
	materialPath   = "/cgi-bin/material/get_materialcount"
	templatesPath  = "/cgi-bin/template/get_all_private_template"
)

// Inspect finds out whether the account can do what the channel wants of it. It
// changes nothing and sends nothing. Whether the agreement on mass sends was
// accepted, and how many mass sends are left, the platform tells only when one is
// made.
func (c *Channel) Inspect(ctx context.Context) []Finding {
	// Not the token that is known already: the list of addresses is looked at when
	// one is asked for.
	_, err := c.api.fetchToken(ctx, false)
	switch reason := c.Reason(err); {
	case reason == "ip-not-listed" || reason == "ip-awaiting-admin" || reason == "ip-refused":
		return []Finding{{Subject: SubjectAddress, Err: err}}
	case err != nil:
		return []Finding{{Subject: SubjectSecret, Err: err}}
	}
	out := []Finding{{Subject: SubjectSecret}, {Subject: SubjectAddress}}
	for _, r := range c.wanted() {
		out = append(out, Finding{Subject: SubjectRight, Name: r.name, Err: r.try(ctx)})
	}
	for _, path := range c.counted() {
		out = append(out, c.quota(ctx, path))
	}
	return out
}

// right is a kind of calls with a harmless one of it.
type right struct {
	name string
	try  func(ctx context.Context) error
}

// wanted are the rights that the channel needs.
func (c *Channel) wanted() []right {
	get := func(path string, query url.Values) func(context.Context) error {
		return func(ctx context.Context) error { return c.api.Get(ctx, path, query, nil) }
	}
	out := []right{{"关注者名单", get(followersPath, nil)}}
	if c.options.Mode == Template {
		return append(out, right{"模板消息", c.knowsTemplate})
	}
	out = append(out, right{"素材", get(materialPath, nil)}, right{"草稿", get(draftCountPath, nil)}, right{"群发", c.mayMass})
	if c.options.Account == Subscription && !c.options.ToAll {
		out = append(out, right{"标签", get(tagListPath, nil)})
	}
	return out
}

// mayMass asks about a job that there is not.
func (c *Channel) mayMass(ctx context.Context) error {
	_, err := c.jobStatus(ctx, "1")
	if isCode(err, 40059) {
		return nil
	}
	return err
}

// knowsTemplate looks for the template that is configured.
func (c *Channel) knowsTemplate(ctx context.Context) error {
	var out struct {
		List []struct {
			ID string `json:"template_id"`
		} `json:"template_list"`
	}
	if err := c.api.Get(ctx, templatesPath, nil, &out); err != nil {
		return err
	}
	for _, t := range out.List {
		if t.ID == c.options.Message.Template {
			return nil
		}
	}
	return fmt.Errorf("wechat: the account has no template %q", c.options.Message.Template)
}

// counted are the calls whose quota matters; the first is the one that sends.
func (c *Channel) counted() []string {
	switch {
	case c.options.Mode == Template:
		return []string{templatePath}
	case c.options.Account == Subscription:
		return []string{massAllPath, draftAddPath, picturePath}
	}
	return []string{massListPath, draftAddPath, picturePath}
}

// quota asks how often a call can be made today.
func (c *Channel) quota(ctx context.Context, path string) Finding {
	f := Finding{Subject: SubjectQuota, Name: path}
	var out struct {
		Quota struct {
			Limit  int64 `json:"daily_limit"`
			Used   int64 `json:"used"`
			Remain int64 `json:"remain"`
		} `json:"quota"`
	}
	f.Err = c.api.Call(ctx, quotaPath, map[string]string{"cgi_path": path}, &out)
	f.Limit, f.Used, f.Remain = out.Quota.Limit, out.Quota.Used, out.Quota.Remain
	if f.Err == nil && f.Remain <= 0 {
		f.Err = fmt.Errorf("wechat: the daily quota of %s is used up", path)
	}
	return f
}

// Probe tries what a send needs. It sends nothing.
func (c *Channel) Probe(ctx context.Context) error {
	found := c.Inspect(ctx)
	if i := slices.IndexFunc(found, func(f Finding) bool { return f.Err != nil }); i >= 0 {
		return found[i].Err
	}
	return nil
}

// Reason is the stable word for what is wrong when the platform refused a call or
// could not be reached; "" when the error is another.
func (c *Channel) Reason(err error) string {
	var e *Error
	var f *Fault
	if !errors.As(err, &e) && !errors.As(err, &f) {
		return ""
	}
	v, _, _ := c.judge(err)
	return v.Failure.Reason
}
