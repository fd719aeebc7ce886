//go:build !purego

package simd

import "unsafe"

// The tiles of the rows neon and a53. Kernels move whole rows of C only: a tile of fewer columns
// passes through a buffer.

// tileBuffer holds a tile of whole width, row by row.
type tileBuffer [neonMR * neonNR]float32

func gemmNEON(g *GEMM) { gemmArm(g, false) }
func gemmA53(g *GEMM)  { gemmArm(g, true) }

func gemmArm(g *GEMM, a53 bool) {
	panels := g.check(neonMR, neonNR)
	if panels == 0 {
		return
	}
	var t gemmBlock
	t.set(g)
	whole := g.Cols / neonNR
	atOnce := 1
	if whole > 1 {
		atOnce = max(1, maxSteps/max(1, len(g.Taps)*g.K))
	}
	for at := 0; at < whole; {
		n := min(whole-at, atOnce)
		t.panels = uintptr(n)
		t.call(g, a53)
		if at += n; at == panels {
			return
		}
		t.at(g, at)
	}
	t.partialPanel(g, a53)
}

// set fills in what all panels of g have in common, and the first one's operands.
func (t *gemmBlock) set(g *GEMM) {
	t.c, t.a, t.b = first(g.C), first(g.A), first(g.B)
	if g.Half != nil {
		t.b = first(g.Half)
	}
	t.rows, t.slope = uintptr(g.Rows), g.Slope
	t.lda, t.arun, t.ldc, t.crun = bytes(g.LDA), bytes(g.ARun), bytes(g.LDC), bytes(g.CRun)
	switch g.Start {
	case StartZero:
		t.start = unsafe.Pointer(&zeroRow)
	case StartBias:
		t.start, t.startStep = first(g.Bias), bytes(neonNR)
	}
	if g.Scale != nil {
		t.scale, t.shift = first(g.Scale), first(g.Bias)
	}
	t.ldb = uintptr(g.panelBytes())
}

// at moves to panel i.
func (t *gemmBlock) at(g *GEMM, i int) {
	t.c = unsafe.Add(first(g.C), 4*neonNR*i)
	if g.Half != nil {
		t.b = unsafe.Add(first(g.Half), i*g.panelBytes())
	} else {
		t.b = unsafe.Add(first(g.B), i*g.panelBytes())
	}
	if g.Start == StartBias {
		t.start = unsafe.Add(first(g.Bias), 4*neonNR*i)
	}
	if g.Scale != nil {
		t.scale, t.shift = unsafe.Add(first(g.Scale), 4*neonNR*i), unsafe.Add(first(g.Bias), 4*neonNR*i)
	}
}

// partialPanel computes the last panel of g, which has fewer columns than the tile.
func (t *gemmBlock) partialPanel(g *GEMM, a53 bool) {
	var buffer tileBuffer
	h := (g.Rows + 1) / 2
	if g.Start == StartC {
		for r := range g.Rows {
			copy(buffer[r*neonNR:], g.lastOf(r, h))
		}
	}
	u := *t // through t, buffer would escape
	u.c, u.ldc, u.crun, u.panels = unsafe.Pointer(&buffer), bytes(neonNR), bytes(h*neonNR), 1
	u.call(g, a53)
	for r := range g.Rows {
		copy(g.lastOf(r, h), buffer[r*neonNR:])
	}
}

// lastOf is the part of row r in the last panel; h rows lie in the first run.
func (g *GEMM) lastOf(r, h int) []float32 {
	at := r * g.LDC
	if r >= h {
		at = g.CRun + (r-h)*g.LDC
	}
	return g.C[at:][g.Cols/neonNR*neonNR : g.Cols]
}

// call runs the kernel for t.panels panels.
func (t *gemmBlock) call(g *GEMM, a53 bool) {
	if len(g.Taps)*g.K > maxSteps {
		t.long(g, a53)
		return
	}
	t.contract(g, a53, unsafe.SliceData(g.Taps), len(g.Taps), g.K)
}

// contract runs the kernel for n taps of k.
func (t *gemmBlock) contract(g *GEMM, a53 bool, taps *Tap, n, k int) {
	switch {
	case g.Half != nil:
		sgemm_neon_7x8_half(t, taps, n, k)
	case a53:
		sgemm_a53_7x8(t, taps, n, k)
	default:
		sgemm_neon_7x8(t, taps, n, k)
	}
}

// long is call for a contraction that has to be cut.
func (t *gemmBlock) long(g *GEMM, a53 bool) {
	u := *t
	u.scale, u.slope = nil, 1 // until the last piece
	rest := contraction{taps: g.Taps, k: g.K, stepA: 1, stepB: neonNR}
	for !rest.done {
		taps, n, k := rest.piece()
		if rest.done {
			u.scale, u.slope = t.scale, g.Slope
		}
		u.contract(g, a53, taps, n, k)
		u.start = nil // go on from C
	}
}

func outerNEON(o *Outer) { outerArm(o, false) }
func outerA53(o *Outer)  { outerArm(o, true) }

func outerArm(o *Outer, a53 bool) {
	if !o.check(neonMR, neonNR) {
		return
	}
	var t outerBlock
	var buffer tileBuffer
	t.a, t.b = first(o.A), first(o.B)
	t.rows = uintptr(o.Rows)
	t.lda, t.ldb = bytes(o.LDA), bytes(o.LDB)
	if o.Accumulate {
		t.accumulate = 1
	}
	if o.Cols == neonNR {
		t.c, t.ldc = first(o.C), bytes(o.LDC)
	} else {
		t.c, t.ldc = unsafe.Pointer(&buffer), bytes(neonNR)
		if o.Accumulate {
			for r := range o.Rows {
				copy(buffer[r*neonNR:], o.C[r*o.LDC:][:o.Cols])
			}
		}
	}
	rest := contraction{taps: o.Taps, k: o.K, stepA: o.LDA, stepB: o.LDB}
	for !rest.done {
		taps, n, k := rest.piece()
		if a53 {
			souter_a53_7x8(&t, taps, n, k)
		} else {
			souter_neon_7x8(&t, taps, n, k)
		}
		t.accumulate = 1
	}
	if o.Cols < neonNR {
		for r := range o.Rows {
			copy(o.C[r*o.LDC:][:o.Cols], buffer[r*neonNR:])
		}
	}
}

var zeroRow [neonNR]float32
