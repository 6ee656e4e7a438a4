package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"

	"yizhan/config"
	"yizhan/dispatch/email"
)

// The exit codes of the contract, and what a shell calls an interrupted process.
const (
	exitOK        = 0
	exitFailed    = 1
	exitUsage     = 2
	exitImpatient = 130
)

// program is what one call of yizhan is given by its surroundings.
type program struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	getenv         func(string) string
	// terminal: somebody sits there who can be asked and shown progress.
	terminal bool
	channels []opener
	resolver email.Resolver // of the DNS; nil: the system's
}

// call is a command line at work: the program and the flags that every command
// has.
type call struct {
	program
	configFile string
	json       bool
}

// run carries out one command line and returns the exit code.
func (p program) run(ctx context.Context, args []string) int {
	var line commandLine
	parser, err := kong.New(&line,
		kong.Name("yizhan"),
		kong.Description("驿站：把每一期刊物送到每一位订户手里。用 yizhan 命令 --help 看每个命令的用法。"),
		kong.Writers(p.stdout, p.stderr),
		kong.NoDefaultHelp(),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.BindTo(ctx, (*context.Context)(nil)),
	)
	if err != nil {
		return p.fail(err, asksForJSON(args))
	}
	parsed, err := parser.Parse(args)
	if errors.Is(err, errHelpShown) {
		return exitOK
	}
	if err != nil {
		return p.fail(misuse(err), asksForJSON(args))
	}
	c := &call{program: p, configFile: line.Config, json: line.JSON}
	if c.configFile == "" {
		c.configFile = p.getenv("YIZHAN_CONFIG")
	}
	if c.configFile == "" {
		c.configFile = config.FileName
	}
	if err := parsed.Run(c); err != nil {
		return p.fail(err, c.json)
	}
	return exitOK
}

// asksForJSON looks for the flag where the command line could not be parsed.
func asksForJSON(args []string) bool {
	for _, a := range args {
		switch a {
		case "--json", "--json=true":
			return true
		case "--":
			return false
		}
	}
	return false
}

// fail says what went wrong and returns the exit code for it.
func (p program) fail(err error, asJSON bool) int {
	problems := explain(err)
	if asJSON {
		report := struct {
			Error  problem   `json:"error"`
			Errors []problem `json:"errors,omitempty"` // all of them when there are several
		}{Error: problems[0]}
		if len(problems) > 1 {
			report.Errors = problems
		}
		_ = writeJSON(p.stderr, report) // there is nobody left to tell
	} else {
		for _, one := range problems {
			fmt.Fprintln(p.stderr, one.Error())
		}
	}
	if problems[0].usage {
		return exitUsage
	}
	return exitFailed
}

// printf writes a line for people; with --json there are none.
func (c *call) printf(format string, args ...any) {
	if !c.json {
		fmt.Fprintf(c.stdout, format+"\n", args...)
	}
}

// answer writes one JSON object when --json asks for it and reports whether it did.
func (c *call) answer(v any) (bool, error) {
	if !c.json {
		return false, nil
	}
	return true, writeJSON(c.stdout, v)
}

// writeJSON writes one object on one line.
func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return fmt.Errorf("writing JSON: %w", err)
	}
	return nil
}

// confirm asks a yes-or-no question; anything but yes is no.
func (c *call) confirm(question string) bool {
	fmt.Fprintf(c.stderr, "%s [y/N] ", question)
	// One byte at a time: what follows the line is not ours.
	var line strings.Builder
	for b := make([]byte, 1); line.Len() < 10; {
		if _, err := c.stdin.Read(b); err != nil || b[0] == '\n' {
			break
		}
		line.WriteByte(b[0])
	}
	switch strings.ToLower(strings.TrimSpace(line.String())) {
	case "y", "yes", "是":
		return true
	}
	return false
}
