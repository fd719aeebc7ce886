//go:build !purego

package simd

import "unsafe"

// The float32 tiles of the row simd128.

const (
	simd128MR = 14
	simd128NR = 8
)

func gemmSIMD128(k kernel, g *GEMM) {
	if g.Half != nil {
		gemmPlain(g, simd128MR, true)
		return
	}
	if g.check(simd128MR, simd128NR) == 0 {
		return
	}
	taps := len(g.Taps)
	if g.K == 0 {
		taps = 0
	}
	k.call(
		[8]unsafe.Pointer{first(g.C), first(g.A), first(g.B), first(g.Bias), first(g.Scale), first(g.Taps)},
		[16]int32{
			int32(taps), int32(g.K), int32(g.Rows), int32(g.Cols), int32(g.LDA), int32(g.ARun), int32(g.LDB), int32(g.LDC), int32(g.CRun),
			int32(g.Start),
		},
		[4]float32{g.Slope},
	)
}

// fewTransformed is the most products for which a call of the kernel takes longer than plain Go.
const fewTransformed = 512

// transformSIMD128 is Transform by the kernel of Transforms.
func transformSIMD128(k kernel, dst []float32, ds int, src []float32, ss, n int, m []float32, rows, cols int) {
	vectors := n &^ 3
	if rows*cols*vectors < fewTransformed {
		transformScalar(dst, ds, src, ss, n, m, rows, cols)
		return
	}
	if !checkTransform(dst, ds, src, ss, n, m, rows, cols) {
		return
	}
	k.call(
		[8]unsafe.Pointer{first(dst), first(src), first(m)},
		[16]int32{int32(rows), int32(cols), int32(vectors), int32(ds), int32(ss), 1},
		[4]float32{},
	)
	if vectors < n {
		transformScalar(dst[vectors:], ds, src[vectors:], ss, n-vectors, m, rows, cols)
	}
}

func transformsSIMD128(k kernel, plain func(*Transforms), x *Transforms) {
	vectors := x.N &^ 3
	if x.Count*x.Rows*x.Cols*vectors < fewTransformed {
		plain(x)
		return
	}
	if !x.check() {
		return
	}
	add := int32(0)
	if x.Add {
		add = 1
	}
	k.call(
		[8]unsafe.Pointer{first(x.Dst), first(x.Src), first(x.M)},
		[16]int32{
			int32(x.Rows), int32(x.Cols), int32(vectors), int32(x.DS), int32(x.SS), int32(x.Count), int32(x.DStep), int32(x.SStep), add,
		},
		[4]float32{},
	)
	if vectors < x.N {
		rest := *x
		rest.Dst, rest.Src, rest.N = x.Dst[vectors:], x.Src[vectors:], x.N-vectors
		plain(&rest)
	}
}
