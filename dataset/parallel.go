package dataset

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
)

// mostOpen is how many pictures are open and in memory at a time.
const mostOpen = 64

// each calls f(0) ... f(n-1) on all processors, mostOpen at a time, and returns the error of the
// lowest i that has one, or the context's if it ends first.
func each(ctx context.Context, n int, f func(i int) error) error {
	var next, failed atomic.Int64
	failed.Store(int64(n))
	var mu sync.Mutex
	var first error
	var wg sync.WaitGroup
	for range min(n, mostOpen, runtime.GOMAXPROCS(0)) {
		wg.Go(func() {
			// Whatever is below a failure has been handed out already.
			for i := next.Add(1) - 1; i < failed.Load() && ctx.Err() == nil; i = next.Add(1) - 1 {
				err := f(int(i))
				if err == nil {
					continue
				}
				mu.Lock()
				if i < failed.Load() {
					failed.Store(i)
					first = err
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return err
	}
	return first
}
