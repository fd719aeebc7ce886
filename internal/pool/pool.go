package pool

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
)

// spinLoads bounds a spin before parking: about 100 microseconds of atomic
// loads on a server core. Waking a parked goroutine takes half of that, and who
// is woken late keeps the others waiting: with 30 microseconds, one such delay
// could go round for good, everybody parked in turn. Short enough that a core
// which another process wants is soon given back.
const spinLoads = 70000

// Pool is a set of workers. One Run at a time: a Pool belongs to one
// goroutine. A Pool that is dropped without Close is closed by the collector.
type Pool struct {
	*team
}

// team is the part of a Pool that its workers refer to; keeping it apart lets
// the collector see that a Pool itself is no longer referenced.
type team struct {
	f       func(worker int)
	seq     atomic.Uint32 // number of the current Run
	pending atomic.Int32  // helpers that have not finished it
	closed  atomic.Bool
	running atomic.Bool
	spin    atomic.Int32 // loads before parking; 0 on a single processor

	caller  sleeper
	helpers []sleeper // helper i is worker i+1

	mu     sync.Mutex
	failed *Panic // of the lowest worker that panicked
}

// sleeper is what one goroutine parks on. The pad keeps neighbors' states on
// lines of their own.
type sleeper struct {
	parked atomic.Bool
	token  chan struct{}
	_      [48]byte
	taken  atomic.Uint32 // the last Run whose share somebody took, of a helper
	_      [60]byte
}

// Panic is what Run panics with when f panicked on a helper. A panic on
// worker 0, the caller itself, is passed on as it is.
type Panic struct {
	Worker int
	Value  any
	Stack  []byte
}

func (p *Panic) Error() string {
	return fmt.Sprintf("pool: worker %d: %v\n%s", p.Worker, p.Value, p.Stack)
}

// Unwrap returns the panic's value when it is an error.
func (p *Panic) Unwrap() error {
	err, _ := p.Value.(error)
	return err
}

// New starts a Pool of the given number of workers, of which the caller of
// Run is one; 0 or less means one per processor that Go may use.
func New(threads int) *Pool {
	if threads <= 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	t := &team{helpers: make([]sleeper, threads-1)}
	t.caller.token = make(chan struct{}, 1)
	t.tune()
	for i := range t.helpers {
		t.helpers[i].token = make(chan struct{}, 1)
		go t.work(i, 0)
	}
	p := &Pool{t}
	runtime.AddCleanup(p, (*team).close, t)
	return p
}

// Workers returns the number of workers, the caller included.
func (p *Pool) Workers() int { return len(p.helpers) + 1 }

// Run calls f(0) ... f(Workers()-1) and returns when all have returned: f(0) on
// the calling goroutine, the others at the same time on helpers. When f(0) has
// returned, the caller does itself what a helper has not begun, since that one
// is still waking up or another process has its core. So f must not wait for
// other workers. Run allocates nothing. If a worker panics, Run panics once all
// are done; the Pool remains usable.
func (p *Pool) Run(f func(worker int)) {
	t := p.team
	if !t.running.CompareAndSwap(false, true) {
		panic("pool: Run inside Run")
	}
	if t.closed.Load() {
		t.running.Store(false)
		panic("pool: Run after Close")
	}
	if len(t.helpers) == 0 {
		defer t.running.Store(false)
		f(0)
		return
	}
	t.f = f
	t.pending.Store(int32(len(t.helpers)))
	t.seq.Add(1)
	for i := range t.helpers {
		t.helpers[i].wake()
	}
	// The helpers use the caller's buffers: even a panic of f(0) waits for them.
	defer t.finish()
	f(0)
	runtime.KeepAlive(p)
}

// finish does what no helper has begun.
func (t *team) finish() {
	defer t.settle() // also if f ends this goroutine
	seq := t.seq.Load()
	for i := range t.helpers {
		if t.pending.Load() == 0 {
			break
		}
		if t.helpers[i].take(seq) {
			t.call(i, 0)
		}
	}
}

// settle waits for the helpers and passes their panic on.
func (t *team) settle() {
	t.caller.wait(t, (*team).allDone, 0)
	t.f = nil
	failed := t.failed
	t.failed = nil
	t.running.Store(false)
	if failed != nil {
		panic(failed)
	}
}

// Close ends the workers. It may be called twice, but not during a Run.
func (p *Pool) Close() { p.close() }

func (t *team) close() {
	if t.closed.Swap(true) {
		return
	}
	t.seq.Add(1)
	for i := range t.helpers {
		t.helpers[i].wake()
	}
}

// take claims a helper's share of a Run; one goroutine gets it.
func (s *sleeper) take(seq uint32) bool { return s.taken.CompareAndSwap(seq-1, seq) }

// work is the life of helper i from the Run after number done on.
func (t *team) work(i int, done uint32) {
	for {
		t.helpers[i].wait(t, (*team).started, done)
		if t.closed.Load() {
			return
		}
		done = t.seq.Load()
		if t.helpers[i].take(done) {
			t.call(i, done)
		}
	}
}

// call does helper i's share and reports that it is done, whichever way f ends.
// seq is the Run's number on the helper itself, 0 on the caller.
func (t *team) call(i int, seq uint32) {
	returned := false
	defer func() {
		if !returned {
			v := recover()
			if v == nil { // f called runtime.Goexit: this goroutine ends
				v = "f ended its goroutine"
				if seq != 0 { // a new helper takes its place
					defer func() { go t.work(i, seq) }()
				}
			}
			t.fail(&Panic{Worker: i + 1, Value: v, Stack: debug.Stack()})
		}
		if t.pending.Add(-1) == 0 {
			t.caller.wake()
		}
	}()
	t.f(i + 1)
	returned = true
}

func (t *team) fail(p *Panic) {
	t.mu.Lock()
	if t.failed == nil || p.Worker < t.failed.Worker {
		t.failed = p
	}
	t.mu.Unlock()
}

// tune sets how long waits spin. Where helpers cannot all run at once a spin
// only delays the goroutine that is waited for.
func (t *team) tune() {
	n := int32(spinLoads)
	if runtime.GOMAXPROCS(0) <= len(t.helpers) {
		n = 0
	}
	t.spin.Store(n)
}

// wait returns once ready holds: it spins for the bounded while, then parks.
// Whoever makes ready true calls wake afterwards. arg is passed to ready.
func (s *sleeper) wait(t *team, ready func(t *team, arg uint32) bool, arg uint32) {
	for n := t.spin.Load(); n > 0; n-- {
		if ready(t, arg) {
			return
		}
	}
	for !ready(t, arg) {
		s.parked.Store(true)
		// Either this sees ready or wake sees parked: the atomics are sequentially consistent.
		if ready(t, arg) && s.parked.CompareAndSwap(true, false) {
			return
		}
		<-s.token
		t.tune() // GOMAXPROCS may have changed; parking is rare enough to look
	}
}

func (t *team) allDone(uint32) bool      { return t.pending.Load() == 0 }
func (t *team) started(done uint32) bool { return t.seq.Load() != done }

// wake ends a park of s, if it is parked.
func (s *sleeper) wake() {
	if s.parked.Load() && s.parked.CompareAndSwap(true, false) {
		s.token <- struct{}{}
	}
}

// Split cuts n items into parts nearly equal runs and returns run number
// part: [lo, hi). The first n%parts runs are one longer.
func Split(n, parts, part int) (lo, hi int) {
	q, r := n/parts, n%parts
	lo = part*q + min(part, r)
	hi = lo + q
	if part < r {
		hi++
	}
	return lo, hi
}
