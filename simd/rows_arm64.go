//go:build !purego

package simd

import "github.com/klauspost/cpuid/v2"

// archRows returns the rows of this architecture that this machine can run, best last. Every arm64 processor that Go supports has
// the instructions of neon.
func archRows() []*Kernels {
	rows := []*Kernels{neonRow()}
	if cpuid.CPU.Supports(cpuid.ASIMDDP) {
		rows = append(rows, dotprodRow())
	}
	if cpuid.CPU.Supports(cpuid.I8MM) {
		rows = append(rows, i8mmRow())
	}
	return rows
}
