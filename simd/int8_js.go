//go:build !purego

package simd

import (
	"math"
	"unsafe"
)

const formSIMD128 form = 1

// Where a call of a kernel takes longer than plain Go.
const (
	fewStaged   = 512 // elements
	fewGathered = 256 // terms
)

// int8SIMD128: two channels, widened to int16, make a group for i32x4.dot_i16x8_s.
func int8SIMD128(m *kernelModule) *Int8 {
	stage, gemm, gather, peak := m.kernel("stage"), m.kernel("qgemm"), m.kernel("gather"), m.kernel("qpeak")
	return &Int8{
		form: formSIMD128, MR: 14, NR: 8, Group: 2, Width: 2,
		Stage:  func(dst, src []int8) { stageSIMD128(stage, dst, src) },
		GEMM:   func(g *QGEMM) { qgemmSIMD128(gemm, g) },
		Gather: func(g *QGather, dst, start, src []int32) { gatherSIMD128(gather, g, dst, start, src) },
		Peak:   func(n int) int64 { return peakSIMD128(peak, n, 8) },
	}
}

// stageSIMD128: dst[2i], dst[2i+1] = the bytes of int16(src[i]).
func stageSIMD128(k kernel, dst, src []int8) {
	sameLen(len(dst), 2*len(src))
	n := 0
	if len(src) >= fewStaged {
		n = len(src) &^ 15
		k.call([8]unsafe.Pointer{first(dst), first(src)}, [16]int32{int32(n / 16)}, [4]float32{})
	}
	for i := n; i < len(src); i++ {
		dst[2*i], dst[2*i+1] = src[i], src[i]>>7
	}
}

func qgemmSIMD128(k kernel, g *QGEMM) {
	if !g.check(formSIMD128) {
		return
	}
	q := g.Tiles
	groups := q.k.depthOf(q.depth) / q.k.Group
	k.call(
		[8]unsafe.Pointer{first(g.A), first(g.B), first(g.S), first(g.C), first(g.Q), first(g.Scale), first(q.taps), first(q.tiles[g.From:])},
		[16]int32{int32(g.To - g.From), int32(groups), int32(g.Rows), g.Zero},
		[4]float32{g.Slope, float32(127 - g.Zero), float32(-128 - g.Zero)},
	)
}

func gatherSIMD128(k kernel, g *QGather, dst, start, src []int32) {
	if len(g.index) < fewGathered {
		gatherScalar(g, dst, start, src)
		return
	}
	g.check(dst, start, src)
	k.call([8]unsafe.Pointer{first(dst), first(start), first(src), first(g.index), first(g.terms)}, [16]int32{int32(len(g.terms))}, [4]float32{})
}

// peakSIMD128: the kernel makes 12 multiply-adds of whole vectors a round.
func peakSIMD128(k kernel, n, lanes int) int64 {
	n = min(max(n, 0), math.MaxInt32)
	k.call([8]unsafe.Pointer{}, [16]int32{int32(n)}, [4]float32{})
	return int64(n) * 12 * 2 * int64(lanes)
}
