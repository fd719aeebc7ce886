package pool

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gantiny/gantiny/internal/alloctest"
)

func Example() {
	p := New(3)
	defer p.Close()
	x := make([]int, 10)
	p.Run(func(worker int) {
		lo, hi := Split(len(x), p.Workers(), worker)
		for i := lo; i < hi; i++ {
			x[i] = i * i
		}
	})
	fmt.Println(x)
	// Output: [0 1 4 9 16 25 36 49 64 81]
}

func TestRunReachesEveryWorkerOnce(t *testing.T) {
	for _, threads := range []int{1, 2, 3, 7} {
		p := New(threads)
		if p.Workers() != threads {
			t.Fatalf("Workers() = %d, want %d", p.Workers(), threads)
		}
		// Plain ints: the race detector checks that Run orders them.
		seen := make([]int, threads)
		f := func(w int) { seen[w]++ }
		for run := 1; run <= 200; run++ {
			if run%50 == 0 {
				time.Sleep(time.Millisecond) // lets the workers park
			}
			p.Run(f)
			for w, n := range seen {
				if n != run {
					t.Fatalf("%d threads: worker %d ran %d times after %d runs", threads, w, n, run)
				}
			}
		}
		p.Close()
		p.Close()
	}
}

func TestSingleProcessor(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	p := New(4)
	defer p.Close()
	if n := p.spin.Load(); n != 0 {
		t.Errorf("spins %d loads on one processor, want 0", n)
	}
	var sum atomic.Int64
	for range 100 {
		p.Run(func(w int) { sum.Add(int64(w)) })
	}
	if sum.Load() != 600 {
		t.Errorf("sum %d, want 600", sum.Load())
	}
}

func TestProcessorsTakenAway(t *testing.T) {
	p := New(2)
	defer p.Close()
	p.Run(func(int) {})
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	for n := 0; n < 1000 && p.spin.Load() != 0; n++ { // a spin takes its time, with the race detector above all
		time.Sleep(time.Millisecond)
		p.Run(func(int) {})
	}
	if n := p.spin.Load(); n != 0 {
		t.Errorf("still spins %d loads after GOMAXPROCS fell to 1", n)
	}
}

func TestPanicReachesCaller(t *testing.T) {
	p := New(3)
	defer p.Close()
	want := errors.New("broken")
	for bad := range 3 {
		var others atomic.Int32
		got := func() (v any) {
			defer func() { v = recover() }()
			p.Run(func(w int) {
				if w == bad {
					panic(want)
				}
				time.Sleep(time.Millisecond)
				others.Add(1)
			})
			return nil
		}()
		if others.Load() != 2 {
			t.Errorf("panic on worker %d: Run ended with %d others done, want 2", bad, others.Load())
		}
		err, ok := got.(error)
		if !ok || !errors.Is(err, want) {
			t.Fatalf("panic on worker %d: recovered %v, want an error wrapping %v", bad, got, want)
		}
		if pan := (*Panic)(nil); bad > 0 && (!errors.As(err, &pan) || pan.Worker != bad || !strings.Contains(err.Error(), "pool_test.go")) {
			t.Errorf("panic on worker %d: %v does not name the worker and its stack", bad, err)
		}
		n := atomic.Int32{}
		p.Run(func(int) { n.Add(1) })
		if n.Load() != 3 {
			t.Errorf("after a panic Run reached %d workers, want 3", n.Load())
		}
	}
}

func TestLowestPanicWins(t *testing.T) {
	p := New(4)
	defer p.Close()
	defer func() {
		if pan, ok := recover().(*Panic); !ok || pan.Worker != 1 {
			t.Errorf("recovered %+v, want worker 1's panic", pan)
		}
	}()
	p.Run(func(w int) {
		if w > 0 {
			panic(w)
		}
	})
}

func TestGoexitDoesNotHang(t *testing.T) {
	p := New(2)
	defer p.Close()
	func() {
		defer func() {
			if _, ok := recover().(*Panic); !ok {
				t.Error("Goexit on a helper did not panic in the caller")
			}
		}()
		begun := make(chan bool) // or the caller would do the helper's share, and end
		p.Run(func(w int) {
			if w == 1 {
				close(begun)
				runtime.Goexit()
			}
			<-begun
		})
	}()
	works(t, p)
}

// TestLateHelper: the caller does the share of a helper that has not begun, and the helper leaves
// it alone.
func TestLateHelper(t *testing.T) {
	p := New(2)
	defer p.Close()
	for range 1000 {
		seen := [2]int{}
		p.Run(func(w int) { seen[w]++ })
		if seen != [2]int{1, 1} {
			t.Fatalf("shares were done %v times", seen)
		}
	}
	// On one processor the caller comes first mostly: helpers are woken, but do not run.
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	caller, stolen := goroutine(), 0
	for range 100 {
		by := [2]string{}
		p.Run(func(w int) { by[w] = goroutine() })
		if by[0] != caller || by[1] == "" {
			t.Fatalf("caller %s: shares done by %q", caller, by)
		}
		if by[1] == caller {
			stolen++
		}
	}
	if stolen == 0 {
		t.Error("the caller never did what the helper had not begun")
	}
}

// goroutine names the goroutine that calls it.
func goroutine() string {
	buf := make([]byte, 64)
	return strings.Fields(string(buf[:runtime.Stack(buf, false)]))[1]
}

// TestGoexitOfCaller: f ends the caller's goroutine while it does a helper's share.
func TestGoexitOfCaller(t *testing.T) {
	p := New(2)
	defer p.Close()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	for range 20 {
		ended := make(chan bool)
		go func() {
			defer close(ended)
			defer func() { recover() }()
			p.Run(func(w int) {
				if w == 1 {
					runtime.Goexit()
				}
			})
		}()
		<-ended
		works(t, p)
	}
}

func works(t *testing.T, p *Pool) {
	t.Helper()
	n := atomic.Int32{}
	p.Run(func(int) { n.Add(1) })
	if int(n.Load()) != p.Workers() {
		t.Errorf("then Run reached %d workers, want %d", n.Load(), p.Workers())
	}
}

func TestMisuse(t *testing.T) {
	mustPanic := func(name string, f func()) {
		t.Helper()
		defer func() {
			if recover() == nil {
				t.Errorf("%s: no panic", name)
			}
		}()
		f()
	}
	for _, threads := range []int{1, 2} {
		p := New(threads)
		mustPanic("nested Run", func() {
			p.Run(func(w int) {
				if w == 0 {
					p.Run(func(int) {})
				}
			})
		})
		p.Run(func(int) {})
		p.Close()
		mustPanic("Run after Close", func() { p.Run(func(int) {}) })
	}
}

func TestRunAllocatesNothing(t *testing.T) {
	for _, threads := range []int{1, 2, 3} {
		p := New(threads)
		var n atomic.Int64
		f := func(w int) { n.Add(1) }
		if a := alloctest.PerRun(func() {
			for range 100 {
				p.Run(f)
			}
		}); a != 0 {
			t.Errorf("%d threads: %d allocations in 100 Runs", threads, a)
		}
		p.Close()
	}
}

func TestWorkersEnd(t *testing.T) {
	before := runtime.NumGoroutine()
	p := New(5)
	p.Run(func(int) {})
	p.Close()
	New(5).Run(func(int) {})              // dropped: the collector closes it
	for runtime.NumGoroutine() > before { // until go test's own limit, which shows the goroutines
		runtime.GC()
		time.Sleep(time.Millisecond)
	}
}

func TestSplit(t *testing.T) {
	for n := range 20 {
		for parts := 1; parts < 8; parts++ {
			next := 0
			for part := range parts {
				lo, hi := Split(n, parts, part)
				if lo != next || hi < lo || hi-lo < n/parts || hi-lo > n/parts+1 {
					t.Fatalf("Split(%d, %d, %d) = %d, %d after %d", n, parts, part, lo, hi, next)
				}
				next = hi
			}
			if next != n {
				t.Fatalf("Split(%d, %d, ...) ends at %d", n, parts, next)
			}
		}
	}
	const big = int(^uint(0) >> 1)
	if _, hi := Split(big, 3, 2); hi != big {
		t.Errorf("Split overflows: last part ends at %d", hi)
	}
}

// BenchmarkRun is the cost of one barrier: an empty function on all workers.
func BenchmarkRun(b *testing.B) {
	for _, threads := range []int{1, 2} {
		b.Run(fmt.Sprintf("threads=%d", threads), func(b *testing.B) {
			p := New(threads)
			defer p.Close()
			f := func(int) {}
			for b.Loop() {
				p.Run(f)
			}
		})
	}
}
