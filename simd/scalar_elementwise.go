package simd

import "math"

// The scalar row. Products that may be added to something, here or where a function is inlined, are
// written float32(x*y), which forbids the compiler to fuse them.

func scalarRow() *Kernels {
	return &Kernels{
		Name: "scalar", MR: scalarMR, NR: scalarNR,
		Add: addScalar, Scale: scaleScalar, Axpy: axpyScalar, Sum: sumScalar, Dot: dotScalar,
		Tanh: tanhScalar, Sigmoid: sigmoidScalar, TanhGrad: tanhGradScalar,
		GELU: geluScalar, Gate: gateScalar, Softplus: softplusScalar, Mish: mishScalar, ELU: eluScalar,
		BiasLeaky: biasLeakyScalar, LeakyGrad: leakyGradScalar,
		RowScale: rowScaleScalar, ColumnSums: columnSumsScalar,
		Moments: momentsScalar, Affine: affineScalar, AffineGradSums: affineGradSumsScalar, AffineGrad: affineGradScalar,
		Adam: adamScalar, Dropout: dropoutScalar, DropoutGrad: dropoutGradScalar,
		DropoutLeakyGrad: dropoutLeakyGradScalar,
		Transform:        transformScalar, Transforms: transformsOf(transformScalar, addScalar), CopyRows: copyRowsScalar, Transpose: transposeScalar,
		GEMM: gemmScalar, Outer: outerScalar, Peak: peakScalar, Int8: scalarInt8(), Bytes: bytesScalar(),
	}
}

func addScalar(dst, x []float32) {
	sameLen(len(dst), len(x))
	for i, v := range x {
		dst[i] += v
	}
}

func scaleScalar(dst []float32, a float32) {
	for i := range dst {
		dst[i] *= a
	}
}

func axpyScalar(dst []float32, a float32, x []float32) {
	sameLen(len(dst), len(x))
	for i, v := range x {
		dst[i] += float32(a * v)
	}
}

// sumScalar adds in float64, so that the reference is the most exact row.
func sumScalar(x []float32) float32 {
	var s float64
	for _, v := range x {
		s += float64(v)
	}
	return float32(s)
}

// dotScalar adds in float64, where the product of two float32 is exact: fused or not, the sum is
// the same.
func dotScalar(x, y []float32) float32 {
	sameLen(len(x), len(y))
	var s float64
	for i, v := range x {
		s += float64(float64(v) * float64(y[i]))
	}
	return float32(s)
}

func tanhScalar(dst, x []float32) {
	sameLen(len(dst), len(x))
	for i, v := range x {
		dst[i] = tanh(v)
	}
}

func sigmoidScalar(dst, x []float32) {
	sameLen(len(dst), len(x))
	for i, v := range x {
		dst[i] = sigmoid(v)
	}
}

func tanhGradScalar(dx, dy, y []float32) {
	sameLen(len(dx), len(dy))
	sameLen(len(dx), len(y))
	for i, v := range y {
		dx[i] = dy[i] * (1 - float32(v*v))
	}
}

// leaky is slope*v where v < 0 and v elsewhere; factors are 1 and slope. An index costs less than a
// branch on the sign of noise.
func leaky(v float32, factors *[2]float32) float32 {
	negative := 0
	if v < 0 {
		negative = 1
	}
	return float32(v * factors[negative])
}

// leakyGrad is dy times the derivative of leaky at y, which at 0 is slope.
func leakyGrad(dy, y float32, factors *[2]float32) float32 {
	flat := 1
	if y > 0 {
		flat = 0
	}
	return float32(dy * factors[flat])
}

func leakyGradScalar(dx, dy, y []float32, slope float32) {
	sameLen(len(dx), len(dy))
	sameLen(len(dx), len(y))
	factors := [2]float32{1, slope}
	for i, v := range y {
		dx[i] = leakyGrad(dy[i], v, &factors)
	}
}

func adamScalar(w, m, v, g []float32, p AdamStep) {
	n := len(w)
	sameLen(n, len(m))
	sameLen(n, len(v))
	sameLen(n, len(g))
	c1, c2 := 1-p.Beta1, 1-p.Beta2
	for i, g := range g {
		mi := float32(p.Beta1*m[i]) + float32(c1*g)
		vi := float32(p.Beta2*v[i]) + float32(float32(c2*g)*g)
		m[i], v[i] = mi, vi
		w[i] -= p.LR * mi / (sqrt(vi) + p.Eps)
	}
}

// sqrt is correctly rounded: the float64 root carries more than twice the digits.
func sqrt(x float32) float32 { return float32(math.Sqrt(float64(x))) }

func dropoutScalar(dst, x []float32, d Dropout) {
	d.check(len(dst), len(x))
	k0, k1 := hashKey(d.Key)
	clear(d.Kept)
	clear(d.Above)
	for i, v := range x {
		bit := uint32(1) << (i % 32)
		if v > 0 {
			d.Above[i/32] |= bit
		}
		if hash(k0, k1, d.First+uint32(i)) < d.Keep {
			d.Kept[i/32] |= bit
			dst[i] = v * d.Scale
		} else {
			dst[i] = 0
		}
	}
}

func dropoutGradScalar(dx, dy []float32, kept []uint32, scale float32) {
	sameLen(len(dx), len(dy))
	enoughBits(len(dy), len(kept))
	for i, v := range dy {
		mask := -(kept[i/32] >> (i % 32) & 1)
		dx[i] = math.Float32frombits(math.Float32bits(v*scale) & mask)
	}
}

func dropoutLeakyGradScalar(dx, dy []float32, kept, above []uint32, scale, slope float32) {
	sameLen(len(dx), len(dy))
	enoughBits(len(dy), len(kept))
	enoughBits(len(dy), len(above))
	for i, v := range dy {
		mask := -(kept[i/32] >> (i % 32) & 1)
		g := math.Float32frombits(math.Float32bits(v*scale) & mask)
		if above[i/32]>>(i%32)&1 == 0 {
			g *= slope
		}
		dx[i] = g
	}
}
