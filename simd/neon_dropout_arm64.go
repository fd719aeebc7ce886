//go:build !purego

package simd

// dropoutNEON does a piece in three steps, while that is in the first-level cache.
func dropoutNEON(dst, x []float32, d Dropout) {
	d.check(len(dst), len(x))
	k0, k1 := hashKey(d.Key)
	for len(x) > 0 {
		n := min(len(x), dropoutPiece)
		words := (n + 31) / 32
		dropoutMask_neon(&d.Kept[0], words, k0, k1, d.First, d.Keep)
		if n%32 != 0 {
			d.Kept[words-1] &= 1<<(n%32) - 1
		}
		above_neon(&d.Above[0], &x[0], n)
		dropoutGrad_neon(&dst[0], &x[0], n, &d.Kept[0], d.Scale)
		dst, x, d.Kept, d.Above = dst[n:], x[n:], d.Kept[words:], d.Above[words:]
		d.First += uint32(n)
	}
}

// dropoutPiece is a multiple of a mask's word.
const dropoutPiece = min(maxPiece, 2048)
