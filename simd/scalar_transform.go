package simd

import "runtime"

// Transforms applies a small matrix to Count blocks of rows: for q < Count, j < Rows, i < N
//
//	s = Σ_c M[j*Cols+c] * Src[q*SStep+c*SS+i]        as Transform does
//	Dst[q*DStep+j*DS+i] = s, or s + what is there if Add is set
//
// Results must not overlap Src, nor each other unless they have the same value.
type Transforms struct {
	Dst, Src, M         []float32
	Rows, Cols          int
	N, DS, SS           int
	Count, DStep, SStep int
	Add                 bool
	Stream              bool // a hint: Dst is large and not needed soon, so it should not go through the caches
}

// check panics unless the fields fit together. It reports whether there is anything to do.
func (x *Transforms) check() bool {
	inRange(x.Count, x.DStep, x.SStep)
	if x.Count == 0 || !checkTransform(x.Dst, x.DS, x.Src, x.SS, x.N, x.M, x.Rows, x.Cols) {
		return false
	}
	dst, src := int64(x.Rows-1)*int64(x.DS)+int64(x.N), int64(x.Cols-1)*int64(x.SS)+int64(x.N)
	if int64(x.Count-1)*int64(x.DStep) > int64(len(x.Dst))-dst || int64(x.Count-1)*int64(x.SStep) > int64(len(x.Src))-src {
		panic("simd: Transforms: out of range")
	}
	return true
}

// transformsOf makes Transforms out of Transform and Add. With x.Add, products wait in a buffer, a
// piece at a time.
func transformsOf(mix func(dst []float32, ds int, src []float32, ss, n int, m []float32, rows, cols int), add func(dst, x []float32)) func(*Transforms) {
	return func(x *Transforms) {
		if !x.check() {
			return
		}
		for q := range x.Count {
			dst, src := x.Dst[q*x.DStep:], x.Src[q*x.SStep:]
			if !x.Add {
				mix(dst, x.DS, src, x.SS, x.N, x.M, x.Rows, x.Cols)
				continue
			}
			var sum [64]float32
			for j := range x.Rows {
				for i := 0; i < x.N; i += len(sum) {
					n := min(len(sum), x.N-i)
					mix(sum[:n], n, src[i:], x.SS, n, x.M[j*x.Cols:][:x.Cols], 1, x.Cols)
					add(dst[j*x.DS+i:][:n], sum[:n])
				}
			}
		}
	}
}

func transformScalar(dst []float32, ds int, src []float32, ss, n int, m []float32, rows, cols int) {
	if !checkTransform(dst, ds, src, ss, n, m, rows, cols) {
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
