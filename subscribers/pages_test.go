package subscribers

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// fakeRenderer writes a page's data instead of HTML.
type fakeRenderer struct{ err error }

func (r fakeRenderer) Page(name, language string, data any) ([]byte, error) {
	p, ok := data.(UnsubscribePage)
	if !ok {
		return fmt.Appendf(nil, "%s %s %+v", name, language, data), r.err
	}
	return fmt.Appendf(nil, "%s %s %s %s|%s|%s|%s%s|%s", name, language, p.Title, p.State, p.Problem, p.Channel, p.Action, p.Address, p.Error), r.err
}

func (r fakeRenderer) StyleHash() string { return "'sha256-style'" }

// noBooks is a program that keeps nothing of people but what this package does.
type noBooks struct{}

func (noBooks) Scrub(context.Context, int64, time.Time) error           { return nil }
func (noBooks) Forget(context.Context, string, string, time.Time) error { return nil }
func (noBooks) History(context.Context, int64) (any, error)             { return []string{}, nil }

func (noBooks) Adopt(context.Context, *sql.Tx, int64, int64, string) error { return nil }

// newDesk returns a desk on a store, and what it logs.
func newDesk(t testing.TB, s *Store) (*Desk, *bytes.Buffer) {
	t.Helper()
	log := new(bytes.Buffer)
	d, err := NewDesk(DeskOptions{Store: s, Books: noBooks{}, Log: slog.New(slog.NewTextHandler(log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	return d, log
}

// site is a server with one subscriber, and what it logged.
type site struct {
	*httptest.Server
	store *Store
	desk  *Desk
	links *Links
	sub   Subscriber
	log   *bytes.Buffer
}

func newSite(t *testing.T, renderer Renderer) *site {
	t.Helper()
	s := newStore(t)
	sub := mustAdd(t, s, Entry{Addresses: []Address{mustEmail(t, "zhang.san@example.org"), mustWeChat(t, "oZHANGSAN")}})
	w := serveWith(t, s, renderer)
	w.sub = sub
	return w
}

// serveOn serves the pages of a store.
func serveOn(t *testing.T, s *Store) *site { return serveWith(t, s, fakeRenderer{}) }

func serveWith(t *testing.T, s *Store, renderer Renderer) *site {
	t.Helper()
	w := &site{store: s, links: newLinks(t, secretA)}
	w.desk, w.log = newDesk(t, s)
	pages, err := NewPages(pageOptions(w.desk, w.links, renderer))
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	pages.Register(mux)
	w.Server = httptest.NewServer(mux)
	t.Cleanup(w.Close)
	w.Client().CheckRedirect = func(*http.Request, []*http.Request) error { return errors.New("redirected") }
	return w
}

func pageOptions(desk *Desk, links *Links, renderer Renderer) PageOptions {
	return PageOptions{
		Desk: desk, Links: links, Renderer: renderer, Title: "商务资讯", Zone: time.FixedZone("CST", 8*3600),
		Sections: func(context.Context) ([]string, error) { return []string{"要闻", "会员", "政策"}, nil },
		Consent:  func(language string) string { return "同意 " + language },
		Log:      desk.o.Log,
	}
}

func (w *site) token() string {
	return w.links.Sign(Token{Purpose: ToUnsubscribe, ID: w.sub.PublicID, Channel: Email})
}

func (w *site) emailState(t *testing.T) State {
	sub := mustGet(t, w.store, "1")
	return sub.on(Email).State
}

const urlencoded = "application/x-www-form-urlencoded"

// do sends a request and checks what is true of every answer.
func (w *site) do(t *testing.T, method, query, contentType, body string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, w.URL+"/unsubscribe"+query, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	resp, err := w.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	for header, want := range map[string]string{
		"Content-Security-Policy": "default-src 'none'; style-src 'sha256-style'; form-action 'self'",
		"Referrer-Policy":         "no-referrer",
		"X-Robots-Tag":            "noindex",
		"X-Content-Type-Options":  "nosniff",
		"Cache-Control":           "no-store",
	} {
		if got := resp.Header.Get(header); !strings.HasPrefix(got, want) {
			t.Errorf("%s %s: %s is %q", method, query, header, got)
		}
	}
	if len(resp.Cookies()) != 0 {
		t.Errorf("%s %s sets cookies", method, query)
	}
	for _, secret := range []string{"zhang", "oZHANG"} {
		if strings.Contains(string(text), secret) || strings.Contains(w.log.String(), secret) {
			t.Errorf("%s %s shows the address: %s\n%s", method, query, text, w.log)
		}
	}
	return resp, string(text)
}

func TestPageAsksAndGetChangesNothing(t *testing.T) {
	w := newSite(t, fakeRenderer{})
	before := dump(t, w.store.read)
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		resp, body := w.do(t, method, "?t="+w.token(), "", "")
		want := "unsubscribe zh-CN 商务资讯 ask||email|?t=" + w.token() + "|"
		if method == http.MethodHead {
			want = ""
		}
		if resp.StatusCode != 200 || body != want || resp.Header.Get("Content-Type") != "text/html; charset=utf-8" {
			t.Errorf("%s: %d %s %q, want %q", method, resp.StatusCode, resp.Header.Get("Content-Type"), body, want)
		}
	}
	if after := dump(t, w.store.read); after != before {
		t.Errorf("GET changed the database:\n%s\n%s", before, after)
	}
}

func TestOneClick(t *testing.T) {
	const multipart = "--x\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--x--\r\n"
	for name, tt := range map[string]struct{ contentType, body string }{
		"urlencoded":         {urlencoded, "List-Unsubscribe=One-Click"},
		"charset":            {urlencoded + "; charset=utf-8", "List-Unsubscribe=One-Click"},
		"newline at the end": {urlencoded, "List-Unsubscribe=One-Click\r\n"},
		"multipart":          {"multipart/form-data; boundary=x", multipart},
	} {
		t.Run(name, func(t *testing.T) {
			w := newSite(t, fakeRenderer{})
			for repeat := range 2 {
				resp, body := w.do(t, http.MethodPost, "?t="+w.token(), tt.contentType, tt.body)
				if resp.StatusCode != 200 || body != "unsubscribed\n" || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/plain") {
					t.Errorf("time %d: %d %q", repeat+1, resp.StatusCode, body)
				}
				if w.emailState(t) != Unsubscribed {
					t.Errorf("time %d: still %s", repeat+1, w.emailState(t))
				}
			}
			if got := mustGet(t, w.store, "1"); got.on(WeChat).State != Active || got.on(Email).Reason != "one-click" {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestButtonAndUndo(t *testing.T) {
	for name, tt := range map[string]struct{ contentType, body string }{
		"form": {urlencoded, ""}, "nothing": {"", ""}, "broken": {urlencoded, "%zz"}, "no form": {"text/plain", "please"},
		"broken multipart": {"multipart/form-data", "--"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newSite(t, fakeRenderer{})
			resp, body := w.do(t, http.MethodPost, "?t="+w.token(), tt.contentType, tt.body)
			before, undo, ok := strings.Cut(strings.TrimSuffix(body, "|"), "?u=")
			if resp.StatusCode != 200 || !ok || before != "unsubscribe zh-CN 商务资讯 done||email|" {
				t.Fatalf("%d %q", resp.StatusCode, body)
			}
			got := mustGet(t, w.store, "1")
			if got := got.on(Email); got.State != Unsubscribed || got.Reason != "link" {
				t.Errorf("after the button: %+v", got)
			}
			if resp, _ := w.do(t, http.MethodGet, "?u="+undo, "", ""); resp.StatusCode != 405 || resp.Header.Get("Allow") != "POST" || w.emailState(t) != Unsubscribed {
				t.Errorf("GET of undo: %d, %s", resp.StatusCode, w.emailState(t))
			}
			for range 2 {
				resp, body = w.do(t, http.MethodPost, "?u="+undo, tt.contentType, tt.body)
				if resp.StatusCode != 200 || body != "unsubscribe zh-CN 商务资讯 undone||email||" || w.emailState(t) != Active {
					t.Errorf("undo: %d %q, %s", resp.StatusCode, body, w.emailState(t))
				}
			}
		})
	}
}

// TestPageOfSomebodyWhoLeft: the link of an old mail, opened again, says so and
// offers the way back; looking changes nothing.
func TestPageOfSomebodyWhoLeft(t *testing.T) {
	w := newSite(t, fakeRenderer{})
	w.do(t, http.MethodPost, "?t="+w.token(), urlencoded, "List-Unsubscribe=One-Click")
	before := dump(t, w.store.read)
	resp, body := w.do(t, http.MethodGet, "?t="+w.token(), "", "")
	said, undo, ok := strings.Cut(strings.TrimSuffix(body, "|"), "?u=")
	if resp.StatusCode != 200 || !ok || said != "unsubscribe zh-CN 商务资讯 left||email|" {
		t.Fatalf("%d %q", resp.StatusCode, body)
	}
	if after := dump(t, w.store.read); after != before {
		t.Errorf("GET changed the database:\n%s\n%s", before, after)
	}
	if _, body := w.do(t, http.MethodPost, "?u="+undo, urlencoded, ""); !strings.Contains(body, " undone|") || w.emailState(t) != Active {
		t.Errorf("undo: %q, %s", body, w.emailState(t))
	}
	if _, body := w.do(t, http.MethodGet, "?t="+w.token(), "", ""); !strings.Contains(body, " ask|") {
		t.Errorf("after undoing: %q", body)
	}
}

func TestPageRefuses(t *testing.T) {
	w := newSite(t, fakeRenderer{})
	good := w.token()
	expired := w.links.Sign(Token{Purpose: ToUndo, ID: w.sub.PublicID, Channel: Email, Expires: time.Now().Add(-time.Second)})
	undo := w.links.Sign(Token{Purpose: ToUndo, ID: w.sub.PublicID, Channel: Email, Expires: time.Now().Add(time.Hour)})
	foreign := newLinks(t, secretB).Sign(Token{Purpose: ToUnsubscribe, ID: w.sub.PublicID, Channel: Email})
	large := strings.Repeat("a", maxForm+1)
	before := dump(t, w.store.read)
	for name, tt := range map[string]struct {
		method, query, body string
		status              int
		problem             string
	}{
		"no token":              {http.MethodGet, "", "", 403, "link"},
		"no token, POST":        {http.MethodPost, "", "List-Unsubscribe=One-Click", 403, "link"},
		"wrong token":           {http.MethodGet, "?t=" + good + "x", "", 403, "link"},
		"wrong token, POST":     {http.MethodPost, "?t=" + good + "x", "", 403, "link"},
		"wrong key":             {http.MethodPost, "?t=" + foreign, "", 403, "link"},
		"token in the body":     {http.MethodPost, "", "t=" + good, 403, "link"},
		"undo as unsubscribe":   {http.MethodPost, "?t=" + undo, "", 403, "link"},
		"unsubscribe as undo":   {http.MethodPost, "?u=" + good, "", 403, "link"},
		"both":                  {http.MethodPost, "?t=" + good + "&u=", "", 403, "link"},
		"undo expired":          {http.MethodPost, "?u=" + expired, "", 403, "expired"},
		"PUT":                   {http.MethodPut, "?t=" + good, "", 405, "method"},
		"DELETE":                {http.MethodDelete, "?t=" + good, "", 405, "method"},
		"OPTIONS":               {http.MethodOptions, "?t=" + good, "", 405, "method"},
		"large body":            {http.MethodPost, "?t=" + good, large, 413, "large"},
		"large body, one click": {http.MethodPost, "?t=" + good, "List-Unsubscribe=One-Click&a=" + large, 413, "large"},
		"large body, undo":      {http.MethodPost, "?u=" + undo, large, 413, "large"},
	} {
		resp, body := w.do(t, tt.method, tt.query, urlencoded, tt.body)
		if resp.StatusCode != tt.status || !strings.Contains(body, "error|"+tt.problem+"|") {
			t.Errorf("%s: %d %q, want %d %s", name, resp.StatusCode, body, tt.status, tt.problem)
		}
		if tt.status == 405 && resp.Header.Get("Allow") != "GET, HEAD, POST" {
			t.Errorf("%s: Allow is %q", name, resp.Header.Get("Allow"))
		}
	}
	if after := dump(t, w.store.read); after != before {
		t.Errorf("a refused request changed the database:\n%s\n%s", before, after)
	}
}

func TestPageOfSomebodyWhoIsGone(t *testing.T) {
	w := newSite(t, fakeRenderer{})
	undo := w.links.Sign(Token{Purpose: ToUndo, ID: w.sub.PublicID, Channel: Email, Expires: time.Now().Add(time.Hour)})
	if _, err := w.store.Erase(t.Context(), "1", noon()); err != nil {
		t.Fatal(err)
	}
	if resp, body := w.do(t, http.MethodPost, "?t="+w.token(), urlencoded, "List-Unsubscribe=One-Click"); resp.StatusCode != 200 {
		t.Errorf("one click: %d %q", resp.StatusCode, body)
	}
	if resp, body := w.do(t, http.MethodPost, "?t="+w.token(), urlencoded, ""); resp.StatusCode != 200 || !strings.HasSuffix(body, "done||email||") {
		t.Errorf("button: %d %q", resp.StatusCode, body)
	}
	if resp, body := w.do(t, http.MethodPost, "?u="+undo, urlencoded, ""); resp.StatusCode != 410 || !strings.Contains(body, "error|gone|") {
		t.Errorf("undo: %d %q", resp.StatusCode, body)
	}
}

func TestPageWhenTheDatabaseFails(t *testing.T) {
	w := newSite(t, fakeRenderer{})
	undo := w.links.Sign(Token{Purpose: ToUndo, ID: w.sub.PublicID, Channel: Email, Expires: time.Now().Add(time.Hour)})
	if err := w.store.write.Close(); err != nil {
		t.Fatal(err)
	}
	for _, query := range []string{"?t=" + w.token(), "?u=" + undo} {
		if resp, body := w.do(t, http.MethodPost, query, urlencoded, "List-Unsubscribe=One-Click"); resp.StatusCode != 503 || !strings.Contains(body, "error|busy|") {
			t.Errorf("%s: %d %q", query, resp.StatusCode, body)
		}
	}
	if !strings.Contains(w.log.String(), "level=ERROR") {
		t.Error("nothing logged")
	}
}

func TestOneClickCountsWhenTheClientHangsUp(t *testing.T) {
	w := newSite(t, fakeRenderer{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	req := httptest.NewRequestWithContext(ctx, http.MethodPost, "/unsubscribe?t="+w.token(), strings.NewReader("List-Unsubscribe=One-Click"))
	req.Header.Set("Content-Type", urlencoded)
	w.Config.Handler.ServeHTTP(httptest.NewRecorder(), req)
	if w.emailState(t) != Unsubscribed {
		t.Errorf("still %s", w.emailState(t))
	}
}

func TestPageWhenTheTemplateFails(t *testing.T) {
	w := newSite(t, fakeRenderer{err: errors.New("broken template")})
	if resp, body := w.do(t, http.MethodGet, "?t="+w.token(), "", ""); resp.StatusCode != 500 || strings.Contains(body, "broken") {
		t.Errorf("%d %q", resp.StatusCode, body)
	}
}

func TestPageLanguage(t *testing.T) {
	w := newSite(t, fakeRenderer{})
	for accept, want := range map[string]string{
		"": "zh-CN", "zh-CN,zh;q=0.9,en;q=0.8": "zh-CN", "zh-TW": "zh-CN", "en": "en", "en-GB,en;q=0.9": "en", "en;q=0.5,zh;q=0.4": "en",
		"fr,en;q=0.3": "en", "fr": "en", "fr,zh;q=0.3": "zh-CN", "%%%": "zh-CN", strings.Repeat("en,", 100): "zh-CN",
	} {
		req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/unsubscribe?"+url.Values{"t": {w.token()}}.Encode(), nil)
		req.Header.Set("Accept-Language", accept)
		answer := httptest.NewRecorder()
		w.Config.Handler.ServeHTTP(answer, req)
		if got := answer.Result().Header.Get("Content-Language"); got != want || !strings.Contains(answer.Body.String(), "unsubscribe "+want) {
			t.Errorf("%q: %s, want %s", accept, got, want)
		}
	}
}

func TestNewPagesNeedsItsOptions(t *testing.T) {
	whole := pageOptions(&Desk{o: DeskOptions{Log: slog.New(slog.DiscardHandler)}}, new(Links), fakeRenderer{})
	if _, err := NewPages(whole); err != nil {
		t.Error(err)
	}
	var got []string
	for name, drop := range map[string]func(*PageOptions){
		"desk": func(o *PageOptions) { o.Desk = nil }, "links": func(o *PageOptions) { o.Links = nil },
		"renderer": func(o *PageOptions) { o.Renderer = nil }, "log": func(o *PageOptions) { o.Log = nil },
		"zone": func(o *PageOptions) { o.Zone = nil }, "sections": func(o *PageOptions) { o.Sections = nil },
		"consent": func(o *PageOptions) { o.Consent = nil },
	} {
		o := whole
		drop(&o)
		if _, err := NewPages(o); err == nil {
			got = append(got, name)
		}
	}
	if diff := cmp.Diff([]string(nil), got); diff != "" {
		t.Errorf("accepted without (-want +got):\n%s", diff)
	}
}
