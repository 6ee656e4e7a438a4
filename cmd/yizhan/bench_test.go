package main

import (
	"bytes"
	"crypto/tls"
	"encoding/pem"
	"fmt"
	"net"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"yizhan/config"
	"yizhan/config/configtest"
	"yizhan/dispatch/dispatchtest"
	"yizhan/dispatch/standin"
)

// postfixEnv names a directory in which Debian's package postfix is unpacked: its
// smtp-source and smtp-sink are the yardstick. .ci/bench.sh sets it.
const postfixEnv = "YIZHAN_POSTFIX"

const benchConnections = 10

// postfix is one of Postfix's tools.
func postfix(b *testing.B, tool string, args ...string) *exec.Cmd {
	b.Helper()
	root := os.Getenv(postfixEnv)
	if root == "" {
		b.Skipf("%s is not set; make bench sets it", postfixEnv)
	}
	cmd := exec.CommandContext(b.Context(), filepath.Join(root, "usr/sbin", tool), args...)
	cmd.Env = append(os.Environ(), "LD_LIBRARY_PATH="+filepath.Join(root, "usr/lib/postfix"))
	cmd.Stderr = os.Stderr
	return cmd
}

// smtpSink starts Postfix's sink and gives its address.
func smtpSink(b *testing.B) string {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	args := []string{address, "1024"}
	if os.Getuid() == 0 {
		args = append([]string{"-u", "nobody"}, args...)
	}
	sink := postfix(b, "smtp-sink", args...)
	if err := sink.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = sink.Process.Kill(); _ = sink.Wait() })
	for {
		c, err := net.Dial("tcp", address)
		if err == nil {
			c.Close()
			return address
		}
		if b.Context().Err() != nil {
			b.Fatal(err)
		}
	}
}

// benchIssue imports and approves a part of the sample issue whose mail is as big
// as that of a usual bulletin: 36 kB.
func (o *office) benchIssue() {
	o.t.Helper()
	whole := o.do("issue", "convert", "sample/issue-37.txt")
	part, _, found := strings.Cut(whole, "\n# 行情与物流\n")
	if !found {
		o.t.Fatal("the sample issue has changed")
	}
	path := filepath.Join(o.t.TempDir(), "issue-37.md")
	if err := os.WriteFile(path, []byte(part), 0o600); err != nil {
		o.t.Fatal(err)
	}
	o.do("issue", "import", path)
	o.do("issue", "approve", "37")
}

// sampleSize is the size of one mail of the sample issue in bytes.
func sampleSize(b *testing.B) int {
	b.Helper()
	sink := newSink(b, nil)
	o := newOffice(b, sink.Addr())
	o.benchIssue()
	o.do("issue", "test", "37", "--to", "reader0001@example.org")
	return len(sink.Messages()[0].Raw)
}

// wholePath sends the sample issue to n readers by the built daemon, and reports
// how many mails a second it was from the command to the last row settled, how
// much of that the command took, what a mail cost, and how much memory the daemon
// had at most.
func wholePath(b *testing.B, o *office, n int) {
	b.Helper()
	o.edit("rate: 1000/s", fmt.Sprintf("rate: 1000000/s\n    connections: %d", benchConnections))
	o.benchIssue()
	o.crowd(n)
	d := o.daemon(build(b))
	typed := time.Now()
	o.do("send", "37")
	planned := time.Now()
	o.ended()
	var last time.Time
	for _, r := range records(b, o.do("deliveries", "37", "--json")) {
		if r.State != "sent" {
			b.Fatalf("%s is %s", r.Address, r.State)
		}
		if r.UpdatedAt.After(last) {
			last = r.UpdatedAt
		}
	}
	most := peakMemory(b, d.Process.Pid)
	if err := d.Process.Signal(syscall.SIGTERM); err != nil {
		b.Fatal(err)
	}
	if err := d.Wait(); err != nil {
		b.Fatal(err)
	}
	spent := d.ProcessState.UserTime() + d.ProcessState.SystemTime()
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(n)/last.Sub(typed).Seconds(), "mails/s")
	b.ReportMetric(planned.Sub(typed).Seconds(), "s-to-plan")
	b.ReportMetric(float64(spent.Microseconds())/float64(n), "CPU-µs/mail")
	b.ReportMetric(most, "MB-peak")
}

// ended waits until the run is finished. It asks for no more than that: counting
// rows would take from the daemon what is measured.
func (o *office) ended() {
	o.t.Helper()
	c, err := config.Load(o.config, o.getenv)
	if err != nil {
		o.t.Fatal(err)
	}
	db, err := config.Open(o.t.Context(), c)
	if err != nil {
		o.t.Fatal(err)
	}
	defer db.Close()
	for state := ""; state != "finished"; {
		<-time.After(200 * time.Millisecond)
		if err := db.Read.QueryRowContext(o.t.Context(), `SELECT state FROM runs`).Scan(&state); err != nil {
			o.t.Fatal(err)
		}
	}
}

// peakMemory is a process's VmHWM in MB (proc_pid_status(5)).
func peakMemory(b *testing.B, pid int) float64 {
	b.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Skip("no process table here")
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	kb, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
	if err != nil {
		b.Fatal(err)
	}
	return kb / 1024
}

// BenchmarkWholePath sends 20,000 mails over 10 connections, next to as many of
// the same size by Postfix's smtp-source to the same smtp-sink. Once is enough:
// run it with -benchtime=1x, several times in turns.
func BenchmarkWholePath(b *testing.B) {
	const n = 20_000
	b.Run("smtp-source", func(b *testing.B) {
		size := sampleSize(b)
		source := postfix(b, "smtp-source", "-d", "-s", strconv.Itoa(benchConnections), "-m", strconv.Itoa(n),
			"-l", strconv.Itoa(size), "-f", "news@example.org", "-t", "reader0001@example.org", smtpSink(b))
		began := time.Now()
		if err := source.Run(); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(n/time.Since(began).Seconds(), "mails/s")
		b.ReportMetric(float64(size), "B/mail")
	})
	b.Run("SQLite", func(b *testing.B) { wholePath(b, newOffice(b, smtpSink(b)), n) })
}

// BenchmarkFurther is the whole path with what costs more.
func BenchmarkFurther(b *testing.B) {
	const n = 20_000
	b.Run("SQLite+full", func(b *testing.B) {
		o := newOffice(b, smtpSink(b))
		o.edit("shutdown_grace:", "durability: full\nshutdown_grace:")
		wholePath(b, o, n)
	})
	b.Run("PostgreSQL+Redis", func(b *testing.B) {
		o := newOffice(b, smtpSink(b))
		o.edit(`database: ""`, "database: "+configtest.URL(b))
		o.withRedis("unix://" + dispatchtest.StartRedis(b).Socket)
		wholePath(b, o, n)
	})
	for name, key := range map[string]string{"Ed25519": ed25519Key, "RSA": rsaKey} {
		b.Run("SQLite+"+name, func(b *testing.B) {
			o := newOffice(b, smtpSink(b))
			o.sign(key)
			wholePath(b, o, n)
		})
	}
	// smtp-sink knows no TLS. Our own sink does, and is slower.
	for _, encrypted := range []bool{false, true} {
		b.Run(map[bool]string{false: "SQLite+own-sink", true: "SQLite+own-sink+TLS"}[encrypted], func(b *testing.B) {
			wholePath(b, withTLS(b, encrypted), n)
		})
	}
}

// withTLS makes an office whose relay is our own sink.
func withTLS(b *testing.B, encrypted bool) *office {
	b.Helper()
	options := standin.Options{MaxRaw: 1}
	issuer := httptest.NewTLSServer(nil) // only for its certificate, which is for 127.0.0.1, too
	b.Cleanup(issuer.Close)
	if encrypted {
		options.TLS = &tls.Config{Certificates: issuer.TLS.Certificates}
	}
	sink, err := standin.New(options)
	if err != nil {
		b.Fatal(err)
	}
	run(b, sink)
	o := newOffice(b, sink.Addr())
	if encrypted {
		var ca bytes.Buffer
		if err := pem.Encode(&ca, &pem.Block{Type: "CERTIFICATE", Bytes: issuer.Certificate().Raw}); err != nil {
			b.Fatal(err)
		}
		path := filepath.Join(b.TempDir(), "ca.pem")
		if err := os.WriteFile(path, ca.Bytes(), 0o600); err != nil {
			b.Fatal(err)
		}
		o.edit("tls: none", "tls: starttls, ca: "+path)
	}
	return o
}

// BenchmarkMemory shows that the daemon's memory does not grow with the run.
func BenchmarkMemory(b *testing.B) {
	for _, n := range []int{10_000, 100_000, 200_000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) { wholePath(b, newOffice(b, smtpSink(b)), n) })
	}
}
