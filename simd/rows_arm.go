//go:build !purego

package simd

import "golang.org/x/sys/cpu"

// archRows returns the rows of this architecture that this machine can run, best last. The first
// boards, and their processors' kin, have no vector instructions.
func archRows() []*Kernels {
	rows := []*Kernels{goRow()}
	if cpu.ARM.HasNEON {
		rows = append(rows, neonRow())
	}
	return rows
}

// neonRow needs the vector instructions of ARMv7, of which it makes all products of matrices. The
// rest is plain Go.
func neonRow() *Kernels {
	k := goRow()
	k.Name, k.MR, k.NR, k.Flush = "neon", neonMR, neonNR, true
	k.Transform, k.Transforms = transformWith(transform_neon), transformsOf(transformWith(transform_neon), addScalar)
	k.GEMM, k.Peak, k.Int8 = gemmNEON, peakWith(mlaLoop_neon, 4), int8NEON()
	return k
}
