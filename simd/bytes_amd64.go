//go:build !purego

package simd

import "golang.org/x/sys/cpu"

func bytesAVX2() *Bytes {
	return byteKernels{
		step: 8, add: addBytes_avx2, mul: mulBytes_avx2, affine: affineBytes_avx2, moments: momentsBytes_avx2, mean: meanBytes_avx2,
		tableStep: 32, steps: true, table: tableBytes_avx2,
	}.bytes()
}

// bytesAVX512 looks up by the permutations of VBMI where the machine has them: Cascade Lake and
// older ones do not.
func bytesAVX512() *Bytes {
	k := byteKernels{
		step: 1, add: addBytes_avx512, mul: mulBytes_avx512, affine: affineBytes_avx512, moments: momentsBytes_avx512, mean: meanBytes_avx512,
		tableStep: 32, steps: true, table: tableBytes_avx2,
	}
	if cpu.X86.HasAVX512VBMI {
		k.tableStep, k.steps, k.table = 1, false, tableBytes_avx512
	}
	return k.bytes()
}
