package httpserve

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/gantiny/gantiny/model"
)

// batchImages is how many images are drawn at a time: as many as a session takes through all
// operators at once. More gain nothing.
const batchImages = 16

var errClosed = errors.New("the server is closed")

// job is the images of one request.
type job struct {
	s       *served
	z       []float32 // (n, latent)
	classes []int32   // one an image, of a model with classes
	floats  []float32 // where the images go: floats, pixels or both
	pixels  []uint8
	n       int

	arrived time.Time
	next    int // the first image that no batch has taken
	drawing int // images that batches have taken and not finished
	err     error
	done    chan struct{}
}

// part is consecutive images of a job within a batch.
type part struct {
	j      *job
	lo, hi int
}

// batcher draws what waits, images of several requests at a time. Requests take turns, a batch's
// worth each, so that a large one does not keep small ones waiting.
type batcher struct {
	wait     time.Duration
	most     int // images of a batch
	threads  int
	entrance *entrance
	metrics  *metrics

	mu     sync.Mutex
	queue  []*job
	images int // in the queue, not taken
	idle   int // threads that wait for work
	closed bool
	more   *sync.Cond
	came   chan struct{} // has a token when a job came, for a thread that waits for more
	wg     sync.WaitGroup
}

func newBatcher(threads int, wait time.Duration, e *entrance, m *metrics) *batcher {
	b := &batcher{wait: wait, most: batchImages, threads: threads, entrance: e, metrics: m, came: make(chan struct{}, 1)}
	b.more = sync.NewCond(&b.mu)
	for range threads {
		b.wg.Go(b.work)
	}
	return b
}

// close ends the threads when nothing waits any more.
func (b *batcher) close() {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	b.more.Broadcast()
	b.wg.Wait()
}

// waited is how long the first of those who wait has waited.
func (b *batcher) waited() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.queue) == 0 {
		return 0
	}
	oldest := b.queue[0].arrived
	for _, j := range b.queue {
		if j.arrived.Before(oldest) {
			oldest = j.arrived
		}
	}
	return time.Since(oldest)
}

// draw has j drawn. When ctx ends it returns the cause, after what is being drawn already.
func (b *batcher) draw(ctx context.Context, j *job) error {
	j.arrived, j.done = time.Now(), make(chan struct{})
	if ctx.Err() != nil {
		b.entrance.drew(j.n)
		return context.Cause(ctx)
	}
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		b.entrance.drew(j.n)
		return errClosed
	}
	b.queue = append(b.queue, j)
	b.images += j.n
	b.mu.Unlock()
	b.more.Signal()
	select {
	case b.came <- struct{}{}:
	default:
	}
	select {
	case <-j.done:
	case <-ctx.Done():
		b.abandon(j, context.Cause(ctx))
		<-j.done
	}
	return j.err
}

// abandon gives up what is left of a job whose request has ended.
func (b *batcher) abandon(j *job, cause error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.cancel(j, cause) {
		j.settle()
	}
}

// cancel takes a job off the queue, with the images that no batch has taken; false if there are
// none. The caller has locked b.
func (b *batcher) cancel(j *job, cause error) bool {
	i := slices.Index(b.queue, j)
	if i < 0 {
		return false
	}
	b.queue = slices.Delete(b.queue, i, i+1)
	left := j.n - j.next
	b.images -= left
	b.entrance.drew(left)
	j.next, j.err = j.n, cause
	return true
}

// settle answers a job of which nothing is left to draw.
func (j *job) settle() {
	if j.drawing == 0 && j.next == j.n {
		close(j.done)
	}
}

// work is one thread.
func (b *batcher) work() {
	var buffer batchBuffer
	for {
		parts := b.take()
		if parts == nil {
			return
		}
		start := time.Now()
		err := buffer.draw(parts)
		n := 0
		for _, p := range parts {
			n += p.hi - p.lo
		}
		took := time.Since(start)
		b.entrance.busy.Add(int64(took))
		b.entrance.drawn.Add(int64(n))
		b.metrics.batch(n, took)
		b.finish(parts, err)
	}
}

// take waits for images and takes a batch of them, of one model; nil at the end.
func (b *batcher) take() []part {
	b.mu.Lock()
	defer b.mu.Unlock()
	for {
		for len(b.queue) == 0 {
			if b.closed {
				return nil
			}
			b.idle++
			b.more.Wait()
			b.idle--
		}
		left := b.wait - time.Since(b.queue[0].arrived)
		if b.images >= b.most || left <= 0 || b.closed || b.entrance.requests.Load() <= int64(len(b.queue)) {
			return b.gather()
		}
		b.mu.Unlock()
		t := time.NewTimer(left)
		select {
		case <-b.came:
		case <-t.C:
		}
		t.Stop()
		b.mu.Lock()
	}
}

// gather takes images off the queue: a batch's worth, or less where there are fewer requests than
// threads, so that idle ones may have the rest. Smaller batches take longer for each image.
func (b *batcher) gather() (parts []part) {
	s := b.queue[0].s
	room := b.most
	if b.entrance.requests.Load() < int64(b.threads) {
		room = min(room, (b.images+b.idle)/(b.idle+1))
	}
	var again []*job // requests with images left: to the end of the queue
	keep := b.queue[:0]
	for _, j := range b.queue {
		if room == 0 || j.s != s {
			keep = append(keep, j)
			continue
		}
		p := part{j, j.next, min(j.n, j.next+room)}
		room -= p.hi - p.lo
		b.images -= p.hi - p.lo
		j.next = p.hi
		j.drawing += p.hi - p.lo
		parts = append(parts, p)
		if j.next < j.n {
			again = append(again, j)
		}
	}
	clear(b.queue[len(keep):])
	b.queue = append(keep, again...)
	if len(b.queue) > 0 {
		b.more.Signal()
	}
	return parts
}

// finish counts what a batch has drawn, and answers the jobs that are whole.
func (b *batcher) finish(parts []part, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range parts {
		j := p.j
		j.drawing -= p.hi - p.lo
		b.entrance.drew(p.hi - p.lo)
		if err != nil && j.err == nil {
			b.cancel(j, err)
			j.err = err
		}
		j.settle()
	}
}

// batchBuffer is a thread's memory for a batch of several requests.
type batchBuffer struct {
	z       []float32
	classes []int32
	floats  []float32
	pixels  []uint8
}

// draw draws a batch: straight into the memory of its job if it is of one alone.
func (m *batchBuffer) draw(parts []part) error {
	s := parts[0].j.s
	session, err := s.session()
	if err != nil {
		return err
	}
	defer s.put(session)
	if len(parts) == 1 {
		p := parts[0]
		return session.RunFeed(context.Background(), p.feed())
	}
	size := s.out.Len()
	m.z, m.classes = m.z[:0], m.classes[:0]
	floats, pixels := false, false
	for _, p := range parts {
		m.z = append(m.z, p.j.z[p.lo*s.dim:p.hi*s.dim]...)
		if s.class >= 0 {
			m.classes = append(m.classes, p.j.classes[p.lo:p.hi]...)
		}
		floats, pixels = floats || p.j.floats != nil, pixels || p.j.pixels != nil
	}
	n := len(m.z) / s.dim
	m.floats, m.pixels = sized(m.floats, n*size, floats), sized(m.pixels, n*size, pixels)
	if err := session.RunFeed(context.Background(), s.feed(m.z, m.classes, m.floats, m.pixels)); err != nil {
		return err
	}
	at := 0
	for _, p := range parts {
		lo, hi := p.lo*size, p.hi*size
		if p.j.floats != nil {
			copy(p.j.floats[lo:hi], m.floats[at:])
		}
		if p.j.pixels != nil {
			copy(p.j.pixels[lo:hi], m.pixels[at:])
		}
		at += hi - lo
	}
	return nil
}

// feed is that of one part.
func (p part) feed() model.Feed {
	j, size := p.j, p.j.s.out.Len()
	var classes []int32
	var floats []float32
	var pixels []uint8
	if j.s.class >= 0 {
		classes = j.classes[p.lo:p.hi]
	}
	if j.floats != nil {
		floats = j.floats[p.lo*size : p.hi*size]
	}
	if j.pixels != nil {
		pixels = j.pixels[p.lo*size : p.hi*size]
	}
	return j.s.feed(j.z[p.lo*j.s.dim:p.hi*j.s.dim], classes, floats, pixels)
}

// sized returns n values of memory, b's if that is enough, or none at all.
func sized[T any](b []T, n int, wanted bool) []T {
	switch {
	case !wanted:
		return b[:0]
	case cap(b) < n:
		return make([]T, n)
	}
	return b[:n]
}
