package httpserve

import (
	"errors"
	"net"
	"testing"
	"time"
)

// acceptAll hands on the connections and, at last, the error.
func acceptAll(l net.Listener) (<-chan net.Conn, <-chan error) {
	accepted, ended := make(chan net.Conn), make(chan error)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				ended <- err
				return
			}
			accepted <- c
		}
	}()
	return accepted, ended
}

// TestListener: it has no more connections than it may, and takes the next when one is closed.
func TestListener(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := NewListener(inner, 2, false)
	defer l.Close()
	accepted, ended := acceptAll(l)
	for range 4 {
		c, err := net.Dial("tcp", inner.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	first, second := <-accepted, <-accepted
	select {
	case <-accepted:
		t.Fatal("a third connection beside two")
	case <-time.After(50 * time.Millisecond):
	}
	first.Close()
	first.Close() // frees one place, not two
	third := <-accepted
	select {
	case <-accepted:
		t.Fatal("a place is free twice")
	case <-time.After(20 * time.Millisecond):
	}
	if l.Open() != 2 {
		t.Errorf("%d open, want 2", l.Open())
	}
	// What has come is accepted when listening ends, though there is no place for it.
	l.Finish()
	fourth := <-accepted
	if err := <-ended; !errors.Is(err, net.ErrClosed) {
		t.Errorf("it ends with %v", err)
	}
	if err := l.Close(); err != nil { // as http.Server does where it has not heard of the end
		t.Errorf("closed once more: %v", err)
	}
	for _, c := range []net.Conn{second, third, fourth} {
		c.Close()
	}
	if l.Open() != 0 {
		t.Errorf("%d open, want none", l.Open())
	}
	if _, err := net.DialTimeout("tcp", inner.Addr().String(), time.Second); err == nil {
		t.Error("it still listens")
	}
}
