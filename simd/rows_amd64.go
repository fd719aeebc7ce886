//go:build !purego

package simd

import "github.com/klauspost/cpuid/v2"

// archRows returns the rows of this architecture that this machine can run, best last.
func archRows() []*Kernels {
	var rows []*Kernels
	if cpuid.CPU.Supports(cpuid.AVX2, cpuid.FMA3, cpuid.F16C) {
		rows = append(rows, avx2Row())
		if cpuid.CPU.Supports(cpuid.AVXVNNI) {
			rows = append(rows, avxvnniRow())
		}
	}
	if cpuid.CPU.Supports(cpuid.AVX2, cpuid.FMA3, cpuid.F16C, cpuid.AVX512F, cpuid.AVX512BW, cpuid.AVX512DQ, cpuid.AVX512VL) {
		rows = append(rows, avx512Row())
		if cpuid.CPU.Supports(cpuid.AVX512VNNI, cpuid.BMI2) {
			rows = append(rows, avx512vnniRow())
		}
	}
	return rows
}
