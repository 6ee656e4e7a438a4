package wechat

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"yizhan/dispatch"
	"yizhan/dispatch/dispatchtest"
	"yizhan/dispatch/standin"
	"yizhan/issue"
	"yizhan/templates"
)

// script answers calls by path, once each in turn.
type script struct {
	mu    sync.Mutex
	turns map[string][]standin.WeChatFault
	calls map[string][][]byte
}

func newScript() *script {
	return &script{turns: map[string][]standin.WeChatFault{}, calls: map[string][][]byte{}}
}

func (s *script) next(path string, faults ...standin.WeChatFault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.turns[path] = append(s.turns[path], faults...)
}

func (s *script) fault(c standin.WeChatCall) standin.WeChatFault {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls[c.Path] = append(s.calls[c.Path], c.Body)
	turns := s.turns[c.Path]
	if len(turns) == 0 {
		return standin.WeChatFault{}
	}
	s.turns[c.Path] = turns[1:]
	return turns[0]
}

// bodies are the calls of a path so far.
func (s *script) bodies(path string) [][]byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls[path])
}

// kind is one of the ways to send.
type kind struct {
	name    string
	path    string // of the call behind the marker
	account Account
	change  func(*Options)
}

func kinds() []kind {
	return []kind{
		{"list", massListPath, Service, func(*Options) {}},
		{"tag", massAllPath, Subscription, func(*Options) {}},
		{"all", massAllPath, Subscription, func(o *Options) { o.ToAll = true }},
		{"template", templatePath, Service, func(o *Options) {
			o.Mode = Template
			o.Rate = 1e6
			o.Message = Message{Template: "T1", Fields: map[string]Field{"thing1": FieldTitle, "thing2": FieldHeadline, "thing3": FieldIssue}}
		}},
	}
}

// openAccount starts a stand-in with n followers and a channel that sends to it.
func openAccount(t testing.TB, k kind, n int) (*Channel, *standin.WeChat, *script) {
	t.Helper()
	s := newScript()
	w := startStandin(t, n, standin.WeChatOptions{Subscription: k.account == Subscription, Templates: []string{"T1"}, Script: s.fault})
	return newChannel(t, k, newAPI(t, w.URL(), nil)), w, s
}

func newChannel(t testing.TB, k kind, api *API) *Channel {
	t.Helper()
	set, err := templates.New(templates.Options{})
	if err != nil {
		t.Fatal(err)
	}
	o := Options{
		API: api, Account: k.account, Mode: Mass, PublicURL: "https://news.example.org", Render: set,
	}
	k.change(&o)
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestConformance(t *testing.T) {
	for _, k := range kinds() {
		t.Run(k.name, func(t *testing.T) {
			dispatchtest.ExerciseChannel(t, func(t *testing.T) dispatchtest.ChannelCase {
				c, w, s := openAccount(t, k, 3)
				return dispatchtest.ChannelCase{
					Channel: c, Address: openid,
					Took:   func() int { return len(w.Messages()) },
					Refuse: func() { s.next(k.path, standin.WeChatFault{Code: 48003, Text: "user not agree mass-send protocol"}) },
				}
			})
		})
	}
}

// prepared is a batch of the first n openids.
func prepared(t testing.TB, c *Channel, n int) dispatch.Batch {
	t.Helper()
	is := dispatchtest.Issue("142")
	v, err := c.Prepare(context.Background(), dispatch.Content{
		Kind: dispatch.KindIssue, Issue: is, Revision: issue.Revision{N: 1, Hash: is.Hash()}, PlannedAt: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC),
	})
	if err != nil {
		t.Fatal(err)
	}
	b := dispatch.Batch{Key: "abcdefghijklmnopqrstuvwxyz", Run: 1, Variant: v[0]}
	for i := range n {
		b.Deliveries = append(b.Deliveries, dispatch.Handover{Delivery: int64(i + 1), Address: openid(i), MessageID: fmt.Sprint("token", i), Attempt: 1})
	}
	return b
}

// granting grants all but some places.
func granting(n int, not ...int) dispatch.MarkFunc {
	return func(context.Context) ([]bool, error) {
		granted := make([]bool, n)
		for i := range granted {
			granted[i] = !slices.Contains(not, i)
		}
		return granted, nil
	}
}

func statuses(out []dispatch.Outcome) (got []dispatch.Status) {
	for _, o := range out {
		got = append(got, o.Status)
	}
	return got
}

func TestMassList(t *testing.T) {
	c, w, s := openAccount(t, kinds()[0], 5)
	b := prepared(t, c, 5)
	out := c.Deliver(t.Context(), b, granting(5, 2))
	want := []dispatch.Status{dispatch.Sent, dispatch.Sent, dispatch.Stopped, dispatch.Sent, dispatch.Sent}
	if !slices.Equal(statuses(out), want) || out[0].Job == "" {
		t.Fatalf("outcomes %+v", out)
	}
	var call struct {
		ToUser  []string `json:"touser"`
		Key     string   `json:"clientmsgid"`
		MsgType string   `json:"msgtype"`
	}
	if err := json.Unmarshal(s.bodies(massListPath)[0], &call); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(call.ToUser, []string{openid(0), openid(1), openid(3), openid(4)}) || call.Key != b.Key || call.MsgType != "mpnews" {
		t.Errorf("the call was %+v", call)
	}
	for _, m := range w.Messages() {
		if m.OpenID == openid(2) || m.Key != b.Key || m.Article.Title == "" || !strings.Contains(m.Article.Content, "春茶上市") || m.Article.SourceURL != "https://news.example.org/issues/142" {
			t.Errorf("message %+v", m)
		}
	}
	// Another batch of the same article: a draft of its own, the same cover.
	b.Key = "another"
	out = c.Deliver(t.Context(), b, granting(5, 0, 1))
	if out[0].Status != dispatch.Stopped || out[2].Status != dispatch.Sent {
		t.Errorf("outcomes %+v", out)
	}
	if d, u := w.Calls(draftAddPath), w.Calls(coverPath); d != 2 || u != 1 {
		t.Errorf("%d drafts, %d covers uploaded; want 2 and 1", d, u)
	}
}

// One draft for all batches of a run, when the account is known to allow it; and
// when it does not, a fresh one after all.
func TestOneDraft(t *testing.T) {
	for _, survives := range []bool{true, false} {
		s := newScript()
		w := startStandin(t, 4, standin.WeChatOptions{DraftSurvives: survives, Script: s.fault})
		k := kinds()[0]
		k.change = func(o *Options) { o.OneDraft = true }
		c := newChannel(t, k, newAPI(t, w.URL(), nil))
		b := prepared(t, c, 2)
		first := c.Deliver(t.Context(), b, granting(2))[0]
		b.Key = "second"
		second := c.Deliver(t.Context(), b, granting(2))[0]
		if first.Status != dispatch.Sent || (second.Status == dispatch.Sent) != survives {
			t.Errorf("survives %v: %+v, %+v", survives, first, second)
		}
		if !survives {
			if second.Failure.Permanent || second.Failure.Reason != "media-unknown" {
				t.Errorf("a used draft: %+v", second)
			}
			if again := c.Deliver(t.Context(), b, granting(2))[0]; again.Status != dispatch.Sent {
				t.Errorf("again: %+v", again)
			}
		}
		if n, want := w.Calls(draftAddPath), map[bool]int{true: 1, false: 2}[survives]; n != want {
			t.Errorf("survives %v: %d drafts, want %d", survives, n, want)
		}
	}
}

// The same key again is success, with the first job's name.
func TestKnownJobIsSent(t *testing.T) {
	c, w, _ := openAccount(t, kinds()[0], 3)
	first := c.Deliver(t.Context(), prepared(t, c, 3), granting(3))
	again := c.Deliver(t.Context(), prepared(t, c, 3), granting(3))
	for i, o := range again {
		if o.Status != dispatch.Sent || o.Job != first[i].Job || o.Code != 45065 {
			t.Errorf("again: %+v, first %+v", o, first[i])
		}
	}
	if n := len(w.Messages()); n != 3 {
		t.Errorf("%d messages, want 3", n)
	}
}

// What the answer behind the marker does, in every way to send.
func TestAnswers(t *testing.T) {
	closed := make(chan struct{})
	close(closed)
	html := func([]byte) []byte { return []byte("<html>no</html>") }
	cut := func(a []byte) []byte { return a[:len(a)/2] }
	for _, k := range kinds() {
		for name, one := range map[string]struct {
			fault  standin.WeChatFault
			status dispatch.Status
			scope  dispatch.Scope
			reason string
			took   bool
		}{
			"500":             {standin.WeChatFault{Status: 500}, dispatch.Lost, dispatch.ScopeAccount, "platform-unreadable", false},
			"502":             {standin.WeChatFault{Status: 502, Body: "<html>"}, dispatch.Lost, dispatch.ScopeAccount, "platform-unreadable", false},
			"dropped":         {standin.WeChatFault{Drop: true}, dispatch.Lost, dispatch.ScopeAccount, "platform-unreadable", false},
			"lost":            {standin.WeChatFault{Lose: true}, dispatch.Lost, dispatch.ScopeAccount, "platform-unreadable", true},
			"html":            {standin.WeChatFault{Garble: html}, dispatch.Lost, dispatch.ScopeAccount, "platform-unreadable", true},
			"cut JSON":        {standin.WeChatFault{Garble: cut}, dispatch.Lost, dispatch.ScopeAccount, "platform-unreadable", true},
			"busy":            {standin.WeChatFault{Code: -1, Text: "system error"}, dispatch.Lost, dispatch.ScopeAccount, "platform-busy", false},
			"address":         {standin.WeChatFault{Code: 40164, Text: "invalid ip 192.0.2.1"}, dispatch.Refused, dispatch.ScopeAccount, "ip-not-listed", false},
			"quota":           {standin.WeChatFault{Code: 45009}, dispatch.Refused, dispatch.ScopeAccount, "api-quota", false},
			"mass quota":      {standin.WeChatFault{Code: 45028}, dispatch.Refused, dispatch.ScopeAccount, "mass-quota", false},
			"not agreed":      {standin.WeChatFault{Code: 48003}, dispatch.Refused, dispatch.ScopeAccount, "mass-not-agreed", false},
			"banned":          {standin.WeChatFault{Code: 48004}, dispatch.Refused, dispatch.ScopeAccount, "account-banned", false},
			"template banned": {standin.WeChatFault{Code: 43116}, dispatch.Refused, dispatch.ScopeAccount, "template-banned", false},
			"not a template":  {standin.WeChatFault{Code: 40037}, dispatch.Refused, dispatch.ScopeAccount, "template-unknown", false},
			"content":         {standin.WeChatFault{Code: 45166}, dispatch.Refused, dispatch.ScopeContent, "article-refused", false},
		} {
			t.Run(k.name+" "+name, func(t *testing.T) {
				c, w, s := openAccount(t, k, 3)
				s.next(k.path, one.fault)
				n := min(3, c.Capacity().Batch)
				for i, o := range c.Deliver(t.Context(), prepared(t, c, n), granting(n)) {
					if o.Status != one.status || o.Failure.Scope != one.scope || o.Failure.Reason != one.reason || o.Code != one.fault.Code+one.fault.Status {
						t.Errorf("outcome %d: %+v", i, o)
					}
				}
				if took := len(w.Messages()) > 0; took != one.took {
					t.Errorf("the platform took it: %v", took)
				}
			})
		}
	}
}

// One follower's refusal ends that follower's delivery, and nobody else's.
func TestRefusedFollower(t *testing.T) {
	all := kinds()
	template := all[3]
	c, w, _ := openAccount(t, template, 1)
	w.Unfollow(openid(0))
	if o := c.Deliver(t.Context(), prepared(t, c, 1), granting(1))[0]; o.Status != dispatch.Refused ||
		(o.Failure != dispatch.Failure{Scope: dispatch.ScopeRecipient, Permanent: true, Reason: "not-following"}) {
		t.Errorf("template: %+v", o)
	}
	c, _, s := openAccount(t, all[0], 3)
	s.next(massListPath, standin.WeChatFault{Code: 40003})
	for _, o := range c.Deliver(t.Context(), prepared(t, c, 3), granting(3)) {
		if o.Failure.Scope != dispatch.ScopeContent || o.Failure.Permanent {
			t.Errorf("list: %+v", o)
		}
	}
}

func TestTooFew(t *testing.T) {
	c, w, _ := openAccount(t, kinds()[0], 3)
	asked := false
	o := c.Deliver(t.Context(), prepared(t, c, 1), func(context.Context) ([]bool, error) { asked = true; return []bool{true}, nil })[0]
	if o.Status != dispatch.Refused || o.Failure.Reason != "mass-needs-two" || !o.Failure.Permanent || asked {
		t.Errorf("one alone: %+v, marker asked for: %v", o, asked)
	}
	out := c.Deliver(t.Context(), prepared(t, c, 3), granting(3, 0, 2))
	if out[0].Status != dispatch.Stopped || out[1].Status != dispatch.Refused || out[1].Failure.Reason != "mass-needs-two" {
		t.Errorf("one left: %+v", out)
	}
	if w.Calls(massListPath) != 0 || w.Calls(draftDeletePath) != 1 {
		t.Errorf("%d sends, %d drafts discarded", w.Calls(massListPath), w.Calls(draftDeletePath))
	}
}

// A cover that is not known yet is waited for; one that is gone is drawn again.
func TestUnknownCover(t *testing.T) {
	c, w, s := openAccount(t, kinds()[0], 2)
	unknown := standin.WeChatFault{Code: 40007, Text: "invalid media_id"}
	s.next(draftAddPath, unknown, unknown)
	out := c.Deliver(t.Context(), prepared(t, c, 2), granting(2))
	if out[0].Status != dispatch.Sent || w.Calls(draftAddPath) != 3 || w.Calls(coverPath) != 2 {
		t.Errorf("%+v after %d drafts and %d covers", out[0], w.Calls(draftAddPath), w.Calls(coverPath))
	}
	s.next(draftAddPath, unknown, unknown, unknown, unknown)
	out = c.Deliver(t.Context(), prepared(t, c, 2), granting(2))
	if out[0].Status != dispatch.Refused || out[0].Failure.Reason != "media-unknown" {
		t.Errorf("%+v", out[0])
	}
}

// The tag has exactly those who are to get it when the article goes out.
func TestTagIsInStep(t *testing.T) {
	c, w, s := openAccount(t, kinds()[1], 120)
	has := func() (got []string) {
		t.Helper()
		tag, err := c.tagID(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		members, err := c.tagged(t.Context(), tag)
		if err != nil {
			t.Fatal(err)
		}
		for openid := range members {
			got = append(got, openid)
		}
		slices.Sort(got)
		return got
	}
	tag, err := c.tagID(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.retag(t.Context(), tagAddPath, tag, []string{openid(110), openid(111), openid(0)}); err != nil {
		t.Fatal(err)
	}
	w.Unfollow(openid(60))
	b := prepared(t, c, 100)
	out := c.Deliver(t.Context(), b, func(ctx context.Context) ([]bool, error) {
		if n := len(has()); n != 99 {
			t.Errorf("%d have the tag before the marker, want 99", n)
		}
		return granting(100, 7)(ctx)
	})
	for i, o := range out {
		want := dispatch.Sent
		switch i {
		case 7:
			want = dispatch.Stopped
		case 60:
			want = dispatch.Refused
			if o.Failure.Reason != "openid-unknown" && o.Failure.Reason != "not-following" {
				t.Errorf("who has left: %+v", o)
			}
		}
		if o.Status != want {
			t.Errorf("outcome %d: %+v", i, o)
		}
	}
	if n := len(w.Messages()); n != 98 || len(has()) != 98 {
		t.Errorf("%d received it, %d have the tag; want 98", n, len(has()))
	}
	for _, body := range s.bodies(massAllPath) {
		if !strings.Contains(string(body), `"is_to_all":false`) {
			t.Errorf("sent to all: %s", body)
		}
	}
}

// An error is not an empty tag: the SDK takes one for the other, and everybody
// would be tagged again, or nobody untagged.
func TestTagErrorIsNotEmpty(t *testing.T) {
	c, _, s := openAccount(t, kinds()[1], 3)
	s.next(tagMembersPath, standin.WeChatFault{Code: 45009})
	asked := false
	out := c.Deliver(t.Context(), prepared(t, c, 3), func(context.Context) ([]bool, error) { asked = true; return nil, nil })
	if out[0].Status != dispatch.Refused || out[0].Failure.Reason != "api-quota" || asked {
		t.Errorf("%+v, marker asked for: %v", out[0], asked)
	}
}

func TestQuotaSaysUntilWhen(t *testing.T) {
	c, _, s := openAccount(t, kinds()[2], 2)
	s.next(massAllPath, standin.WeChatFault{Code: 45028, Text: "has no masssend quota"})
	o := c.Deliver(t.Context(), prepared(t, c, 2), granting(2))[0]
	if !strings.Contains(o.Reply, "has no masssend quota") || !strings.Contains(o.Reply, "等到北京时间 ") || o.Failure.Wait > 24*time.Hour+2*time.Minute {
		t.Errorf("%+v", o)
	}
}

func TestTemplateMessage(t *testing.T) {
	c, w, s := openAccount(t, kinds()[3], 1)
	for range 2 { // the second is the same call again
		if o := c.Deliver(t.Context(), prepared(t, c, 1), granting(1))[0]; o.Status != dispatch.Sent || o.Job == "" {
			t.Fatalf("%+v", o)
		}
	}
	got := w.Messages()
	if len(got) != 1 {
		t.Fatalf("%d messages, want 1", len(got))
	}
	if got[0].URL != "https://news.example.org/issues/142" || string(got[0].Data) != `{"thing1":{"value":"港城茗讯"},"thing2":{"value":"春茶上市"},"thing3":{"value":"第142期"}}` {
		t.Errorf("message %+v %s", got[0], got[0].Data)
	}
	if strings.Contains(string(s.bodies(templatePath)[0]), "miniprogram") {
		t.Error("the message points to a mini program")
	}
}

func TestFieldsAreShort(t *testing.T) {
	for in, want := range map[string]string{
		"a\nb  c": "a b c", strings.Repeat("字", 20): strings.Repeat("字", 20), strings.Repeat("字", 21): strings.Repeat("字", 19) + "…",
	} {
		if got := short(in); got != want {
			t.Errorf("short(%q) = %q", in, got)
		}
	}
}

// A preview goes to one follower, and changes no later send.
func TestPreview(t *testing.T) {
	c, w, _ := openAccount(t, kinds()[0], 3)
	b := prepared(t, c, 3)
	if err := c.Preview(t.Context(), b.Variant, openid(1)); err != nil {
		t.Fatal(err)
	}
	if got := w.Messages(); len(got) != 1 || got[0].Kind != "preview" || got[0].OpenID != openid(1) {
		t.Errorf("messages %+v", got)
	}
	if out := c.Deliver(t.Context(), b, granting(3)); out[0].Status != dispatch.Sent || len(w.Messages()) != 4 {
		t.Errorf("%+v, %d messages", out[0], len(w.Messages()))
	}
	if w.Calls(massPreviewPath) != 1 || w.Calls(massAllPath) != 0 {
		t.Error("preview and send are mixed up")
	}
	var e *Error
	if err := c.Preview(t.Context(), b.Variant, "oNobody000"); !errors.As(err, &e) || e.Code != 43004 {
		t.Errorf("nobody: %v", err)
	}
}

func TestProbe(t *testing.T) {
	c, _, s := openAccount(t, kinds()[0], 0)
	if err := c.Probe(t.Context()); err != nil {
		t.Error(err)
	}
	s.next(tokenPath, standin.WeChatFault{Code: 40164, Text: "invalid ip 192.0.2.7 ipv6 ::ffff:192.0.2.7, not in whitelist"})
	if err := c.Probe(t.Context()); err == nil || !strings.Contains(err.Error(), "192.0.2.7") {
		t.Errorf("%v", err)
	}
}

// Articles hold nothing that JSON can only write with an escape, which readers
// would see.
func TestNoEscapes(t *testing.T) {
	c, _, s := openAccount(t, kinds()[0], 2)
	b := prepared(t, c, 2)
	var f frozen
	if err := f.unmarshal(b.Variant.Data); err != nil {
		t.Fatal(err)
	}
	f.Article.Content = clean("<p>a\u2028b\u2029c\x07d & < ></p>")
	data, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	b.Variant.Data = data
	if o := c.Deliver(t.Context(), b, granting(2))[0]; o.Status != dispatch.Sent {
		t.Fatalf("%+v", o)
	}
	if body := string(s.bodies(draftAddPath)[0]); strings.Contains(body, `\u`) || !strings.Contains(body, "<p>abcd & < ></p>") {
		t.Errorf("the draft was sent as %s", body)
	}
}

func TestOptions(t *testing.T) {
	set, err := templates.New(templates.Options{})
	if err != nil {
		t.Fatal(err)
	}
	good := Options{API: newAPI(t, "https://api.weixin.invalid", nil), Account: Service, Mode: Mass, PublicURL: "https://x", Render: set}
	for name, change := range map[string]func(*Options){
		"no API":                   func(o *Options) { o.API = nil },
		"personal":                 func(o *Options) { o.Account = "personal" },
		"mode":                     func(o *Options) { o.Mode = "letter" },
		"template of subscription": func(o *Options) { o.Account, o.Mode = Subscription, Template },
		"service to all":           func(o *Options) { o.ToAll = true },
		"template without id":      func(o *Options) { o.Mode = Template },
	} {
		o := good
		change(&o)
		if _, err := New(o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	for _, o := range []APIOptions{{}, {BaseURL: "ftp://x", AppID: "a", Secret: "b"}, {BaseURL: "https://x", AppID: "a"}, {BaseURL: "https://x", Secret: "a"}} {
		if _, err := NewAPI(o); err == nil {
			t.Errorf("%+v: no error", o)
		}
	}
}
