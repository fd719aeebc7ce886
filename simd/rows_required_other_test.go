//go:build !amd64 || purego

package simd

func requiredRows() []string { return nil }
