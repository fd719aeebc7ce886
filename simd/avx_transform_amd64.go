//go:build !purego

package simd

import "unsafe"

// transformKernel does what Transforms says, streamKernel what it says with Stream and without Add.
type (
	transformKernel = func(dst *float32, ds, dstep int, src *float32, ss, sstep, n, count int, m *float32, rows, cols, add int)
	streamKernel    = func(dst *float32, ds, dstep int, src *float32, ss, sstep, n, count int, m *float32, rows, cols int)
)

// transformPiece is the most columns of a Transform that one call works on: at most 20
// microseconds.
const transformPiece = maxPiece / 2

func transformsWith(kernel transformKernel, stream streamKernel) func(*Transforms) {
	return func(x *Transforms) {
		if !x.check() {
			return
		}
		add := 0
		if x.Add {
			add = 1
		}
		streams := x.Stream && !x.Add && x.lines()
		count := max(1, transformPiece/x.N)
		for q := 0; q < x.Count; q += count {
			for i := 0; i < x.N; i += transformPiece {
				dst, src, n, c := &x.Dst[q*x.DStep+i], &x.Src[q*x.SStep+i], min(x.N-i, transformPiece), min(x.Count-q, count)
				if streams {
					stream(dst, x.DS, x.DStep, src, x.SS, x.SStep, n, c, &x.M[0], x.Rows, x.Cols)
				} else {
					kernel(dst, x.DS, x.DStep, src, x.SS, x.SStep, n, c, &x.M[0], x.Rows, x.Cols, add)
				}
			}
		}
	}
}

// lines reports whether all rows of Dst start on cache lines.
func (x *Transforms) lines() bool {
	const line = 64
	return (uintptr(unsafe.Pointer(&x.Dst[0]))|bytes(x.DS)|bytes(x.DStep))%line == 0
}

func transformOnceWith(kernel transformKernel) func(dst []float32, ds int, src []float32, ss, n int, m []float32, rows, cols int) {
	return func(dst []float32, ds int, src []float32, ss, n int, m []float32, rows, cols int) {
		if !checkTransform(dst, ds, src, ss, n, m, rows, cols) {
			return
		}
		for i := 0; i < n; i += transformPiece {
			kernel(&dst[i], ds, 0, &src[i], ss, 0, min(n-i, transformPiece), 1, &m[0], rows, cols, 0)
		}
	}
}
