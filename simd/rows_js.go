//go:build !purego

package simd

// archRows returns the rows of this architecture that this machine can run, best last.
func archRows() []*Kernels {
	rows := []*Kernels{goRow()}
	if m := newModule(); m != nil {
		rows = append(rows, simd128Row(m))
	}
	return rows
}

// simd128Row needs WebAssembly's vectors of 128 bits, of which it makes the products of matrices and
// Winograd's transforms. The rest is plain Go.
func simd128Row(m *kernelModule) *Kernels {
	k := goRow()
	k.Name, k.MR, k.NR, k.Int8 = "simd128", simd128MR, simd128NR, int8SIMD128(m)
	gemm, transforms, peak := m.kernel("gemm"), m.kernel("transforms"), m.kernel("peak")
	k.GEMM = func(g *GEMM) { gemmSIMD128(gemm, g) }
	k.Outer = func(o *Outer) { outerPlain(o, simd128MR) }
	plain := k.Transforms
	k.Transforms = func(x *Transforms) { transformsSIMD128(transforms, plain, x) }
	k.Transform = func(dst []float32, ds int, src []float32, ss, n int, m []float32, rows, cols int) {
		transformSIMD128(transforms, dst, ds, src, ss, n, m, rows, cols)
	}
	k.Peak = func(n int) int64 { return peakSIMD128(peak, n, 4) }
	return k
}
