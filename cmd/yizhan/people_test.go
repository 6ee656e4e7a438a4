package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"mime/multipart"
	"net/http"
	"net/mail"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"yizhan/config"
	"yizhan/dispatch"
	"yizhan/dispatch/dispatchtest"
	"yizhan/dispatch/standin"
	"yizhan/subscribers"
)

// letter waits for the nth mail to somebody and returns its subject and the link
// of ours in it, below the public URL.
func letter(t *testing.T, sink *standin.Sink, to string, nth int) (subject, link string) {
	t.Helper()
	var raw []byte
	until(t, func() bool {
		n := 0
		for _, m := range sink.Messages() {
			if m.To == to {
				if n++; n == nth {
					raw = m.Raw
				}
			}
		}
		return raw != nil
	})
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	if subject, err = new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject")); err != nil {
		t.Fatal(err)
	}
	_, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	part, err := multipart.NewReader(m.Body, params["boundary"]).NextPart()
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(base64.NewDecoder(base64.StdEncoding, part))
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`https://news\.example\.org(/\S*)\?t=(\S+)`).FindStringSubmatch(string(text))
	if found != nil {
		link = found[1] + "?t=" + found[2]
	}
	return subject, link
}

func formOf(values ...string) string {
	f := url.Values{}
	for i := 0; i+1 < len(values); i += 2 {
		f.Add(values[i], values[i+1])
	}
	return f.Encode()
}

func post(t *testing.T, s *server, path, body string, want int) string {
	t.Helper()
	r, page := fetch(t, http.MethodPost, s.public+path, body, "Content-Type", "application/x-www-form-urlencoded")
	if r.StatusCode != want {
		t.Fatalf("POST %s: %s, want %d\n%s", path, r.Status, want, page)
	}
	return page
}

// quoting refuses the first mail to mei.… as a greylist does, in words that quote
// the address.
func quoting(phase, _, to string, nth int) standin.Fault {
	if phase == "rcpt" && strings.HasPrefix(to, "mei.") && nth == 1 {
		return standin.Fault{Code: 451, Text: "4.2.0 <" + to + "> is greylisted"}
	}
	return standin.Fault{}
}

func signUp(t *testing.T, o *office, s *server, sink *standin.Sink) (manage string) {
	t.Helper()
	post(t, s, "/subscribe", formOf("email", "mei.first@example.org", "name", "梅兰", "agree", "yes"), 202)
	subject, link := letter(t, sink, "mei.first@example.org", 1)
	if subject != "请确认订阅《港城茗讯》" || !strings.HasPrefix(link, "/confirm?t=v1.") {
		t.Fatalf("%s %s", subject, link)
	}
	if r, page := fetch(t, http.MethodGet, s.public+link, ""); r.StatusCode != 200 || !strings.Contains(page, "确认订阅") {
		t.Fatalf("GET %s: %s", link, r.Status)
	}
	post(t, s, link, "", 200)
	post(t, s, "/subscribe", formOf("email", "MEI.first@example.org", "agree", "yes"), 202)
	if subject, manage = letter(t, sink, "mei.first@example.org", 2); !strings.HasPrefix(manage, "/manage?t=") {
		t.Fatalf("%s %s", subject, manage)
	}
	post(t, s, manage, formOf("do", "move", "email", "mei.second@example.org"), 200)
	_, link = letter(t, sink, "mei.second@example.org", 1)
	letter(t, sink, "mei.first@example.org", 3) // the old address is told
	post(t, s, link, "", 200)
	letter(t, sink, "mei.first@example.org", 4) // and told that it is done
	if r, _ := fetch(t, http.MethodGet, s.public+manage, ""); r.StatusCode != http.StatusForbidden {
		t.Errorf("the link of before the move: %s", r.Status)
	}
	o.ready()
	o.do("send", "37", "--wait")
	post(t, s, "/manage/link", formOf("email", "mei.second@example.org"), 202)
	_, manage = letter(t, sink, "mei.second@example.org", 3)
	return manage
}

// TestSignUpAndErase goes the whole way by the links of the mails: what they
// download has all that any table knows, and after they erased themselves no
// table and no file has a byte of their addresses.
func TestSignUpAndErase(t *testing.T) {
	sink := newSink(t, quoting)
	o := newOffice(t, sink.Addr())
	s := o.serve()
	manage := signUp(t, o, s, sink)

	var data struct {
		Subscriber subscribers.Subscriber
		Deliveries []dispatch.Personal
		Consents   []subscribers.ConsentEntry
	}
	body := post(t, s, manage, formOf("do", "export"), 200)
	if err := json.Unmarshal([]byte(body), &data); err != nil {
		t.Fatal(err)
	}
	refused := 0
	for _, d := range data.Deliveries {
		refused += len(d.Refused)
	}
	if data.Subscriber.Name != "梅兰" || len(data.Deliveries) < 7 || refused == 0 || len(data.Consents) < 3 {
		t.Errorf("the download: %s", body)
	}
	o.tellsAll(t, body, data.Subscriber)

	post(t, s, manage, formOf("do", "erase"), 422)
	if page := post(t, s, manage, formOf("do", "erase", "sure", "yes"), 200); !strings.Contains(page, "已经删除") {
		t.Errorf("after erase:\n%s", page)
	}
	if r, _ := fetch(t, http.MethodGet, s.public+manage, ""); r.StatusCode != http.StatusGone {
		t.Errorf("the link of somebody erased: %s", r.Status)
	}
	traces := []string{"mei.first@example.org", "mei.second@example.org", "MEI.first@example.org", "梅兰"}
	o.holdsNone(t, "while the daemon runs", traces)
	if code := s.stop(); code != exitOK {
		t.Errorf("the daemon ended with %d", code)
	}
	o.holdsNone(t, "after it ended", traces)
	for _, trace := range traces {
		if strings.Contains(s.log.String(), trace) {
			t.Errorf("the log has %s", trace)
		}
	}
	var left []subscribers.Suppression
	for line := range strings.Lines(o.do("suppressions", "list", "--json")) {
		var one subscribers.Suppression
		if err := json.Unmarshal([]byte(line), &one); err != nil {
			t.Fatal(err)
		}
		left = append(left, one)
	}
	if len(left) != 1 || left[0].Address != "" || left[0].Hash == "" {
		t.Errorf("the suppression list has %+v, want one hash", left)
	}
}

// everyCell calls f with each value of each row of each table.
func everyCell(t *testing.T, db *config.Database, f func(table, column string, row map[string]string)) {
	t.Helper()
	query := `SELECT name FROM sqlite_master WHERE type = 'table'`
	if db.Dialect == config.PostgreSQL {
		query = `SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()`
	}
	var tables []string
	for _, row := range rowsOf(t, db.Read, query) {
		for _, name := range row {
			tables = append(tables, name)
		}
	}
	if len(tables) < 15 {
		t.Fatalf("only the tables %v", tables)
	}
	for _, table := range tables {
		for _, row := range rowsOf(t, db.Read, `SELECT * FROM `+table) {
			for column := range row {
				f(table, column, row)
			}
		}
	}
}

func rowsOf(t testing.TB, db *sql.DB, query string) (out []map[string]string) {
	t.Helper()
	rows, err := db.QueryContext(context.WithoutCancel(t.Context()), query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		cells, targets := make([]sql.NullString, len(columns)), make([]any, len(columns))
		for i := range cells {
			targets[i] = &cells[i]
		}
		if err := rows.Scan(targets...); err != nil {
			t.Fatal(err)
		}
		row := map[string]string{}
		for i, c := range columns {
			row[c] = cells[i].String
		}
		out = append(out, row)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// tellsAll walks the schema: every row that names a person is in what they
// download. Columns that are bookkeeping of the sending itself are listed here by
// name, so that a new column has to be thought about.
func (o *office) tellsAll(t *testing.T, body string, sub subscribers.Subscriber) {
	t.Helper()
	bookkeeping := map[string]bool{
		"id": true, "subscriber_id": true, "delivery_id": true, "hash": true, "address_hash": true, "domain": true, "prior_state": true,
		"due_at": true, "lost": true, "first_at": true, "epoch": true, "claim": true, "batch_id": true, "link_epoch": true,
	}
	deliveries := map[string]bool{}
	everyCell(t, o.database(), func(table, column string, row map[string]string) {
		if row["subscriber_id"] == fmt.Sprint(sub.ID) && table == "deliveries" {
			deliveries[row["id"]] = true
		}
	})
	seen := map[string]bool{}
	everyCell(t, o.database(), func(table, column string, row map[string]string) {
		theirs := row["subscriber_id"] == fmt.Sprint(sub.ID) || table == "subscribers" && row["id"] == fmt.Sprint(sub.ID) || deliveries[row["delivery_id"]]
		cell := row[column]
		if !theirs || bookkeeping[column] || len(cell) < 2 {
			return
		}
		seen[table] = true
		if ms, err := time.ParseDuration(cell + "ms"); err == nil && len(cell) == 13 {
			cell = time.UnixMilli(ms.Milliseconds()).UTC().Format("2006-01-02T15:04:05")
		}
		quoted, err := json.Marshal(cell)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(body, string(quoted[1:len(quoted)-1])) {
			t.Errorf("%s.%s = %q is not in the download", table, column, cell)
		}
	})
	for _, table := range []string{"subscribers", "addresses", "consents", "deliveries", "attempts"} {
		if !seen[table] {
			t.Errorf("%s has nothing of the person: the test shows nothing about it", table)
		}
	}
}

// holdsNone looks for traces in every table and in the bytes of every file of the
// data directory.
func (o *office) holdsNone(t *testing.T, when string, traces []string) {
	t.Helper()
	db := o.database()
	everyCell(t, db, func(table, column string, row map[string]string) {
		for _, trace := range traces {
			if strings.Contains(row[column], trace) {
				t.Errorf("%s: %s.%s has %s: %q", when, table, column, trace, row[column])
			}
		}
	})
	files := 0
	err := filepath.WalkDir(filepath.Join(filepath.Dir(o.config), "data"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files++
		data, err := os.ReadFile(path)
		for _, trace := range traces {
			if bytes.Contains(data, []byte(trace)) {
				t.Errorf("%s: %s has %s", when, filepath.Base(path), trace)
			}
		}
		return err
	})
	if err != nil && db.Dialect == config.SQLite || files == 0 && db.Dialect == config.SQLite {
		t.Errorf("%d files, %v", files, err)
	}
}

// TestLeavingWithoutRedis: with ten thousand rows to go and Redis gone, whoever
// leaves is answered at once, and gets nothing that was not handed over before.
func TestLeavingWithoutRedis(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	redis := dispatchtest.StartRedis(t)
	sink := newSink(t, nil)
	o := newOffice(t, sink.Addr())
	o.edit("rate: 1000/s", "rate: 400/s")
	o.withRedis("unix://" + redis.Socket)
	o.ready()
	var people []string
	for i := range 10_000 {
		people = append(people, fmt.Sprintf("p%05d@example.org", i))
	}
	o.subscribe("email", people...)
	s := o.serve()
	o.do("send", "37")
	until(t, func() bool { return len(sink.Messages()) > 50 })

	// Their links as the mails have them: made by the same keys.
	c := call{program: program{stdout: io.Discard, stderr: io.Discard, getenv: o.getenv, channels: o.channels}, configFile: o.config}
	i, err := c.open(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer i.close()
	leave := func(n int) string {
		address := people[n]
		sub, err := i.people.Get(t.Context(), address)
		if err != nil {
			t.Fatal(err)
		}
		link, err := url.Parse(i.links.Unsubscribe(sub.PublicID, subscribers.Email))
		if err != nil {
			t.Fatal(err)
		}
		if r, text := fetch(t, http.MethodPost, s.public+link.RequestURI(), "List-Unsubscribe=One-Click", "Content-Type", "application/x-www-form-urlencoded"); r.StatusCode != 200 || text != "unsubscribed\n" {
			t.Errorf("%s: %s %q", address, r.Status, text)
		}
		return address
	}
	var left []string
	front := len(sink.Messages()) + 2000 // whose turn is some seconds away
	for n := range 20 {
		if n == 10 {
			redis.Kill()
		}
		left = append(left, leave(front+n))
	}
	if n := len(sink.Messages()); n > front-200 {
		t.Fatalf("the run was faster than those who left (%d): the test shows nothing", n)
	}
	until(t, func() bool { return len(sink.Messages()) > front+1000 })
	o.do("cancel", "37") // nobody waits for the rest
	for _, m := range sink.Messages() {
		if slices.Contains(left, m.To) {
			t.Errorf("%s had left and got a mail", m.To)
		}
	}
	var gone subscribers.Subscriber
	o.asked(&gone, "subscribers", "show", left[19])
	if gone.State != subscribers.Unsubscribed {
		t.Errorf("%s is %s", left[19], gone.State)
	}
	s.stop()
}

// TestRotatedSecret: links that a former secret signed still work, the addresses
// are still found, and a secret that is not the database's is refused.
func TestRotatedSecret(t *testing.T) {
	const first, second = "0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210"
	sink := newSink(t, nil)
	o := newOffice(t, sink.Addr())
	o.ready()
	o.subscribe("email", "chen@example.org")
	s := o.serve()
	o.do("send", "37", "--wait")
	s.stop()

	o.edit("secret: "+first, "secret: "+second)
	if _, stderr, code := o.try("serve", "--json"); code != exitFailed || !strings.Contains(stderr, `"code":"secret-changed"`) || !strings.Contains(stderr, "old_secrets") {
		t.Errorf("with another secret serve ended with %d: %s", code, stderr)
	}
	o.edit("secret: "+second, "secret: "+second+"\nold_secrets: ["+first+"]")
	o.subscribe("email", "chen@example.org")
	var all []subscribers.Subscriber
	for line := range strings.Lines(o.do("subscribers", "list", "--json")) {
		var one subscribers.Subscriber
		if err := json.Unmarshal([]byte(line), &one); err != nil {
			t.Fatal(err)
		}
		all = append(all, one)
	}
	if len(all) != 1 {
		t.Errorf("the address is in the list %d times", len(all))
	}
	s = o.serve()
	leaveByOneClick(t, s, sink, "chen@example.org")
	var chen subscribers.Subscriber
	if o.asked(&chen, "subscribers", "show", "chen@example.org"); chen.State != subscribers.Unsubscribed {
		t.Errorf("after a click on the old link: %s", chen.State)
	}
}
