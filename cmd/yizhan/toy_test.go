package main

import (
	"slices"
	"testing"
	"time"

	"yizhan/dispatch"
	"yizhan/dispatch/dispatchtest"
)

// TestOneFolderAndOneLine adds a channel to the list of channels, and nothing
// else: commands, CSV and daemon know it, and one run delivers on both.
func TestOneFolderAndOneLine(t *testing.T) {
	sink := newSink(t, nil)
	toy := &dispatchtest.Carrier{ChannelName: "toy", Limits: dispatch.Capacity{Lanes: 2, Batch: 10}}
	o := newOffice(t, sink.Addr())
	o.channels = append(channels(),
		opener{"toy", func(*instance) (dispatch.Route, error) {
			return dispatch.Route{Channel: toy, Policy: dispatch.Policy{
				Retry: []time.Duration{time.Second}, GiveUp: time.Minute, AfterLostReply: dispatch.RetryLost,
			}}, nil
		}},
	)
	o.ready()
	o.subscribe("email", "chen@example.org", "lin@example.org")
	o.subscribe("toy", "tin-soldier", "teddy", "doll")
	o.serve()
	o.do("send", "37", "--wait")

	if n := len(sink.Messages()); n != 2 {
		t.Errorf("%d mails, want 2", n)
	}
	if got := toy.Taken(); len(got) != 3 || got["teddy"] != 1 {
		t.Errorf("the toy carrier took %v", got)
	}
	if got := toy.Batches(); slices.Max(got) < 2 {
		t.Errorf("batches of %v, want one of several", got)
	}
	var status report
	o.asked(&status, "status", "37")
	if got := channelsOf(status.Runs[0]); !slices.Equal(got, []string{"email", "toy"}) {
		t.Errorf("the run has the channels %v", got)
	}
	sent := records(t, o.do("deliveries", "37", "--channel", "toy", "--state", "sent", "--json"))
	if len(sent) != 3 {
		t.Errorf("%d deliveries by toy, want 3", len(sent))
	}
}
