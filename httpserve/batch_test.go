package httpserve

import (
	"bytes"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/gantiny/gantiny"
)

// TestBatches: requests that wait together are drawn together, and each gets its own pictures.
func TestBatches(t *testing.T) {
	classes := conditional(t)
	s := newServer(t, Options{Threads: 2, Wait: 20 * time.Millisecond}, Model{"classes", classes}, Model{"colors", plain(t, 3)})
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			n := 1 + i%5*7
			name, g := "classes", classes
			r := gantiny.Request{N: n, Seed: uint64(i), Class: gantiny.Class(i % 4)}
			path := fmt.Sprintf("/v1/images.png?model=%s&n=%d&seed=%d&cols=%d&class=%d", name, n, i, n, i%4)
			if i%3 == 0 {
				r.Class = nil
				path = fmt.Sprintf("/v1/images.png?n=%d&seed=%d&cols=%d", n, i, n)
			}
			w := get(t, s, path)
			want := drawn(t, g, r)
			for k, got := range pixelsOf(t, w.Body.Bytes(), 8, 1) {
				if !bytes.Equal(got, want[k]) {
					t.Errorf("request %d, picture %d is another's", i, k)
				}
			}
		})
	}
	wg.Wait()
	if images, bytes := s.entrance.now(); images != 0 || bytes != 0 {
		t.Errorf("%d images and %d bytes are held", images, bytes)
	}
	// Sixteen requests of one picture that arrive before any thread looks are one batch or, with a
	// thread that is idle, two.
	b := newBatcher(0, time.Second, s.entrance, newMetrics())
	m := s.models.Load().find("classes")
	defer m.leave()
	for i := range 16 {
		b.queue = append(b.queue, &job{s: m, n: 1, arrived: time.Now(), z: make([]float32, 6), classes: []int32{int32(i % 4)}})
		b.images++
	}
	if parts := b.take(); len(parts) != 16 || len(b.queue) != 0 || b.images != 0 {
		t.Errorf("%d requests in a batch, %d left, %d images", len(parts), len(b.queue), b.images)
	}
}

// TestTurns: a request of many pictures takes turns with those of few.
func TestTurns(t *testing.T) {
	b := newBatcher(0, -1, newEntrance(1000, 1000), newMetrics())
	s := &served{dim: 1}
	large, small := &job{s: s, n: 40, z: make([]float32, 40)}, &job{s: s, n: 1, z: make([]float32, 1)}
	b.queue, b.images = []*job{large, small}, 41
	var took []int
	for len(b.queue) > 0 {
		n := 0
		for _, p := range b.take() {
			n += p.hi - p.lo
		}
		took = append(took, n)
		if len(took) == 2 && small.next != 1 {
			t.Error("the small request waits for the large one")
		}
	}
	if fmt.Sprint(took) != "[16 16 9]" || b.images != 0 {
		t.Errorf("batches of %v, %d images left", took, b.images)
	}
}

// TestAbandon: what nobody waits for any more leaves the queue, whether or not a batch has begun.
func TestAbandon(t *testing.T) {
	e := newEntrance(1000, 1000)
	b := newBatcher(0, -1, e, newMetrics())
	s := &served{dim: 1}
	e.enter(40, 10)
	begun, fresh := &job{s: s, n: 30, done: make(chan struct{})}, &job{s: s, n: 10, done: make(chan struct{})}
	b.queue, b.images = []*job{begun, fresh}, 40
	parts := b.take()
	gone := errors.New("gone")
	b.abandon(begun, gone)
	b.abandon(fresh, gone)
	<-fresh.done
	select {
	case <-begun.done:
		t.Fatal("a job is done while it is being drawn")
	default:
	}
	b.finish(parts, nil)
	<-begun.done
	if images, _ := e.now(); begun.err != gone || fresh.err != gone || images != 0 || b.images != 0 || len(b.queue) != 0 {
		t.Errorf("errors %v, %v; %d images held, %d wait", begun.err, fresh.err, images, b.images)
	}
	// An error of one batch ends its jobs, once.
	e.enter(30, 10)
	failed := &job{s: s, n: 30, done: make(chan struct{})}
	b.queue, b.images = []*job{failed}, 30
	b.finish(b.take(), gone)
	<-failed.done
	if images, _ := e.now(); failed.err != gone || images != 0 || len(b.queue) != 0 {
		t.Errorf("error %v, %d images held", failed.err, images)
	}
}
