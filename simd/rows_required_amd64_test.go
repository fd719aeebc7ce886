//go:build !purego

package simd

import "github.com/klauspost/cpuid/v2"

// requiredRows lists the rows that this machine must offer: a line for each row of archRows and
// what it needs.
func requiredRows() (names []string) {
	for name, features := range map[string][]cpuid.FeatureID{
		"avx2":    {cpuid.AVX2, cpuid.FMA3},
		"avxvnni": {cpuid.AVX2, cpuid.FMA3, cpuid.F16C, cpuid.AVXVNNI},
		"avx512":  {cpuid.AVX2, cpuid.FMA3, cpuid.AVX512F, cpuid.AVX512BW, cpuid.AVX512DQ, cpuid.AVX512VL},
		"avx512vnni": {cpuid.AVX2, cpuid.FMA3, cpuid.AVX512F, cpuid.AVX512BW, cpuid.AVX512DQ, cpuid.AVX512VL,
			cpuid.AVX512VNNI, cpuid.BMI2},
	} {
		if cpuid.CPU.Supports(features...) {
			names = append(names, name)
		}
	}
	return names
}
