//go:build !purego

package simd

import "unsafe"

// The tiles of the rows avx2 and avx512. Long contractions are cut into pieces, for a goroutine cannot be preempted inside assembly.

func gemmAVX2(g *GEMM) {
	if !g.check(6, 16) {
		return
	}
	var t gemmBlock
	t.set(g, 16)
	if len(g.Taps)*g.K <= maxSteps {
		sgemm_avx2_6x16(&t, unsafe.SliceData(g.Taps), len(g.Taps), g.K)
		return
	}
	t.slope = 1 // until the last piece
	rest := contraction{taps: g.Taps, k: g.K, stepA: 1, stepB: 16}
	for !rest.done {
		taps, n, k := rest.piece()
		if rest.done {
			t.slope = g.Slope
		}
		sgemm_avx2_6x16(&t, taps, n, k)
		t.start = nil // go on from C
	}
}

func gemmAVX512(g *GEMM) {
	if !g.check(14, 32) {
		return
	}
	var t gemmBlock
	t.set(g, 32)
	if len(g.Taps)*g.K <= maxSteps {
		sgemm_avx512_14x32(&t, unsafe.SliceData(g.Taps), len(g.Taps), g.K)
		return
	}
	t.slope = 1 // until the last piece
	rest := contraction{taps: g.Taps, k: g.K, stepA: 1, stepB: 32}
	for !rest.done {
		taps, n, k := rest.piece()
		if rest.done {
			t.slope = g.Slope
		}
		sgemm_avx512_14x32(&t, taps, n, k)
		t.start = nil // go on from C
	}
}

func outerAVX2(o *Outer) {
	if !o.check(6, 16) {
		return
	}
	var t outerBlock
	t.set(o, 16)
	if len(o.Taps)*o.K <= maxSteps {
		souter_avx2_6x16(&t, unsafe.SliceData(o.Taps), len(o.Taps), o.K)
		return
	}
	rest := contraction{taps: o.Taps, k: o.K, stepA: o.LDA, stepB: o.LDB}
	for !rest.done {
		taps, n, k := rest.piece()
		souter_avx2_6x16(&t, taps, n, k)
		t.accumulate = 1
	}
}

func outerAVX512(o *Outer) {
	if !o.check(14, 32) {
		return
	}
	var t outerBlock
	t.set(o, 32)
	if len(o.Taps)*o.K <= maxSteps {
		souter_avx512_14x32(&t, unsafe.SliceData(o.Taps), len(o.Taps), o.K)
		return
	}
	rest := contraction{taps: o.Taps, k: o.K, stepA: o.LDA, stepB: o.LDB}
	for !rest.done {
		taps, n, k := rest.piece()
		souter_avx512_14x32(&t, taps, n, k)
		t.accumulate = 1
	}
}

// set fills in what all calls for one tile have in common. In place: copies of the block cost more than it does.
func (t *gemmBlock) set(g *GEMM, nr int) {
	t.c, t.a, t.b = first(g.C), first(g.A), first(g.B)
	switch g.Start {
	case StartZero:
		t.start = unsafe.Pointer(&zeroRow)
	case StartBias:
		t.start = first(g.Bias)
	}
	t.columns.set(g.Cols, nr)
	t.rows, t.slope = uintptr(g.Rows), g.Slope
	switch {
	case len(g.Ahead) > 0:
		t.ahead, t.aheadStep = aheadOf(g.Ahead, len(g.Taps)*g.K)
	case g.Shift != 0 && g.LDA == g.K && g.ARun == (g.Rows+1)/2*g.LDA:
		t.ahead, t.aheadTap, t.aheadStep = bytes(g.Shift), ^uintptr(0), bytes(4*g.Rows)
	default:
		t.ahead = uintptr(t.a)
	}
	t.lda, t.arun, t.ldc, t.crun = bytes(g.LDA), bytes(g.ARun), bytes(g.LDC), bytes(g.CRun)
}

// aheadOf spreads what is to be fetched over the steps of a call. An address in place of a pointer: it runs beyond its end.
func aheadOf(x []float32, steps int) (ahead, perFour uintptr) {
	fours := max(uint32(steps/4), 1)
	return uintptr(first(x)), uintptr((uint32(min(len(x), 1<<28))*4 + fours - 1) / fours)
}

// set fills in what all calls for one tile have in common.
func (t *outerBlock) set(o *Outer, nr int) {
	t.c, t.a, t.b = first(o.C), first(o.A), first(o.B)
	t.columns.set(o.Cols, nr)
	t.rows = uintptr(o.Rows)
	t.lda, t.ldb, t.ldc = bytes(o.LDA), bytes(o.LDB), bytes(o.LDC)
	t.next, t.ahead = first(o.Next), uintptr(t.a)
	if len(o.Ahead) > 0 {
		t.ahead, t.aheadStep = aheadOf(o.Ahead, len(o.Taps)*o.K)
	}
	if o.Accumulate {
		t.accumulate = 1
	}
}

// maxSteps is the most k that one call contracts over all its taps: some 50 microseconds.
const maxSteps = 8192

// set says which columns of a tile are there, in both ways that kernels read it.
func (c *columns) set(cols, nr int) {
	c.mask = unsafe.Pointer(&laneMasks[max(len(laneMasks)/2-cols, 0)])
	c.bits = 1<<cols - 1
	if cols == nr {
		c.full = 1
	}
}

var (
	zeroRow   [32]float32
	laneMasks = [32]int32{-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1} // then as many zeros
)
