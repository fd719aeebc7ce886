package simd

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gantiny/gantiny/internal/alloctest"
)

// newGather lists at most terms elements of a source of size n+1, whose last one is 0, for each
// output.
func newGather(rnd *rand.Rand, outputs, n, terms int) (g *QGather, lists [][]int32) {
	start, list := []int32{0}, []int32(nil)
	for range outputs {
		var l []int32
		for range rnd.IntN(terms + 1) {
			l = append(l, int32(rnd.IntN(n)))
		}
		lists, list = append(lists, l), append(list, l...)
		start = append(start, int32(len(list)))
	}
	return NewQGather(start, list, int32(n)), lists
}

func TestGather(t *testing.T) {
	eachRow(t, func(t *testing.T, k *Kernels) {
		rnd := rand.New(rand.NewPCG(28, 0))
		for where, mem := range memories() {
			for _, outputs := range []int{0, 1, 15, 16, 17, 33, 100} {
				for _, terms := range []int{0, 1, 3, 25} {
					mem.reset()
					const n = 50
					g, lists := newGather(rnd, outputs, n, terms)
					dst, start, src := intsOf(mem, g.Len()), intsOf(mem, g.Len()), intsOf(mem, n+1)
					for _, s := range [][]int32{start, src} {
						for i := range s {
							s[i] = int32(rnd.Uint32()) // sums wrap
						}
					}
					src[n] = 0
					want := gathered(start, src, lists)
					k.Int8.Gather(g, dst, start, src)
					if !slices.Equal(dst, want) {
						t.Fatalf("%d outputs of up to %d terms, %s: %v, want %v", outputs, terms, where, dst, want)
					}
					mem.check(t)
				}
			}
		}
	})
}

// gathered is what Gather must make.
func gathered(start, src []int32, lists [][]int32) []int32 {
	sums := slices.Clone(start)
	for o, l := range lists {
		for _, i := range l {
			sums[o] += src[i]
		}
	}
	return sums
}

// A list so long that a row cuts it.
func TestGatherLong(t *testing.T) {
	eachRow(t, func(t *testing.T, k *Kernels) {
		rnd := rand.New(rand.NewPCG(29, 0))
		const n = 300
		g, lists := newGather(rnd, 9000, n, 40)
		dst, start, src := make([]int32, g.Len()), make([]int32, g.Len()), make([]int32, n+1)
		for i := range n {
			src[i] = int32(rnd.Uint32())
		}
		want := gathered(start, src, lists)
		k.Int8.Gather(g, dst, start, src)
		if !slices.Equal(dst, want) {
			t.Error("wrong sums")
		}
		if a := alloctest.PerRun(func() { k.Int8.Gather(g, dst, start, src) }); a != 0 {
			t.Errorf("%d allocations", a)
		}
	})
}

func TestGatherBounds(t *testing.T) {
	eachRow(t, func(t *testing.T, k *Kernels) {
		g := NewQGather([]int32{0, 2, 3}, []int32{4, 0, 1}, 6)
		dst, start, src := make([]int32, 16), make([]int32, 16), make([]int32, 7)
		k.Int8.Gather(g, dst, start, src)
		for name, f := range map[string]func(){
			"dst":   func() { k.Int8.Gather(g, dst[1:], start, src) },
			"start": func() { k.Int8.Gather(g, dst, start[1:], src) },
			"src":   func() { k.Int8.Gather(g, dst, start, src[1:]) },
			"index": func() { NewQGather([]int32{0, 1}, []int32{-1}, 0) },
		} {
			if !panics(f) {
				t.Errorf("%s: no panic", name)
			}
		}
	})
}
