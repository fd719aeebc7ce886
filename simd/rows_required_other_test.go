//go:build (!amd64 && !arm64 && !arm && !js) || purego

package simd

func requiredRows() []string { return []string{"go"} }
