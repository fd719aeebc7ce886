//go:build !purego

package simd

import (
	"encoding/binary"
	"math"
)

const (
	formAVX2 form = iota + 1
	formVNNI
	formVEX
	formW7
)

// int8AVX2 needs AVX2. Two channels, widened to int16, make a group for VPMADDWD.
func int8AVX2() *Int8 {
	return &Int8{
		form: formAVX2, MR: 14, NR: 8, Group: 2, Width: 2,
		Stage: stageAVX2, GEMM: qgemmAVX2, Gather: gatherWith(gather_avx2), Peak: peakWith(qpeakLoop_avx2, 16),
		Int16: int16AVX2(), Small: int8W7(),
	}
}

// int8W7 needs AVX2, and weights from -64 to 63: VPMADDUBSW adds two products in 16 bits.
func int8W7() *Int8 {
	return &Int8{
		form: formW7, MR: 14, NR: 8, Group: 4, Width: 1, Offset: 128, Bits: 7,
		Stage: stageOffset, GEMM: qgemmW7, Gather: gatherWith(gather_avx2), Peak: peakWith(qpeakLoop_avx2w7, 32),
		Int16: int16AVX2(),
	}
}

// int8VEX needs AVX2 and AVX-VNNI, which encodes VPDPBUSD for machines without AVX-512.
func int8VEX() *Int8 {
	return &Int8{
		form: formVEX, MR: 14, NR: 8, Group: 4, Width: 1, Offset: 128,
		Stage: stageOffset, GEMM: qgemmVEX, Gather: gatherWith(gather_avx2), Peak: peakWith(qpeakLoop_avxvnni, 32),
	}
}

// int8VNNI needs AVX-512 F, BW, DQ, VL and VNNI. VPDPBUSD multiplies unsigned by signed, so
// activations are offset.
func int8VNNI() *Int8 {
	return &Int8{
		form: formVNNI, MR: 14, NR: 32, Group: 4, Width: 1, Offset: 128,
		Stage: stageVNNI, GEMM: qgemmVNNI, Gather: gatherWith(gather_avx512), Peak: peakWith(qpeakLoop_avx512vnni, 64),
	}
}

func qgemmAVX2(g *QGEMM) { qgemmWith(g, formAVX2) }
func qgemmW7(g *QGEMM)   { qgemmWith(g, formW7) }
func qgemmVEX(g *QGEMM)  { qgemmWith(g, formVEX) }
func qgemmVNNI(g *QGEMM) { qgemmWith(g, formVNNI) }

const (
	// maxGroups is the most groups of channels, over all tiles and taps, that one call into
	// assembly contracts: some 50 microseconds.
	maxGroups = 8192
	// maxGathers is the most terms of a group that one call of a gather kernel adds: some 50
	// microseconds.
	maxGathers = 1024
	// maxSums is the size of the largest tile.
	maxSums = 14 * 32
)

// constants fills in what Requantize needs.
func (b *qgemmBlock) constants(g *QGEMM) {
	b.slope, b.hi = uint64(math.Float32bits(g.Slope)), uint64(math.Float32bits(float32(127-g.Zero)))
	b.zero = uint64(uint16(g.Zero))
}

func (b *qgemmBlock) call(f form, tiles *QTile, n int) {
	switch f {
	case formAVX2:
		qgemm_avx2_14x8(b, tiles, n)
	case formW7:
		qgemm_avx2w7_14x8(b, tiles, n)
	case formVEX:
		qgemm_avxvnni_14x8(b, tiles, n)
	default:
		qgemm_avx512vnni_14x32(b, tiles, n)
	}
}

// stageAVX2: dst[2i], dst[2i+1] = the bytes of int16(src[i]).
func stageAVX2(dst, src []int8) {
	sameLen(len(dst), 2*len(src))
	n := len(src) &^ 15
	if n > 0 {
		stage_avx2(&dst[0], &src[0], n)
	}
	for i := n; i < len(src); i++ {
		dst[2*i], dst[2*i+1] = src[i], src[i]>>7
	}
}

// stageOffset: dst[i] = src[i] + 128, eight at a time.
func stageOffset(dst, src []int8) {
	sameLen(len(dst), len(src))
	to, from := unsigned(dst), unsigned(src)
	for len(from) >= 8 {
		binary.NativeEndian.PutUint64(to, binary.NativeEndian.Uint64(from)^0x8080808080808080)
		to, from = to[8:], from[8:]
	}
	for i, v := range from {
		to[i] = v ^ 0x80
	}
}

// stageVNNI: dst[i] = src[i] + 128.
func stageVNNI(dst, src []int8) {
	sameLen(len(dst), len(src))
	if len(src) > 0 {
		stage_avx512vnni(&dst[0], &src[0], len(src))
	}
}

// takes is how many of these tiles the kernels compute at a stretch from the first one on.
func (g *QGEMM) takes(tiles []QTile) int { return len(tiles) }
