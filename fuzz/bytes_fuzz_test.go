package fuzz

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gantiny/gantiny/simd"
)

// FuzzByteFunctions: the functions of int8 elements make the same bytes on every row, whatever the
// factors and shifts are for which they are defined.
func FuzzByteFunctions(f *testing.F) {
	f.Add(uint64(1), uint16(64), uint8(3), uint8(21), int32(1<<20), int32(-1<<19), []byte{0x80, 0x7f, 0})
	f.Add(uint64(2), uint16(33), uint8(1), uint8(1), int32(-1<<30), int32(1<<30), []byte{0x80})
	f.Add(uint64(3), uint16(200), uint8(7), uint8(62), int32(1), int32(0), []byte{})
	f.Add(uint64(4), uint16(15), uint8(9), uint8(32), int32(-1<<21), int32(1<<21), []byte{0x7f, 0x80})
	f.Fuzz(func(t *testing.T, seed uint64, size uint16, rows, shift uint8, a, b int32, values []byte) {
		checkByteFunctions(t, seed, int(size%512), int(rows%9), 1+int32(shift)%62, a, b, values)
	})
}

// within returns v cut to a number of at most so many bits in size.
func within(v int32, bits int) int32 { return max(-1<<bits, min(1<<bits, v)) }

func checkByteFunctions(t *testing.T, seed uint64, n, rows int, shift, a, b int32, values []byte) {
	rnd := rand.New(rand.NewPCG(seed, 1))
	some := func(n int) []int8 {
		x := make([]int8, n)
		for i := range x {
			if x[i] = int8(rnd.Uint32()); len(values) > 0 && rnd.IntN(2) == 0 {
				x[i] = int8(values[i%len(values)])
			}
		}
		return x
	}
	x, y := some((rows+1)*n), some((rows+1)*n)
	zero0, zero1, zero := int32(int8(rnd.Uint32())), int32(int8(rnd.Uint32())), int32(int8(rnd.Uint32()))
	table := simd.NewByteTable((*[256]int8)(some(256)))
	sum := &simd.ByteSum{A: within(a, 21), B: within(b, 21), Shift: shift, Zero: zero}
	sum.C = -sum.A*zero0 - sum.B*zero1
	m := int64(within(a, 30))
	if shift < 16 {
		m = m/max(1, m, -m)<<29 + int64(uint32(b)>>4)*min(1, max(-1, m))
	}
	product := simd.NewByteProduct(zero0, zero1, m, int(shift), zero)
	affine := simd.ByteAffine{Zero: zero}
	for range n {
		affine.Weight = append(affine.Weight, within(int32(rnd.Uint32())>>rnd.IntN(20), 22))
		affine.Bias = append(affine.Bias, within(int32(rnd.Uint32())>>rnd.IntN(20), 30))
		affine.Shift = append(affine.Shift, 1+(shift+rnd.Int32N(3))%62)
		if seed%3 > 0 {
			affine.Slope = append(affine.Slope, rnd.Int32N(1<<16+1))
		}
	}
	var terms []simd.ByteTerm
	for range rnd.IntN(12) {
		terms = append(terms, simd.ByteTerm{From: rnd.Int32N(int32(rows + 1)), Weight: int32(rnd.Uint32()) >> (8 + rnd.IntN(24))})
	}
	mean := simd.NewByteMean(terms, zero0, int64(within(b, 23)), int(shift), zero)
	var want [][]int8
	for _, k := range simd.Variants() {
		var got [][]int8
		result := func(f func(dst []int8)) {
			dst := make([]int8, len(x))
			f(dst)
			got = append(got, dst)
		}
		f := k.Bytes
		result(func(dst []int8) { f.Table(dst, x, table) })
		result(func(dst []int8) { f.Add(dst, x, y, sum) })
		result(func(dst []int8) { f.Mul(dst, x, y, product) })
		result(func(dst []int8) { f.Affine(dst, n, x, n, rows, affine) })
		result(func(dst []int8) { f.Mean(dst[:n], x, n, mean) })
		result(func(dst []int8) {
			sums, squares := make([]int32, n), make([]int32, n)
			f.Moments(sums, squares, x, n, rows+1)
			for c := range n {
				dst[c] = int8((sums[c] ^ squares[c]*31) % 127)
			}
		})
		if want == nil {
			want = got
		}
		for i := range got {
			if !slices.Equal(got[i], want[i]) {
				t.Fatalf("%s: function %d makes other bytes than %s", k.Name, i, simd.Variants()[0].Name)
			}
		}
	}
}
