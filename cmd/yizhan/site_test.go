package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"yizhan/config"
	"yizhan/dispatch"
	"yizhan/dispatch/standin"
)

// newsroom has published issue 37, of which a section is for members.
func newsroom(t *testing.T, pages string) (*office, *server, *standin.Sink) {
	t.Helper()
	sink := newSink(t, nil)
	o := newOffice(t, sink.Addr())
	o.edit("http: {", "pages: {"+pages+"}\nhttp: {")
	o.ready()
	o.people("email,groups\nmember@example.org,会员\nreader@example.org,\n")
	s := o.serve()
	o.do("send", "37", "--wait")
	return o, s, sink
}

// people imports a CSV file.
func (o *office) people(csv string) {
	o.t.Helper()
	file := filepath.Join(o.t.TempDir(), "people.csv")
	if err := os.WriteFile(file, []byte(csv), 0o600); err != nil {
		o.t.Fatal(err)
	}
	o.do("subscribers", "import", file)
}

// database opens the office's database beside the daemon, for the rest of the test.
func (o *office) database() *config.Database {
	o.t.Helper()
	db := o.open()
	o.t.Cleanup(func() { db.Close() })
	return db
}

// open is database for who closes it.
func (o *office) open() *config.Database {
	o.t.Helper()
	c, err := config.Load(o.config, o.getenv)
	if err != nil {
		o.t.Fatal(err)
	}
	db, err := config.Open(o.t.Context(), c)
	if err != nil {
		o.t.Fatal(err)
	}
	return db
}

// readLink is the personal link in the newest mail to somebody.
func readLink(t *testing.T, sink *standin.Sink, who string) string {
	t.Helper()
	link := ""
	for _, m := range sink.Messages() {
		if m.To != who {
			continue
		}
		text, _, err := bodies(m.Raw)
		if err != nil {
			t.Fatal(err)
		}
		link = regexp.MustCompile(`/issues/37/read\?t=[^\s#]+`).FindString(text)
	}
	if link == "" {
		t.Fatalf("no personal link for %s", who)
	}
	return link
}

// noFollow shows redirections instead of following them.
var noFollow = http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

// open follows a personal link and gives the cookie that it sets.
func open(t *testing.T, url string) *http.Cookie {
	t.Helper()
	r, err := noFollow.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	if r.StatusCode != http.StatusSeeOther || len(r.Cookies()) != 1 || strings.Contains(r.Header.Get("Location"), "t=") {
		t.Fatalf("a personal link: %s to %s with %v", r.Status, r.Header.Get("Location"), r.Cookies())
	}
	c := r.Cookies()[0]
	if !c.HttpOnly || !c.Secure || c.SameSite != http.SameSiteLaxMode {
		t.Errorf("the cookie %v", c)
	}
	return c
}

func TestPagesForMembers(t *testing.T) {
	o, s, sink := newsroom(t, "members_sections: [政策与标准], members: [会员], originals: all")
	const title, text = "关于印发茶叶咖啡仓储自律规范（试行）的通知", "本市茶叶、咖啡同库混储的情形增多" // not in the summary, which everybody sees
	read := func(path string, cookie *http.Cookie) (int, string) {
		t.Helper()
		header := []string{}
		if cookie != nil {
			header = append(header, "Cookie", cookie.Name+"="+cookie.Value)
		}
		r, page := fetch(t, http.MethodGet, s.public+path, "", header...)
		if strings.HasPrefix(path, "/issues/") && !strings.Contains(r.Header.Get("Cache-Control"), "private") {
			t.Errorf("%s may be kept by others", path)
		}
		return r.StatusCode, page
	}
	check := func(who string, cookie *http.Cookie, sees bool) {
		t.Helper()
		for _, path := range []string{"/issues/37", "/issues/37/a5"} {
			status, page := read(path, cookie)
			if status != http.StatusOK || !strings.Contains(page, title) {
				t.Errorf("%s: %s answers %d without the title", who, path, status)
			}
			if strings.Contains(page, text) != sees || strings.Contains(page, "会员资料") == sees {
				t.Errorf("%s: %s: the text is there: %v", who, path, !sees)
			}
		}
		if status, page := read("/issues/37/original", cookie); (status == http.StatusOK) != sees || strings.Contains(page, text) != sees {
			t.Errorf("%s: the original answers %d", who, status)
		}
	}
	member, reader := open(t, s.public+readLink(t, sink, "member@example.org")), open(t, s.public+readLink(t, sink, "reader@example.org"))
	for _, m := range sink.Messages() {
		if plain, html, err := bodies(m.Raw); err != nil || strings.Contains(plain+html, text) || !strings.Contains(plain, title) {
			t.Errorf("the mail to %s has the text, or not the title: %v", m.To, err)
		}
	}
	check("a stranger", nil, false)
	check("a member", member, true)
	check("a subscriber who is no member", reader, false)
	forged := *member
	forged.Value = strings.Replace(forged.Value, ".read.email.", ".read.emai1.", 1)
	check("with a changed cookie", &forged, false)
	forged.Value = member.Value[:len(member.Value)-4] + "aaaa"
	check("with a forged cookie", &forged, false)
	leave := *member
	leave.Value = strings.Replace(leave.Value, ".read.", ".unsubscribe.", 1)
	check("with a link for something else", &leave, false)
	if _, err := o.database().Write.Exec(`UPDATE subscribers SET link_epoch = link_epoch + 1`); err != nil {
		t.Fatal(err)
	}
	check("a member whose links were revoked", member, false)
	o.do("resend", "37", "--scope", "one", "--to", "member@example.org", "--yes", "--wait")
	check("a member with a new link", open(t, s.public+readLink(t, sink, "member@example.org")), true)
	if r, _ := fetch(t, http.MethodGet, s.public+"/issues/37/read?t=nonsense", ""); r.StatusCode != http.StatusForbidden {
		t.Errorf("a broken link answers %s", r.Status)
	}
}

func TestPagesOriginal(t *testing.T) {
	o, s, _ := newsroom(t, "")
	want, err := os.ReadFile("sample/issue-37.txt")
	if err != nil {
		t.Fatal(err)
	}
	r, got := fetch(t, http.MethodGet, s.public+"/issues/37/original", "")
	if r.StatusCode != http.StatusOK || got != string(want) || r.Header.Get("Content-Disposition") != "attachment; filename=37.txt" {
		t.Errorf("the original: %s %s, %d bytes", r.Status, r.Header.Get("Content-Disposition"), len(got))
	}
	if _, page := fetch(t, http.MethodGet, s.public+"/issues/37", ""); !strings.Contains(page, `href="/issues/37/original"`) {
		t.Error("the page has no link to it")
	}
	// A new draft is nobody's business, and neither is its file.
	o.do("issue", "import", draftOf37(t))
	if _, got := fetch(t, http.MethodGet, s.public+"/issues/37/original", ""); got != string(want) {
		t.Error("the file is not that of the revision that was sent")
	}
}

// TestPagesFeeds: conditional requests, and a feed that grows.
func TestPagesFeeds(t *testing.T) {
	o, s, _ := newsroom(t, "members_sections: [政策与标准]")
	for path, kind := range map[string]string{"/feed.xml": "application/atom+xml", "/feed.json": "application/feed+json"} {
		r, body := fetch(t, http.MethodGet, s.public+path, "")
		if r.StatusCode != http.StatusOK || !strings.HasPrefix(r.Header.Get("Content-Type"), kind) || !strings.Contains(body, "https://news.example.org/issues/37") {
			t.Fatalf("%s: %s %s\n%s", path, r.Status, r.Header.Get("Content-Type"), body)
		}
		tag, changed := r.Header.Get("ETag"), r.Header.Get("Last-Modified")
		for header, value := range map[string]string{"If-None-Match": tag, "If-Modified-Since": changed} {
			if r, again := fetch(t, http.MethodGet, s.public+path, "", header, value); r.StatusCode != http.StatusNotModified || again != "" {
				t.Errorf("%s with %s %s: %s", path, header, value, r.Status)
			}
		}
		if r, _ := fetch(t, http.MethodGet, s.public+path, "", "If-None-Match", `"other"`); r.StatusCode != http.StatusOK {
			t.Errorf("%s with another tag: %s", path, r.Status)
		}
	}
	r, _ := fetch(t, http.MethodGet, s.public+"/feed.xml", "")
	o.do("issue", "import", draftOf37(t))
	o.do("issue", "approve", "37")
	o.do("resend", "37", "--scope", "outdated", "--wait")
	if after, body := fetch(t, http.MethodGet, s.public+"/feed.xml", "", "If-None-Match", r.Header.Get("ETag")); after.StatusCode != http.StatusOK || !strings.Contains(body, "改过的一期") {
		t.Errorf("after a correction: %s", after.Status)
	}
}

// TestGetChangesNothing: whatever is asked for, by whatever method, the database
// stays as it is.
func TestGetChangesNothing(t *testing.T) {
	o, s, sink := newsroom(t, "members_sections: [政策与标准]")
	db := o.database()
	member := open(t, s.public+readLink(t, sink, "member@example.org"))
	closed(t, db)
	before := contents(t, db)
	for _, path := range []string{
		"/", "/issues", "/issues/37", "/issues/37/a1", "/issues/37/a99", "/issues/38", "/issues/37/original", "/feed.xml", "/feed.json",
		readLink(t, sink, "member@example.org"), "/issues/37/read?t=x", "/nonsense", "/favicon.ico",
	} {
		for method, refused := range map[string]bool{
			http.MethodGet: false, http.MethodHead: false, http.MethodPost: true, http.MethodPut: true, http.MethodDelete: true, http.MethodPatch: true,
		} {
			r, _ := fetch(t, method, s.public+path, "a=b", "Cookie", member.Name+"="+member.Value)
			if refused != (r.StatusCode == http.StatusMethodNotAllowed) {
				t.Errorf("%s %s: %s", method, path, r.Status)
			}
		}
	}
	if diff := cmp.Diff(before, contents(t, db)); diff != "" {
		t.Errorf("the database has changed (-before +after):\n%s", diff)
	}
}

// closed waits until the daemon has written down that all runs are finished,
// which it does some time after their last delivery.
func closed(t *testing.T, db *config.Database) {
	t.Helper()
	for open := 1; open > 0; {
		if err := db.Read.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM runs WHERE finished_at = 0`).Scan(&open); err != nil {
			t.Fatal(err)
		}
		select {
		case <-t.Context().Done():
			t.Fatal("a run is not closed")
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// contents are all rows of all tables but those of the daemon's own heartbeat.
func contents(t *testing.T, db *config.Database) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	tables, err := db.Read.Query(`SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT IN ('sessions', 'schedules')`)
	if err != nil {
		t.Fatal(err)
	}
	defer tables.Close()
	for tables.Next() {
		var name string
		if err := tables.Scan(&name); err != nil {
			t.Fatal(err)
		}
		rows, err := db.Read.Query(`SELECT * FROM ` + name)
		if err != nil {
			t.Fatal(err)
		}
		columns, err := rows.Columns()
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			values, into := make([]any, len(columns)), make([]any, len(columns))
			for n := range values {
				into[n] = &values[n]
			}
			if err := rows.Scan(into...); err != nil {
				t.Fatal(err)
			}
			out[name] = append(out[name], fmt.Sprint(values...))
		}
		rows.Close()
	}
	return out
}

// TestPagesOfAChoice is the whole path of a choice of sections: from the list of
// subscribers to the mail.
func TestPagesOfAChoice(t *testing.T) {
	sink := newSink(t, nil)
	o := newOffice(t, sink.Addr())
	o.ready()
	o.people("email,sections\nall@example.org,\none@example.org,茶烟咖香\nnone@example.org,海外\n")
	o.serve()
	o.do("send", "37", "--wait")
	mails := map[string]string{}
	for _, m := range sink.Messages() {
		text, _, err := bodies(m.Raw)
		if err != nil {
			t.Fatal(err)
		}
		mails[m.To] = text
	}
	if len(mails) != 2 || !strings.Contains(mails["all@example.org"], "【协会要闻】") ||
		!strings.Contains(mails["one@example.org"], "【茶烟咖香】") || strings.Contains(mails["one@example.org"], "【协会要闻】") {
		t.Errorf("%d mails\n%s", len(mails), mails["one@example.org"])
	}
	skipped := records(t, o.do("deliveries", "37", "--state", "skipped", "--json"))
	if len(skipped) != 1 || skipped[0].Reason != dispatch.ReasonNoSection || skipped[0].Address != "none@example.org" {
		t.Errorf("skipped: %+v", skipped)
	}
	if out := o.do("deliveries", "37", "--state", "skipped"); !strings.Contains(out, "这一期没有所选的栏目") {
		t.Errorf("%s", out)
	}
}

// awaitMail waits for a mail to somebody whose text has something, and gives that.
func awaitMail(t *testing.T, sink *standin.Sink, who string, something *regexp.Regexp) string {
	t.Helper()
	limit := time.After(time.Minute)
	for {
		for _, m := range sink.Messages() {
			if m.To != who {
				continue
			}
			text, _, err := bodies(m.Raw)
			if err != nil {
				t.Fatal(err)
			}
			if found := something.FindString(text); found != "" {
				return found
			}
		}
		select {
		case <-limit:
			t.Fatalf("no mail to %s with %s within a minute", who, something)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

const urlencoded = "application/x-www-form-urlencoded"

// TestPagesLatest: whoever has just confirmed asks for the latest issue and gets it
// once, however often they press the button.
func TestPagesLatest(t *testing.T) {
	o, s, sink := newsroom(t, "")
	press := func(path, form string) string {
		t.Helper()
		r, page := fetch(t, http.MethodPost, s.public+path, form, "Content-Type", urlencoded)
		if r.StatusCode/100 != 2 {
			t.Fatalf("%s: %s\n%s", path, r.Status, page)
		}
		return page
	}
	press("/subscribe", "email=new@example.org&agree=yes")
	link := awaitMail(t, sink, "new@example.org", regexp.MustCompile(`/confirm\?t=\S+`))
	if page := press(link, ""); !strings.Contains(page, "把最新一期寄给我") {
		t.Errorf("it is not offered:\n%s", page)
	}
	if page := press(link, "do=latest"); !strings.Contains(page, "正在寄给您") {
		t.Errorf("asking for it:\n%s", page)
	}
	for range 3 {
		if page := press(link, "do=latest"); strings.Contains(page, "把最新一期寄给我") {
			t.Errorf("it is offered again:\n%s", page)
		}
	}
	awaitMail(t, sink, "new@example.org", regexp.MustCompile("总第37期"))
	got := 0
	for _, r := range records(t, o.do("deliveries", "37", "--json")) {
		if r.Address == "new@example.org" {
			got++
		}
	}
	if got != 1 {
		t.Errorf("the newcomer has %d deliveries", got)
	}
	if out := o.do("status", "37"); !strings.Contains(out, "新订户索取") {
		t.Errorf("status does not say what it was:\n%s", out)
	}
}
