package main

import (
	"fmt"
	"net"
	"time"
)

// notifier tells the service manager how the daemon is, in the protocol of
// sd_notify(3): a datagram to the socket that NOTIFY_SOCKET names. Without one
// it says nothing.
type notifier struct{ socket string }

// ready says that the listeners answer.
func (n notifier) ready() error { return n.tell("READY=1") }

// stopping says that the daemon has begun to stop and how long it may take, so
// that a service manager whose own limit is shorter does not kill it meanwhile.
func (n notifier) stopping(limit time.Duration) error {
	return n.tell(fmt.Sprintf("STOPPING=1\nEXTEND_TIMEOUT_USEC=%d", limit.Microseconds()))
}

func (n notifier) tell(state string) error {
	if n.socket == "" {
		return nil
	}
	// A name that begins with @ is abstract; package net knows that form.
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: n.socket, Net: "unixgram"})
	if err == nil {
		_, err = conn.Write([]byte(state))
		_ = conn.Close()
	}
	if err != nil {
		return fmt.Errorf("telling the service manager: %w", err)
	}
	return nil
}
