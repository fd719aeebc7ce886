package simd

import "runtime"

func mixScalar(dst []float32, ds int, src []float32, ss, n int, m []float32, rows, cols int) {
	if !checkMix(dst, ds, src, ss, n, m, rows, cols) {
		return
	}
	for j := range rows {
		d := dst[j*ds:][:n]
		a := m[j*cols]
		for i, x := range src[:n] {
			d[i] = a * x
		}
		for c := 1; c < cols; c++ {
			axpyScalar(d, m[j*cols+c], src[c*ss:][:n])
		}
	}
}

// peakScalar keeps eight sums going, which is as many as hide the latency of an addition.
func peakScalar(n int) (flops int64) {
	a, b := float32(0.5), float32(1)
	s0, s1, s2, s3, s4, s5, s6, s7 := b, b, b, b, b, b, b, b
	for range n {
		s0 = float32(s0*a) + b
		s1 = float32(s1*a) + b
		s2 = float32(s2*a) + b
		s3 = float32(s3*a) + b
		s4 = float32(s4*a) + b
		s5 = float32(s5*a) + b
		s6 = float32(s6*a) + b
		s7 = float32(s7*a) + b
	}
	runtime.KeepAlive(s0 + s1 + s2 + s3 + s4 + s5 + s6 + s7)
	return 16 * int64(n)
}
