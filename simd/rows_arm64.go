//go:build !purego

package simd

import (
	"slices"

	"github.com/klauspost/cpuid/v2"
)

// archRows returns the rows of this architecture that this machine can run, best last. Every arm64
// processor that Go supports has the instructions of neon and a53.
func archRows() []*Kernels {
	rows := []*Kernels{a53Row(), neonRow()}
	if cortexA53() {
		slices.Reverse(rows)
	}
	if cpuid.CPU.Supports(cpuid.ASIMDDP) {
		rows = append(rows, dotprodRow())
	}
	if cpuid.CPU.Supports(cpuid.I8MM) {
		rows = append(rows, i8mmRow())
	}
	return rows
}

// cortexA53 tells whether this is one. The kernel hands out the processor's number (HWCAP_CPUID,
// Linux 4.11); where it does not, cpuid knows no vendor. Where cores differ it is that of the core
// on which the program began.
func cortexA53() bool {
	const part = 0xd03
	return cpuid.CPU.VendorID == cpuid.ARM && cpuid.CPU.Model>>4 == part
}
