//go:build !purego

package simd

// requiredRows lists the rows that this machine must offer: a line for each row of archRows.
func requiredRows() []string { return []string{"neon"} }
