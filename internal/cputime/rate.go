package cputime

import "time"

// Rate returns the operations a second of work, which returns how many it did: the best of a few short spans on the calling
// thread, half a millisecond in all. An interruption spoils one of them at most. Reading the clock takes a third of a microsecond,
// so many calls of work stand between two readings.
func Rate(work func() int64) float64 {
	const spans, span = 5, 100 * time.Microsecond
	calls, best := 1, 0.0
	for n := 0; n < spans; {
		start, done := Thread(), int64(0)
		for range calls {
			done += work()
		}
		took := Thread() - start
		if took < span/2 && calls < 1<<20 {
			calls *= 2
			continue
		}
		best = max(best, float64(done)/max(took, 1).Seconds())
		n++
	}
	return best
}
