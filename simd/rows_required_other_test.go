//go:build (!amd64 && !arm64 && !arm) || purego

package simd

func requiredRows() []string { return []string{"go"} }
