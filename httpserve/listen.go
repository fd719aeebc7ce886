package httpserve

import (
	"context"
	"errors"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// NewHTTPServer returns an http.Server for a handler with limits that slow and broken clients stay
// within: 5 seconds for the header of a request, which has 16 KiB at most, 30 for all of it, as
// many for the answer beyond timeout, the time that an answer may take, and 2 minutes between
// requests.
func NewHTTPServer(h http.Handler, timeout time.Duration, l *slog.Logger) *http.Server {
	s := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      timeout + 60*time.Second, // it begins with the header
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          log.New(io.Discard, "", 0),
	}
	if l != nil {
		s.ErrorLog = slog.NewLogLogger(l.Handler(), slog.LevelWarn)
	}
	return s
}

// Listener is a net.Listener that has a bounded number of connections at a time, others wait until
// one of them is closed, and that ends without losing those that it has accepted.
type Listener struct {
	net.Listener
	shared   bool
	free     chan struct{} // has room for each connection
	finished chan struct{} // is closed when no more connections are to come
	ended    chan struct{} // is closed when the last one has been accepted
	once     sync.Once
	onceEnd  sync.Once
	open     atomic.Int64
}

// NewListener returns a Listener of l with at most n connections. A shared one is also another
// process's, such as systemd, which goes on to listen.
func NewListener(l net.Listener, n int, shared bool) *Listener {
	return &Listener{Listener: l, shared: shared, free: make(chan struct{}, n), finished: make(chan struct{}), ended: make(chan struct{})}
}

// Accept waits for a connection.
func (l *Listener) Accept() (net.Conn, error) {
	slot := true
	select {
	case l.free <- struct{}{}:
	case <-l.finished: // what has come already is taken all the same
		slot = false
	}
	c, err := l.Listener.Accept()
	if errors.Is(err, os.ErrDeadlineExceeded) { // see Finish
		l.Listener.Close()
		err = net.ErrClosed
	}
	if err != nil {
		if slot {
			<-l.free
		}
		if errors.Is(err, net.ErrClosed) {
			l.onceEnd.Do(func() { close(l.ended) })
		}
		return nil, err
	}
	l.open.Add(1)
	return &limitedConn{Conn: c, l: l, slot: slot}, nil
}

// Close ends listening at once. It is no error if that has ended: http.Server may close a listener
// whose last Accept has not come back to it.
func (l *Listener) Close() error {
	if err := l.Listener.Close(); !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

// Open is the number of connections.
func (l *Listener) Open() int { return int(l.open.Load()) }

// acceptedFor is how long connections are still accepted when listening is to end: many times as
// long as it takes to accept those that have come.
const acceptedFor = 50 * time.Millisecond

// Finish ends listening: Accept returns the connections that have come, and then net.ErrClosed. A
// shared socket keeps those that have not been accepted, for the process that goes on. From any
// other the system resets the few that come between the last Accept and the end.
func (l *Listener) Finish() {
	l.once.Do(func() {
		close(l.finished)
		d, ok := l.Listener.(interface{ SetDeadline(time.Time) error })
		if l.shared || !ok || d.SetDeadline(time.Now().Add(acceptedFor)) != nil {
			l.Listener.Close()
		}
	})
}

type limitedConn struct {
	net.Conn
	l    *Listener
	slot bool
	once sync.Once
}

// CloseWrite is what http.Server calls before it closes a connection on which there may be more to
// read.
func (c *limitedConn) CloseWrite() error {
	if t, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return t.CloseWrite()
	}
	return nil
}

func (c *limitedConn) Close() error {
	err := c.Conn.Close()
	c.once.Do(func() {
		c.l.open.Add(-1)
		if c.slot {
			<-c.l.free
		}
	})
	return err
}

// Shutdown ends a server that serves these listeners without losing a request of a connection that
// was accepted: it ends listening and has clients close their connections with their next answer,
// for a second at most, in which what comes is still answered; http.Server's own Shutdown, which
// answers no request that comes meanwhile, ends the idle rest. The error is that of ctx, when
// requests at work have not finished by then.
func (s *Server) Shutdown(ctx context.Context, h *http.Server, listeners ...*Listener) error {
	s.Drain()
	for _, l := range listeners {
		l.Finish()
	}
	for _, l := range listeners {
		select {
		case <-l.ended:
		case <-ctx.Done():
		}
	}
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for begin := time.Now(); ctx.Err() == nil && time.Since(begin) < time.Second; <-tick.C {
		open := 0
		for _, l := range listeners {
			open += l.Open()
		}
		if open == 0 {
			break
		}
	}
	return h.Shutdown(ctx)
}
