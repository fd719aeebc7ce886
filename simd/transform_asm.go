//go:build (arm64 || arm) && !purego

package simd

// transformWith serves Transform, whose kernel takes pieces of n.
func transformWith(kernel func(dst *float32, ds int, src *float32, ss, n int, m *float32, rows, cols int)) func(dst []float32, ds int, src []float32, ss, n int, m []float32, rows, cols int) {
	return func(dst []float32, ds int, src []float32, ss, n int, m []float32, rows, cols int) {
		if !checkTransform(dst, ds, src, ss, n, m, rows, cols) {
			return
		}
		for i := 0; i < n; i += maxPiece / maxTransform {
			kernel(&dst[i], ds, &src[i], ss, min(n-i, maxPiece/maxTransform), &m[0], rows, cols)
		}
	}
}
