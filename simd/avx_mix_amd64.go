//go:build !purego

package simd

// mixKernel does what Mixes says.
type mixKernel = func(dst *float32, ds, dstep int, src *float32, ss, sstep, n, count int, m *float32, rows, cols, add int)

// maxMixed is the most columns of a Mix that one call works on: at most 20 microseconds.
const maxMixed = maxPiece / 2

func mixesWith(kernel mixKernel) func(*Mixes) {
	return func(x *Mixes) {
		if !x.check() {
			return
		}
		add := 0
		if x.Add {
			add = 1
		}
		count := max(1, maxMixed/x.N)
		for q := 0; q < x.Count; q += count {
			for i := 0; i < x.N; i += maxMixed {
				kernel(&x.Dst[q*x.DStep+i], x.DS, x.DStep, &x.Src[q*x.SStep+i], x.SS, x.SStep, min(x.N-i, maxMixed), min(x.Count-q, count), &x.M[0], x.Rows, x.Cols, add)
			}
		}
	}
}

func mixOnceWith(kernel mixKernel) func(dst []float32, ds int, src []float32, ss, n int, m []float32, rows, cols int) {
	return func(dst []float32, ds int, src []float32, ss, n int, m []float32, rows, cols int) {
		if !checkMix(dst, ds, src, ss, n, m, rows, cols) {
			return
		}
		for i := 0; i < n; i += maxMixed {
			kernel(&dst[i], ds, 0, &src[i], ss, 0, min(n-i, maxMixed), 1, &m[0], rows, cols, 0)
		}
	}
}
