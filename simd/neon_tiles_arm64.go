//go:build !purego

package simd

import "unsafe"

// The tiles of the row neon. Kernels move whole rows of C only: a tile of fewer columns passes through a buffer.

// tileBuffer holds a tile of whole width, row by row.
type tileBuffer [neonMR * neonNR]float32

func gemmNEON(g *GEMM) {
	if !g.check(neonMR, neonNR) {
		return
	}
	if g.Cols < neonNR {
		gemmPartNEON(g)
		return
	}
	t := gemmBlock{c: first(g.C), ldc: bytes(g.LDC), crun: bytes(g.CRun)}
	t.sum(g)
}

// gemmPartNEON is gemmNEON for fewer columns than the tile has.
func gemmPartNEON(g *GEMM) {
	var buffer tileBuffer
	h := (g.Rows + 1) / 2
	if g.Start == StartC {
		for r := range g.Rows {
			copy(buffer[r*neonNR:], g.rowC(r, h))
		}
	}
	t := gemmBlock{c: unsafe.Pointer(&buffer), ldc: bytes(neonNR), crun: bytes(h * neonNR)}
	t.sum(g)
	for r := range g.Rows {
		copy(g.rowC(r, h), buffer[r*neonNR:])
	}
}

// sum fills in what is left of t and runs the kernel.
func (t *gemmBlock) sum(g *GEMM) {
	t.a, t.b = first(g.A), first(g.B)
	t.rows, t.slope = uintptr(g.Rows), g.Slope
	t.lda, t.arun = bytes(g.LDA), bytes(g.ARun)
	switch g.Start {
	case StartZero:
		t.start = unsafe.Pointer(&zeroRow)
	case StartBias:
		t.start = first(g.Bias)
	}
	if len(g.Taps)*g.K <= maxSteps {
		sgemm_neon_7x8(t, unsafe.SliceData(g.Taps), len(g.Taps), g.K)
		return
	}
	t.slope = 1 // until the last piece
	rest := contraction{taps: g.Taps, k: g.K, stepA: 1, stepB: neonNR}
	for !rest.done {
		taps, n, k := rest.piece()
		if rest.done {
			t.slope = g.Slope
		}
		sgemm_neon_7x8(t, taps, n, k)
		t.start = nil // go on from C
	}
}

// rowC is the part of row r that belongs to the tile; h rows lie in the first run.
func (g *GEMM) rowC(r, h int) []float32 {
	at := r * g.LDC
	if r >= h {
		at = g.CRun + (r-h)*g.LDC
	}
	return g.C[at:][:g.Cols]
}

func outerNEON(o *Outer) {
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
		souter_neon_7x8(&t, taps, n, k)
		t.accumulate = 1
	}
	if o.Cols < neonNR {
		for r := range o.Rows {
			copy(o.C[r*o.LDC:][:o.Cols], buffer[r*neonNR:])
		}
	}
}

var zeroRow [neonNR]float32
