//go:build !purego

package simd

// requiredRows lists the rows that this machine must offer: every host that tests run in has
// vectors.
func requiredRows() []string { return []string{"go", "simd128"} }
