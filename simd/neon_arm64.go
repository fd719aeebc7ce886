//go:build !purego

package simd

// neonRow needs the vector instructions of ARMv8.0.
func neonRow() *Kernels {
	return &Kernels{
		Name: "neon", MR: neonMR, NR: neonNR, FMA: true,
		Add: addWith(add_neon), Scale: scaleWith(scale_neon), Axpy: axpyWith(axpy_neon), Sum: sumNEON, Dot: dotNEON,
		Tanh: tableWith(tanh_neon), Sigmoid: tableWith(sigmoid_neon), TanhGrad: tanhGradWith(tanhGrad_neon),
		GELU: activationWith(gelu_neon), Gate: activationOf2With(gate_neon), Softplus: activationWith(softplus_neon), Mish: activationWith(mish_neon), ELU: activationOf2With(elu_neon),
		BiasLeaky: biasLeakyWith(biasLeaky_neon), LeakyGrad: leakyGradWith(leakyGrad_neon),
		RowScale: rowScaleWith(rowScale_neon), ColumnSums: columnSumsWith(columnSums_neon),
		Moments: momentsWith(moments_neon), Affine: affineWith(affine_neon),
		AffineGradSums: affineGradSumsWith(affineGradSums_neon), AffineGrad: affineGradWith(affineGrad_neon),
		Adam: adamWith(adam_neon), Dropout: dropoutNEON, DropoutGrad: dropoutGradWith(dropoutGrad_neon),
		DropoutLeakyGrad: dropoutLeakyGradWith(dropoutLeakyGrad_neon),
		Transform:        transformWith(transform_neon), Transforms: transformsOf(transformWith(transform_neon), addWith(add_neon)), CopyRows: copyRowsScalar, Transpose: transposeScalar,
		GEMM: gemmNEON, Outer: outerNEON, Peak: peakWith(fmaLoop_neon, 4), Int8: int8NEON(), Bytes: bytesNEON(),
	}
}

// a53Row is neonRow with loops in the Cortex-A53's order.
func a53Row() *Kernels {
	k := neonRow()
	k.Name, k.GEMM, k.Outer, k.Int8 = "a53", gemmA53, outerA53, int8A53()
	return k
}

// dotprodRow is neonRow with the int8 functions that need dot products.
func dotprodRow() *Kernels {
	k := neonRow()
	k.Name, k.Int8 = "dotprod", int8Dotprod()
	return k
}

// i8mmRow is neonRow with the int8 functions that need matrix products.
func i8mmRow() *Kernels {
	k := neonRow()
	k.Name, k.Int8 = "i8mm", int8I8MM()
	return k
}

const (
	neonMR = 7
	neonNR = 8
)

// Pieces of work are set by the slowest processor of this kind, a Cortex-A53 at 1 GHz.
const (
	// maxPiece is the most elements of a slice that one call works on: 40 microseconds of Adam.
	maxPiece = 1 << 11
	// maxSteps is the most k that one call contracts over all its taps: 80 microseconds at 2
	// GFLOP/s. Five taps of 256 channels fit.
	maxSteps = 1400
	// peakRounds is the most rounds of one call: some 40 microseconds.
	peakRounds = 2000
)

// sumNEON adds up the sums of pieces in float64, so that its error is that of a piece.
func sumNEON(x []float32) float32 {
	var s float64
	for len(x) > 0 {
		n := min(len(x), maxPiece)
		s += float64(sum_neon(&x[0], n))
		x = x[n:]
	}
	return float32(s)
}

func dotNEON(x, y []float32) float32 {
	sameLen(len(x), len(y))
	var s float64
	for len(x) > 0 {
		n := min(len(x), maxPiece)
		s += float64(dot_neon(&x[0], &y[0], n))
		x, y = x[n:], y[n:]
	}
	return float32(s)
}

// tanhBlock holds the constants of Tanh and Sigmoid, see tanh.go. The kernels read them in this
// order.
type tanhBlock struct {
	one, cut, t0, t1, t2, t3           float32
	log2e, magic, ln2Hi, ln2Lo, expMax float32
	e0, e1, e2, e3, e4                 float32
}

var tanhTable = tanhBlock{
	one: 1, cut: tanhCut, t0: tanhT0, t1: tanhT1, t2: tanhT2, t3: tanhT3,
	log2e: log2E, magic: roundMagic, ln2Hi: ln2Hi, ln2Lo: ln2Lo, expMax: expMax,
	e0: expE0, e1: expE1, e2: expE2, e3: expE3, e4: expE4,
}

func everyLane(c float32) [4]float32 { return [4]float32{c, c, c, c} }

// tableWith serves Tanh and Sigmoid.
func tableWith(kernel func(dst, x *float32, n int, t *tanhBlock)) func(dst, x []float32) {
	return func(dst, x []float32) {
		sameLen(len(dst), len(x))
		for len(x) > 0 {
			n := min(len(x), maxPiece)
			kernel(&dst[0], &x[0], n, &tanhTable)
			dst, x = dst[n:], x[n:]
		}
	}
}
