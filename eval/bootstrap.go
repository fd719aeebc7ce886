package eval

import (
	"math"

	"github.com/gantiny/gantiny/internal/rng"
)

// blocks cut n rows into runs of nearly equal length, which the bootstrap draws.
type blocks struct{ n, count int }

// mostBlocks is how many blocks a set has at most, resamples how often the bootstrap draws them.
const (
	mostBlocks = 50
	resamples  = 200
)

func blocksOf(n int) blocks { return blocks{n, min(mostBlocks, n/2)} }

// of returns the rows [lo, hi) of block i.
func (b blocks) of(i int) (lo, hi int) { return i * b.n / b.count, (i + 1) * b.n / b.count }

// places returns the block of each row.
func (b blocks) places() []int32 {
	list := make([]int32, b.n)
	for i := range b.count {
		lo, hi := b.of(i)
		for j := lo; j < hi; j++ {
			list[j] = int32(i)
		}
	}
	return list
}

// ones is every block once.
func (b blocks) ones() []float64 {
	list := make([]float64, b.count)
	for i := range list {
		list[i] = 1
	}
	return list
}

// draw sets times to how often each block is drawn, of as many draws with replacement as there are.
func draw(times []float64, words *rng.Stream) {
	clear(times)
	for range times {
		times[words.Below(uint32(len(times)))]++
	}
}

// deviation is the standard deviation of the values.
func deviation(x []float64) float64 {
	var mean, sum float64
	for _, v := range x {
		mean += v
	}
	mean /= float64(len(x))
	for _, v := range x {
		sum += (v - mean) * (v - mean)
	}
	return math.Sqrt(sum / float64(len(x)-1))
}

// tally is a sum over the rows of each block.
type tally []float64

func (b blocks) tally(value func(row int) float64) tally {
	t := make(tally, b.count)
	for i := range t {
		lo, hi := b.of(i)
		for j := lo; j < hi; j++ {
			t[i] += value(j)
		}
	}
	return t
}

// weighted is Σ t[i]*times[i].
func (t tally) weighted(times []float64) float64 { return dot(t, times) }

func oneIf(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
