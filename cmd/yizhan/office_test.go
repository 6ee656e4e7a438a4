package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"yizhan/config/configtest"
	"yizhan/dispatch/email"
	"yizhan/dispatch/standin"
)

// office is a directory with a configuration in which the tests run commands, in
// their own process.
type office struct {
	t        testing.TB
	config   string
	channels []opener
	terminal bool
	answers  string         // what is typed
	resolver email.Resolver // nil: the system's

	environment map[string]string
}

func (o *office) getenv(name string) string { return o.environment[name] }

// newOffice makes an office whose mail goes to relay.
func newOffice(t testing.TB, relay string) *office {
	t.Helper()
	o := &office{t: t, config: filepath.Join(t.TempDir(), "yizhan.yaml"), channels: channels()}
	text := fmt.Sprintf(`title: 港城茗讯
public_url: https://news.example.org
secret: 0123456789abcdef0123456789abcdef
database: %q
shutdown_grace: 5s
imprint: {address: 澜港市仓前街 1 号, icp: 澜ICP备00000000号}
http: {listen: 127.0.0.1:0, admin: 127.0.0.1:0}
channels:
  email:
    from: "协会 <news@example.org>"
    smtp: {address: %q, tls: none}
    retry: [10ms, 50ms]
    give_up: 1h
    rate: 1000/s
`, configtest.Database(t), relay)
	if err := os.WriteFile(o.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return o
}

// beside is another directory with the same configuration.
func (o *office) beside() *office {
	o.t.Helper()
	text, err := os.ReadFile(o.config)
	if err != nil {
		o.t.Fatal(err)
	}
	other := &office{t: o.t, config: filepath.Join(o.t.TempDir(), "yizhan.yaml"), channels: channels()}
	if err := os.WriteFile(other.config, text, 0o600); err != nil {
		o.t.Fatal(err)
	}
	return other
}

// TestOnPostgreSQL runs the daemon's tests on PostgreSQL, too: deaths, signals,
// faults of the relay, pages, a second daemon.
func TestOnPostgreSQL(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute")
	}
	configtest.Again(t, "^Test(BadRelay|WrongPassword|DeadRelay|OneClick|Killed|FromFile|Pages|OldRevision|SecondDaemon|Watch|TestMail|Term|SecondSignal|Resend|OneFolder|SignUp)", "")
}

// try runs a command and returns what it printed and its exit code.
func (o *office) try(args ...string) (stdout, stderr string, code int) {
	o.t.Helper()
	var out, errs bytes.Buffer
	p := program{
		stdin: strings.NewReader(o.answers), stdout: &out, stderr: &errs,
		getenv: o.getenv, terminal: o.terminal, channels: o.channels,
		resolver: o.resolver,
	}
	code = p.run(o.t.Context(), append([]string{"-c", o.config}, args...))
	return out.String(), errs.String(), code
}

// do runs a command that has to succeed.
func (o *office) do(args ...string) string {
	o.t.Helper()
	stdout, stderr, code := o.try(args...)
	if code != exitOK {
		o.t.Fatalf("yizhan %s ended with %d\n%s%s", strings.Join(args, " "), code, stdout, stderr)
	}
	return stdout
}

// asked runs a command with --json and decodes its one object into v.
func (o *office) asked(v any, args ...string) {
	o.t.Helper()
	out := o.do(append(args, "--json")...)
	if err := json.Unmarshal([]byte(out), v); err != nil {
		o.t.Fatalf("yizhan %s --json: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// ready imports and approves the sample issue, number 37.
func (o *office) ready() {
	o.t.Helper()
	o.do("issue", "import", "sample/issue-37.txt")
	o.do("issue", "approve", "37")
}

// subscribe imports subscribers with these addresses on a channel.
func (o *office) subscribe(channel string, addresses ...string) {
	o.t.Helper()
	file := filepath.Join(o.t.TempDir(), "people.csv")
	if err := os.WriteFile(file, []byte(channel+"\n"+strings.Join(addresses, "\n")+"\n"), 0o600); err != nil {
		o.t.Fatal(err)
	}
	o.do("subscribers", "import", file)
}

// server is a daemon that a test has started.
type server struct {
	public, admin string
	log           *bytes.Buffer // to be read after stop
	stop          func() int    // as SIGTERM does, and gives the exit code
}

// serve starts a daemon, which ends with the test at the latest.
func (o *office) serve() *server {
	o.t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(o.t.Context()))
	r, w := io.Pipe()
	s := &server{log: &bytes.Buffer{}}
	ended := make(chan int, 1)
	p := program{stdin: strings.NewReader(""), stdout: w, stderr: s.log, getenv: o.getenv, channels: o.channels}
	go func() {
		code := p.run(ctx, []string{"-c", o.config, "serve"})
		w.CloseWithError(io.EOF)
		ended <- code
	}()
	code, stopped := 0, false
	s.stop = func() int {
		if !stopped {
			stopped = true
			cancel()
			code = <-ended
		}
		return code
	}
	lines := bufio.NewScanner(r)
	for _, to := range []*string{&s.public, &s.admin} {
		if !lines.Scan() {
			o.t.Fatalf("the daemon did not start: exit code %d\n%s", s.stop(), s.log)
		}
		_, *to, _ = strings.Cut(lines.Text(), " ")
	}
	go func() { _, _ = io.Copy(io.Discard, r) }()
	o.t.Cleanup(func() { s.stop() })
	return s
}

// fetch requests a page and returns it.
func fetch(t testing.TB, method, url, body string, header ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return answered(t, http.DefaultClient, r)
}

// answered makes a request and gives the answer with its body.
func answered(t testing.TB, client *http.Client, r *http.Request) (*http.Response, string) {
	t.Helper()
	answer, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	page, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, string(page)
}

// newSink starts a relay that keeps every mail.
func newSink(t testing.TB, script func(phase, from, to string, nth int) standin.Fault) *standin.Sink {
	t.Helper()
	sink, err := standin.New(standin.Options{Script: script})
	if err != nil {
		t.Fatal(err)
	}
	run(t, sink)
	return sink
}

// run serves a relay until the test ends.
func run(t testing.TB, sink *standin.Sink) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- sink.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the sink: %v", err)
		}
	})
}

// edit replaces a part of the configuration.
func (o *office) edit(old, by string) {
	o.t.Helper()
	text, err := os.ReadFile(o.config)
	if err != nil {
		o.t.Fatal(err)
	}
	if !strings.Contains(string(text), old) {
		o.t.Fatalf("the configuration has no %q", old)
	}
	if err := os.WriteFile(o.config, []byte(strings.Replace(string(text), old, by, 1)), 0o600); err != nil {
		o.t.Fatal(err)
	}
}

// draftOf37 is a file with other content for issue 37.
func draftOf37(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "37.md")
	text := "---\ntitle: 港城茗讯\ntotal: 37\n---\n\n# 要闻\n\n## 改过的一期\n\n第一批春茶今天到港。\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
