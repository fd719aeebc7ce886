//go:build (!amd64 && !arm64 && !arm && !js) || purego

package simd

// archRows returns the rows of this architecture that this machine can run, best last: none in
// assembly.
func archRows() []*Kernels { return []*Kernels{goRow()} }
