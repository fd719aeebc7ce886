//go:build !purego

package simd

// archRows returns the rows of this architecture that this machine can run, best last.
func archRows() []*Kernels {
	rows := []*Kernels{goRow()}
	if m := newModule(); m != nil {
		rows = append(rows, simd128Row(m))
	}
	return rows
}

// simd128Row needs WebAssembly's vectors of 128 bits.
func simd128Row(m *kernelModule) *Kernels {
	k := goRow()
	k.Name, k.Int8 = "simd128", int8SIMD128(m)
	return k
}
