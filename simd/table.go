package simd

// FromTable: dst[i] = table[n+half], where half = len(table)/2 and n is v =
// float32(sums[i])*scale[i%len(scale)] clamped to [-half, half-1] and rounded to the nearest whole
// number, ties to even; v that is NaN counts as large. It is how the last layer of a quantized
// model applies its tanh. len(dst) = len(sums), a multiple of len(scale); table has an even length,
// at most 2^16.
func FromTable(dst []uint8, sums []int32, scale []float32, table []uint8) {
	sameLen(len(dst), len(sums))
	wholeRows(len(sums), len(scale))
	if len(table) == 0 || len(table)%2 != 0 || len(table) > 1<<16 {
		panic("simd: FromTable: bad table")
	}
	for c, a := range scale {
		fromTable(dst, sums, c, len(scale), a, table)
	}
}

// fromTable does every step-th element from at on.
func fromTable(dst []uint8, sums []int32, at, step int, scale float32, table []uint8) {
	half := int32(len(table) / 2)
	lo, hi := float32(-half), float32(half-1)
	for i := at; i < len(sums) && i < len(dst); i += step {
		v := float32(float32(sums[i]) * scale)
		if !(v < hi) {
			v = hi
		}
		if !(v > lo) {
			v = lo
		}
		dst[i] = table[nearest(v)+half]
	}
}
