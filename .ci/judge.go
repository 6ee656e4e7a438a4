//go:build ignore

// Judge reads what "go test -json" writes and says what became of it: a line for
// each package, the output of everything that failed, and a count at the end.
//
// A skipped test has failed: where everything is installed nothing has to be
// skipped. The one exception is a test that wants files of ../shared/seed, which
// is not part of the project, while there is no such folder; it is listed.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
)

const seed = "shared/seed"

// event is one line of the stream; see go doc test2json.
type event struct {
	Action  string
	Package string
	Test    string // empty: the package itself
	Output  string
	Elapsed float64 // seconds
}

// slow is from how many seconds on a test is named at the end.
const slow = 20

type judge struct {
	seedIsThere     bool
	output          map[event]*strings.Builder // by package and test
	bad             map[string]bool            // packages in which a test failed
	packages        int
	passed, skipped int
	faults, allowed []string
	slow            []string
}

func main() {
	_, err := os.Stat("../" + seed)
	j := &judge{seedIsThere: err == nil, output: map[event]*strings.Builder{}, bad: map[string]bool{}}
	if err := j.read(os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, "judge:", err)
		os.Exit(1)
	}
	if !j.verdict() {
		os.Exit(1)
	}
}

func (j *judge) read(r io.Reader) error {
	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			var e event
			if json.Unmarshal(line, &e) == nil {
				j.take(e)
			} else {
				fmt.Print(string(line)) // the go command itself says something
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (j *judge) take(e event) {
	key := event{Package: e.Package, Test: e.Test}
	if j.output[key] == nil {
		j.output[key] = &strings.Builder{}
	}
	said := j.output[key]
	switch e.Action {
	case "build-output":
		fmt.Print(e.Output)
		return
	case "output":
		said.WriteString(e.Output)
		return
	case "pass", "fail", "skip":
		delete(j.output, key)
	default:
		return
	}
	if e.Test == "" {
		j.endPackage(e, said.String())
	} else {
		j.endTest(e, said.String())
	}
}

func (j *judge) endTest(e event, said string) {
	name := e.Package + " " + e.Test
	if e.Elapsed >= slow {
		j.slow = append(j.slow, fmt.Sprintf("%.0f s: %s", e.Elapsed, name))
	}
	switch {
	case e.Action == "pass":
		j.passed++
	case e.Action == "skip" && !j.seedIsThere && strings.Contains(said, seed):
		j.skipped++
		j.allowed = append(j.allowed, name)
	default:
		j.bad[e.Package] = true
		j.faults = append(j.faults, e.Action+" "+name)
		fmt.Printf("\n---- %s %s\n%s", e.Action, name, said)
	}
}

// endPackage prints the closing line of a package as go test does. A package that
// failed without a failed test did not build, panicked or ran out of time.
func (j *judge) endPackage(e event, said string) {
	j.packages++
	if e.Action == "fail" && !j.bad[e.Package] {
		j.faults = append(j.faults, "fail "+e.Package)
		for key, cut := range j.output {
			if key.Package == e.Package {
				fmt.Printf("\n---- cut off %s %s\n%s", key.Package, key.Test, cut)
			}
		}
		fmt.Print("\n", said)
		return
	}
	for line := range strings.Lines(said) {
		if strings.HasPrefix(line, "ok  ") || strings.HasPrefix(line, "FAIL\t") || strings.HasPrefix(line, "?   ") {
			fmt.Print(line)
		}
	}
}

func (j *judge) verdict() bool {
	fmt.Println()
	for _, s := range j.slow {
		fmt.Println(s)
	}
	for _, name := range j.allowed {
		fmt.Printf("skipped, there is no ../%s here: %s\n", seed, name)
	}
	for _, f := range j.faults {
		fmt.Println(f)
	}
	if j.packages == 0 {
		fmt.Println("no package was tested")
	}
	fmt.Printf("%d passed, %d failed, %d skipped\n", j.passed, len(j.faults), j.skipped)
	return j.passed > 0 && len(j.faults) == 0
}
