//go:build !purego

package simd

import (
	"unsafe"

	"golang.org/x/sys/cpu"
)

// The float32 tiles of the row neon. Kernels move whole rows of C only: a tile of fewer columns
// passes through a buffer.

const (
	neonMR = 4
	neonNR = 8
	// maxSteps is the most k that one call contracts over all its taps: 80 microseconds on a
	// Cortex-A7 at 900 MHz, at five cycles a multiply-add of a vector.
	maxSteps = 1400
	// maxPiece is the most elements that one call of another kernel works on.
	maxPiece = 1 << 11
)

func gemmNEON(g *GEMM) {
	if g.Half != nil && !cpu.ARM.HasVFPv4 { // which widens half precision
		gemmGo(g)
		return
	}
	panels := g.check(neonMR, neonNR)
	if panels == 0 {
		return
	}
	t := gemmBlock{
		a: first(g.A), rows: uintptr(g.Rows), slope: g.Slope,
		lda: bytes(g.LDA), arun: bytes(g.ARun), ldc: bytes(g.LDC), crun: bytes(g.CRun),
	}
	whole := g.Cols / neonNR
	for p := range whole {
		t.at(g, p)
		t.c = unsafe.Add(first(g.C), 4*neonNR*p)
		t.call(g)
	}
	if whole < panels {
		t.at(g, whole)
		t.partialPanel(g)
	}
}

// at moves to what panel p reads besides C.
func (t *gemmBlock) at(g *GEMM, p int) {
	if g.Half != nil {
		t.b = unsafe.Add(first(g.Half), p*g.panelBytes())
	} else {
		t.b = unsafe.Add(first(g.B), p*g.panelBytes())
	}
	switch g.Start {
	case StartZero:
		t.start = unsafe.Pointer(&zeroRow)
	case StartBias:
		t.start = unsafe.Pointer(&g.Bias[neonNR*p])
	}
	if g.Scale != nil {
		t.scale, t.shift = unsafe.Pointer(&g.Scale[neonNR*p]), unsafe.Pointer(&g.Bias[neonNR*p])
	}
}

// partialPanel computes the last panel of g, which has fewer columns than the tile.
func (t *gemmBlock) partialPanel(g *GEMM) {
	var buffer [neonMR * neonNR]float32
	h := (g.Rows + 1) / 2
	row := func(r int) []float32 { // what the panel has of it
		at := r * g.LDC
		if r >= h {
			at = g.CRun + (r-h)*g.LDC
		}
		return g.C[at:][g.Cols/neonNR*neonNR : g.Cols]
	}
	if g.Start == StartC {
		for r := range g.Rows {
			copy(buffer[r*neonNR:], row(r))
		}
	}
	u := *t // through t, buffer would escape
	u.c, u.ldc, u.crun = unsafe.Pointer(&buffer), bytes(neonNR), bytes(h*neonNR)
	u.call(g)
	for r := range g.Rows {
		copy(row(r), buffer[r*neonNR:])
	}
}

// call runs the kernel for one panel.
func (t *gemmBlock) call(g *GEMM) {
	switch {
	case len(g.Taps)*g.K > maxSteps:
		t.long(g)
	case g.Half != nil:
		sgemm_neon_4x8_half(t, unsafe.SliceData(g.Taps), len(g.Taps), g.K)
	default:
		sgemm_neon_4x8(t, unsafe.SliceData(g.Taps), len(g.Taps), g.K)
	}
}

// long is call for a contraction that has to be cut.
func (t *gemmBlock) long(g *GEMM) {
	u := *t
	u.scale, u.slope = nil, 1 // until the last piece
	rest := contraction{taps: g.Taps, k: g.K, stepA: 1, stepB: neonNR}
	for !rest.done {
		taps, n, k := rest.piece()
		if rest.done {
			u.scale, u.slope = t.scale, g.Slope
		}
		if g.Half != nil {
			sgemm_neon_4x8_half(&u, taps, n, k)
		} else {
			sgemm_neon_4x8(&u, taps, n, k)
		}
		u.start = nil // go on from C
	}
}

var zeroRow [neonNR]float32
