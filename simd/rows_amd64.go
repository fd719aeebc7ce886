//go:build !purego

package simd

import "github.com/klauspost/cpuid/v2"

// archRows returns the rows of this architecture that this machine can run, best last.
func archRows() []*Kernels {
	var rows []*Kernels
	if cpuid.CPU.Supports(cpuid.AVX2, cpuid.FMA3) {
		rows = append(rows, avx2Row())
	}
	return rows
}
