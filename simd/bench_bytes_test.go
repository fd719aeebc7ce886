package simd

import (
	"math/rand/v2"
	"testing"
)

// BenchmarkBytes takes the same rows and channels, a position of a batch or many positions.
func BenchmarkBytes(b *testing.B) {
	const n = benchRows * benchChannels
	rnd := rand.New(rand.NewPCG(3, 1))
	x, y, dst := make([]int8, n), make([]int8, n), make([]int8, n)
	fillBytes(rnd, false, x)
	fillBytes(rnd, false, y)
	entry := anyTable(rnd)
	table := NewByteTable(&entry)
	sum, product := &ByteSum{A: 1 << 20, B: 1 << 20, Shift: 21}, NewByteProduct(3, -5, 1<<29+12345, 36, 7)
	var a ByteAffine
	for c := range benchChannels {
		a.Weight, a.Bias, a.Slope, a.Shift = append(a.Weight, int32(c<<10)), append(a.Bias, 1<<20), append(a.Slope, 1<<15), append(a.Shift, 17)
	}
	plain := a
	plain.Slope = nil
	sums, squares := make([]int32, benchChannels), make([]int32, benchChannels)
	mean := NewByteMean([]ByteTerm{{0, 9}, {1, 3}, {2, 3}, {3, 1}}, 3, 1<<22+99, 26, -9)
	for _, f := range []struct {
		name string
		n    int
		run  func(k *Bytes)
	}{
		{"Table", n, func(k *Bytes) { k.Table(dst, x, table) }},
		{"Add", n, func(k *Bytes) { k.Add(dst, x, y, sum) }},
		{"Mul", n, func(k *Bytes) { k.Mul(dst, x, y, product) }},
		{"Affine", n, func(k *Bytes) { k.Affine(dst, benchChannels, x, benchChannels, benchRows, plain) }},
		{"Affine leaky", n, func(k *Bytes) { k.Affine(dst, benchChannels, x, benchChannels, benchRows, a) }},
		{"Moments", n, func(k *Bytes) { k.Moments(sums, squares, x, benchChannels, benchRows) }},
		{"Mean of 4", n / 4, func(k *Bytes) { k.Mean(dst[:n/4], x, n/4, mean) }},
	} {
		for _, k := range Variants() {
			b.Run(f.name+"/kernel="+k.Name, func(b *testing.B) {
				for b.Loop() {
					f.run(k.Bytes)
				}
				reportElements(b, f.n)
			})
		}
	}
}
