package simd

import (
	"math"
	"math/bits"
	"testing"
)

// Values of the formula, computed by another program.
func TestHash32(t *testing.T) {
	for _, v := range []struct {
		key     [2]uint32
		i, want uint32
	}{
		{[2]uint32{0x0, 0x0}, 0x0, 0x478a1de7},
		{[2]uint32{0x0, 0x0}, 0x1, 0x8f42c422},
		{[2]uint32{0x9e3779b9, 0x1234567}, 0x0, 0xae274e54},
		{[2]uint32{0x9e3779b9, 0x1234567}, 0xffffffff, 0x28dd041},
		{[2]uint32{0xffffffff, 0xdeadbeef}, 0xbc614e, 0xfd5a9fc1},
	} {
		if got := Hash32(v.key, v.i); got != v.want {
			t.Errorf("Hash32(%#x, %#x) = %#x, want %#x", v.key, v.i, got, v.want)
		}
	}
}

// TestDropoutShare: masks keep the share they are asked for, and masks of neighbors, neighboring
// keys included, are independent: counts stay within five standard deviations.
func TestDropoutShare(t *testing.T) {
	const n = 1 << 15
	mask := func(k *Kernels, key [2]uint32, first, keep uint32) []uint32 {
		words, x := make([]uint32, n/32), make([]float32, n)
		k.Dropout(x, x, Dropout{Kept: words, Above: make([]uint32, n/32), Key: key, First: first, Keep: keep, Scale: 1})
		return words
	}
	eachRow(t, func(t *testing.T, k *Kernels) {
		within := func(what string, count int, share float64) {
			t.Helper()
			if sd := math.Sqrt(n * share * (1 - share)); math.Abs(float64(count)-n*share) > 5*sd {
				t.Errorf("%s: %d of %d, want a share of %g", what, count, n, share)
			}
		}
		common := func(a, b []uint32) (count int) {
			for i := range a {
				count += bits.OnesCount32(a[i] & b[i])
			}
			return count
		}
		key := [2]uint32{0x243f6a88, 0x85a308d3}
		for _, share := range []float64{0.1, 0.5, 0.7} {
			keep := uint32(share * (1 << 32))
			a := mask(k, key, 0, keep)
			within("kept", common(a, a), share)
			within("kept with the next", common(a, mask(k, key, 1, keep)), share*share)
			within("kept with the row below", common(a, mask(k, key, 64, keep)), share*share)
			within("kept under the key's neighbor", common(a, mask(k, [2]uint32{key[0] + 1, key[1]}, 0, keep)), share*share)
			within("kept under the next key", common(a, mask(k, [2]uint32{key[0], key[1] + 1}, 0, keep)), share*share)
		}
		for _, w := range mask(k, key, 0, 0) {
			if w != 0 {
				t.Fatal("kept something of nothing")
			}
		}
	})
}
