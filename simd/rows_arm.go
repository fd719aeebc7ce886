//go:build !purego

package simd

import "golang.org/x/sys/cpu"

// archRows returns the rows of this architecture that this machine can run, best last. The first boards, and their processors' kin,
// have no vector instructions.
func archRows() []*Kernels {
	rows := []*Kernels{goRow()}
	if cpu.ARM.HasNEON {
		rows = append(rows, neonRow())
	}
	return rows
}

// neonRow needs the vector instructions of ARMv7, which it has for int8.
func neonRow() *Kernels {
	k := goRow()
	k.Name, k.Int8 = "neon", int8NEON()
	return k
}
