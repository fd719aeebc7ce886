//go:build !purego

package simd

func bytesNEON() *Bytes {
	return byteKernels{
		step: 8, add: addBytes_neon, mul: mulBytes_neon, affine: affineBytes_neon, moments: momentsBytes_neon, mean: meanBytes_neon,
		tableStep: 16, table: tableBytes_neon,
	}.bytes()
}
