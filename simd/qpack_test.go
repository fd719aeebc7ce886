package simd

import (
	"slices"
	"testing"
)

// Every row packs and pads: what is beyond depth and cols is zero whatever was there.
func TestPack(t *testing.T) {
	eachInt8Row(t, func(t *testing.T, k *Kernels) {
		q := k.Int8
		if q.MR < 1 || q.NR < 1 || q.Group < 1 || q.Width < 1 || q.GEMM == nil {
			t.Fatalf("bad shape %+v", *q)
		}
		const depth = 7
		cols := q.NR - 1
		w := make([]int8, depth*cols)
		for i := range w {
			w[i] = int8(i%254 - 127)
		}
		dst := make([]int8, q.PackedLen(depth))
		for i := range dst {
			dst[i] = 99
		}
		q.Pack(dst, w, 1, depth, depth, cols) // w is (cols, depth)
		nonzero := 0
		for _, v := range dst {
			if v != 0 {
				nonzero++
			}
		}
		want := 0
		for _, v := range w {
			if v != 0 {
				want++
			}
		}
		if nonzero != want {
			t.Errorf("%d weights packed, want %d", nonzero, want)
		}
		if !panics(func() { q.Pack(dst[1:], w, 1, depth, depth, cols) }) || !panics(func() { q.Pack(dst, w, 1, depth, depth, q.NR+1) }) {
			t.Error("no panic about a wrong size")
		}
	})
}

// Both ways that weights may lie, all depths and widths about a group and a tile, and slices that
// end where the block does.
func TestPackLayout(t *testing.T) {
	eachInt8Row(t, func(t *testing.T, k *Kernels) {
		q := k.Int8
		for depth := range 2*q.Group + 2 {
			for cols := 1; cols <= q.NR; cols++ {
				for _, rows := range []bool{true, false} { // w is (depth, cols) or (cols, depth)
					w := make([]int8, depth*cols)
					for i := range w {
						w[i] = int8(i*89%255 - 127)
					}
					dst, want := make([]int8, q.PackedLen(depth)), make([]int8, q.PackedLen(depth))
					for i := range dst {
						dst[i] = 99
					}
					sk, sj := cols, 1
					if !rows {
						sk, sj = 1, depth
					}
					for c := range depth {
						for j := range cols {
							want[c/q.Group*q.Group*q.NR+j*q.Group+c%q.Group] = w[c*sk+j*sj]
						}
					}
					q.Pack(dst, w, sk, sj, depth, cols)
					if !slices.Equal(dst, want) {
						t.Fatalf("depth %d, %d columns, rows %v: %v, want %v", depth, cols, rows, dst, want)
					}
				}
			}
		}
	})
}

func TestIndexMin(t *testing.T) {
	for _, n := range []int{0, 1, 7, 31, 64, 100} {
		w := make([]int8, n)
		for i := range w {
			w[i] = int8(i%255 - 127)
		}
		if at := IndexMin(w); at != -1 {
			t.Errorf("%d weights: found at %d", n, at)
		}
		for i := n - 1; i >= 0; i-- { // the first of them
			if w[i] = -128; IndexMin(w) != i {
				t.Errorf("%d weights: found at %d, want %d", n, IndexMin(w), i)
			}
		}
	}
}

func TestInt8Peak(t *testing.T) {
	eachInt8Row(t, func(t *testing.T, k *Kernels) {
		q := k.Int8
		if one := q.Peak(1); one <= 0 || q.Peak(0) != 0 || q.Peak(-1) != 0 || q.Peak(7) != 7*one {
			t.Errorf("operations of 0, 1, 7 rounds: %d, %d, %d", q.Peak(0), one, q.Peak(7))
		}
	})
}

// TestSmallWeights: every weight in every place decides.
func TestSmallWeights(t *testing.T) {
	for n := range 20 {
		w := make([]int8, n)
		for i := range w {
			w[i] = []int8{63, -64, 0, -1}[i%4]
		}
		if !SmallWeights(w) {
			t.Errorf("%d: not small", w)
		}
		for i, before := range w {
			for v := -128; v <= 127; v++ {
				w[i] = int8(v)
				if got, want := SmallWeights(w), v >= -64 && v <= 63; got != want {
					t.Errorf("%d: %v, want %v", w, got, want)
				}
			}
			w[i] = before
		}
	}
}
