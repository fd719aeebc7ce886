//go:build !purego

package simd

import "unsafe"

// The tiles of the rows avx2 and avx512. Long contractions are cut into pieces, for a goroutine
// cannot be preempted inside assembly.

func gemmAVX2(g *GEMM) { gemmTiles(g, 6, 16, false) }

func gemmAVX512(g *GEMM) { gemmTiles(g, 14, 32, true) }

// gemmTiles runs a kernel on one panel of g after the other.
func gemmTiles(g *GEMM, mr, nr int, wide bool) {
	panels := g.check(mr, nr)
	if panels == 0 {
		return
	}
	var t gemmBlock
	t.set(g, nr)
	short := len(g.Taps)*g.K <= maxSteps
	for {
		if short {
			t.call(wide, g.Half != nil, unsafe.SliceData(g.Taps), len(g.Taps), g.K)
		} else {
			t.long(g, nr, wide)
		}
		if panels--; panels == 0 {
			return
		}
		t.next(g, nr, panels)
	}
}

// call runs the kernel for one panel. A function value instead of the branches would let t escape.
func (t *gemmBlock) call(wide, half bool, taps *Tap, n, k int) {
	switch {
	case wide && half:
		sgemm_avx512_14x32_half(t, taps, n, k)
	case wide:
		sgemm_avx512_14x32(t, taps, n, k)
	case half:
		sgemm_avx2_6x16_half(t, taps, n, k)
	default:
		sgemm_avx2_6x16(t, taps, n, k)
	}
}

// long is call for a contraction that has to be cut.
func (t *gemmBlock) long(g *GEMM, nr int, wide bool) {
	u := *t
	u.scale, u.slope = nil, 1 // until the last piece
	rest := contraction{taps: g.Taps, k: g.K, stepA: 1, stepB: nr}
	for !rest.done {
		taps, n, k := rest.piece()
		if rest.done {
			u.scale, u.slope = t.scale, g.Slope
		}
		u.call(wide, g.Half != nil, taps, n, k)
		u.start = nil // go on from C
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

// set fills in what all calls for one tile have in common. In place: copies of the block cost more
// than it does.
func (t *gemmBlock) set(g *GEMM, nr int) {
	t.c, t.a, t.b = first(g.C), first(g.A), first(g.B)
	if g.Half != nil {
		t.b = first(g.Half)
	}
	switch g.Start {
	case StartZero:
		t.start = unsafe.Pointer(&zeroRow)
	case StartBias:
		t.start = first(g.Bias)
	}
	if g.Scale != nil {
		t.scale, t.shift = first(g.Scale), first(g.Bias)
	}
	t.columns.set(min(g.Cols, nr), nr)
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

// next moves on to the next panel, of left ones.
func (t *gemmBlock) next(g *GEMM, nr, left int) {
	t.c = unsafe.Add(t.c, 4*nr)
	t.b = unsafe.Add(t.b, g.panelBytes())
	if g.Start == StartBias {
		t.start = unsafe.Add(t.start, 4*nr)
	}
	if g.Scale != nil {
		t.scale, t.shift = unsafe.Add(t.scale, 4*nr), unsafe.Add(t.shift, 4*nr)
	}
	if left == 1 {
		t.columns.set((g.Cols-1)%nr+1, nr)
	}
}

// aheadOf spreads what is to be fetched over the steps of a call. An address in place of a pointer:
// it runs beyond its end.
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
	c.bits, c.full = 1<<cols-1, 0
	if cols == nr {
		c.full = 1
	}
}

var (
	zeroRow   [32]float32
	laneMasks = [32]int32{-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1} // then as many zeros
)
