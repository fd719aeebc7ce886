//go:build !purego

package simd

const (
	formNEON form = iota + 1
	formA53
	formDotprod
	formI8MM
)

const (
	// maxGroups is the most groups of channels, over all tiles and taps, that one call into
	// assembly contracts: 60 microseconds of pairs on a Cortex-A53 at 1 GHz.
	maxGroups = 2048
	// maxGathers is the most terms of a group that one call of a gather kernel adds: some 50
	// microseconds.
	maxGathers = 1024
	// maxSums is the size of the largest tile.
	maxSums = 8 * 8
)

// int8NEON: two channels make a group, whose products are added in 16 bits.
func int8NEON() *Int8 {
	return &Int8{
		form: formNEON, MR: 7, NR: 8, Group: 2, Width: 1,
		GEMM: qgemmNEON, Gather: gatherWith(gather_neon), Peak: peakWith(qpeakLoop_neon, 8),
	}
}

// int8A53 is int8NEON with the dense layers' loop in the Cortex-A53's order.
func int8A53() *Int8 {
	q := int8NEON()
	q.form, q.GEMM = formA53, qgemmA53
	return q
}

// int8Dotprod needs the instructions SDOT and UDOT.
func int8Dotprod() *Int8 {
	return &Int8{
		form: formDotprod, MR: 7, NR: 8, Group: 4, Width: 1,
		GEMM: qgemmDotprod, Gather: gatherWith(gather_neon), Peak: peakWith(qpeakLoop_dotprod, 16),
	}
}

// int8I8MM needs the int8 matrix multiplication.
func int8I8MM() *Int8 {
	return &Int8{
		form: formI8MM, MR: 8, NR: 8, Group: 8, Width: 1,
		GEMM: qgemmI8MM, Gather: gatherWith(gather_neon), Peak: peakWith(qpeakLoop_i8mm, 32),
	}
}

func qgemmNEON(g *QGEMM)    { qgemmWith(g, formNEON) }
func qgemmA53(g *QGEMM)     { qgemmWith(g, formA53) }
func qgemmDotprod(g *QGEMM) { qgemmWith(g, formDotprod) }
func qgemmI8MM(g *QGEMM)    { qgemmWith(g, formI8MM) }

func (b *qgemmBlock) call(f form, tiles *QTile, n int) {
	switch f {
	case formA53:
		b.inHalves = 1
		qgemm_neon_7x8(b, tiles, n)
	case formNEON:
		qgemm_neon_7x8(b, tiles, n)
	case formDotprod:
		qgemm_dotprod_7x8(b, tiles, n)
	default:
		qgemm_i8mm_8x8(b, tiles, n)
	}
}

// constants fills in what Requantize needs.
func (b *qgemmBlock) constants(g *QGEMM) {
	hi, zero := float32(127-g.Zero), int16(g.Zero)
	b.slope = [4]float32{g.Slope, g.Slope, g.Slope, g.Slope}
	b.hi = [4]float32{hi, hi, hi, hi}
	b.zero = [8]int16{zero, zero, zero, zero, zero, zero, zero, zero}
}

// takes is how many of these tiles the kernels compute at a stretch from the first one on.
func (g *QGEMM) takes(tiles []QTile) int { return len(tiles) }
