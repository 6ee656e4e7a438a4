package email

import (
	"sync"
	"time"
)

// How long connections are kept. Postfix closes idle ones after some seconds and
// reuses its own for 300 s (smtp_connection_reuse_time_limit, read 2026-11); QQ
// and NetEase want few mails on one connection.
const (
	maxIdle   = 10 * time.Second
	maxAge    = 5 * time.Minute
	maxServed = 50
)

// goodbyeLimit is what a QUIT may cost; nobody waits for its reply.
const goodbyeLimit = time.Second

// pool keeps idle connections. The zero value is ready.
type pool struct {
	mu     sync.Mutex
	idle   []*session // oldest first
	busy   int        // deliveries that have a connection or make one
	most   int        // connections at a time; 0: nobody has said
	sweep  *time.Timer
	closed bool
}

// begin and end are around each delivery.
func (p *pool) begin() { p.count(1) }

func (p *pool) end() { p.count(-1) }

func (p *pool) count(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.busy += n
}

// resize closes idle connections beyond most, so that others can have them.
func (p *pool) resize(most int) {
	p.mu.Lock()
	p.most = most
	var over []*session
	for len(p.idle) > 0 && len(p.idle)+p.busy > most {
		over, p.idle = append(over, p.idle[0]), p.idle[1:]
	}
	p.mu.Unlock()
	goodbye(over)
}

// take returns the connection that was used last, or nil.
func (p *pool) take(now time.Time) *session {
	p.mu.Lock()
	old := p.expire(now)
	var s *session
	if n := len(p.idle); n > 0 {
		s, p.idle = p.idle[n-1], p.idle[:n-1]
	}
	p.mu.Unlock()
	goodbye(old)
	return s
}

// put takes a connection back, or ends it when it is of no more use.
func (p *pool) put(s *session) {
	if s.closed {
		return
	}
	s.used = time.Now()
	p.mu.Lock()
	keep := !p.closed && s.served < maxServed && s.used.Sub(s.born) < maxAge && (p.most == 0 || len(p.idle)+p.busy <= p.most)
	if keep {
		p.idle = append(p.idle, s)
		if len(p.idle) == 1 {
			p.wake()
		}
	}
	p.mu.Unlock()
	if !keep {
		goodbye([]*session{s})
	}
}

// wake drops idle connections when their time is over, so that a relay's slots
// are free when there is nothing to send. The caller holds the lock.
func (p *pool) wake() {
	if p.sweep == nil {
		p.sweep = time.AfterFunc(maxIdle, func() {
			p.mu.Lock()
			old := p.expire(time.Now())
			if len(p.idle) > 0 {
				p.wake()
			}
			p.mu.Unlock()
			goodbye(old)
		})
		return
	}
	p.sweep.Reset(maxIdle)
}

// expire removes what was idle too long. The caller holds the lock.
func (p *pool) expire(now time.Time) (old []*session) {
	for len(p.idle) > 0 && now.Sub(p.idle[0].used) >= maxIdle {
		old, p.idle = append(old, p.idle[0]), p.idle[1:]
	}
	return old
}

func (p *pool) close() {
	p.mu.Lock()
	p.closed = true
	old := p.idle
	p.idle = nil
	if p.sweep != nil {
		p.sweep.Stop()
	}
	p.mu.Unlock()
	goodbye(old)
}

// goodbye ends connections between two mails, where a QUIT cannot be taken for
// anything else.
func goodbye(sessions []*session) {
	for _, s := range sessions {
		if s.raw.begin(goodbyeLimit) == nil {
			_ = s.write([]byte("QUIT\r\n"))
		}
		s.close()
	}
}
