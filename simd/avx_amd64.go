//go:build !purego

package simd

//go:generate go -C ../asm run . ../simd

// avx2Row needs AVX2, FMA and F16C, which came together.
func avx2Row() *Kernels {
	return &Kernels{
		Name: "avx2", MR: 6, NR: 16, FMA: true,
		Add: addWith(add_avx2), Scale: scaleWith(scale_avx2), Axpy: axpyWith(axpy_avx2), Sum: sumVek, Dot: dotVek,
		Tanh: tableWith(tanh_avx2), Sigmoid: tableWith(sigmoid_avx2), TanhGrad: tanhGradWith(tanhGrad_avx2),
		GELU: activationWith(gelu_avx2), Gate: activationOf2With(gate_avx2), Softplus: activationWith(softplus_avx2), Mish: activationWith(mish_avx2), ELU: activationOf2With(elu_avx2),
		BiasLeaky: biasLeakyWith(biasLeaky_avx2), LeakyGrad: leakyGradWith(leakyGrad_avx2),
		RowScale: rowScaleWith(rowScale_avx2), ColumnSums: columnSumsWith(columnSums_avx2),
		Moments: momentsWith(moments_avx2), Affine: affineWith(affine_avx2),
		AffineGradSums: affineGradSumsWith(affineGradSums_avx2), AffineGrad: affineGradWith(affineGrad_avx2),
		Adam: adamWith(adam_avx2), Dropout: dropoutWith(dropout_avx2), DropoutGrad: dropoutGradWith(dropoutGrad_avx2),
		DropoutLeakyGrad: dropoutLeakyGradWith(dropoutLeakyGrad_avx2),
		Transform:        transformOnceWith(transform_avx2), Transforms: transformsWith(transform_avx2, transformStream_avx2), CopyRows: copyRowsWith(copyRows_avx2), Transpose: transposeWith(transpose_avx2, 8),
		GEMM: gemmAVX2, Outer: outerAVX2, Peak: peakWith(fmaLoop_avx2, 8), Int8: int8AVX2(), Bytes: bytesAVX2(),
	}
}

// avxvnniRow needs what avx2Row does and AVX-VNNI; it differs in the int8 functions.
func avxvnniRow() *Kernels {
	k := avx2Row()
	k.Name, k.Int8 = "avxvnni", int8VEX()
	return k
}

// avx512Row needs AVX-512 F, BW, DQ and VL.
func avx512Row() *Kernels {
	return &Kernels{
		Name: "avx512", MR: 14, NR: 32, FMA: true,
		Add: addWith(add_avx512), Scale: scaleWith(scale_avx512), Axpy: axpyWith(axpy_avx512), Sum: sumVek, Dot: dotVek,
		Tanh: tableWith(tanh_avx512), Sigmoid: tableWith(sigmoid_avx512), TanhGrad: tanhGradWith(tanhGrad_avx512),
		GELU: activationWith(gelu_avx512), Gate: activationOf2With(gate_avx512), Softplus: activationWith(softplus_avx512), Mish: activationWith(mish_avx512), ELU: activationOf2With(elu_avx512),
		BiasLeaky: biasLeakyWith(biasLeaky_avx512), LeakyGrad: leakyGradWith(leakyGrad_avx512),
		RowScale: rowScaleWith(rowScale_avx512), ColumnSums: columnSumsWith(columnSums_avx512),
		Moments: momentsWith(moments_avx512), Affine: affineWith(affine_avx512),
		AffineGradSums: affineGradSumsWith(affineGradSums_avx512), AffineGrad: affineGradWith(affineGrad_avx512),
		Adam: adamWith(adam_avx512), Dropout: dropoutWith(dropout_avx512), DropoutGrad: dropoutGradWith(dropoutGrad_avx512),
		DropoutLeakyGrad: dropoutLeakyGradWith(dropoutLeakyGrad_avx512),
		Transform:        transformOnceWith(transform_avx512), Transforms: transformsWith(transform_avx512, transformStream_avx512), CopyRows: copyRowsWith(copyRows_avx512), Transpose: transposeWith(transpose_avx512, 16),
		GEMM: gemmAVX512, Outer: outerAVX512, Peak: peakWith(fmaLoop_avx512, 16), Int8: int8AVX2(), Bytes: bytesAVX512(),
	}
}

// avx512vnniRow needs what avx512Row does and VNNI; it differs in the int8 functions.
func avx512vnniRow() *Kernels {
	k := avx512Row()
	k.Name, k.Int8 = "avx512vnni", int8VNNI()
	return k
}
