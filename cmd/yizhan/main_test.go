package main

import (
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(tidy{m}, map[string]func(){"yizhan": main})
}

// atTheEnd removes what the tests made in common.
var atTheEnd = func() {}

// tidy runs the tests and cleans up behind them.
type tidy struct{ *testing.M }

func (m tidy) Run() int {
	defer func() { atTheEnd() }()
	return m.M.Run()
}

var update = flag.Bool("update", false, "write what the commands print into the scripts")

// TestScripts runs every command as a process of its own, as an operator would.
func TestScripts(t *testing.T) {
	sample, err := filepath.Abs("sample/issue-37.txt")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:           "testdata",
		UpdateScripts: *update,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exitcode": exitCode,
		},
		Setup: func(e *testscript.Env) error {
			e.Setenv("SAMPLE", sample)
			e.Setenv("COLUMNS", "100")
			e.Setenv("LC_ALL", "C.UTF-8")
			e.Setenv("YIZHAN_SECRET", "0123456789abcdef0123456789abcdef")
			return os.WriteFile(filepath.Join(e.WorkDir, "yizhan.yaml"), []byte(scriptConfig), 0o600)
		},
	})
}

// exitCode is the command "exitcode N yizhan ARGS…": it fails unless the program
// ends with that code.
func exitCode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exitcode N PROGRAM ARGS…")
	}
	code := 0
	var ended *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &ended) {
		code = ended.ExitCode()
	}
	if want := args[0]; want != strconv.Itoa(code) {
		ts.Fatalf("%v ended with %d, want %s", args[1:], code, want)
	}
}

// scriptConfig is what the scripts run with unless they bring their own. Its
// relay is a port where nobody listens.
const scriptConfig = `title: 港城茗讯
public_url: https://news.example.org
data_dir: ./data
secret: ${YIZHAN_SECRET}
imprint: {address: 澜港市仓前街 1 号}
http: {listen: 127.0.0.1:0, admin: 127.0.0.1:0}
channels:
  email:
    from: "协会 <news@example.org>"
    smtp: {address: "127.0.0.1:1", tls: none}
`
