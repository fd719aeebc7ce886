//go:build !purego

package simd

func dropoutWith(kernel func(dst, x *float32, n int, kept, above *uint32, k0, k1, first, keep uint32, scale float32)) func(dst, x []float32, d Dropout) {
	return func(dst, x []float32, d Dropout) {
		d.check(len(dst), len(x))
		if len(x)%32 != 0 { // the kernel writes whole vectors' bits
			last := len(d.Kept) - 1
			d.Kept[last], d.Above[last] = 0, 0
		}
		k0, k1 := hashKey(d.Key)
		for len(x) > 0 {
			n := min(len(x), maxPiece)
			kernel(&dst[0], &x[0], n, &d.Kept[0], &d.Above[0], k0, k1, d.First, d.Keep, d.Scale)
			words := (n + 31) / 32
			dst, x, d.Kept, d.Above = dst[n:], x[n:], d.Kept[words:], d.Above[words:]
			d.First += uint32(n)
		}
	}
}
