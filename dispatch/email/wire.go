package email

import (
	"net"
	"time"
)

// wire is the connection below TLS and SMTP. It is what gets closed when a
// conversation has to be cut: closing any layer above could still write
// something, and waits for locks that a blocked read holds.
type wire struct {
	net.Conn
	allowance int   // bytes that may still be read in this step
	written   int64 // bytes that went out
}

// maxStep is how much a relay may send in one step. A reply has at most a few
// kB, a certificate chain in a handshake some tens; a relay that sends without
// end must not fill our memory.
const maxStep = 256 << 10

// begin opens a step: so much time, so many bytes.
func (w *wire) begin(limit time.Duration) error {
	w.allowance = maxStep
	return w.SetDeadline(time.Now().Add(limit))
}

func (w *wire) Read(p []byte) (int, error) {
	if w.allowance <= 0 {
		_ = w.Close()
		return 0, errFlood
	}
	n, err := w.Conn.Read(p[:min(len(p), w.allowance)])
	w.allowance -= n
	return n, err
}

func (w *wire) Write(p []byte) (int, error) {
	n, err := w.Conn.Write(p)
	w.written += int64(n)
	return n, err
}
