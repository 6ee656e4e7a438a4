package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"yizhan/dispatch"
)

// adminPages is everything that the admin listener answers. stopping ends when
// the daemon is asked to stop.
func (d *daemon) adminPages(stopping context.Context, metrics http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", metrics)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		// A dead relay raises an alarm and must not take the pages down.
		state := readiness{Alarms: []dispatch.Alarm{}}
		if err := d.ready(r.Context(), stopping, &state); err != nil {
			state.Error = err.Error()
			d.log.Warn("not ready", "error", err)
		}
		w.Header().Set("Content-Type", "application/json")
		state.Ready = state.Error == ""
		if !state.Ready {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_ = json.NewEncoder(w).Encode(state) // nothing to be done for a client that left
	})
	return mux
}

// readiness is the body of /readyz.
type readiness struct {
	Ready  bool             `json:"ready"`
	Error  string           `json:"error,omitempty"`
	Alarms []dispatch.Alarm `json:"alarms"`
}

// readyLimit bounds what /readyz waits for.
const readyLimit = 2 * time.Second

// ready tries the database and the public listener.
func (d *daemon) ready(ctx, stopping context.Context, state *readiness) error {
	if stopping.Err() != nil {
		return errors.New("stopping")
	}
	ctx, cancel := context.WithTimeout(ctx, readyLimit)
	defer cancel()
	alarms, err := d.ledger.Alarms(ctx)
	if err != nil {
		return fmt.Errorf("database: %w", err)
	}
	state.Alarms = alarms
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", d.public.Addr().String())
	if err != nil {
		return fmt.Errorf("public listener: %w", err)
	}
	return conn.Close()
}
