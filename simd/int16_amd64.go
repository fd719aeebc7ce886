//go:build !purego

package simd

import (
	"math"
	"unsafe"
)

// int16AVX2 needs AVX2.
func int16AVX2() *Int16 {
	return &Int16{GEMM: gemm16AVX2, Evaluate: evaluateAVX2, Interpolate: interpolateAVX2, Requantize: requantizeAVX2}
}

// maxProducts is the most products that one call of a GEMM16 kernel makes: some 50 microseconds.
const maxProducts = 1 << 21

func gemm16AVX2(g *GEMM16) {
	if !g.check() {
		return
	}
	panel := max(1, g.Rows*g.K*Lanes16) // products of a panel
	panels, rows := max(1, maxProducts/panel), g.Rows
	if panel > maxProducts {
		rows = max(1, maxProducts/max(1, g.K*Lanes16))
	}
	for p := 0; p < g.Panels; p += panels {
		for r := 0; r < g.Rows; r += rows {
			b := gemm16Block{
				c: unsafe.Pointer(&g.C[r*g.LDC+p*Lanes16]), a: first(g.A[r*g.LDA:]), b: first(g.B[p*g.K*Lanes16:]),
				rows: uintptr(min(rows, g.Rows-r)), panels: uintptr(min(panels, g.Panels-p)), panel: uintptr(2 * g.K * Lanes16),
				lda: uintptr(2 * g.LDA), ldc: uintptr(4 * g.LDC),
			}
			gemm16_avx2_6x16(&b)
		}
	}
}

func evaluateAVX2(e *Evaluation) {
	if !e.check() {
		return
	}
	count := max(1, maxPiece/(e.N*e.Rows))
	for q := 0; q < e.Count; q += count {
		b := evaluateBlock{
			dst: unsafe.Pointer(&e.Dst[q*e.DStep]), m: unsafe.Pointer(&e.M[0]), rows: uintptr(e.Rows), cols: uintptr(e.Cols),
			vectors: uintptr(e.N / Lanes16), ds: uintptr(2 * e.DS), dstep: uintptr(2 * e.DStep), count: uintptr(min(count, e.Count-q)),
		}
		if e.Bytes != nil {
			b.src, b.ss, b.sstep = unsafe.Pointer(&e.Bytes[q*e.SStep]), uintptr(e.SS), uintptr(e.SStep)
			evaluate8_avx2(&b)
		} else {
			b.src, b.ss, b.sstep = unsafe.Pointer(&e.Src[q*e.SStep]), uintptr(2*e.SS), uintptr(2*e.SStep)
			evaluate16_avx2(&b)
		}
	}
}

func interpolateAVX2(p *Interpolation) {
	if !p.check() {
		return
	}
	for i := 0; i < p.N; i += maxPiece {
		b := interpolateBlock{
			dst: unsafe.Pointer(unsafe.SliceData(p.Dst[i:])), src: unsafe.Pointer(&p.Src[i]), even: first(p.Even), odd: first(p.Odd),
			evens: uintptr(len(p.Even)), odds: uintptr(len(p.Odd)), points: uintptr(p.Points), ss: uintptr(4 * p.SS), last: uintptr(4 * p.Last),
			vectors: uintptr(min(maxPiece, p.N-i) / 8),
		}
		interpolate_avx2(&b)
	}
}

func requantizeAVX2(q *Requantization) {
	if !q.check() {
		return
	}
	rows := max(1, maxPiece/q.Cols)
	for r := 0; r < q.Rows; r += rows {
		b := requantizeBlock{
			q: unsafe.Pointer(&q.Q[r*q.LDQ]), s: unsafe.Pointer(&q.S[r*q.LDS]), start: unsafe.Pointer(&q.Start[0]), scale: unsafe.Pointer(&q.Scale[0]),
			rows: uintptr(min(rows, q.Rows-r)), vectors: uintptr(q.Cols / Lanes16), ldq: uintptr(q.LDQ), lds: uintptr(4 * q.LDS),
			shift: uintptr(q.Shift), slope: uint64(math.Float32bits(q.Slope)), hi: uint64(math.Float32bits(float32(127 - q.Zero))),
			zero: uint64(uint16(q.Zero)),
		}
		requantize_avx2(&b)
	}
}
