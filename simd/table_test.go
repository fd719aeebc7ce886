package simd

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestFromTable(t *testing.T) {
	rnd := rand.New(rand.NewPCG(27, 0))
	table := make([]uint8, 300)
	for i := range table {
		table[i] = uint8(rnd.Uint32())
	}
	scale := []float32{0.5, 0.01, float32(math.NaN())}
	sums := make([]int32, 3000)
	for i := range sums {
		sums[i] = int32(rnd.IntN(1000) - 500)
	}
	copy(sums, []int32{1, 0, 0, 3, math.MaxInt32, 0, -1, math.MinInt32, 0, 299, 0, 0, -301, 0, 0})
	dst := make([]uint8, len(sums))
	FromTable(dst, sums, scale, table)
	for i, s := range sums {
		v := float64(float32(float64(float32(s)) * float64(scale[i%3])))
		at := 299
		if v == v {
			at = int(math.RoundToEven(max(-150, min(149, v)))) + 150
		}
		if dst[i] != table[at] {
			t.Fatalf("sum %d times %g: entry %d, want %d", s, scale[i%3], dst[i], table[at])
		}
	}
	for name, f := range map[string]func(){
		"lengths":      func() { FromTable(dst[1:], sums, scale, table) },
		"part of rows": func() { FromTable(dst[:4], sums[:4], scale, table) },
		"no table":     func() { FromTable(dst, sums, scale, nil) },
		"odd table":    func() { FromTable(dst, sums, scale, table[1:]) },
		"long table":   func() { FromTable(dst, sums, scale, make([]uint8, 1<<16+2)) },
	} {
		if !panics(f) {
			t.Errorf("%s: no panic", name)
		}
	}
}
