package subscribers

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// routes are the pages, with the purpose of the link that opens each, "" for the
// pages that are open to all.
func routes() map[string]Purpose {
	return map[string]Purpose{
		"/subscribe": "", "/manage/link": "", "/confirm": ToConfirm, "/confirm/address": ToMove, "/manage": ToManage, "/unsubscribe": ToUnsubscribe,
	}
}

// signed makes a token of a purpose for the site's subscriber.
func (w *site) signed(t testing.TB, p Purpose, links *Links, epoch int, expires time.Time) string {
	t.Helper()
	id := w.sub.PublicID
	if p == ToMove {
		id = w.store.MoveID(id, mustEmail(t, "new@example.org"))
	}
	return links.Sign(Token{Purpose: p, ID: id, Channel: Email, Epoch: epoch, Expires: expires})
}

// visited is the answer to a request that a test makes.
func (w *site) visited(t testing.TB, method, path, body string, header map[string]string) (int, http.Header, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, w.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if method == http.MethodPost {
		req.Header.Set("Content-Type", urlencoded)
	}
	for name, value := range header {
		req.Header.Set(name, value)
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
	return resp.StatusCode, resp.Header, string(text)
}

// withMove is a site whose subscriber is pending and wants another address.
func withMove(t *testing.T) *site {
	w := newSite(t, fakeRenderer{})
	who := Caller{ID: w.sub.PublicID, Channel: Email, Network: "n"}
	if _, err := w.desk.Do(t.Context(), who, Move{To: mustEmail(t, "new@example.org")}, time.Now()); err != nil {
		t.Fatal(err)
	}
	if err := w.desk.Attend(t.Context(), time.Now()); err != nil {
		t.Fatal(err)
	}
	// Whoever is pending is changed by what should only be looked at.
	if err := w.store.SetState(t.Context(), w.sub.PublicID, Pending, time.Now()); err != nil {
		t.Fatal(err)
	}
	return w
}

// TestRoutes is the table of every page, method and kind of link: what is looked
// at changes nothing in any table, and what does not open a page is refused with a
// page and changes nothing either.
func TestRoutes(t *testing.T) {
	w := withMove(t)
	later := time.Now().Add(time.Hour)
	before := dump(t, w.store.read)
	unchanged := func(what string) {
		t.Helper()
		if after := dump(t, w.store.read); after != before {
			t.Errorf("%s changed the database:\n%s\n%s", what, before, after)
			before = after
		}
	}
	check := func(what string, status int, header http.Header, body string, want int) {
		t.Helper()
		if status != want || body == "" || header.Get("Content-Type") != "text/html; charset=utf-8" {
			t.Errorf("%s: %d %s %q, want %d and a page", what, status, header.Get("Content-Type"), body, want)
		}
		if header.Get("Referrer-Policy") != "no-referrer" || header.Get("X-Robots-Tag") != "noindex" || header.Get("Cache-Control") != "no-store" ||
			!strings.HasPrefix(header.Get("Content-Security-Policy"), "default-src 'none'; style-src 'sha256-") || header.Get("Set-Cookie") != "" || header.Get("Location") != "" {
			t.Errorf("%s: header %v", what, header)
		}
		unchanged(what)
	}
	for path, purpose := range routes() {
		good := path
		if purpose != "" {
			good += "?t=" + w.signed(t, purpose, w.links, 0, later)
		}
		status, header, body := w.visited(t, http.MethodGet, good, "", nil)
		check("GET "+path, status, header, body, 200)
		if status, _, body := w.visited(t, http.MethodHead, good, "", nil); status != 200 || body != "" {
			t.Errorf("HEAD %s: %d %q", path, status, body)
		}
		unchanged("HEAD " + path)
		for _, method := range []string{http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions} {
			status, header, body := w.visited(t, method, good, "", nil)
			check(method+" "+path, status, header, body, 405)
		}
		status, header, body = w.visited(t, http.MethodPost, good, "a="+strings.Repeat("b", maxForm), nil)
		check("a large POST to "+path, status, header, body, 413)
		for _, from := range []map[string]string{
			{"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"},
		} {
			status, header, body := w.visited(t, http.MethodPost, good, "", from)
			check(fmt.Sprintf("POST to %s with %v", path, from), status, header, body, 403)
		}
		if purpose == "" {
			continue
		}
		for name, query := range map[string]string{
			"no token":        "",
			"an empty one":    "?t=",
			"rubbish":         "?t=v1.a.b.c.d.e.f.g",
			"expired":         "?t=" + w.signed(t, purpose, w.links, 0, time.Now().Add(-time.Second)),
			"another key":     "?t=" + w.signed(t, purpose, newLinks(t, secretB), 0, later),
			"another purpose": "?t=" + w.signed(t, map[bool]Purpose{true: ToUndo, false: ToManage}[purpose == ToManage], w.links, 0, later),
			"as unsubscribe":  "?t=" + strings.Replace(w.signed(t, purpose, w.links, 0, later), "."+string(purpose)+".", ".undo.", 1),
			"revoked":         "?t=" + w.signed(t, purpose, w.links, 7, later),
		} {
			if purpose == ToUnsubscribe && name == "revoked" {
				continue // such a link is never revoked
			}
			for _, method := range []string{http.MethodGet, http.MethodPost} {
				status, header, body := w.visited(t, method, path+query, "do=erase&sure=yes", nil)
				check(fmt.Sprintf("%s %s with %s", method, path, name), status, header, body, 403)
			}
		}
		if purpose == ToUnsubscribe {
			continue
		}
		stranger := w.links.Sign(Token{Purpose: purpose, ID: newPublicID(), Channel: Email, Expires: later})
		status, header, body = w.visited(t, http.MethodPost, path+"?t="+stranger, "do=erase&sure=yes", nil)
		check("POST to "+path+" of somebody who is gone", status, header, body, 410)
	}
	if strings.Contains(w.log.String(), "@") {
		t.Errorf("the log has an address:\n%s", w.log)
	}
}

// post sends a form to /manage and gives the page.
func (w *site) manage(t *testing.T, form url.Values) (int, string) {
	t.Helper()
	token := w.signed(t, ToManage, w.links, mustGet(t, w.store, w.sub.PublicID).LinkEpoch, time.Now().Add(time.Hour))
	status, _, body := w.visited(t, http.MethodPost, "/manage?t="+token, form.Encode(), map[string]string{"Sec-Fetch-Site": "same-origin"})
	return status, body
}

func TestManageForms(t *testing.T) {
	w := newSite(t, fakeRenderer{})
	tomorrow := time.Now().AddDate(0, 0, 2).Format(time.DateOnly)
	for _, tt := range []struct {
		form   url.Values
		status int
		want   string // in the page
		check  func(Subscriber) bool
	}{
		{url.Values{"do": {"save"}, "name": {"张 三"}, "sections": {"会员", "没有的"}, "language": {"en"}}, 200, "Notice:saved", func(s Subscriber) bool {
			return s.Name == "张 三" && join(s.Sections) == "会员" && s.Language == "en"
		}},
		{url.Values{"do": {"save"}, "name": {"张三"}, "sections": {"要闻", "会员", "政策"}}, 200, "Notice:saved", func(s Subscriber) bool { return len(s.Sections) == 0 }},
		{url.Values{"do": {"save"}, "name": {strings.Repeat("长", 300)}}, 422, "Field:name", nil},
		{url.Values{"do": {"pause"}, "until": {"soon"}}, 422, "Field:until", nil},
		{url.Values{"do": {"pause"}, "until": {"2020-01-01"}}, 422, "Field:until", nil},
		{url.Values{"do": {"pause"}, "until": {tomorrow}}, 200, "PausedUntil:" + tomorrow, func(s Subscriber) bool { return s.State == Paused }},
		{url.Values{"do": {"resume"}}, 200, "Notice:resumed", func(s Subscriber) bool { return s.State == Active }},
		{url.Values{"do": {"move"}, "email": {"nothing"}}, 422, "Field:email", nil},
		{url.Values{"do": {"move"}, "email": {"other@example.org"}}, 200, "Notice:moving", nil},
		{url.Values{"do": {"stay"}}, 200, "Notice:stayed", nil},
		{url.Values{"do": {"revoke"}}, 200, "Notice:revoked", func(s Subscriber) bool { return s.LinkEpoch == 1 }},
		{url.Values{"do": {"export"}}, 200, `"public_id": "` + w.sub.PublicID, nil},
		{url.Values{"do": {"nothing"}}, 200, "State:open", nil},
		{url.Values{"do": {"erase"}}, 422, "Field:sure", nil},
	} {
		status, body := w.manage(t, tt.form)
		if status != tt.status || !strings.Contains(body, tt.want) {
			t.Errorf("%v: %d %q, want %d %s", tt.form, status, body, tt.status, tt.want)
		}
		if got := mustGet(t, w.store, w.sub.PublicID); tt.check != nil && !tt.check(got) {
			t.Errorf("%v: %+v", tt.form, got)
		}
		if strings.Contains(body, "zhang.san@") && tt.form.Get("do") != "export" {
			t.Errorf("%v: the page shows the address: %s", tt.form, body)
		}
	}
	if status, body := w.manage(t, url.Values{"do": {"erase"}, "sure": {"yes"}}); status != 200 || !strings.Contains(body, "State:erased") {
		t.Errorf("erase: %d %s", status, body)
	}
	if _, err := w.store.Get(t.Context(), "zhang.san@example.org"); err == nil {
		t.Error("still there after erase")
	}
}

// TestRevokedPageGoesOn: the page on which somebody revoked their links has a new
// one, and the old is worthless.
func TestRevokedPageGoesOn(t *testing.T) {
	w := newSite(t, fakeRenderer{})
	old := w.signed(t, ToManage, w.links, 0, time.Now().Add(time.Hour))
	_, _, body := w.visited(t, http.MethodPost, "/manage?t="+old, "do=revoke", nil)
	_, after, _ := strings.Cut(body, "Action:")
	action, _, _ := strings.Cut(after, " ")
	if status, _, _ := w.visited(t, http.MethodGet, action, "", nil); status != 200 || strings.Contains(action, old) {
		t.Errorf("the page's own link %s: %d", action, status)
	}
	if status, _, _ := w.visited(t, http.MethodGet, "/manage?t="+old, "", nil); status != 403 {
		t.Errorf("the old link: %d", status)
	}
	if status, _, _ := w.visited(t, http.MethodPost, "/unsubscribe?t="+w.token(), "List-Unsubscribe=One-Click", nil); status != 200 {
		t.Errorf("the unsubscribe link: %d", status)
	}
}

func TestSubscribeForm(t *testing.T) {
	w := newSite(t, fakeRenderer{})
	good := url.Values{"email": {" 新@例子.cn "}, "name": {"新"}, "sections": {"要闻"}, "agree": {"yes"}}
	for name, tt := range map[string]struct {
		change func(url.Values)
		status int
		want   string
		rows   int
	}{
		"good":              {func(url.Values) {}, 202, "State:sent", 1},
		"no address":        {func(f url.Values) { f.Del("email") }, 422, "Field:email", 0},
		"no consent":        {func(f url.Values) { f.Del("agree") }, 422, "Field:agree", 0},
		"long name":         {func(f url.Values) { f.Set("name", strings.Repeat("长", 201)) }, 422, "Field:name", 0},
		"header injection":  {func(f url.Values) { f.Set("email", "a@example.org\r\nBcc: b@example.org") }, 422, "Field:email", 0},
		"the trap":          {func(f url.Values) { f.Set(trap, "http://spam.example") }, 202, "State:sent", 0},
		"a section of ours": {func(f url.Values) { f.Set("sections", "没有的") }, 202, "State:sent", 1},
	} {
		exec(t, w.store.write, `DELETE FROM requests`)
		form := url.Values{}
		for k, v := range good {
			form[k] = v
		}
		tt.change(form)
		status, _, body := w.visited(t, http.MethodPost, "/subscribe", form.Encode(), nil)
		if status != tt.status || !strings.Contains(body, tt.want) {
			t.Errorf("%s: %d %q, want %d %s", name, status, body, tt.status, tt.want)
		}
		if n := count(t, w.store, `SELECT COUNT(*) FROM requests`); n != tt.rows {
			t.Errorf("%s: %d requests, want %d", name, n, tt.rows)
		}
	}
}

func TestReasonIsKept(t *testing.T) {
	w := newSite(t, fakeRenderer{})
	_, _, body := w.visited(t, http.MethodPost, "/unsubscribe?t="+w.token(), "", nil)
	_, undo, _ := strings.Cut(strings.TrimSuffix(body, "|"), "?u=")
	status, _, body := w.visited(t, http.MethodPost, "/unsubscribe?u="+undo, url.Values{"do": {"explain"}, "why": {"too-often"}, "words": {" 一周一封就好\r\n"}}.Encode(), nil)
	if status != 200 || !strings.Contains(body, "thanked") || w.emailState(t) != Unsubscribed {
		t.Errorf("%d %q, %s", status, body, w.emailState(t))
	}
	log, err := w.store.Consents(t.Context(), w.sub.ID)
	if err != nil || log[len(log)-1].Note != "too-often：一周一封就好" {
		t.Errorf("%+v, %v", log, err)
	}
}

func TestNetwork(t *testing.T) {
	proxies := Proxies{}
	for _, text := range []string{"127.0.0.1/32", "10.0.0.0/8", "::1/128"} {
		proxies = append(proxies, mustPrefix(t, text))
	}
	for name, tt := range map[string]struct {
		remote, said, want string
	}{
		"direct":             {"192.0.2.77:4711", "", "192.0.2.0/24"},
		"direct, pretending": {"192.0.2.77:4711", "198.51.100.9", "192.0.2.0/24"},
		"direct, IPv6":       {"[2001:db8:1:2::3]:4711", "", "2001:db8:1::/48"},
		"mapped":             {"[::ffff:192.0.2.77]:4711", "", "192.0.2.0/24"},
		"behind one":         {"127.0.0.1:4711", "198.51.100.9", "198.51.100.0/24"},
		"behind two":         {"127.0.0.1:4711", "198.51.100.9, 10.1.1.1", "198.51.100.0/24"},
		"behind, pretending": {"127.0.0.1:4711", "203.0.113.1, 198.51.100.9", "198.51.100.0/24"},
		"behind, rubbish":    {"127.0.0.1:4711", "x, 198.51.100.9", "198.51.100.0/24"},
		"only rubbish":       {"127.0.0.1:4711", "x", "127.0.0.0/24"},
		"proxy by itself":    {"127.0.0.1:4711", "", "127.0.0.0/24"},
		"behind, IPv6":       {"[::1]:4711", "2001:db8:1:2::3", "2001:db8:1::/48"},
		"no address":         {"@", "", "unknown"},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/subscribe", nil)
		r.RemoteAddr = tt.remote
		if tt.said != "" {
			r.Header.Set("X-Forwarded-For", tt.said)
		}
		if got := proxies.Network(r); got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
}
