// Command yizhan delivers the issues of a periodical to its subscribers.
//
// It owns the command line, the wiring of the packages, and the web server; what
// is done is decided in the packages. One call of it is a [program] that tests
// start in their own process; nothing is global, and only main ends the process.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/mattn/go-isatty"
)

func main() {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals // asks to stop
		cancel()
		<-signals // does not want to wait for it
		os.Exit(exitImpatient)
	}()
	p := program{
		stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr,
		getenv:   os.Getenv,
		terminal: isatty.IsTerminal(os.Stdin.Fd()) && isatty.IsTerminal(os.Stderr.Fd()),
		channels: channels(),
	}
	os.Exit(p.run(ctx, os.Args[1:]))
}
