package simd

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// Rows cut long work into pieces. These sizes lie beyond any piece, in each direction.

func TestLongSlices(t *testing.T) {
	eachRow(t, func(t *testing.T, k *Kernels) {
		for i := range ops {
			o := &ops[i]
			rnd := rand.New(rand.NewPCG(14, uint64(i)))
			for _, shape := range [][2]int{{1, 40001}, {3, 17003}, {1200, 29}} {
				out, in := o.place(&heap{}, shape[0], shape[1])
				o.fill(rnd, out, in)
				checkModel(t, k, o, testParams, out, in, fmt.Sprintf("%s of %dx%d", o.name, shape[0], shape[1]))
			}
		}
	})
}

func TestLongContractions(t *testing.T) {
	eachRow(t, func(t *testing.T, k *Kernels) {
		rnd := rand.New(rand.NewPCG(15, 0))
		for _, d := range []struct{ depth, taps int }{{20001, 0}, {20001, 1}, {16384, 2}, {3000, 7}, {1, 9001}, {0, 3}} {
			g := newGEMM(rnd, &heap{}, k.NR, 3, k.NR-1, d.depth, d.taps)
			o := newOuter(rnd, &heap{}, k.NR, 3, k.NR-1, d.depth, d.taps)
			wantG, wantO := convert[float32](g.C), convert[float32](o.C)
			gemmModel(model32(k), g, k.NR, tile[float32]{wantG, g.A, g.B, g.Bias, g.Scale})
			outerModel(model32(k), o, tile[float32]{wantO, o.A, o.B, nil, nil})
			k.GEMM(g)
			k.Outer(o)
			if i, ok := sameBits(g.C, wantG, false); !ok {
				t.Errorf("GEMM, K %d, %d taps: C[%d] = %g, want %g", d.depth, d.taps, i, g.C[i], wantG[i])
			}
			if i, ok := sameBits(o.C, wantO, false); !ok {
				t.Errorf("Outer, K %d, %d taps: C[%d] = %g, want %g", d.depth, d.taps, i, o.C[i], wantO[i])
			}
		}
	})
}

func TestLongTransform(t *testing.T) {
	eachRow(t, func(t *testing.T, k *Kernels) {
		const rows, cols, n = 3, 5, 20011
		rnd := rand.New(rand.NewPCG(16, 0))
		dst, src, m := make([]float32, rows*n), make([]float32, cols*n), make([]float32, rows*cols)
		randomize(rnd, dst, src, m)
		want := convert[float32](dst)
		transformModel(model32(k), want, n, src, n, n, m, rows, cols)
		k.Transform(dst, n, src, n, n, m, rows, cols)
		if i, ok := sameBits(dst, want, false); !ok {
			t.Errorf("dst[%d] = %g, want %g", i, dst[i], want[i])
		}
		randomize(rnd, dst)
		k.Transforms(&Transforms{Dst: dst, Src: src, M: m, Rows: rows, Cols: cols, N: n / 29, DS: n, SS: n, Count: 29, DStep: n / 29, SStep: n / 29})
		for j := range rows { // n is not a multiple of 29
			copy(dst[j*n+n/29*29:][:n%29], want[j*n+n/29*29:])
		}
		if i, ok := sameBits(dst, want, false); !ok {
			t.Errorf("Transforms: dst[%d] = %g, want %g", i, dst[i], want[i])
		}
	})
}
