package cputime

import (
	"slices"
	"time"
)

// Rate returns the operations a second of work, which returns how many it did: the median of a few
// short spans on the calling thread, half a millisecond in all, so that an interruption or a jump
// of the clock spoils none. Reading the clock takes a third of a microsecond, so many calls of work
// stand between two readings.
func Rate(work func() int64) float64 {
	const spans, span = 5, 100 * time.Microsecond
	var rates [spans]float64
	for calls, n := 1, 0; n < spans; {
		start, done := Thread(), int64(0)
		for range calls {
			done += work()
		}
		took := Thread() - start
		if took < span/2 && calls < 1<<20 {
			calls *= 2
			continue
		}
		rates[n] = float64(done) / max(took, 1).Seconds()
		n++
	}
	slices.Sort(rates[:])
	return rates[spans/2]
}
