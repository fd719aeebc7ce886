//go:build !purego

package simd

import "golang.org/x/sys/cpu"

// requiredRows lists the rows that this machine must offer.
func requiredRows() []string {
	if cpu.ARM.HasNEON {
		return []string{"go", "neon"}
	}
	return []string{"go"}
}
