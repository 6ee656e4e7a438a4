package dispatchtest

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// RedisServer is a real Redis of a test's own, on a unix socket.
type RedisServer struct {
	Socket string
	Log    string // path

	t       testing.TB
	args    []string
	process *exec.Cmd
}

// StartRedis starts a redis-server that keeps nothing on disk and ends with the
// test; args are added to its command line. The test is skipped where there is
// none.
func StartRedis(t testing.TB, args ...string) *RedisServer {
	t.Helper()
	return start(t, append([]string{"--port", "0", "--save", "", "--appendonly", "no"}, args...))
}

// StartSentinel starts a Sentinel on a port of 127.0.0.1; it writes into its
// configuration file.
func StartSentinel(t testing.TB, configuration, port string) *RedisServer {
	t.Helper()
	return start(t, []string{configuration, "--sentinel", "--port", port, "--bind", "127.0.0.1"})
}

func start(t testing.TB, args []string) *RedisServer {
	t.Helper()
	path, err := exec.LookPath("redis-server")
	if err != nil {
		t.Skip("redis-server is not installed (Debian: apt-get install redis-server)")
	}
	dir, err := os.MkdirTemp("", "redis") // short: a socket's path has at most 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	s := &RedisServer{t: t, Socket: filepath.Join(dir, "s"), Log: filepath.Join(dir, "log")}
	s.args = append(append([]string{path}, args...), "--unixsocket", s.Socket, "--dir", dir, "--logfile", s.Log)
	t.Cleanup(s.Kill)
	s.Start()
	return s
}

// Start starts the server, again after Kill, and waits until it answers.
func (s *RedisServer) Start() {
	s.t.Helper()
	s.process = exec.Command(s.args[0], s.args[1:]...)
	if err := s.process.Start(); err != nil {
		s.t.Fatal(err)
	}
	patience := time.After(20 * time.Second)
	for {
		err := s.ping()
		if err == nil {
			return
		}
		select {
		case <-patience:
			log, _ := os.ReadFile(s.Log)
			s.t.Fatalf("redis-server does not answer: %v\n%s", err, log)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// ping asks for any answer, be it a refusal.
func (s *RedisServer) ping() error {
	conn, err := net.Dial("unix", s.Socket)
	if err != nil {
		return err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(time.Second))
	if _, err := fmt.Fprint(conn, "PING\r\n"); err != nil {
		return err
	}
	answer := make([]byte, 64)
	n, err := conn.Read(answer)
	if err != nil {
		return err
	}
	if bytes.HasPrefix(answer[:n], []byte("-LOADING")) {
		return fmt.Errorf("%s", answer[:n])
	}
	return nil
}

// Kill ends the server as kill -9 does.
func (s *RedisServer) Kill() {
	if s.process == nil {
		return
	}
	_ = s.process.Process.Kill()
	_ = s.process.Wait()
	s.process = nil
	_ = os.Remove(s.Socket)
}

// Freeze stops the server so that its connections stay open and say nothing.
func (s *RedisServer) Freeze() { s.signal(syscall.SIGSTOP) }

// Thaw ends Freeze.
func (s *RedisServer) Thaw() { s.signal(syscall.SIGCONT) }

func (s *RedisServer) signal(sig syscall.Signal) {
	s.t.Helper()
	if err := s.process.Process.Signal(sig); err != nil {
		s.t.Error(err)
	}
}
