package httpserve

import (
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// entrance lets requests in as long as what they need together is within bounds.
type entrance struct {
	mostImages int
	mostBytes  int64

	mu     sync.Mutex
	images int // that wait or are being drawn
	bytes  int64

	requests atomic.Int64 // that were let in and are not answered yet
	drawn    atomic.Int64 // images, ever
	busy     atomic.Int64 // nanoseconds in which they were drawn, summed over threads
}

func newEntrance(images int, bytes int64) *entrance {
	return &entrance{mostImages: images, mostBytes: bytes}
}

// enter admits a request of so many images and bytes; false means that it has to come again.
func (e *entrance) enter(images int, bytes int64) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.images+images > e.mostImages || e.bytes+bytes > e.mostBytes {
		return false
	}
	e.images += images
	e.bytes += bytes
	e.requests.Add(1)
	return true
}

// drew gives images back, whose request may still hold its bytes.
func (e *entrance) drew(images int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.images -= images
}

// leave gives the bytes of an answered request back.
func (e *entrance) leave(bytes int64) {
	e.requests.Add(-1)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.bytes -= bytes
}

// now returns what is in.
func (e *entrance) now() (images int, bytes int64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.images, e.bytes
}

// retryAfter is how many seconds it may take until half of the queue is free, at the speed so far
// and with so many threads.
func (e *entrance) retryAfter(threads int) int {
	drawn := e.drawn.Load()
	if drawn == 0 {
		return 1
	}
	images, _ := e.now()
	each := time.Duration(e.busy.Load() / drawn / int64(max(1, threads)))
	seconds := math.Ceil((time.Duration(images) * each / 2).Seconds())
	return int(min(max(1, seconds), 60))
}
