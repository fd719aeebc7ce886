//go:build !purego

package simd

import "github.com/klauspost/cpuid/v2"

// requiredRows lists the rows that this machine must offer: a line for each row of archRows and
// what it needs.
func requiredRows() (names []string) {
	for name, feature := range map[string]cpuid.FeatureID{"neon": cpuid.ASIMD, "a53": cpuid.ASIMD, "dotprod": cpuid.ASIMDDP, "i8mm": cpuid.I8MM} {
		if cpuid.CPU.Supports(feature) {
			names = append(names, name)
		}
	}
	return names
}
