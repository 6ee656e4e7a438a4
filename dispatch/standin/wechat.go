package standin

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// WeChatOptions are what a [WeChat] is like. The zero value but for AppID and
// Secret is a verified service account without followers.
type WeChatOptions struct {
	// Addr is host:port on this machine; empty: 127.0.0.1 and a free port.
	Addr          string
	AppID, Secret string
	// Subscription makes it a 订阅号: no openid lists, no templates, one mass send
	// a day.
	Subscription bool
	Unverified   bool
	// PayLinks lets links to other hosts stand in articles.
	PayLinks bool
	// DraftSurvives keeps a draft usable after its first mass send. Nobody has
	// documented whether the real one does.
	DraftSurvives bool
	// PageSize is how many openids a page of user/get has; 0: 10000.
	PageSize  int
	Followers []string
	Templates []string // ids that template/send knows
	// Once is the account's template of one-time subscription messages; empty: it has
	// none.
	Once string
	// Token, AESKey and Callback are where events go, in safe mode. No Callback:
	// events are kept and not sent.
	Token, AESKey, Callback string
	// LoseEvents never sends an event: they do get lost.
	LoseEvents bool
	Now        func() time.Time // nil: time.Now
	// Script says what goes wrong with a call. It is called from many goroutines,
	// and may call the stand-in. nil: nothing goes wrong.
	Script func(WeChatCall) WeChatFault
}

// WeChatCall is one call of the API.
type WeChatCall struct {
	Path string
	Body []byte
	Nth  int // of this path, from 1
}

// WeChatFault is what goes wrong with a call. The zero value is nothing.
type WeChatFault struct {
	// Before and After delay the call until they are closed, or its client has
	// gone: before it is worked on, and after.
	Before, After <-chan struct{}
	// Code answers with an errcode instead of working on the call.
	Code int
	Text string
	// Status answers with an HTTP status, and Body, instead of working on it.
	Status int
	Body   string
	// Drop closes the connection instead of working on the call, Lose afterwards.
	Drop, Lose bool
	// Garble changes the answer of a call that was worked on.
	Garble func(answer []byte) []byte
	// Job is how a mass send that is accepted ends: "err(20013)". Empty: well.
	Job string
}

// WeChatMessage is what one follower received.
type WeChatMessage struct {
	OpenID  string          `json:"openid"`
	Kind    string          `json:"kind"` // mass, preview, template, reply, custom, once
	Key     string          `json:"key"`  // clientmsgid, client_msg_id
	Job     int64           `json:"job"`
	Article *WeChatArticle  `json:"article,omitempty"`
	Data    json.RawMessage `json:"data,omitempty"`  // of a template
	Title   string          `json:"title,omitempty"` // of custom and once
	URL     string          `json:"url,omitempty"`   // of a template, custom and once
	Text    string          `json:"text,omitempty"`  // of a reply, custom and once
	At      time.Time       `json:"at"`
}

// WeChat behaves like api.weixin.qq.com towards one account, as far as it is
// documented: always HTTP 200, an errcode in the body, tokens in the query. It
// keeps who received what, and complains about calls that the real one takes
// amiss without saying so.
type WeChat struct {
	options  WeChatOptions
	listener net.Listener
	now      func() time.Time

	mu         sync.Mutex
	calls      map[string]int
	complaints []string
	tokens     tokens
	images     map[string][]byte // by URL
	media      map[string]bool   // permanent material
	drafts     map[string]*draft
	followers  map[string]*follower
	order      []string // openids in the order in which they came
	tags       map[int64]string
	jobs       []*job
	keys       map[string]*job     // clientmsgid, and what stands for one that is missing
	alls       []time.Time         // accepted sends that count for the account
	sends      map[string]accepted // by openid and client_msg_id
	messages   []WeChatMessage
	events     []string // XML that waits to be sent
	scenes     []string
	visits     map[string]*visitor // by code
	consents   map[consent]bool    // to one message each
	wake       chan struct{}
	serial     int64
}

// NewWeChat listens.
func NewWeChat(o WeChatOptions) (*WeChat, error) {
	if o.Addr == "" {
		o.Addr = "127.0.0.1:0"
	}
	host, _, err := net.SplitHostPort(o.Addr)
	if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsLoopback() {
		return nil, fmt.Errorf("wechat stand-in: %q is not an address of this machine such as 127.0.0.1:2580", o.Addr)
	}
	if o.AppID == "" || o.Secret == "" {
		return nil, errors.New("wechat stand-in: an app id and a secret are needed")
	}
	if o.PageSize == 0 {
		o.PageSize = 10_000
	}
	w := &WeChat{
		options: o, now: o.Now, calls: map[string]int{}, images: map[string][]byte{}, media: map[string]bool{},
		drafts: map[string]*draft{}, followers: map[string]*follower{}, tags: map[int64]string{},
		keys: map[string]*job{}, sends: map[string]accepted{}, visits: map[string]*visitor{}, consents: map[consent]bool{}, wake: make(chan struct{}, 1), serial: 1000,
	}
	if w.now == nil {
		w.now = time.Now
	}
	for _, openid := range o.Followers {
		w.Follow(openid)
	}
	if w.listener, err = net.Listen("tcp", o.Addr); err != nil {
		return nil, fmt.Errorf("wechat stand-in: %w", err)
	}
	return w, nil
}

// URL is where the API is.
func (w *WeChat) URL() string { return "http://" + w.listener.Addr().String() }

// Run serves, and sends events, until ctx ends.
func (w *WeChat) Run(ctx context.Context) error {
	server := &http.Server{Handler: w, ReadHeaderTimeout: 10 * time.Second}
	stop := context.AfterFunc(ctx, func() {
		_ = server.Close()
		_ = w.listener.Close() // the server does not know it when ctx ended before Serve began
	})
	defer stop()
	var sending sync.WaitGroup
	sending.Go(func() { w.sendEvents(ctx) })
	err := server.Serve(w.listener)
	if ctx.Err() != nil {
		err = nil
	}
	sending.Wait()
	return err
}

// Messages returns what followers received so far, in order.
func (w *WeChat) Messages() []WeChatMessage {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.messages)
}

// Calls returns how often a path was called, refused calls included.
func (w *WeChat) Calls(path string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.calls[path]
}

// Complaints are what the real API would have taken amiss in silence.
func (w *WeChat) Complaints() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.complaints)
}

func (w *WeChat) complain(format string, args ...any) {
	w.complaints = append(w.complaints, fmt.Sprintf(format, args...))
}

// next numbers jobs, messages and media.
func (w *WeChat) next() int64 {
	w.serial++
	return w.serial
}

// refusal is an errcode.
type refusal struct {
	code int
	text string
	more map[string]any // what stands beside it
}

// Error implements [error].
func (r *refusal) Error() string { return fmt.Sprintf("%d %s", r.code, r.text) }

func refuse(code int, text string) *refusal { return &refusal{code: code, text: text} }

// request is a call that passed the gate.
type request struct {
	http   *http.Request
	body   []byte
	fault  WeChatFault
	answer map[string]any
}

// read decodes the JSON body.
func (r *request) read(into any) *refusal {
	if len(r.body) == 0 {
		return refuse(44002, "empty post data")
	}
	if !utf8.Valid(r.body) || json.Unmarshal(r.body, into) != nil {
		return refuse(47001, "data format error")
	}
	return nil
}

// endpoint is one path of the API.
type endpoint struct {
	method   string
	open     bool // no token wanted
	verified bool
	service  bool // not for a 订阅号
	work     func(*WeChat, *request) *refusal
}

func endpoints() map[string]endpoint {
	post := func(work func(*WeChat, *request) *refusal) endpoint {
		return endpoint{method: http.MethodPost, verified: true, work: work}
	}
	open := func(method string, work func(*WeChat, *request) *refusal) endpoint {
		return endpoint{method: method, work: work}
	}
	service := func(work func(*WeChat, *request) *refusal) endpoint {
		return endpoint{method: http.MethodPost, verified: true, service: true, work: work}
	}
	return map[string]endpoint{
		"/cgi-bin/stable_token":                      {method: http.MethodPost, open: true, work: (*WeChat).stableToken},
		"/cgi-bin/media/uploadimg":                   open(http.MethodPost, (*WeChat).uploadImage),
		"/cgi-bin/material/add_material":             open(http.MethodPost, (*WeChat).addMaterial),
		"/cgi-bin/material/get_materialcount":        open(http.MethodGet, (*WeChat).countMaterial),
		"/cgi-bin/draft/add":                         open(http.MethodPost, (*WeChat).addDraft),
		"/cgi-bin/draft/get":                         open(http.MethodPost, (*WeChat).getDraft),
		"/cgi-bin/draft/delete":                      open(http.MethodPost, (*WeChat).deleteDraft),
		"/cgi-bin/draft/count":                       open(http.MethodGet, (*WeChat).countDrafts),
		"/cgi-bin/message/mass/send":                 service((*WeChat).massSend),
		"/cgi-bin/message/mass/sendall":              post((*WeChat).massSendAll),
		"/cgi-bin/message/mass/preview":              post((*WeChat).massPreview),
		"/cgi-bin/message/mass/get":                  post((*WeChat).massGet),
		"/cgi-bin/message/mass/delete":               post((*WeChat).massDelete),
		"/cgi-bin/message/template/send":             service((*WeChat).templateSend),
		"/cgi-bin/message/template/subscribe":        post((*WeChat).onceSend),
		"/cgi-bin/message/custom/send":               post((*WeChat).customSend),
		"/cgi-bin/template/get_all_private_template": {method: http.MethodGet, verified: true, service: true, work: (*WeChat).templateList},
		"/cgi-bin/user/get":                          {method: http.MethodGet, verified: true, work: (*WeChat).userGet},
		"/cgi-bin/user/info/batchget":                post((*WeChat).userBatchGet),
		"/cgi-bin/user/tag/get":                      post((*WeChat).tagMembers),
		"/cgi-bin/tags/create":                       post((*WeChat).tagCreate),
		"/cgi-bin/tags/get":                          {method: http.MethodGet, verified: true, work: (*WeChat).tagList},
		"/cgi-bin/tags/members/batchtagging":         post((*WeChat).tagAdd),
		"/cgi-bin/tags/members/batchuntagging":       post((*WeChat).tagRemove),
		"/cgi-bin/menu/create":                       open(http.MethodPost, (*WeChat).menuCreate),
		"/cgi-bin/openapi/quota/get":                 open(http.MethodPost, (*WeChat).quotaGet),
		"/cgi-bin/qrcode/create":                     service((*WeChat).sceneCreate),
		"/sns/oauth2/access_token":                   {method: http.MethodGet, open: true, verified: true, service: true, work: (*WeChat).visitorToken},
	}
}

// ServeHTTP is the API; tests may call it without a network.
func (w *WeChat) ServeHTTP(out http.ResponseWriter, in *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(out, in.Body, 32<<20))
	if err != nil {
		http.Error(out, "413", http.StatusRequestEntityTooLarge)
		return
	}
	w.mu.Lock()
	w.calls[in.URL.Path]++
	call := WeChatCall{Path: in.URL.Path, Body: body, Nth: w.calls[in.URL.Path]}
	w.mu.Unlock()
	r := &request{http: in, body: body}
	if w.options.Script != nil {
		r.fault = w.options.Script(call)
	}
	wait(in, r.fault.Before)
	switch f := r.fault; {
	case f.Drop || in.Context().Err() != nil:
		panic(http.ErrAbortHandler)
	case f.Status != 0:
		out.WriteHeader(f.Status)
		_, _ = io.WriteString(out, f.Body)
		return
	}
	answer := w.answer(r)
	wait(in, r.fault.After)
	if r.fault.Lose {
		panic(http.ErrAbortHandler)
	}
	if r.fault.Garble != nil {
		answer = r.fault.Garble(answer)
	}
	out.Header().Set("Content-Type", "application/json; encoding=utf-8")
	_, _ = out.Write(answer)
}

// wait waits for a fault to let a call go on.
func wait(in *http.Request, until <-chan struct{}) {
	if until == nil {
		return
	}
	select {
	case <-until:
	case <-in.Context().Done():
	}
}

// answer works on a call and gives the body of the answer.
func (w *WeChat) answer(r *request) []byte {
	refused := w.work(r)
	if refused != nil {
		// The real texts end with an id by which the platform finds the call.
		var rid [12]byte
		_, _ = rand.Read(rid[:])
		id := hex.EncodeToString(rid[:])
		r.answer = map[string]any{
			"errcode": refused.code,
			"errmsg":  fmt.Sprintf("%s rid: %s-%s-%s", refused.text, id[:8], id[8:16], id[16:]),
		}
		for k, v := range refused.more {
			r.answer[k] = v
		}
	}
	answer, err := json.Marshal(r.answer)
	if err != nil {
		panic(err)
	}
	return answer
}

func (w *WeChat) work(r *request) *refusal {
	w.mu.Lock()
	defer w.mu.Unlock()
	if f := r.fault; f.Code != 0 {
		return refuse(f.Code, f.Text)
	}
	e, ok := endpoints()[r.http.URL.Path]
	switch {
	case !ok:
		return refuse(40066, "invalid url")
	case e.method == http.MethodPost && r.http.Method != http.MethodPost:
		return refuse(43002, "require POST method")
	case e.method == http.MethodGet && r.http.Method != http.MethodGet:
		return refuse(43001, "require GET method")
	}
	if strings.Contains(r.http.Header.Get("Content-Type"), "json") && strings.Contains(string(r.body), `\u`) {
		w.complain("%s: an escaped character would be shown to readers as it is", r.http.URL.Path)
	}
	if !e.open {
		if refused := w.tokens.check(r.http.URL.Query().Get("access_token"), w.now()); refused != nil {
			return refused
		}
	}
	if e.verified && w.options.Unverified || e.service && w.options.Subscription {
		return refuse(48001, "api unauthorized")
	}
	return e.work(w, r)
}

func ok() map[string]any { return map[string]any{"errcode": 0, "errmsg": "ok"} }
