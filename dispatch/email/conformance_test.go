package email

import (
	"fmt"
	"sync/atomic"
	"testing"

	"yizhan/dispatch/dispatchtest"
	"yizhan/dispatch/standin"
)

func TestChannel(t *testing.T) {
	for _, lockstep := range []bool{false, true} {
		t.Run(fmt.Sprintf("lockstep %v", lockstep), func(t *testing.T) {
			dispatchtest.ExerciseChannel(t, func(t *testing.T) dispatchtest.ChannelCase {
				var refuse atomic.Bool
				sink := startSink(t, standin.Options{Lockstep: lockstep, Script: func(phase, _, _ string, _ int) standin.Fault {
					if phase == "rcpt" && refuse.Swap(false) {
						return standin.Fault{Code: 550, Text: "5.1.1 no such user"}
					}
					return standin.Fault{}
				}})
				return dispatchtest.ChannelCase{
					Channel: newChannel(t, sink.Addr()),
					Address: func(n int) string { return fmt.Sprintf("reader%d@example.org", n) },
					Took:    func() int { return len(sink.Messages()) },
					Refuse:  func() { refuse.Store(true) },
				}
			})
		})
	}
}
