//go:build !purego

package simd

import "github.com/viterin/vek/vek32"

// sumVek: vek returns 0 for no elements.
func sumVek(x []float32) float32 { return vek32.Sum(x) }

// dotVek also takes empty slices, which vek refuses.
func dotVek(x, y []float32) float32 {
	sameLen(len(x), len(y))
	if len(x) == 0 {
		return 0
	}
	return vek32.Dot(x, y)
}
