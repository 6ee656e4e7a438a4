package main

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"yizhan/dispatch"
)

// TestRestoreAsDocumented carries out what docs/operate.md tells to do, word for
// word: a backup while the daemon works, and its restoration where nothing is left.
func TestRestoreAsDocumented(t *testing.T) {
	for _, tool := range []string{"sh", "tar", "gzip"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("no %s here", tool)
		}
	}
	sink := newSink(t, nil)
	root := t.TempDir()
	settings, data := filepath.Join(root, "etc/yizhan"), filepath.Join(root, "var/lib/yizhan")
	for _, dir := range []string{settings, data, filepath.Join(root, "root")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	o := newOffice(t, "127.0.0.1:1") // nobody listens: everything stays due
	o.edit("secret: 0123456789abcdef0123456789abcdef", "secret: file:"+data+"/secret\ndata_dir: "+data)
	if err := os.WriteFile(filepath.Join(data, "secret"), []byte("0123456789abcdef0123456789abcdef"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(o.config, filepath.Join(settings, "yizhan.yaml")); err != nil {
		t.Fatal(err)
	}
	o.config = filepath.Join(settings, "yizhan.yaml")
	o.ready()
	o.subscribe("email", "chen@example.org", "lin@example.org")
	stop := daemonProcess(t, o.config)
	o.do("send", "37")
	documented(t, root, "备份")
	o.subscribe("email", "late@example.org") // this one is lost
	stop()

	for _, dir := range []string{settings, data} {
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(data, 0o755); err != nil {
		t.Fatal(err)
	}
	if told := documented(t, root, "恢复"); !strings.Contains(told, "37") {
		t.Errorf("the status after it does not name what is not finished:\n%s", told)
	}
	if people := strings.Count(o.do("subscribers", "list", "--json"), "@"); people != 2 {
		t.Errorf("%d subscribers are back", people)
	}
	o.edit(`"127.0.0.1:1"`, `"`+sink.Addr()+`"`)
	o.do("cancel", "37")
	o.serve()
	o.do("resend", "37", "--scope", "one", "--to", "lin@example.org", "--yes", "--wait")
	var status report
	o.asked(&status, "status", "37")
	if n := status.Runs[0].Channels["email"]; n[dispatch.StateSkipped] != 2 {
		t.Errorf("the cancelled run counts %v", n)
	}
	if mails := sink.Messages(); len(mails) != 1 || mails[0].To != "lin@example.org" {
		t.Errorf("%d mails went out; only the one that was asked for should", len(mails))
	}
}

// daemonProcess starts a daemon in a process of its own: the backup remembers it,
// and after the restoration it must be seen that it is gone.
func daemonProcess(t *testing.T, settings string) (stop func()) {
	t.Helper()
	daemon := exec.CommandContext(t.Context(), "yizhan", "serve", "-c", settings)
	out, err := daemon.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := daemon.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatalf("the daemon says %q: %v", line, err)
	}
	return func() {
		if err := daemon.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if err := daemon.Wait(); err != nil {
			t.Fatalf("the daemon: %v", err)
		}
	}
}

// documented runs the commands of docs/operate.md that stand below a mark, on a
// system that lies in root and has no service manager and no users.
func documented(t *testing.T, root, mark string) string {
	t.Helper()
	page, err := os.ReadFile("../../docs/operate.md")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile("<!-- " + mark + " -->\n```\n((?s:.*?))```\n").FindSubmatch(page)
	if m == nil {
		t.Fatalf("docs/operate.md has no commands marked %s", mark)
	}
	commands := regexp.MustCompile(`/(?:etc|root|var)(?:/|\b)|-C /`).ReplaceAllStringFunc(string(m[1]), func(path string) string {
		return strings.Replace(path, "/", root+"/", 1)
	})
	commands = strings.ReplaceAll(commands, " "+strings.TrimPrefix(root, "/"), " "+root)
	shims := t.TempDir()
	for name, does := range map[string]string{
		"sudo":      `[ "$1" != -u ] || shift 2; exec "$@"`,
		"systemctl": `exit 0`,
		"chown":     `exit 0`,
	} {
		if err := os.WriteFile(filepath.Join(shims, name), []byte("#!/bin/sh\n"+does+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	c := exec.CommandContext(t.Context(), "sh", "-euxc", commands)
	c.Env = append(os.Environ(), "PATH="+shims+string(os.PathListSeparator)+os.Getenv("PATH"))
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", mark, err, out)
	}
	return string(out)
}
