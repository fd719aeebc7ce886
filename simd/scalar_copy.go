package simd

func copyRowsScalar(dst []float32, ds int, src []float32, ss, rows, width int) {
	checkRows(dst, ds, rows, width)
	checkRows(src, ss, rows, width)
	if width == 0 {
		return
	}
	for r := range rows {
		copy(dst[r*ds:][:width], src[r*ss:])
	}
}

// transposeScalar goes by blocks of rows, which keep both sides in the first cache.
func transposeScalar(dst []float32, ds int, src []float32, ss, rows, cols int) {
	checkRows(src, ss, rows, cols)
	checkRows(dst, ds, cols, rows)
	const block = 16
	for r0 := 0; r0 < rows; r0 += block {
		r1 := min(r0+block, rows)
		for c := range cols {
			d := dst[c*ds:][r0:r1]
			for i := range d {
				d[i] = src[(r0+i)*ss+c]
			}
		}
	}
}
