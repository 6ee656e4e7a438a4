package wechat

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"sync"

	"github.com/silenceper/wechat/v2/util"
)

// maxAnswer bounds what is read of an answer. A page of 10,000 openids has about
// 310 kB.
const maxAnswer = 8 << 20

// guard stands between the SDK and the network: the SDK reads answers of any
// length, follows redirects with the token in the address, and puts the address,
// token and all, into its errors.
type guard struct{}

// transportKey finds the account's own transport in a call's context. The SDK
// has one client for the whole process, so that nothing else of ours reaches the
// place where the request goes out.
type transportKey struct{}

// install gives the SDK a client with the guard. It is done once: the client is
// a variable of the SDK, which every call reads without a lock.
var install = sync.OnceFunc(func() {
	util.DefaultHTTPClient = &http.Client{Transport: guard{}}
})

// RoundTrip implements [http.RoundTripper]. Its errors are of type *Fault.
func (guard) RoundTrip(in *http.Request) (*http.Response, error) {
	next, ok := in.Context().Value(transportKey{}).(http.RoundTripper)
	if !ok {
		return nil, errors.New("a call that does not come from an API")
	}
	// The trace tells whether a connection was there: without one the platform
	// cannot have seen the call.
	var asked, got bool
	trace := &httptrace.ClientTrace{
		GetConn: func(string) { asked = true },
		GotConn: func(httptrace.GotConnInfo) { got = true },
	}
	resp, err := next.RoundTrip(in.WithContext(httptrace.WithClientTrace(in.Context(), trace)))
	if err != nil {
		return nil, &Fault{Unsent: asked && !got, Err: err}
	}
	if resp.StatusCode != http.StatusOK { // a redirect, too: it is never followed
		_ = resp.Body.Close()
		return nil, &Fault{Status: resp.StatusCode, Err: errors.New("HTTP " + resp.Status)}
	}
	resp.Body = &capped{ReadCloser: resp.Body, left: maxAnswer}
	return resp, nil
}

// capped fails when a body is longer than it may be.
type capped struct {
	io.ReadCloser
	left int64
}

// Read implements [io.Reader].
func (c *capped) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, fmt.Errorf("the answer is longer than %d bytes", maxAnswer)
	}
	n, err := c.ReadCloser.Read(p[:min(int64(len(p)), c.left)])
	c.left -= int64(n)
	return n, err
}

// outward is the context of one request, with the transport it goes through.
func outward(ctx context.Context, t http.RoundTripper) context.Context {
	return context.WithValue(ctx, transportKey{}, t)
}
