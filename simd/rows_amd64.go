//go:build !purego

package simd

import "golang.org/x/sys/cpu"

// archRows returns the rows of this architecture that this machine can run, best last.
func archRows() []*Kernels {
	var rows []*Kernels
	if x := &cpu.X86; x.HasAVX2 && x.HasFMA && x.HasF16C {
		rows = append(rows, avx2Row())
		if x.HasAVXVNNI {
			rows = append(rows, avxvnniRow())
		}
		if x.HasAVX512F && x.HasAVX512BW && x.HasAVX512DQ && x.HasAVX512VL {
			rows = append(rows, avx512Row())
			if x.HasAVX512VNNI && x.HasBMI2 {
				rows = append(rows, avx512vnniRow())
			}
		}
	}
	return rows
}
