//go:build !purego

package simd

// archRows returns the rows of this architecture that this machine can run, best last. Every arm64 processor that Go supports has
// the instructions of neon.
func archRows() []*Kernels { return []*Kernels{neonRow()} }
