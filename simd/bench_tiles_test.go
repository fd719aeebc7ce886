package simd

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"github.com/gantiny/gantiny/internal/cputime"
)

// One full tile, as conv calls it: with one tap, where all operands stay in the first-level cache,
// and over the 25 taps of a 5x5 kernel. GOP/s counts a multiply-add as two operations, by the
// thread's own time; %peak is the share of what Kernels.Peak reaches right before and after. Both
// are medians.

var benchDepths = []struct{ k, taps int }{{100, 1}, {128, 1}, {256, 1}, {128, 25}}

func BenchmarkGEMM(b *testing.B) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for _, k := range Variants() {
		for _, d := range benchDepths {
			lda := d.k*d.taps + 16 // off the power of two
			h := (k.MR + 1) / 2
			g := &GEMM{
				C: make([]float32, k.MR*k.NR), A: make([]float32, k.MR*lda), B: make([]float32, lda*k.NR), Bias: make([]float32, k.NR),
				Rows: k.MR, Cols: k.NR, K: d.k, LDA: lda, ARun: h * lda, LDC: k.NR, CRun: h * k.NR, Start: StartBias, Slope: 0.3,
			}
			for t := range d.taps {
				g.Taps = append(g.Taps, Tap{A: t * d.k, B: t * d.k * k.NR})
			}
			randomize(rnd, g.A, g.B, g.Bias)
			b.Run(tileName(k, d.k, d.taps), func(b *testing.B) {
				benchTile(b, k.Peak, 2*k.MR*k.NR*d.k*d.taps, func() { k.GEMM(g) })
			})
		}
	}
}

func BenchmarkOuter(b *testing.B) {
	rnd := rand.New(rand.NewPCG(1, 3))
	for _, k := range Variants() {
		for _, d := range benchDepths {
			steps := d.k * d.taps
			o := &Outer{
				C: make([]float32, k.MR*k.NR), A: make([]float32, k.MR*steps), B: make([]float32, k.NR*steps),
				Rows: k.MR, Cols: k.NR, K: d.k, LDA: k.MR, LDB: k.NR, LDC: k.NR,
			}
			for t := range d.taps {
				o.Taps = append(o.Taps, Tap{A: t * d.k * k.MR, B: t * d.k * k.NR})
			}
			randomize(rnd, o.A, o.B)
			b.Run(tileName(k, d.k, d.taps), func(b *testing.B) {
				benchTile(b, k.Peak, 2*k.MR*k.NR*steps, func() { k.Outer(o) })
			})
		}
	}
}

// benchTile runs a tile of so many operations, for a hundred microseconds at a time between two
// measurements of what loop can do at most.
func benchTile(b *testing.B, loop func(n int) int64, ops int, tile func()) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	peak := func() float64 { return cputime.Rate(func() int64 { return loop(1000) }) }
	calls := int(max(1, peak()*100e-6/float64(ops)))
	var rates, shares []float64
	before := peak()
	for b.Loop() {
		start := cputime.Thread()
		for range calls {
			tile()
		}
		rate := float64(ops*calls) / (cputime.Thread() - start).Seconds()
		after := peak()
		rates, shares = append(rates, rate/1e9), append(shares, 200*rate/(before+after))
		before = after
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(middle(rates), "GOP/s")
	b.ReportMetric(middle(shares), "%peak")
}

// middle is the median.
func middle(x []float64) float64 {
	slices.Sort(x)
	return (x[(len(x)-1)/2] + x[len(x)/2]) / 2
}

func BenchmarkPeak(b *testing.B) {
	for _, k := range Variants() {
		b.Run("kernel="+k.Name, func(b *testing.B) {
			var flops int64
			for b.Loop() {
				flops = k.Peak(1000)
			}
			reportRate(b, int(flops))
		})
	}
}

func tileName(k *Kernels, depth, taps int) string {
	name := fmt.Sprintf("kernel=%s/K%d", k.Name, depth)
	if taps > 1 {
		name += fmt.Sprintf("x%d", taps)
	}
	return name
}

// reportRate reports GFLOP/s, where one call makes flops operations.
func reportRate(b *testing.B, flops int) {
	b.ReportMetric(float64(flops)*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "GFLOP/s")
}
