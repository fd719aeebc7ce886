//go:build !purego

package simd

import "github.com/viterin/vek/vek32"

// avx2Row is the scalar row with vek's functions where they are faster.
func avx2Row() *Kernels {
	k := scalarRow()
	k.Name = "avx2"
	k.Add = addVek
	k.Scale = vek32.MulNumber_Inplace
	k.Sum = vek32.Sum
	k.Dot = dotVek
	return k
}

// addVek checks the lengths in our words.
func addVek(dst, x []float32) {
	sameLen(len(dst), len(x))
	vek32.Add_Inplace(dst, x)
}

// dotVek also takes empty slices, which vek refuses.
func dotVek(x, y []float32) float32 {
	sameLen(len(x), len(y))
	if len(x) == 0 {
		return 0
	}
	return vek32.Dot(x, y)
}
