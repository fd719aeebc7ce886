//go:build (!amd64 && !arm64) || purego

package simd

func requiredRows() []string { return []string{"go"} }
