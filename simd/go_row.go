package simd

import "math/bits"

// goRow is the scalar row with plain Go that is arranged for speed where that pays: for machines
// that no assembly here is for, and for -tags purego. Its floats are the scalar row's to the bit.
func goRow() *Kernels {
	k := scalarRow()
	k.Name, k.GEMM = "go", gemmGo
	k.Int8 = int8Fours()
	if bits.UintSize == 64 {
		k.Int8 = int8Triples()
	}
	return k
}
