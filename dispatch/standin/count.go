package standin

import (
	"net"
	"sync"
)

// countListener counts the connections and refuses those beyond the limit.
type countListener struct {
	net.Listener
	sink *Sink
}

// Accept implements [net.Listener].
func (l countListener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if l.sink.admit() {
			return &counted{Conn: c, sink: l.sink}, nil
		}
		// As Postfix says it. The greeting fits into any socket's buffer.
		_, _ = c.Write([]byte("421 4.7.0 localhost Error: too many connections from 127.0.0.1\r\n"))
		_ = c.Close()
	}
}

func (s *Sink) admit() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if limit := s.options.MaxConnections; limit > 0 && s.open >= limit {
		s.refused++
		return false
	}
	s.open++
	s.most = max(s.most, s.open)
	return true
}

// counted is a connection that is counted until it is closed.
type counted struct {
	net.Conn
	sink *Sink
	once sync.Once
}

// Close implements [net.Conn].
func (c *counted) Close() error {
	c.once.Do(func() {
		c.sink.mu.Lock()
		defer c.sink.mu.Unlock()
		c.sink.open--
	})
	return c.Conn.Close()
}
