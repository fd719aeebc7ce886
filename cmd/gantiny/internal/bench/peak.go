package bench

import (
	"runtime"

	"github.com/gantiny/gantiny/internal/cputime"
	"github.com/gantiny/gantiny/internal/pool"
	"github.com/gantiny/gantiny/simd"
)

// peakMeter finds the operations a second, on floats or on bytes, that kernels reach on some
// threads at the same time.
type peakMeter struct {
	workers []peakWorker
	pool    *pool.Pool
	measure func(worker int)
}

// peakWorker is one thread's work, as functions that say how many operations they made.
type peakWorker struct {
	loops []func() int64
	rate  float64
}

func newPeakMeter(k *simd.Kernels, threads int, int8 bool) *peakMeter {
	p := &peakMeter{workers: make([]peakWorker, threads), pool: pool.New(threads)}
	for i := range p.workers {
		p.workers[i].loops = peakLoops(k, int8)
	}
	p.measure = func(worker int) {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		w := &p.workers[worker]
		w.rate = 0
		for _, loop := range w.loops {
			w.rate = max(w.rate, cputime.Rate(loop))
		}
	}
	return p
}

// peakLoops are a loop of products in registers, and of floats a tile of the matrix product whose
// operands stay in the first-level cache: on rows in plain Go it may be the faster one.
func peakLoops(k *simd.Kernels, int8 bool) []func() int64 {
	if int8 {
		return []func() int64{func() int64 { return k.Int8.Peak(1 << 10) }}
	}
	const depth, taps = 128, 16 // operands of 24 KB at most, contracted over again and again
	h := (k.MR + 1) / 2
	tile := &simd.GEMM{
		C: make([]float32, k.MR*k.NR), A: make([]float32, k.MR*depth), B: make([]float32, depth*k.NR),
		Taps: make([]simd.Tap, taps), Rows: k.MR, Cols: k.NR, K: depth,
		LDA: depth, ARun: h * depth, LDC: k.NR, CRun: h * k.NR, Slope: 1,
	}
	return []func() int64{
		func() int64 { return k.Peak(1 << 10) },
		func() int64 {
			k.GEMM(tile)
			return 2 * int64(tile.Rows*tile.Cols) * int64(tile.K*len(tile.Taps))
		},
	}
}

// sample measures for about a millisecond and returns the operations a second of all threads.
func (p *peakMeter) sample() float64 {
	p.pool.Run(p.measure)
	sum := 0.0
	for i := range p.workers {
		sum += p.workers[i].rate
	}
	return sum
}
