package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"time"

	"golang.org/x/text/language"

	"yizhan/dispatch"
	"yizhan/dispatch/wechat"
	"yizhan/subscribers"
)

// demoPages are the pages of the demo. They are made anew for each request from
// the ledger and the sink.
type demoPages struct {
	*stage
	templates *template.Template
	style     template.CSS
	styleHash string
	languages language.Matcher
}

// pages makes the handler of /demo and everything below it.
func (s *stage) pages() (http.Handler, error) {
	all, err := template.ParseFS(pageFiles, "page/demo/*.html")
	if err != nil {
		return nil, fmt.Errorf("reading the pages of the demo: %w", err)
	}
	style, err := pageFiles.ReadFile("page/demo/demo.css")
	if err != nil {
		return nil, fmt.Errorf("reading the pages of the demo: %w", err)
	}
	sum := sha256.Sum256(style)
	p := &demoPages{
		stage: s, templates: all, style: template.CSS(style),
		styleHash: "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'",
		languages: language.NewMatcher([]language.Tag{language.SimplifiedChinese, language.English}),
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /demo", p.overview)
	mux.HandleFunc("GET /demo/mails", p.mails)
	mux.HandleFunc("GET /demo/mails.json", p.mailsJSON)
	mux.HandleFunc("GET /demo/mails/{n}", p.mail)
	mux.HandleFunc("GET /demo/mails/{n}/html", p.mailHTML)
	mux.HandleFunc("GET /demo/mails/{n}/source", p.mailSource)
	mux.HandleFunc("GET /demo/wechat", p.followers)
	mux.HandleFunc("GET /demo/wechat.json", p.messagesJSON)
	mux.HandleFunc("GET /demo/wechat/{openid}", p.follower)
	mux.HandleFunc("GET /demo/wechat/{openid}/phone", p.phone)
	mux.HandleFunc("POST /demo/wechat/{openid}", p.act)
	mux.HandleFunc("GET /demo/ledger", p.ledgerPage)
	mux.Handle("GET /demo/{$}", http.RedirectHandler("/demo", http.StatusMovedPermanently))
	mux.HandleFunc("/demo/", p.missing)
	return mux, nil
}

// demoView is what every page of the demo is given.
type demoView struct {
	Style   template.CSS
	English bool
	Page    string // overview, mails, wechat, ledger
	Title   string
	Issue   string // its id; empty: not planned yet
	Command string // by which the program is called for this demo
	Refresh bool   // something is still happening
}

// T chooses between the languages.
func (v demoView) T(zh, en string) string {
	if v.English {
		return en
	}
	return zh
}

// Word says a state of the ledger.
func (v demoView) Word(state dispatch.State) string {
	if v.English {
		return string(state)
	}
	return word(string(state))
}

// Reason says a reason of the ledger.
func (v demoView) Reason(reason string) string {
	if v.English {
		return reason
	}
	return reasonWord(reason)
}

func (p *demoPages) view(w http.ResponseWriter, r *http.Request, page string) demoView {
	v := demoView{Style: p.style, English: wantsEnglish(r, p.languages), Page: page, Title: p.config.Title, Command: calledBy() + " -c " + p.configFile}
	w.Header().Set("Vary", "Accept-Language")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Language", v.T("zh-CN", "en"))
	return v
}

func (p *demoPages) show(w http.ResponseWriter, status int, name string, v any) {
	var out bytes.Buffer
	if err := p.templates.ExecuteTemplate(&out, name, v); err != nil {
		p.broken(w, err)
		return
	}
	w.Header().Set("Content-Security-Policy", policy(p.styleHash)+"; frame-src 'self'")
	send(w, status, out.Bytes())
}

func (p *demoPages) broken(w http.ResponseWriter, err error) {
	p.log.Error("a page of the demo cannot be shown", "error", err)
	http.Error(w, "503", http.StatusServiceUnavailable)
}

func (p *demoPages) missing(w http.ResponseWriter, r *http.Request) {
	p.show(w, http.StatusNotFound, "missing.html", p.view(w, r, ""))
}

// clockTime is a time of day in the zone of the configuration.
func (p *demoPages) clockTime(t time.Time) string {
	return t.In(p.config.Timezone).Format("15:04:05")
}

// newest gives the newest run; ok is false when nothing was planned yet.
func (p *demoPages) newest(r *http.Request) (run dispatch.RunStatus, ok bool, err error) {
	runs, err := p.ledger.Status(r.Context(), "", time.Now())
	if err != nil || len(runs) == 0 {
		return run, false, err
	}
	return runs[len(runs)-1], true, nil
}

// overviewView is the data of overview.html.
type overviewView struct {
	demoView
	Planned bool
	Run     dispatch.RunStatus
	State   string
	Bars    []bar
	Total   int64
	Done    int64
	Scenes  []scene
}

// bar is the share of one state in the picture of a run.
type bar struct {
	State    dispatch.State
	Count    int64
	X, Width float64 // of 1000
}

// scene is a mishap with what came of it so far.
type scene struct {
	What  string
	Entry ledgerRow
}

func (p *demoPages) overview(w http.ResponseWriter, r *http.Request) {
	v := overviewView{demoView: p.view(w, r, "overview")}
	run, planned, err := p.newest(r)
	if err != nil {
		p.broken(w, err)
		return
	}
	v.Refresh = true
	if planned {
		b, err := p.book(r.Context(), run.Issue)
		if err != nil {
			p.broken(w, err)
			return
		}
		v.Planned, v.Run, v.Issue, v.State = true, run, run.Issue, v.T(word(run.State), run.State)
		counts := run.Total()
		v.Total, v.Done, v.Refresh = counts.Total(), counts.Total()-counts.Open(), counts.Open() > 0
		v.Bars = shares(counts)
		v.Scenes = p.scenes(v.demoView, p.rows(b))
	}
	p.show(w, http.StatusOK, "overview.html", v)
}

// shares lays the states of a run side by side.
func shares(counts dispatch.Counts) []bar {
	var out []bar
	x := 0.0
	for _, state := range []dispatch.State{
		dispatch.StateSent, dispatch.StateSkipped, dispatch.StateFailed, dispatch.StateUnconfirmed,
		dispatch.StateMarked, dispatch.StateLeased, dispatch.StateQueued, dispatch.StateDue,
	} {
		n := counts[state]
		width := 1000 * float64(n) / float64(max(counts.Total(), 1))
		if n > 0 {
			out = append(out, bar{state, n, x, width})
		}
		x += width
	}
	return out
}

func (p *demoPages) scenes(v demoView, rows []ledgerRow) []scene {
	var out []scene
	for _, m := range p.script.mishaps {
		at := slices.IndexFunc(rows, func(e ledgerRow) bool { return e.Address == m.address })
		if at < 0 {
			continue
		}
		out = append(out, scene{What: v.T(m.what.zh, m.what.en), Entry: rows[at]})
	}
	return out
}

// ledgerView is the data of ledger.html.
type ledgerView struct {
	demoView
	State   dispatch.State // empty: all
	Counts  []bar
	Total   int
	Rows    []ledgerRow
	Outside []subscribers.Subscriber
}

// ledgerRow is an entry with what the page shows of it.
type ledgerRow struct {
	dispatch.Record
	Name  string
	Left  bool // unsubscribed by now
	Words string
	Tries []tryRow
	At    string
	Mail  int  // its number; 0: none arrived
	Phone bool // it came to the follower's telephone
}

// tryRow is a try with its time in words.
type tryRow struct {
	At, Reason, Words string
	Answered          bool // Words are the other side's
}

func (p *demoPages) ledgerPage(w http.ResponseWriter, r *http.Request) {
	v := ledgerView{demoView: p.view(w, r, "ledger"), State: dispatch.State(r.URL.Query().Get("state"))}
	run, planned, err := p.newest(r)
	if err != nil {
		p.broken(w, err)
		return
	}
	if planned {
		b, err := p.book(r.Context(), run.Issue)
		if err != nil {
			p.broken(w, err)
			return
		}
		v.Issue, v.Total = run.Issue, len(b.entries)
		counts := dispatch.Counts{}
		for _, row := range p.rows(b) {
			counts[row.State]++
			if v.State == "" || row.State == v.State {
				v.Rows = append(v.Rows, row)
			}
		}
		v.Counts = shares(counts)
		if v.State == "" {
			v.Outside = b.outside
		}
	}
	p.show(w, http.StatusOK, "ledger.html", v)
}

// rows makes the entries of a book ready to be shown.
func (p *demoPages) rows(b book) []ledgerRow {
	arrived := map[string]int{}
	for _, m := range inbox(p.sink.Messages()) {
		arrived[m.MessageID] = m.N
	}
	phones := map[string]bool{}
	for _, m := range p.account.Messages() {
		phones[m.OpenID] = true
	}
	out := make([]ledgerRow, 0, len(b.entries))
	for _, e := range b.entries {
		row := ledgerRow{
			Record: e.Record, Name: e.name, Left: e.left, Words: replyOf(e.Code, e.Reply),
			At: p.clockTime(e.UpdatedAt), Mail: arrived[e.MessageID], Phone: e.Channel == wechat.Name && phones[e.Address],
		}
		for _, t := range e.tries {
			row.Tries = append(row.Tries, tryRow{p.clockTime(t.At), t.Reason, replyOf(t.Code, t.Reply), t.Code > 0})
		}
		out = append(out, row)
	}
	return out
}
